"""Markdown: the fields that some tools write above the text."""

from __future__ import annotations

import re

from index.dates import iso_day
from index.formats import Extracted
from index.values import DroppedSpan, Part, Span

# A block of "key: value" lines between two lines of three hyphens at the very start, as static site builders read it.
_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(?P<fields>(?:.*\n)*?)---[ \t]*(?:\r?\n|\Z)")
_FIELD = re.compile(r"^(?P<key>\w+)[ \t]*:[ \t]*(?P<value>.*?)[ \t\r]*$", re.MULTILINE)


def read_markdown(text: str) -> Extracted:
    """A Markdown text with what its front matter says, if it has one."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return Extracted(text)
    told = {field["key"].lower(): field["value"].strip("\"'") for field in _FIELD.finditer(match["fields"])}
    part = Part(
        Span(match.end(), len(text)),
        title=told.get("title", ""),
        date=iso_day(told.get("date", "")),
        author=told.get("author", ""),
        outlet=told.get("site", ""),
    )
    return Extracted(text, parts=(part,), set_aside=(DroppedSpan(Span(0, match.end()), "front matter"),))
