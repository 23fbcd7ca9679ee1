"""The command `dragoman eval crash`."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import SettingsError

if TYPE_CHECKING:
    from eval.crash import CrashReport


def add_crash(kinds: Any) -> None:
    """Add `crash` to what `dragoman eval` measures."""
    parser = kinds.add_parser(
        "crash",
        help="kill what writes an index at random moments: nothing may be lost, and nothing that is found be a lie",
        description="Kill what writes an index at random moments; after each kill compare the index with its files, "
        "by embedding them anew.\nExit code 1 if anything was lost or is a lie.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=300, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    parser.set_defaults(run=_crash)


def _crash(options: argparse.Namespace) -> int:
    from eval.crash import campaign
    from ui.cli import DONE, NOT_DONE, complain, printable

    if options.kills < 1:
        raise SettingsError(f"--kills is {options.kills}; want 1 or more")
    folder = Path(tempfile.mkdtemp(prefix="dragoman-crash-"))
    report = campaign(
        folder,
        kills=options.kills,
        seed=options.seed,
        on_progress=lambda report: complain(
            f"{report.total} kills, {len(report.found)} losses and lies, {report.seconds:.0f} s"
        ),
    )
    print(json.dumps(asdict(report), indent=2, ensure_ascii=False) if options.json else _shown(report))
    if not report.found:
        folder.rmdir()
        return DONE
    for told in report.found:
        complain(printable(told))
    return NOT_DONE


def _shown(report: CrashReport) -> str:
    lines = [f"{name:<14}{count:5} kills" for name, count in sorted(report.kills.items())]
    lines += [
        f"{report.total} kills in {report.seconds:.0f} s: {report.at_changes} right after a file had changed, "
        f"{report.witnessed} beside a reader, {report.amid} between two batches of text",
        f"{report.rounds} times at the end compared with a run from nothing",
        f"{len(report.found)} losses and lies",
    ]
    return "\n".join(lines)
