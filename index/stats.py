"""What an index holds, what it takes on the disk, and how well its vectors are searched."""

from __future__ import annotations

import datetime as dt
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from index.catalog import Catalog
from index.compact import size_of
from index.connect import connect_to_read, read_at_once
from index.dense import make_dense
from index.errors import IndexFolderError
from index.passages import Chunking
from index.schema import FILE_NAME, FORMAT_VERSION
from index.unused import unused_embeddings
from index.words import make_words

_PARTS_OF_CATALOG = {
    "texts": "SELECT coalesce(sum(length(CAST(text AS BLOB))), 0) FROM sources",
    "vectors": "SELECT coalesce(sum(length(vector)), 0) FROM embeddings",
    "token vectors": "SELECT coalesce(sum(length(packed)), 0) FROM tokens",
}


@dataclass(frozen=True, slots=True)
class Stats:
    """An index in figures."""

    format: int
    embedder: str
    weights: str  # hash of its weights
    dimension: int
    chunking: Chunking
    sources: int
    documents: int
    passages: int
    languages: dict[str, int]  # passages of each, the most first
    embedded: int  # passages that have their embedding
    unused_embeddings: int  # kept so that no text is embedded twice
    unused_bytes: int  # what `compact` would give back of them
    bytes_of: dict[str, int]  # of files and folders, by name
    bytes_in_catalog: dict[str, int]  # of what it holds, the rest are tables and indexes
    vectors_at: str  # the URL of the server where they are searched, or "" for this folder
    dense_kind: str  # "exact", or by language in how many of how many cells a search looks, or what the server does
    recall: float  # share of the truly nearest that a search of the vectors finds, measured on its own
    sequence: int  # of the last batch
    dense_sequence: int  # that the files of the cache have reached; 0 if there are none that fit
    lexical_sequence: int
    removed_from: int  # of removals up to this batch nothing is remembered
    written: str  # when the catalog was last written, ISO 8601, by the clock of its disk


def stats(folder: Path) -> Stats:
    """The figures of an index, which is read and not changed. Raises IndexFolderError, IndexMismatch."""
    with Catalog(folder) as catalog, catalog.snapshot():
        built = catalog.built_with
        dense = make_dense(folder, catalog.vectors_at, built.embedder.dimension)
        with suppress(IndexFolderError):  # it is made again, here in memory only
            dense.load(catalog.vectors_id)
        dense_sequence = dense.sequence
        dense.open(catalog, writable=False)
        lexical = make_words(folder, catalog.vectors_at)
        lexical.open(catalog, writable=False)
        sources, documents, passages = catalog.counts()
        with closing(connect_to_read(folder / FILE_NAME)) as db, read_at_once(db):
            languages = dict(
                db.execute("SELECT lang, count(*) FROM passages GROUP BY lang ORDER BY count(*) DESC, lang")
            )
            unused, unused_bytes = unused_embeddings(db)
            held = {name: int(db.execute(query).fetchone()[0]) for name, query in _PARTS_OF_CATALOG.items()}
        return Stats(
            format=FORMAT_VERSION,
            embedder=built.embedder.name,
            weights=built.embedder.weights_hash,
            dimension=built.embedder.dimension,
            chunking=built.chunking,
            sources=sources,
            documents=documents,
            passages=passages,
            languages=languages,
            embedded=passages - catalog.pending_count(),
            unused_embeddings=unused,
            unused_bytes=unused_bytes,
            bytes_of=sizes(folder),
            bytes_in_catalog=held,
            vectors_at=catalog.vectors_at,
            dense_kind=dense.kind,
            recall=dense.recall(catalog),
            sequence=catalog.sequence,
            dense_sequence=dense_sequence,
            lexical_sequence=lexical.sequence,
            removed_from=catalog.removed_from,
            written=written(folder),
        )


def sizes(folder: Path) -> dict[str, int]:
    """What the files and folders of an index take on the disk, in bytes, by name."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith("-shm"):  # goes with the last that has the catalog open, such as this
            continue
        if size := size_of(path) if path.is_dir() else path.stat().st_size:
            found[path.name] = size
    return found


def written(folder: Path) -> str:
    """When the catalog was last written, ISO 8601, by the clock of its disk."""
    files = (folder / f"{FILE_NAME}{suffix}" for suffix in ("", "-wal"))
    # An empty log is made by whoever reads.
    latest = max(file.stat().st_mtime for file in files if file.exists() and file.stat().st_size)
    return dt.datetime.fromtimestamp(latest).astimezone().isoformat(timespec="seconds")
