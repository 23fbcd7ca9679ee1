"""A source to its articles: which spans are kept, and for what reason the others are dropped.

Nothing is rewritten. Every character of a source that is not white space is in a document's spans or in a
dropped span, never in both; a test holds this.

The steps, each a module: lines (`lines`), which of them are furniture (`furniture`), where articles begin
(`segment`), what an article's head says (`heading`). What a format sets apart is cut there and nowhere else; what it
sets aside is dropped for its reason.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, takewhile

from index.articles import Cleaned, article_id, read_languages, stripped
from index.dates import (
    address_day,
    day_by,
    is_date_line,
    is_day_heading,
    iso_day,
    publication,
    stated_date,
    tells_keeping,
)
from index.escapes import view
from index.furniture import NUMBER, mark_furniture
from index.heading import clean_outlet, is_issue_line, outlet_of_page
from index.json_lines import clean_json_lines
from index.layout import is_prose
from index.lines import BYTE_ORDER_MARK, Line, is_text, read_lines
from index.openings import split_openings
from index.repeats import LineKeys
from index.rules import NO_RULES, Rules
from index.segment import Cut, Story, cut_articles, cut_whole, read_head, same_words
from index.values import Document, DroppedSpan, Media, Part, Source, Span, Spelling

__all__ = ["Cleaned", "clean", "clean_given"]

_FENCES = re.compile(r"\A(#{1,6})\s+(.*?)\s*#*\Z")
# One such file is one article: its short lines are headings.
_ONE_ARTICLE = frozenset((Media.HTML, Media.PDF, Media.DOCX, Media.ODT, Media.EPUB, Media.PPTX))
# Around whose text there is furniture.
_PAGES = frozenset((Media.HTML, Media.PDF, Media.EML, Media.MBOX))
# Unless they have a table of contents.
_DOCUMENTS = frozenset((Media.DOCX, Media.ODT))
# Whose parts are rows, which may well end alike.
_TABLES = frozenset((Media.CSV, Media.XLSX))
# Letters begin alike, too: with whom they greet.
_LETTERS = frozenset((Media.EML, Media.MBOX))
_REPEATED = "repeated line"
_EDGE_LINES = 3
_DAY_LINES = 2  # below a heading, of which one may say when an article was published
# Of the lines at the top and at the bottom of a page that say whose it is.
_TOP_LINES = 4
_MANY = 3  # articles; the only day among them is the day of them all
_TOP_CHARACTERS = 120
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_SAYING_WHOSE = frozenset((Media.TEXT, Media.HTML))
_EDGE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a source, or what lies between two parts, with its lines."""

    part: Part
    lines: tuple[Line, ...]
    is_part: bool


def clean(source: Source, rules: Rules = NO_RULES, repeated: LineKeys = frozenset()) -> Cleaned:
    """The articles of `source`, and what was left out of them, in order.

    `repeated` are the keys of its lines that several files have; see `index.repeats`.
    """
    if source.media is Media.JSONL:
        return clean_json_lines(source, rules.fields)
    documents: list[Document] = []
    dropped: list[DroppedSpan] = []
    masthead = ""  # the date above the first part
    for piece in _pieces(source, rules, repeated):
        cut = _cut(source, piece) if piece.is_part else Cut((), piece.lines, ())
        above = _above(piece, cut) if piece.is_part else () if documents else piece.lines
        days = [day for line in reversed(above) if (day := _day_of_line(line.text))]
        sent = stated_date(piece.part.date) if source.media is Media.EML else ""
        masthead = next(iter(days), sent or masthead)
        days_known = _Days(piece.lines, cut.articles, masthead, _reference(above) or masthead)
        documents.extend(
            _document(source, article, piece.part, lone=len(cut.articles) == 1, days=days_known)
            for article in cut.articles
        )
        dropped.extend(DroppedSpan(line.span, line.reason or "between articles") for line in cut.dropped)
    if source.text.startswith(BYTE_ORDER_MARK):
        dropped.insert(0, DroppedSpan(Span(0, 1), "byte order mark"))
    if source.media in _SAYING_WHOSE and not source.parts:
        documents = _told_by_page(documents, source, dropped)
    return Cleaned(tuple(documents), tuple(dropped), ())


