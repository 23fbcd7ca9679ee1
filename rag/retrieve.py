"""A question to the passages that may answer it: dense ⊕ lexical, the best of them reranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from index.folder import Filters, Index
from index.values import ScoredPassage
from rag.fuse import fuse, rerank, surpluses
from rag.late import score_packed

# How many candidates each side brings; the fusion sees all of them with both scores.
_CANDIDATES = 100
# How many of the fused candidates are compared with the question token by token.
_RERANKED = 50


class Retriever(Protocol):
    """Anything that ranks passages for a question, best first."""

    def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]: ...


@dataclass(frozen=True, slots=True)
class HybridRetriever:
    """The index's vectors and words together, the best reranked by the vectors of their tokens."""

    index: Index
    rerank: bool = True

    def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]:
        """At most `k` passages, best first; ties break by passage id."""
        candidates = max(k, _CANDIDATES)
        vector = self.index.embedder.embed_query(question)
        dense = {hit.key: hit.score for hit in self.index.search_dense(vector, k=candidates, filters=filters)}
        shares = {hit.key: hit.share for hit in self.index.search_lexical(question, k=candidates, filters=filters)}
        dense.update(self.index.dense.scores(vector, [key for key in shares if key not in dense]))
        langs = {key: self.index.dense.lang_of(key) for key in dense}
        surplus = surpluses(shares, langs)
        scores = fuse(dense, surplus)
        if self.rerank:
            order = sorted(scores, key=lambda key: (-scores[key], key))
            late = self._late(question, order[:_RERANKED], langs)
            scores = rerank(scores, surplus, late)
        else:
            late = {}
        best = sorted(scores, key=lambda key: (-scores[key], key))[: k * 2]
        stored = self.index.passages(best)
        found = [
            ScoredPassage(stored[key].passage, scores[key], dense[key], shares.get(key, 0.0), late.get(key, 0.0))
            for key in best
            if key in stored
        ]
        return sorted(found, key=lambda hit: (-hit.score, hit.passage.id))[:k]

    def _late(self, question: str, keys: list[int], langs: dict[int, str]) -> dict[int, float]:
        kept = self.index.token_vectors(keys)
        keys = [key for key in keys if key in kept]
        texts = [kept[key] for key in keys]
        tokens = self.index.embedder.query_tokens(question)
        scores = score_packed(tokens, texts, [langs[key] for key in keys], self.index.token_codec)
        return {key: round(float(score), 6) for key, score in zip(keys, scores, strict=True)}


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
