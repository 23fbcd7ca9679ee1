"""How search grows: time, memory, disk and recall of ours and of other stores, each in a process of its own.

Every system is given the same passages with the same vectors, so what is measured is the store and not the model:
nothing is encoded. Building is writing an index to disk, searching is opening that and asking one question at a time,
both on one core. Opening is measured alone, too, its libraries loaded: what it takes before the first question.
Recall@10 is against the ten best of all by the score that the system itself ranks by: for ours the cosine centred by
language, for others the cosine. What ours ranks by more than vectors has no such truth.
"""

from __future__ import annotations

import gc
import json
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eval.alone import THREADS, memory, most_memory, not_installed, resident_memory, run_alone
from eval.made import MadeArchive, MadePassage, Question
from index.catalog import BuiltWith, Catalog, ReadySource
from index.centring import language_means
from index.embed import EmbeddedPassage, EmbedderIdentity, Floats, unit
from index.errors import DragomanError, SettingsError
from index.folder import Filters, Index
from index.lock import writing
from index.passages import Chunking
from index.tokens import TokenCodec, TokenVectors
from index.values import Document, Media, Passage, Source, Span
from index.whole import write_whole
from rag.retrieve import HybridRetriever

_K = 10
_WARM_UP = 10  # questions asked before the clock runs
PASSAGES_A_SOURCE = 20
_TRUTH = "truth.json"

Numbers = list[int]  # of passages, best first
Ask = Callable[[Question], Numbers]


@dataclass(frozen=True, slots=True)
class ScaleRow:
    """What one way to search cost, or why it could not be measured."""

    system: str
    kind: str = ""
    build_seconds: float = math.nan
    build_megabytes: float = math.nan  # the most that building held
    disk_megabytes: float = math.nan
    open_seconds: float = math.nan
    open_megabytes: float = math.nan  # the most that opening held beyond the libraries, what it maps and reads included
    search_megabytes: float = math.nan  # held while searching, what is mapped from files left out where that is known
    p50_ms: float = math.nan
    p95_ms: float = math.nan
    cpu_ms: float = math.nan  # median of processor time
    recall: float = math.nan  # @10
    skipped: str = ""


class Store(Protocol):
    """A system that is compared."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """What opening needs to have imported."""
        ...

    def build(self, archive: MadeArchive, folder: Path) -> None:
        """Write an index of all passages under `folder`."""
        ...

    def open(self, folder: Path) -> Any:
        """What `build` wrote, ready to be asked."""
        ...

    def ways(self, opened: Any, archive: MadeArchive) -> Iterator[tuple[str, str, str, Ask]]:
        """Ways to search what is open: a name, what kind of index it is, which truth it is held to, and how."""
        ...


def compare_stores(
    archive: MadeArchive,
    systems: Sequence[str],
    *,
    keep: Path | None = None,
    report: Callable[[str], None] = lambda message: None,
) -> list[ScaleRow]:
    """Build, open and search with each of `systems`.

    With `keep` all is kept in that folder, and what is there of the same archive is not built again. Raises
    SettingsError for an unknown system, or for a folder that holds another archive.
    """
    for system in systems:
        if system not in STORES:
            raise SettingsError(f"there is no system {system!r}; choose one of {', '.join(STORES)}")
    with tempfile.TemporaryDirectory(prefix="dragoman-scale-") as scratch:
        folder = keep or Path(scratch)
        _prepare(archive, folder, report)
        rows = []
        for system in systems:
            report(system)
            rows += _measured(folder, system)
    return rows


def _prepare(archive: MadeArchive, folder: Path, report: Callable[[str], None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    before = folder / "before"
    before.mkdir()
    try:
        archive.save(before)
        for file in before.iterdir():
            if (folder / file.name).exists() and (folder / file.name).read_bytes() != file.read_bytes():
                raise SettingsError(f"{folder}: holds another archive; name another folder to keep this one in")
        for file in before.iterdir():
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(before)
    if not (folder / _TRUTH).exists():
        report("finding the truth")
        write_whole(folder / _TRUTH, json.dumps(_truth(archive)).encode())


def _measured(folder: Path, system: str) -> list[ScaleRow]:
    """The rows of one system. What was built says at its end what that took."""
    where, told = folder / system, folder / f"{system}.json"
    if told.exists():
        built = json.loads(told.read_bytes())
    else:
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir()
        built = _in_its_own_process(folder, system, "build")
        if "skipped" in built:
            return [ScaleRow(system, skipped=built["skipped"])]
        write_whole(told, json.dumps(built).encode())
    built["disk_megabytes"] = sum(file.stat().st_size for file in where.rglob("*") if file.is_file()) / 1e6
    opened = _in_its_own_process(folder, system, "open")
    if "skipped" in opened:
        return [ScaleRow(system, **built, skipped=opened["skipped"])]
    found = _in_its_own_process(folder, system, "search")
    if "skipped" in found:
        return [ScaleRow(system, **built, **opened, skipped=found["skipped"])]
    return [ScaleRow(**row, **built, **opened) for row in found["rows"]]


def slope(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The power of the size with which a value grows: the slope of the line of least squares through the logarithms.

    NaN for less than two values that are known and above 0.
    """
    known = [(size, value) for size, value in zip(sizes, values, strict=True) if value > 0]
    if len({size for size, _ in known}) < 2:
        return math.nan
    logs_of_sizes, logs = np.log(np.array(known, np.float64)).T
    return float(np.polyfit(logs_of_sizes, logs, 1)[0])


