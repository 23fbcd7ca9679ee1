"""Files and folders to `Source`s: decode or extract, never repair, never skip in silence."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import fields
from pathlib import Path

from index.decode import decode
from index.errors import ReadError
from index.formats import Extracted
from index.formats.markdown import read_markdown
from index.values import Media, Source, Spelling

MEDIA_BY_SUFFIX = {
    ".txt": Media.TEXT,
    ".md": Media.MARKDOWN,
    ".jsonl": Media.JSONL,
    ".html": Media.HTML,
    ".htm": Media.HTML,
    ".pdf": Media.PDF,
    ".docx": Media.DOCX,
    ".rss": Media.FEED,
    ".atom": Media.FEED,
    ".xml": Media.FEED,
    ".warc": Media.WARC,
    ".warc.gz": Media.WARC,
}

_LONGEST_FIRST = sorted(MEDIA_BY_SUFFIX, key=len, reverse=True)

# No article is one line of this many characters; a dump that is would hold everything else up.
MAX_LINE_CHARACTERS = 2_000_000

# How pdfium marks the hyphen of a word that is broken over two lines.
_PDF_HYPHEN = re.compile("\ufffe\r?\n?")


def media_of(name: str) -> Media | None:
    """What kind of file a name says it is, or None for one that is not read."""
    name = name.lower()
    return next((MEDIA_BY_SUFFIX[suffix] for suffix in _LONGEST_FIRST if name.endswith(suffix)), None)


def readable_types() -> list[str]:
    """The suffixes of the files that are read."""
    return sorted(MEDIA_BY_SUFFIX)


def file_hash(data: bytes) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_source(data: bytes, *, path: str) -> Source:
    """The source that the bytes of the file named `path` hold. Raises ReadError with a remedy."""
    media = media_of(path)
    if media is None:
        raise ReadError(
            f"{path}: files of type {Path(path).suffix or 'none'!r} cannot be read; convert it to one of "
            f"{' '.join(readable_types())}"
        )
    if not data.strip():
        raise ReadError(f"{path}: the file is empty; remove it or fetch it again")
    sha256 = file_hash(data)
    match media:
        case Media.TEXT | Media.MARKDOWN | Media.JSONL:
            return _read_text(data, media, path, sha256)
        # The formats are imported where they are needed: some cost half a second, which a question must not pay.
        case Media.HTML:
            from index.formats.html import read_html as read
        case Media.PDF:
            return Source(path, media, sha256, _read_pdf(data, path))
        case Media.DOCX:
            return _read_docx(data, path, sha256)
        case Media.FEED:
            from index.formats.feed import read_feed as read
        case Media.WARC:
            from index.formats.warc import read_warc as read
        case _:
            raise AssertionError(media)  # no suffix leads to it
    extracted = read(data, path)
    told = {field.name: getattr(extracted, field.name) for field in fields(extracted)}
    return Source(path=path, media=media, sha256=sha256, encoding="", **told)


def _read_text(data: bytes, media: Media, path: str, sha256: str) -> Source:
    decoded = decode(data, path)
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise ReadError(
                f"{path}:{number}: one line of {len(line):,} characters (at most {MAX_LINE_CHARACTERS:,} can be an "
                "article); break it into lines or articles, or keep the file out of the folder"
            )
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


def _read_pdf(data: bytes, path: str) -> str:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise ReadError(f"{path}: not a whole PDF ({error}); fetch the file again, or remove its password") from error
    try:
        pages = []
        for number in range(1, len(pdf) + 1):
            try:
                pages.append(pdf[number - 1].get_textpage().get_text_bounded())
            except pypdfium2.PdfiumError as error:
                raise ReadError(f"{path}: page {number} cannot be read ({error}); fetch the file again") from error
    finally:
        pdf.close()
    # A form feed parts the pages, so that lines repeated on each of them can be told later.
    text = "\f".join(_PDF_HYPHEN.sub("", page).replace("\r\n", "\n") for page in pages)
    if not text.strip():
        raise ReadError(f"{path}: the PDF holds no text, only pictures of it; run OCR first, such as ocrmypdf")
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _read_docx(data: bytes, path: str, sha256: str) -> Source:
    try:
        blocks, title = _docx_blocks(data)
    except Exception as error:  # zipfile, zlib, lxml and python-docx each raise their own kinds for a damaged file
        raise ReadError(
            f"{path}: not a whole DOCX file ({type(error).__name__}: {error}); open and save it in a word processor"
        ) from error
    if not blocks:
        raise ReadError(f"{path}: the document holds no text; if it holds pictures of text, run OCR on them first")
    return Source(path, Media.DOCX, sha256, "\n\n".join(blocks), title=title)


def _docx_blocks(data: bytes) -> tuple[list[str], str]:
    """Paragraphs and tables in their order, and the first title or heading."""
    import docx
    from docx.table import Table

    document = docx.Document(io.BytesIO(data))
    blocks: list[str] = []
    title = ""
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            rows = (" | ".join(cell.text.strip() for cell in row.cells) for row in block.rows)
            blocks.append("\n".join(rows))
        elif words := block.text.strip():
            style = block.style.name if block.style is not None else ""
            if not title and style in ("Title", "Heading 1"):
                title = words
            blocks.append(words)
    return blocks, title
