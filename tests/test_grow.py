"""A question file that grows: what is written is read back, checked and measured."""

from __future__ import annotations

import io
import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.check import check_set
from eval.gold import normal
from eval.grow import (
    answered_by,
    append_question,
    check_new,
    find_quote,
    not_in_documents,
    offered,
    question_to_json,
)
from eval.sets import GoldQuestion, GoldSpan, gold_question, load_answer_set
from index.errors import DataSetError
from index.escapes import view
from index.folder import Index
from index.language import LANGUAGES
from index.values import Span
from rag import Abstention, Answer, Assistant
from ui.cli import main

LIGHTHOUSE = "The lighthouse of Sahilkend was painted white by its keeper in the spring of last year."
SHARED = "Nobody in the harbour of Sahilkend has asked for a new coat of paint since that day."
TRAIN = "The night train to Narlidere has sleeping cars and no restaurant because of a fire rule."
DOCUMENTS: dict[str, str | bytes] = {
    "harbour/a.txt": f"The keeper and his paint\n\n{LIGHTHOUSE} {SHARED}\n",
    "b.jsonl": json.dumps({"title": "Said", "text": f'The keeper said: "I paint what I like, ə."\n{SHARED}'}) + "\n",
    "c.txt": f"By night to Narlidere\n\n{TRAIN} Passengers bring tea in a flask and share it at the stops.\n",
}
QUESTION = "who painted the lighthouse of Sahilkend white?"


