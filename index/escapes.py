"""JSON text as a person reads it, with the way back to the file.

A citation points at the characters of the file, and in a .jsonl file those are JSON: a quotation mark is
written \\", a letter perhaps \\u0259. A `View` is the decoded text with the offset of each of its characters,
so that sentences are found in what a person reads and cited where they stand.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from index.values import Media, Span

# A surrogate pair is one character written as two escapes, so it must be tried first.
_ESCAPE = re.compile(r'\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\["\\/bfnrt]')


@dataclass(frozen=True, slots=True)
class View:
    """Readable text of a span, and where each of its characters begins in the source.

    `starts` has one entry more than `text` has characters; it is None where the view is the source itself.
    """

    text: str
    origin: int
    starts: tuple[int, ...] | None

    def span(self, start: int, end: int) -> Span:
        """The source span of `text[start:end]`."""
        if self.starts is None:
            return Span(self.origin + start, self.origin + end)
        return Span(self.origin + self.starts[start], self.origin + self.starts[end])


def view(text: str, span: Span, media: Media) -> View:
    """`span` of a source's text as a person reads it."""
    raw = span.of(text)
    if media is not Media.JSONL or "\\" not in raw:
        return View(raw, span.start, None)
    characters: list[str] = []
    starts: list[int] = []
    end = 0
    for escape in _ESCAPE.finditer(raw):
        characters.extend(raw[end : escape.start()])
        starts.extend(range(end, escape.start()))
        characters.append(_decode(escape.group()))
        starts.append(escape.start())
        end = escape.end()
    characters.extend(raw[end:])
    starts.extend(range(end, len(raw) + 1))
    return View("".join(characters), span.start, tuple(starts))


def _decode(escape: str) -> str:
    decoded = json.loads(f'"{escape}"')
    # A lone surrogate is no character: it could be neither stored nor shown.
    return "\N{REPLACEMENT CHARACTER}" if "\ud800" <= decoded <= "\udfff" else decoded
