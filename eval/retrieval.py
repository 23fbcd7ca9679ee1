"""Retrieval over a set: an index of its corpus, a run of a system, measures of the run."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import index as index_package
from eval.figures import Figure, signature
from eval.measures import measure
from eval.runs import Run
from eval.sets import RetrievalSet
from index.e5 import cache_directory
from index.embed import Embedder
from index.folder import Index
from index.ingest import GivenDocument, Progress, ingest_given
from index.passages import Chunking
from index.values import Passage
from rag.follow_up import stand_alone
from rag.retrieve import Retriever

DEPTH = 100  # documents in a run
# A document is several passages; this many are asked for so that DEPTH documents are found.
_PASSAGES = 3 * DEPTH


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a system found for one query."""

    documents: dict[str, float]  # id to score, at most DEPTH, best first
    passages: tuple[Passage, ...]  # of these and further documents, best first
    seconds: float  # from the query's text to all of these passages, of which a run asks for more than a reader would


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """A system's measures on a set, and the run that they were counted from."""

    set_name: str
    system: str
    figures: tuple[Figure, ...]
    run: Run


def index_corpus(
    retrieval_set: RetrievalSet, embedder: Embedder, *, on_progress: Callable[[Progress], None] = lambda progress: None
) -> Path:
    """The folder of an index of the set's corpus, kept in the cache directory.

    It is made once for each corpus, embedder, chunking and state of our own indexing code: an index that older code
    made has other passages, and measuring it would show that code. With a `CachedEmbedder` making it anew takes
    seconds. Interrupted, it is whole batches; the next call goes on. Raises KeyboardInterrupt.
    """
    chunking = Chunking()
    # A field that a set does not fill names no other folder than before there was such a field.
    documents = [
        {name: value for name, value in asdict(document).items() if name != "date" or value}
        for document in retrieval_set.corpus
    ]
    key = json.dumps([documents, asdict(embedder.identity), asdict(chunking), _code_sha256()], sort_keys=True)
    folder = cache_directory() / "eval" / hashlib.sha256(key.encode()).hexdigest()[:16]
    index_corpus_into(folder, retrieval_set, embedder, on_progress=on_progress)
    return folder


def _code_sha256() -> str:
    """What `index` is made of, file by file."""
    digest = hashlib.sha256()
    for file in sorted(Path(str(index_package.__file__)).parent.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def index_corpus_into(
    folder: Path,
    retrieval_set: RetrievalSet,
    embedder: Embedder,
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Make an index of the set's corpus in `folder`. Raises KeyboardInterrupt, with whole batches done."""
    documents = [GivenDocument(each.id, each.title, each.text, each.date) for each in retrieval_set.corpus]
    report = ingest_given(documents, folder, embedder=embedder, chunking=Chunking(), on_progress=on_progress)
    if report.interrupted:
        raise KeyboardInterrupt


def rank_queries(
    retrieval_set: RetrievalSet,
    system: Retriever,
    *,
    on_query: Callable[[int], None] = lambda done: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Ranking]:
    """What the system finds for every judged query, by the query's id; a document scores as its best passage does."""
    rankings: dict[str, Ranking] = {}
    known: dict[str, Passage] = {}  # one object a passage, or the rankings would hold its text once for each query
    for query in retrieval_set.judged:
        begun = clock()
        hits = system.retrieve(query.text, k=_PASSAGES)
        seconds = clock() - begun
        scores: dict[str, float] = {}
        for hit in hits:
            scores.setdefault(hit.passage.source_path, hit.score)  # best first, so the first is the best
        passages = tuple(known.setdefault(hit.passage.id, hit.passage) for hit in hits)
        rankings[query.id] = Ranking(dict(list(scores.items())[:DEPTH]), passages, seconds)
        on_query(len(rankings))
    return rankings


def in_conversation(retrieval_set: RetrievalSet) -> RetrievalSet:
    """The set with each query as it is searched after those before it."""
    queries = tuple(replace(query, text=stand_alone(query.text, query.earlier)) for query in retrieval_set.queries)
    return replace(retrieval_set, queries=queries)


def run_system(
    retrieval_set: RetrievalSet, system: Retriever, *, on_query: Callable[[int], None] = lambda done: None
) -> Run:
    """The documents of `rank_queries`."""
    return run_of(rank_queries(retrieval_set, system, on_query=on_query))


def run_of(rankings: Mapping[str, Ranking]) -> Run:
    """The documents and scores of rankings alone."""
    return {query: ranking.documents for query, ranking in rankings.items()}


def report_retrieval(retrieval_set: RetrievalSet, system: str, index: Index, run: Run) -> RetrievalReport:
    """The measures of a run, signed."""
    signed = signature(retrieval_set.sha256, index.catalog.built_with)
    return RetrievalReport(retrieval_set.name, system, measure(retrieval_set, run, signed), run)
