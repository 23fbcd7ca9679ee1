"""How fast a folder of texts becomes an index: ours, the encoder alone, and other systems, in one run.

Each system takes in the same files with the same model, in a process of its own, in rounds: machines are busy now and
idle a minute later, so what is compared is what was measured in one round. Each cuts text by its own splitter, told the
same size and overlap; so passages are counted as so many times PASSAGE_TOKENS tokens of what was embedded, repeated
sentences among them. Starting, which is loading libraries and the model and taking in a few files, is timed apart.
"""

from __future__ import annotations

import json
import math
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from eval.alone import THREADS, cpu_seconds, most_memory, not_installed, run_alone
from eval.sets import RetrievalSet
from index.crew import Crew
from index.e5 import Encoder, packaged_weights, write_checkpoint
from index.e5 import cache_directory as models
from index.e5 import unpack as unpack_model
from index.embed import BUNDLED, Embedder, load_embedder, unit
from index.errors import DataSetError, DragomanError, ModelError, SettingsError
from index.files import discover
from index.folder import Index
from index.ingest import ingest
from index.language import detect_language
from index.passages import Chunking, searched_text, split_passages
from index.ray_crew import ray_crew
from index.sentences import split_sentences
from index.workers import Job, read_file

PASSAGE_TOKENS = 180
RAW = "onnxruntime"
# Whole sentences: passages come out about as much shorter than the most as half a sentence.
_CHUNKING = Chunking(max_tokens=208, overlap_sentences=1)
_OVERLAP_TOKENS = 25  # for those that are not told it in sentences; about one
_PREFIX = "passage: "
_LONGEST_FILE = 12  # passages
_SENTENCES_A_PARAGRAPH = (3, 8)
_LEAST_SHARE = 0.1  # of the sentences of the commonest language; fewer may be in one that was told wrongly
_WARM_UP = 8  # passages that are taken in before the clock runs
_FIRST, _TEXTS, _MODEL, _SIZES, _MADE = "first", "texts", "model", "sizes.json", "made.json"

_Counted = tuple[str, int]  # a sentence and its tokens


@dataclass(frozen=True, slots=True)
class Took:
    """What one system took in one round."""

    system: str
    seconds: float
    cpu_seconds: float
    start_seconds: float
    megabytes: float  # the most that all of its processes held
    disk_megabytes: float  # of what it wrote, warm-up and all
    load: float  # of the machine when it began, this system not counted: processes that run or wait to
    passages: int  # as it cut them
    tokens: int  # of them all

    @property
    def counted(self) -> float:
        """Its passages as they are counted here."""
        return self.tokens / PASSAGE_TOKENS