@dataclass(frozen=True)
class _Days:
    """What the lines of a piece tell of the days of articles that do not say their own."""

    lines: Sequence[Line]
    articles: Sequence[Story]
    masthead: str  # the day, month or year of the whole file, or ""
    reference: str  # the same, or the day on which it was saved

    @cached_property
    def _headings(self) -> list[Line]:
        """The lines that are a day and nothing else, but those between a title and its text.

        Of several articles one may stand so above the first, and then below what was taken for its title.
        """
        found = [line for line in self.lines if is_day_heading(line.text)]
        places = [line.span.start for line in found]
        heads = [(_start(story), _text_start(story)) for story in self.articles] if found else []
        inside = [range(bisect_left(places, first), bisect_left(places, text)) for first, text in heads]
        with_day = [i for i, days in enumerate(inside) if days]
        own = {i for days in (inside[1:] if with_day == [0] and len(heads) >= _MANY else inside) for i in days}
        return [line for i, line in enumerate(found) if i not in own]

    @cached_property
    def head_articles(self) -> bool:
        """Whether days stand above the articles that they are of: one does above the first."""
        return bool(self._headings) and self._headings[0].span.end <= _start(self.articles[0])

    def without_tail(self, lines: Sequence[Line]) -> Sequence[Line]:
        """The lines of an article without a day below them which is that of the next."""
        last = lines[-1]
        return lines[:-1] if len(lines) > 1 and is_day_heading(last.text) and self.head_articles else lines

    def of(self, story: Story, own: Sequence[str], *, lang: str) -> str:
        """The day of an article that `own` lines say without a year, or that heads it and others, or of the file."""
        near = (day for text in own if (day := day_by(text, lang=lang, reference=self.reference)))
        return next(near, "") or self._heading_above(story, lang=lang) or self.masthead

    def _heading_above(self, story: Story, *, lang: str) -> str:
        """The day in the nearest line above an article's title, or above its text if it has none, that is one."""
        at = bisect_right(self._headings, _start(story), key=lambda line: line.span.end)
        heading = self._headings[at - 1].text if at else ""
        return publication([heading]).date or day_by(heading, lang=lang, reference=self.reference)


def _start(story: Story) -> int:
    """Where the title of an article begins, or its text if it has none."""
    return story.blocks[story.titled].lines[0].span.start if story.titled >= 0 else _text_start(story)


def _text_start(story: Story) -> int:
    below = story.blocks[story.titled + 1 :]
    return next(filter(is_prose, below), (*below, *story.blocks)[0]).lines[0].span.start


def _reference(above: Sequence[Line]) -> str:
    """The day on which a file was saved, as a line at its top says, or ""."""
    return next((day for line in above if tells_keeping(line.text) and (day := iso_day(line.text))), "")


def _above(piece: _Piece, cut: Cut) -> Sequence[Line]:
    """The lines above the first article's title, or above its text if it has none, whatever was made of them.

    What they say of a day they say of the whole file.
    """
    if not cut.articles:
        return cut.masthead
    first = cut.articles[0]
    start = first.blocks[max(first.titled, 0)].lines[0].span.start
    return [line for line in piece.lines if line.span.end <= start]


def _pieces(source: Source, rules: Rules, repeated: LineKeys) -> list[_Piece]:
    whole = Part(Span(0, len(source.text)), source.title, source.date, source.author, source.outlet)
    pieces = [
        _Piece(part, tuple(_marked(source, part, rules, repeated)), is_part)
        for part, is_part in _with_gaps(source, source.parts or (whole,))
    ]
    if len(source.parts) > 1 and source.media not in _TABLES:
        return _without_edges(pieces, rules, below_title=source.media not in _LETTERS)
    return pieces


@dataclass(frozen=True, slots=True)
class Weighed:
    """The lines of a piece of a source, some of which are dropped, or parted, by weighing evidence."""

    lines: Sequence[Line]
    is_one: bool  # whether they are one article


def weighed_lines(source: Source) -> list[Weighed]:
    """What `index.standing` decides about in a source."""
    if source.media is Media.TEXT and not source.parts:
        return [Weighed(split_openings(piece.lines), False) for piece in _pieces(source, NO_RULES, frozenset())]
    if source.media in _PAGES:
        return [Weighed(piece.lines, True) for piece in _pieces(source, NO_RULES, frozenset()) if piece.is_part]
    return []


def _day_of_line(text: str) -> str:
    """The day or month of a line above all articles, or the year of a number of a paper."""
    if is_date_line(text):
        return publication([text]).date
    if len(text) > _TOP_CHARACTERS or tells_keeping(text):
        return ""
    year = _YEAR.search(text) if is_issue_line(text) else None
    return stated_date(text) or (year[0] if year is not None else "")


def _told_by_page(documents: Sequence[Document], source: Source, dropped: Sequence[DroppedSpan]) -> list[Document]:
    """The articles of a page, with its paper, and the day above its first text, if none has one of its own."""
    day = _day_of_all(documents, source.media) if documents else ""
    paper = "" if any(document.outlet for document in documents) else _paper(source, dropped)
    return [
        replace(
            document,
            date=document.date or day,
            date_from=document.date_from or ("masthead" if day else ""),
            outlet=document.outlet or paper,
        )
        for document in documents
    ]


