"""A question to the passages that may answer it: dense ⊕ lexical, the best of them reranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from index.embed import Floats
from index.folder import Filters, Index
from index.passages import searched_text
from index.values import ScoredPassage
from rag.expect import is_question
from rag.fuse import QUESTION, STATEMENT, Weights, agree, fuse, highest, reorder, rerank, surpluses
from rag.late import score_packed
from rag.letters import restore_letters
from rag.rerank import CROSS_ENCODED, CrossEncoderReranker
from rag.steps import step

# How many candidates each side brings; the fusion sees all of them with both scores.
CANDIDATES = 100
# How many of the fused candidates are compared with the question token by token.
RERANKED = 50
# How many passages that only words can find yet are embedded for a question: 0.1 s on two cores.
_EMBEDDED_NOW = 10


def usual_weights(question: str) -> Weights:
    """The weights for a question, or for what is none, as headlines are."""
    return QUESTION if is_question(question) else STATEMENT


class Retriever(Protocol):
    """Anything that ranks passages for a question, best first."""

    def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]: ...


@dataclass(frozen=True, slots=True)
class Ranking:
    """What each step made of the candidates for a question: scores by passage key, the higher the better.

    A passage that a step did not look at has no score of it.
    """

    dense: Mapping[int, float]
    lexical: Mapping[int, float]
    fused: Mapping[int, float]
    late: Mapping[int, float]
    cross: Mapping[int, float]
    scores: Mapping[int, float]  # of every candidate, in the end
    others: tuple[str, ...] = ()  # the further wordings of the question that took part


@dataclass(frozen=True, slots=True)
class HybridRetriever:
    """The index's vectors and words together, the best reranked by the vectors of their tokens.

    The question may be searched in further wordings, too, such as translations: a passage then gets its best score by
    any of them that agrees with the question itself. With a cross-encoder the best passages are read with the question:
    it decides their order, and what it did not see comes after them.
    """

    index: Index
    rerank: bool = True
    cross: CrossEncoderReranker | None = None
    others: tuple[str, ...] = ()
    candidates: int = CANDIDATES  # of each side, or as many as are wanted if that is more
    reranked: int = RERANKED
    weights: Weights | None = None  # None for those of a question, or of what is none

    def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]:
        """At most `k` passages, best first; ties break by passage id."""
        ranking = self.rank(question, k=k, filters=filters)
        scores, dense, shares, late = ranking.scores, ranking.dense, ranking.lexical, ranking.late
        order = sorted(scores, key=lambda key: (-scores[key], key))
        # With all that tie with the last; and the others only if some of these are gone since the caches were made.
        best = [key for key in order if scores[key] >= scores[order[min(k, len(order)) - 1]]]
        stored = self.index.passages(best)
        if len(stored) < len(best):
            best, stored = order, self.index.passages(order)
        found = [
            ScoredPassage(stored[key].passage, scores[key], dense[key], shares.get(key, 0.0), late.get(key, 0.0))
            for key in best
            if key in stored
        ]
        return sorted(found, key=lambda hit: (-hit.score, hit.passage.id))[:k]

    def rank(self, question: str, *, k: int, filters: Filters = Filters()) -> Ranking:
        """How the candidates are ranked of which `retrieve` gives the best `k`."""
        own = self._rank(question, k=k, filters=filters)
        if not self.others and self.cross is None:
            return own
        rankings = [(other, self._rank(other, k=k, filters=filters)) for other in self.others]
        agreeing = [(other, ranking) for other, ranking in rankings if agree(own.scores, ranking.scores)]
        all_of_them = [own, *(ranking for _, ranking in agreeing)]
        scores = highest(each.scores for each in all_of_them)
        with step("rerank"):
            cross = self._cross(question, scores)
        return Ranking(
            dense=highest(each.dense for each in all_of_them),
            lexical=highest(each.lexical for each in all_of_them),
            fused=highest(each.fused for each in all_of_them),
            late=highest(each.late for each in all_of_them),
            cross=cross,
            scores=reorder(scores, cross),
            others=tuple(other for other, _ in agreeing),
        )

    def _rank(self, question: str, *, k: int, filters: Filters) -> Ranking:
        """The ranking of one wording, before any cross-encoder."""
        candidates = max(k, self.candidates)
        weights = self.weights or usual_weights(question)
        meant = restore_letters(question, self.index)
        vector = self.index.embedder.embed_query(meant)
        dense, shares = self._candidates(meant, vector, candidates, filters)
        langs = self.index.dense.langs_of(dense)
        new = self._pending(vector, [key for key in shares if key not in dense])
        dense |= {key: score for key, (score, _) in new.items()}
        langs |= {key: lang for key, (_, lang) in new.items()}
        surplus = surpluses(shares, langs)
        fused = fuse(dense, surplus, words=weights.words)
        order = sorted(fused, key=lambda key: (-fused[key], key))
        with step("rerank"):
            late = self._late(meant, order[: self.reranked], langs) if self.rerank else {}
        scores = rerank(dense, surplus, late, langs, weights=weights)
        return Ranking(dense, shares, fused, late, {}, scores)

    def _candidates(
        self, question: str, vector: Floats, k: int, filters: Filters
    ) -> tuple[dict[int, float], dict[int, float]]:
        """The centred cosines of the best `k` passages of either side, and the lexical shares that there are."""
        dense = {hit.key: hit.score for hit in self.index.search_dense(vector, k=k, filters=filters)}
        shares = {hit.key: hit.share for hit in self.index.search_lexical(question, k=k, filters=filters)}
        dense.update(self.index.dense.scores(vector, [key for key in shares if key not in dense]))
        return dense, shares

    def _pending(self, vector: Floats, keys: list[int]) -> dict[int, tuple[float, str]]:
        """The centred cosine and the language of passages without a vector yet, of the best that words have found."""
        new = self.index.embed_now(keys[:_EMBEDDED_NOW])
        if not new:
            return {}
        langs = [each.lang for each in new.values()]
        vectors = np.array([each.embedded.vector for each in new.values()])
        scores = self.index.dense.scores_of(vector, vectors, langs)
        return dict(zip(new, zip(scores, langs, strict=True), strict=True))

    def _late(self, question: str, keys: list[int], langs: dict[int, str]) -> dict[int, float]:
        kept = self.index.token_vectors(keys)
        keys = [key for key in keys if key in kept]
        texts = [kept[key] for key in keys]
        tokens = self.index.embedder.query_tokens(question)
        scores = score_packed(tokens, texts, [langs[key] for key in keys], self.index.token_codec)
        return {key: round(float(score), 6) for key, score in zip(keys, scores, strict=True)}

    def _cross(self, question: str, scores: Mapping[int, float]) -> dict[int, float]:
        if self.cross is None:
            return {}
        best = sorted(scores, key=lambda key: (-scores[key], key))[:CROSS_ENCODED]
        stored = self.index.passages(best)
        keys = [key for key in best if key in stored]
        meant = restore_letters(question, self.index)
        found = self.cross.scores(meant, [searched_text(stored[key].passage) for key in keys])
        return dict(zip(keys, found, strict=True))


@dataclass(frozen=True, slots=True)
class DenseRetriever:
    """The vectors alone."""

    index: Index

    def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]:
        """At most `k` passages by centred cosine, best first."""
        vector = self.index.embedder.embed_query(question)
        hits = self.index.search_dense(vector, k=k, filters=filters)[:k]
        stored = self.index.passages(hit.key for hit in hits)
        return [ScoredPassage(stored[hit.key].passage, hit.score, hit.score, 0.0) for hit in hits if hit.key in stored]


@dataclass(frozen=True, slots=True)
class LexicalRetriever:
    """The words alone."""

    index: Index

    def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]:
        """At most `k` passages by their share of the question's terms, best first."""
        hits = self.index.search_lexical(question, k=k, filters=filters)
        stored = self.index.passages(hit.key for hit in hits)
        return [ScoredPassage(stored[hit.key].passage, hit.share, 0.0, hit.share) for hit in hits if hit.key in stored]
