"""File formats: bytes in, one text out, with what the format itself knows about it.

Each module reads one family of formats and gives an `Extracted`. None of them decides what an article is: that is
`index.clean`'s work. What a format sets apart by itself, such as the entries of a feed, it says in `parts`; what it
knows to be no article's text, such as a page's menu, it keeps in the text and names in `set_aside`.
"""

from __future__ import annotations

from dataclasses import dataclass

from index.values import DroppedSpan, Part


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a file says, as one text in reading order. Offsets are code points of `text`."""

    text: str
    title: str = ""
    date: str = ""  # ISO 8601, a day or a month, of publication, as the format's own fields say, or ""
    author: str = ""
    outlet: str = ""
    parts: tuple[Part, ...] = ()  # in order, none overlapping; () if the format sets nothing apart
    set_aside: tuple[DroppedSpan, ...] = ()  # in order, none overlapping; whole lines
    pages: tuple[int, ...] = ()  # where each page or slide begins; () if the format has none
    problems: tuple[str, ...] = ()  # whole messages: pieces that could not be read, each with its place and remedy