def _day_of_all(documents: Sequence[Document], media: Media) -> str:
    """The day above the first text, if it is that of all: no other has one, and the first has no title that it could
    belong to, or in a text the others, some at least, have none either."""
    first, *others = documents
    if any(other.date for other in others):
        return ""
    headless = len(documents) >= _MANY and not any(other.title for other in others)
    of_all = media is Media.TEXT and headless and first.date_from == "date line"
    return first.date if of_all or not first.title else ""


def _paper(source: Source, dropped: Sequence[DroppedSpan]) -> str:
    """The paper that the page names at its top, or in what it says of its rights."""
    lines = [words for piece in dropped if len(words := piece.span.of(source.text)) <= _TOP_CHARACTERS]
    return clean_outlet(outlet_of_page([*lines[:_TOP_LINES], *lines[-_TOP_LINES:]]))


def clean_given(source: Source) -> Cleaned:
    """A source that is one article already, kept up to what is set aside, under the title that it came with."""
    end = source.set_aside[0].span.start if source.set_aside else len(source.text)
    whole = stripped(source.text, Span(0, end))
    if whole.start == whole.end:
        return Cleaned((), source.set_aside, ())
    lang, languages = read_languages(source, (whole,))
    document = Document(
        id=article_id(source, whole.start),
        source_path=source.path,
        title=source.title,
        lang=lang,
        date=iso_day(source.date),
        spans=(whole,),
        body=(whole,),
        date_from="metadata" if iso_day(source.date) else "",
        languages=languages,
    )
    return Cleaned((document,), source.set_aside, ())


def _with_gaps(source: Source, parts: Sequence[Part]) -> Iterator[tuple[Part, bool]]:
    """The parts and what lies between them, in order, and whether each is a part."""
    end = 0
    for part in parts:
        if source.text[end : part.span.start].strip():
            yield Part(Span(end, part.span.start)), False
        yield part, True
        end = part.span.end
    if source.text[end:].strip():
        yield Part(Span(end, len(source.text))), False


def _without_edges(pieces: Sequence[_Piece], rules: Rules, *, below_title: bool) -> list[_Piece]:
    """The pieces; short lines with which most parts end are furniture, such as a link to the site.

    So are those with which most begin, below their titles, unless that is not asked for.
    """

    def repeated(runs: Sequence[Sequence[Line]]) -> set[str]:
        """The texts that are among the first few lines of most runs, as often as not more than once in each."""
        counts = Counter(text for run in runs for text in {line.text for line in run[:_EDGE_LINES] if _is_short(line)})
        return {text for text, times in counts.items() if times > 1 and times > len(runs) / 2}

    parts = [piece for piece in pieces if piece.is_part]
    kept = [[line for line in piece.lines if not line.reason] for piece in parts]
    bodies = [
        run[1:] if run and same_words(run[0].text, piece.part.title) else run
        for piece, run in zip(parts, kept, strict=True)
    ]
    furniture: set[Span] = set()
    for runs in ([run[::-1] for run in bodies], bodies if below_title else []):
        known = {text for text in repeated(runs) if rules.verdict(text) != ""}
        furniture |= {line.span for run in runs for line in takewhile(_is_among(known), run)}
    return [
        replace(piece, lines=tuple(line.drop(_REPEATED if line.span in furniture else "") for line in piece.lines))
        for piece in pieces
    ]


def _is_among(texts: set[str]) -> Callable[[Line], bool]:
    return lambda line: line.text in texts


def _is_short(line: Line) -> bool:
    return len(line.text) <= _EDGE_CHARACTERS


def _marked(source: Source, part: Part, rules: Rules, repeated: LineKeys) -> list[Line]:
    """The lines of a part as a person reads them, those with a reason that are dropped whatever they stand in."""
    lines = list(read_lines(source.text, part.span))
    if source.spelling is not Spelling.PLAIN:
        lines = [replace(line, text=view(source.text, line.span, source.spelling).text) for line in lines]
    lines = [line.drop(reason) for line, reason in zip(lines, _set_aside(source, lines), strict=True)]
    verdicts = [rules.verdict(line.text) for line in lines] if rules.keep or rules.drop else [None] * len(lines)
    lines = [line.drop(verdict or "") for line, verdict in zip(lines, verdicts, strict=True)]
    marked = mark_furniture(lines, media=source.media, repeated=repeated)
    return [
        replace(line, reason="", kept=True) if verdict == "" else line
        for line, verdict in zip(marked, verdicts, strict=True)
    ]