def _in_its_own_process(folder: Path, system: str, phase: str) -> dict[str, Any]:
    one_thread = {**os.environ, **dict.fromkeys(THREADS, "1")}
    return run_alone("eval.scale", [str(folder), system, phase], environment=one_thread)


def main(folder: Path, system: str, phase: str) -> dict[str, Any]:
    """What the process of one system does and tells."""
    if hasattr(os, "sched_setaffinity"):  # Linux; elsewhere the environment has asked for one thread
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    store = STORES[system]()
    try:
        if phase == "open":  # without the archive, which would count as the store's memory
            for name in store.libraries:
                import_module(name)
            before = resident_memory()
            begun = time.perf_counter()
            opened = store.open(folder / system)
            seconds, most = time.perf_counter() - begun, most_memory()
            del opened
            return {"open_seconds": seconds, "open_megabytes": (most - before) / 1e6}
        archive = MadeArchive.load(folder)
        if phase == "build":
            begun = time.perf_counter()
            store.build(archive, folder / system)
            return {"build_seconds": time.perf_counter() - begun, "build_megabytes": most_memory() / 1e6}
        truth = json.loads((folder / _TRUTH).read_text(encoding="utf-8"))
        # Only what is asked is kept of the archive, or its real passages would count as the store's memory.
        asked = replace(archive, parents=())
        del archive
        gc.collect()
        rows = []
        for name, kind, by, ask in store.ways(store.open(folder / system), asked):
            rows.append(asdict(_asked(name, kind, ask, asked.questions, truth.get(by))))
        kept = ("system", "kind", "search_megabytes", "p50_ms", "p95_ms", "cpu_ms", "recall")
        return {"rows": [{name: row[name] for name in kept} for row in rows]}
    except ImportError as error:
        return not_installed(error)
    except DragomanError as error:
        return {"skipped": str(error)}


def _asked(name: str, kind: str, ask: Ask, questions: Sequence[Question], truth: Sequence[Numbers] | None) -> ScaleRow:
    for question in questions[:_WARM_UP]:
        ask(question)
    wall, cpu, shares = [], [], []
    for place, question in enumerate(questions):
        begun, begun_cpu = time.perf_counter(), time.process_time()
        found = ask(question)
        cpu.append(time.process_time() - begun_cpu)
        wall.append(time.perf_counter() - begun)
        if truth:
            shares.append(len({*found[:_K]} & {*truth[place]}) / len(truth[place]))
    return ScaleRow(
        name,
        kind,
        search_megabytes=memory() / 1e6,
        p50_ms=float(np.percentile(wall, 50)) * 1e3,
        p95_ms=float(np.percentile(wall, 95)) * 1e3,
        cpu_ms=float(np.percentile(cpu, 50)) * 1e3,
        recall=float(np.mean(shares)) if shares else math.nan,
    )


