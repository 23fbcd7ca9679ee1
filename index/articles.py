"""What cleaning gives: articles as spans of a source, and the spans that belong to none."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from index.escapes import view
from index.language import detect_language, language_runs
from index.values import Document, DroppedSpan, Source, Span

Runs = tuple[tuple[Span, str], ...]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a source was cut into, and the lines that could not be read."""

    documents: tuple[Document, ...]
    dropped: tuple[DroppedSpan, ...]
    problems: tuple[str, ...]  # whole messages, for lines of JSON that are none


def article_id(source: Source, start: int) -> str:
    """16 hexadecimal digits made of the file's name and bytes and the place of the article in it."""
    return hashlib.sha256(f"{source.path}\0{source.sha256}\0{start}".encode()).hexdigest()[:16]


def stripped(text: str, span: Span) -> Span:
    """`span` without the white space at its ends."""
    words = span.of(text)
    stripped = words.strip()
    start = span.start + (words.index(stripped) if stripped else 0)
    return Span(start, start + len(stripped))


def read_languages(source: Source, body: Sequence[Span]) -> tuple[str, Runs]:
    """The language that most of an article's body is in, and which piece of it is in which.

    Of an article in one language there are no pieces. They lie within the spans of the body, in order.
    """
    views = [view(source.text, span, source.spelling) for span in body]
    text = "\n".join(piece.text for piece in views)
    runs = language_runs(text, Span(0, len(text)))
    if len({lang for _, lang in runs}) < 2:
        return detect_language(text), ()
    characters: Counter[str] = Counter()
    for span, lang in runs:
        characters[lang] += span.end - span.start
    ends = [0]
    for piece in views:
        ends.append(ends[-1] + len(piece.text) + 1)
    pieces = (
        (piece.span(first - start, last - start), lang)
        for piece, start in zip(views, ends, strict=False)
        for first, last, lang in _within(runs, start, start + len(piece.text))
    )
    return characters.most_common(1)[0][0], tuple(pieces)


def _within(runs: Sequence[tuple[Span, str]], start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """What of the runs lies between two places of their text, the first before the second."""
    for span, lang in islice(runs, bisect_right(runs, start, key=lambda run: run[0].end), None):
        if span.start >= end:
            return
        yield max(span.start, start), min(span.end, end), lang
