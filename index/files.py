"""What there is to read: files at and under the given paths, and those inside ZIP archives."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from index.errors import ReadError
from index.formats.archive import MAX_ARCHIVE_BYTES, MAX_ARCHIVE_ENTRIES, checked_zip
from index.read import media_of, type_unreadable
from index.said import Said, said

MAX_FILE_BYTES = 256 << 20  # a file is held whole in memory, some formats several times over
_ARCHIVE = ".zip"
_SETTLED_NANOSECONDS = 2_000_000_000  # FAT counts time in steps of two seconds, and no other file system in larger ones


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to read: where it is, and its name relative to the folder that was asked for.

    A file inside a ZIP archive is at the archive's location with its own name after it: /news/2024.zip/a/b.txt.
    """

    location: Path  # absolute
    name: str  # relative, with forward slashes
    root: Path  # the folder that `name` is relative to, absolute


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a walk over the given paths found."""

    files: tuple[FoundFile, ...]
    ignored: tuple[Path, ...]  # in folders and archives: what is of no type that we read, and links that lead out
    missing: tuple[str, ...]  # paths and archives that cannot be read, each as a whole message


def discover(paths: list[Path]) -> Discovery:
    """All readable files at and under `paths`, in one order on every machine; hidden ones are left alone."""
    found = _Found()
    for path in paths:
        if path.is_dir():
            root = path.resolve()
            for location in found.walk(root, root):
                found.add(location, root)
        elif path.is_file():
            found.add(path.resolve(), path.resolve().parent, asked_for=path)
        else:
            found.missing.append(said("path_missing", "{file}: no such file or folder; check the path", file=str(path)))
    return Discovery(tuple(found.files.values()), tuple(found.ignored), tuple(found.missing))


class _Found:
    def __init__(self) -> None:
        self.files: dict[Path, FoundFile] = {}
        self.ignored: list[Path] = []
        self.missing: list[str] = []

    def add(self, location: Path, root: Path, *, asked_for: Path | None = None) -> None:
        """Take a file up if it can be read; one that was asked for by name is missed if not."""
        if location.suffix.lower() == _ARCHIVE:
            for member in self._members(location):
                self._add_one(member, root)
        elif asked_for is None or media_of(location.name):
            self._add_one(location, root)
        else:
            self.missing.append(type_unreadable(str(asked_for), location.suffix))

    def _add_one(self, location: Path, root: Path) -> None:
        if media_of(location.name):
            self.files.setdefault(location, FoundFile(location, location.relative_to(root).as_posix(), root))
        else:
            self.ignored.append(location)

    def walk(self, folder: Path, root: Path) -> Iterator[Path]:
        """The files under `folder`, in order; links are followed to files within `root` only."""
        try:
            with os.scandir(folder) as listed:  # it tells what an entry is without asking the disk for each
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            closed = "{file}: {why}; change its permissions or leave it out"
            self.missing.append(said("folder_closed", closed, file=str(folder), why=str(error.strerror)))
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            location = folder / entry.name
            if entry.is_symlink() and not _is_file_within(location, root):
                self.ignored.append(location)  # it may lead back up, for ever, or to what nobody meant to show
            elif entry.is_dir():
                yield from self.walk(location, root)
            elif not _is_utf8(entry.name):
                misnamed = "{file}: its name is not UTF-8 and cannot be cited; rename it"
                self.missing.append(said("name_not_utf8", misnamed, file=repr(entry.path)))
            elif entry.is_file():
                yield location
            else:
                self.ignored.append(location)  # a pipe or a device would keep its reader waiting

    def _members(self, archive: Path) -> Iterator[Path]:
        try:
            names = sorted(_open_archive(archive).entries)
        except ReadError as error:
            self.missing.append(error.told)
            return
        for name in map(PurePosixPath, names):
            if ".." in name.parts or name.is_absolute():
                outside = "{file}: {name!r} leads out of the archive and is not read; unpack it"
                self.missing.append(said("leads_out", outside, file=str(archive), name=str(name)))
            elif any(part.startswith((".", "__MACOSX")) for part in name.parts):
                continue
            elif name.suffix.lower() == _ARCHIVE:
                inside = "{file}: an archive inside an archive is not read; unpack it"
                self.missing.append(said("archive_inside", inside, file=str(archive / name)))
            else:
                yield archive / name


def _is_file_within(link: Path, root: Path) -> bool:
    try:
        return link.is_file() and link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # it leads to itself, which is either, by the version of Python
        return False


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def exists(location: Path) -> bool:
    """Whether a file is still there, in its archive if it is in one; true if that cannot be told.

    What is said to be gone may be forgotten, so a folder that cannot be looked into has lost nothing yet, nor has an
    archive that is damaged, as one is while it is copied.
    """
    try:
        if (parts := _in_archive(location)) is None:
            return location.exists()
        archive, name = parts
        return name in _open_archive(archive).entries
    except (OSError, ReadError):
        return True


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells without reading a file that it was not changed: equal stamps, unless `modified` is 0."""

    size: int  # bytes; of the archive, for a file in one
    modified: int  # nanoseconds; 0 if so recent that a change in the same tick of the clock would not show