def _truth(archive: MadeArchive) -> dict[str, list[Numbers]]:
    """By each score the numbers of the ten best passages for each question."""
    queries = np.array([question.vector for question in archive.questions])
    sums: dict[str, tuple[NDArray[np.float64], int]] = {}
    for block in archive.blocks():
        for lang, _, vectors in _by_language(block):
            total, count = sums.get(lang, (np.zeros(vectors.shape[1]), 0))
            sums[lang] = total + vectors.sum(axis=0, dtype=np.float64), count + len(vectors)
    means = language_means(sums)
    centred = unit(queries - np.mean(list(means.values()), axis=0))
    nothing: tuple[NDArray[Any], NDArray[Any]] = (np.zeros((len(queries), 0)), np.zeros((len(queries), 0), np.int64))
    best = {"cosine": nothing, "centred": nothing}
    for block in archive.blocks():
        for lang, numbers, vectors in _by_language(block):
            scores = {"cosine": queries @ unit(vectors).T, "centred": centred @ unit(vectors - means[lang]).T}
            for name, (kept, kept_numbers) in best.items():
                all_scores = np.concatenate([kept, scores[name]], axis=1)
                all_numbers = np.concatenate([kept_numbers, np.broadcast_to(numbers, scores[name].shape)], axis=1)
                order = np.argsort(-all_scores, axis=1, kind="stable")[:, :_K]
                best[name] = np.take_along_axis(all_scores, order, 1), np.take_along_axis(all_numbers, order, 1)
    return {name: numbers.tolist() for name, (_, numbers) in best.items()}


def _by_language(block: list[MadePassage]) -> Iterator[tuple[str, NDArray[np.int64], Floats]]:
    for lang in sorted({passage.lang for passage in block}):
        its = [passage for passage in block if passage.lang == lang]
        yield lang, np.array([each.number for each in its], np.int64), np.array([each.vector for each in its])


# The systems


class GivenEmbedder:
    """An embedder that knows the questions' vectors already."""

    def __init__(self, archive: MadeArchive) -> None:
        self._questions = {question.text: question for question in archive.questions}
        self.identity = identity_of(archive)

    def embed_query(self, text: str) -> Floats:
        return self._questions[text].vector

    def query_tokens(self, text: str) -> TokenVectors:
        return self._questions[text].tokens

    def embed_passages(self, texts: list[str]) -> Iterator[Floats]:
        raise NotImplementedError

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        raise NotImplementedError

    def passage_tokens(self, texts: list[str]) -> list[TokenVectors]:
        raise NotImplementedError

    def count_tokens(self, texts: list[str]) -> list[int]:
        raise NotImplementedError


def identity_of(archive: MadeArchive) -> EmbedderIdentity:
    """What an index of the archive is built with."""
    return EmbedderIdentity(f"made with {archive.embedder}", "given", len(archive.questions[0].vector), "", "")