@dataclass(frozen=True, slots=True)
class ThroughputRow:
    """What one system took, by the median round, or why it could not be measured."""

    system: str
    passages_a_second: float = math.nan
    of_raw: float = math.nan  # passages a second, as a share of the encoder's alone in the same round
    of_raw_cpu: float = math.nan  # passages in a second of processor time, likewise
    cpu_ms: float = math.nan  # processor time of a passage
    start_seconds: float = math.nan
    megabytes: float = math.nan  # most of all rounds
    disk_megabytes: float = math.nan
    passages: int = 0  # as it cut them
    mean_tokens: float = math.nan
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What was measured, and under what load."""

    rows: tuple[ThroughputRow, ...]
    rounds: int
    files: int
    characters: int
    loads: tuple[float, ...]


class System(Protocol):
    """What makes an index of a folder of texts. Starting it loads what it needs."""

    def take_in(self, texts: Path, folder: Path) -> None:
        """Add the files under `texts` to the index in `folder`, embedded and written to disk."""
        ...

    def embedded(self, texts: Path, folder: Path) -> list[str]:
        """What was embedded of those files."""
        ...


def compare_throughput(
    sets: Sequence[RetrievalSet],
    systems: Sequence[str],
    *,
    passages: int,
    rounds: int,
    report: Callable[[str], None] = lambda message: None,
) -> Throughput:
    """Take in about so many passages, made of the sentences of `sets`, with each of `systems`, `rounds` times.

    The encoder alone is always measured, too. Raises SettingsError for an unknown system, DataSetError if there are no
    sentences, ModelError where the bundled model has no package.
    """
    for system in systems:
        if system not in SYSTEMS:
            raise SettingsError(f"there is no system {system!r}; choose one of {', '.join(SYSTEMS)}")
    weights = packaged_weights()
    if weights is None:
        raise ModelError("the bundled model has no package on this platform, so there is nothing to compare")
    embedder = load_embedder(BUNDLED, report=report)
    measured = dict.fromkeys([RAW, *systems])
    found: dict[str, list[Took]] = {system: [] for system in measured}
    skipped: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="dragoman-throughput-") as scratch:
        work = Path(scratch)
        characters, tokens = _write_texts(work, sets, passages, embedder)
        report("writing the float32 checkpoint")
        (work / _MODEL).mkdir()
        write_checkpoint(weights, work / _MODEL)
        sizes = {"characters a token": characters / tokens, "dimension": embedder.identity.dimension}
        (work / _SIZES).write_text(json.dumps(sizes), encoding="utf-8")
        for number in range(rounds):
            # Each stands once at each place, as far as there are rounds, so that none is always first.
            order = list(measured)
            turn = number % len(order)
            for system in order[turn:] + order[:turn]:
                if system in skipped:
                    continue
                report(f"round {number + 1} of {rounds}: {system}")
                took = _took(work, system, embedder)
                if isinstance(took, str):
                    skipped[system] = took
                else:
                    found[system].append(took)
        files = sum(1 for _ in (work / _TEXTS).iterdir())
    rows = tuple(
        ThroughputRow(system, skipped=skipped[system]) if system in skipped else summarised(found[system], found[RAW])
        for system in measured
    )
    loads = tuple(took.load for each in found.values() for took in each)
    return Throughput(rows, rounds, files, characters, loads)


def _took(work: Path, system: str, embedder: Embedder) -> Took | str:
    load = os.getloadavg()[0]
    all_cores = {name: value for name, value in os.environ.items() if name not in THREADS}
    with tempfile.TemporaryDirectory(dir=work) as folder:
        told = run_alone("eval.throughput", [str(work), folder, system], environment=all_cores)
        if "skipped" in told:
            return str(told["skipped"])
        made = json.loads((Path(folder) / _MADE).read_text(encoding="utf-8"))
    return Took(system, **told, load=load, passages=len(made), tokens=sum(embedder.count_tokens(made)))


def summarised(its: Sequence[Took], raw: Sequence[Took]) -> ThroughputRow:
    """A row of the rounds of one system, and of the encoder alone in the same ones."""
    if len(raw) < len(its):
        return ThroughputRow(its[0].system, skipped="there is nothing to compare it with")
    median = statistics.median
    return ThroughputRow(
        its[0].system,
        passages_a_second=median(took.counted / took.seconds for took in its),
        of_raw=median(_ratio(took, alone, lambda each: each.seconds) for took, alone in zip(its, raw, strict=False)),
        of_raw_cpu=median(
            _ratio(took, alone, lambda each: each.cpu_seconds) for took, alone in zip(its, raw, strict=False)
        ),
        cpu_ms=median(1e3 * took.cpu_seconds / took.counted for took in its),
        start_seconds=median(took.start_seconds for took in its),
        megabytes=max(took.megabytes for took in its),
        disk_megabytes=median(took.disk_megabytes for took in its),
        passages=its[0].passages,
        mean_tokens=its[0].tokens / its[0].passages,
    )


def _ratio(took: Took, alone: Took, cost: Callable[[Took], float]) -> float:
    return took.counted / cost(took) / (alone.counted / cost(alone))


def main(work: Path, folder: Path, system: str) -> dict[str, Any]:
    """What the process of one system does and tells."""
    begun = time.perf_counter()
    try:
        its = SYSTEMS[system](work)
        its.take_in(work / _FIRST, folder)
        started, cpu = time.perf_counter(), cpu_seconds()
        its.take_in(work / _TEXTS, folder)
        told = {
            "seconds": time.perf_counter() - started,
            "cpu_seconds": cpu_seconds() - cpu,
            "start_seconds": started - begun,
            "megabytes": most_memory() / 1e6,
            "disk_megabytes": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6,
        }
        (folder / _MADE).write_text(json.dumps(its.embedded(work / _TEXTS, folder)), encoding="utf-8")
    except ImportError as error:
        return not_installed(error)
    except DragomanError as error:
        return {"skipped": str(error)}
    return told


# The texts


def _write_texts(work: Path, sets: Sequence[RetrievalSet], passages: int, embedder: Embedder) -> tuple[int, int]:
    """Write the texts, and a few to warm up with; how many characters and tokens the former have."""
    pools = _sentences(sets, embedder)
    if not pools:
        raise DataSetError("there are no sentences to make texts of; name a set with a corpus")
    rng = random.Random(0)  # noqa: S311 - no secrets
    decks, weights = [(pool, list[_Counted]()) for pool in pools], list(map(len, pools))
    totals = []
    for name, count in ((_FIRST, _WARM_UP), (_TEXTS, passages)):
        (work / name).mkdir()
        characters = tokens = number = 0
        while tokens < count * PASSAGE_TOKENS:
            length = min(rng.randint(1, _LONGEST_FILE) * PASSAGE_TOKENS, count * PASSAGE_TOKENS - tokens)
            text, has = _text(*rng.choices(decks, weights)[0], length, rng)
            (work / name / f"{name}-{number:06}.txt").write_text(text, encoding="utf-8")
            characters, tokens, number = characters + len(text), tokens + has, number + 1
        totals.append((characters, tokens))
    return totals[-1]


def _sentences(sets: Sequence[RetrievalSet], embedder: Embedder) -> list[list[_Counted]]:
    """The sentences of each language that has many, in order."""
    by_lang: dict[str, set[str]] = {}
    for each in sets:
        for document in each.corpus:
            text = " ".join(document.text.split())
            lang = detect_language(text)
            by_lang.setdefault(lang, set()).update(text[start:end] for start, end in split_sentences(text, lang))
    most = max(map(len, by_lang.values()), default=0)
    pools = [sorted(its) for _, its in sorted(by_lang.items()) if its and len(its) >= _LEAST_SHARE * most]
    return [list(zip(pool, embedder.count_tokens(pool), strict=True)) for pool in pools]


def _text(pool: list[_Counted], deck: list[_Counted], tokens: int, rng: random.Random) -> tuple[str, int]:
    """A text of paragraphs of sentences, at least so many tokens long, and how many it has.

    Sentences are drawn from `deck`, which is `pool` shuffled anew whenever it is used up: few texts stand twice, for
    ours would embed them once.
    """
    paragraphs, has = [], 0
    while has < tokens:
        drawn = []
        for _ in range(rng.randint(*_SENTENCES_A_PARAGRAPH)):
            if not deck:
                deck += rng.sample(pool, len(pool))
            drawn.append(deck.pop())
        paragraphs.append(" ".join(sentence for sentence, _ in drawn))
        has += sum(count for _, count in drawn)
    return "\n\n".join(paragraphs) + "\n", has


def _read(texts: Path) -> Iterator[str]:
    return (file.read_text(encoding="utf-8") for file in sorted(texts.iterdir()))


# The systems


class _Ours:
    """`dragoman ingest`: reading, cleaning, cutting, embedding, token vectors, words, copies, all on disk."""

    def __init__(self, work: Path) -> None:
        self._embedder = load_embedder(BUNDLED)
        self._crew: Crew | None = None

    def take_in(self, texts: Path, folder: Path) -> None:
        done = ingest([texts], folder, embedder=self._embedder, chunking=_CHUNKING, crew=self._crew)
        if done.failures or done.left_out:
            raise DataSetError([*done.failures, *done.left_out][0])

    def embedded(self, texts: Path, folder: Path) -> list[str]:
        with Index.open(folder) as index:
            stored = [each.passage for each in index.catalog.added_since(0)]
        its = [searched_text(passage) for passage in stored if passage.source_path.startswith(f"{texts.name}-")]
        return list(dict.fromkeys(its))  # each text is embedded once


class _OnRay(_Ours):
    """The same with a Ray cluster of this machine, which ends with the process."""

    def __init__(self, work: Path, *, cores: int) -> None:
        super().__init__(work)
        self._cluster = ExitStack()
        self._crew = self._cluster.enter_context(ray_crew(self._embedder.identity, cores=cores))


class _Raw:
    """The bundled encoder alone, over the passages that ours cuts; they are tokenised and sorted beforehand."""

    def __init__(self, work: Path) -> None:
        weights = packaged_weights()
        assert weights is not None
        self._encoder = Encoder(unpack_model(weights, models(), lambda message: None))
        # All reading is done while it starts.
        self._cut = {work / name: self._passages(work / name) for name in (_FIRST, _TEXTS)}
        self._ids = {
            texts: sorted((each.ids for each in self._encoder.tokenize([_PREFIX + text for text in cut])), key=len)[
                ::-1
            ]
            for texts, cut in self._cut.items()
        }

    def take_in(self, texts: Path, folder: Path) -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda ids: unit(self._encoder.token_vectors(ids).mean(axis=0)), self._ids[texts]))

    def embedded(self, texts: Path, folder: Path) -> list[str]:
        return self._cut[texts]

    def _passages(self, texts: Path) -> list[str]:
        found: list[str] = []
        for file in discover([texts]).files:
            read = read_file(Job(file, file.name))
            for document in read.cleaned.documents:
                cut = split_passages(document, read.source, chunking=_CHUNKING, count_tokens=self._encoder.count_tokens)
                found += map(searched_text, cut)
        return list(dict.fromkeys(found))


class _Peer:
    """What the peers have in common: the same weights as a folder, and LangChain's splitter where one has none."""

    def __init__(self, work: Path) -> None:
        self.model = str(work / _MODEL)
        self._sizes = json.loads((work / _SIZES).read_text(encoding="utf-8"))
        self.cut: list[str] = []

    def embedded(self, texts: Path, folder: Path) -> list[str]:
        return self.cut

    def langchain_splitter(self) -> Any:
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        # By characters, as it comes, and as many as make so many tokens in these texts: told to count tokens, it counts
        # each piece again each time that it considers it.
        size, overlap = (round(n * self._sizes["characters a token"]) for n in (_CHUNKING.max_tokens, _OVERLAP_TOKENS))
        return RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=overlap)


