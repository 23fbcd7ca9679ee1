"""A consistent copy of an index while it is in use, and an index made of it again.

A snapshot is the catalog alone, in one file: the caches are made from it on opening, without embedding anything, and
would make it two thirds larger. Vectors that a server searches are searched in the folder of what is restored, until an
ingest names a server. It is copied by SQLite a piece at a time, from one moment: a reader that does not end
holds no writer up, and what is committed meanwhile does not make it begin again.
"""

from __future__ import annotations

import glob
import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from index.catalog import Catalog
from index.check import Checked, Progress, check_catalog
from index.connect import connect_to_read, format_of_file, is_unwritable, read_at_once
from index.errors import IndexFolderError, IndexUnwritable
from index.lock import writing
from index.schema import FILE_NAME, VECTORS_AT
from index.whole import exchange, is_left_behind, written_whole

_PAGES_A_STEP = 1024  # 4 MB


def take_snapshot(
    folder: Path,
    destination: Path,
    *,
    force: bool = False,
    on_progress: Progress = lambda what, done, total: None,
) -> int:
    """Copy the catalog of an index to the file `destination`, whole or not at all; returns its size in bytes.

    Anybody may write the index meanwhile. With `force` an older snapshot is replaced, and nothing but a snapshot.
    Raises IndexFolderError, IndexUnwritable.
    """
    if destination.is_dir():
        raise IndexFolderError(f"{destination}: a folder; name the file that the snapshot is to be")
    if destination.exists() and not force:
        raise IndexFolderError(f"{destination}: is there already; name another file, or replace it with --force")
    if destination.exists() and not format_of_file(destination):
        raise IndexFolderError(f"{destination}: no snapshot, so it is not replaced; name another file")
    with Catalog(folder):
        pass  # it is one of ours, of this format
    with _told_of_full_disk(destination), written_whole(destination) as beside:
        _copy(folder / FILE_NAME, beside, on_progress)
    return destination.stat().st_size


def restore(
    snapshot: Path,
    folder: Path,
    *,
    force: bool = False,
    on_progress: Progress = lambda what, done, total: None,
) -> tuple[Checked, Path | None]:
    """Make an index in `folder` of a snapshot; returns what it holds, and where the index that was there is kept.

    The copy is looked at as `check` does before it takes its place; the snapshot stays as it is. A folder in which
    something is needs `force`. Whenever we are killed, what was there or what is restored is there, whole; but where
    folders cannot change places in one step (see `exchange`) there is a moment in which it has its other name only.
    Raises IndexFolderError, IndexLocked while that is written, IndexUnwritable.
    """
    if not snapshot.is_file():
        raise IndexFolderError(f"{snapshot}: no such snapshot; make one: dragoman index snapshot FILE --index DIR")
    if folder.exists() and not folder.is_dir():
        raise IndexFolderError(f"{folder}: a file, not an index folder; name another")
    taken = folder.is_dir() and any(folder.iterdir())
    if taken and not force:
        raise IndexFolderError(
            f"{folder}: something is there already; name another folder, or restore with --force, which keeps it beside"
        )
    folder = folder.resolve()
    beside = folder.with_name(f".{folder.name}.restored.{os.getpid()}")
    with _told_of_full_disk(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(f".{glob.escape(folder.name)}.restored.*"):
            if is_left_behind(left):
                shutil.rmtree(left)
        try:
            beside.mkdir()
            checked = _make(snapshot, beside / FILE_NAME, on_progress)
            if not taken:
                beside.replace(folder)
                return checked, None
            with writing(folder):
                return checked, _change_places(beside, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def _change_places(restored: Path, folder: Path) -> Path:
    """Put what is restored in place of a folder; returns where that is kept."""
    kept = _free_name(folder)
    # Under this name already: then nothing that anybody wants is ever under a hidden one, which the next run deletes.
    restored.rename(kept)
    if not exchange(kept, folder):
        kept.rename(restored)
        folder.rename(kept)
        restored.rename(folder)
    return kept


def _make(snapshot: Path, location: Path, on_progress: Progress) -> Checked:
    """A catalog of its own: two that grow apart from one snapshot must not take each other's caches for theirs."""
    _copy(snapshot, location, on_progress)
    with closing(sqlite3.connect(location)) as db, db:
        db.execute("UPDATE settings SET value = ? WHERE name = 'id'", (uuid.uuid4().hex,))
        # The collection on a server is that of the index that the snapshot is of.
        db.execute("DELETE FROM settings WHERE name = ?", (VECTORS_AT,))
    checked = check_catalog(location, on_progress=on_progress)
    if checked.problems:
        raise IndexFolderError(
            f"{snapshot}: damaged, so nothing was restored; {len(checked.problems)} problems: {checked.problems[0]}"
        )
    with location.open("rb") as file:
        os.fsync(file.fileno())
    return checked


def _free_name(folder: Path) -> Path:
    names: Iterator[Path] = (folder.with_name(f"{folder.name}.before-{number}") for number in range(1, 10_000))
    return next(name for name in names if not name.exists())


def _copy(source: Path, target: Path, on_progress: Progress) -> None:
    """Copy a catalog to a file that is complete without a log."""
    try:
        reading = connect_to_read(source)
    except sqlite3.DatabaseError as error:
        raise IndexFolderError(f"{source}: cannot be copied ({error}); see: dragoman index check") from error
    try:
        with closing(reading) as db, closing(sqlite3.connect(target, isolation_level=None)) as copy:
            copy.execute("PRAGMA synchronous = OFF")  # whoever asked for it sees to that
            with read_at_once(db):
                db.execute("SELECT count(*) FROM settings").fetchone()  # what comes later is not seen
                db.backup(
                    copy,
                    pages=_PAGES_A_STEP,
                    progress=lambda _, left, total: on_progress("pages", total - left, total),
                )
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        if is_unwritable(error):
            raise IndexUnwritable(
                f"{target.parent}: the copy cannot be written ({error}); it needs {source.stat().st_size / 1e6:,.0f} MB"
            ) from error
        raise IndexFolderError(f"{source}: cannot be copied ({error})") from error
    except sqlite3.DatabaseError as error:
        raise IndexFolderError(f"{source}: cannot be copied ({error}); see: dragoman index check") from error


@contextmanager
def _told_of_full_disk(where: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        if isinstance(error, sqlite3.OperationalError) and not is_unwritable(error):
            raise
        told = getattr(error, "strerror", None) or error
        raise IndexUnwritable(f"{where}: cannot be written ({told}); free some of the disk") from error
