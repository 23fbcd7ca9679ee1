"""What a language model writes to statements, each as soon as it is complete; nothing that it writes raises.

Wanted is {"statements": [{"quotes": [{"passage": "…", "quote": "…"}], "text": "…"}]}. Models that cannot be held to a
format put it into a fence, think aloud before it, leave a comma too many, or call the keys by other names; those that
write no JSON at all may still put words of a passage into quotation marks and its id behind them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

_TEXT_KEYS = ("text", "statement", "sentence", "answer", "claim")
_QUOTES_KEYS = ("quotes", "quote", "citations", "evidence", "sources")
_WORDS_KEYS = ("quote", "words", "text", "excerpt")
_PASSAGE_KEYS = ("passage", "id", "passage_id", "source")
_OBJECT = re.compile(r"\{(?=\s*\")")
_EMPTY = re.compile(r'\{\s*"statements"\s*:\s*\[\s*\]\s*,?\s*\}|\A\s*\[\s*\]\s*\Z')
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
_QUOTED = re.compile('["“„«”]([^"“”„«»]{2,})["”“»]')
_MARK = re.compile(r"[\[(【]\s*([\w-]+)\s*[\])】]")


@dataclass(frozen=True, slots=True)
class WrittenQuote:
    """Words that a model says stand in a passage, by the id that it was told."""

    passage: str
    words: str


@dataclass(frozen=True, slots=True)
class WrittenStatement:
    """A statement as a model wrote it. Nothing about it is true until it is proved."""

    text: str
    quotes: tuple[WrittenQuote, ...]


@dataclass(slots=True)
class StatementParser:
    """Reads statements out of text that comes piece by piece."""

    text: str = ""
    found: int = 0
    _read_to: int = field(default=0)

    def feed(self, piece: str) -> Iterator[WrittenStatement]:
        """The statements that a piece completes."""
        self.text += piece
        if "}" in piece:
            yield from self._objects()

    def finish(self, ids: Collection[str]) -> Iterator[WrittenStatement]:
        """What else there is at the end: objects behind a broken one, or prose with the ids of passages."""
        self.text = self.text[: self._read_to] + _TRAILING_COMMA.sub("", self.text[self._read_to :])
        yield from self._objects(is_end=True)
        if not self.found:
            for statement in _of_prose(self.text, ids):
                self.found += 1
                yield statement

    @property
    def says_nothing_answers(self) -> bool:
        """Whether it is in the format that was wanted, with no statement in it."""
        return not self.found and bool(_EMPTY.search(self.text))

    def _objects(self, *, is_end: bool = False) -> Iterator[WrittenStatement]:
        while match := _OBJECT.search(self.text, self._read_to):
            start = match.start()
            try:
                value, end = json.JSONDecoder().raw_decode(self.text, start)
            except RecursionError:
                self._read_to = len(self.text)
                return
            except ValueError as error:
                # An object that may yet close is waited for, but those within it are complete before it is.
                if _has_statements(self.text, start) or is_end or not _may_go_on(error, self.text):
                    self._read_to = start + 1
                    continue
                return
            statements = list(_of_value(value))
            self._read_to = end if statements else start + 1
            self.found += len(statements)
            yield from statements


def _has_statements(text: str, start: int) -> bool:
    return re.compile(r'\{\s*"statements"').match(text, start) is not None


def _may_go_on(error: ValueError, text: str) -> bool:
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip())


def _of_value(value: Any) -> Iterator[WrittenStatement]:
    """The statements of a decoded object: it is one, or holds a list of them."""
    if not isinstance(value, dict):
        return
    if isinstance(value.get("statements"), list):
        for each in value["statements"]:
            yield from _of_value(each)
        return
    text = next((value[key] for key in _TEXT_KEYS if isinstance(value.get(key), str)), None)
    quotes = next((value[key] for key in _QUOTES_KEYS if key in value), None)
    if text is None or quotes is None:
        return
    passage = next((value[key] for key in _PASSAGE_KEYS if isinstance(value.get(key), str)), "")
    listed = quotes if isinstance(quotes, list) else [quotes]
    yield WrittenStatement(text, tuple(quote for each in listed if (quote := _quote(each, passage))))


def _quote(value: Any, passage: str) -> WrittenQuote | None:
    if isinstance(value, str):
        return WrittenQuote(passage, value)
    if not isinstance(value, dict):
        return None
    words = next((value[key] for key in _WORDS_KEYS if isinstance(value.get(key), str)), None)
    named = next((value[key] for key in _PASSAGE_KEYS if isinstance(value.get(key), str)), passage)
    return None if words is None else WrittenQuote(named, words)


def _of_prose(text: str, ids: Collection[str]) -> Iterator[WrittenStatement]:
    """Lines that name passages: what is in quotation marks is quoted, or if nothing is, the line itself."""
    for line in text.splitlines():
        named = [mark for mark in _MARK.findall(line) if mark in ids]
        if not named:
            continue
        bare = _MARK.sub("", line).strip(" -*•\t")
        words = _QUOTED.findall(bare) or [bare]
        yield WrittenStatement(bare, tuple(WrittenQuote(named[0], each) for each in words))
