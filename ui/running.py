"""Replies that are being made: each in a thread of its own, read by its id while it grows.

A function that Gradio serves returns once. So the page begins a reply, gets what is there as soon as there is
something, and asks for more until it is whole.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Condition, Lock, Thread

from index.errors import ConversationsError
from index.said import said
from ui.payload import Payload

_MOST_KEPT = 200  # of those that are done: somebody may still read on


@dataclass(slots=True)
class _Running:
    """What a reply has said so far."""

    user: str
    changed: Condition = field(default_factory=Condition)
    events: list[Payload] = field(default_factory=list)
    done: bool = False
    stopped: bool = False


class Runs:
    """The replies that are being made, and the last that were. Any thread may call."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, _Running] = OrderedDict()
        self._lock = Lock()

    def begin(self, make: Callable[[], Iterator[Payload]], *, user: str) -> str:
        """Let `make` give its events in a thread, and no more of them once it is stopped; returns the reply's id."""
        run, id_ = _Running(user), uuid.uuid4().hex
        with self._lock:
            self._runs[id_] = run
            for old in [key for key, other in self._runs.items() if other.done][:-_MOST_KEPT]:
                del self._runs[old]
        Thread(target=_follow, args=(run, make), daemon=True, name=f"reply {id_}").start()
        return id_

    def read(self, id_: str, *, seen: int, wait_for: int, seconds: float, user: str) -> Payload:
        """The events after the first `seen`, once there are `wait_for` of them or the reply is done, or time is up."""
        run = self._run(id_, user)
        with run.changed:
            run.changed.wait_for(lambda: run.done or len(run.events) >= seen + wait_for, seconds)
            return {"kind": "running", "id": id_, "events": run.events[seen:], "done": run.done}

    def stop(self, id_: str, *, user: str) -> None:
        """Make no more of a reply; what it is in the midst of is not shown."""
        run = self._run(id_, user)
        with run.changed:
            run.stopped = True
            run.done = True
            run.changed.notify_all()

    def _run(self, id_: str, user: str) -> _Running:
        with self._lock:
            run = self._runs.get(id_)
        if run is None or run.user != user:
            raise ConversationsError(said("reply_gone", "this reply is not being made any more; ask again"))
        return run


def _follow(run: _Running, make: Callable[[], Iterator[Payload]]) -> None:
    events = make()
    try:
        for event in events:
            with run.changed:
                if run.stopped:
                    return
                run.events.append(event)
                run.changed.notify_all()
    finally:
        events.close()  # type: ignore[attr-defined]
        with run.changed:
            run.done = True
            run.changed.notify_all()
