"""The command `dragoman plan`: what an index of so many passages takes."""

from __future__ import annotations

import argparse
import json
import os
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from index.errors import SettingsError

if TYPE_CHECKING:
    from index.capacity import Capacity, Figure

_THOUSANDS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_COUNT = re.compile(r"(\d[\d_,]*(?:\.\d+)?)([kmg]?)", re.IGNORECASE)


def add_plan(commands: Any) -> None:
    """Add `plan` to the commands of `dragoman`."""
    from ui.cli import add_json, command

    parser = command(
        commands,
        "plan",
        _plan,
        help="reckon what an index of so many passages takes",
        description="Reckon disk, memory, time and machines from measured constants, each with its formula and where "
        "it comes from.\nNothing is read; how many passages files have, `dragoman ingest --estimate` says.",
    )
    parser.add_argument("--passages", required=True, metavar="N", help="such as 2.5k, 100M, 1_000_000")
    parser.add_argument(
        "--cores", type=int, default=os.cpu_count() or 1, metavar="N", help="of a machine (default: %(default)s)"
    )
    parser.add_argument(
        "--days", type=float, default=7.0, metavar="N", help="that embedding may take (default: %(default)g)"
    )
    add_json(parser)


def passage_count(text: str) -> int:
    """The number that "2.5k", "100M" or "1_000_000" says. Raises SettingsError.

    >>> passage_count("2.5k"), passage_count("100M"), passage_count("1_000_000")
    (2500, 100000000, 1000000)
    """
    found = _COUNT.fullmatch(text.strip())
    count = float(re.sub(r"[_,]", "", found[1])) * _THOUSANDS[found[2].lower()] if found else 0
    if count < 1:
        raise SettingsError(f"--passages {text}: want a number of 1 or more, such as 2.5k, 100M or 1_000_000")
    return round(count)


def _plan(options: argparse.Namespace) -> int:
    from index.capacity import reckon
    from ui.cli import DONE

    for name in ("cores", "days"):
        if not 0 < getattr(options, name) < 1e6:
            raise SettingsError(f"--{name} {getattr(options, name)}: want a number above 0")
    found = reckon(passage_count(options.passages), cores=options.cores, days=options.days)
    if options.json:
        print(json.dumps(asdict(found), ensure_ascii=False, indent=2))
    else:
        print("\n".join(_lines(found)))
    return DONE


def _lines(found: Capacity) -> list[str]:
    sources = list(dict.fromkeys(figure.source for figure in (*found.local, *found.milvus)))
    return [
        f"{found.passages:,} passages in a local folder",
        *(_line(figure, sources) for figure in found.local),
        "their vectors in Milvus",
        *(_line(figure, sources) for figure in found.milvus),
        *(f"[{number}] {source}" for number, source in enumerate(sources, start=1)),
        *found.warnings,
    ]


def _line(figure: Figure, sources: list[str]) -> str:
    from index.capacity import Unit
    from ui.estimating import duration, megabytes

    told = {Unit.BYTES: megabytes, Unit.SECONDS: duration, Unit.MACHINES: "{:,.0f}".format}[figure.unit](figure.value)
    return f"  {figure.name:<18} {told:>12}  = {figure.formula} [{sources.index(figure.source) + 1}]"
