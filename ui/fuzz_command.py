"""The command `dragoman eval fuzz`."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any


def add_fuzz(kinds: Any) -> None:
    """Add `fuzz` to what `dragoman eval` measures."""
    parser = kinds.add_parser("fuzz", help="damaged files of every format: none may crash, hang or get lost")
    parser.add_argument("--mutations", type=int, default=1000, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="a file; default: %(default)s")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    parser.set_defaults(run=_fuzz)


def _fuzz(options: argparse.Namespace) -> int:
    from eval.fuzz import fuzz, seed_files
    from ui.cli import DONE, NOT_DONE, complain, printable

    folder = Path(tempfile.mkdtemp(prefix="dragoman-fuzz-"))
    report = fuzz(
        seed_files(),
        folder,
        count=options.mutations,
        seed=options.seed,
        processes=options.processes,
        seconds_a_file=options.seconds,
        on_progress=lambda done: complain(f"{done} of {options.mutations}") if done % 500 == 0 else None,
    )
    if options.json:
        print(json.dumps({suffix: dict(counter) for suffix, counter in report.counts.items()}, indent=2))
    else:
        for suffix, counter in report.counts.items():
            print(f"{suffix:<8}" + "  ".join(f"{counter[end]} {end}" for end in sorted(counter)))
        print(f"{report.total} mutants, {len(report.kept)} came to a bad end")
    if not report.kept:
        folder.rmdir()
        return DONE
    for location, told in report.kept:
        complain(printable(f"{location}: {told}"))
    return NOT_DONE
