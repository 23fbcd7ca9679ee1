"""After ranking: copies of what is listed already give way, and no article fills the list.

A step of its own after retrieval, not a part of it: where each document counts by itself, as in judged sets, retrievers
rank alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from index.fold import folded_words
from index.said import said
from index.values import ScoredPassage

# A passage of a copy says nothing new if this share of its words stands in passages above it. With one word in eight
# changed 0.87 do, and of two passages that have half of their text in common about 0.67.
_SAME_PASSAGE = 0.8
# Once an article has this many passages in the list, the next have to be this much better than those of others.
# Measured when scores had twice their scale: with what is 0.05 now ten passages for a sample or dev question are of 6.3
# articles, with 0.1 of 6.5, without of 5.9.
_FREE_PASSAGES = 2
_CROWDING = 0.05


@dataclass(frozen=True, slots=True)
class Selected:
    """A passage that stays in the list, and why it stands elsewhere than its match alone would put it."""

    hit: ScoredPassage
    moves: tuple[str, ...] = ()
    crowding: float = 0.0  # how much lower it ranks for the passages of its article above it

    @property
    def listed(self) -> ScoredPassage:
        """The passage with the score that it is listed by."""
        return replace(self.hit, score=round(self.hit.score - self.crowding, 6)) if self.crowding else self.hit


def collapse(found: list[Selected], representative_of: Mapping[str, str]) -> list[Selected]:
    """The passages best first, of those that copies have in common only the best.

    `representative_of` has for each document that of its copies which stands for them, itself if it has none. Among
    equals its passage is kept. What is kept names the others in `also`. The order of `found` does not matter.
    """
    documents: dict[str, set[str]] = {}
    for each in found:
        document = each.hit.passage.document_id
        documents.setdefault(representative_of[document], set()).add(document)
    kept: list[Selected] = []
    copies: dict[str, list[tuple[int, Counter[str]]]] = {}  # where its passages are in `kept`, and their words
    for each in sorted(found, key=lambda each: _order(each, representative_of)):
        document = each.hit.passage.document_id
        article = representative_of[document]
        if len(documents[article]) == 1:
            kept.append(each)
            continue
        words = Counter(folded_words(each.hit.passage.readable))
        others = [(i, known) for i, known in copies.get(article, []) if kept[i].hit.passage.document_id != document]
        together = Counter[str]()
        for _, known in others:
            together |= known
        if others and (words & together).total() >= _SAME_PASSAGE * words.total():
            twin = max(others, key=lambda other: ((words & other[1]).total(), -other[0]))[0]
            hit = kept[twin].hit
            kept[twin] = replace(kept[twin], hit=replace(hit, also=(*hit.also, each.hit.passage)))
        else:
            copies.setdefault(article, []).append((len(kept), words))
            kept.append(each)
    return kept


def spread(kept: list[Selected], representative_of: Mapping[str, str]) -> list[Selected]:
    """The passages, best first, so that no article fills the list.

    From the third on, the passages of an article and its copies rank as if they scored `_CROWDING` lower. This is for
    who reads the list: an answer is read from the passages without it, for what the third passage says may be it.
    """
    seen = Counter[str]()
    listed = []
    for each in kept:
        article = representative_of[each.hit.passage.document_id]
        seen[article] += 1
        if seen[article] > _FREE_PASSAGES:
            crowds = "passage {place} of its article: -{less}"
            move = said("move_crowded", crowds, place=seen[article], less=f"{_CROWDING:g}")
            listed.append(Selected(each.hit, (*each.moves, move), _CROWDING))
        else:
            listed.append(each)
    return sorted(listed, key=lambda each: _order(each, representative_of))


def _order(each: Selected, representative_of: Mapping[str, str]) -> tuple[float, bool, str]:
    passage = each.hit.passage
    return -round(each.listed.score, 6), representative_of[passage.document_id] != passage.document_id, passage.id
