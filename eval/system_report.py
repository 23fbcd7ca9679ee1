"""One system on one set, as `dragoman eval run` reports it: its measures, and what its passages cost and are."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from ir_measures import nDCG

from eval.embeddings import CachedEmbedder
from eval.figures import Figure, bootstrap, figure, signature
from eval.measures import (
    duplicate_share,
    index_recall,
    language_shares,
    measure,
    median,
    p95,
    peak_memory_bytes,
    perfectly_reranked,
    recall_within_tokens,
    throughput,
)
from eval.pairs import PairFigures, pair_figures
from eval.retrieval import DEPTH, Ranking, index_corpus, rank_queries, run_of
from eval.runs import Run
from eval.sets import RetrievalSet
from eval.systems import make_system
from index.errors import SettingsError
from index.folder import Index
from index.ingest import Progress
from index.values import Passage
from rag.rerank import CrossEncoderReranker
from rag.retrieve import HybridRetriever

FIRST = 10  # how far down is looked
TOKEN_BUDGET = 1000
INDEX_RECALL_QUESTIONS = 50  # each is compared with every vector

_SHOWN_OF_PAIRS = ("nDCG@10", "R@10", "Success@1", "Success@5")  # as text; JSON has all
_ON_DENSE_INDEX = frozenset(("full", "fused", "dense"))  # the other systems search dense vectors exhaustively, or none


@dataclass(frozen=True, slots=True)
class SystemReport:
    """A system's figures on a set, those of `measures.MEASURES` first, and the run that they were counted from."""

    set_name: str
    system: str
    figures: tuple[Figure, ...]
    pairs: PairFigures
    run: Run

    def to_json(self) -> str:
        """The JSON document that `dragoman eval run --json` prints."""
        document = {
            "set": self.set_name,
            "system": self.system,
            "figures": [each.to_json() for each in self.figures],
            **self.pairs.to_json(),
        }
        return json.dumps(document, ensure_ascii=False, indent=2)

    def to_text(self) -> str:
        """The figures a line each, then a table of pairs of languages if there are several, then the signature."""
        lines = [f"{self.set_name}, {self.system}: mean [95 % interval] over queries"]
        lines += [f"  {each}" for each in self.figures]
        if len(self.pairs.by_pair) > 1:
            rows = [*self.pairs.by_pair.items(), ("macro", self.pairs.macro)]
            shown = [i for i, each in enumerate(self.pairs.macro) if each.name in _SHOWN_OF_PAIRS]
            lines.append(f"{'pair':<8}{'n':>6}" + "".join(f"{self.pairs.macro[i].name:>22}" for i in shown))
            for pair, row in rows:
                lines.append(f"{pair:<8}{row[0].n:>6}" + "".join(f"{_cell(row[i]):>22}" for i in shown))
            lines.append(f"{'worst':<14}" + "".join(f"{_at(*self.pairs.worst[i]):>22}" for i in shown))
        return "\n".join([*lines, self.figures[0].signature])


def _cell(each: Figure) -> str:
    return f"{each.value:.3f} [{each.low:.3f}, {each.high:.3f}]"


def _at(pair: str, each: Figure) -> str:
    return f"{each.value:.3f} {pair}"


