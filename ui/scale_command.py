"""The command `dragoman eval scale`."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import SettingsError

if TYPE_CHECKING:
    from eval.scale import ScaleRow

_COLUMNS = (
    ("build s", "build_seconds", ".0f"),
    ("build MB", "build_megabytes", ",.0f"),
    ("disk MB", "disk_megabytes", ",.0f"),
    ("open s", "open_seconds", ".2f"),
    ("open MB", "open_megabytes", ",.0f"),
    ("search MB", "search_megabytes", ",.0f"),
    ("p50 ms", "p50_ms", ".1f"),
    ("p95 ms", "p95_ms", ".1f"),
    ("CPU ms", "cpu_ms", ".1f"),
    ("recall@10", "recall", ".3f"),
)
_FORMS = (".png", ".pdf", ".svg")
_COSTS = tuple(column for column in _COLUMNS if column[1] != "recall")


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
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--passages", type=int, default=10_000, metavar="N", help="default: %(default)s")
    size.add_argument("--growth", default="", metavar="N,N,…", help="each of these sizes, and how cost grows")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="for --growth: draw it, as PNG, PDF or SVG")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what is built, and build nothing that is there")
    parser.add_argument("--questions", type=int, default=200, metavar="N", help="default: %(default)s")
    parser.add_argument("--system", action="append", default=[], metavar="NAME", help="may be repeated (default: all)")
    parser.add_argument("--embedder", default="", metavar="NAME", help="as for ingest (default: e5-small)")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    parser.set_defaults(run=_scale)


def _scale(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from eval.embeddings import CachedEmbedder
    from eval.layouts import load_retrieval_set
    from eval.made import make_archive
    from eval.plot import check_plots
    from eval.scale import STORES, compare_stores
    from index.embed import BUNDLED, load_embedder
    from ui.cli import DONE, complain, printable

    sizes = _sizes(options)
    if options.plot is not None:
        if not options.growth:
            raise SettingsError("--plot draws how cost grows; give the sizes: --growth 1000,10000,100000")
        if options.plot.suffix not in _FORMS:
            raise SettingsError(f"--plot is {options.plot}; want a name that ends in {', '.join(_FORMS)}")
        check_plots()
    sets = [load_retrieval_set(location) for location in options.sets]
    with CachedEmbedder(load_embedder(options.embedder or BUNDLED, report=complain)) as embedder:
        archive = make_archive(sets, embedder, count=max(sizes), questions=options.questions)
    rows: dict[int, list[ScaleRow]] = {}
    for count in sizes:
        complain(f"{count:,} passages")
        keep = options.keep / str(count) if options.keep is not None else None
        systems = options.system or list(STORES)
        rows[count] = compare_stores(replace(archive, count=count), systems, keep=keep, report=complain)
    if options.plot is not None:
        options.plot.write_bytes(plot_growth(rows, made_of=len(archive.parents), form=options.plot.suffix[1:]))
    if options.json:
        print(json.dumps(_to_json(len(archive.parents), rows), indent=2))
        return DONE
    print(
        f"passages made of {len(archive.parents):,} real ones, vectors of {archive.embedder}; "
        f"{len(archive.questions)} real questions; one core"
    )
    for count, its in rows.items():
        print(printable(f"\n{count:,} passages\n{show_rows(its)}"))
    if options.growth:
        print(printable(f"\ngrows with which power of the number of passages\n{show_slopes(rows)}"))
    return DONE


def _sizes(options: argparse.Namespace) -> list[int]:

    if options.questions < 1:
        raise SettingsError(f"--questions is {options.questions}; want 1 or more")
    if not options.growth:
        if options.passages < 1:
            raise SettingsError(f"--passages is {options.passages}; want 1 or more")
        return [options.passages]
    given = options.growth.split(",")
    if not all(each.isdecimal() and int(each) for each in given) or len(set(map(int, given))) < 2:
        raise SettingsError(f"--growth is {options.growth!r}; want two numbers or more, as in 1000,10000,100000")
    return sorted(set(map(int, given)))


def _to_json(parents: int, rows: dict[int, list[ScaleRow]]) -> dict[str, Any]:
    from dataclasses import asdict

    measured = [
        {"passages": count, **{name: _known(value) for name, value in asdict(row).items()}}
        for count, its in rows.items()
        for row in its
    ]
    slopes = {system: {name: _known(value) for name, value in its.items()} for system, its in _slopes(rows).items()}
    return {"made of": parents, "rows": measured, "slopes": slopes if len(rows) > 1 else {}}


def _known(value: Any) -> Any:
    return None if value != value else value


def _slopes(rows: dict[int, list[ScaleRow]]) -> dict[str, dict[str, float]]:
    """Of each system by the name of the figure."""
    from eval.scale import slope

    return {
        system: {name: slope(list(its), [getattr(row, name) for row in its.values()]) for _, name, _ in _COSTS}
        for system, its in _by_system(rows).items()
    }


def _by_system(rows: dict[int, list[ScaleRow]]) -> dict[str, dict[int, ScaleRow]]:
    """By size the rows of each system, in the order in which they come."""
    found: dict[str, dict[int, ScaleRow]] = {}
    for count, its in rows.items():
        for row in its:
            found.setdefault(row.system, {})[count] = row
    return found


def show_slopes(rows: dict[int, list[ScaleRow]]) -> str:
    """A table of the slopes: 1 is a cost that grows as the number of passages does, 0 one that does not grow."""
    slopes = _slopes(rows)
    width = max(map(len, slopes))
    lines = [" " * width + "".join(f"{title:>11}" for title, _, _ in _COSTS)]
    lines += [f"{system:<{width}}" + "".join(f"{_cell(its[name], '.2f'):>11}" for _, name, _ in _COSTS)
              for system, its in slopes.items()]  # fmt: skip
    return "\n".join(lines)


def plot_growth(rows: dict[int, list[ScaleRow]], *, made_of: int, form: str) -> bytes:
    """Every cost that is known over the number of passages, both as logarithms; it says of how many real ones they are
    made. Raises SettingsError.
    """
    from eval.plot import drawn

    def draw(axes: Any, title: str, name: str) -> None:
        for system, its in _by_system(rows).items():
            axes.plot(list(its), [getattr(row, name) for row in its.values()], marker="o", label=system)
        axes.set(xscale="log", yscale="log", xlabel=f"passages, made of {made_of:,} real ones", ylabel=title)
        axes.legend(fontsize="small")

    known = [
        (title, name)
        for title, name, _ in _COSTS
        if any(getattr(row, name) > 0 for its in rows.values() for row in its)  # of 0 there is no logarithm
    ]
    if not known:
        raise SettingsError("nothing was measured, so there is nothing to draw")
    return drawn(*(partial(draw, title=title, name=name) for title, name in known), form=form)


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
