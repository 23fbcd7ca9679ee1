"""Why a passage stands where it stands: what every step of retrieval said of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from index.fold import folded_words, grams, terms, words
from index.folder import Filters, Index
from index.values import Passage, ScoredPassage
from rag.reply import hit_to_json
from rag.retrieve import Ranking
from rag.select import Selected
from rag.when import Period

_WORD = re.compile(r"\w+")
# A word is matched in part if this share of its character 4-grams stands in the passage.
_PART = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one step of retrieval put a passage among the candidates; ranks start at 1, 0 if it did not look at it."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class ExplainedHit:
    """A passage of the list with its way there."""

    hit: ScoredPassage
    dense: Standing
    lexical: Standing
    fused: Standing
    rerank: Standing
    total: Standing  # before `moves`
    terms: tuple[str, ...]  # words of the question that stand in it; with "~" those that do in part
    moves: tuple[str, ...]  # what was done after ranking: dates, copies, crowds


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was searched for, among what, and how each passage of the list came there, best first."""

    question: str
    meant: str  # the question with its letters restored; the same if nothing was
    filters: Filters
    periods: tuple[Period, ...]  # that the question names
    recent: bool
    candidates: int  # passages that were compared
    hits: tuple[ExplainedHit, ...]

    def to_json(self) -> str:
        """The JSON document of this explanation, as `dragoman search --explain --json` prints it."""
        return json.dumps(self.to_document(), ensure_ascii=False, indent=2)

    def to_document(self) -> dict[str, Any]:
        """What `to_json` writes."""
        return {
            "question": self.question,
            "meant": self.meant,
            "filters": {
                "languages": sorted(self.filters.languages),
                "since": self.filters.since,
                "until": self.filters.until,
            },
            "periods": [asdict(period) for period in self.periods],
            "recent": self.recent,
            "candidates": self.candidates,
            "hits": [
                {
                    **hit_to_json(each.hit),
                    **{step: asdict(getattr(each, step)) for step in STEPS},
                    "terms": list(each.terms),
                    "moves": list(each.moves),
                }
                for each in self.hits
            ],
        }


STEPS = ("dense", "lexical", "fused", "rerank", "total")


def explain_hits(
    question: str, selected: Iterable[Selected], ranking: Ranking, index: Index
) -> tuple[ExplainedHit, ...]:
    """The passages of a list with what `ranking` says of each."""
    selected = list(selected)
    keys = index.catalog.passage_keys(each.hit.passage.id for each in selected)
    steps = (ranking.dense, ranking.lexical, ranking.fused, ranking.late, ranking.scores)
    standings = [_standings(step) for step in steps]
    return tuple(
        ExplainedHit(
            each.listed,
            *(standing.get(keys[each.hit.passage.id], Standing(0, 0.0)) for standing in standings),
            terms=matched_terms(question, each.hit.passage),
            moves=each.moves + _copies(each.hit),
        )
        for each in selected
        if each.hit.passage.id in keys
    )


def _standings(scores: Mapping[int, float]) -> dict[int, Standing]:
    order = sorted(scores, key=lambda key: (-scores[key], key))
    return {key: Standing(rank, round(scores[key], 6)) for rank, key in enumerate(order, start=1)}


def _copies(hit: ScoredPassage) -> tuple[str, ...]:
    return (f"copies: stands for {len(hit.also)} more",) if hit.also else ()


def matched_terms(question: str, passage: Passage) -> tuple[str, ...]:
    """The words of a question that lexical search meets in a passage or its title, "word~" where only in part.

    >>> from index.values import Span, Spelling
    >>> text = "Paşinyan Moskvaya getmədi"
    >>> passage = Passage("d:0-25", "d", "a.txt", Span(0, 25), text, text, Spelling.PLAIN, "az", "", "")
    >>> matched_terms("Пашинян в Москве", passage)
    ('Пашинян', 'Москве~')
    """
    text = f"{passage.title} {passage.readable}"
    whole, held = set(folded_words(text)), set(terms(text))
    found = []
    for word in dict.fromkeys(_WORD.findall(question)):
        for folded in words(word):
            if folded.skeleton in whole:
                found.append(word)
            elif sum(gram in held for gram in grams(folded)) >= _PART * len(grams(folded)):
                found.append(f"{word}~")
    return tuple(found)
