"""Markdown: the fields that some tools write above the text."""

from __future__ import annotations

import re

from index.dates import stated_date
from index.formats import Extracted
from index.values import DroppedSpan, Part, Span

# Lines "key: value" between two lines of three hyphens at the very start (YAML, as Jekyll has it), or "key = value"
# between plus signs (TOML, as Hugo has it).
_FRONT_MATTER = re.compile(
    r"\A\ufeff?(?P<fence>---|\+\+\+)[ \t]*\r?\n(?P<fields>(?:.*\n)*?)(?P=fence)[ \t]*(?:\r?\n|\Z)"
)
_FIELD = re.compile(r"^(?P<key>\w+)[ \t]*[:=][ \t]*(?P<value>.*(?:\n[ \t]+\S.*|\n- .*)*)$", re.MULTILINE)
# The marks that lists, names in a table and folded lines have in YAML, and a name's key.
_MARKS = re.compile(r"^[>|][+-]?$|^[\s\[{-]+|[\s\]}]+$|^\s*(?:-\s*)?(?:name|title)\s*:\s*", re.MULTILINE)
_KEYS = {
    "title": ("title", "headline", "başlıq", "заголовок", "başlık"),
    "date": ("date", "published", "publishdate", "pubdate", "tarix", "дата", "tarih"),
    "author": ("author", "authors", "byline", "müəllif", "автор", "yazar"),
    "outlet": ("outlet", "publisher", "site", "source", "mənbə", "источник", "kaynak"),
}


def read_markdown(text: str) -> Extracted:
    """A Markdown text with what its front matter says, if it has one."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return Extracted(text)
    told = {field["key"].lower(): _value(field["value"]) for field in _FIELD.finditer(match["fields"])}
    values = {field: next(filter(None, (told.get(key) for key in keys)), "") for field, keys in _KEYS.items()}
    values["date"] = stated_date(values["date"])
    part = Part(Span(match.end(), len(text)), **values)
    return Extracted(text, parts=(part,), set_aside=(DroppedSpan(Span(0, match.end()), "front matter"),))


def _value(written: str) -> str:
    """The words of a value, which may be quoted, a list, or go on over lines."""
    lines = (_MARKS.sub("", line.strip()).strip().strip("\"'") for line in written.split("\n"))
    return " ".join(filter(None, lines))
