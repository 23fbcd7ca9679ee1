"""What stands at the beginning of a line and is no part of what it says: labels, and numbers or times of articles.

    Title: Keeper goes home          3. Keeper goes home          19:42  Keeper goes home

The label, the number or the time becomes a line of its own, which is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from index.dates import is_date_line
from index.furniture import NUMBER, TIME
from index.lines import Line, is_sentence, is_text
from index.rules import Fields
from index.values import Span

_FIELDS = Fields()
_LABEL = re.compile(r"(?P<label>[^\W\d_]{3,12})\s*:(?:\s+(?P<rest>\S.*))?")
_REST = r"(?P<rest>[«“„\x22]?[^\W\d_a-zа-я].{5,})"  # which begins as a title does
_NUMBERED = re.compile(rf"(?P<number>\d{{1,2}})(?:[.)]\s*|\s+){_REST}")
_TIMED = re.compile(rf"(?:[01]?\d|2[0-3])[:.][0-5]\d(?:\s+|\s*[|–—-]\s*){_REST}")


def split_openings(lines: Sequence[Line]) -> list[Line]:
    """The lines, those parted that begin with the label of a title or a text, or with a number that counts articles.

    Labels are told by there being one of a title, numbers by counting up from one with text between each two, and the
    times of a ticker by text between each two.
    """
    labels = [_LABEL.fullmatch(line.text) if ":" in line.text[:14] else None for line in lines]
    if any(match is not None and _names(match, _FIELDS.title) for match in labels):
        labels = [match if match is not None and _is_field(match) else None for match in labels]
    else:
        labels = [None] * len(lines)
    numbered = _counting(lines)
    timed = {} if numbered else _timed(lines)
    return [
        part
        for i, (line, match) in enumerate(zip(lines, labels, strict=True))
        for part in (
            _parted(line, match, "label")
            if match is not None
            else _parted(line, numbered[i], NUMBER)
            if i in numbered
            else _parted(line, timed[i], TIME)
            if i in timed
            else (line,)
        )
    ]


def label_of_outlet(text: str) -> str:
    """What follows the label of an outlet, or ""."""
    match = _LABEL.fullmatch(text)
    return match["rest"] or "" if match is not None and _names(match, _FIELDS.outlet) else ""


def _names(match: re.Match[str], keys: Sequence[str]) -> bool:
    label = match["label"].replace("İ", "i")
    return label.lower() in keys or label.replace("I", "ı").lower() in keys  # "BAŞLIQ"


def _is_field(match: re.Match[str]) -> bool:
    rest = match["rest"]
    return _names(match, _FIELDS.title) or (_names(match, _FIELDS.text) and (not rest or is_text(rest)))


def _counting(lines: Sequence[Line]) -> dict[int, re.Match[str]]:
    """The lines that begin with one, two and so on, if there is text between each two of them."""
    found: dict[int, re.Match[str]] = {}
    text = True  # since the last
    for i, line in enumerate(lines):
        if line.reason:
            continue
        if is_text(line.text):
            text = True
            continue
        match = None if is_sentence(line.text) or not line.text[0].isdigit() else _NUMBERED.fullmatch(line.text)
        if match and text and int(match["number"]) == len(found) + 1 and not is_date_line(line.text):
            found[i] = match
            text = False
    return found if len(found) > 1 else {}


def _timed(lines: Sequence[Line]) -> dict[int, re.Match[str]]:
    """The lines that begin with a time of day and go on as a title does, if there is text between each two of them.

    Without text between them they are a list of headlines.
    """
    found = {i: match for i, line in enumerate(lines) if (match := _time_of_title(line)) is not None}
    told = (
        any(not line.reason and is_text(line.text) for line in lines[title + 1 : below])
        for title, below in pairwise((*found, len(lines)))
    )
    return found if len(found) > 1 and all(told) else {}


def _time_of_title(line: Line) -> re.Match[str] | None:
    text = line.text
    if line.reason or not text[0].isdigit() or is_text(text) or is_sentence(text) or is_date_line(text):
        return None
    return _TIMED.fullmatch(text)


def _parted(line: Line, match: re.Match[str], reason: str) -> Iterator[Line]:
    if line.kept or len(line.text) != line.span.end - line.span.start:
        yield line  # its text is not as it stands in the source
        return
    at = match.start("rest") if match["rest"] else len(line.text)
    opening = line.text[:at].rstrip()
    yield replace(line, span=Span(line.span.start, line.span.start + len(opening)), text=opening).drop(reason)
    if match["rest"]:
        yield replace(line, span=Span(line.span.start + at, line.span.end), text=match["rest"], blank_before=0)
