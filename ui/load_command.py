"""The command `dragoman eval load`."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eval.load import LoadReport

_ADDRESS = re.compile(r"http://\S+")


def add_load(kinds: Any) -> None:
    """Add `load` to what `dragoman eval` measures."""
    parser = kinds.add_parser(
        "load",
        help="many people asking the page's server at once: times, errors and memory",
        description="Serve the shipped sample in a process of its own, as `dragoman serve` does, and let users ask its "
        "questions\nover HTTP, each after a pause for reading. Exit code 1 if a question got no answer.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--users", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("--minutes", type=float, default=5.0, metavar="N", help="default: %(default)g")
    parser.add_argument(
        "--pause",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="between an answer and the next question, on average (default: %(default)g)",
    )
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    parser.set_defaults(run=_load)


@dataclass(frozen=True, slots=True)
class _Served:
    url: str
    process: int
    seconds: float  # from the process's start until it said its address


def _load(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from eval.load import ask_at_once
    from eval.sets import sample_set
    from index.embed import load_embedder
    from index.ingest import ingest
    from ui.cli import DONE, NOT_DONE, complain, printable

    sample = sample_set()
    with tempfile.TemporaryDirectory(prefix="dragoman-load-") as scratch:
        index = Path(scratch) / "sample.index"
        ingest([sample.corpus], index, embedder=load_embedder(report=complain))
        with _serving(index) as served:
            found = ask_at_once(
                served.url,
                [question.question for question in sample.questions],
                users=options.users,
                seconds=60 * options.minutes,
                pause=options.pause,
                process=served.process,
                report=complain,
            )
    if options.json:
        print(json.dumps({"seconds_to_serve": served.seconds, **asdict(found)}, indent=2))
    else:
        print(printable(show_load(found, served.seconds)))
    return NOT_DONE if found.errors else DONE


@contextmanager
def _serving(index: Path) -> Iterator[_Served]:
    """`dragoman serve` over an index, for as long as it is asked."""
    from eval.load import ServerLost

    begun = time.perf_counter()
    command = [sys.executable, "-m", "ui.cli", "serve", "--index", str(index), "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said = line.strip()
            if address := _ADDRESS.search(line):
                yield _Served(address.group().rstrip("/"), process.pid, time.perf_counter() - begun)
                return
        raise ServerLost(f"the server ended before it could be asked: {said or 'it said nothing'}")
    finally:
        process.terminate()
        process.communicate()


def show_load(found: LoadReport, seconds_to_serve: float) -> str:
    """What was measured, for reading in a terminal."""
    lines = [
        f"{found.users} users for {found.seconds:.0f} s: {found.questions:,} questions, {len(found.errors)} without an "
        "answer",
        f"first statement: p50 {found.first_p50:.0f} ms, p95 {found.first_p95:.0f} ms",
        f"whole answer:    p50 {found.whole_p50:.0f} ms, p95 {found.whole_p95:.0f} ms, slowest {found.slowest:.0f} ms",
        f"memory of the server: {found.megabytes_before:.0f} MB after a first question, at most "
        f"{found.megabytes_half:.0f} MB in the first half of the time and {found.megabytes:.0f} MB in the second",
        f"served {seconds_to_serve:.1f} s after its process was begun",
    ]
    return "\n".join([*lines, *sorted(set(found.errors))])
