"""Files that people hand in: kept in a folder beside the index, from which they are read again whenever need be."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import AsyncIterable
from dataclasses import dataclass
from pathlib import Path

from index.errors import DragomanError
from index.files import MAX_FILE_BYTES
from index.read import file_hash, media_of, readable_types

_LONGEST_NAME = 200  # bytes; file systems take 255, and a number may be put into it
_ARCHIVE = ".zip"


class UploadRefused(DragomanError):
    """A file is not taken: its name, its type, its size, or that there are too many."""


class TooLarge(UploadRefused):
    """A file is larger than what is taken."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How much is taken."""

    file_bytes: int = MAX_FILE_BYTES  # nothing larger is read
    files: int = 10_000
    total_bytes: int = 20 << 30


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is kept, by the name under which it is kept."""

    name: str
    bytes: int


class Uploads:
    """The files in a folder that only this writes to. There is no folder before the first of them."""

    def __init__(self, folder: Path, limits: UploadLimits = UploadLimits()) -> None:
        self.folder = folder.absolute()
        self.limits = limits

    @property
    def types(self) -> list[str]:
        """The endings of names that are taken."""
        return [*readable_types(), _ARCHIVE]

    def kept(self) -> list[Upload]:
        """What is kept, in order of name."""
        if not self.folder.is_dir():
            return []
        with os.scandir(self.folder) as entries:
            found = [Upload(e.name, e.stat().st_size) for e in entries if e.is_file() and not e.name.startswith(".")]
        return sorted(found, key=lambda upload: upload.name)

    async def keep(self, name: str, pieces: AsyncIterable[bytes]) -> Upload:
        """Keep a file as its bytes come, all of them or none.

        If there is another of this name it is kept under a name with a number in it, unless its bytes are the same.
        Raises UploadRefused.
        """
        name = checked_name(name)
        kept = self.kept()
        if len(kept) >= self.limits.files:
            raise TooLarge(f"{name}: {len(kept)} files are kept already, and no more are taken; remove some")
        room = self.limits.total_bytes - sum(upload.bytes for upload in kept)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".", suffix=".part") as file:
                size = 0
                async for piece in pieces:
                    size += len(piece)
                    self._check_size(name, size, room)
                    file.write(piece)
                if not size:
                    raise UploadRefused(f"{name}: the file is empty; there is nothing in it to read")
                file.flush()
                os.fsync(file.fileno())
                return Upload(self._put(Path(file.name), name), size)
        except OSError as error:
            raise UploadRefused(f"{name}: cannot be kept ({error.strerror}); free some of the disk") from error

    def remove(self, name: str) -> bool:
        """Remove a file; whether there was one. What the index has of it stays until it is told to forget."""
        name = checked_name(name)
        try:
            (self.folder / name).unlink()
        except FileNotFoundError:
            return False
        return True

    def _check_size(self, name: str, size: int, room: int) -> None:
        if size > self.limits.file_bytes:
            raise TooLarge(f"{name}: larger than {_megabytes(self.limits.file_bytes)}; split it")
        if size > room:
            limit = _megabytes(self.limits.total_bytes)
            raise TooLarge(f"{name}: all that is kept would be more than {limit}; remove some files first")

    def _put(self, made: Path, name: str) -> str:
        stem, suffix = os.path.splitext(name)  # noqa: PTH122  (a name, not a path)
        number = 1
        while True:
            tried = name if number == 1 else f"{stem} ({number}){suffix}"
            location = self.folder / tried
            try:
                os.link(made, location)  # unlike a move, it fails if there is one
            except FileExistsError:
                if file_hash(location.read_bytes()) == file_hash(made.read_bytes()):
                    return tried
                number += 1
            else:
                return tried


def checked_name(name: str) -> str:
    """A name that is safe for a file in one folder, as it is kept. Raises UploadRefused."""
    name = unicodedata.normalize("NFC", name)
    if not name or name != name.strip() or any(c in '/\\:*?"<>|' or unicodedata.category(c)[0] == "C" for c in name):
        raise UploadRefused(
            f"{name!r}: no name for a file; want one without a folder, without control characters and without "
            '/ \\ : * ? " < > |'
        )
    if name.startswith("."):
        raise UploadRefused(f"{name!r}: names that begin with a dot are hidden and not read; rename the file")
    if len(name.encode()) > _LONGEST_NAME:
        raise UploadRefused(f"{name[:40]!r}…: the name is longer than {_LONGEST_NAME} bytes; rename the file")
    if media_of(name) is None and not name.lower().endswith(_ARCHIVE):
        raise UploadRefused(
            f"{name!r}: files of this type cannot be read; convert it to one of {' '.join(readable_types())} .zip"
        )
    return name


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MB"