@pytest.fixture
def index(make_index: Callable[..., Index], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    monkeypatch.setenv("DRAGOMAN_CACHE", str(tmp_path / "cache"))
    return make_index(DOCUMENTS)


def test_what_is_offered_stands_where_it_says_and_is_offered_once(index: Index) -> None:
    draft = Assistant(index).draft(QUESTION)
    assert isinstance(draft, Answer)
    quotes = offered(draft, index.catalog)
    said = [normal(statement.text) for statement in draft.statements]
    assert [quote.text for quote in quotes[: len(said)]] == said
    assert len({quote.text for quote in quotes}) == len(quotes)
    for quote in quotes:
        assert quote.places
        for place in quote.places:
            source = index.source(place.source)
            assert normal(view(source.text, place.span, source.spelling).text) == quote.text
    [shared] = [quote for quote in quotes if quote.text == SHARED]
    assert {place.source for place in shared.places} == {"harbour/a.txt", "b.jsonl"}
    assert 'The keeper said: "I paint what I like, ə."' in [quote.text for quote in quotes]
    assert offered(Assistant(index).draft(QUESTION), index.catalog) == quotes


def test_a_declined_question_is_offered_sentences_too(index: Index) -> None:
    draft = Assistant(index).draft(QUESTION)
    declined = Abstention(draft.question, "", draft.evidence, 0.1, draft.searched)
    texts = {quote.text for quote in offered(draft, index.catalog)}
    assert {quote.text for quote in offered(declined, index.catalog)} == texts


def test_every_verdict_is_checked_loaded_and_located(index: Index, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    evidence = Assistant(index).draft(QUESTION).evidence
    everywhere = find_quote(f" {SHARED.replace(' ', chr(10), 1)}", index.catalog)
    assert {place.source for place in everywhere.places} == {"harbour/a.txt", "b.jsonl"}
    two_files = [find_quote(LIGHTHOUSE, index.catalog), find_quote(TRAIN, index.catalog)]
    escaped = find_quote('"I paint what I like, ə."', index.catalog)
    append_question(answered_by(QUESTION, [everywhere]), file)
    append_question(answered_by("what is white or dines?", two_files, lang="en", reference="Both."), file)
    append_question(answered_by("nə dedi gözətçi?", [escaped], lang="az", id_="said"), file)
    append_question(not_in_documents("who won the chess olympiad?", evidence), file)
    append_question(not_in_documents("and who lost it?", (), lang="en"), file)
    assert check_set(file, tmp_path / "docs") == []
    loaded = load_answer_set(file, corpus=tmp_path / "docs").questions
    assert [question.id for question in loaded] == ["q1", "q2", "said", "q4", "q5"]
    assert [question.source for question in loaded[:3]] == ["b.jsonl", "", "b.jsonl"]
    assert loaded[1].gold == (LIGHTHOUSE, TRAIN)
    assert (loaded[1].reference, loaded[2].lang) == ("Both.", "az")
    assert [question.answerable for question in loaded] == [True, True, True, False, False]
    assert [question.source for question in loaded[3:]] == [evidence[0].passage.source_path, ""]


def test_quotes_that_are_none_are_refused(make_index: Callable[..., Index]) -> None:
    many = "".join(f"Notice {i}\n\nThe pier is closed today, and number {i} tells why it is so.\n\n" for i in range(30))
    index = make_index({"a.txt": f"{LIGHTHOUSE} {SHARED}\n", "many.txt": many})
    with pytest.raises(DataSetError, match="'The lighthouse was red' stands in no document of the index"):
        find_quote("The lighthouse was red", index.catalog)
    with pytest.raises(DataSetError, match="stands in 30 places; quote more"):
        find_quote("The pier is closed today", index.catalog)
    with pytest.raises(DataSetError, match="empty"):
        find_quote(" \n", index.catalog)
    with pytest.raises(DataSetError, match="no quote is chosen"):
        answered_by(QUESTION, [])
    with pytest.raises(DataSetError, match="language of '\\?\\?' cannot be told"):
        not_in_documents("??", ())


def test_duplicates_are_refused_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    append_question(not_in_documents("Who painted it?", (), lang="en", id_="one"), file)
    before = file.read_bytes()
    with pytest.raises(DataSetError, match=r"mine\.jsonl:1: the same question stands there, as 'one'"):
        append_question(not_in_documents("who PAINTED  it", (), lang="en"), file)
    with pytest.raises(DataSetError, match=r"mine\.jsonl:1: the id 'one' is taken there"):
        append_question(not_in_documents("Who saw it?", (), lang="en", id_="one"), file)
    with pytest.raises(DataSetError, match=r'"lang" is \'xx\''):
        append_question(not_in_documents("Who saw it?", (), lang="xx"), file)
    with pytest.raises(DataSetError, match="half a character"):
        append_question(not_in_documents("Who saw \udc80?", (), lang="en"), file)
    with pytest.raises(DataSetError, match="its folder is not there"):
        check_new("Who saw it?", tmp_path / "nowhere" / "mine.jsonl")
    with pytest.raises(DataSetError, match="a folder; name a file"):
        check_new("Who saw it?", tmp_path)
    assert file.read_bytes() == before


def test_a_broken_file_is_named_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_bytes(b'{"id": "half')
    with pytest.raises(DataSetError, match=r"mine\.jsonl:1: not JSON"):
        append_question(not_in_documents("Who saw it?", (), lang="en"), file)
    assert file.read_bytes() == b'{"id": "half'


def test_a_file_without_a_last_newline_and_with_lines_of_others_is_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    row = {"id": "q2", "lang": "en", "question": "Who saw it?", "gold": [], "answerable": False, "note": "by hand"}
    written = (
        b"\xef\xbb\xbf"
        + json.dumps(row).encode()
        + b"\r\n\r\n"
        + json.dumps({**row, "id": "x", "question": "?!"}).encode()
    )
    file.write_bytes(written)
    added = append_question(not_in_documents("Who heard it?", (), lang="en"), file)
    assert added.id == "q3"
    head, _, last = file.read_bytes().rpartition(b"\n{")
    assert head == written
    assert gold_question("", json.loads(b"{" + last)) == added


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
spans = st.builds(
    lambda source, start, length: GoldSpan(source, Span(start, start + length)),
    texts,
    st.integers(0, 10**6),
    st.integers(1, 500),
)


@given(
    st.builds(
        GoldQuestion,
        id=texts,
        lang=st.sampled_from(LANGUAGES),
        doc_lang=st.sampled_from(["", *LANGUAGES]),
        source=st.just("") | texts,
        question=texts,
        gold=st.lists(texts).map(tuple),
        answerable=st.booleans(),
        spans=st.lists(spans).map(tuple),
        reference=st.just("") | texts,
    ).filter(lambda question: question.answerable == bool(question.gold or question.spans))
)
def test_every_row_is_read_back_as_it_was(question: GoldQuestion) -> None:
    line = json.dumps(question_to_json(question), ensure_ascii=False).encode()
    assert b"\n" not in line
    assert gold_question("", json.loads(line)) == question


def _add_many(file: Path, name: str) -> None:
    for number in range(10):
        append_question(not_in_documents(f"Who is {name} of {number}?", (), lang="en"), file)


def test_those_who_add_at_once_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "docs").mkdir()
    file = tmp_path / "mine.jsonl"
    processes = [multiprocessing.Process(target=_add_many, args=(file, name)) for name in ("ann", "bob", "cem")]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    loaded = load_answer_set(file, corpus=tmp_path / "docs").questions
    assert [question.id for question in loaded] == [f"q{number}" for number in range(1, 31)]


# --- the command


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def add(index: Index, tmp_path: Path) -> Callable[..., int]:
    def add(*options: str, question: str = QUESTION) -> int:
        return main(
            ["eval", "add", question, "--to", str(tmp_path / "mine.jsonl"), "--index", str(index.folder), *options]
        )

    return add


def rows(tmp_path: Path) -> list[dict]:
    file = tmp_path / "mine.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def test_what_was_found_is_listed_and_a_number_picks_it(
    add: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert add("--json") == 1
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["added"] is None
    assert "--pick 1,3 or --quote WORDS, or --not-in-documents" in shown.err
    assert rows(tmp_path) == []
    assert add() == 1
    listed = capsys.readouterr().out
    [number] = [row["number"] for row in document["offered"] if row["quote"] == LIGHTHOUSE]
    assert f"{number:>3}  {LIGHTHOUSE}\n     harbour/a.txt:26-" in listed
    assert add("--pick", str(number), "--reference", "Its keeper.") == 0
    start = str(DOCUMENTS["harbour/a.txt"]).index(LIGHTHOUSE)
    assert rows(tmp_path) == [
        {
            "id": "q1",
            "lang": "en",
            "doc_lang": "en",
            "file": "harbour/a.txt",
            "question": QUESTION,
            "gold": [LIGHTHOUSE],
            "answerable": True,
            "spans": [{"source": "harbour/a.txt", "start": start, "end": start + len(LIGHTHOUSE)}],
            "reference": "Its keeper.",
        }
    ]
    assert f"dragoman eval answers {tmp_path / 'mine.jsonl'} --corpus {tmp_path / 'docs'}" in capsys.readouterr().out


def test_what_was_added_is_checked_and_measured(
    add: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add("--quote", LIGHTHOUSE, "--quote", TRAIN) == 0
    assert add("--not-in-documents", "--id", "chess", question="who won the chess olympiad?") == 0
    file, docs = str(tmp_path / "mine.jsonl"), str(tmp_path / "docs")
    capsys.readouterr()
    assert main(["eval", "check", file, "--corpus", docs]) == 0
    assert capsys.readouterr().out == "0 problems, 0 of them errors\n"
    assert main(["eval", "answers", file, "--corpus", docs, "--embedder", "hashing", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(row["id"], row["answerable"]) for row in document["questions"]] == [("q1", True), ("chess", False)]
    assert rows(tmp_path)[1]["file"] in DOCUMENTS


@pytest.mark.parametrize(
    ("said", "gold"), [("7 and 8\n99\n1\n", 1), ("2, 1\n", 2), ("n\n", 0), ("N", 0), ("\n", None), ("", None)]
)
def test_a_person_is_asked(
    add: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, gold: int | None
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(said))
    assert add() == 0
    assert [len(row["gold"]) for row in rows(tmp_path)] == ([] if gold is None else [gold])
    if gold == 0:
        assert not rows(tmp_path)[0]["answerable"]


def test_json_of_a_person_who_was_asked_is_one_document(
    add: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("1\n"))
    assert add("--json") == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"added": rows(tmp_path)[0], "file": str(tmp_path / "mine.jsonl")}
    assert "Which are right?" in shown.err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--pick", "0"], 2, "want numbers from 1 to"),
        (["--pick", "1,x"], 2, "want numbers from 1 to"),
        (["--pick", ""], 2, "want numbers from 1 to"),
        (["--quote", "never said"], 1, "stands in no document"),
        (["--not-in-documents", "--lang", "xx"], 2, "--lang xx"),
    ],
)
def test_wrong_use_adds_nothing(
    add: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    said: str,
) -> None:
    assert add(*options) == code
    assert said in capsys.readouterr().err
    assert rows(tmp_path) == []


def test_a_file_among_the_documents_is_warned_of(
    index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "docs" / "mine.jsonl"
    assert main(["eval", "add", QUESTION, "--to", str(file), "--index", str(index.folder), "--quote", TRAIN]) == 0
    assert "lies among the documents" in capsys.readouterr().err


def test_a_question_that_stands_there_is_refused_before_anything_is_asked(
    add: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add("--quote", TRAIN) == 0
    monkeypatch.setattr("sys.stdin", Terminal("1\n"))
    assert add() == 1
    shown = capsys.readouterr()
    assert "the same question stands there, as 'q1'" in shown.err
    assert "Which are right?" not in shown.err
