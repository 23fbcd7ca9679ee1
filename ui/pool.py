"""Assistants of one index for many who ask at once: each answers one question at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import LifoQueue

from rag.assistant import Assistant

DEFAULT_SIZE = min(os.cpu_count() or 1, 4)  # more would wait for each other at the processor


class Assistants:
    """A few assistants of one index, which share its embedder. Any thread may borrow one."""

    def __init__(self, first: Assistant, open_another: Callable[[], Assistant], *, size: int = DEFAULT_SIZE) -> None:
        self._all = [first]
        # The one that was used last knows most: what it has looked up before is looked up for the next.
        self._idle = LifoQueue[Assistant]()
        self._idle.put(first)
        embedder = first.index.embedder
        for _ in range(size - 1):
            another = open_another()
            another.index.use_embedder(embedder)
            self._all.append(another)
            self._idle.put(another)

    @contextmanager
    def borrow(self) -> Iterator[Assistant]:
        """An assistant that nobody else asks meanwhile, and that knows what was committed by now; may wait for it."""
        assistant = self._idle.get()
        try:
            assistant.index.refresh()
            yield assistant
        finally:
            self._idle.put(assistant)

    def close(self) -> None:
        """Close them all."""
        for assistant in self._all:
            assistant.close()
