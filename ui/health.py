"""The check of an index as the page begins it: in a process of its own, and told while it goes on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

from index.check import check
from index.errors import DragomanError
from ui.worker import Worker, request_from_parent, say

_MOST_TOLD = 20
_Told = dict[str, Any]


class Checks:
    """The last check of an index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._told: _Told = {"state": "none"}

    def begin(self) -> None:
        """Begin to check everything, unless that is being done."""
        with self._lock:
            if self._told["state"] == "running":
                return
            self._told = {"state": "running", "progress": ["beginning", 0, 0]}
        Worker("ui.health.work", {"index": str(self._folder.absolute())}, on_said=self._take, on_end=self._end)

    def told(self) -> _Told:
        """ "none" before the first; "running" with its "progress", "failed" with an "error", or "done"."""
        with self._lock:
            return dict(self._told)

    def _take(self, said: dict[str, Any]) -> None:
        with self._lock:
            match said:
                case {"checked": found}:
                    self._told = {"state": "done", **found}
                case {"error": error}:
                    self._told = {"state": "failed", "error": error}
                case _:
                    self._told |= said

    def _end(self, code: int) -> None:
        with self._lock:
            if self._told["state"] == "running":
                self._told = {"state": "failed", "error": f"the check died (exit code {code}); begin it again"}


def work() -> None:
    """Check the index that the first line of standard input names."""
    folder = Path(request_from_parent()["index"])
    try:
        found = check(folder, on_progress=lambda what, done, total: say("progress", [what, done, total]))
    except DragomanError as error:
        say("error", str(error))
        return
    told = asdict(found) | {
        "problems": [str(problem) for problem in found.problems[:_MOST_TOLD]],
        "wrong": len(found.problems),
        "notes": list(found.notes),
    }
    say("checked", told)