def stamp_of(location: Path) -> Stamp:
    """The stamp of a file; one that says nothing for a file that cannot be looked at."""
    parts = _in_archive(location)
    try:
        found = (location if parts is None else parts[0]).stat()
    except OSError:
        return Stamp(0, 0)
    settled = found.st_mtime_ns < time.time_ns() - _SETTLED_NANOSECONDS  # a time to come is not to be relied on, either
    return Stamp(found.st_size, found.st_mtime_ns if settled else 0)


def size_of(location: Path) -> int:
    """The bytes of a file, 0 for one that cannot be read."""
    parts = _in_archive(location)
    try:
        return location.stat().st_size if parts is None else _open_archive(parts[0]).entries[parts[1]].file_size
    except (OSError, ReadError, KeyError):
        return 0


def read_bytes(location: Path) -> bytes:
    """The bytes of a file. Raises ReadError."""
    if (parts := _in_archive(location)) is None:
        return _bytes_of(location)
    archive, name = parts
    opened = _open_archive(archive)
    entry = opened.entries.get(name)
    if entry is None:
        gone = "{file}: no longer in the archive; ingest the archive again"
        raise ReadError(said("gone_from_archive", gone, file=str(location)))
    if entry.file_size > MAX_FILE_BYTES:
        raise ReadError(_too_large(location, entry.file_size))
    try:
        return opened.package.read(entry)
    except Exception as error:  # zipfile and zlib each raise their own kinds for a damaged entry
        damaged = "{file}: damaged in its archive ({why}); fetch the archive again"
        raise ReadError(said("damaged_in_archive", damaged, file=str(location), why=str(error))) from error


@dataclass(frozen=True, slots=True)
class _Archive:
    package: zipfile.ZipFile
    entries: Mapping[str, zipfile.ZipInfo]  # the files in it, by name; of two of the same name the last counts


def _open_archive(location: Path) -> _Archive:
    """An archive whose declared sizes are sound. Raises ReadError."""
    try:
        found = location.stat()
        return _kept_open(location, found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise ReadError(_closed(location, error.strerror)) from error


@lru_cache(maxsize=2)  # to list a large archive's files for each of them would take for ever
def _kept_open(location: Path, size: int, changed: int) -> _Archive:
    file = location.open("rb")
    try:
        package = checked_zip(
            file,
            str(location),
            kind="ZIP archive",
            max_entries=MAX_ARCHIVE_ENTRIES,
            max_unpacked_bytes=MAX_ARCHIVE_BYTES,
        )
    except ReadError:
        file.close()
        raise
    entries = {PurePosixPath(entry.filename).as_posix(): entry for entry in package.infolist() if not entry.is_dir()}
    return _Archive(package, entries)


def _in_archive(location: Path) -> tuple[Path, str] | None:
    """The archive that a file is in, and its name there; None for a file of its own."""
    if _ARCHIVE not in str(location).lower():  # as for nearly every file of a large folder
        return None
    for parent in location.parents:
        if parent.suffix.lower() == _ARCHIVE and parent.is_file():
            return parent, location.relative_to(parent).as_posix()
    return None


def _bytes_of(location: Path) -> bytes:
    try:
        size = location.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ReadError(_too_large(location, size))
        return location.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = error.strerror if isinstance(error, OSError) else error
        raise ReadError(_closed(location, why)) from error


def _closed(location: Path, why: object) -> Said:
    told = "{file}: {why}; check that it exists and may be read"
    return said("file_closed", told, file=str(location), why=str(why))


def _too_large(location: Path, size: int) -> Said:
    told = "{file}: {size} MiB; at most {most} MiB are read as one file; split it"
    return said("file_too_large", told, file=str(location), size=size >> 20, most=MAX_FILE_BYTES >> 20)
