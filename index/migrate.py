"""A catalog of an older format made into one of this format; the old one is kept beside it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from index.connect import format_of_file
from index.errors import IndexFolderError, IndexLocked
from index.escapes import view
from index.said import said
from index.schema import FILE_NAME, FORMAT_VERSION, SCHEMA, begin_counting
from index.values import Span, Spelling
from index.whole import written_whole

# Format 3 had one embedding in each passage, not one for each text, and no stamps of files.
MIGRATED = 3
_SAME_TABLES = ("documents", "dropped", "lines", "removed", "prints", "compared", "links", "clusters")
_COPIED = """
INSERT INTO embedders SELECT 1, sorted_json(value), coalesce(
    (SELECT value FROM old.settings WHERE name = 'token mean'), '') FROM old.settings WHERE name = 'embedder';
INSERT INTO settings SELECT name, value FROM old.settings WHERE name NOT IN ('token mean', 'embedder', 'format');
INSERT INTO sources SELECT key, path, location, media, sha256, 0, 0, rules, text_sha256, title, date, author, outlet,
    encoding, spelling, pages, problems, text FROM old.sources;
CREATE TEMP TABLE hashes AS
    SELECT p.key AS passage, hash_of(d.title, substr(s.text, p.start + 1, p."end" - p.start), s.spelling) AS text
    FROM old.passages p JOIN old.documents d ON p.document = d.key JOIN old.sources s ON d.source = s.key
    ORDER BY p.key;
CREATE INDEX temp.hashes_by_passage ON hashes (passage);
INSERT OR IGNORE INTO embeddings (embedder, text, vector)
    SELECT 1, h.text, p.vector FROM old.passages p JOIN hashes h ON h.passage = p.key ORDER BY p.key;
INSERT OR IGNORE INTO tokens SELECT e.key, t.packed FROM old.tokens t JOIN hashes h ON h.passage = t.passage
    JOIN embeddings e ON e.text = h.text ORDER BY t.passage;
INSERT INTO passages SELECT p.key, p.id, p.document, p.start, p."end", p.lang, h.text, p.sequence, e.key, p.sequence
    FROM old.passages p JOIN hashes h ON h.passage = p.key JOIN embeddings e ON e.text = h.text ORDER BY p.key;
UPDATE sqlite_sequence SET seq = (SELECT seq FROM old.sqlite_sequence WHERE name = 'passages') WHERE name = 'passages';
"""


def format_of(folder: Path) -> str:
    """The format of the catalog in `folder`, or "" if there is none that says so."""
    location = folder / FILE_NAME
    return format_of_file(location) if location.is_file() else ""


def kept_as(folder: Path) -> Path:
    """Where the catalog of the older format is kept."""
    return folder / f"catalog.format-{MIGRATED}.sqlite"


def migrate(folder: Path, *, report: Callable[[str], None]) -> None:
    """Bring a catalog of format 3 to this one, embedding nothing again. Only under the writer's lock.

    Until the new one is whole, the old one is what there is; then it is kept by another name. Raises IndexFolderError,
    and IndexLocked while a process with an older version reads it.
    """
    if format_of(folder) != str(MIGRATED):
        return
    location = folder / FILE_NAME
    told = "{file}: bringing the index from format {old} to {new}; nothing is embedded again"
    report(said("migrating", told, file=str(location), old=MIGRATED, new=FORMAT_VERSION))
    try:
        with closing(sqlite3.connect(location, isolation_level=None)) as old:
            # What stands in its log only would be lost with the log, which belongs to the name and not to the file.
            if old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise IndexLocked(f"{location}: read by a process of an older version; close it and try again")
        with written_whole(location) as beside:
            _write(location, beside)
            _keep(location, kept_as(folder))
    except (sqlite3.DatabaseError, OSError) as error:
        raise IndexFolderError(
            f"{location}: could not be brought to format {FORMAT_VERSION} ({error}); it is as it was; the disk needs "
            f"room for another {location.stat().st_size / 1e6:,.0f} MB"
        ) from error
    told = "done; the old one is kept as {file}: delete it when you have seen that all is there"
    report(said("migrated", told, file=str(kept_as(folder))))


def _write(location: Path, beside: Path) -> None:
    with closing(sqlite3.connect(beside, isolation_level=None)) as db:
        db.create_function("hash_of", 3, _hash_of, deterministic=True)
        db.create_function("sorted_json", 1, lambda text: json.dumps(json.loads(text), sort_keys=True))
        db.execute("ATTACH ? AS old", (str(location),))
        db.execute("BEGIN")
        for statement in SCHEMA.split(";\n"):
            db.execute(statement)
        for statement in _COPIED.split(";\n"):
            db.execute(statement)
        for table in _SAME_TABLES:
            db.execute(f"INSERT INTO {table} SELECT * FROM old.{table}")
        db.executemany("INSERT INTO settings VALUES (?, ?)", [("format", str(FORMAT_VERSION)), ("embedder", "1")])
        begin_counting(db)
        db.execute("COMMIT")
        # A catalog without its log is one file, which takes the other's place at once.
        db.execute("DETACH old")


def _keep(location: Path, kept: Path) -> None:
    kept.unlink(missing_ok=True)
    try:
        os.link(location, kept)
    except OSError:  # a file system without hard links
        shutil.copyfile(location, kept)


def _hash_of(title: str, text: str, spelling: str) -> bytes:
    """`index.catalog.embedded_hash` of what `index.passages.searched_text` gives, as format 4 began with."""
    readable = view(text, Span(0, len(text)), Spelling(spelling)).text
    return hashlib.sha256(f"{title} {readable}".strip().encode("utf-8")).digest()[:16]
