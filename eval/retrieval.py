"""Retrieval over a set: an index of its corpus, a run of a system, measures of the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
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
from rag.retrieve import Retriever

DEPTH = 100  # documents in a run
# A document is several passages; this many are asked for so that DEPTH documents are found.
_PASSAGES = 3 * DEPTH


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
    """The folder of an index of the set's corpus, kept in the cache directory.

    It is made once for each corpus, embedder, chunking and state of our own indexing code: an index that older code
    made has other passages, and measuring it would show that code. With a `CachedEmbedder` making it anew takes
    seconds. Interrupted, it is whole batches; the next call goes on. Raises KeyboardInterrupt.
    """
    chunking = Chunking()
    documents = [asdict(document) for document in retrieval_set.corpus]
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


def report_retrieval(retrieval_set: RetrievalSet, system: str, index: Index, run: Run) -> RetrievalReport:
    """The figures of a run, signed."""
    signed = signature(retrieval_set.sha256, index.catalog.built_with)
    return RetrievalReport(retrieval_set.name, system, measure(retrieval_set, run, signed), run)
