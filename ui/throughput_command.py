"""The command `dragoman eval throughput`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ui.scale_command import table

if TYPE_CHECKING:
    from eval.throughput import Throughput

_COLUMNS = (
    ("passages/s", "passages_a_second", ".2f"),
    ("of raw", "of_raw", ".2f"),
    ("CPU of raw", "of_raw_cpu", ".2f"),
    ("CPU ms", "cpu_ms", ".1f"),
    ("start s", "start_seconds", ".1f"),
    ("peak MB", "megabytes", ",.0f"),
    ("disk MB", "disk_megabytes", ",.1f"),
    ("cut into", "passages", ",d"),
    ("tokens", "mean_tokens", ".0f"),
)
_SYSTEMS = "onnxruntime, dragoman, ray-1, ray-2, langchain, llama-index or chroma"


def add_throughput(kinds: Any) -> None:
    """Add `throughput` to what `dragoman eval` measures."""
    parser = kinds.add_parser(
        "throughput",
        help="passages a second, peak memory and disk of ingest, beside the encoder alone and other systems",
        description="Make texts out of the sentences of sets, and take them in with each system, in rounds, each time "
        "in a process\nof its own. Passages are counted as so many times 180 tokens of what a system embedded.\n\n"
        "Ray with one worker and with two, beside a single process, in one run:\n"
        "  dragoman eval throughput SET --system dragoman --system ray-1 --system ray-2 --rounds 2\n\n"
        "How the cost grows, all of it embedded (100,000 take half an hour of two cores, and the encoder alone, too):\n"
        "  for N in 1000 10000 100000; do\n"
        "    dragoman eval throughput SET --system dragoman --rounds 1 --passages $N\n  done",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET", help="whose sentences the texts are made of")
    parser.add_argument("--passages", type=int, default=300, metavar="N", help="of 180 tokens (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--system", action="append", default=[], metavar="NAME", help=f"may be repeated: {_SYSTEMS} (default: all)"
    )
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    parser.set_defaults(run=_throughput)


def _throughput(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from eval.layouts import load_retrieval_set
    from eval.throughput import SYSTEMS, compare_throughput
    from index.errors import SettingsError
    from ui.cli import DONE, complain, printable

    for name in ("passages", "rounds"):
        if getattr(options, name) < 1:
            raise SettingsError(f"--{name} is {getattr(options, name)}; want 1 or more")
    found = compare_throughput(
        [load_retrieval_set(location) for location in options.sets],
        options.system or list(SYSTEMS),
        passages=options.passages,
        rounds=options.rounds,
        report=complain,
    )
    if options.json:
        told = asdict(found)
        for row in told["rows"]:
            row.update({name: None for name, value in row.items() if value != value})
        print(json.dumps(told, indent=2))
    else:
        print(printable(show_throughput(found)))
    return DONE


def show_throughput(found: Throughput) -> str:
    """What was measured, for reading in a terminal."""
    return (
        f"{found.files:,} texts of {found.characters:,} characters; medians of {found.rounds} rounds; "
        f"load {min(found.loads):.1f} to {max(found.loads):.1f}\n{table(found.rows, _COLUMNS)}"
    )
