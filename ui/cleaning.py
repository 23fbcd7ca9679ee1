"""How a file was cleaned, for people and machines: what was kept, what was dropped and why, what was repaired."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from index.articles import Cleaned
from index.escapes import view
from index.values import Document, Media, Source, Span, Spelling

_LINE = re.compile(r"[^\n\f]*[^\s\ufeff][^\n\f]*")  # blank ones are passed over


class Kind(StrEnum):
    """What a shown line is."""

    HEADER = "header"
    KEPT = "kept"
    DROPPED = "dropped"
    REPAIRED = "repaired"  # the line as the file has it; as it is read it follows
    REMARK = "remark"


_COLOURS = {Kind.HEADER: "1", Kind.KEPT: "32", Kind.DROPPED: "31", Kind.REPAIRED: "33", Kind.REMARK: "2"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of what is shown."""

    kind: Kind
    text: str

    def coloured(self) -> str:
        """The line between the terminal's orders for its colour; `text` must have been made harmless before."""
        return f"\x1b[{_COLOURS[self.kind]}m{self.text}\x1b[0m"


@dataclass(frozen=True, slots=True)
class Strip:
    """A run of a source that was kept or dropped, as a person reads it."""

    text: str
    reason: str  # why it was dropped, "" if it was kept
    raw: str  # as the file has it, if it was repaired, else ""


@dataclass(frozen=True, slots=True)
class _Piece:
    span: Span
    document: Document | None
    reason: str


def show_cleaning(source: Source, cleaned: Cleaned) -> Iterator[Shown]:
    """A source as a diff against what is kept of it: its lines in order, each article under a header."""
    kinds = Counter[Kind]()
    yield Shown(Kind.HEADER, source_line(source.path, source.media, source.encoding, source.spelling))
    for problem in (*source.problems, *cleaned.problems):
        yield Shown(Kind.DROPPED, f"! {problem}")
    shown, page = None, source.page_of(0)
    for piece in _pieces(cleaned):
        if piece.document is not None and piece.document is not shown:
            shown = piece.document
            yield Shown(Kind.HEADER, f"== {document_line(shown)}")
        for span in _lines(source, piece.span):
            if (now := source.page_of(span.start)) != page:
                page = now
                yield Shown(Kind.REMARK, f"-- {place_name(source.media)} {page} --")
            for line in _shown_line(source, span, piece.reason):
                kinds[line.kind] += 1
                yield line
    yield Shown(Kind.REMARK, _summary(cleaned, kinds[Kind.REPAIRED]))


def strips(source: Source, cleaned: Cleaned, within: Span) -> Iterator[Strip]:
    """All that stands within a part of a source, in order, line by line where lines were repaired."""
    end = within.start
    for piece in _pieces(cleaned):
        if not piece.span.overlap(within):
            continue
        span = Span(max(piece.span.start, within.start), min(piece.span.end, within.end))
        if between := source.text[end : span.start]:  # nothing but white space is neither kept nor dropped
            yield Strip("\n" if "\n" in between else " ", "", "")
        end = span.end
        whole = view(source.text, span, source.spelling).text
        if piece.reason or not _is_repaired(source, span.of(source.text), whole):
            yield Strip(whole, piece.reason, "")
            continue
        for line in _lines(source, span):
            raw, read = line.of(source.text), view(source.text, line, source.spelling).text
            yield Strip(f"{read}\n", "", raw if _is_repaired(source, raw, read) else "")


def _shown_line(source: Source, span: Span, reason: str) -> Iterator[Shown]:
    raw, read = span.of(source.text).strip(), view(source.text, span, source.spelling).text.strip()
    if reason:
        yield Shown(Kind.DROPPED, f"- [{reason}] {read}")
        return
    if _is_repaired(source, raw, read):
        yield Shown(Kind.REPAIRED, f"~ [{source.spelling.value}] {raw}")
    for part in read.split("\n"):  # one string of JSON may be several lines of text
        yield Shown(Kind.KEPT, f"  {part}")


