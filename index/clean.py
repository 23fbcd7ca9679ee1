"""A source to its articles: which spans are kept, and for what reason the others are dropped.

Nothing is rewritten. Every character of a source that is not white space is in a document's spans or in a
dropped span, never in both; a test holds this.

What is told apart, and how:

- furniture: lines that pages put around articles (share bars, comment forms, counters), known by their words,
  by standing next to such a line, or by being a short line that the file repeats;
- a feed: where lines such as "Read the whole story" end articles, each run between them is one article;
- a file of several articles without such lines: a title is a short line of its own, set off by blank lines,
  before a body;
- JSON lines: one article a line; everything but its title and text is dropped as syntax.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from index.dates import is_date_line, iso_day, publication_date
from index.escapes import view
from index.language import detect_language
from index.values import Document, DroppedSpan, Media, Source, Span

# Lines that end an article in a saved feed. What follows them, up to the next title, is furniture too.
_STORY_END = re.compile(r"read the whole story|share this story|читать полностью|ətraflı oxu", re.IGNORECASE)

_FURNITURE = tuple(
    (reason, re.compile(words, re.IGNORECASE))
    for reason, words in (
        ("end of story", _STORY_END.pattern),
        ("separator", r"[\W_]+"),
        ("share bar", r"\d+ shares?|share( this( \w+)?)?|tweet|reply|delete|like|paylaş|поделиться|print|email"),
        ("counter", r"[\d,.\s]+ (stories|followers|comments|views|likes|просмотр\w*|комментари\w*|baxış\w*)"),
        ("age", r"(about )?(\d+|an?) (second|minute|hour|day|week|month|year)s? ago"),
        ("address", r"(https?://|www\.)\S+"),
        ("read more", r"next page.{0,20}|loading(\.{3}|…)?"),
        ("read more", r"(read|see) more|continue reading|▼.{0,60}▼|читать (далее|ещё|также|продолжение).{0,40}"),
        ("comment form", r"leave a (reply|comment).{0,20}|your email address will not be published.{0,60}"),
        ("comment form", r"(name|email|website|comment|post comment) ?\*?|required fields are marked ?\*?"),
        ("navigation", r"back to top( button)?|skip to content|home|menu|search|next|previous"),
        ("newsletter", r"newsletter( sign ?up)?|subscribe to (our|the) newsletter.{0,160}"),
        ("advertisement", r"advertisement|реклама|reklam"),
    )
)
# A comment form runs to the end of the page: what follows it is furniture if it is no longer than this.
_FORM = re.compile(r"leave a (reply|comment)", re.IGNORECASE)
_MOST_LINES_AFTER_FORM = 15

_REPEATED_CHARACTERS = 40
_TITLE_CHARACTERS = (15, 150)
_TITLE_WORDS = (4, 22)
_QUESTION_WORDS = 5  # "What is the cause?" is a heading within an article, "What awaits us in 2023?" a title
_BODY_CHARACTERS = 120  # what follows a title is at least a long sentence
_UNTERMINATED = re.compile(r"[^.!…:;,\"”»]\Z")
_FENCES = re.compile(r"\A(#{1,6})\s+(.*?)\s*#*\Z")

_BYTE_ORDER_MARK = "\ufeff"

_TEXT_KEYS = ("text", "body", "content", "article")
_TITLE_KEYS = ("title", "headline")
_DATE_KEYS = ("date", "published", "published_at", "time")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a source was cut into, and the lines that could not be read."""

    documents: tuple[Document, ...]
    dropped: tuple[DroppedSpan, ...]
    problems: tuple[str, ...]  # whole messages, for lines of JSON that are none


@dataclass(frozen=True, slots=True)
class _Line:
    """A line without the white space around it; `blank_before` counts the blank lines above."""

    span: Span
    text: str
    blank_before: int
    reason: str  # why it is dropped, or ""

    def drop(self, reason: str) -> _Line:
        return _Line(self.span, self.text, self.blank_before, self.reason or reason)


def clean(source: Source) -> Cleaned:
    """The articles of `source`, and what was left out of them, in order."""
    if source.media is Media.JSONL:
        return _clean_json_lines(source)
    lines = _mark_furniture(list(_lines(source.text)), source)
    feed = any(_STORY_END.fullmatch(line.text) for line in lines)
    articles = _cut_feed(lines) if feed else _cut_at_titles(lines, source.media)
    documents = [_document(source, article, lone=len(articles) == 1) for article in articles]
    kept = {line.span for article in articles for line in article}
    dropped = [DroppedSpan(line.span, line.reason or "no body") for line in lines if line.span not in kept]
    if source.text.startswith(_BYTE_ORDER_MARK):
        dropped.insert(0, DroppedSpan(Span(0, 1), "byte order mark"))
    return Cleaned(tuple(documents), tuple(dropped), ())


