"""A source to its articles: which spans are kept, and for what reason the others are dropped.

Nothing is rewritten. Every character of a source that is not white space is in a document's spans or in a
dropped span, never in both; a test holds this.

The steps, each a module: lines (`lines`), which of them are furniture (`furniture`), where articles begin
(`segment`), what an article's head says (`heading`). What a format sets apart is cut there and nowhere else; what it
sets aside is dropped for its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from index.articles import Cleaned, article_id, stripped
from index.dates import iso_day, publication_date
from index.escapes import view
from index.furniture import mark_furniture
from index.json_lines import clean_json_lines
from index.language import detect_language
from index.lines import BYTE_ORDER_MARK, Line, read_lines
from index.repeats import LineKeys
from index.rules import NO_RULES, Rules
from index.segment import Cut, cut_articles, read_head
from index.values import Document, DroppedSpan, Media, Part, Source, Span, Spelling

__all__ = ["Cleaned", "clean", "clean_given"]

_FENCES = re.compile(r"\A(#{1,6})\s+(.*?)\s*#*\Z")
# One such file is one article: its short lines are headings.
_ONE_ARTICLE = frozenset((Media.HTML, Media.PDF, Media.DOCX, Media.ODT, Media.EPUB, Media.PPTX))


def clean(source: Source, rules: Rules = NO_RULES, repeated: LineKeys = frozenset()) -> Cleaned:
    """The articles of `source`, and what was left out of them, in order.

    `repeated` are the keys of its lines that several files have; see `index.repeats`.
    """
    if source.media is Media.JSONL:
        return clean_json_lines(source, rules.fields)
    parts = source.parts or (Part(Span(0, len(source.text)), source.title, source.date, source.author, source.outlet),)
    documents: list[Document] = []
    dropped: list[DroppedSpan] = []
    for part in _with_gaps(source, parts):
        lines = _marked(source, part, rules, repeated)
        cut = _cut(source, lines, whole=bool(source.parts)) if part in parts else Cut((), tuple(lines), ())
        articles = cut.articles
        masthead_date = publication_date([line.text for line in cut.masthead])
        documents.extend(
            _document(source, article, part, lone=len(articles) == 1, masthead_date=masthead_date)
            for article in articles
        )
        dropped.extend(DroppedSpan(line.span, line.reason or "between articles") for line in cut.dropped)
    if source.text.startswith(BYTE_ORDER_MARK):
        dropped.insert(0, DroppedSpan(Span(0, 1), "byte order mark"))
    return Cleaned(tuple(documents), tuple(dropped), ())


def clean_given(source: Source) -> Cleaned:
    """A source that is one article already, all of it kept, under the title that it came with."""
    whole = stripped(source.text, Span(0, len(source.text)))
    if whole.start == whole.end:
        return Cleaned((), (), ())
    document = Document(
        id=article_id(source, whole.start),
        source_path=source.path,
        title=source.title,
        lang=detect_language(whole.of(source.text)),
        date=iso_day(source.date),
        spans=(whole,),
        body=(whole,),
    )
    return Cleaned((document,), (), ())


def _with_gaps(source: Source, parts: Sequence[Part]) -> Iterator[Part]:
    """The parts and what lies between them, in order."""
    end = 0
    for part in parts:
        if source.text[end : part.span.start].strip():
            yield Part(Span(end, part.span.start))
        yield part
        end = part.span.end
    if source.text[end:].strip():
        yield Part(Span(end, len(source.text)))


def _marked(source: Source, part: Part, rules: Rules, repeated: LineKeys) -> list[Line]:
    """The lines of a part as a person reads them, those with a reason that are dropped whatever they stand in."""
    lines = list(read_lines(source.text, part.span))
    if source.spelling is not Spelling.PLAIN:
        lines = [replace(line, text=view(source.text, line.span, source.spelling).text) for line in lines]
    lines = [line.drop(reason) for line, reason in zip(lines, _set_aside(source, lines), strict=True)]
    verdicts = [rules.verdict(line.text) for line in lines] if rules.keep or rules.drop else [None] * len(lines)
    lines = [line.drop(verdict or "") for line, verdict in zip(lines, verdicts, strict=True)]
    marked = mark_furniture(lines, media=source.media, repeated=repeated)
    return [replace(line, reason="") if verdict == "" else line for line, verdict in zip(marked, verdicts, strict=True)]


def _set_aside(source: Source, lines: Sequence[Line]) -> Iterator[str]:
    """For each line the reason for which the format sets it aside, or ""."""
    remaining = iter(source.set_aside)
    aside = next(remaining, None)
    for line in lines:
        while aside is not None and aside.span.end <= line.span.start:
            aside = next(remaining, None)
        yield aside.reason if aside is not None and aside.span.start < line.span.end else ""


def _cut(source: Source, lines: Sequence[Line], *, whole: bool) -> Cut:
    if whole or source.media in _ONE_ARTICLE:
        kept = tuple(line for line in lines if not line.reason)
        return Cut((kept,) if kept else (), tuple(line for line in lines if line.reason), ())
    if source.media is Media.MARKDOWN:
        return cut_articles(lines, is_title=lambda line: line.text.startswith("# "))
    return cut_articles(lines)


def _document(source: Source, lines: Sequence[Line], part: Part, *, lone: bool, masthead_date: str) -> Document:
    """The document that `lines`, all of them kept, make; what its part says of it counts if it is the only one."""
    told = part if lone else Part(part.span)
    head = read_head(lines, title=told.title)
    body = tuple(_runs(source.text, head.body))
    spans = tuple(_runs(source.text, lines))
    text = "\n".join(line.text for line in head.body)
    stated, printed = iso_day(told.date), publication_date([line.text for line in lines])
    return Document(
        id=article_id(source, spans[0].start),
        source_path=source.path,
        title=_FENCES.sub(r"\2", head.title),
        lang=detect_language(text),
        date=stated or printed or masthead_date,
        spans=spans,
        body=body,
        date_from="metadata" if stated else "text" if printed else "masthead" if masthead_date else "",
        author=told.author or head.author,
        outlet=told.outlet or head.outlet,
    )


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
