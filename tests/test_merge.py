"""Passages side by side become one, with offsets that still point at its words."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from index.folder import Index
from index.passages import Chunking
from index.values import Media, Passage, ScoredPassage, Source, Span, Spelling
from rag.assistant import Assistant
from rag.merge import merge_neighbours

SOURCE = Source(
    "a.txt", Media.TEXT, "0" * 64, "One is here.  Two is there.\n\nThree is gone. X Four is back. Five stays."
)


def hit(words: str, score: float, document: str = "d") -> ScoredPassage:
    start = SOURCE.text.index(words)
    span = Span(start, start + len(words))
    passage = Passage(
        f"{document}:{span.start}-{span.end}", document, "a.txt", span, words, words, Spelling.PLAIN, "en", "", ""
    )
    return ScoredPassage(passage, score, score, score, score)


def texts(hits: list[ScoredPassage]) -> list[str]:
    return [each.passage.text for each in merge_neighbours(hits, lambda path: SOURCE)]


def test_what_adjoins_or_overlaps_is_one() -> None:
    assert texts([hit("Two is there.", 0.9), hit("One is here.", 0.5)]) == ["One is here.  Two is there."]
    overlapping = [hit("One is here.  Two is there.", 0.5), hit("Two is there.\n\nThree is gone.", 0.4)]
    assert texts(overlapping) == ["One is here.  Two is there.\n\nThree is gone."]


def test_words_between_keep_passages_apart() -> None:
    assert texts([hit("Three is gone.", 0.9), hit("Four is back.", 0.5)]) == ["Three is gone.", "Four is back."]
    assert texts([hit("One is here.", 0.9), hit("Two is there.", 0.5, document="e")]) == [
        "One is here.",
        "Two is there.",
    ]


def test_a_merged_passage_stands_where_its_best_stood() -> None:
    merged = merge_neighbours(
        [hit("Four is back.", 0.9), hit("Two is there.", 0.8), hit("One is here.", 0.7)], lambda p: SOURCE
    )
    assert [each.passage.id for each in merged] == ["d:46-59", "d:0-27"]
    assert [(each.score, each.dense, each.lexical, each.late) for each in merged] == [(0.9,) * 4, (0.8,) * 4]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=8, unique=True))
def test_every_character_stays_and_offsets_hold(places: list[tuple[int, int]]) -> None:
    hits = [hit(SOURCE.text[a : a + n], 1 - i / 10) for i, (a, n) in enumerate(places)]
    hits = list({each.passage.id: each for each in hits}.values())
    merged = merge_neighbours(hits, lambda path: SOURCE)
    for each in merged:
        assert each.passage.span.of(SOURCE.text) == each.passage.text == each.passage.readable
    covered = {i for each in hits for i in range(each.passage.span.start, each.passage.span.end)}
    kept = {i for each in merged for i in range(each.passage.span.start, each.passage.span.end)}
    assert covered <= kept
    assert all(SOURCE.text[i].isspace() for i in kept - covered)
    assert merge_neighbours(merged, lambda path: SOURCE) == merged


def test_the_evidence_of_a_reply_is_merged_and_its_citations_are_sentences(make_index: Callable[..., Index]) -> None:
    lines = [f"Pier number {n} of the harbour was painted in colour {n} by its keeper." for n in range(8)]
    json_lines = '{"title": "Piers", "text": "' + "\\n".join(lines) + '"}\n'
    index = make_index({"a.jsonl": json_lines}, chunking=Chunking(max_tokens=40, overlap_sentences=1))
    reply = Assistant(index).draft("who painted pier number 5 of the harbour?")
    source = cache(index.source)
    assert index.catalog.passage_count() > 2
    assert [each.passage.readable for each in reply.evidence] == ["\n".join(lines)]
    assert all(each.passage.span.of(source("a.jsonl").text) == each.passage.text for each in reply.evidence)
    statements = getattr(reply, "statements", ())
    assert {citation.quote for each in statements for citation in each.citations} <= set(lines) != set()
