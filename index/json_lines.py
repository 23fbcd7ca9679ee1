"""JSON lines to articles: one object a line, its text and title kept, the rest dropped as syntax."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from index.articles import Cleaned, article_id, read_languages, stripped
from index.dates import publication, stated_date
from index.escapes import view
from index.lines import BYTE_ORDER_MARK
from index.rules import Fields
from index.said import said
from index.values import Document, DroppedSpan, Source, Span

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')


def clean_json_lines(source: Source, fields: Fields) -> Cleaned:
    """The article of each line of `source`, under the keys that `fields` name; what is no JSON is a problem."""
    documents: list[Document] = []
    dropped: list[DroppedSpan] = []
    problems: list[str] = []
    for number, line in enumerate(_lines_of_json(source.text), start=1):
        raw = line.of(source.text)
        if not raw.strip():
            continue
        try:
            record = json.loads(raw.removeprefix(BYTE_ORDER_MARK))
        except (ValueError, RecursionError) as error:
            no_json = "{file}:{line}: not JSON ({why}); correct or remove the line"
            problems.append(said("not_json", no_json, file=source.path, line=number, why=str(error)))
            dropped.append(DroppedSpan(stripped(source.text, line), "not JSON"))
            continue
        body_key = _first_key_with_words(record, fields.text)
        if not body_key:
            dropped.append(DroppedSpan(stripped(source.text, line), "no article text"))
            continue
        title_key = _first_key_with_words(record, fields.title)
        values = {key: span.shift(line.start) for key, span in _string_values(raw)}
        body = stripped(source.text, values[body_key])
        title_spans = (stripped(source.text, values[title_key]),) if title_key else ()
        spans = tuple(sorted((*title_spans, body)))
        text = view(source.text, body, source.spelling).text
        title = _without_surrogates(record[title_key].strip()) if title_key else ""
        lang, languages = read_languages(source, (body,))
        told = next(filter(None, (stated_date(str(record[key])) for key in fields.date if record.get(key))), "")
        lines = [line.strip() for line in (title, *text.splitlines()) if line.strip()]
        printed = publication(lines, lang=lang)
        documents.append(
            Document(
                id=article_id(source, spans[0].start),
                source_path=source.path,
                title=title,
                lang=lang,
                date=told or printed.date,
                spans=spans,
                body=(body,),
                date_from="metadata" if told else printed.read_from,
                author=_words(record, fields.author),
                outlet=_words(record, fields.outlet),
                languages=languages,
            )
        )
        dropped.extend(DroppedSpan(gap, "JSON syntax and other fields") for gap in _gaps(source.text, line, spans))
    return Cleaned(tuple(documents), tuple(dropped), tuple(problems))


def _words(record: dict[str, object], keys: Sequence[str]) -> str:
    key = _first_key_with_words(record, keys)
    return _without_surrogates(str(record[key]).strip()) if key else ""


def _without_surrogates(text: str) -> str:
    # Half of a pair, which JSON can write, is no character and cannot be stored.
    return text.encode("utf-8", "replace").decode("utf-8")


def _lines_of_json(text: str) -> Iterator[Span]:
    start = 0
    for raw in text.split("\n"):
        yield Span(start, start + len(raw))
        start += len(raw) + 1


def _first_key_with_words(record: object, keys: Sequence[str]) -> str:
    """The first of `keys` under which a JSON object holds a string that is not blank, or ""."""
    if not isinstance(record, dict):
        return ""
    return next((key for key in keys if isinstance(record.get(key), str) and record[key].strip()), "")


def _string_values(raw: str) -> Iterator[tuple[str, Span]]:
    """The keys of the outermost object whose values are strings, and the spans of those, without their quotes."""
    depth, key, after_colon = 0, "", False
    for token in _TOKEN.finditer(raw):
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


def _gaps(text: str, line: Span, spans: tuple[Span, ...]) -> Iterator[Span]:
    """What of `line` is outside `spans`, white space at its ends left out."""
    edges = [line.start, *(edge for span in spans for edge in (span.start, span.end)), line.end]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        gap = stripped(text, Span(start, end))
        if gap.start < gap.end:
            yield gap
