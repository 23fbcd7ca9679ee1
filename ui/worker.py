"""A process of our own for work that takes long: the server goes on answering while it is done."""

from __future__ import annotations

import _thread
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from index.said import said, to_json

_SECONDS_TO_STOP = 30.0  # a batch takes about three, and a file its time to be read
_NICER = 10  # of 19: who asks meanwhile goes first


class Worker:
    """A process that is told one thing, says objects as lines of JSON, and stops when its input is closed.

    A thread takes in what it says and gives it to `on_said`; then `on_end` is given the exit code, once.
    """

    def __init__(
        self,
        function: str,  # "ui.job_process.work": what the process runs; it begins with `request_from_parent`
        request: Mapping[str, Any],
        *,
        on_said: Callable[[dict[str, Any]], None],
        on_end: Callable[[int], None],
    ) -> None:
        self._on_said, self._on_end = on_said, on_end
        module, _, name = function.rpartition(".")
        code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import {name}; {name}()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is the server's to handle
        )
        self._send(request)
        self._thread = threading.Thread(target=self._listen, name=name, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def cancel(self) -> None:
        """Tell it to stop as soon as it can."""
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended
            self._process.stdin.close()

    def wait(self, seconds: float) -> None:
        """Wait for its end, as long as that."""
        self._thread.join(seconds)

    def end(self) -> None:
        """Cancel, and kill what does not stop."""
        self.cancel()
        self.wait(_SECONDS_TO_STOP)
        self._process.kill()
        self.wait(_SECONDS_TO_STOP)

    def _send(self, request: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # it died at once; that is told by its end
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with suppress(ValueError):  # a line that it could not finish
                    self._on_said(json.loads(line))
        code = self._process.wait()
        self.cancel()
        self._on_end(code)


class Task:
    """What a worker does when somebody asks for it, and how that stands. Any thread may call.

    Its process says {"progress": [what, done, total]}, and last {"done": {…}} or {"error": as `index.said.to_json`}.
    """

    def __init__(self, what: str) -> None:
        """`what` it is called where it died: "the run"."""
        self._what = what
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._times = 0  # that it was begun: a process may end, or be late to say something, after the next has begun
        self._is_cancelled = False
        self._told: dict[str, Any] = {"state": "none"}

    def begin(self, function: str, request: Mapping[str, Any], **about: Any) -> bool:
        """Begin, see `Worker`; False if it is under way. `about` is told with how it stands."""
        with self._lock:
            if self._told["state"] == "running":
                return False
            self._told = {"state": "running", "progress": ["beginning", 0, 0], **about}
            self._is_cancelled = False
            self._times += 1
            take, end = partial(self._take, self._times), partial(self._end, self._times)
            self._worker = Worker(function, request, on_said=take, on_end=end)
        return True

    def cancel(self) -> None:
        """Tell it to stop: it is "cancelled" then, wherever that meets it, unless it is done first."""
        with self._lock:
            worker = self._worker
            self._is_cancelled = True
        if worker is not None:
            worker.cancel()

    def told(self) -> dict[str, Any]:
        """The "state": "none", "running", "cancelled", "failed" with an "error", or "done" with what was found."""
        with self._lock:
            return dict(self._told)

    def _take(self, time: int, heard: dict[str, Any]) -> None:
        with self._lock:
            if time != self._times:
                return
            match heard:
                case {"done": found}:
                    self._told |= {"state": "done", **found}
                case {"error": error}:
                    self._told |= {"state": "failed", "error": error}
                case _:
                    self._told |= heard

    def _end(self, time: int, code: int) -> None:
        with self._lock:
            if time != self._times or self._told["state"] != "running":
                return
            if self._is_cancelled:
                self._told |= {"state": "cancelled"}
            else:
                died = said("worker_died", "{what} died (exit code {code}); begin it again", what=self._what, code=code)
                self._told |= {"state": "failed", "error": to_json(died)}


def request_from_parent() -> dict[str, Any]:
    """What the process that runs this was told. From then on Ctrl-C comes when its input ends."""
    request = json.loads(sys.stdin.readline())
    # A shell lets what it starts in the background ignore Ctrl-C, and so do we by inheritance.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    with suppress(AttributeError, OSError):  # Windows has no such thing
        os.nice(_NICER)
    return request


def say(kind: str, value: object) -> None:
    """Say an object of one field to whoever started this."""
    with suppress(OSError):  # who started this is gone; what is being done still is
        print(json.dumps({kind: value}), flush=True)


def _stop_with_parent() -> None:
    sys.stdin.read()
    _thread.interrupt_main()
