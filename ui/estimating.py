"""`dragoman ingest --estimate`: what an ingest will take, told."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.embed import Embedder
    from index.estimate import Estimate, Spread
    from index.passages import Chunking
    from index.rules import Rules


def tell_estimate(
    options: argparse.Namespace, embedder: Embedder, *, chunking: Chunking | None, rules: Rules | None
) -> int:
    """Print what an ingest with these options will take. Returns the exit code."""
    from index.estimate import estimate
    from ui.cli import DONE

    found = estimate(
        options.paths, options.index, embedder=embedder, chunking=chunking, rules=rules, workers=options.workers
    )
    if options.json:
        print(json.dumps(asdict(found), ensure_ascii=False, indent=2))
    else:
        print("\n".join(_lines(found)))
    return DONE


def _lines(found: Estimate) -> list[str]:
    from ui.cleaning import counted

    lines = [
        f"{counted(found.files, 'file')} new or changed, {megabytes(found.file_bytes)}; {found.unchanged:,} unchanged",
        f"passages   {_spread(found.passages, _rounded)}, by {counted(found.sample_files, 'file')} that were read"
        + (f" ({found.unread} of the sample could not be)" if found.unread else ""),
        f"reading    {_spread(found.reading_seconds, duration)}; from then on all can be found by its words",
        f"embedding  {_spread(found.embedding_seconds, duration)}, at {found.passages_a_second:.0f} passages a second",
        f"disk       {_spread(found.disk_bytes, megabytes)}; {megabytes(found.disk_free_bytes)} are free",
        f"memory     up to {megabytes(found.memory_bytes)}",
    ]
    if found.disk_bytes.high > found.disk_free_bytes:
        lines.append("the disk may not have room for it: free some, or name another folder with --index")
    return [*lines, "an estimate; nothing was written"]


def _spread(spread: Spread, said: Callable[[float], str]) -> str:
    return f"{said(spread.expected)} ({said(spread.low)} to {said(spread.high)})"


def _rounded(number: float) -> str:
    """A number with two digits that count: 4,312 is 4,300."""
    if number < 100:
        return f"{number:.0f}"
    unit = 10 ** (len(str(int(number))) - 2)
    return f"{round(number / unit) * unit:,}"


def duration(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 120:
        return f"{_rounded(seconds)} s"
    if seconds < 7200:
        return f"{_rounded(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * 86_400 else f"{seconds / 86_400:,.1f} days"


def megabytes(size: float) -> str:
    """A size as a person says it."""
    if size < 1e6:
        return f"{_rounded(size / 1e3)} kB"
    return f"{_rounded(size / 1e6)} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"