def clean_given(source: Source) -> Cleaned:
    """A source that is one article already, all of it kept, under the title that it came with."""
    whole = _stripped(source.text, Span(0, len(source.text)))
    if whole.start == whole.end:
        return Cleaned((), (), ())
    document = Document(
        id=_document_id(source, whole.start),
        source_path=source.path,
        title=source.title,
        lang=detect_language(whole.of(source.text)),
        date=iso_day(source.date),
        spans=(whole,),
        body=(whole,),
    )
    return Cleaned((document,), (), ())


def _lines(text: str) -> Iterator[_Line]:
    start = blank = 0
    for raw in re.split(r"[\n\f]", text):
        stripped = raw.strip(_BYTE_ORDER_MARK + " \t\r\v\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029")
        if stripped.strip():
            begin = start + raw.index(stripped)
            yield _Line(Span(begin, begin + len(stripped)), stripped, blank, "")
            blank = 0
        else:
            blank += 1
        start += len(raw) + 1


def _mark_furniture(lines: list[_Line], source: Source) -> list[_Line]:
    marked = [line.drop(_furniture_reason(line.text)) for line in lines]
    marked = _mark_page_edges(marked, source) if source.media is Media.PDF else _mark_repeated(marked)
    for i, line in enumerate(marked[:-1]):
        # A saved feed signs each article with the name of who shared it, just above its age.
        if marked[i + 1].reason == "age" and len(line.text) <= _REPEATED_CHARACTERS and " " not in line.text:
            marked[i] = line.drop("user name")
        if _FORM.match(line.text) and len(marked) - i <= _MOST_LINES_AFTER_FORM:
            marked[i:] = [later.drop("comment form") for later in marked[i:]]
    return marked


def _furniture_reason(text: str) -> str:
    return next((reason for reason, words in _FURNITURE if words.fullmatch(text)), "")


def _mark_repeated(lines: list[_Line]) -> list[_Line]:
    def could_be_furniture(line: _Line) -> bool:
        return len(line.text) <= _REPEATED_CHARACTERS and bool(_UNTERMINATED.search(line.text))

    counts = Counter(line.text for line in lines if could_be_furniture(line))
    return [line.drop("repeated line") if counts[line.text] > 1 else line for line in lines]


