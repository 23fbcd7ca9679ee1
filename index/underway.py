"""Passages on their way from the catalog through the embedder and back, a batch each all or nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from index.catalog import PendingPassage
from index.crew import Crew, Making
from index.embed import EmbeddedPassage
from index.folder import Index
from index.tokens import TokenCodec

EMBEDDED_BATCH = 256  # passages; a killed run loses the one or two that are underway, each of five seconds on two cores


@dataclass(frozen=True, slots=True)
class _Batch:
    pending: list[PendingPassage]
    hashes: list[bytes]  # of those of its texts that are embedded with it, and not with another one
    making: Making


class Underway:
    """Embeds what is committed and has no embedding yet, batch by batch in order; no text that was embedded before."""

    def __init__(self, index: Index, crew: Crew, codec: TokenCodec, *, tell: Callable[[int, int], None]) -> None:
        """`tell` is told of passages that have their embedding: how many were embedded, and how many by text before."""
        self._index = index
        self._crew = crew
        self._codec = codec
        self._tell = tell
        self._given: deque[_Batch] = deque()
        self._hashes: set[bytes] = set()  # of what is given and not written
        self._after = 0  # the key of the last passage that was given
        self._is_more = False  # perhaps, for a batch of full size
        # What was committed by an earlier run may be taken out by this one, as long as files are read.
        self._only_at_the_end = index.catalog.pending_count() > 0

    def committed(self) -> None:
        """Be told that there is more to embed."""
        self._is_more = True

    def advance(self) -> None:
        """Do what can be done without waiting, while files are read."""
        if self._only_at_the_end:
            return
        self._give(self._crew.batches(while_reading=True), whole=True)
        while self._given and self._given[0].making.is_done():
            self._write(*self._next())

    def finish(self) -> None:
        """Do all that is left. While a batch is written others are being embedded."""
        self._give(self._crew.batches(while_reading=False))
        while self._given:
            self._write(*self._next())
            self._give(self._crew.batches(while_reading=False))

    def _give(self, most: int, *, whole: bool = False) -> None:
        """Have at most so many batches embedded, or only those of full size, of which each is a write."""
        catalog = self._index.catalog
        while len(self._given) < most and (self._is_more or not whole):
            pending = catalog.pending(EMBEDDED_BATCH, after=self._after)
            if len(pending) < (EMBEDDED_BATCH if whole else 1):
                self._is_more = False
                return
            known = catalog.embedded_hashes(passage.hash for passage in pending) | self._hashes
            texts = {passage.hash: passage.text for passage in pending if passage.hash not in known}
            making = self._crew.embed(list(texts.values()), self._codec)
            self._given.append(_Batch(pending, list(texts), making))
            self._hashes |= texts.keys()
            self._after = pending[-1].key

    def _next(self) -> tuple[_Batch, dict[bytes, EmbeddedPassage]]:
        batch = self._given.popleft()
        made = {}
        for text_hash, one in zip(batch.hashes, batch.making.results, strict=True):
            made[text_hash] = one
            self._tell(1, 0)
        return batch, made

    def _write(self, batch: _Batch, made: dict[bytes, EmbeddedPassage]) -> None:
        self._index.embed(batch.pending, made)
        self._hashes -= made.keys()
        self._tell(0, len(batch.pending) - len(made))
