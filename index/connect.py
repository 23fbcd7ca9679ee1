"""Connections to the SQLite file of a catalog."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from index.errors import IndexFolderError, IndexUnwritable
from index.said import said
from index.schema import FILE_NAME

_WAIT_SECONDS = 30
_UNWRITABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


def catalog_file(folder: Path) -> Path:
    """Where the catalog of an index is. Raises IndexFolderError if there is none."""
    if not (location := folder / FILE_NAME).is_file():
        raise IndexFolderError(
            f"{folder}: no index here; make one: dragoman ingest FOLDER-OF-DOCUMENTS --index {folder}"
        )
    return location


def connect(location: Path) -> sqlite3.Connection:
    """A connection that reads and writes, or reads only where nothing can be written. Raises sqlite3.Error."""
    db = sqlite3.connect(location, isolation_level=None, timeout=_WAIT_SECONDS, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        db.close()
        if not is_unwritable(error):
            raise
        return connect_to_read(location)
    db.execute("PRAGMA synchronous = FULL")  # what was committed survives the power, too
    db.execute("PRAGMA foreign_keys = ON")
    return db


def connect_to_read(location: Path) -> sqlite3.Connection:
    """A connection that changes nothing, made even where no file can be. Raises sqlite3.Error."""
    log = location.with_name(f"{location.name}-wal")
    # SQLite reads a log by a file of shared memory, and only who may write can take that away again. Where it cannot be
    # made, what is there is used; where nothing is there, and no log, it can be done without.
    ways = ("?mode=rw", "?mode=ro") if log.exists() and log.stat().st_size else ("?mode=rw", "?mode=ro&immutable=1")
    for last, way in enumerate(ways):
        uri = f"{location.absolute().as_uri()}{way}"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_WAIT_SECONDS, check_same_thread=False)
        try:
            db.execute("PRAGMA query_only = ON")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError as error:
            db.close()
            if last or not (isinstance(error, sqlite3.OperationalError) and is_unwritable(error)):
                raise
        else:
            return db
    raise AssertionError("one of the ways returns or raises")


@contextmanager
def read_at_once(db: sqlite3.Connection) -> Iterator[None]:
    """What is read inside comes from one moment, that of the outermost, whatever a writer commits meanwhile."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


@contextmanager
def transaction(db: sqlite3.Connection, location: Path) -> Iterator[None]:
    """What is written inside is written whole or not at all. Raises IndexUnwritable, also of a full disk."""
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("COMMIT")
    except BaseException as error:
        with suppress(sqlite3.Error):  # SQLite may have done so itself, and what it says of it hides what was wrong
            db.execute("ROLLBACK")
        if isinstance(error, sqlite3.OperationalError) and is_unwritable(error):
            told = (
                "{file}: cannot be written ({why}); free some of the disk, or get the right to write there; "
                "nothing of this batch was kept, and all before it is whole"
            )
            raise IndexUnwritable(said("index_unwritable", told, file=str(location), why=str(error))) from error
        raise


def is_unwritable(error: sqlite3.OperationalError) -> bool:
    """Whether it is of a disk that is full or damaged, or of a file or folder that cannot be written."""
    return error.sqlite_errorcode & 0xFF in _UNWRITABLE  # the lower byte is the kind, the rest its variety


def format_of_file(location: Path) -> str:
    """The format of a catalog, or "" if this is none that says so."""
    try:
        with closing(connect_to_read(location)) as db:
            row = db.execute("SELECT value FROM settings WHERE name = 'format'").fetchone()
    except sqlite3.DatabaseError:  # whoever opens it says what is wrong
        return ""
    return str(row[0]) if row else ""
