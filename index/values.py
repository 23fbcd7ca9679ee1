"""The nouns of the index: frozen, complete, in code points.

Every offset is a code point offset into `Source.text`; ends are not included.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum

UNDETERMINED = "und"  # BCP 47 for "no language could be told"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A piece of a text: code points `start` to `end`, end not included."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"no span runs from {self.start} to {self.end}")

    def of(self, text: str) -> str:
        """The words of `text` that this span covers."""
        return text[self.start : self.end]

    def shift(self, by: int) -> Span:
        """The same piece seen from a text that begins `by` code points earlier."""
        return Span(self.start + by, self.end + by)

    def overlap(self, other: Span) -> int:
        """How many code points both spans cover."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))


class Spelling(StrEnum):
    """How what a person reads is written in a source's text; see `index.escapes`."""

    PLAIN = "plain"  # as it is read
    JSON = "json"  # with JSON's escapes
    # UTF-8 that somebody once decoded as a single-byte encoding, each byte a character, which is called mojibake.
    MISREAD_CP1252 = "misread cp1252"
    MISREAD_CP1251 = "misread cp1251"
    MISREAD_CP1254 = "misread cp1254"


class Media(StrEnum):
    """What kind of file a source was; it decides what `Source.text` is.

    TEXT, MARKDOWN and JSONL: the file decoded, no newline translated. The others: the text extracted from it.
    """

    TEXT = "text"
    MARKDOWN = "markdown"
    JSONL = "jsonl"
    HTML = "html"
    PDF = "pdf"
    DOCX = "docx"
    ODT = "odt"
    EPUB = "epub"
    PPTX = "pptx"
    XLSX = "xlsx"
    CSV = "csv"
    EML = "eml"
    MBOX = "mbox"
    FEED = "feed"  # RSS or Atom
    WARC = "warc"


@dataclass(frozen=True, slots=True)
class DroppedSpan:
    """A piece of a source that belongs to no document, and why."""

    span: Span
    reason: str


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a source that its format sets apart as one item: an entry of a feed, a message, a row."""

    span: Span
    title: str = ""  # as the format's own fields say, each
    date: str = ""  # ISO 8601, a day or a month, or ""
    author: str = ""
    outlet: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A file, whole, as text. Nothing is ever cut out of `text`: what is left out is a `DroppedSpan` beside it."""

    path: str  # relative to the ingested folder, with forward slashes
    media: Media
    sha256: str  # of the file's bytes, hexadecimal
    text: str
    encoding: str = "utf-8"  # by which the bytes became text; "" where the format has its own
    spelling: Spelling = Spelling.PLAIN
    title: str = ""  # what the file's own metadata say, if anything
    date: str = ""  # ISO 8601, a day or a month, of publication, as the file's metadata say, or ""
    author: str = ""
    outlet: str = ""
    parts: tuple[Part, ...] = ()  # what the format sets apart, in order
    set_aside: tuple[DroppedSpan, ...] = ()  # what the format knows to be no article's text
    pages: tuple[int, ...] = ()  # where each page begins
    problems: tuple[str, ...] = ()  # whole messages: pieces of the file that could not be read

    def page_of(self, place: int) -> int:
        """The number of the page that a place in the text is on, from 1; 0 in a file without pages."""
        return max(1, bisect_right(self.pages, place)) if self.pages else 0


@dataclass(frozen=True, slots=True)
class Document:
    """An article: an ordered list of spans that are kept of one source.

    `body` is the part of `spans` that passages are cut from; the title is kept, but cited only as a title.
    """

    id: str
    source_path: str
    title: str
    lang: str  # BCP 47: "az", "en", "ru", "tr", …, "und"
    date: str  # of publication, ISO 8601 as exact as is known: "2024-05-17", "2024-05", "2024"; "" if nothing says it
    spans: tuple[Span, ...]
    body: tuple[Span, ...]
    date_from: str = ""  # where it was read: "metadata", "masthead", or as `dates.Published` says; "" without a date
    author: str = ""
    outlet: str = ""
    languages: tuple[tuple[Span, str], ...] = ()  # the body in order, a language each; () where `lang` says it all


@dataclass(frozen=True, slots=True)
class Passage:
    """A contiguous piece of one document: the unit that is indexed and cited."""

    id: str  # "<document>:<start>-<end>": the same on every build
    document_id: str
    source_path: str
    span: Span
    text: str  # always equal to span.of(source.text)
    readable: str  # text as a person reads it: equal to text where its spelling is plain
    spelling: Spelling
    lang: str
    title: str
    date: str


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """A passage found for one query; higher scores are better, rank is the place in the list."""

    passage: Passage
    score: float
    dense: float  # cosine of query and passage, centred by language
    lexical: float  # share of the query's idf mass that the passage matches, 0 to 1
    late: float = 0.0  # match of its tokens with the query's, -1 to 1; 0 if it was not among the best that are reranked
    also: tuple[Passage, ...] = ()  # of copies of its document: they say the same and are not listed themselves


class LinkKind(StrEnum):
    """How two documents say the same. In order of how sure it is."""

    EXACT = "exact"  # word for word
    NEAR = "near"  # a copy that was shortened, added to or lightly edited
    TRANSLATION = "translation"  # a guess from vectors


@dataclass(frozen=True, slots=True)
class Link:
    """Another document that says the same as one that was asked about."""

    document: str  # the id of the other
    kind: LinkKind
    score: float  # copies: share of the shorter text that stands in the longer; translations: centred cosine


@dataclass(frozen=True, slots=True)
class Cluster:
    """All copies of one text, translations not among them; a document without copies is one by itself."""

    representative: str  # the id of the earliest, or of the longest where none has a date
    documents: tuple[str, ...]  # ids in order, the representative's among them
