"""The commands `dragoman export` and `dragoman import`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add_export(commands: Any) -> None:
    """Add `export` to the commands of `dragoman`."""
    from ui.cli import add_index, add_json, command

    parser = command(
        commands,
        "export",
        _export,
        help="write an index out, for other systems or another machine",
        description="Write all sources whole, with their articles, passages and places:\n"
        "  jsonl    one file, a line a source\n"
        "  beir     a folder: that file, and corpus.jsonl, a line a passage, as evaluation sets have it\n"
        "  parquet  a folder: sources.parquet and passages.parquet, a row a passage; needs pyarrow\n"
        "`dragoman import` makes the same index of it again. An export that is stopped leaves nothing.",
    )
    add_index(parser)
    parser.add_argument("--to", required=True, choices=["beir", "jsonl", "parquet"], help="the layout")
    parser.add_argument(
        "--embeddings",
        action="store_true",
        help="with the vectors of passages and of their tokens: whoever imports it need not embed anything",
    )
    parser.add_argument("destination", type=Path, metavar="OUT", help="a file or folder that is not there yet")
    add_json(parser)


def add_import(commands: Any) -> None:
    """Add `import` to the commands of `dragoman`."""
    from ui.cli import add_index, add_json, command

    parser = command(
        commands,
        "import",
        _import,
        help="make an index of an export",
        description="Make an index in a folder that is not there yet of what `dragoman export` wrote: the same ids,\n"
        "texts and places, and the same is found. What came without embeddings is embedded. Where the index is named\n"
        "by the URL of a Milvus server, its vectors are then put there.",
    )
    parser.add_argument("origin", type=Path, metavar="OUT", help="what `dragoman export` wrote")
    add_index(parser)
    parser.set_defaults(moves_vectors=True)
    add_json(parser)


def _export(options: argparse.Namespace) -> int:
    from index.transfer import Layout, export_index
    from ui.cli import DONE, existing
    from ui.index_command import Bar

    with Bar() as bar:
        sources = export_index(
            existing(options.index),
            options.destination,
            layout=Layout(options.to),
            embeddings=options.embeddings,
            on_progress=bar.update,
        )
    print(json.dumps({"sources": sources}) if options.json else f"{sources:,} sources in {options.destination}")
    return DONE


def _import(options: argparse.Namespace) -> int:
    from index.transfer import import_index
    from ui.cli import DONE, vectors_moved
    from ui.index_command import Bar

    with vectors_moved(options), Bar() as bar:
        sources, articles, passages = import_index(options.origin, options.index, on_progress=bar.update)
    if options.json:
        print(json.dumps({"sources": sources, "articles": articles, "passages": passages}))
    else:
        print(f"{sources:,} sources, {articles:,} articles, {passages:,} passages in {options.index}")
    return DONE