class _LangChain(_Peer):
    """RecursiveCharacterTextSplitter, HuggingFaceEmbeddings and the FAISS store, saved."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        from langchain_community.embeddings import HuggingFaceEmbeddings
        from langchain_community.vectorstores import FAISS

        self._class: Any = FAISS
        self._store: Any = None
        self._embeddings = HuggingFaceEmbeddings(model_name=self.model, encode_kwargs={"prompt": _PREFIX})
        self._splitter = self.langchain_splitter()

    def take_in(self, texts: Path, folder: Path) -> None:
        documents = self._splitter.create_documents(list(_read(texts)))
        self.cut = [document.page_content for document in documents]
        if self._store is None:
            self._store = self._class.from_documents(documents, self._embeddings)
        else:
            self._store.add_documents(documents)
        self._store.save_local(str(folder))


class _LlamaIndex(_Peer):
    """SentenceSplitter, HuggingFaceEmbedding and the store that VectorStoreIndex comes with, persisted."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        from llama_index.core import VectorStoreIndex  # pyright: ignore[reportMissingImports] - in the extra "bench"
        from llama_index.core.node_parser import SentenceSplitter  # pyright: ignore[reportMissingImports]
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding  # pyright: ignore[reportMissingImports]
        from tokenizers import Tokenizer

        tokenizer: Tokenizer = Tokenizer.from_file(str(Path(self.model) / "tokenizer.json"))
        self._splitter = SentenceSplitter(
            chunk_size=_CHUNKING.max_tokens,
            chunk_overlap=_OVERLAP_TOKENS,
            tokenizer=lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
        )
        # Batches as large as sentence-transformers makes them by default, not the 10 that this would ask for.
        embedding = HuggingFaceEmbedding(self.model, text_instruction=_PREFIX, embed_batch_size=32)
        self._index: Any = VectorStoreIndex(nodes=[], embed_model=embedding)

    def take_in(self, texts: Path, folder: Path) -> None:
        from llama_index.core import Document  # pyright: ignore[reportMissingImports]

        nodes = self._splitter.get_nodes_from_documents([Document(text=text) for text in _read(texts)])
        self.cut = [node.get_content() for node in nodes]
        self._index.insert_nodes(nodes)
        self._index.storage_context.persist(str(folder))


