"""One writer at a time. The lock is the kernel's, so a writer that was killed leaves none behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from index.errors import IndexFolderError, IndexLocked

_LOCK_FILE, _OWNER_FILE = "writer.lock", "writer.json"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the right to write the index in `folder`. Raises IndexLocked, naming who holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise IndexFolderError(f"{folder}: a file, not an index folder; name another") from error
    lock = FileLock(folder / _LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise IndexLocked(
            f"{folder}: {_owner(folder)} is writing this index; wait for it or stop it; "
            "questions can be asked meanwhile"
        ) from error
    try:
        owner = {"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        (folder / _OWNER_FILE).write_text(json.dumps(owner), encoding="utf-8")
        yield
    finally:
        (folder / _OWNER_FILE).unlink(missing_ok=True)
        lock.release()


def _owner(folder: Path) -> str:
    try:
        owner = json.loads((folder / _OWNER_FILE).read_bytes())
        return f"process {owner['pid']} (since {owner['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
