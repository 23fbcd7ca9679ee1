"""The README's commands and code do what it says, with the output that it shows."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from index.e5 import packaged_weights
from index.read import readable_types
from ui.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)

needs_model = pytest.mark.skipif(packaged_weights() is None, reason="the default model has no package here")


def run(*arguments: str) -> tuple[int, str]:
    """The exit code and standard output of the command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main(arguments)
    return code, out.getvalue()


@pytest.fixture(scope="module")
def sample_index(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("readme") / "demo.index")
    code, _ = run("ingest", str(ROOT / "eval" / "sample" / "corpus"), "--index", folder)
    assert code == 0
    return folder


def test_make_demo_runs_the_commands_that_the_readme_shows() -> None:
    shown = re.findall(r'^\$ dragoman ask (".*?")$', README, re.MULTILINE)
    made = re.findall(r"@\$\(BIN\)/dragoman ask --index \$\(DEMO_INDEX\) (\".*?\")$", MAKEFILE, re.MULTILINE)
    assert made == shown
    assert len(made) == 2
    assert "dragoman ingest eval/sample/corpus --index $(DEMO_INDEX)" in MAKEFILE


@needs_model
def test_the_output_shown_is_the_output_made(sample_index: str) -> None:
    demo = next(block for kind, block in BLOCKS if kind == "console" and "chess" in block)
    commands = re.split(r"^\$ dragoman ", demo, flags=re.MULTILINE)[1:]
    assert len(commands) == 2
    for command in commands:
        line, _, shown = command.partition("\n")
        verb, *arguments = shlex.split(line)
        code, made = run(verb, "--index", sample_index, *arguments)
        assert code == 0
        assert made.strip() == shown.strip()


def test_the_cleaning_shown_is_the_cleaning_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = next(block for kind, block in BLOCKS if kind == "console" and "--cleaning" in block)
    monkeypatch.chdir(tmp_path)
    steps = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    *files, (command, _, shown) = (step.partition("\n") for step in steps)
    assert [line for line, _, _ in files] == ["cat lamp.txt", "cat rules.toml"]
    for line, _, content in files:
        Path(line.removeprefix("cat ")).write_text(content, encoding="utf-8")
    code, made = run(*shlex.split(command)[1:])
    assert code == 0
    assert made.strip() == shown.strip()


def test_every_type_of_file_is_in_the_table() -> None:
    rows = re.findall(r"^\| (`\..*?) \|", README, re.MULTILINE)
    assert sorted(re.findall(r"`(\.[a-z.]+)`", " ".join(rows))) == readable_types()


@needs_model
def test_the_python_example_runs_as_shown(
    sample_index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "news.index").symlink_to(sample_index)
    monkeypatch.chdir(tmp_path)
    example = next(block for kind, block in BLOCKS if kind == "python")
    exec(compile(example, "README.md", "exec"), {})
    quote = "Ermənistan Moskvadakı görüşə ona görə getmədi ki"
    assert capsys.readouterr().out.startswith(quote)


def test_every_command_in_the_table_exists() -> None:
    commands = set(re.findall(r"^\| `dragoman (\w+)", README, re.MULTILINE))
    asking = {"ask", "search", "serve", "user", "mcp", "feedback"}
    keeping = {"ingest", "sources", "show", "index", "export", "import", "plan"}
    assert commands == asking | keeping | {"verify", "eval"}
    for command in commands:
        with pytest.raises(SystemExit) as stop:
            run(command, "--help")
        assert stop.value.code == 0


def test_the_test_command_is_what_ci_runs() -> None:
    assert "$ make test\n" in README
    assert re.search(r"^make test$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
