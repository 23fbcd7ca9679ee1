"""Sentences of ours that can be told in other languages than English.

The command line, the API and receipts have them in English, as they are; the page has its own words for each key, in
the languages that it speaks, and puts the values into them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Value = str | int


class Said(str):
    """A sentence in English, with its key and the values that it tells of.

    `plain` is the same for whoever does not ask for figures.
    """

    __slots__ = ("key", "plain", "values")

    def __new__(cls, key: str, text: str, values: Mapping[str, Value], plain: str = "") -> Said:
        made = super().__new__(cls, text)
        made.key, made.values, made.plain = key, dict(values), plain or text
        return made

    def __getnewargs__(self) -> tuple[str, str, Mapping[str, Value], str]:  # type: ignore[override]
        return self.key, str(self), self.values, self.plain  # by which it is copied

    def with_figures(self, text: str) -> Said:
        """The same, told by a text with figures; it stays plain without them."""
        return Said(self.key, text, self.values, f"{self.plain}.")


def said(key: str, english: str, **values: Value) -> Said:
    """The sentence of this key; `english` names its values in braces, and may name fewer.

    >>> said("too_long", "{count} letters are too many", count=7)
    '7 letters are too many'
    """
    return Said(key, english.format(**values), values)


def to_json(text: str) -> str | dict[str, Any]:
    """A text as JSON keeps it: a sentence with its key and values, any other text as it is.

    >>> from_json(to_json(said("too_long", "{count} letters are too many", count=7))).values
    {'count': 7}
    """
    return {"text": str(text), "key": text.key, "values": text.values} if isinstance(text, Said) else text


def from_json(kept: str | dict[str, Any]) -> str:
    """The text of which `to_json` made this."""
    return kept if isinstance(kept, str) else Said(kept["key"], kept["text"], kept["values"])


def not_a_day(name: str, value: str) -> Said:
    """That the value of an option, such as "--since", should be a day."""
    return said("not_a_day", "{name} {value}: not a day; write it as 2024-12-31", name=name, value=value)
