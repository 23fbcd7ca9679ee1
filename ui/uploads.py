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
from index.said import said

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
            full = "{file}: {count} files are kept already, and no more are taken; remove some"
            raise TooLarge(said("uploads_full", full, file=name, count=len(kept)))
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
                    empty = "{file}: the file is empty; there is nothing in it to read"
                    raise UploadRefused(said("file_empty", empty, file=name))
                file.flush()
                os.fsync(file.fileno())
                return Upload(self._put(Path(file.name), name), size)
        except OSError as error:
            unkept = "{file}: cannot be kept ({why}); free some of the disk"
            raise UploadRefused(said("upload_unkept", unkept, file=name, why=str(error.strerror))) from error

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
            limit = _megabytes(self.limits.file_bytes)
            raise TooLarge(said("upload_large", "{file}: larger than {limit} MB; split it", file=name, limit=limit))
        if size > room:
            limit = _megabytes(self.limits.total_bytes)
            full = "{file}: all that is kept would be more than {limit} MB; remove some files first"
            raise TooLarge(said("uploads_large", full, file=name, limit=limit))

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
        wrong = (
            "{file!r}: no name for a file; want one without a folder, without control characters and without "
            '/ \\ : * ? " < > |'
        )
        raise UploadRefused(said("upload_misnamed", wrong, file=name))
    if name.startswith("."):
        hidden = "{file!r}: names that begin with a dot are hidden and not read; rename the file"
        raise UploadRefused(said("upload_hidden", hidden, file=name))
    if len(name.encode()) > _LONGEST_NAME:
        long = "{file!r}…: the name is longer than {most} bytes; rename the file"
        raise UploadRefused(said("upload_long_name", long, file=name[:40], most=_LONGEST_NAME))
    if media_of(name) is None and not name.lower().endswith(_ARCHIVE):
        types = " ".join([*readable_types(), _ARCHIVE])
        other = "{file!r}: files of this type cannot be read; convert it to one of {types}"
        raise UploadRefused(said("type_unreadable", other, file=name, types=types))
    return name


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):,.0f}"
