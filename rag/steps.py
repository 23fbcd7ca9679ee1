"""The steps of answering, told as they are taken to whoever wants to time or trace them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal

Step = Literal["retrieve", "rerank", "read", "ground"]  # rerank is a part of retrieve
Listener = Callable[[Step], AbstractContextManager[object]]

_LISTENER: ContextVar[Listener] = ContextVar("_LISTENER", default=lambda step: nullcontext())


def step(name: Step) -> AbstractContextManager[object]:
    """What surrounds the work of a step: what the listener of this thread has to say, or nothing."""
    return _LISTENER.get()(name)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell `listener` the steps that this thread takes inside."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)
