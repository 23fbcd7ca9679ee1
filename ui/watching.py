"""`dragoman ingest --watch`: run after run, whenever files change, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import FolderLost, IndexLocked

if TYPE_CHECKING:
    from index.ingest import IngestReport

_SECONDS_TO_WAIT = 2.0  # for another writer

Run = Callable[[bool], "IngestReport"]  # told whether to prune


def watch(paths: list[Path], index: Path, run: Run, *, prune: bool, tell_first: Callable[[IngestReport], None]) -> int:
    """`run` now, which `tell_first` tells of, and again after each change, with a line on stderr.

    Returns the exit code; it ends with Ctrl-C. What goes wrong with the first run is raised. Later on another writer is
    waited for, and where a folder is missing or empty nothing is pruned until it is back.
    """
    from index.follow import follow
    from ui.cli import INTERRUPTED, complain

    told: set[str] = set()

    def tell_once(message: str) -> None:
        if message not in told:
            told.add(message)
            complain(message)

    first = True
    for _ in follow(paths, ignored=index):
        report = run(prune) if first else _run_again(run, prune, tell_once)
        if report.interrupted:
            complain("stopped; what was committed is kept")
            return INTERRUPTED
        if first:
            tell_first(report)
            told.update(f"not read: {message}" for message in report.failures)
            complain(f"following {', '.join(map(str, paths))}; Ctrl-C ends it")
        elif changed := _changed(report):
            complain(f"{time.strftime('%H:%M:%S')} {changed}")
        for message in report.failures:
            tell_once(f"not read: {message}")
        first = False
    raise AssertionError("folders are followed until Ctrl-C")


def _run_again(run: Run, prune: bool, tell_once: Callable[[str], None]) -> IngestReport:
    while True:
        try:
            return run(prune)
        except FolderLost as error:
            tell_once(str(error))
            prune = False
        except IndexLocked as error:
            tell_once(str(error))
            time.sleep(_SECONDS_TO_WAIT)


def _changed(report: IngestReport) -> str:
    """What a run has changed, in a few words, or "" if nothing."""
    counts = {
        "added": len(report.added),
        "replaced": len(report.replaced),
        "renamed": len(report.renamed),
        "removed": len(report.removed),
        "passages embedded": report.passages,
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)
