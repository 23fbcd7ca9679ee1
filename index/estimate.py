"""What an ingest will take, before it begins: a sample is read, embedded and stored beside, and thrown away."""

from __future__ import annotations

import math
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.catalog import FILE_NAME, BuiltWith, Catalog, ReadySource
from index.embed import Embedder, fit_token_codec
from index.files import FoundFile, discover, size_of, stamp_of
from index.folder import Index
from index.passages import Chunking, split_passages
from index.read import media_of
from index.rules import NO_RULES, Rules
from index.values import Media
from index.workers import Job, ReadFile, read_files, worker_count

_SAMPLE_FILES = 24
_FEWEST_OF_A_TYPE = 2
_LARGEST_READ = 4_000_000  # bytes; that of a type is taken for larger files, too
_SECONDS_A_FILE = 5.0
_SECONDS_TO_READ, _SECONDS_TO_EMBED = 10.0, 8.0
_EMBEDDED_AT_ONCE = 16
_DEVIATIONS = 2.0  # of the spread that is told: 19 times of 20, if types of files are alike in themselves
_LEAST_SPREAD = 0.1  # files that are all alike in a sample are not so in an archive
# Measured on ingests of 10,000 texts: a process that reads, and what is held of each passage beside its vectors.
_WORKER_BYTES = 120_000_000
_BYTES_A_PASSAGE = 500


