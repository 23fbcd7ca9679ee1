"""What the process of a check does: look at all of an index, and say how far it is and what is wrong."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from index.check import check
from index.errors import DragomanError
from index.said import to_json
from ui.worker import request_from_parent, say

_MOST_TOLD = 20


def work() -> None:
    """Check the index that the first line of standard input names."""
    folder = Path(request_from_parent()["index"])
    try:
        found = check(folder, on_progress=lambda what, done, total: say("progress", [what, done, total]))
    except DragomanError as error:
        say("error", to_json(error.told))
        return
    told = asdict(found) | {
        "problems": [to_json(problem.told) for problem in found.problems[:_MOST_TOLD]],
        "wrong": len(found.problems),
        "notes": [to_json(note) for note in found.notes],
    }
    say("done", told)
