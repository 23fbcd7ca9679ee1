"""Gold quotes to the places where they stand, so that passages of any cut and citations can be judged.

A passage or citation counts for a gold quote when it covers at least half of a place of it. So gold never names a
passage, and another chunking is judged by the same places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from eval.sets import GoldQuestion, GoldSpan
from index.escapes import view
from index.values import Passage, Source, Span, Spelling
from rag.reply import Citation

_SHARE = 0.5  # of a gold span, which must be covered

Sources = Callable[[str], Source | None]


@dataclass(frozen=True, slots=True)
class Gold:
    """One thing to find: words, and each place where they stand. Any place will do."""

    id: str  # "gold:0", …: unique within a question
    quote: str  # white space normalised; "" for a gold span of which only the place is known
    places: tuple[GoldSpan, ...]  # none, if the source is not there or does not hold the quote


class QuoteFinder:
    """Finds quotes in one source as a person reads it, white space aside."""

    def __init__(self, source: Source) -> None:
        self._view = view(source.text, Span(0, len(source.text)), source.spelling)
        words = list(re.finditer(r"\S+", self._view.text))
        self._text = " ".join(word.group() for word in words)
        # Of each character of `_text`, where it is in the view; a space is where the white space begins.
        self._places: list[int] = []
        for word in words:
            self._places.extend(range(word.start(), word.end() + 1))

    def find(self, quote: str) -> tuple[Span, ...]:
        """Every place of a quote in the source's text, in order, overlapping ones too."""
        wanted = normal(quote)
        found: list[Span] = []
        at = self._text.find(wanted) if wanted else -1
        while at >= 0:
            end = self._places[at + len(wanted) - 1] + 1
            found.append(self._view.span(self._places[at], end))
            at = self._text.find(wanted, at + 1)
        return tuple(found)


def normal(text: str) -> str:
    """A text with each run of white space as one blank."""
    return " ".join(text.split())


def locate(question: GoldQuestion, sources: Sources) -> tuple[Gold, ...]:
    """What there is to find for a question, with its places in the file that it names.

    A quote whose place is given stands there only, else wherever the file holds it; a span that is no quote's is a
    thing to find by itself. A quote without a file has no place: citations are judged by its words alone, and no
    passage counts for it.
    """
    source = sources(question.source) if question.gold and question.source else None
    finder = QuoteFinder(source) if source is not None else None
    given: list[tuple[GoldSpan, str]] = []
    for gold_span in question.spans:
        held = sources(gold_span.source)
        words = normal(view(held.text, gold_span.span, held.spelling).text) if held is not None else ""
        given.append((gold_span, words))
    found: list[Gold] = []
    for quote in map(normal, question.gold):
        places = tuple(gold_span for gold_span, words in given if words == quote)
        if not places and finder is not None:
            places = tuple(GoldSpan(question.source, span) for span in finder.find(quote))
        found.append(Gold(f"gold:{len(found)}", quote, places))
    for gold_span, words in given:
        if not any(gold_span in gold.places for gold in found):
            found.append(Gold(f"gold:{len(found)}", words, (gold_span,)))
    return tuple(found)


def covers(source: str, span: Span, gold: Gold) -> bool:
    """Whether a piece of a source covers at least half of a place of the gold."""
    return any(
        place.source == source and place.span.overlap(span) >= _SHARE * (place.span.end - place.span.start)
        for place in gold.places
    )


def cites(citation: Citation, gold: Gold) -> bool:
    """Whether a citation covers at least half of a place of the gold, or holds its words, wherever they stand."""
    if covers(citation.source, Span(citation.start, citation.end), gold):
        return True
    spelling = Spelling.JSON if citation.source.lower().endswith(".jsonl") else Spelling.PLAIN
    read = view(citation.quote, Span(0, len(citation.quote)), spelling).text
    return bool(gold.quote) and gold.quote in normal(read)


def passage_golds(passage: Passage, golds: Iterable[Gold]) -> frozenset[str]:
    """The ids of the golds that a passage counts for."""
    return frozenset(gold.id for gold in golds if covers(passage.source_path, passage.span, gold))


def gold_run(passages: Sequence[Passage], golds: Sequence[Gold]) -> tuple[dict[str, int], dict[str, float]]:
    """Judgments and ranking of one query's passages, best first, in terms that ir_measures understands.

    Each gold is a document of grade 1, found where the first passage that counts for it stands. A passage that
    counts for nothing new is a document of grade 0; one that counts for several stands for each of them, in order.
    """
    ids: list[str] = []
    for passage in passages:
        new = sorted(passage_golds(passage, golds) - set(ids))
        ids.extend(new or [f"passage:{passage.id}"])
    return {gold.id: 1 for gold in golds}, {id_: float(below) for below, id_ in enumerate(reversed(ids))}
