"""The systems that are compared, by name: ours, its parts, ours without a part, and what others would build."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eval.ablation import WithoutCentring, WithoutVectors, without_names, without_words
from eval.baselines import LangChainRetriever, PlainDenseRetriever, RankFusionRetriever, WordBM25Retriever
from index.errors import SettingsError
from index.folder import Index
from rag.retrieve import DenseRetriever, HybridRetriever, LexicalRetriever, Retriever


def _without_rerank(index: Index) -> Retriever:
    return HybridRetriever(index, rerank=False)


def _rank_fusion(index: Index) -> Retriever:
    return RankFusionRetriever((PlainDenseRetriever(index), WordBM25Retriever(index)))


_COMPARED: Mapping[str, Callable[[Index], Retriever]] = {
    "full": HybridRetriever,
    "fused": _without_rerank,
    "dense": DenseRetriever,
    "dense-plain": PlainDenseRetriever,
    "lexical": LexicalRetriever,
    "bm25": WordBM25Retriever,
    "rrf": _rank_fusion,
    "langchain-faiss": LangChainRetriever,
}
_ABLATED: Mapping[str, Callable[[Index], Retriever]] = {
    "without-words": without_words,
    "without-vectors": WithoutVectors,
    "without-centring": WithoutCentring,
    "without-names": without_names,
    "without-rerank": _without_rerank,  # "fused" by the name that it has among these
}
SYSTEMS, ABLATIONS = tuple(_COMPARED), tuple(_ABLATED)
NAMES = (*SYSTEMS, *ABLATIONS)


def make_system(name: str, index: Index) -> Retriever:
    """The retriever called `name`, one of NAMES, over the passages that `index` holds now.

    Raises SettingsError for another name, or if a package is missing.
    """
    if (make := {**_COMPARED, **_ABLATED}.get(name)) is None:
        raise SettingsError(f"there is no system {name!r}; choose one of {', '.join(NAMES)}")
    return make(index)
