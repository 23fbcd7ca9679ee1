"""What cleaning gives: articles as spans of a source, and the spans that belong to none."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from index.values import Document, DroppedSpan, Source, Span


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
