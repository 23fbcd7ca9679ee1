"""Files and folders to `Source`s: decode or extract, never repair, never skip in silence."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from index.errors import ReadError
from index.values import Media, Source

MEDIA_BY_SUFFIX = {
    ".txt": Media.TEXT,
    ".md": Media.MARKDOWN,
    ".jsonl": Media.JSONL,
    ".html": Media.HTML,
    ".htm": Media.HTML,
    ".pdf": Media.PDF,
    ".docx": Media.DOCX,
}

# No article is one line of this many characters; a dump that is would hold everything else up.
MAX_LINE_CHARACTERS = 2_000_000

# How pdfium marks the hyphen of a word that is broken over two lines.
_PDF_HYPHEN = re.compile("\ufffe\r?\n?")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to read: where it is, and its name relative to the folder that was asked for."""

    location: Path  # absolute
    name: str  # relative, with forward slashes
    root: Path  # the folder that `name` is relative to, absolute


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a walk over the given paths found."""

    files: tuple[FoundFile, ...]
    ignored: tuple[Path, ...]  # in folders: files whose type we do not read, and links to folders
    missing: tuple[str, ...]  # given paths that cannot be read, each as a whole message


def discover(paths: list[Path]) -> Discovery:
    """All readable files at and under `paths`, in one order on every machine; hidden ones are left alone."""
    files: dict[Path, FoundFile] = {}
    ignored: list[Path] = []
    missing: list[str] = []
    for path in paths:
        if path.is_dir():
            for location in _walk(path.resolve(), ignored, missing):
                if location.suffix.lower() in MEDIA_BY_SUFFIX:
                    name = location.relative_to(path.resolve()).as_posix()
                    files.setdefault(location, FoundFile(location, name, path.resolve()))
                else:
                    ignored.append(location)
        elif path.is_file():
            location = path.resolve()
            if location.suffix.lower() in MEDIA_BY_SUFFIX:
                files.setdefault(location, FoundFile(location, location.name, location.parent))
            else:
                known = " ".join(sorted(MEDIA_BY_SUFFIX))
                missing.append(
                    f"{path}: files of type {path.suffix or 'none'!r} cannot be read; convert it to one of {known}"
                )
        else:
            missing.append(f"{path}: no such file or folder; check the path")
    return Discovery(tuple(files.values()), tuple(ignored), tuple(missing))


def _walk(folder: Path, ignored: list[Path], problems: list[str]) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        problems.append(f"{folder}: {error.strerror}; change its permissions or leave it out")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if entry.is_symlink():
                ignored.append(entry)  # it may lead back up, for ever
            else:
                yield from _walk(entry, ignored, problems)
        elif not _is_utf8(entry.name):
            problems.append(f"{str(entry)!r}: its name is not UTF-8 and cannot be cited; rename it")
        elif entry.is_file():
            yield entry


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_bytes(location: Path) -> bytes:
    """The bytes of a file. Raises ReadError."""
    try:
        return location.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = error.strerror if isinstance(error, OSError) else error
        raise ReadError(f"{location}: {why}; check that it exists and may be read") from error


def file_hash(data: bytes) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_source(data: bytes, *, path: str) -> Source:
    """The source that the bytes of the file named `path` hold. Raises ReadError with a remedy."""
    media = MEDIA_BY_SUFFIX[Path(path).suffix.lower()]
    if not data.strip():
        raise ReadError(f"{path}: the file is empty; remove it or fetch it again")
    sha256 = file_hash(data)
    match media:
        case Media.TEXT | Media.MARKDOWN | Media.JSONL:
            return Source(path, media, sha256, _decode(data, path))
        case Media.HTML:
            return _read_html(data, path, sha256)
        case Media.PDF:
            return Source(path, media, sha256, _read_pdf(data, path))
        case Media.DOCX:
            return _read_docx(data, path, sha256)


def _decode(data: bytes, path: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ReadError(f"{path}: the file is UTF-16; convert it: iconv -f UTF-16 -t UTF-8 {path}")
    if (place := data.find(b"\x00")) >= 0:
        raise ReadError(f"{path}: byte {place} is zero, so this is not text but a binary file; rename it to what it is")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ReadError(
            f"{path}:{line}: byte {error.start} (0x{data[error.start]:02x}) is not UTF-8; convert the file, "
            f"for older Cyrillic or Turkic text perhaps: iconv -f CP1251 (or CP1254) -t UTF-8 {path}"
        ) from error
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise ReadError(
                f"{path}:{number}: one line of {len(line):,} characters (at most {MAX_LINE_CHARACTERS:,} can be an "
                "article); break it into lines or articles, or keep the file out of the folder"
            )
    return text


def _read_html(data: bytes, path: str, sha256: str) -> Source:
    # Here and not above: they cost half a second, which a question must not pay.
    import trafilatura
    from trafilatura.settings import Document as TrafilaturaDocument

    page = trafilatura.bare_extraction(
        data,
        with_metadata=True,
        include_comments=False,
        include_formatting=False,
        date_extraction_params={"original_date": True, "extensive_search": False},
    )
    text = (page.text or "").strip() if isinstance(page, TrafilaturaDocument) else ""
    if not isinstance(page, TrafilaturaDocument) or not text:
        raise ReadError(f"{path}: no article text was found in this page; save it again with its text, or as .txt")
    return Source(path, Media.HTML, sha256, text, title=(page.title or "").strip(), date=page.date or "")


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
