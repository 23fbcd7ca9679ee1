"""Who reads: this project, and what it is compared with; and how fast they are.

The others are extractors of web pages, so they are asked for HTML only: trafilatura (Apache 2.0), readability-lxml
(Apache 2.0) and jusText (BSD). They find at most one article a page.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.reading import GROUPS, ReadArticle, Reader, ReadingSet
from index.clean import clean
from index.errors import ReadError, SettingsError
from index.escapes import view
from index.language import detect_language
from index.read import media_of, read_source

OURS = "dragoman"


@dataclass(frozen=True, slots=True)
class NamedReader:
    """A reader and the groups of files that it is meant for."""

    name: str
    read: Reader
    groups: tuple[str, ...]


def make_reader(name: str) -> NamedReader:
    """The reader of that name, one of READERS. Raises SettingsError if there is none, or its package is missing."""
    if name not in READERS:
        raise SettingsError(f"--reader {name}: there is no such reader; choose {', '.join(READERS)}")
    groups = GROUPS if name in (OURS, "whole-file") else ("html",)
    return NamedReader(name, READERS[name](), groups)


def _dragoman() -> Reader:
    def read(path: Path, data: bytes) -> list[ReadArticle]:
        if media_of(path.name) is None:
            raise ReadError(f"{path.name}: files of type {path.suffix or 'none'!r} cannot be read")
        source = read_source(data, path=path.name)
        return [
            ReadArticle(
                title=document.title,
                text="\n".join(view(source.text, span, source.spelling).text for span in document.body),
                lang=document.lang,
                date=document.date,
                # A document that does not know its author or outlet yet has no such field.
                author=str(getattr(document, "author", "")),
                outlet=str(getattr(document, "outlet", "")),
            )
            for document in clean(source).documents
        ]

    return read


def _whole_file() -> Reader:
    def read(path: Path, data: bytes) -> list[ReadArticle]:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = data.decode("utf-16", "replace")
        elif b"\0" in data:
            return []  # no text
        else:
            text = data.decode("utf-8-sig", "replace")
        return [_plain(text)]

    return read


def _trafilatura() -> Reader:
    try:
        import trafilatura
        from trafilatura.settings import Document as Page
    except ImportError as error:
        raise _missing("trafilatura", error) from error

    def read(path: Path, data: bytes) -> list[ReadArticle]:
        page = trafilatura.bare_extraction(data, with_metadata=True, include_comments=False)
        if not isinstance(page, Page) or not page.text:
            return []
        return [
            ReadArticle(
                title=page.title or "",
                text=page.text,
                lang=detect_language(page.text),
                date=page.date or "",
                author=page.author or "",
                outlet=page.sitename or "",
            )
        ]

    return read


def _readability() -> Reader:
    try:
        from lxml import html
        from readability import Document as Page
    except ImportError as error:
        raise _missing("readability-lxml", error) from error

    def read(path: Path, data: bytes) -> list[ReadArticle]:
        page = Page(data)
        text = "\n".join(html.fromstring(page.summary()).itertext())
        return [_plain(text, title=page.short_title())]

    return read


def _justext() -> Reader:
    try:
        import justext
    except ImportError as error:
        raise _missing("justext", error) from error
    # jusText must be told the language of a page. It has no stop words for Turkish's kin but these.
    stop_words = frozenset().union(*map(justext.get_stoplist, ("English", "Russian", "Turkish", "Azerbaijani")))

    def read(path: Path, data: bytes) -> list[ReadArticle]:
        paragraphs = justext.justext(data, stop_words)
        return [_plain("\n".join(paragraph.text for paragraph in paragraphs if not paragraph.is_boilerplate))]

    return read


def _plain(text: str, *, title: str = "") -> ReadArticle:
    return ReadArticle(title, text, detect_language(text), "", "", "")


def _missing(package: str, error: ImportError) -> SettingsError:
    return SettingsError(f"this reader needs {package} ({error}); run: pip install {package}")


READERS: Mapping[str, Callable[[], Reader]] = {
    OURS: _dragoman,
    "whole-file": _whole_file,
    "trafilatura": _trafilatura,
    "readability": _readability,
    "justext": _justext,
}


@dataclass(frozen=True, slots=True)
class ReadingSpeed:
    """How fast a reader takes files of one group."""

    reader: str
    group: str
    files: int  # of the set; each was read several times
    megabytes: float  # read in all, of a million bytes
    seconds: float  # of processor time, all threads together

    @property
    def megabytes_a_second(self) -> float:
        """Of one core."""
        return self.megabytes / self.seconds


def reading_speed(
    reading: ReadingSet, reader: NamedReader, group: str, *, least_seconds: float = 1.0
) -> ReadingSpeed | None:
    """Read the files of a group again and again for `least_seconds`; None if it can read none of them.

    Files that raise ReadError are left out: to refuse a file costs next to nothing. The first round is not timed.
    """
    paths = [reading.folder / gold.file for gold in reading.files if gold.group == group]
    files = [(path, path.read_bytes()) for path in paths]
    readable = [(path, data) for path, data in files if _reads(reader.read, path, data)]
    if not readable:
        return None
    size, begun, seconds = 0, time.process_time(), 0.0
    while seconds < least_seconds:
        for path, data in readable:
            reader.read(path, data)
            size += len(data)
        seconds = time.process_time() - begun
    return ReadingSpeed(reader.name, group, len(readable), size / 1e6, seconds)


def _reads(read: Reader, path: Path, data: bytes) -> bool:
    try:
        read(path, data)
    except ReadError:
        return False
    return True


def all_readers(names: Sequence[str]) -> list[NamedReader]:
    """The readers of these names; ours and the whole file for none."""
    return [make_reader(name) for name in names or (OURS, "whole-file")]
