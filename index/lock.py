"""One writer at a time. The lock is the kernel's, so a writer that was killed leaves none behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from index.errors import IndexFolderError, IndexLocked, IndexUnwritable
from index.said import said

_LOCK_FILE, _OWNER_FILE = "writer.lock", "writer.json"
# A process that opens an index to ask it mends what it can first, and holds the lock for that moment.
_SECONDS_OF_PATIENCE = 2.0


@contextmanager
def writing(folder: Path, *, seconds_of_patience: float = _SECONDS_OF_PATIENCE) -> Iterator[None]:
    """Hold the right to write the index in `folder`, if it is free or soon will be.

    Raises IndexLocked, naming who holds it, and IndexUnwritable.
    """
    lock = FileLock(folder / _LOCK_FILE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=seconds_of_patience)
    except FileExistsError as error:
        raise IndexFolderError(f"{folder}: a file, not an index folder; name another") from error
    except Timeout as error:
        busy = "{folder}: {owner} is writing this index; wait for it or stop it; questions can be asked meanwhile"
        raise IndexLocked(said("index_locked", busy, folder=str(folder), owner=_owner(folder))) from error
    except OSError as error:
        closed = "{file}: cannot be written ({why}); name a folder that can be"
        raise IndexUnwritable(said("index_unwritable", closed, file=str(folder), why=str(error.strerror))) from error
    try:
        owner = {"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        with suppress(OSError):  # of a full disk; it only helps to say who holds the lock
            (folder / _OWNER_FILE).write_text(json.dumps(owner), encoding="utf-8")
        yield
    finally:
        (folder / _OWNER_FILE).unlink(missing_ok=True)
        lock.release()


def is_being_written(folder: Path) -> bool:
    """Whether another process has the right to write the index; asked without taking it, so as to be in nobody's way.

    A writer that was killed may be taken for one at work, while another process has its number.
    """
    owner = _read_owner(folder)
    return owner is not None and is_running(owner[0])


def is_running(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _owner(folder: Path) -> str:
    owner = _read_owner(folder)
    return f"process {owner[0]} (since {owner[1]})" if owner is not None else "another process"


def _read_owner(folder: Path) -> tuple[int, str] | None:
    """The number of the process that has the right to write, and since when, if it could say so."""
    try:
        owner = json.loads((folder / _OWNER_FILE).read_bytes())
        return int(owner["pid"]), str(owner["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
