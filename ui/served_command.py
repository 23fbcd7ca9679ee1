"""The command `dragoman eval milvus`."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from index.errors import SettingsError

_COLUMNS = (
    ("build s", "build_seconds", ".0f"),
    ("p50 ms", "p50_ms", ".1f"),
    ("same", "same", ".3f"),
    ("fused", "same_fused", ".3f"),
    ("filtered", "same_filtered", ".3f"),
    ("gone found", "removed_found", ".0f"),
    ("same then", "same_after", ".3f"),
    ("kills", "kills", ".0f"),
    ("lost", "lost", ".0f"),
    ("doubled", "doubled", ".0f"),
)
_COLUMNS_OF_WORDS = (
    ("p50 ms", "words_p50_ms", ".1f"),
    ("same", "same_words", ".3f"),
    ("filtered", "same_words_filtered", ".3f"),
    ("same then", "same_words_after", ".3f"),
    ("grown", "same_words_grown", ".3f"),
    ("fused then", "same_fused_grown", ".3f"),
)


def add_milvus(kinds: Any) -> None:
    """Add `milvus` to what `dragoman eval` measures."""
    parser = kinds.add_parser(
        "milvus",
        help="whether Milvus finds what the index folder finds, also when it is killed",
        description="Make an archive of N passages out of real ones, and build and ask it in an index folder, in\n"
        "Milvus Lite, and on a Milvus server that is started here (pip install --no-deps milvus==2.3.5, 58 MB).\n"
        "Shares are of questions whose ten best passages are the same as in the folder, in their order: by vectors,\n"
        "by both, under filters, and then, once every tenth file is removed; by words likewise, where what is left is\n"
        "compared with a folder made anew of it, and by words and by both once passages twice as long have come, by\n"
        "which the mean length is a ninth larger.\n"
        "Exit code 1 if anything is lost or there twice.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET", help="whose passages and questions it is made of")
    parser.add_argument("--passages", type=int, default=20_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--questions", type=int, default=200, metavar="N", help="default: %(default)s")
    parser.add_argument("--kind", default="FLAT", metavar="NAME", help="of Milvus's index (default: %(default)s)")
    parser.add_argument(
        "--words", choices=("folder", "server"), default="folder", help="where they are searched (default: %(default)s)"
    )
    parser.add_argument("--embedder", default="", metavar="NAME", help="as for ingest (default: e5-small)")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    parser.set_defaults(run=_milvus)


def _milvus(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from eval.embeddings import CachedEmbedder
    from eval.layouts import load_retrieval_set
    from eval.made import make_archive
    from eval.served import SYSTEMS, compare_served
    from index.embed import BUNDLED, load_embedder
    from ui.cli import DONE, NOT_DONE, complain, printable
    from ui.scale_command import table

    for name in ("passages", "questions"):
        if getattr(options, name) < 1:
            raise SettingsError(f"--{name} is {getattr(options, name)}; want 1 or more")
    sets = [load_retrieval_set(location) for location in options.sets]
    with CachedEmbedder(load_embedder(options.embedder or BUNDLED, report=complain)) as embedder:
        archive = make_archive(sets, embedder, count=options.passages, questions=options.questions)
    with tempfile.TemporaryDirectory(prefix="dragoman-milvus-", ignore_cleanup_errors=True) as scratch:
        rows = compare_served(archive, SYSTEMS, Path(scratch), kind=options.kind, words=options.words, report=complain)
    if options.json:
        known = [{name: None if value != value else value for name, value in asdict(row).items()} for row in rows]
        print(json.dumps({"passages": archive.count, "questions": len(archive.questions), "rows": known}, indent=2))
    else:
        print(f"{archive.count:,} passages, {len(archive.questions)} questions")
        print(printable(table(rows, _COLUMNS, last="kind")))
        print("by words")
        print(printable(table([row for row in rows if not row.kills], _COLUMNS_OF_WORDS)))
    return NOT_DONE if any(row.lost > 0 or row.doubled > 0 or row.removed_found > 0 for row in rows) else DONE
