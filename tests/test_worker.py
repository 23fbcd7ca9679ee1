"""What a process does for the server, and how that stands."""

from __future__ import annotations

import time
from pathlib import Path

from ui.worker import Task, request_from_parent, say

_WAIT = 60


def work() -> None:
    """In a process: say that it is done once a file is there, and end once another is."""
    request = request_from_parent()
    _await(Path(request["done"]))
    say("done", {"id": request["id"]})
    _await(Path(request["ended"]))


def _await(file: Path) -> None:
    until = time.monotonic() + _WAIT
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.02)


def state_of(task: Task, wanted: str) -> dict[str, object]:
    """How the task stands once it does not run any more, or is in the state that is wanted."""
    until = time.monotonic() + _WAIT
    while task.told()["state"] not in (wanted, "failed") and time.monotonic() < until:
        time.sleep(0.02)
    return task.told()


def test_a_process_that_is_slow_to_end_is_not_taken_for_the_next_one(tmp_path: Path) -> None:
    def begin(id_: str) -> bool:
        asked = {"id": id_, "done": str(tmp_path / f"done {id_}"), "ended": str(tmp_path / f"ended {id_}")}
        return task.begin("tests.test_worker.work", asked)

    task = Task("the run")
    assert begin("1")
    (tmp_path / "done 1").touch()
    assert state_of(task, "done") == {"state": "done", "progress": ["beginning", 0, 0], "id": "1"}
    first = task._worker
    assert first is not None
    assert begin("2")
    (tmp_path / "ended 1").touch()
    first.wait(_WAIT)
    assert task.told()["state"] == "running"
    (tmp_path / "done 2").touch()
    assert state_of(task, "done")["id"] == "2"
    (tmp_path / "ended 2").touch()


def test_a_process_that_dies_is_told_of(tmp_path: Path) -> None:
    task = Task("the run")
    task.begin("tests.test_worker.nothing_of_this_name", {})
    assert state_of(task, "failed")["error"] == {
        "text": "the run died (exit code 1); begin it again",
        "key": "worker_died",
        "values": {"what": "the run", "code": 1},
    }