def measure_system(
    retrieval_set: RetrievalSet,
    system: str,
    embedder: CachedEmbedder,
    *,
    cross: CrossEncoderReranker | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_query: Callable[[int], None] = lambda done: None,
    report: Callable[[str], None] = lambda message: None,
) -> SystemReport:
    """Index the set's corpus, ask a system of `systems.NAMES` every judged query, and count.

    A cross-encoder can order what "full" finds.

    Beside the measures of the ranking there are, as means over queries: what a perfect reranker of the first DEPTH
    documents would reach; recall within TOKEN_BUDGET tokens; the share of duplicates and of each language among the
    first FIRST passages; for systems that search the dense index, how much of an exhaustive search it finds. Then
    latencies of a query's retrieval, the first query's among them; the most memory held until all were asked; and
    passages indexed a second, only if none of them was embedded by an earlier run.

    The embedder must not cache queries, or latencies are a cache's. Raises SettingsError for an unknown system,
    or a cross-encoder with another than full, DataSetError if no query has a relevant document, KeyboardInterrupt.
    """
    if cross and system != "full":
        raise SettingsError(f"--reranker goes with --system full, not with {system}; leave one of them away")
    begun = time.perf_counter()
    folder = index_corpus(retrieval_set, embedder, on_progress=on_progress)
    indexing_seconds = time.perf_counter() - begun
    made = 0 if embedder.passages_found else embedder.passages_made
    with Index.open(folder, report=report) as index:
        index.use_embedder(embedder)
        retriever = HybridRetriever(index, cross=cross) if cross else make_system(system, index)
        rankings = rank_queries(retrieval_set, retriever, on_query=on_query)
        memory = peak_memory_bytes()
        signed = signature(retrieval_set.sha256, index.catalog.built_with)
        recalls: list[float] = []
        if system in _ON_DENSE_INDEX:
            step = math.ceil(len(rankings) / INDEX_RECALL_QUESTIONS) or 1
            recalls = index_recall(index, [query.text for query in retrieval_set.judged[::step]], k=FIRST)
    run = run_of(rankings)
    figures = [*measure(retrieval_set, run, signed), _ceiling(retrieval_set, run, signed)]
    figures += _passage_figures(retrieval_set, rankings, embedder, signed)
    if recalls:
        figures.append(figure(f"index recall@{FIRST}", recalls, signed))
    seconds = [ranking.seconds for ranking in rankings.values()]
    figures.append(bootstrap("latency p50 s", median, seconds, signed))
    figures.append(bootstrap("latency p95 s", p95, seconds, signed))
    if not math.isnan(memory):
        figures.append(_measured_once("peak memory MB", memory / 1e6, signed))
    if made:
        figures.append(_measured_once("passages/s", throughput(made, indexing_seconds), signed))
    system += f"+{cross.name}" if cross else ""
    return SystemReport(retrieval_set.name, system, tuple(figures), pair_figures(retrieval_set, run, signed), run)


def _ceiling(retrieval_set: RetrievalSet, run: Run, signed: str) -> Figure:
    best = perfectly_reranked(retrieval_set, run, depth=DEPTH)
    [ceiling] = measure(retrieval_set, best, signed, [nDCG @ FIRST])
    return replace(ceiling, name=f"{ceiling.name} perfectly reranked")


def _passage_figures(
    retrieval_set: RetrievalSet, rankings: Mapping[str, Ranking], embedder: CachedEmbedder, signed: str
) -> Iterator[Figure]:
    @cache
    def length(passage: Passage) -> int:
        return embedder.count_tokens([passage.readable])[0]

    within, duplicates, shares = [], [], []
    for query, ranking in rankings.items():
        relevant = [document for document, grade in retrieval_set.qrels[query].items() if grade > 0]
        within.append(_recall_within_budget(ranking.passages, relevant, length))
        if ranking.passages:
            duplicates.append(duplicate_share([passage.readable for passage in ranking.passages[:FIRST]], k=FIRST))
            shares.append(language_shares([passage.lang for passage in ranking.passages[:FIRST]], k=FIRST))
    yield figure(f"R within {TOKEN_BUDGET} tokens", within, signed)
    yield figure(f"duplicates@{FIRST}", duplicates, signed)
    by_lang = [
        figure(f"lang {lang}@{FIRST}", [share.get(lang, 0.0) for share in shares], signed)
        for lang in sorted({lang for share in shares for lang in share})
    ]
    yield from sorted(by_lang, key=lambda share: -share.value)


def _recall_within_budget(
    passages: tuple[Passage, ...], relevant: list[str], length: Callable[[Passage], int]
) -> float:
    tokens: list[int] = []
    for passage in passages:
        tokens.append(length(passage))
        if sum(tokens) > TOKEN_BUDGET:
            break  # what comes after does not fit either, and need not be counted
    found = [{passage.source_path} for passage in passages[: len(tokens)]]
    return recall_within_tokens(found, tokens, relevant, budget=TOKEN_BUDGET)


def _measured_once(name: str, value: float, signed: str) -> Figure:
    return Figure(name, value, value, value, 1, signed)
