"""What others would build on the same passages."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.catalog import StoredPassage
from index.embed import Embedder
from index.errors import SettingsError
from index.folder import Filters, Index
from index.lexical import from_one_of, holds
from index.passages import searched_text
from index.values import Passage, ScoredPassage
from rag.retrieve import Retriever

# How many passages of each ranking are fused.
_CANDIDATES = 100
# As much as float32 sums keep whatever order they were added in, so that ties are ties.
_DECIMALS = 6


class PlainDenseRetriever:
    """The catalog's vectors by inner product, exhaustively, without taking away what a language has in common."""

    def __init__(self, index: Index) -> None:
        self._embedder = index.embedder
        vectors = index.catalog.vectors()
        passages = index.catalog.passages(vectors)
        self._stored = list(passages.values())
        rows = [vectors[key] for key in passages]
        self._vectors = np.array(rows, np.float32).reshape(len(rows), self._embedder.identity.dimension)

    def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]:
        """At most `k` passages by cosine, best first; ties break by passage id."""
        cosines = np.round(self._vectors @ self._embedder.embed_query(question), _DECIMALS)
        return _best(self._stored, cosines, k, filters)

    def cosines(self, vector: NDArray[np.float32]) -> dict[int, float]:
        """The cosine of a question's vector with that of each passage, by key."""
        cosines = np.round(self._vectors @ vector, _DECIMALS)
        return {stored.key: float(cosine) for stored, cosine in zip(self._stored, cosines, strict=True)}


class WordBM25Retriever:
    """BM25 over lower-cased words, as bm25s cuts and weighs them by default; no stemmer, no stop words.

    Its default drops English stop words only; here every language is treated alike. It searches the same text of a
    passage as ours does, the title with it. The default is k1 1.5, b 0.75 and Lucene's inverse document frequency.

    Source: Lù, BM25S: Orders of magnitude faster lexical search via eager sparse scoring, 2024, arXiv 2407.03618.
    """

    def __init__(self, index: Index) -> None:
        self._stored = list(index.catalog.added_since(0))
        words = self._words([searched_text(stored.passage) for stored in self._stored])
        self._known = {word for text in words for word in text}
        self._bm25: Any = None
        if self._known:  # bm25s cannot index nothing
            self._bm25 = _bm25s().BM25()
            self._bm25.index(words, show_progress=False)

    def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]:
        """At most `k` passages that share a word with the question, best first; ties break by passage id."""
        words = [word for word in self._words([question])[0] if word in self._known]
        if not words:
            return []
        scores = np.round(np.asarray(self._bm25.get_scores(words), np.float64), _DECIMALS)
        return [hit for hit in _best(self._stored, scores, k, filters) if hit.score > 0]

    @staticmethod
    def _words(texts: list[str]) -> list[list[str]]:
        if not texts:
            return []
        return _bm25s().tokenize(texts, stopwords=[], return_ids=False, show_progress=False)


@dataclass(frozen=True, slots=True)
class RankFusionRetriever:
    """Rankings fused by where each passage stands in them, which is what most systems do.

    A passage gets the sum of 1 / (damping + rank) over the rankings that hold it; ranks start at 1.

    Source: Cormack, Clarke and Buettcher, SIGIR 2009, which also sets 60.
    """

    parts: tuple[Retriever, ...]
    damping: int = 60

    def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]:
        """At most `k` passages, best first; ties break by passage id."""
        rankings = [part.retrieve(question, k=max(k, _CANDIDATES), filters=filters) for part in self.parts]
        passages = {hit.passage.id: hit.passage for ranking in rankings for hit in ranking}
        scores = fuse_reciprocal_rank([[hit.passage.id for hit in ranking] for ranking in rankings], self.damping)
        best = sorted(scores, key=lambda id_: (-scores[id_], id_))[:k]
        return [ScoredPassage(passages[id_], scores[id_], 0.0, 0.0) for id_ in best]


