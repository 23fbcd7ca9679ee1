"""Files that are written whole or not at all."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index.lock import is_running

# ".state.json.123-140052": beside what, by which process and which of its threads; or what SQLite has beside that.
_BESIDE = re.compile(r"\..+\.(\d+)(?:-\d+)?(?:-journal|-wal|-shm)?")

# Of renameat2 in Linux (AT_FDCWD, RENAME_EXCHANGE) and renamex_np in macOS (RENAME_SWAP, the same number).
_HERE, _EXCHANGE = -100, 2

_OF_TANTIVY = re.compile(r"\.tmp\w{6}")  # what it was writing; whose it is the name does not say


def write_whole(location: Path, data: bytes) -> None:
    """Put `data` in place of a file, so that whoever reads it, and whenever we are killed, it is the old or the new.

    A link is followed, and the permissions of a file that was there are kept. Raises OSError.
    """
    if location.exists() and not location.is_file():
        location.write_bytes(data)  # a pipe or a device cannot be replaced; of a folder this says what it is
        return
    with written_whole(location) as beside:
        beside.write_bytes(data)


@contextmanager
def written_whole(location: Path) -> Iterator[Path]:
    """A path beside a file, to be written inside; at the end it takes the file's place, as in `write_whole`."""
    target = location.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def folder_made_whole(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder`, to be filled inside; at the end it takes the place of what is there.

    Whoever looks, and whenever we are killed, finds the old one, the new one or none. Raises OSError.
    """
    ours = f"{os.getpid()}-{threading.get_ident()}"
    beside, former = (folder.with_name(f".{folder.name}.{use}.{ours}") for use in ("new", "old"))
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        yield beside
        if folder.exists():
            folder.rename(former)
        beside.rename(folder)
    finally:
        for left in (beside, former):
            shutil.rmtree(left, ignore_errors=True)


def exchange(one: Path, other: Path) -> bool:
    """Let two folders of one file system change places in one step; False, and nothing done, where that cannot be.

    Linux and macOS can, on most file systems; Python has no word for it.
    """
    names = os.fsencode(one), os.fsencode(other)
    library: Any = ctypes.CDLL(None) if sys.platform != "win32" else None
    if hasattr(library, "renameat2"):
        return library.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE) == 0
    if hasattr(library, "renamex_np"):
        return library.renamex_np(*names, _EXCHANGE) == 0
    return False


def left_behind(folder: Path) -> list[Path]:
    """Files under a folder that a process which no longer runs was writing, in order; nobody reads them."""
    return sorted(path for path in folder.rglob(".*") if is_left_behind(path))


def delete_left_behind(folder: Path) -> list[Path]:
    """Delete what `left_behind` finds, and tell what it was; only where no other process writes. Raises OSError."""
    found = left_behind(folder) + [path for path in folder.rglob(".tmp*") if _OF_TANTIVY.fullmatch(path.name)]
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return found


def is_left_behind(path: Path) -> bool:
    """Whether a process which no longer runs was writing this."""
    named = _BESIDE.fullmatch(path.name)
    return named is not None and not is_running(int(named[1]))
