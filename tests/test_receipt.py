"""What is kept of a reply: it names all that was searched, it is proved again, and asking again says the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from index.catalog import Extent
from index.embed import Embedder
from index.errors import DataSetError
from index.folder import Filters, Index
from index.ingest import ingest
from rag.abstain import CALIBRATION, Calibration
from rag.assistant import Assistant
from rag.receipt import Receipt
from rag.replay import replay
from rag.reply import Abstention, Answer, Reply
from rag.verify import load_citations, verify

ALWAYS, NEVER = replace(CALIBRATION, threshold=0.0), replace(CALIBRATION, threshold=2.0)
FILES: dict[str, str | bytes] = {
    "harbour.txt": "The lamp is mended\n5 May 2024\nThe harbour lamp was mended by *Leyla* on Monday. [1] It burns.\n",
    "bridge.txt": "The bridge is shut\n7 June 2024\nThe old bridge was shut because its piers had sunk into the mud.\n",
}
QUESTION = "who mended the harbour lamp?"


@pytest.fixture
def index(make_index: Callable[..., Index]) -> Index:
    return make_index(FILES)


def asked(index: Index, question: str = QUESTION, calibration=ALWAYS, **wishes) -> Reply:
    return Assistant(index, calibration=calibration).ask(question, **wishes)


def saved(reply: Reply, tmp_path: Path) -> Path:
    location = tmp_path / "reply.json"
    location.write_text(reply.to_json(), encoding="utf-8")
    return location


def test_it_says_what_was_searched(index: Index) -> None:
    reply = asked(index, languages=["en"], since="2024-05-01", until="2024-05-31", today="2024-07-01")
    assert isinstance(reply, Answer)
    told = reply.receipt().to_document()["searched"]
    assert (told["meant"], told["languages"], told["since"], told["until"], told["today"]) == (
        QUESTION, ["en"], "2024-05-01", "2024-05-31", "2024-07-01"
    )  # fmt: skip
    assert told["extent"] == {"articles": 1, "languages": ("en",), "first": "2024-05-05", "last": "2024-05-05"}
    assert told["sequence"] == index.catalog.sequence
    assert told["embedder"]["name"] == index.catalog.built_with.embedder.name
    assert told["threshold"] == 0.0


def test_how_much_the_filters_leave(index: Index) -> None:
    assert index.extent(Filters()) == Extent(2, ("en",), "2024-05-05", "2024-06-07")
    assert index.extent(Filters(since="2024-06-01")) == Extent(1, ("en",), "2024-06-07", "2024-06-07")
    assert index.extent(Filters(sources=frozenset({"harbour.txt"}))) == Extent(1, ("en",), "2024-05-05", "2024-05-05")
    assert index.extent(Filters(languages=frozenset({"az"}))) == Extent(0, (), "", "")


def test_footnotes_hold_the_quotes_and_nothing_in_them_is_markup(index: Index) -> None:
    reply = asked(index)
    assert isinstance(reply, Answer)
    text = reply.receipt().to_markdown()
    cited = [citation for statement in reply.statements for citation in statement.citations]
    for number, citation in enumerate(cited, start=1):
        [note] = [line for line in text.splitlines() if line.startswith(f"[^{number}]: ")]
        assert citation.sha256 in note and f"{citation.start}\\-{citation.end}" in note
    assert r"by \*Leyla\* on Monday" in text
    assert "*Leyla*" not in text.replace(r"\*Leyla\*", "")
    assert r"2 articles, 2024\-05\-05 to 2024\-06\-07, en" in text


@pytest.mark.parametrize("calibration", [ALWAYS, replace(ALWAYS, threshold=2.0)], ids=["answer", "abstention"])
def test_a_plain_text_has_the_same_without_what_only_a_check_needs(index: Index, calibration: Calibration) -> None:
    receipt = asked(index, calibration=calibration).receipt()
    plain, whole = receipt.to_markdown(is_plain=True), receipt.to_markdown()
    for detail in ("SHA", "robability", "Weights", "Models", "batch", "asked for", "Considered"):
        assert detail not in plain
    assert "Probability that the documents answer" in whole
    shared = [line for line in plain.splitlines() if not line.startswith(("[^", "The closest", "Nothing"))]
    assert set(shared) <= set(whole.splitlines())
    assert r"harbour\.txt" in plain


def test_an_abstention_has_a_receipt(index: Index) -> None:
    reply = asked(index, calibration=NEVER)
    assert isinstance(reply, Abstention)
    text = reply.receipt().to_markdown()
    assert "The documents do not tell." in text and r"harbour\.txt:" in text and "[^1]" not in text


def test_what_is_kept_can_be_verified(index: Index, tmp_path: Path) -> None:
    reply = asked(index)
    citations, folder = load_citations(saved(reply, tmp_path))
    assert folder == str(index.folder.resolve())
    assert [citation.quote for citation in citations] == [
        citation.quote for statement in reply.statements for citation in statement.citations
    ]
    assert [verdict.problem for verdict in verify(citations, index.catalog.location_of)] == [""] * len(citations)


@pytest.mark.parametrize("calibration", [ALWAYS, NEVER])
def test_the_same_index_says_the_same_again(index: Index, tmp_path: Path, calibration) -> None:
    wishes = {"today": "2024-07-01", "recent": True, "earlier": ["was the lamp on the bridge mended?"]}
    location = saved(asked(index, "and by whom?", calibration=calibration, **wishes), tmp_path)
    assert replay(location, Assistant(index, calibration=calibration)) == []


def test_what_is_answered_otherwise_is_told(index: Index, tmp_path: Path, hashing: Embedder) -> None:
    location = saved(asked(index), tmp_path)
    (tmp_path / "docs" / "harbour.txt").write_text(
        "The lamp is mended\n5 May 2024\nThe harbour lamp was mended by Kamran on Tuesday, said the mayor.\n"
    )
    before = index.catalog.sequence
    assert ingest([tmp_path / "docs"], index.folder, embedder=hashing).failures == []
    with Index.open(index.folder) as now:
        now.use_embedder(hashing)
        found = replay(location, Assistant(now, calibration=ALWAYS))
        after = now.catalog.sequence
    assert found[0] == f"the index has changed: its last batch was {before} then, it is {after} now"
    assert any(each.startswith("statement 1: ") and "Kamran" in each.split(" then, ")[1] for each in found)


def test_a_decision_that_is_another_is_told(index: Index, tmp_path: Path) -> None:
    found = replay(saved(asked(index), tmp_path), Assistant(index, calibration=NEVER))
    assert found[0] == "then: answer; now: abstention"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rewriter": "any"}, "a language model took part"),
        ({"reranker": "someone/model"}, "a cross-encoder took part"),
    ],
)
def test_no_model_is_run_because_a_file_names_it(index: Index, tmp_path: Path, changes: dict, problem: str) -> None:
    document = asked(index).receipt().to_document()
    document["searched"] |= changes
    location = tmp_path / "reply.json"
    location.write_text(json.dumps(document))
    with pytest.raises(DataSetError, match=problem):
        replay(location, Assistant(index))


def test_a_reply_that_does_not_say_how_it_was_searched_for(index: Index, tmp_path: Path) -> None:
    document = asked(index).receipt().to_document()
    del document["searched"]
    location = tmp_path / "reply.json"
    location.write_text(json.dumps(document))
    with pytest.raises(DataSetError, match="cannot be asked again; save it with `dragoman ask --json`"):
        replay(location, Assistant(index))


def test_the_commands(sample_index: Path, tmp_path: Path, dragoman: Callable) -> None:
    question = "why did Armenia skip the Moscow meeting?"
    done = dragoman("ask", "--index", sample_index, "--receipt", tmp_path / "r.md", question)
    assert done.returncode == 0
    assert (tmp_path / "r.md").read_text(encoding="utf-8").startswith(f"## {question.replace('?', '')}")
    assert dragoman("ask", "--index", sample_index, "--receipt", tmp_path / "r.json", question).returncode == 0
    done = dragoman("verify", tmp_path / "r.json", "--replay")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "asked again, it is answered the same")
    document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    document["statements"] = []
    (tmp_path / "r.json").write_text(json.dumps(document), encoding="utf-8")
    done = dragoman("verify", tmp_path / "r.json", "--replay")
    assert done.returncode == 1
    assert "otherwise: statement 1: nothing then, " in done.stdout
    done = dragoman("ask", "--index", sample_index, "--receipt", tmp_path / "no" / "r.md", question)
    assert done.returncode == 2 and "name a file that can be written" in done.stderr


def test_a_receipt_is_of_the_reply(index: Index) -> None:
    reply = asked(index)
    assert reply.receipt() == Receipt(reply)
    assert json.loads(reply.to_json()) == json.loads(json.dumps(reply.receipt().to_document()))
