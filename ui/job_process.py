"""What the process of a job does: ingest or forget, and say how far it is, a line of JSON at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from index.catalog import FILE_NAME, Catalog
from index.deferred import DeferredEmbedder
from index.embed import BUNDLED, Embedder, load_embedder
from index.errors import DragomanError
from index.forget import forget
from index.ingest import Progress, ingest
from index.said import said, to_json
from ui.worker import request_from_parent, say

_SECONDS_BETWEEN = 0.2  # reports of progress; a fast run has thousands a second


def work() -> None:
    """Do the job that the first line of standard input tells of; stop when standard input ends.

    Each line of standard output is an object with "progress", "notice", "report" or, if all failed, "error".
    """
    request = request_from_parent()
    index = Path(request["index"])
    last = 0.0

    def tell(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN:
            last = now
            say("progress", asdict(progress))

    ended: Progress | None = None

    def on_progress(progress: Progress) -> None:
        nonlocal ended
        ended = progress
        tell(progress)

    def notice(told: str) -> None:
        say("notice", to_json(told))

    try:
        if forgotten := request.get("forget"):
            report = forget(forgotten, index, report=notice)
        else:
            report = ingest(
                [Path(path) for path in request["paths"]],
                index,
                embedder=_embedder(index, notice),
                prune=request.get("prune", False),
                even_if_empty=request.get("even_if_empty", False),
                anew=request.get("anew", ()),
                on_progress=on_progress,
                report=notice,
            )
    except DragomanError as error:
        say("error", to_json(error.told))
    except KeyboardInterrupt:
        say("error", to_json(said("job_stopped", "stopped before anything was read")))
    except Exception as error:
        defect = "{why}; that is a defect of ours, please report it"
        say("error", to_json(said("job_defect", defect, why=f"{type(error).__name__}: {error}")))
    else:
        if ended is not None:
            say("progress", asdict(ended))
        told = {"failures": report.failures, "left_out": report.left_out}
        say("report", asdict(report) | {name: [to_json(each) for each in texts] for name, texts in told.items()})


def _embedder(index: Path, report: Callable[[str], None]) -> Embedder:
    """That which the index was built with, loaded when something is to be embedded."""
    if not (index / FILE_NAME).is_file():
        return load_embedder(BUNDLED, report=report)
    with Catalog(index) as catalog:
        built_by = catalog.built_with.embedder
    return DeferredEmbedder(index, built_by, lambda: load_embedder(built_by.name, report=report))