class _Ours:
    """An index of ours, which holds words and token vectors, too, and in which copies of documents are linked."""

    libraries = ("faiss", "rensa", "tantivy")

    def build(self, archive: MadeArchive, folder: Path) -> None:
        built_with = BuiltWith(identity_of(archive), Chunking())
        with writing(folder), Index(folder, Catalog(folder, built_with=built_with)) as index:
            index.catalog.keep_token_codec(archive.codec)
            index.bring_caches_forward(writable=True)
            for block in archive.blocks():
                starts = range(0, len(block), PASSAGES_A_SOURCE)
                index.commit([source_of(block[start : start + PASSAGES_A_SOURCE]) for start in starts], remove=[])
                pending = index.catalog.pending(len(block))
                made = zip(pending, block, strict=True)
                index.embed(pending, {its.hash: EmbeddedPassage(p.vector, p.tokens) for its, p in made})
            index.save()

    def open(self, folder: Path) -> Index:
        return Index.open(folder)

    def ways(self, opened: Any, archive: MadeArchive) -> Iterator[tuple[str, str, str, Ask]]:
        index: Index = opened
        index.use_embedder(GivenEmbedder(archive))
        # Keys are given out in the order in which passages were committed.
        keys = np.sort(index.catalog.keys_where("", ""))

        def dense(question: Question) -> Numbers:
            hits = index.search_dense(question.vector, k=_K, filters=Filters())[:_K]
            return np.searchsorted(keys, [hit.key for hit in hits]).tolist()

        kind = index.dense.kind
        yield "dragoman, vectors alone", kind, "centred", dense
        for name, rerank in (("dragoman, fused with words", False), ("dragoman, and reranked", True)):
            retriever = HybridRetriever(index, rerank=rerank)
            yield name, kind, "", lambda question, retriever=retriever: _retrieved(retriever, question)


def _retrieved(retriever: HybridRetriever, question: Question) -> Numbers:
    return [hit.passage.span.start for hit in retriever.retrieve(question.text, k=_K)]


def source_of(block: list[MadePassage], *, within: str = "", date: str = "") -> ReadySource:
    """Some passages as the paragraphs of one file, in the folder `within` and of this date."""
    path = f"{within}{block[0].number:07}.txt"
    text = "\n\n".join(passage.text for passage in block)
    # A source of several languages is several documents.
    documents, ready, start = {}, [], 0
    for passage in block:
        span = Span(start, start + len(passage.text))
        start = span.end + 2
        id_ = f"{path}:{passage.lang}"
        spans = (*documents[id_].spans, span) if id_ in documents else (span,)
        documents[id_] = Document(id_, path, "", passage.lang, date, spans, spans)
        ready.append(
            Passage(
                id=f"{id_}:{span.start}-{span.end}",
                document_id=id_,
                source_path=path,
                span=span,
                text=passage.text,
                readable=passage.text,
                spelling=Source(path, Media.TEXT, "", "").spelling,
                lang=passage.lang,
                title="",
                date=date,
            )
        )
    source = Source(path, Media.TEXT, "", text)
    return ReadySource(source, f"/made/{path}", tuple(documents.values()), (), tuple(ready))


class _RawFaiss:
    """A flat faiss index of float32, with nothing beside it."""

    libraries = ("faiss",)

    def build(self, archive: MadeArchive, folder: Path) -> None:
        import faiss

        index: Any = faiss.IndexFlatIP(len(archive.questions[0].vector))
        for block in archive.blocks():
            index.add(np.array([passage.vector for passage in block]))
        faiss.write_index(index, str(folder / "flat.faiss"))

    def open(self, folder: Path) -> Any:
        import faiss

        return faiss.read_index(str(folder / "flat.faiss"))

    def ways(self, opened: Any, archive: MadeArchive) -> Iterator[tuple[str, str, str, Ask]]:
        def ask(question: Question) -> Numbers:
            return opened.search(question.vector[None], _K)[1][0].tolist()

        yield "faiss", "exact, float32", "cosine", ask


class _LangChain:
    """LangChain's FAISS store with its defaults: the texts in a dictionary, the vectors in a flat index."""

    libraries = ("faiss", "langchain_community.vectorstores")

    def build(self, archive: MadeArchive, folder: Path) -> None:
        store, given = self._parts()
        made: Any = None
        for block in archive.blocks():
            pairs = [(passage.text, passage.vector.tolist()) for passage in block]
            numbers = [{"number": passage.number} for passage in block]
            if made is None:
                made = store.from_embeddings(pairs, given, metadatas=numbers)
            else:
                made.add_embeddings(pairs, metadatas=numbers)
        made.save_local(str(folder))

    def open(self, folder: Path) -> Any:
        store, given = self._parts()
        # Its files are pickles, which run what is in them; these were written by `build`.
        return store.load_local(str(folder), given, allow_dangerous_deserialization=True)

    def ways(self, opened: Any, archive: MadeArchive) -> Iterator[tuple[str, str, str, Ask]]:
        def ask(question: Question) -> Numbers:
            found = opened.similarity_search_by_vector(question.vector.tolist(), k=_K)
            return [document.metadata["number"] for document in found]

        yield "langchain-faiss", "exact, float32", "cosine", ask

    @staticmethod
    def _parts() -> tuple[Any, Any]:
        from langchain_community.vectorstores import FAISS
        from langchain_core.embeddings import FakeEmbeddings  # it wants some; none is asked

        return FAISS, FakeEmbeddings(size=1)


