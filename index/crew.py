"""Who reads the files of a run and embeds its texts: the cores of this machine, or others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from index.embed import Ahead, EmbeddedPassage, Embedder
from index.errors import ReadError
from index.tokens import TokenCodec
from index.workers import Job, ReadFile, read_files, worker_count


@dataclass(frozen=True, slots=True)
class Making:
    """The embeddings of some texts, which are being made."""

    results: Iterator[EmbeddedPassage]  # in the order of the texts; who asks too soon waits
    is_done: Callable[[], bool]  # whether nobody would wait


class Crew(Protocol):
    """Reads and embeds for a run, which alone writes the index. The same texts have the same embeddings by any crew."""

    def read(
        self, jobs: Iterable[Job], *, files: int, seconds_a_file: float
    ) -> Iterator[tuple[Job, ReadFile | ReadError]]:
        """What `read_files` gives: each job with what came of it, in order. There are at most so many `files`."""
        ...

    def batches(self, *, while_reading: bool) -> int:
        """How many batches of texts are to be given to it at once."""
        ...

    def embed(self, texts: list[str], codec: TokenCodec) -> Making:
        """Begin to embed a batch of texts."""
        ...


class LocalCrew:
    """Processes of this machine read, and `embedder` embeds, both on all cores."""

    def __init__(self, embedder: Embedder, *, processes: int = 0) -> None:
        """At most so many `processes` read at once, 0 for as many as there are cores."""
        self._embedder = embedder
        self._processes = processes

    def read(
        self, jobs: Iterable[Job], *, files: int, seconds_a_file: float
    ) -> Iterator[tuple[Job, ReadFile | ReadError]]:
        processes = worker_count(files, at_most=self._processes)
        return read_files(jobs, processes=processes, seconds_a_file=seconds_a_file)

    def batches(self, *, while_reading: bool) -> int:
        return 2  # one to embed while the one before is written

    def embed(self, texts: list[str], codec: TokenCodec) -> Making:
        making = self._embedder.embed_and_pack(texts, codec)
        return Making(making, is_done=making.is_done if isinstance(making, Ahead) else lambda: False)
