"""The command `dragoman eval scale`."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eval.scale import ScaleRow

_COLUMNS = (
    ("build s", "build_seconds", ".0f"),
    ("build MB", "build_megabytes", ",.0f"),
    ("disk MB", "disk_megabytes", ",.0f"),
    ("search MB", "search_megabytes", ",.0f"),
    ("p50 ms", "p50_ms", ".1f"),
    ("p95 ms", "p95_ms", ".1f"),
    ("CPU ms", "cpu_ms", ".1f"),
    ("recall@10", "recall", ".3f"),
)


def add_scale(kinds: Any) -> None:
    """Add `scale` to what `dragoman eval` measures."""
    parser = kinds.add_parser(
        "scale",
        help="time, memory, disk and recall at a size, beside other stores",
        description="Make an archive of N passages out of real ones, and build and search it with each system on one\n"
        "core, each in a process of its own. Nothing is encoded: all are given the same vectors.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET", help="whose passages and questions it is made of")
    parser.add_argument("--passages", type=int, default=10_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--questions", type=int, default=200, metavar="N", help="default: %(default)s")
    parser.add_argument("--system", action="append", default=[], metavar="NAME", help="may be repeated (default: all)")
    parser.add_argument("--embedder", default="", metavar="NAME", help="as for ingest (default: e5-small)")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    parser.set_defaults(run=_scale)


def _scale(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from eval.embeddings import CachedEmbedder
    from eval.layouts import load_retrieval_set
    from eval.made import make_archive
    from eval.scale import STORES, compare_stores
    from index.embed import BUNDLED, load_embedder
    from index.errors import SettingsError
    from ui.cli import DONE, complain, printable

    for name in ("passages", "questions"):
        if getattr(options, name) < 1:
            raise SettingsError(f"--{name} is {getattr(options, name)}; want 1 or more")
    sets = [load_retrieval_set(location) for location in options.sets]
    with CachedEmbedder(load_embedder(options.embedder or BUNDLED, report=complain)) as embedder:
        archive = make_archive(sets, embedder, count=options.passages, questions=options.questions)
    rows = compare_stores(archive, options.system or list(STORES), report=complain)
    if options.json:
        told = [{name: None if value != value else value for name, value in asdict(row).items()} for row in rows]
        print(json.dumps({"passages": archive.count, "made of": len(archive.parents), "rows": told}, indent=2))
    else:
        print(
            f"{archive.count:,} passages made of {len(archive.parents):,} real ones, vectors of {archive.embedder}; "
            f"{len(archive.questions)} real questions; one core"
        )
        print(printable(show_rows(rows)))
    return DONE


def show_rows(rows: Sequence[ScaleRow]) -> str:
    """A table for reading in a terminal."""
    return table(rows, _COLUMNS, last="kind")


def table(rows: Sequence[Any], columns: Sequence[tuple[str, str, str]], *, last: str = "") -> str:
    """Rows with a `system` that may be `skipped`: a column has a title, a field and its format; `last` is of words."""
    width = max(len(row.system) for row in rows)
    lines = [" " * width + "".join(f"{title:>11}" for title, _, _ in columns)]
    for row in rows:
        if row.skipped:
            shown = f"  skipped: {row.skipped}"
        else:
            shown = "".join(f"{_cell(getattr(row, name), form):>11}" for _, name, form in columns)
            shown += f"  {getattr(row, last)}" if last else ""
        lines.append(f"{row.system:<{width}}{shown}")
    return "\n".join(lines)


def _cell(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)