class _Chroma(_Peer):
    """A collection on disk with SentenceTransformerEmbeddingFunction; LangChain's splitter cuts, for it has none."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        from chromadb.utils.embedding_functions import (  # pyright: ignore[reportMissingImports] - in the extra "bench"
            SentenceTransformerEmbeddingFunction,
        )

        self._embedding = SentenceTransformerEmbeddingFunction(
            self.model, normalize_embeddings=True, prompts={"passage": _PREFIX}, default_prompt_name="passage"
        )
        self._splitter = self.langchain_splitter()

    def take_in(self, texts: Path, folder: Path) -> None:
        import chromadb  # pyright: ignore[reportMissingImports]

        client = chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False))
        collection = client.get_or_create_collection("passages", embedding_function=self._embedding)
        self.cut = [cut for text in _read(texts) for cut in self._splitter.split_text(text)]
        most = client.get_max_batch_size()
        for start in range(0, len(self.cut), most):
            some = self.cut[start : start + most]
            collection.add(ids=[f"{texts.name} {start + i}" for i in range(len(some))], documents=some)


SYSTEMS: dict[str, Callable[[Path], System]] = {
    RAW: _Raw,
    "dragoman": _Ours,
    "ray-1": partial(_OnRay, cores=1),
    "ray-2": partial(_OnRay, cores=2),
    "langchain": _LangChain,
    "llama-index": _LlamaIndex,
    "chroma": _Chroma,
}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])))  # noqa: T201 - to the process that asked
