"""Answers over the sample corpus by the bundled model: citations are the file's own characters, or nothing is shown."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.catalog import FILE_NAME, Extent
from index.embed import Embedder
from index.errors import CitationError, SettingsError
from index.folder import Index
from index.ingest import ingest
from index.read import read_source
from index.values import Media, Passage, Span
from rag import Abstention, Answer, Assistant, Reply
from rag.abstain import CALIBRATION
from rag.ground import ground
from rag.read import DraftStatement, QuotedSpan
from rag.retrieve import HybridRetriever, ScoredPassage

DEMO = "why did Armenia skip the Moscow meeting?"
DEMO_QUOTE = (
    "Ermənistan Moskvadakı görüşə ona görə getmədi ki, danışıqlarda gücsüz görünmək və ölkə daxilində qalan son "
    "etibarını da itirmək istəmirdi."
)
QUESTIONS = [
    DEMO,
    "Почему Армения не приехала в Москву?",
    "neçə oxucu kitabxanaya gəlib?",
    "how many people took the night train?",
    "Сколько стоила ветровая станция?",
    "what did the keeper of the lighthouse do?",
]
FIELDS = ("source", "start", "end", "quote", "title", "lang", "date")  # of a citation, as promised
NEVER = dataclasses.replace(CALIBRATION, threshold=2.0)
ALWAYS = dataclasses.replace(CALIBRATION, threshold=0.0)


@pytest.fixture(scope="module")
def assistant(sample_index: Path, e5: Embedder) -> Iterator[Assistant]:
    index = Index.open(sample_index)
    index.use_embedder(e5)
    with Assistant(index, calibration=ALWAYS) as assistant:
        yield assistant


def assistant_of(index: Index, **options: object) -> Assistant:
    return Assistant(index, **{"calibration": ALWAYS, **options})


def characters_of(path: Path) -> str:
    """The text of a file as the README promises it: decoded as UTF-8 with no newline translated."""
    if path.suffix in (".txt", ".md", ".jsonl"):
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    return read_source(path.read_bytes(), path=path.name).text


def test_the_demo_question(sample_index: Path, e5: Embedder) -> None:
    index = Index.open(sample_index)
    index.use_embedder(e5)
    with Assistant(index) as assistant:  # as people use it: with the fitted calibration
        reply = assistant.ask(DEMO)
    assert isinstance(reply, Answer)
    quotes = [(c.source, c.quote) for statement in reply.statements[:2] for c in statement.citations]
    assert ("0007.txt", DEMO_QUOTE) in quotes


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_citation_is_the_files_own_characters(assistant: Assistant, corpus: Path, question: str) -> None:
    reply = assistant.ask(question)
    assert isinstance(reply, Answer)
    assert 1 <= len(reply.statements) <= 3
    for statement in reply.statements:
        assert statement.citations
        assert (statement.citations[0].supports.start, statement.citations[0].supports.end) == (0, len(statement.text))
        for citation in statement.citations:
            text = characters_of(corpus / citation.source)
            assert text[citation.start : citation.end] == citation.quote != ""
        first = statement.citations[0]
        quote = json.loads(f'"{first.quote}"') if first.source.endswith(".jsonl") else first.quote
        assert " ".join(quote.split()) == statement.text  # the extractive reader writes no word


def test_citations_say_where_they_are_from(assistant: Assistant, sample_index: Path) -> None:
    reply = assistant.ask(DEMO)
    (citation,) = next(s.citations for s in reply.statements if s.citations[0].quote == DEMO_QUOTE)
    assert (citation.title, citation.lang, citation.date) == (
        "An empty chair at the three-way talks",
        "az",
        "2022-12-23",
    )
    assert citation.sha256 == assistant.index.source("0007.txt").sha256
    assert reply.searched.index == str(sample_index.resolve())
    scores = [hit.score for hit in reply.evidence]
    assert scores == sorted(scores, reverse=True)


def check_document(document: dict, reply: Reply) -> None:
    """The document that is promised; later versions may add fields and not take these away."""
    assert {"kind", "question", "reason", "statements", "evidence"} <= set(document)
    assert document["kind"] == ("answer" if isinstance(reply, Answer) else "abstention")
    assert document["question"] == reply.question
    statements = reply.statements if isinstance(reply, Answer) else ()
    for said, statement in zip(document["statements"], statements, strict=True):
        assert said["text"] == statement.text
        for cited, citation in zip(said["citations"], statement.citations, strict=True):
            wanted = {
                name: getattr(citation, name) for name in ("source", "start", "end", "quote", "title", "lang", "date")
            }
            assert {name: cited[name] for name in wanted} == wanted
    for found, hit in zip(document["evidence"], reply.evidence, strict=True):
        wanted = {"source": hit.passage.source_path, "start": hit.passage.span.start, "end": hit.passage.span.end}
        assert {name: found[name] for name in wanted} == wanted
        assert found["score"] == pytest.approx(hit.score, abs=1e-6)


def test_the_json_document(assistant: Assistant) -> None:
    for question in QUESTIONS:
        reply = assistant.ask(question)
        check_document(json.loads(reply.to_json()), reply)


def test_the_command_prints_the_same_document(sample_index: Path, e5: Embedder, dragoman: Callable) -> None:
    index = Index.open(sample_index)
    index.use_embedder(e5)
    with Assistant(index) as assistant:
        reply = assistant.ask(DEMO, today="2025-01-31")
    done = dragoman("ask", "--index", sample_index, "--today", "2025-01-31", "--json", DEMO)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == reply.to_json() + "\n"


def test_asking_twice_is_the_same(assistant: Assistant) -> None:
    assert assistant.ask(DEMO) == assistant.ask(DEMO)


def test_abstention(assistant: Assistant) -> None:
    reply = assistant_of(assistant.index, calibration=NEVER).ask(DEMO)
    assert isinstance(reply, Abstention)
    assert "2.00" in reply.reason
    assert reply.evidence == assistant.ask(DEMO).evidence
    document = json.loads(reply.to_json())
    check_document(document, reply)
    assert (document["kind"], document["reason"], document["statements"]) == ("abstention", reply.reason, [])


class Overtaken:
    """Finds passages, and before anybody reads them, another process has replaced their files."""

    def __init__(self, index: Index, docs: Path, embedder: Embedder) -> None:
        self._inner, self._index, self._docs, self._embedder = HybridRetriever(index), index, docs, embedder

    def retrieve(self, question: str, **options: object) -> list[ScoredPassage]:
        hits = self._inner.retrieve(question, **options)
        for file in self._docs.iterdir():
            file.write_text("Nothing is left of what was told here but this one sentence about a submarine.")
        ingest([self._docs], self._index.folder, embedder=self._embedder)
        return hits


def test_a_question_is_answered_from_one_moment(make_index: Callable[..., Index], tmp_path: Path, hashing: Embedder):
    story = "The keeper of the lighthouse counted forty boats before noon. He wrote the number into his book."
    index = make_index({"a.txt": story, "b.txt": story.replace("forty", "fifty")})
    question = "how many boats did the keeper count?"
    wanted = assistant_of(index).ask(question)
    overtaken = assistant_of(index, retriever=Overtaken(index, tmp_path / "docs", hashing))
    assert overtaken.ask(question) == wanted and isinstance(wanted, Answer)
    index.refresh()
    assert overtaken.search("submarine")[0].passage.text.endswith("submarine.")
    assert not index.catalog._db.in_transaction


def test_what_is_declined_was_drafted_all_the_same(assistant: Assistant) -> None:
    strict = assistant_of(assistant.index, calibration=NEVER)
    draft = strict.draft(DEMO)
    answer = assistant.ask(DEMO)
    assert isinstance(draft, Answer) and isinstance(answer, Answer)
    assert (draft.statements, draft.evidence) == (answer.statements, answer.evidence)
    assert strict.decide(draft) == strict.ask(DEMO)
    assert assistant.decide(draft) is draft
    at_its_confidence = dataclasses.replace(CALIBRATION, threshold=draft.confidence)
    assert assistant_of(assistant.index, calibration=at_its_confidence).decide(draft) is draft


def test_a_question_that_the_corpus_does_not_answer(sample_index: Path, e5: Embedder) -> None:
    index = Index.open(sample_index)
    index.use_embedder(e5)
    with Assistant(index) as assistant:
        reply = assistant.ask("Who won the chess olympiad in Budapest?")
    assert isinstance(reply, Abstention)


@pytest.mark.parametrize("question", ["", "  \n "])
def test_an_empty_question(assistant: Assistant, question: str) -> None:
    with pytest.raises(SettingsError, match="the question is empty"):
        assistant.ask(question)
    with pytest.raises(SettingsError):
        assistant.search(question)


@pytest.mark.parametrize("question", ["???", "—", "😀", "1", "x" * 5000, "\x00\x1b[31m", "word " * 2000])
def test_odd_questions_get_a_reply(assistant: Assistant, question: str) -> None:
    reply = assistant.ask(question)
    assert isinstance(reply, Answer | Abstention)
    assert 0 <= reply.confidence <= 1
    check_document(json.loads(reply.to_json()), reply)


def test_language_filter(assistant: Assistant) -> None:
    for languages in (["ru"], ["az", "en"]):
        hits = assistant.search(DEMO, k=100, languages=languages)
        assert {hit.passage.lang for hit in hits} == set(languages)
        every = [hit.passage.id for hit in assistant.search(DEMO, k=200) if hit.passage.lang in languages]
        assert sorted(hit.passage.id for hit in hits) == sorted(every)
    reply = assistant.ask(DEMO, languages=["ka"])
    assert isinstance(reply, Abstention)
    assert (reply.evidence, reply.reason) == ((), "There is no passage under these filters to answer from.")


def test_date_filter(assistant: Assistant) -> None:
    dated = [hit.passage for hit in assistant.search(DEMO, k=200) if hit.passage.date]
    for after, before in (
        ("2024-01-01", ""),
        ("", "2023-12-31"),
        ("2024-03-05", "2024-05-21"),
        ("2022-12-23", "2022-12-23"),
    ):
        wanted = {p.id for p in dated if p.date >= after and (not before or p.date <= before)}
        found = {hit.passage.id for hit in assistant.search(DEMO, k=200, since=after, until=before)}
        assert found == wanted != set()


@pytest.mark.parametrize("day", ["yesterday", "2024-13-01", "2024-1-1", "31.12.2024", "20241231", "2024-W01-1"])
def test_what_is_no_day(assistant: Assistant, day: str) -> None:
    with pytest.raises(SettingsError, match="not a day; write it as 2024-12-31"):
        assistant.ask(DEMO, since=day)


def test_k(assistant: Assistant) -> None:
    every = assistant.search(DEMO, k=20)
    assert len(every) == 20
    assert assistant.search(DEMO, k=5) == every[:5]
    assert [hit.score for hit in every] == sorted((hit.score for hit in every), reverse=True)


def test_an_empty_index(tmp_path: Path, hashing: Embedder) -> None:
    (tmp_path / "docs").mkdir()
    ingest([tmp_path / "docs"], tmp_path / "i", embedder=hashing)
    with Assistant.open(tmp_path / "i") as assistant:
        reply = assistant.ask(DEMO)
    assert isinstance(reply, Abstention)
    assert (reply.reason, reply.evidence, reply.confidence) == (
        "There is no passage in this index to answer from.", (), 0.0
    )  # fmt: skip
    assert reply.searched.extent == Extent(articles=0, languages=(), first="", last="")


# A damaged index shows nothing


def tampered(sample_index: Path, folder: Path, change: str) -> Path:
    shutil.copytree(sample_index, folder)
    db = sqlite3.connect(folder / FILE_NAME)
    db.execute(change)
    db.commit()
    db.close()
    return folder


def ask_of(folder: Path, e5: Embedder) -> Reply:
    index = Index.open(folder)
    index.use_embedder(e5)
    with assistant_of(index) as assistant:
        return assistant.ask(DEMO)


def test_a_source_changed_in_the_catalog_is_not_shown(sample_index: Path, tmp_path: Path, e5: Embedder) -> None:
    folder = tampered(
        sample_index,
        tmp_path / "i",
        "UPDATE sources SET text = replace(text, 'gücsüz', 'güclüü') WHERE path = '0007.txt'",
    )
    with pytest.raises(CitationError, match=r"0007\.txt"):
        ask_of(folder, e5)


def test_a_source_that_is_cut_short_in_the_catalog_is_not_cited_past_its_end(
    sample_index: Path, tmp_path: Path, e5: Embedder
) -> None:
    folder = tampered(
        sample_index, tmp_path / "i", "UPDATE sources SET text = substr(text, 1, 100) WHERE path = '0007.txt'"
    )
    try:
        reply = ask_of(folder, e5)
    except CitationError:
        return
    cited = [c for statement in reply.statements for c in statement.citations if c.source == "0007.txt"]
    assert [c for c in cited if c.end > 100] == []


@pytest.fixture
def drafted(make_index: Callable[..., Index]) -> tuple[Index, Passage]:
    """An index of one file, and its passage, which does not begin where the file does."""
    index = make_index(
        {"a.txt": "A dog on the roof of it\n\nThe keeper has seen the dog on the roof. He told nobody of it."}
    )
    (stored,) = index.catalog.added_since(0)
    assert stored.passage.span.start > 20
    return index, stored.passage


def draft_of(passage: Passage, span: Span) -> tuple[DraftStatement, ...]:
    return (DraftStatement("What a reader says.", (QuotedSpan(passage, span),), (), 1.0),)


def test_a_quote_that_stands_is_cited(drafted: tuple[Index, Passage]) -> None:
    index, passage = drafted
    ((citation,),) = (statement.citations for statement in ground(draft_of(passage, passage.span), index))
    assert (citation.quote, citation.start, citation.end) == (passage.text, passage.span.start, passage.span.end)


def test_a_quote_that_is_not_in_the_source_is_never_cited(drafted: tuple[Index, Passage]) -> None:
    index, passage = drafted
    forged = dataclasses.replace(passage, text=passage.text.replace("nobody", "anyone"))
    with pytest.raises(CitationError, match=r"a\.txt: characters 25 to \d+ read 'The keeper has seen"):
        ground(draft_of(forged, passage.span), index)
    past_the_end = Span(passage.span.start, passage.span.end + 1)
    longer = dataclasses.replace(passage, text=passage.text + "!", span=past_the_end)
    nothing = Span(passage.span.start, passage.span.start)
    for wrong, span in ((longer, past_the_end), (passage, nothing)):
        with pytest.raises(CitationError):
            ground(draft_of(wrong, span), index)


def test_a_quote_outside_its_passage_is_never_cited(drafted: tuple[Index, Passage]) -> None:
    index, passage = drafted
    with pytest.raises(CitationError):
        ground(draft_of(passage, Span(0, 5)), index)


# Files with escapes and odd line ends


SAID = 'The keeper said: "I have seen the dog of Sahilkend on the roof."'
STORY = f"{SAID}\nNobody believed him then, and nobody does today."


def test_quotes_of_json_lines(make_index: Callable[..., Index], tmp_path: Path) -> None:
    lines = (json.dumps({"title": "Dog", "text": STORY}), json.dumps({"text": f"Ə {STORY.replace('dog', 'cat')}"}))
    index = make_index({"a.jsonl": "\r\n".join(lines)})
    reply = assistant_of(index).ask("who has seen the dog of Sahilkend on the roof?")
    cited = [citation for statement in reply.statements for citation in statement.citations]
    for citation in cited:
        assert characters_of(tmp_path / "docs" / "a.jsonl")[citation.start : citation.end] == citation.quote
    assert any('\\"' in citation.quote for citation in cited)
    assert reply.statements[0].text == SAID
    assert index.source("a.jsonl").media is Media.JSONL


def test_quotes_of_files_from_windows(make_index: Callable[..., Index], tmp_path: Path) -> None:
    index = make_index(
        {"b.txt": f"\ufeffA dog on the roof of it\r\n\r\n{STORY}\r\nHe told\r\nthe harbour of the dog.\r\n".encode()}
    )
    reply = assistant_of(index).ask("who has seen the dog of Sahilkend on the roof?")
    assert reply.statements[0].text == SAID
    for statement in reply.statements:
        for citation in statement.citations:
            assert characters_of(tmp_path / "docs" / "b.txt")[citation.start : citation.end] == citation.quote


def test_what_two_files_say_is_one_statement_with_two_citations(make_index: Callable[..., Index]) -> None:
    story = "The keeper of Sahilkend has seen the dog on the roof."
    index = make_index({"a.txt": f"{story} Then it rained.", "b.txt": f"{story} Then it snowed."})
    reply = assistant_of(index).ask("has the keeper of Sahilkend seen the dog on the roof?")
    assert reply.statements[0].text == story
    assert [c.source for c in reply.statements[0].citations] == ["a.txt", "b.txt"]


def test_an_index_is_seen_as_it_is_now(
    make_index: Callable[..., Index], tmp_path: Path, hashing: Embedder, write: Callable[..., Path]
) -> None:
    index = make_index({"a.txt": "The keeper of Sahilkend has seen the dog on the roof."})
    docs = write(tmp_path / "docs", {"b.txt": "A submarine was seen off the coast of Sahilkend in the night."})
    ingest([docs], tmp_path / "news.index", embedder=hashing)
    index.refresh()
    hits = assistant_of(index).search("submarine off the coast", k=5)
    assert hits[0].passage.source_path == "b.txt"