def _mark_page_edges(lines: list[_Line], source: Source) -> list[_Line]:
    """Drop the first and last lines of PDF pages that say the same, but for numbers, on most pages."""
    pages: list[list[int]] = [[]]
    page_ends = [match.start() for match in re.finditer("\f", source.text)]
    for i, line in enumerate(lines):
        while len(pages) <= sum(end <= line.span.start for end in page_ends):
            pages.append([])
        pages[-1].append(i)

    def shape(i: int) -> str:
        return re.sub(r"\d+", "0", lines[i].text)

    edges = [{*page[:2], *page[-2:]} for page in pages]
    counts = Counter(words for edge in edges for words in {shape(i) for i in edge})
    most = max(2, (len(pages) + 1) // 2)
    running = {i for edge in edges for i in edge if counts[shape(i)] >= most}
    return [line.drop("page header or footer") if i in running else line for i, line in enumerate(lines)]


def _cut_feed(lines: list[_Line]) -> list[list[_Line]]:
    articles: list[list[_Line]] = [[]]
    for line in lines:
        if not line.reason:
            articles[-1].append(line)
        elif _STORY_END.fullmatch(line.text) and articles[-1]:
            articles.append([])
    return [article for article in articles if article]


def _cut_at_titles(lines: list[_Line], media: Media) -> list[list[_Line]]:
    kept = [line for line in lines if not line.reason]
    articles: list[list[_Line]] = [[]]
    for i, line in enumerate(kept):
        if articles[-1] and _is_title(kept, i, media):
            articles.append([])
        articles[-1].append(line)
    return [article for article in articles if article]


def _is_title(kept: list[_Line], i: int, media: Media) -> bool:
    line = kept[i]
    if media is Media.MARKDOWN:
        return line.text.startswith("# ")
    if media in (Media.HTML, Media.PDF, Media.DOCX):
        return False  # one page or document is one article: its short lines are headings
    if i + 1 == len(kept) or kept[i + 1].blank_before == 0 or is_date_line(line.text):
        return False
    following = kept[i + 1 : i + 4]
    body = next((later for later in following if not is_date_line(later.text)), line)
    words = len(line.text.split())
    return (
        _TITLE_CHARACTERS[0] <= len(line.text) <= _TITLE_CHARACTERS[1]
        and (_QUESTION_WORDS if line.text.endswith("?") else _TITLE_WORDS[0]) <= words <= _TITLE_WORDS[1]
        and len(body.text) >= _BODY_CHARACTERS
        # Set off by two blank lines a line is a title even when it is a sentence; else it must not end as one does.
        and (line.blank_before >= 2 or bool(_UNTERMINATED.search(line.text)))
    )


def _document(source: Source, lines: list[_Line], *, lone: bool) -> Document:
    """The document that `lines`, all of them kept, make."""
    title, rest = (source.title if lone else ""), lines
    first = _FENCES.sub(r"\2", lines[0].text)
    if title and _same_words(first, title):
        rest = lines[1:]
    elif not title and len(lines) > 1 and len(first) <= _TITLE_CHARACTERS[1] and _heads(lines):
        title, rest = first, lines[1:]
    body = tuple(_runs(source.text, rest or lines))
    text = "\n".join(span.of(source.text) for span in body)
    date = (iso_day(source.date) if lone else "") or publication_date([line.text for line in lines])
    spans = tuple(_runs(source.text, lines))
    return Document(
        id=_document_id(source, spans[0].start),
        source_path=source.path,
        title=title,
        lang=detect_language(text),
        date=date,
        spans=spans,
        body=body,
    )


def _heads(lines: list[_Line]) -> bool:
    """Whether the first of `lines` is a title: it stands above text longer than itself, and is no sentence of it."""
    first, second = lines[0], lines[1]
    if first.text.startswith("#"):
        return True
    set_off = second.blank_before > 0 or bool(_UNTERMINATED.search(first.text))
    return set_off and not is_date_line(first.text) and max(len(line.text) for line in lines[1:]) > len(first.text)


def _same_words(one: str, other: str) -> bool:
    return re.findall(r"\w+", one.casefold()) == re.findall(r"\w+", other.casefold())


def _runs(text: str, lines: Iterable[_Line]) -> Iterator[Span]:
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


def _document_id(source: Source, start: int) -> str:
    """16 hexadecimal digits made of the file's name and bytes and the place of the article in it."""
    return hashlib.sha256(f"{source.path}\0{source.sha256}\0{start}".encode()).hexdigest()[:16]


def _clean_json_lines(source: Source) -> Cleaned:
    documents: list[Document] = []
    dropped: list[DroppedSpan] = []
    problems: list[str] = []
    for number, line in enumerate(_lines_of_json(source.text), start=1):
        raw = line.of(source.text)
        if not raw.strip():
            continue
        try:
            record = json.loads(raw.removeprefix(_BYTE_ORDER_MARK))
        except (ValueError, RecursionError) as error:
            problems.append(f"{source.path}:{number}: not JSON ({error}); correct or remove the line")
            dropped.append(DroppedSpan(_stripped(source.text, line), "not JSON"))
            continue
        body_key = _first_key_with_words(record, _TEXT_KEYS)
        if not body_key:
            dropped.append(DroppedSpan(_stripped(source.text, line), "no article text"))
            continue
        title_key = _first_key_with_words(record, _TITLE_KEYS)
        values = {key: span.shift(line.start) for key, span in _string_values(raw)}
        body = _stripped(source.text, values[body_key])
        title_spans = (_stripped(source.text, values[title_key]),) if title_key else ()
        spans = tuple(sorted((*title_spans, body)))
        text = view(source.text, body, Media.JSONL).text
        dates = [iso_day(str(record[key])) for key in _DATE_KEYS if record.get(key)]
        documents.append(
            Document(
                id=_document_id(source, spans[0].start),
                source_path=source.path,
                title=_without_surrogates(record[title_key].strip()) if title_key else "",
                lang=detect_language(text),
                date=next(iter(dates), "") or publication_date(text.splitlines()[:1]),
                spans=spans,
                body=(body,),
            )
        )
        dropped.extend(DroppedSpan(gap, "JSON syntax and other fields") for gap in _gaps(source.text, line, spans))
    return Cleaned(tuple(documents), tuple(dropped), tuple(problems))


def _without_surrogates(text: str) -> str:
    # Half of a pair, which JSON can write, is no character and cannot be stored.
    return text.encode("utf-8", "replace").decode("utf-8")


def _lines_of_json(text: str) -> Iterator[Span]:
    start = 0
    for raw in text.split("\n"):
        yield Span(start, start + len(raw))
        start += len(raw) + 1


def _first_key_with_words(record: object, keys: tuple[str, ...]) -> str:
    """The first of `keys` under which a JSON object holds a string that is not blank, or ""."""
    if not isinstance(record, dict):
        return ""
    return next((key for key in keys if isinstance(record.get(key), str) and record[key].strip()), "")


def _string_values(raw: str) -> Iterator[tuple[str, Span]]:
    """The keys of the outermost object whose values are strings, and the spans of those, without their quotes."""
    depth, key, after_colon = 0, "", False
    for token in _JSON_TOKEN.finditer(raw):
        word = token.group()
        if word in "{[":
            depth += 1
            after_colon = False
        elif word in "}]":
            depth -= 1
        elif depth != 1:
            continue
        elif word == ":":
            after_colon = True
        elif word == ",":
            after_colon = False
        elif after_colon:
            yield key, Span(token.start() + 1, token.end() - 1)
        else:
            key = json.loads(word)


def _stripped(text: str, span: Span) -> Span:
    words = span.of(text)
    stripped = words.strip()
    start = span.start + (words.index(stripped) if stripped else 0)
    return Span(start, start + len(stripped))


def _gaps(text: str, line: Span, spans: tuple[Span, ...]) -> Iterator[Span]:
    """What of `line` is outside `spans`, white space at its ends left out."""
    edges = [line.start, *(edge for span in spans for edge in (span.start, span.end)), line.end]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        gap = _stripped(text, Span(start, end))
        if gap.start < gap.end:
            yield gap
