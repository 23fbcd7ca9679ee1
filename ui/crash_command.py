"""The command `dragoman eval crash`."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import SettingsError

if TYPE_CHECKING:
    from eval.crash import CrashReport
    from eval.faults import FaultReport
    from eval.together import TogetherReport


def add_crash(kinds: Any) -> None:
    """Add `crash` to what `dragoman eval` measures."""
    parser = kinds.add_parser(
        "crash",
        help="kill what writes an index at random moments: nothing may be lost, and nothing that is found be a lie",
        description="Kill what writes an index at random moments, let its writes fail (--faults), or read it while it "
        "is written\n(--readers); then compare the index with its files, by embedding them anew. Exit code 1 if "
        "anything was lost or is a lie.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=300, metavar="N", help="default: %(default)s")
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--faults",
        metavar="N",
        help="no kills: let N writes fail, one at a time, or `all` of smaller runs (Linux, with a C compiler)",
    )
    parser.add_argument(
        "--operation", action="append", default=[], metavar="NAME", help="for --faults; may be repeated (default: all)"
    )
    way.add_argument("--readers", type=int, metavar="N", help="no kills: N processes ask while one writes")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N", help="for --readers; default: %(default)g")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    parser.set_defaults(run=_crash)


def _crash(options: argparse.Namespace) -> int:
    from ui.cli import DONE, NOT_DONE, complain, printable

    for name in ("kills", "readers", "minutes"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise SettingsError(f"--{name} is {value}; want more than 0")
    if options.faults not in (None, "all") and not (options.faults.isdecimal() and int(options.faults)):
        raise SettingsError(f"--faults is {options.faults}; want a number above 0, or all")
    folder = Path(tempfile.mkdtemp(prefix="dragoman-crash-"))
    if options.faults is not None:
        report, shown = _faults(folder, options, complain)
    elif options.readers is not None:
        report, shown = _readers(folder, options, complain)
    else:
        report, shown = _kills(folder, options, complain)
    print(json.dumps(asdict(report), indent=2, ensure_ascii=False) if options.json else printable(shown))
    if not report.found:
        shutil.rmtree(folder)
        return DONE
    for told in report.found:
        complain(printable(told))
    return NOT_DONE


def _kills(folder: Path, options: argparse.Namespace, complain: Callable[[str], None]) -> tuple[CrashReport, str]:
    from eval.crash import campaign

    report = campaign(
        folder,
        kills=options.kills,
        seed=options.seed,
        on_progress=lambda report: complain(
            f"{report.total} kills, {len(report.found)} losses and lies, {report.seconds:.0f} s"
        ),
    )
    lines = [f"{name:<14}{count:5} kills" for name, count in sorted(report.kills.items())]
    lines += [
        f"{report.total} kills in {report.seconds:.0f} s: {report.at_changes} right after a file had changed, "
        f"{report.witnessed} beside a reader, {report.amid} between two batches of text",
        f"{report.rounds} times at the end compared with a run from nothing",
        f"{len(report.found)} losses and lies",
    ]
    return report, "\n".join(lines)


def _faults(folder: Path, options: argparse.Namespace, complain: Callable[[str], None]) -> tuple[FaultReport, str]:
    from eval.crash import OPERATIONS
    from eval.faults import fail_writes

    most = None if options.faults == "all" else int(options.faults)
    report = fail_writes(
        folder, most=most, seed=options.seed, operations=options.operation or tuple(OPERATIONS), report=complain
    )
    lines = [f"{name:<14}{count:5} writes" for name, count in report.writes.items()]
    lines += [f"{count:5} {end}" for end, count in sorted(report.ends.items())]
    lines += [f"{count:5} {message}" for message, count in sorted(report.messages.items(), key=lambda one: -one[1])]
    lines.append(f"{len(report.found)} losses, lies and errors of another kind in {report.seconds:.0f} s")
    return report, "\n".join(lines)


def _readers(folder: Path, options: argparse.Namespace, complain: Callable[[str], None]) -> tuple[TogetherReport, str]:
    from eval.together import read_while_written

    report = read_while_written(
        folder, readers=options.readers, minutes=options.minutes, seed=options.seed, report=complain
    )
    shown = (
        f"{report.readers} readers and a writer for {report.seconds:.0f} s: {report.runs} runs, {report.batches} "
        f"batches, {report.questions} questions, {report.answers} answered\n"
        f"a question took {report.p50_ms:g} ms (p95 {report.p95_ms:g}, slowest {report.slowest_ms:g}); with nobody "
        f"writing {report.idle_p50_ms:g} ms (p95 {report.idle_p95_ms:g})\n"
        f"{len(report.found)} errors, losses and lies"
    )
    return report, shown
