"""Why a passage stands where it stands: what every step of retrieval said of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from index.folder import Filters, Index
from index.lexical import MatchedPart
from index.said import said
from index.values import ScoredPassage
from rag.receipt import hit_to_json
from rag.retrieve import Ranking
from rag.select import Selected
from rag.when import Period


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
    cross: Standing
    total: Standing  # before `moves`
    terms: tuple[MatchedPart, ...]  # words and names of the question that it has, the weightiest first
    moves: tuple[str, ...]  # what was done after ranking: dates, copies, crowds


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was searched for, among what, and how each passage of the list came there, best first."""

    question: str
    meant: str  # the question so that it stands by itself, and with its letters restored; the same if neither was done
    others: tuple[str, ...]  # what else was searched for: the question in other languages
    left_out: tuple[str, ...]  # what was not, though it was to be the same: it finds something else
    problem: str  # why the question was not rewritten, "" if it was or nobody wanted it
    filters: Filters
    periods: tuple[Period, ...]  # that the question names
    recent: bool
    reranker: str  # the cross-encoder that ordered the best anew, "" if there was none
    candidates: int  # passages that were compared
    hits: tuple[ExplainedHit, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """The fields of a hit that tell what a step of ranking made of it, of those steps that were taken."""
        return ("dense", "lexical", "fused", "rerank", *(["cross"] if self.reranker else []))

    def to_json(self) -> str:
        """The JSON document of this explanation, as `dragoman search --explain --json` prints it."""
        return json.dumps(self.to_document(), ensure_ascii=False, indent=2)

    def to_document(self) -> dict[str, Any]:
        """What `to_json` writes."""
        return {
            "question": self.question,
            "meant": self.meant,
            "others": list(self.others),
            "left_out": list(self.left_out),
            "problem": self.problem,
            "filters": {
                "languages": sorted(self.filters.languages),
                "since": self.filters.since,
                "until": self.filters.until,
                "sources": sorted(self.filters.sources),
                "outlets": sorted(self.filters.outlets),
                "phrases": [phrase.text for phrase in self.filters.phrases],
            },
            "periods": [asdict(period) for period in self.periods],
            "recent": self.recent,
            "reranker": self.reranker,
            "candidates": self.candidates,
            "hits": [
                {
                    **hit_to_json(each.hit),
                    **{step: asdict(getattr(each, step)) for step in (*self.steps, "total")},
                    "terms": [asdict(part) for part in each.terms],
                    "moves": list(each.moves),
                }
                for each in self.hits
            ],
        }


def explain_hits(
    wordings: Sequence[str], selected: Iterable[Selected], ranking: Ranking, index: Index
) -> tuple[ExplainedHit, ...]:
    """The passages of a list with what `ranking` says of each, and why words find it."""
    selected = list(selected)
    keys = index.catalog.passage_keys(each.hit.passage.id for each in selected)
    steps = (ranking.dense, ranking.lexical, ranking.fused, ranking.late, ranking.cross, ranking.scores)
    standings = [_standings(step) for step in steps]
    return tuple(
        ExplainedHit(
            each.listed,
            *(standing.get(keys[each.hit.passage.id], Standing(0, 0.0)) for standing in standings),
            terms=_matched(wordings, keys[each.hit.passage.id], index),
            moves=each.moves + _copies(each.hit),
        )
        for each in selected
        if each.hit.passage.id in keys
    )


def _matched(wordings: Sequence[str], key: int, index: Index) -> tuple[MatchedPart, ...]:
    """The parts of that wording of which the passage has most."""
    found = [index.lexical.explain(wording, key) for wording in wordings]
    return tuple(max(found, key=lambda parts: sum(part.share for part in parts)))


def _standings(scores: Mapping[int, float]) -> dict[int, Standing]:
    order = sorted(scores, key=lambda key: (-scores[key], key))
    return {key: Standing(rank, round(scores[key], 6)) for rank, key in enumerate(order, start=1)}


def _copies(hit: ScoredPassage) -> tuple[str, ...]:
    return (said("move_copies", "copies: stands for {count} more", count=len(hit.also)),) if hit.also else ()