def _is_repaired(source: Source, raw: str, read: str) -> bool:
    # JSON's escapes are how JSON is written, and no damage.
    return raw != read and source.spelling is not Spelling.JSON


def _pieces(cleaned: Cleaned) -> list[_Piece]:
    kept = [_Piece(span, document, "") for document in cleaned.documents for span in document.spans]
    dropped = [_Piece(dropped.span, None, dropped.reason) for dropped in cleaned.dropped]
    return sorted([*kept, *dropped], key=lambda piece: piece.span)


def _lines(source: Source, span: Span) -> Iterator[Span]:
    for line in _LINE.finditer(source.text, span.start, span.end):
        yield Span(line.start(), line.end())


def _summary(cleaned: Cleaned, repaired: int) -> str:
    kept = sum(_length(span) for document in cleaned.documents for span in document.spans)
    dropped = Counter[str]()
    for piece in cleaned.dropped:
        dropped[piece.reason] += _length(piece.span)
    reasons = ", ".join(f"{reason} {characters:,}" for reason, characters in dropped.most_common())
    return (
        f"{counted(len(cleaned.documents), 'article')}; {kept:,} characters kept, {sum(dropped.values()):,} dropped"
        f"{f' ({reasons})' if reasons else ''}, {counted(repaired, 'line')} repaired"
    )


def _length(span: Span) -> int:
    return span.end - span.start


def counted(number: int, noun: str) -> str:
    """A number of things: "1 file", "2 files"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def place_name(media: Media) -> str:
    """What a page of such a file is called."""
    return "slide" if media is Media.PPTX else "page"


def source_line(path: str, media: Media, encoding: str, spelling: Spelling) -> str:
    """A file in one line: its path, and what is unusual about its letters."""
    details = [media.value]
    if encoding not in ("", "utf-8"):
        details.append(encoding)
    if spelling not in (Spelling.PLAIN, Spelling.JSON):
        details.append(spelling.value)
    return " · ".join([path, *details])


def document_line(document: Document) -> str:
    """An article in one line: title, languages, date and where it was read, author, outlet."""
    languages = ", ".join(dict.fromkeys([document.lang, *(lang for _, lang in document.languages)]))
    date = f"{document.date} ({document.date_from})" if document.date and document.date_from else document.date
    details = (document.title or "(no title)", languages, date or "no date", document.author, document.outlet)
    return " · ".join(filter(None, details))


def cleaning_to_json(source: Source, cleaned: Cleaned) -> dict[str, Any]:
    """What `show_cleaning` shows, with the offsets of everything."""
    text = source.text
    lines = [line for piece in _pieces(cleaned) if not piece.reason for line in _lines(source, piece.span)]
    return {
        "source": source.path,
        "sha256": source.sha256,
        "media": source.media.value,
        "encoding": source.encoding,
        "spelling": source.spelling.value,
        "pages": list(source.pages),
        "articles": [
            {**document_to_json(document), "body": [[span.start, span.end] for span in document.body]}
            for document in cleaned.documents
        ],
        "dropped": [
            [dropped.span.start, dropped.span.end, dropped.reason, dropped.span.of(text)] for dropped in cleaned.dropped
        ],
        "repaired": [
            [line.start, line.end, raw, read]
            for line in lines
            if _is_repaired(source, raw := line.of(text), read := view(text, line, source.spelling).text)
        ],
        "problems": [*source.problems, *cleaned.problems],
    }


def document_to_json(document: Document) -> dict[str, Any]:
    """An article with everything that is known of it, and where it stands."""
    return {
        "id": document.id,
        "title": document.title,
        "lang": document.lang,
        "languages": [[span.start, span.end, lang] for span, lang in document.languages],
        "date": document.date,
        "date_from": document.date_from,
        "author": document.author,
        "outlet": document.outlet,
        "spans": [[span.start, span.end] for span in document.spans],
    }
