"""The retriever without one of its parts, to see what each is worth."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

from eval.baselines import PlainDenseRetriever
from index.embed import Floats
from index.folder import Filters, Index
from index.lexical import LexicalIndex
from index.words import Words, make_words
from rag.retrieve import HybridRetriever


def without_words(index: Index) -> HybridRetriever:
    """With vectors and tokens alone."""
    return _with_lexical(index, LexicalIndex(index.folder / "lexical"))  # which is never opened, and finds nothing


def without_names(index: Index) -> HybridRetriever:
    """With words as they are in the question, and none as another language would write it."""
    lexical = make_words(index.folder, index.catalog.vectors_at, name_languages=())
    lexical.open(index.catalog, writable=False)
    return _with_lexical(index, lexical)


def _with_lexical(index: Index, lexical: Words) -> HybridRetriever:
    other = copy(index)
    other.lexical = lexical
    return HybridRetriever(other)


@dataclass(frozen=True, slots=True)
class WithoutVectors(HybridRetriever):
    """Candidates by words alone, reranked by their tokens."""

    def _candidates(
        self, question: str, vector: Floats, k: int, filters: Filters
    ) -> tuple[dict[int, float], dict[int, float]]:
        shares = {hit.key: hit.share for hit in self.index.search_lexical(question, k=k, filters=filters)}
        return dict.fromkeys(shares, 0.0), shares


class WithoutCentring(HybridRetriever):
    """With cosines of the vectors as the model makes them."""

    __slots__ = ("_plain",)

    def __init__(self, index: Index) -> None:
        super().__init__(index)
        object.__setattr__(self, "_plain", PlainDenseRetriever(index))  # it is frozen

    def _candidates(
        self, question: str, vector: Floats, k: int, filters: Filters
    ) -> tuple[dict[int, float], dict[int, float]]:
        dense = self._plain.cosines(vector)
        best = sorted(dense, key=lambda key: (-dense[key], key))[:k]
        shares = {hit.key: hit.share for hit in self.index.search_lexical(question, k=k, filters=filters)}
        return {key: dense[key] for key in dict.fromkeys((*best, *shares))}, shares
