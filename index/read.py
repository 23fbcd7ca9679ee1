"""Files and folders to `Source`s: decode or extract, never repair, never skip in silence."""

from __future__ import annotations

import hashlib
import string
from dataclasses import fields
from pathlib import Path

from index.decode import decode
from index.errors import ReadError
from index.formats import Extracted
from index.formats.markdown import read_markdown
from index.lines import BYTE_ORDER_MARK
from index.said import Said, said
from index.values import Media, Source, Spelling

MEDIA_BY_SUFFIX = {
    ".txt": Media.TEXT,
    ".md": Media.MARKDOWN,
    ".jsonl": Media.JSONL,
    ".html": Media.HTML,
    ".htm": Media.HTML,
    ".rss": Media.FEED,
    ".atom": Media.FEED,
    ".xml": Media.FEED,
    ".warc": Media.WARC,
    ".warc.gz": Media.WARC,
    ".pdf": Media.PDF,
    ".docx": Media.DOCX,
    ".odt": Media.ODT,
    ".epub": Media.EPUB,
    ".pptx": Media.PPTX,
    ".xlsx": Media.XLSX,
    ".csv": Media.CSV,
    ".tsv": Media.CSV,
    ".eml": Media.EML,
    ".mbox": Media.MBOX,
}

_LONGEST_FIRST = sorted(MEDIA_BY_SUFFIX, key=len, reverse=True)

# No article is one line of this many characters; a dump that is would hold everything else up.
MAX_LINE_CHARACTERS = 2_000_000


def media_of(name: str) -> Media | None:
    """What kind of file a name says it is, or None for one that is not read."""
    name = name.lower()
    return next((MEDIA_BY_SUFFIX[suffix] for suffix in _LONGEST_FIRST if name.endswith(suffix)), None)


def readable_types() -> list[str]:
    """The suffixes of the files that are read."""
    return sorted(MEDIA_BY_SUFFIX)


def type_unreadable(path: str, suffix: str) -> Said:
    """That files of a type are not read, and which are."""
    told = "{file}: files of type {type!r} cannot be read; convert it to one of {types}"
    return said("type_unreadable", told, file=path, type=suffix or "none", types=" ".join(readable_types()))


def file_hash(data: bytes) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_source(data: bytes, *, path: str) -> Source:
    """The source that the bytes of the file named `path` hold. Raises ReadError with a remedy."""
    media = media_of(path)
    if media is None:
        raise ReadError(type_unreadable(path, Path(path).suffix))
    if not data.strip():
        raise _empty(path)
    sha256 = file_hash(data)
    if media in (Media.TEXT, Media.MARKDOWN, Media.JSONL):
        source = _read_text(data, media, path, sha256)
    else:
        extracted = _extract(data, media, path)
        told = {field.name: getattr(extracted, field.name) for field in fields(extracted)}
        source = Source(path=path, media=media, sha256=sha256, encoding="", **told)
    _check_lines(source)
    return source


def _empty(path: str) -> ReadError:
    return ReadError(said("file_empty", "{file}: the file is empty; remove it or fetch it again", file=path))


def _extract(data: bytes, media: Media, path: str) -> Extracted:
    # The formats are imported where they are needed: some cost half a second, which a question must not pay.
    match media:
        case Media.HTML:
            from index.formats.html import read_html as read
        case Media.FEED:
            from index.formats.feed import read_feed as read
        case Media.WARC:
            from index.formats.warc import read_warc as read
        case Media.PDF:
            from index.formats.pdf import read_pdf as read
        case Media.DOCX:
            from index.formats.word import read_docx as read
        case Media.ODT:
            from index.formats.word import read_odt as read
        case Media.EPUB:
            from index.formats.epub import read_epub as read
        case Media.PPTX:
            from index.formats.slides import read_pptx as read
        case Media.XLSX:
            from index.formats.tables import read_xlsx as read
        case Media.CSV:
            from index.formats.tables import read_csv as read
        case Media.EML | Media.MBOX:
            from index.formats.mail import read_eml, read_mbox

            read_mail = read_eml if media is Media.EML else read_mbox
            return read_mail(data, path, readable=MEDIA_BY_SUFFIX)
        case _:
            raise AssertionError(media)  # text is not extracted
    return read(data, path)


def _check_lines(source: Source) -> None:
    for number, line in enumerate(source.text.split("\n"), start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise ReadError(
                said(
                    "long_line",
                    "{file}:{line}: one line of {count:,} characters (at most {most:,} can be an article); "
                    "break it into lines or articles, or keep the file out of the folder",
                    file=source.path,
                    line=number,
                    count=len(line),
                    most=MAX_LINE_CHARACTERS,
                )
            )


def _read_text(data: bytes, media: Media, path: str, sha256: str) -> Source:
    decoded = decode(data, path)
    if not decoded.text.strip(f"{BYTE_ORDER_MARK}{string.whitespace}"):  # a mark alone says how nothing is written
        raise _empty(path)
    spelling = Spelling.JSON if media is Media.JSONL else decoded.spelling
    extracted = read_markdown(decoded.text) if media is Media.MARKDOWN else Extracted(decoded.text)
    return Source(
        path=path,
        media=media,
        sha256=sha256,
        text=decoded.text,
        encoding=decoded.encoding,
        spelling=spelling,
        parts=extracted.parts,
        set_aside=extracted.set_aside,
        problems=decoded.problems,
    )
