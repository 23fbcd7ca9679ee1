"""The command `dragoman eval first`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from index.errors import SettingsError


def add_first(kinds: Any) -> None:
    """Add `first` to what `dragoman eval` measures."""
    parser = kinds.add_parser(
        "first",
        help="how long after a run over many files was begun another process answers",
        description="Write many small files, begin `dragoman ingest` over them, and run `dragoman ask` beside it until "
        "it answers.\nThe question is about one of the files that are read first.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--documents", type=int, default=10_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="each a run anew (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    parser.set_defaults(run=_first)


def _first(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from eval.first import first_answer, write_documents
    from ui.cli import DONE, complain

    for name in ("documents", "rounds"):
        if getattr(options, name) < 1:
            raise SettingsError(f"--{name} is {getattr(options, name)}; want 1 or more")
    found = []
    with tempfile.TemporaryDirectory(prefix="dragoman-first-") as scratch:
        documents = Path(scratch) / "documents"
        complain(f"writing {options.documents:,} files")
        question = write_documents(documents, options.documents, seed=options.seed)
        for number in range(options.rounds):
            complain(f"round {number + 1} of {options.rounds}")
            index = ["--index", str(Path(scratch) / f"{number}.index")]
            dragoman = [sys.executable, "-m", "ui.cli"]
            found.append(
                first_answer(
                    [*dragoman, "ingest", str(documents), *index],
                    [*dragoman, "ask", "--json", *index, question],
                    documents=options.documents,
                )
            )
    if options.json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            print(
                f"{each.documents:,} documents: answered {each.seconds:.1f} s after the run was begun; asked "
                f"{each.asked} times, the last took {each.asking:.1f} s; load before {each.load:.1f}"
            )
    return DONE
