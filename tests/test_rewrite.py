"""A language model puts a question in other words: what it is told, what it may say, and what happens when it fails.

The model is a web server of our own on this machine that speaks the protocol and says what it is given to say.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from index.errors import SettingsError
from index.folder import Index
from rag.assistant import Assistant
from rag.fuse import agree, highest
from rag.retrieve import DenseRetriever, HybridRetriever
from rag.rewrite import Rewriter, Rewritten

FILES = {
    **{
        f"{i}.txt": f"The pier {word}\n\nThe keeper of the {word} harbour says that work on the pier goes on.\n"
        for i, word in enumerate(["amber", "basil", "cedar", "dune", "ember", "fern"])
    },
    "az.txt": "Gözətçi evdə\n\nLimanın gözətçisi deyir ki, körpüdə iş davam edir, amma özü evə qayıdıb.\n",
    "ru.txt": "Смотритель дома\n\nСмотритель гавани говорит, что работа на пирсе идёт, а сам ушёл домой.\n",
}
QUESTION = "who is the keeper of the harbour pier?"
AZ, RU = "the keeper of the pier, limanın gözətçisi kimdir?", "the keeper of the pier, кто смотритель гавани?"
WORDS = {"az": AZ, "en": QUESTION, "ru": RU}


def said(content: object) -> bytes:
    text = content if isinstance(content, str) else json.dumps(content)
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


@dataclass
class Model:
    """What the server is to say, one reply a request, the last one for ever, and what it was asked."""

    url: str
    replies: list[tuple[int, bytes]] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    silent: threading.Event = field(default_factory=threading.Event)  # set: it may say nothing until it is cleared
    released: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # whoever asked by way of it would reach nobody
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            model.seen.append({"path": self.path, **json.loads(body)})
            model.keys.append(self.headers.get("Authorization", ""))
            if model.silent.is_set():
                model.released.wait(60)
                return
            status, reply = model.replies.pop(0) if len(model.replies) > 1 else model.replies[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    model = Model(f"http://127.0.0.1:{server.server_port}/v1")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield model
    model.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def index(make_index: Callable[..., Index]) -> Index:
    return make_index(FILES)


def rewrite(model: Model, question: str = QUESTION, *, earlier: tuple[str, ...] = (), seconds: float = 30) -> Rewritten:
    rewriter = Rewriter(model.url, "m", seconds=seconds)
    return rewriter.rewrite(question, earlier=earlier, languages=["az", "en", "ru"])


# What the model is told


def test_the_request(model: Model) -> None:
    model.replies = [(200, said(WORDS))]
    assert rewrite(model) == Rewritten(QUESTION, (AZ, RU))
    (request,) = model.seen
    assert (request["path"], request["model"], request["temperature"]) == ("/v1/chat/completions", "m", 0)
    assert request["response_format"]["type"] == "json_schema"
    assert request["response_format"]["json_schema"]["strict"] is True
    assert request["response_format"]["json_schema"]["schema"] == {
        "type": "object",
        "properties": {"az": {"type": "string"}, "en": {"type": "string"}, "ru": {"type": "string"}},
        "required": ["az", "en", "ru"],
        "additionalProperties": False,
    }
    assert request["messages"][1] == {"role": "user", "content": f"Question: {QUESTION}"}
    assert model.keys == [""]


def test_a_question_after_others_is_made_to_stand_alone(model: Model) -> None:
    model.replies = [(200, said({"question": "who keeps the pier now?", **WORDS, "en": "who keeps the pier now?"}))]
    assert rewrite(model, "and now?", earlier=(QUESTION, "since when?")) == Rewritten(
        "who keeps the pier now?", ("and now?", AZ, RU)
    )
    (request,) = model.seen
    assert request["messages"][1]["content"] == (
        f"Earlier question: {QUESTION}\nEarlier question: since when?\nQuestion: and now?"
    )
    assert request["response_format"]["json_schema"]["schema"]["required"] == ["question", "az", "en", "ru"]


def test_the_key_goes_into_the_header_and_nowhere_else(model: Model) -> None:
    model.replies = [(401, b"no")]
    found = Rewriter(model.url, "m", "s3cret").rewrite(QUESTION, earlier=[], languages=["az"])
    assert model.keys == ["Bearer s3cret"]
    assert "s3cret" not in found.problem + json.dumps(model.seen)


def test_no_word_of_a_document_is_sent(model: Model, index: Index) -> None:
    model.replies = [(200, said({"question": QUESTION, **WORDS}))]
    assistant = Assistant(index, rewriter=Rewriter(model.url, "m"))
    assistant.ask("who is it?", earlier=["the first one?"])
    sent = json.dumps(model.seen, ensure_ascii=False)
    assert "who is it?" in sent
    assert not any(word in sent for word in ("amber", "gözətçisi", "Смотритель", "goes on"))


# What it may say


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("Sure! Here it is:", "the model wrote no JSON but 'Sure! Here it is:'; use a larger model"),
        ("", "the model wrote no JSON but ''; use"),
        ('{"az": "kim', "the model wrote no JSON but"),
        ([1, 2], "the model wrote list in place of az, en, ru; use"),
        ({}, "the model wrote nothing in place of az, en, ru; use"),
        ({"az": AZ, "en": QUESTION}, "the model wrote az, en in place of az, en, ru; use"),
        ({**WORDS, "note": "x"}, "the model wrote az, en, ru, note in place of az, en, ru; use"),
        ({**WORDS, "ru": 7}, "the model wrote no text of 1 to 500 characters as 'ru'; use"),
        ({**WORDS, "ru": " "}, "the model wrote no text of 1 to 500 characters as 'ru'; use"),
        ({**WORDS, "ru": "о" * 501}, "the model wrote no text of 1 to 500 characters as 'ru'; use"),
    ],
)
def test_what_was_not_asked_for_is_not_used_and_that_is_said(model: Model, content: object, problem: str) -> None:
    model.replies = [(200, said(content))]
    found = rewrite(model)
    assert (found.question, found.others) == (QUESTION, ())
    assert found.problem.startswith(f"searched as asked: {problem}")
    assert len(model.seen) == 1


@pytest.mark.parametrize(
    "reply", [b"<html>", b"{}", b'{"choices": []}', b'{"choices": [{"message": {"content": null}}]}']
)
def test_a_reply_that_is_no_chat_completion(model: Model, reply: bytes) -> None:
    model.replies = [(200, reply)]
    assert rewrite(model).problem.startswith("searched as asked: the server's reply ")


# When it fails


@pytest.mark.parametrize(
    ("status", "problem", "tries"),
    [
        (400, "refused (HTTP 400: bad words); use a server that takes chat completions with a JSON schema", 1),
        (401, "does not accept the key (HTTP 401); set DRAGOMAN_LLM_KEY to one that it does", 1),
        (404, "has no chat completions, or no model 'm' (HTTP 404); correct DRAGOMAN_LLM_URL", 1),
        (307, "refused (HTTP 307", 1),
        (429, "has had too many requests (HTTP 429); wait", 2),
        (500, "failed (HTTP 500); look at its log", 2),
    ],
)
def test_refusals(model: Model, status: int, problem: str, tries: int) -> None:
    model.replies = [(status, b"bad\n words")]
    assert rewrite(model).problem.startswith(f"searched as asked: {model.url} {problem}")
    assert len(model.seen) == tries


def test_it_is_asked_once_more(model: Model) -> None:
    model.replies = [(503, b"loading"), (200, said(WORDS))]
    assert rewrite(model) == Rewritten(QUESTION, (AZ, RU))


def test_a_server_that_says_nothing(model: Model) -> None:
    model.silent.set()
    found = rewrite(model, seconds=0.2)
    assert found.problem == (
        f"searched as asked: {model.url} gave no reply in 0.2 s; use a smaller model or a faster machine"
    )
    assert len(model.seen) == 2


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    found = Rewriter(url, "m").rewrite(QUESTION, earlier=[], languages=["az"])
    assert found.question == QUESTION
    assert found.problem.startswith(f"searched as asked: {url} cannot be reached (")
    assert found.problem.endswith("; start the server, or correct DRAGOMAN_LLM_URL")


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://host/v1", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(SettingsError, match="want an address such as http://127"):
        Rewriter(url, "m")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "MODEL", "KEY"):
        monkeypatch.delenv(f"DRAGOMAN_LLM_{name}", raising=False)
    with pytest.raises(SettingsError, match="set DRAGOMAN_LLM_URL and DRAGOMAN_LLM_MODEL, such as"):
        Rewriter.from_environment()
    monkeypatch.setenv("DRAGOMAN_LLM_URL", "http://127.0.0.1:1/v1")
    with pytest.raises(SettingsError, match="set DRAGOMAN_LLM_MODEL, such as"):
        Rewriter.from_environment()
    monkeypatch.setenv("DRAGOMAN_LLM_MODEL", "m")
    assert Rewriter.from_environment() == Rewriter("http://127.0.0.1:1/v1", "m", "")


# What is found


def test_a_passage_gets_its_best_score_by_any_wording_that_agrees(model: Model, index: Index) -> None:
    model.replies = [(200, said({**WORDS, "ru": "zzz"}))]
    told: list[str] = []
    assistant = Assistant(index, rewriter=Rewriter(model.url, "m"), report=told.append)
    hits = assistant.search(QUESTION, k=8)
    own, other = (HybridRetriever(index).rank(each, k=100).scores for each in (QUESTION, AZ))
    assert agree(own, other)
    keys = index.catalog.passage_keys([hit.passage.id for hit in hits])
    wanted = highest([own, other])
    assert {keys[hit.passage.id]: hit.score for hit in hits} == {key: wanted[key] for key in keys.values()}
    assert max(own.values()) < max(other.values())
    assert told == []


def test_a_wording_that_finds_something_else_is_left_out(make_index: Callable[..., Index], model: Model) -> None:
    orchard = {
        f"o{i}.txt": f"Apples {word}\n\nApples of the orchard in {word} valley ripen early, says a gardener.\n"
        for i, word in enumerate("abcdefghijkl")
    }
    index = make_index(FILES | orchard)
    model.replies = [(200, said({**WORDS, "ru": "apples of the orchard that ripen early"}))]
    assistant = Assistant(index, rewriter=Rewriter(model.url, "m"))
    document = assistant.explain(QUESTION, k=8).to_document()
    assert (document["others"], document["left_out"]) == ([AZ], ["apples of the orchard that ripen early"])
    assert (document["meant"], document["problem"]) == (QUESTION, "")
    (az,) = [hit for hit in document["hits"] if hit["source"] == "az.txt"]
    assert {"gözətçisi", "limanın"} <= {part["asked"] for part in az["terms"]}
    own, other = (HybridRetriever(index).rank(each, k=100).scores for each in (QUESTION, AZ))
    found = HybridRetriever(index, others=(AZ, "apples of the orchard that ripen early")).rank(QUESTION, k=100).scores
    assert found == highest([own, other])


def test_failing_is_said_and_costs_nothing(model: Model, index: Index) -> None:
    model.replies = [(401, b"")]
    told: list[str] = []
    assistant = Assistant(index, rewriter=Rewriter(model.url, "m"), report=told.append)
    assert assistant.search(QUESTION) == Assistant(index).search(QUESTION)
    explanation = assistant.explain(QUESTION)
    assert told == [explanation.problem]
    assert "does not accept the key" in explanation.problem
    assert len(model.seen) == 1  # an explanation is of what was asked, not of another try
    assistant.ask(QUESTION)
    assert len(model.seen) == 2


def test_only_languages_that_are_looked_in_are_asked_for(model: Model, index: Index) -> None:
    model.replies = [(200, said({"az": AZ}))]
    Assistant(index, rewriter=Rewriter(model.url, "m")).search(QUESTION, languages=["az"])
    assert model.seen[0]["response_format"]["json_schema"]["schema"]["required"] == ["az"]


def test_what_is_understood_is_said_and_searched(model: Model, index: Index) -> None:
    model.replies = [(200, said({"question": QUESTION, **WORDS}))]
    told: list[str] = []
    assistant = Assistant(index, rewriter=Rewriter(model.url, "m"), report=told.append)
    explanation = assistant.explain("and who is it?", earlier=["what of the pier?"])
    assert told == [f"understood as: {QUESTION}"]
    assert (explanation.question, explanation.meant) == ("and who is it?", QUESTION)


def test_when_the_model_fails_earlier_questions_are_understood_without_it(model: Model, index: Index) -> None:
    model.replies = [(400, b"no")]
    told: list[str] = []
    assistant = Assistant(index, rewriter=Rewriter(model.url, "m"), report=told.append)
    explanation = assistant.explain("and when?", earlier=["Who closed the old pier?"])
    assert explanation.meant == "closed the old pier — and when?"
    assert told[0].startswith("searched as asked: ")
    assert told[1:] == ["understood as: closed the old pier — and when?"]


def test_wordings_need_the_full_retriever(model: Model, index: Index) -> None:
    model.replies = [(200, said(WORDS))]
    assistant = Assistant(index, retriever=DenseRetriever(index), rewriter=Rewriter(model.url, "m"))
    with pytest.raises(SettingsError, match="DenseRetriever cannot search several wordings"):
        assistant.search(QUESTION)


def test_the_command(dragoman: Callable, index: Index, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "MODEL", "KEY"):
        monkeypatch.delenv(f"DRAGOMAN_LLM_{name}", raising=False)
    done = dragoman("ask", "--index", index.folder, "--rewrite", QUESTION)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--rewrite needs a language model: set DRAGOMAN_LLM_URL and DRAGOMAN_LLM_MODEL" in done.stderr
    monkeypatch.setenv("DRAGOMAN_LLM_URL", model.url)
    monkeypatch.setenv("DRAGOMAN_LLM_MODEL", "m")
    model.replies = [(200, said({"question": QUESTION, **WORDS}))]
    asked = [
        "search",
        "--explain",
        "--index",
        index.folder,
        "--rewrite",
        "--earlier",
        "what of the pier?",
        "who is it?",
    ]
    done = dragoman(*asked)
    assert (done.returncode, done.stderr) == (0, f"dragoman: understood as: {QUESTION}\n")
    assert done.stdout.startswith(f"searched for: {QUESTION} (from: who is it?)\n")
    assert f"\nand for: {AZ}\n" in done.stdout
