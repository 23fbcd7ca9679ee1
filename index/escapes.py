"""A text as a person reads it, with the way back to how the file spells it.

A citation points at the characters of the file, and in a .jsonl file those are JSON: a quotation mark is
written \\", a letter perhaps \\u0259. In a file that was once decoded wrongly a letter is two or three others. A
`View` is the readable text with the offset of each of its characters, so that sentences are found in what a person
reads and cited where they stand. The file's own text is never rewritten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from index.values import Span, Spelling

# A surrogate pair is one character written as two escapes, so it must be tried first.
_ESCAPE = re.compile(r'\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\["\\/bfnrt]')


# The characters that stand for the bytes 80 to FF where UTF-8 was decoded as a single-byte encoding; bytes without a
# character in it come through as control characters, as web browsers have it.
_SINGLE_BYTE = {
    Spelling.MISREAD_CP1252: "cp1252",
    Spelling.MISREAD_CP1251: "cp1251",
    Spelling.MISREAD_CP1254: "cp1254",
}


_AFTER_LETTERS = "ёЁ»”“’…–—"  # what may follow a capital in misread text, and does in text that is whole


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


def view(text: str, span: Span, spelling: Spelling) -> View:
    """`span` of a source's text as a person reads it."""
    raw = span.of(text)
    match spelling:
        case Spelling.PLAIN:
            return View(raw, span.start, None)
        case Spelling.JSON:
            return _decoded(raw, span.start, _ESCAPE, _unescape) if "\\" in raw else View(raw, span.start, None)
        case _:
            bytes_of = _bytes_by_character(_SINGLE_BYTE[spelling])
            return _decoded(raw, span.start, _misread(spelling), lambda piece: _reread(piece, bytes_of))


def misread_share(text: str, spelling: Spelling) -> float:
    """The share of a text's letters beyond ASCII that are UTF-8 read as another encoding; 0 without such letters.

    Pairs such as "Рё" and "У»" are left out: each is a misread letter, too, but stands in whole text.
    """
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    if not beyond:
        return 0.0
    bytes_of = _bytes_by_character(_SINGLE_BYTE[spelling])
    pieces = (piece.group() for piece in _misread(spelling).finditer(text))
    return sum(len(p) for p in pieces if p.rstrip(_AFTER_LETTERS)[1:] and _reread(p, bytes_of) != p) / beyond


def _decoded(raw: str, origin: int, pattern: re.Pattern[str], decode: Callable[[str], str]) -> View:
    """Each piece that matches becomes one readable character."""
    characters: list[str] = []
    starts: list[int] = []
    end = 0
    for piece in pattern.finditer(raw):
        characters.extend(raw[end : piece.start()])
        starts.extend(range(end, piece.start()))
        decoded = decode(piece.group())
        characters.extend(decoded)
        # What could not be decoded stays as it is, each character in its own place.
        starts.extend([piece.start()] if len(decoded) == 1 else range(piece.start(), piece.end()))
        end = piece.end()
    characters.extend(raw[end:])
    starts.extend(range(end, len(raw) + 1))
    return View("".join(characters), origin, tuple(starts))


def _unescape(escape: str) -> str:
    decoded = json.loads(f'"{escape}"')
    # A lone surrogate is no character: it could be neither stored nor shown.
    return "\N{REPLACEMENT CHARACTER}" if "\ud800" <= decoded <= "\udfff" else decoded


@cache
def _bytes_by_character(encoding: str) -> dict[str, int]:
    table: dict[str, int] = {}
    for byte in range(0x80, 0x100):
        try:
            table[bytes([byte]).decode(encoding)] = byte
        except UnicodeDecodeError:
            table[chr(byte)] = byte
    return table


@cache
def _misread(spelling: Spelling) -> re.Pattern[str]:
    """Characters whose bytes are those of one character of UTF-8: a byte that leads, and as many as it asks for."""
    table = _bytes_by_character(_SINGLE_BYTE[spelling])

    def among(first: int, last: int) -> str:
        return "[" + "".join(re.escape(c) for c, byte in table.items() if first <= byte <= last) + "]"

    following = among(0x80, 0xBF)
    two, three, four = among(0xC2, 0xDF), among(0xE0, 0xEF), among(0xF0, 0xF4)
    # What all begin with stands first, for which `re` looks several times as fast as for the first of three.
    longer = f"(?<={two}.)|(?<={three}.){following}|(?<={four}.){following}{{2}}"
    return re.compile(f"{among(0xC2, 0xF4)}{following}(?:{longer})", re.DOTALL)


def _reread(piece: str, bytes_of: dict[str, int]) -> str:
    """The one character that the bytes of a piece are, or the piece as it is."""
    try:
        return bytes(bytes_of[c] for c in piece).decode("utf-8")
    except UnicodeDecodeError:
        return piece
