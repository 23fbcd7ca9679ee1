"""Space that an index no longer needs, given back: embeddings without a text, old removals, free pages, the log."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from index.catalog import Catalog
from index.connect import catalog_file, connect, transaction
from index.errors import IndexUnwritable
from index.folder import Index
from index.lock import writing
from index.schema import REMOVED_FROM
from index.unused import delete_unused_embeddings, unused_embeddings

_ROOM_TO_SPARE = 16_000_000  # for what the caches write, bytes


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was given back."""

    embeddings: int  # that no passage used
    removed: int  # removals that nobody needs to be told of any more
    bytes_before: int  # of the whole folder
    bytes_after: int
    log_is_kept: bool  # because a reader has it open; it goes when the last one closes


def compact(
    folder: Path,
    *,
    report: Callable[[str], None] = lambda message: None,
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> Compacted:
    """Make an index as small as what it holds. Others may read it meanwhile; killed at any moment it is whole.

    The caches are brought to the last batch first, so that none in the folder needs the removals that are forgotten.
    A reader in another process may be older: the catalog says from which batch on it remembers, and a cache that is
    older takes what the files hold, or begins again. So nobody has to be asked who reads.

    Raises IndexUnwritable if the disk has not the room that it takes, twice the catalog; IndexLocked.
    """
    location = catalog_file(folder)
    with writing(folder):
        before = size_of(folder)
        needed, free = 2 * location.stat().st_size + _ROOM_TO_SPARE, free_bytes(folder)
        if free < needed:
            raise IndexUnwritable(
                f"{folder}: compacting needs {needed / 1e6:,.0f} MB of disk while it works, twice the catalog, and "
                f"{free / 1e6:,.0f} MB are free; free some, or restore a snapshot elsewhere; nothing was changed"
            )
        with Index(folder, Catalog(folder), report=report) as index:
            index.bring_caches_forward(writable=True)
        with closing(connect(location)) as db:
            with transaction(db, location):
                embeddings, _ = unused_embeddings(db)
                delete_unused_embeddings(db)
                (sequence,) = db.execute("SELECT value FROM settings WHERE name = 'sequence'").fetchone()
                removed = db.execute("DELETE FROM removed").rowcount
                if removed:
                    db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (REMOVED_FROM, sequence))
            log_is_kept = _vacuum(db, folder, needed)
    return Compacted(embeddings, removed, before, size_of(folder), log_is_kept)


def size_of(folder: Path) -> int:
    """Bytes of all files under a folder."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:  # a file of a cache that was replaced meanwhile
            continue
    return total


def _vacuum(db: sqlite3.Connection, folder: Path, needed: int) -> bool:
    """Write the catalog anew, first to its log and then from there to its file; returns whether the log is kept."""
    # Else SQLite writes the copy to where temporary files go, which may be small and in memory.
    db.execute(f"PRAGMA temp_store_directory = '{str(folder.absolute()).replace(chr(39), chr(39) * 2)}'")
    try:
        db.execute("VACUUM")
        return bool(db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
    except sqlite3.OperationalError as error:
        raise IndexUnwritable(
            f"{folder}: the catalog could not be made smaller ({error}); it needs {needed / 1e6:,.0f} MB of free disk "
            "while that is done; the index is whole"
        ) from error
    finally:
        db.execute("PRAGMA temp_store_directory = ''")
