"""Web archives (WARC): the pages and plain texts that their records hold, each read as if it were a file."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from warcio.archiveiterator import ArchiveIterator

from index.errors import ReadError
from index.formats import Extracted
from index.formats.html import read_html
from index.formats.markup import decode_html
from index.said import said
from index.values import DroppedSpan, Part, Span

MAX_UNPACKED_BYTES = 1_000_000_000  # of a whole archive; more of text nobody means to read as one file
_MAX_PAGE_BYTES = 50_000_000

_STEP = 65_536  # bytes that are unpacked at a time

_GZIP = b"\x1f\x8b\x08"
_VERSION = re.compile(rb"(?:\A|(?<=\n))WARC/\d\.\d\r?\n")
_HEADERS_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d{1,15})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_PAGES = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class _Page:
    address: str
    media: str  # "text/html", as the record says
    data: bytes


def read_warc(data: bytes, path: str, *, max_unpacked_bytes: int = MAX_UNPACKED_BYTES) -> Extracted:
    """What the pages of an archive say, each article a part; the host is its outlet.

    Records that hold no page, or a page of an error, are left out. Raises ReadError if none is left.
    """
    text = ""
    parts: list[Part] = []
    aside: list[DroppedSpan] = []
    problems: list[str] = []
    for number, record in enumerate(_records(data, path, problems, max_unpacked_bytes=max_unpacked_bytes), start=1):
        place = f"{path}: record {number}"
        try:
            page = _page(record)
        except Exception as error:  # warcio, zlib and brotli each raise their own kinds for a damaged record
            damaged = "{file}: record {number}: damaged ({why}); fetch that page again"
            why = f"{type(error).__name__}: {error}"
            problems.append(said("record_damaged", damaged, file=path, number=number, why=why))
            continue
        if page is None:
            continue
        try:
            read = _read(page, f"{place} ({page.address})")
        except ReadError as error:
            problems.append(error.told)
            continue
        text += "\n\n\n" if text else ""
        host = urlsplit(page.address).hostname or ""
        parts += _parts(read, at=len(text), host=host)
        aside += (DroppedSpan(dropped.span.shift(len(text)), dropped.reason) for dropped in read.set_aside)
        problems += read.problems
        text += read.text
    if not text:
        why = f" ({problems[0]})" if problems else ""
        nothing = "{file}: no page or text could be read from this archive{why}; fetch the pages again"
        raise ReadError(said("no_page", nothing, file=path, why=why))
    return Extracted(text, parts=tuple(parts), set_aside=tuple(aside), problems=tuple(problems))


def _read(page: _Page, place: str) -> Extracted:
    if page.media in _PAGES:
        return read_html(page.data, place)
    text = decode_html(page.data).strip()
    if not text:
        raise ReadError(said("record_empty", "{file}: the record is empty; fetch it again", file=place))
    return Extracted(text)


def _parts(read: Extracted, *, at: int, host: str) -> Iterator[Part]:
    whole = Part(Span(0, len(read.text)), read.title, read.date, read.author)
    for part in read.parts or (whole,):
        yield Part(part.span.shift(at), part.title, part.date, part.author, read.outlet or host)


def _page(record: bytes) -> _Page | None:
    """The page that the bytes of one record hold, None if they hold something else."""
    parsed = next(ArchiveIterator(io.BytesIO(record)))
    headers = parsed.http_headers
    if parsed.rec_type == "response" and headers is not None:
        if headers.get_statuscode() != "200":
            return None
        media = headers.get_header("Content-Type") or ""
    elif parsed.rec_type == "resource":
        media = parsed.content_type or ""
    else:
        return None
    media = media.partition(";")[0].strip().lower()
    if media not in (*_PAGES, "text/plain"):
        return None
    data = parsed.content_stream().read(_MAX_PAGE_BYTES + 1)
    if len(data) > _MAX_PAGE_BYTES:
        raise ValueError(f"more than {_MAX_PAGE_BYTES:,} bytes for one page")
    return _Page(parsed.rec_headers.get_header("WARC-Target-URI") or "", media, data)


def _records(data: bytes, path: str, problems: list[str], *, max_unpacked_bytes: int) -> Iterator[bytes]:
    """The bytes of each whole record; what is damaged between them is told in `problems`."""
    if not data.startswith(_GZIP):
        yield from _split(data, path, "at byte", problems)
        return
    left = max_unpacked_bytes
    for start, member in _members(data, path, problems, max_bytes=max_unpacked_bytes):
        left -= len(member)
        if left < 0:
            break
        yield from _split(member, path, f"in what is packed at byte {start:,}, at byte", problems)
    if left < 0:
        much = "{file}: unpacks to more than {most:,} bytes; split the archive if it is sound"
        raise ReadError(said("unpacks_to_more", much, file=path, most=max_unpacked_bytes))


def _members(data: bytes, path: str, problems: list[str], *, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """The whole pieces of a gzip file, unpacked, and where each begins. One past `max_bytes` is cut just after it."""
    start, sound = 0, True
    while 0 <= start < len(data):
        unpacker = zlib.decompressobj(31)  # 31: with gzip's own header and checksum
        member, at = bytearray(), start
        try:
            while not unpacker.eof and at < len(data) and len(member) <= max_bytes:
                packed = unpacker.unconsumed_tail or data[at : at + _STEP]
                at += 0 if unpacker.unconsumed_tail else len(packed)
                member += unpacker.decompress(packed, max_bytes + 1 - len(member))
        except zlib.error:
            pass
        if unpacker.eof or len(member) > max_bytes:
            yield start, bytes(member)
            start, sound = at - len(unpacker.unused_data), True
            if data[start : start + len(_GZIP)] == _GZIP or not data[start:].strip(b"\x00"):
                continue
        if sound:
            damaged = "{file}: what is packed at byte {place:,} is damaged; fetch the archive again for it"
            problems.append(said("packed_damaged", damaged, file=path, place=start))
        sound = False
        start = data.find(_GZIP, start + 1)


def _split(data: bytes, path: str, within: str, problems: list[str]) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        version = _VERSION.match(data, at)
        headers = version and _HEADERS_END.search(data, version.end())
        length = headers and _LENGTH.search(data, at, headers.start() + 1)
        end = headers.end() + int(length[1]) if headers and length else at
        after = data[end : end + 9].lstrip(b"\r\n")
        if length and end <= len(data) and (not after or after.startswith(b"WARC/")):
            yield data[at:end] + b"\r\n\r\n"
            at = end + len(data[end : end + 9]) - len(after)
            continue
        cut = "{file}: {within} {place:,}: a damaged record, or one that is cut off; fetch that page again"
        problems.append(said("record_cut", cut, file=path, within=within, place=at))
        following = _VERSION.search(data, at + 1)
        at = following.start() if following else len(data)
