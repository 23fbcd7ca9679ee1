"""Who reads: this project, and what it is compared with; and how fast they are.

The others are extractors of web pages, so they are asked for HTML only: trafilatura (Apache 2.0), readability-lxml
(Apache 2.0) and jusText (BSD). They find at most one article a page.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from eval.reading import GROUPS, ReadArticle, Reader, ReadingSet
from index.clean import clean
from index.errors import ReadError, SettingsError
from index.escapes import view
from index.files import discover, read_bytes
from index.language import detect_language
from index.read import media_of, read_source
from index.sentences import split_sentences

OURS = "dragoman"
_ARTICLE_BYTES = 3000  # of an article of news
_MADE_FILES = 3  # of each kind


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
        if path.suffix.lower() == ".zip":
            found = discover([path]).files
            return [article for file in found for article in read_one(file.location, read_bytes(file.location))]
        return read_one(path, data)

    def read_one(path: Path, data: bytes) -> list[ReadArticle]:
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
        from readability import Document as Page  # pyright: ignore[reportMissingImports] - not in an extra: it needs an LGPL package
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
    """How fast a reader takes files of one kind."""

    reader: str
    files: str  # of what kind: "text", "html", "text of 300 kB"
    count: int  # how many there are
    mean_bytes: float
    first_megabytes: float  # read for the first time, of a million bytes
    first_seconds: float  # of processor time that this took, all threads together
    megabytes: float  # read again after that, in all
    seconds: float

    @property
    def first_megabytes_a_second(self) -> float:
        """Of one core, of lines that were never read before: what an archive is read at."""
        return self.first_megabytes / self.first_seconds

    @property
    def megabytes_a_second(self) -> float:
        """Of one core, of files that were read before: much of what their lines tell is remembered."""
        return self.megabytes / self.seconds


def speed_files(reading: ReadingSet) -> dict[str, list[tuple[Path, bytes]]]:
    """What speed is measured on: the set's own text and pages, which are small, and larger ones made of its words.

    No paragraph is in two of the made files, for what a reader remembers of lines would be measured else.
    """
    files = {
        group: [(reading.folder / gold.file, (reading.folder / gold.file).read_bytes()) for gold in its]
        for group in ("text", "html")
        if (its := [gold for gold in reading.files if gold.group == group])
    }
    return (
        files
        | {
            f"text of {size // 1000:,} kB": [
                (Path("made.txt"), _made_text(reading, size, seed=size + number)) for number in range(_MADE_FILES)
            ]
            for size in (100_000, 300_000, 1_000_000)
        }
        | {
            "html of a newspaper": [
                (Path("made.html"), _made_page(reading, seed=number)) for number in range(_MADE_FILES)
            ]
        }
    )


def _made_articles(reading: ReadingSet, *, seed: int) -> Iterator[tuple[str, list[str]]]:
    """Without an end, a title and paragraphs of about 3 kB, in the languages of the set in turn."""
    sentences: dict[str, list[str]] = {}
    for article in (article for gold in reading.files for article in gold.articles):
        for words in article.paragraphs:
            sentences.setdefault(article.lang, []).extend(words[s:e] for s, e in split_sentences(words, article.lang))
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    for lang in cycle(lang for lang in ("en", "az", "ru", "tr") if sentences.get(lang)):
        paragraphs = [" ".join(rng.choices(sentences[lang], k=4)) for _ in range(12)]
        while len("".join(paragraphs).encode()) > _ARTICLE_BYTES:
            paragraphs.pop()
        yield " ".join(rng.choice(sentences[lang]).split()[:8]).rstrip("."), paragraphs


def _made_text(reading: ReadingSet, size: int, *, seed: int) -> bytes:
    made = bytearray()
    for number, (title, paragraphs) in enumerate(_made_articles(reading, seed=seed)):
        made += "\n\n".join((title, f"{1 + number % 28}.05.2024", *paragraphs, "\n")).encode()
        if len(made) >= size:
            return bytes(made)
    raise AssertionError("the articles have no end")


def _made_page(reading: ReadingSet, *, seed: int) -> bytes:
    """An article among what the pages of a newspaper put around it: 200 links, a script, a list of other stories."""
    articles = _made_articles(reading, seed=seed)
    title, paragraphs = next(articles)
    others = [other for other, _ in islice(articles, 200)]
    links = "".join(f'<li class="menu-item"><a href="/story/{i}.html">{each}</a></li>' for i, each in enumerate(others))
    script = "window.dataLayer.push({event: 'view', page: 1});" * 400
    body = "".join(f'<p class="text">{each}</p>' for each in paragraphs)
    return (
        f"<!doctype html><html><head><title>{title}</title><script>{script}</script></head><body>"
        f'<nav><ul>{links}</ul></nav><article><h1>{title}</h1><time datetime="2024-05-17">17.05.2024</time>{body}'
        f"</article><aside><ul>{links[: len(links) // 2]}</ul></aside><footer><p>© 2024</p></footer></body></html>"
    ).encode()


def reading_speed(
    reader: NamedReader, kind: str, files: Sequence[tuple[Path, bytes]], *, least_seconds: float = 1.0
) -> ReadingSpeed | None:
    """Read each file once, then all again and again for `least_seconds`; None if it can read none of them.

    Files that raise ReadError are left out: to refuse a file costs next to nothing. What the first file loads and
    builds is paid once by whatever runs, so that it is timed only if it is alone, and then after it was read.
    """
    taken = [(path, data, _seconds(reader.read, path, data)) for path, data in files]
    readable = [(path, data, seconds) for path, data, seconds in taken if seconds is not None]
    if not readable:
        return None
    first = readable[1:] or [(path, data, _seconds(reader.read, path, data) or 0.0) for path, data, _ in readable]
    size, begun, seconds = 0, time.process_time(), 0.0
    while seconds < least_seconds:
        for path, data, _ in readable:
            reader.read(path, data)
            size += len(data)
        seconds = time.process_time() - begun
    return ReadingSpeed(
        reader.name,
        kind,
        len(readable),
        mean_bytes=sum(len(data) for _, data, _ in readable) / len(readable),
        first_megabytes=sum(len(data) for _, data, _ in first) / 1e6,
        first_seconds=sum(taken for _, _, taken in first),
        megabytes=size / 1e6,
        seconds=seconds,
    )


def _seconds(read: Reader, path: Path, data: bytes) -> float | None:
    """The processor time that reading a file takes; None if it cannot be read."""
    begun = time.process_time()
    try:
        read(path, data)
    except ReadError:
        return None
    return time.process_time() - begun


def all_readers(names: Sequence[str]) -> list[NamedReader]:
    """The readers of these names; ours and the whole file for none."""
    return [make_reader(name) for name in names or (OURS, "whole-file")]
