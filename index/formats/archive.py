"""ZIP packages of XML, as DOCX, ODT, EPUB, PPTX and XLSX are: opened with limits, parsed without entities."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote

from index.errors import ReadError
from index.said import Said, said

if TYPE_CHECKING:
    from lxml.etree import _Element

# A package may hold hundreds of pictures and fonts; none that a person made comes near these.
MAX_ENTRIES = 20_000
MAX_UNPACKED_BYTES = 1 << 30  # of all entries together, as the package declares them; zipfile reads no more than that
MAX_ARCHIVE_ENTRIES = 1_000_000  # of an archive of files, which are unpacked one at a time
MAX_ARCHIVE_BYTES = 64 << 30
MAX_XML_BYTES = 100 << 20  # of one entry that is parsed: its tree takes about ten times as much memory
# XML shrinks to a tenth, a sheet of equal rows to a hundredth; a bomb to a thousandth, which is all DEFLATE can do.
MAX_RATIO = 200
RATIO_COUNTS_FROM_BYTES = 10 << 20

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # what Office files were before 2007, and are when they have a password


def checked_zip(
    file: IO[bytes],
    path: str,
    *,
    kind: str,
    max_entries: int = MAX_ENTRIES,
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
) -> zipfile.ZipFile:
    """The package in `file`, none of it unpacked yet. `kind` is what it should be: "DOCX file".

    Raises ReadError if it is no ZIP, has a password, or declares more than the limits above.
    """
    begins, size = file.read(len(_OLE)), file.seek(0, io.SEEK_END)
    if begins == _OLE:
        old = "{file}: not a {kind} but one with a password or of before 2007; save it anew without either"
        raise ReadError(said("old_office", old, file=path, kind=kind))
    try:
        package = zipfile.ZipFile(file)
        entries = package.infolist()
    except Exception as error:  # BadZipFile, but also struct.error, UnicodeDecodeError, … for damaged directories
        raise _damaged(path, kind, error) from error
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > max_entries:
        many = "{file}: holds {count:,} files, at most {most:,} are read; split it"
        raise ReadError(said("too_many_files", many, file=path, count=len(entries), most=max_entries))
    if unpacked > max_unpacked_bytes or unpacked > max(RATIO_COUNTS_FROM_BYTES, MAX_RATIO * size):
        raise ReadError(
            said(
                "unpacks_to_much",
                "{file}: would unpack from {size:,} to {unpacked:,} bytes, as a file that is made to fill the memory "
                "(at most {ratio} times and {most:,} bytes are read); save it anew if you trust it",
                file=path,
                size=size,
                unpacked=unpacked,
                ratio=MAX_RATIO,
                most=max_unpacked_bytes,
            )
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise ReadError(has_password(path))
    return package


def has_password(path: str) -> Said:
    """That a file has a password."""
    return said("has_password", "{file}: has a password; save it without one", file=path)


@contextmanager
def unpacking(data: bytes, path: str, *, kind: str) -> Iterator[zipfile.ZipFile]:
    """The package in `data`, as `checked_zip` gives it; whatever goes wrong while it is read becomes a ReadError."""
    package = checked_zip(io.BytesIO(data), path, kind=kind)
    try:
        yield package
    except ReadError:
        raise
    except Exception as error:  # zipfile, zlib, lxml, openpyxl and our own lookups each raise their own kinds
        raise _damaged(path, kind, error) from error


def _damaged(path: str, kind: str, error: Exception) -> ReadError:
    told = "{file}: not a whole {kind} ({why}); open and save it in the program that made it, or fetch it again"
    return ReadError(said("not_whole", told, file=path, kind=kind, why=f"{type(error).__name__}: {error}"))


def member(package: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of an entry. Raises KeyError if there is none, ValueError if it is too large to parse."""
    entry = package.getinfo(name)
    if entry.file_size > MAX_XML_BYTES:
        raise ValueError(f"{name} has {entry.file_size:,} bytes, at most {MAX_XML_BYTES:,} are read")
    return package.read(entry)


def parse_xml(data: bytes) -> _Element:
    """The root of an XML text. No entity is expanded, no DTD loaded, nothing fetched; raises XMLSyntaxError."""
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - compiled, untyped

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    return etree.fromstring(data, parser)


def member_xml(package: zipfile.ZipFile, name: str) -> _Element:
    """The root of an entry. Raises as `member` and `parse_xml` do."""
    return parse_xml(member(package, name))


def resolve(base: str, link: str) -> str:
    """The name of the entry that `link`, found in the entry `base`, leads to."""
    if link.startswith("/"):
        return link[1:]
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(link.partition("#")[0])))


def local_name(element: _Element) -> str:
    """The name of an element without its namespace, "" for what is none."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def relations(package: zipfile.ZipFile, part: str) -> list[tuple[str, str, str]]:
    """Id, kind (the last word of its type) and target entry of each relation of an Office part; "" is the package."""
    folder, _, name = part.rpartition("/")
    rels = posixpath.join(folder, "_rels", f"{name}.rels")
    if rels not in package.namelist():
        return []
    return [
        (link.get("Id", ""), link.get("Type", "").rpartition("/")[2], resolve(part, link.get("Target", "")))
        for link in member_xml(package, rels)
        if link.get("TargetMode") != "External"
    ]


def properties(package: zipfile.ZipFile, name: str) -> dict[str, str]:
    """What a package's entry of metadata says, by the local name of the element; the first of each counts."""
    if name not in package.namelist():
        return {}
    told: dict[str, str] = {}
    for element in member_xml(package, name).iter():
        if element.text and element.text.strip():
            told.setdefault(local_name(element), element.text.strip())
    return told


def attribute(element: _Element | None, name: str) -> str:
    """An attribute by its local name, or ""; Office has two namespaces for each, a transitional and a strict one."""
    if element is None:
        return ""
    return next((str(value) for key, value in element.items() if key.rpartition("}")[2] == name), "")