def _set_aside(source: Source, lines: Sequence[Line]) -> Iterator[str]:
    """For each line the reason for which the format sets it aside, or ""."""
    begin = lines[0].span.start if lines else 0
    # A mailbox has many thousands of them, and as many parts that each ask.
    first = bisect_right(source.set_aside, begin, key=lambda dropped: dropped.span.end)
    remaining = islice(source.set_aside, first, None)
    aside = next(remaining, None)
    for line in lines:
        while aside is not None and aside.span.end <= line.span.start:
            aside = next(remaining, None)
        yield aside.reason if aside is not None and aside.span.start < line.span.end else ""


def _cut(source: Source, piece: _Piece) -> Cut:
    listed = any(line.reason == "table of contents" for line in piece.lines)
    if source.media in _DOCUMENTS and listed and not source.parts:
        return cut_articles(piece.lines)
    if source.media is Media.EML:
        lines = split_openings(piece.lines)
        if sum(line.reason == NUMBER for line in lines) > 1:
            return cut_articles(lines)  # a newsletter that counts its items
    if source.parts or source.media in _ONE_ARTICLE:
        dated = source.media is Media.EML or (source.media in (Media.HTML, *_DOCUMENTS) and not source.parts)
        trimmed = source.media in _PAGES or (source.media in _DOCUMENTS and len(source.parts) > 1)
        return cut_whole(piece.lines, title=piece.part.title, trimmed=trimmed, dated=dated)
    if source.media is Media.MARKDOWN:
        return cut_articles(piece.lines, is_title=_heads_of_articles(piece.lines))
    return cut_articles(split_openings(piece.lines))


def _heads_of_articles(lines: Sequence[Line]) -> Callable[[Line], bool]:
    """Whether a line is a heading of the level of articles.

    It is the second if a single one of the first is above several of them, and either nothing between it and the
    first of them, or a day below most of them.
    """
    levels = {i: len(match[1]) for i, line in enumerate(lines) if (match := _FENCES.match(line.text))}
    texts = next((i for i, line in enumerate(lines) if is_text(line.text)), len(lines))
    firsts, seconds = ([i for i in levels if levels[i] == level] for level in (1, 2))
    below = ([line.text for line in lines[i + 1 : i + 1 + _DAY_LINES]] for i in seconds)
    dated = sum(any(map(_day_of_line, texts)) for texts in below)
    headed = [level for i, level in levels.items() if i < texts] == [1, 2]
    several = len(firsts) == 1 and len(seconds) > 1 and firsts[0] < seconds[0]
    level = 2 if several and (headed or 2 * dated > len(seconds)) else 1
    return lambda line: line.text.startswith("#" * level + " ")


def _document(source: Source, story: Story, part: Part, *, lone: bool, days: _Days) -> Document:
    """The document that a story makes.

    What its part says of it counts if it is the only one there; of the `days` of its file those if none is nearer.
    """
    told = part if lone else Part(part.span)
    lines = story.lines
    head = read_head(story)
    body = tuple(_runs(source.text, head.body))
    spans = tuple(_runs(source.text, lines))
    lang, languages = read_languages(source, body)
    stated = stated_date(told.date)
    titled = story.blocks[max(story.titled, 0)].lines[0].span.start
    kept = days.without_tail(lines)
    own = [line.text for line in kept if line.span.start >= titled]
    printed = publication(own, lang=lang)
    if not printed.date and len(own) < len(kept):
        printed = publication([line.text for line in kept], lang=lang)
    nearest = "" if stated or printed.date else _day_near(story, own, days, lang=lang)
    return Document(
        id=article_id(source, spans[0].start),
        source_path=source.path,
        title=_FENCES.sub(r"\2", head.title),
        lang=lang,
        date=stated or printed.date or nearest,
        spans=spans,
        body=body,
        date_from="metadata" if stated else printed.read_from or ("masthead" if nearest else ""),
        author=told.author or head.author,
        outlet=told.outlet or clean_outlet(head.outlet),
        languages=languages,
    )


def _day_near(story: Story, own: Sequence[str], days: _Days, *, lang: str) -> str:
    """What the lines about an article's head tell of its day, or those right below its text, or else its file."""
    below = [text for text in story.below if not (is_day_heading(text) and days.head_articles)]
    around = (*story.around, *below)
    near = (*(publication([text], lang=lang).date for text in around), *map(address_day, around))
    return next(filter(None, near), "") or days.of(story, (*own[1:3], *story.around), lang=lang)


def _runs(text: str, lines: Iterable[Line]) -> Iterator[Span]:
    """Spans of lines that have only white space between them."""
    run: Span | None = None
    for line in lines:
        if run is not None and not text[run.end : line.span.start].strip():
            run = Span(run.start, line.span.end)
            continue
        if run is not None:
            yield run
        run = line.span
    if run is not None:
        yield run