def fuse_reciprocal_rank(rankings: Iterable[Iterable[str]], damping: int) -> Mapping[str, float]:
    """The fused score of each id in rankings that are best first.

    >>> fuse_reciprocal_rank([["a", "b"], ["b"]], damping=1)
    {'a': 0.5, 'b': 0.8333333333333333}
    """
    shares: dict[str, list[float]] = {}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, start=1):
            shares.setdefault(id_, []).append(1 / (damping + rank))
    return {id_: fsum(found) for id_, found in shares.items()}  # not +: the order of rankings must not matter


class LangChainRetriever:
    """LangChain's FAISS vector store with its defaults and the index's own embedder.

    `langchain_community.vectorstores.FAISS.from_texts` over what is embedded of our passages too: the title and the
    text. It measures Euclidean distance exhaustively, which ranks vectors of length 1 as their cosine does; the
    store keeps float32 where our catalog keeps float16. It is made in memory: its files are pickles, and are
    neither written nor read here.
    """

    def __init__(self, index: Index) -> None:
        self._embedder = index.embedder
        self._passages: dict[str, Passage] = {}
        self._store: Any = None
        stored = list(index.catalog.added_since(0))
        if stored:  # the store cannot be made of nothing
            self._passages = {str(passage.key): passage.passage for passage in stored}
            store, base = _langchain()
            texts = [searched_text(each.passage) for each in stored]
            self._store = store.from_texts(texts, _langchain_embeddings(base, self._embedder), ids=list(self._passages))

    def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]:
        """At most `k` passages by cosine, best first; ties break by passage id."""
        if self._store is None:
            return []
        depth = k if filters == Filters() else len(self._passages)
        found = self._store.similarity_search_with_score(question, k=min(depth, len(self._passages)))
        hits = []
        for document, squared_distance in found:
            passage = self._passages[document.id]
            if _passes(passage, filters):
                cosine = round(1 - float(squared_distance) / 2, _DECIMALS)  # of vectors of length 1
                hits.append(ScoredPassage(passage, cosine, cosine, 0.0))
        return sorted(hits, key=lambda hit: (-hit.score, hit.passage.id))[:k]


def _langchain_embeddings(base: Any, embedder: Embedder) -> Any:
    class Ours(base):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [vector.tolist() for vector in embedder.embed_passages(texts)]

        def embed_query(self, text: str) -> list[float]:
            return embedder.embed_query(text).tolist()

    return Ours()


def _best(stored: list[StoredPassage], scores: NDArray[Any], k: int, filters: Filters) -> list[ScoredPassage]:
    """The best `k` passages that pass the filters, where `scores` has one for each of `stored`."""
    hits = [
        ScoredPassage(passage.passage, float(score), 0.0, 0.0)
        for passage, score in zip(stored, scores, strict=True)
        if _passes(passage.passage, filters)
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.passage.id))[:k]


def _passes(passage: Passage, filters: Filters) -> bool:
    if filters.languages and passage.lang not in filters.languages:
        return False
    if filters.sources and not from_one_of(filters.sources, passage.source_path):
        return False
    if not holds(filters.phrases, passage):
        return False
    if not (filters.since or filters.until):
        return True
    exact = len(passage.date)  # of a month or a year any day will do
    return bool(passage.date) and filters.since[:exact] <= passage.date <= (filters.until[:exact] or passage.date)


def _bm25s() -> Any:
    try:
        import bm25s
    except ImportError as error:
        raise _missing("bm25s", error) from error
    return bm25s


def _langchain() -> tuple[Any, type[Any]]:
    """The vector store's class, and that of what it asks for embeddings."""
    try:
        with warnings.catch_warnings():
            # It says on import that it is no longer kept up, which is known and no reason to trouble who compares.
            warnings.simplefilter("ignore", DeprecationWarning)
            from langchain_community.vectorstores import FAISS
            from langchain_core.embeddings import Embeddings
    except ImportError as error:
        raise _missing("langchain-community", error) from error
    return FAISS, Embeddings


def _missing(package: str, error: ImportError) -> SettingsError:
    return SettingsError(f"this system needs {package} ({error}); run: pip install 'dragoman[baselines]'")
