"""Retrieval over a set: an index of its corpus, a run of a system, measures of the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import ir_measures
from ir_measures import AP, RR, R, Success, nDCG

from eval.figures import Figure, figure, signature
from eval.sets import RetrievalSet
from index.e5 import cache_directory
from index.embed import Embedder
from index.folder import Index
from index.ingest import GivenDocument, Progress, ingest_given
from index.passages import Chunking
from rag.retrieve import Retriever

MEASURES = (nDCG @ 10, R @ 10, R @ 100, RR @ 10, Success @ 1, Success @ 5, AP @ 100)
DEPTH = 100  # documents in a run
# A document is several passages; this many are asked for so that DEPTH documents are found.
_PASSAGES = 3 * DEPTH

Run = dict[str, dict[str, float]]  # query id to document id to score


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """A system's figures on a set, and the run that they were counted from."""

    set_name: str
    system: str
    figures: tuple[Figure, ...]
    run: Run

    def to_json(self) -> str:
        """The JSON document that `dragoman eval run --json` prints."""
        document = {"set": self.set_name, "system": self.system, "figures": [f.to_json() for f in self.figures]}
        return json.dumps(document, ensure_ascii=False, indent=2)


def index_corpus(
    retrieval_set: RetrievalSet, embedder: Embedder, *, on_progress: Callable[[Progress], None] = lambda progress: None
) -> Path:
    """The folder of an index of the set's corpus, kept in the cache directory and made once for each embedder.

    Interrupted, it is whole batches; the next call goes on. Raises KeyboardInterrupt.
    """
    chunking = Chunking()
    documents = [asdict(document) for document in retrieval_set.corpus]
    key = json.dumps([documents, asdict(embedder.identity), asdict(chunking)], sort_keys=True)
    folder = cache_directory() / "eval" / hashlib.sha256(key.encode()).hexdigest()[:16]
    index_corpus_into(folder, retrieval_set, embedder, on_progress=on_progress)
    return folder


def index_corpus_into(
    folder: Path,
    retrieval_set: RetrievalSet,
    embedder: Embedder,
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Make an index of the set's corpus in `folder`. Raises KeyboardInterrupt, with whole batches done."""
    documents = [GivenDocument(document.id, document.title, document.text) for document in retrieval_set.corpus]
    report = ingest_given(documents, folder, embedder=embedder, chunking=Chunking(), on_progress=on_progress)
    if report.interrupted:
        raise KeyboardInterrupt


def run_system(
    retrieval_set: RetrievalSet, system: Retriever, *, on_query: Callable[[int], None] = lambda done: None
) -> Run:
    """Rank the set's documents for every judged query; a document scores as its best passage does."""
    run: Run = {}
    for query in retrieval_set.judged:
        scores: dict[str, float] = {}
        for hit in system.retrieve(query.text, k=_PASSAGES):
            scores.setdefault(hit.passage.source_path, hit.score)  # best first, so the first is the best
        run[query.id] = dict(list(scores.items())[:DEPTH])
        on_query(len(run))
    return run


def measure(retrieval_set: RetrievalSet, run: Run, signed: str) -> tuple[Figure, ...]:
    """The mean of each measure over the judged queries, as ir_measures counts them; a query without hits has 0."""
    judged = [query.id for query in retrieval_set.judged]
    qrels = {query: retrieval_set.qrels[query] for query in judged}
    values: dict[str, dict[str, float]] = {str(m): dict.fromkeys(judged, 0.0) for m in MEASURES}
    for metric in ir_measures.iter_calc(list(MEASURES), qrels, run):
        values[str(metric.measure)][metric.query_id] = float(metric.value)
    return tuple(figure(name, list(by_query.values()), signed) for name, by_query in values.items())


def report_retrieval(retrieval_set: RetrievalSet, system: str, index: Index, run: Run) -> RetrievalReport:
    """The figures of a run, signed."""
    signed = signature(retrieval_set.sha256, index.catalog.built_with)
    return RetrievalReport(retrieval_set.name, system, measure(retrieval_set, run, signed), run)


def write_run(run: Run, system: str, location: Path) -> None:
    """Write a run as TREC has it: query, Q0, document, rank, score, system.

    White space in ids would break the columns; it is written as %20, which none of the public sets needs.
    """
    lines = []
    for query, scores in run.items():
        ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
        lines.extend(
            f"{_column(query)} Q0 {_column(document)} {rank} {score:.9g} {system}\n"
            for rank, (document, score) in enumerate(ranked, start=1)
        )
    location.write_text("".join(lines), encoding="utf-8")


def _column(name: str) -> str:
    return "%20".join(name.split())
