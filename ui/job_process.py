"""What the process of a job does: ingest, and say how far it is, a line of JSON at a time."""

from __future__ import annotations

import _thread
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from index.catalog import FILE_NAME, Catalog
from index.deferred import DeferredEmbedder
from index.embed import BUNDLED, Embedder, load_embedder
from index.errors import DragomanError
from index.ingest import Progress, ingest

_SECONDS_BETWEEN = 0.2  # reports of progress; a fast run has thousands a second
_NICER = 10  # of 19: who asks meanwhile goes first


def work() -> None:
    """Do the job that the first line of standard input tells of; stop when standard input ends.

    Each line of standard output is an object with "progress", "notice", "report" or, if all failed, "error".
    """
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    with suppress(AttributeError, OSError):  # Windows has no such thing
        os.nice(_NICER)
    index = Path(request["index"])
    last = 0.0

    def tell(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN:
            last = now
            _say("progress", asdict(progress))

    ended: Progress | None = None

    def on_progress(progress: Progress) -> None:
        nonlocal ended
        ended = progress
        tell(progress)

    try:
        report = ingest(
            [Path(path) for path in request["paths"]],
            index,
            embedder=_embedder(index, lambda notice: _say("notice", notice)),
            prune=request["prune"],
            even_if_empty=request["even_if_empty"],
            on_progress=on_progress,
            report=lambda notice: _say("notice", notice),
        )
    except DragomanError as error:
        _say("error", str(error))
    except KeyboardInterrupt:
        _say("error", "stopped before anything was read")
    except Exception as error:
        _say("error", f"{type(error).__name__}: {error}; that is a defect of ours, please report it")
    else:
        if ended is not None:
            _say("progress", asdict(ended))
        _say("report", asdict(report))


def _embedder(index: Path, report: Callable[[str], None]) -> Embedder:
    """That which the index was built with, loaded when something is to be embedded."""
    if not (index / FILE_NAME).is_file():
        return load_embedder(BUNDLED, report=report)
    with Catalog(index) as catalog:
        built_by = catalog.built_with.embedder
    return DeferredEmbedder(index, built_by, lambda: load_embedder(built_by.name, report=report))


def _stop_with_parent() -> None:
    sys.stdin.read()
    _thread.interrupt_main()


def _say(kind: str, value: object) -> None:
    with suppress(OSError):  # who started this is gone; what is being committed still is
        print(json.dumps({kind: value}), flush=True)