class _Chroma:
    """Chroma on disk with its defaults, the vectors given."""

    libraries = ("chromadb",)

    def build(self, archive: MadeArchive, folder: Path) -> None:
        client = self._client(folder)
        made = client.create_collection("passages", embedding_function=None, metadata={"hnsw:space": "cosine"})
        for block in archive.blocks():
            made.add(
                ids=[str(passage.number) for passage in block],
                embeddings=[passage.vector for passage in block],
                documents=[passage.text for passage in block],
            )

    def open(self, folder: Path) -> Any:
        return self._client(folder).get_collection("passages", embedding_function=None)

    def ways(self, opened: Any, archive: MadeArchive) -> Iterator[tuple[str, str, str, Ask]]:
        def ask(question: Question) -> Numbers:
            found = opened.query(query_embeddings=[question.vector], n_results=_K, include=["documents"])
            return [int(id_) for id_ in found["ids"][0]]

        yield "chroma", "HNSW", "cosine", ask

    @staticmethod
    def _client(folder: Path) -> Any:
        import chromadb  # pyright: ignore[reportMissingImports] - in the extra "bench"

        return chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False))


class _Lance:
    """LanceDB without an index, as it advises for up to 100,000 rows, or with the one that it makes by default."""

    libraries = ("lancedb",)

    indexed = False

    def build(self, archive: MadeArchive, folder: Path) -> None:
        import lancedb  # pyright: ignore[reportMissingImports] - in the extra "bench"
        import pyarrow  # pyright: ignore[reportMissingImports]

        vector = pyarrow.list_(pyarrow.float32(), len(archive.questions[0].vector))
        schema = pyarrow.schema([("number", pyarrow.int64()), ("text", pyarrow.string()), ("vector", vector)])
        table = lancedb.connect(str(folder)).create_table("passages", schema=schema)
        rows: list[dict[str, Any]] = []
        for block in archive.blocks():
            rows += [{"number": each.number, "text": each.text, "vector": each.vector} for each in block]
            if len(rows) >= 20_000:  # each time is a file
                table.add(pyarrow.Table.from_pylist(rows, schema=schema))
                rows = []
        if rows:
            table.add(pyarrow.Table.from_pylist(rows, schema=schema))
        if self.indexed:
            table.create_index(metric="cosine")

    def open(self, folder: Path) -> Any:
        import lancedb  # pyright: ignore[reportMissingImports] - in the extra "bench"

        return lancedb.connect(str(folder)).open_table("passages")

    def ways(self, opened: Any, archive: MadeArchive) -> Iterator[tuple[str, str, str, Ask]]:
        def ask(question: Question) -> Numbers:
            query = opened.search(question.vector).distance_type("cosine").limit(_K).select(["number", "text"])
            return [row["number"] for row in query.to_list()]

        yield ("lancedb-index", "IVF PQ", "cosine", ask) if self.indexed else ("lancedb", "exact", "cosine", ask)


class _IndexedLance(_Lance):
    indexed = True


STORES: dict[str, Callable[[], Store]] = {
    "dragoman": _Ours,
    "faiss": _RawFaiss,
    "langchain-faiss": _LangChain,
    "chroma": _Chroma,
    "lancedb": _Lance,
    "lancedb-index": _IndexedLance,
}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])))  # noqa: T201 - to the process that asked