@dataclass(frozen=True, slots=True)
class Spread:
    """An estimate with the bounds that it will most likely stay within."""

    expected: float
    low: float
    high: float

    def times(self, factor: float) -> Spread:
        """The same of something that there is so much more of."""
        return Spread(factor * self.expected, factor * self.low, factor * self.high)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an ingest will take. Text that was embedded before costs less; that is not counted."""

    files: int  # new or changed
    unchanged: int
    file_bytes: int  # of the new or changed files
    sample_files: int  # read to estimate the rest
    sample_passages: int  # of these embedded
    unread: int  # files of the sample that could not be read, or not in time
    passages: Spread
    reading_seconds: Spread  # after which everything can be asked, by its words
    passages_a_second: float  # that this machine embeds now
    embedding_seconds: Spread
    disk_bytes: Spread
    disk_free_bytes: int
    memory_bytes: float  # at most


@dataclass(frozen=True, slots=True)
class _Sampled:
    """What was found in a file of the sample: nothing in one that could not be read."""

    size: int  # bytes
    passages: int
    text_bytes: int  # in UTF-8
    seconds: float  # of one process that reads it, and of this one that cuts and stores it


def estimate(
    paths: list[Path],
    folder: Path,
    *,
    embedder: Embedder,
    chunking: Chunking | None = None,
    rules: Rules | None = None,
    workers: int = 0,
) -> Estimate:
    """What `ingest` with these arguments will take. The index in `folder` is left as it is; there need be none yet."""
    files = discover(paths).files
    new, built_with, by_rules = _to_be_read(files, folder, BuiltWith(embedder.identity, chunking or Chunking()), rules)
    strata = _strata(new)
    sampled, sources = _read_sample(_sample(strata), embedder, built_with.chunking, by_rules)
    with tempfile.TemporaryDirectory(prefix="dragoman-") as beside:
        stored = _store(Path(beside), sources, embedder, built_with)
    passages = _total(strata, sampled, lambda file: file.passages)
    seconds = _total(strata, sampled, lambda file: file.seconds)
    processes = worker_count(len(new), at_most=workers)
    return Estimate(
        files=len(new),
        unchanged=len(files) - len(new),
        file_bytes=sum(size for files in strata for _, size in files),
        sample_files=len(sources),
        sample_passages=stored.embedded,
        unread=sum(map(len, sampled)) - len(sources),
        passages=passages,
        reading_seconds=seconds.times(1 / processes),
        passages_a_second=stored.passages_a_second,
        embedding_seconds=passages.times(1 / stored.passages_a_second if stored.embedded else 0),
        disk_bytes=_disk(stored, passages, _total(strata, sampled, lambda file: file.text_bytes)),
        disk_free_bytes=shutil.disk_usage(_nearest(folder)).free,
        memory_bytes=_peak_bytes()
        + ingest_bytes(passages.high, dimension=embedder.identity.dimension, processes=processes),
    )


def ingest_bytes(passages: float, *, dimension: int, processes: int) -> float:
    """The memory that an ingest takes at most, beyond what the program takes that has loaded the embedder."""
    vectors_a_passage = 2 * 2 * dimension  # float16, and twice while they are moved to where they fit
    return processes * _WORKER_BYTES + passages * (vectors_a_passage + _BYTES_A_PASSAGE)


def _to_be_read(
    files: Sequence[FoundFile], folder: Path, built_with: BuiltWith, rules: Rules | None
) -> tuple[list[FoundFile], BuiltWith, Rules]:
    """The files that seem new or changed, what an index here is built with or would be, and the rules of the run."""
    if not (folder / FILE_NAME).is_file():
        return list(files), built_with, rules or NO_RULES
    with Catalog(folder) as catalog:
        stamps = {file.location: file.stamp for file in catalog.files().values() if file.stamp.modified}
        new = [file for file in files if stamps.get(str(file.location)) != stamp_of(file.location)]
        return new, catalog.built_with, catalog.rules if rules is None else rules


_Stratum = list[tuple[FoundFile, int]]  # files of one type with their sizes in bytes, by size


def _strata(files: Iterable[FoundFile]) -> list[_Stratum]:
    """Files of one type each, with their sizes, by size: such as are alike."""
    by_type: dict[Media | None, _Stratum] = {}
    for file in files:
        by_type.setdefault(media_of(file.name), []).append((file, size_of(file.location)))
    return [sorted(found, key=lambda each: (each[1], str(each[0].location))) for found in by_type.values()]


def _sample(strata: list[_Stratum]) -> list[_Stratum]:
    """Some files of each type, evenly by size; none of a type of which all are too large to be read for an estimate."""
    total = sum(map(len, strata))
    chosen = [_evenly([file for file in files if file[1] <= _LARGEST_READ], len(files) / total) for files in strata]
    if total and not any(chosen):
        smallest = min(range(len(strata)), key=lambda number: strata[number][0][1])
        chosen[smallest] = strata[smallest][:1]
    return chosen


def _evenly(files: _Stratum, share: float) -> _Stratum:
    count = min(len(files), max(_FEWEST_OF_A_TYPE, math.ceil(_SAMPLE_FILES * share)))
    return [files[int((i + 0.5) * len(files) / count)] for i in range(count)]


def _read_sample(
    sample: list[_Stratum], embedder: Embedder, chunking: Chunking, rules: Rules
) -> tuple[list[list[_Sampled]], list[ReadySource]]:
    """What was found in the sample of each type, of which one file is read in any case, and what is to be stored."""
    sampled, sources = [], []
    _start_reader(sample)
    deadline = time.monotonic() + _SECONDS_TO_READ
    for chosen in sample:
        # By their whole names: two folders may have files of one name.
        jobs = [Job(file, str(file.location), rules) for file, _ in chosen]
        found: list[_Sampled] = []
        began = time.perf_counter()
        for number, (job, read) in enumerate(read_files(jobs, processes=1, seconds_a_file=_SECONDS_A_FILE)):
            passages = text_bytes = 0
            if isinstance(read, ReadFile):
                source = _ready(job, read, embedder, chunking)
                sources.append(source)
                passages, text_bytes = len(source.passages), len(source.source.text.encode())
            found.append(_Sampled(chosen[number][1], passages, text_bytes, time.perf_counter() - began))
            if time.monotonic() > deadline:
                break
            began = time.perf_counter()
        sampled.append(found)
    return sampled, sources


def _start_reader(sample: list[_Stratum]) -> None:
    """Have the process that reads ready: what it takes to start is not what a file takes."""
    if first := next((files[0][0] for files in sample if files), None):
        list(read_files([Job(first, str(first.location))], processes=1, seconds_a_file=_SECONDS_A_FILE))


def _ready(job: Job, read: ReadFile, embedder: Embedder, chunking: Chunking) -> ReadySource:
    documents, count = read.cleaned.documents, embedder.count_tokens
    return ReadySource(
        source=read.source,
        location=str(job.file.location),
        documents=documents,
        dropped=read.cleaned.dropped,
        passages=tuple(
            passage
            for document in documents
            for passage in split_passages(document, read.source, chunking=chunking, count_tokens=count)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Stored:
    """What storing a sample took."""

    empty: int  # bytes of an index that holds nothing
    bytes_a_text_byte: float  # more for each byte of text that is stored
    bytes_an_embedding: float  # more for each passage that is embedded
    embedded: int
    passages_a_second: float


def _disk(stored: _Stored, passages: Spread, text_bytes: Spread) -> Spread:
    def of(passages: float, text: float) -> float:
        return stored.empty + stored.bytes_a_text_byte * text + stored.bytes_an_embedding * passages

    return Spread(
        of(passages.expected, text_bytes.expected), of(passages.low, text_bytes.low), of(passages.high, text_bytes.high)
    )


def _store(beside: Path, sources: list[ReadySource], embedder: Embedder, built_with: BuiltWith) -> _Stored:
    """Make an index of the sample in an empty folder, and embed as much of it as there is time for."""
    with Index(beside, Catalog(beside, built_with=built_with)) as index:
        codec = fit_token_codec(embedder)
        index.catalog.keep_token_codec(codec)
        index.bring_caches_forward(writable=True)
    empty = _bytes_of(beside)
    with Index(beside, Catalog(beside)) as index:
        index.bring_caches_forward(writable=True)
        index.commit(sources, remove=[])
    with_text = _bytes_of(beside)
    embedded, seconds = 0, 0.0
    with Index(beside, Catalog(beside)) as index:
        index.bring_caches_forward(writable=True)
        while seconds < _SECONDS_TO_EMBED and (pending := index.catalog.pending(_EMBEDDED_AT_ONCE)):
            began = time.perf_counter()
            texts = {passage.hash: passage.text for passage in pending}
            made = dict(zip(texts, embedder.embed_and_pack(list(texts.values()), codec), strict=True))
            known = index.catalog.embedded_hashes(made)
            index.embed(pending, {text: one for text, one in made.items() if text not in known})
            embedded += len(pending)
            seconds += time.perf_counter() - began
        index.save()
    text_bytes = sum(len(source.source.text.encode()) for source in sources)
    return _Stored(
        empty,
        (with_text - empty) / max(text_bytes, 1),
        (_bytes_of(beside) - with_text) / max(embedded, 1),
        embedded,
        embedded / seconds if seconds else 0.0,
    )


def _total(strata: list[_Stratum], sampled: list[list[_Sampled]], amount: Callable[[_Sampled], float]) -> Spread:
    """The amount of all files from that of the sampled ones, by their bytes: the ratio estimate of each type, summed.

    Its variance is that of what the ratio leaves over. Source: Cochran, Sampling Techniques, 1977, chapter 6.
    """
    every = [file for found in sampled for file in found]
    of_any = sum(map(amount, every)) / max(sum(file.size for file in every), 1)
    expected = variance = 0.0
    for files, found in zip(strata, sampled, strict=True):
        read = sum(file.size for file in found)
        ratio = sum(map(amount, found)) / read if read else of_any
        of_type = ratio * sum(size for _, size in files)
        expected += of_type
        count, left = len(found), 1 - len(found) / len(files)
        if count > 1:
            over = sum((amount(file) - ratio * file.size) ** 2 for file in found) / (count - 1)
            variance += len(files) ** 2 * left * over / count
        else:
            variance += left * of_type**2  # nothing is known of how they differ
    spread = max(_DEVIATIONS * math.sqrt(variance), _LEAST_SPREAD * expected)
    return Spread(expected, max(0.0, expected - spread), expected + spread)


def _bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest above it that is there."""
    absolute = folder.absolute()
    return next(each for each in (absolute, *absolute.parents) if each.is_dir())


def _peak_bytes() -> int:
    """The most memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
