"""The day an article was published, where its text says so.

A day named in the middle of a story is the story's, not the paper's. So only three places are asked: a line
that is hardly more than a date, the opening words of the body, and the last line.
"""

from __future__ import annotations

import datetime as dt
import re

_MONTHS = {
    "en": "january february march april may june july august september october november december",
    "en-short": "jan feb mar apr may jun jul aug sep oct nov dec",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "az": "yanvar fevral mart aprel may iyun iyul avqust sentyabr oktyabr noyabr dekabr",
    "tr": "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
}
# All of i, I, ı and İ as one letter: which is the capital of which depends on the language.
_ONE_I = str.maketrans("ıİI", "iii")
_MONTH_NUMBERS = {
    name.translate(_ONE_I): number for names in _MONTHS.values() for number, name in enumerate(names.split(), 1)
}
_MONTH = "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True)).replace("i", "[iıİI]")
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"

# Longest forms first. Endings that Azerbaijani puts on a number ("2024-cü il", "16-da") are stepped over.
_SHAPES = tuple(
    re.compile(shape, re.IGNORECASE)
    for shape in (
        rf"(?<!\d){_YEAR}-(?P<month>\d{{2}})-(?P<day>\d{{2}})(?!\d)",
        rf"(?<!\d)(?P<day>\d{{1,2}})[./](?P<month>\d{{1,2}})[./]{_YEAR}(?!\d)",
        rf"(?<!\w){_DAY}(?:-\w{{1,3}})?\s+(?P<name>{_MONTH})\w{{0,4}}\.?,?\s+{_YEAR}(?!\d)",
        rf"(?<!\w)(?P<name>{_MONTH})\w{{0,3}}\.?\s+{_DAY},?\s+{_YEAR}(?!\d)",
    )
)
# A dateline names the day alone; the year must come from elsewhere: "BAKU, Azerbaijan, March 4."
_OPENING_CHARACTERS = 60
_DATE_LINE_CHARACTERS = 60
_EARLY_LINES = 4


def _find_shapes(text: str) -> tuple[int, str]:
    """Where the first full date of `text` stands, and its day in ISO 8601; (-1, "") if there is none."""
    found: list[tuple[int, str]] = []
    for shape in _SHAPES:
        for match in shape.finditer(text):
            groups = match.groupdict()
            name = (groups.get("name") or "").translate(_ONE_I).lower()
            month = _MONTH_NUMBERS[name] if name else int(groups["month"])
            try:
                day = dt.date(int(groups["year"]), month, int(groups["day"]))
            except ValueError:  # 31.02.2024, or 13/25/2024: not a day
                continue
            found.append((match.start(), day.isoformat()))
            break
    return min(found, default=(-1, ""))


def publication_date(lines: list[str]) -> str:
    """ISO 8601 day on which an article says it was published, or "".

    `lines` are the non-blank lines of the article, title first.
    """
    early, last = lines[: _EARLY_LINES + 1], lines[-1:]
    for line in early + last:
        if len(line) <= _DATE_LINE_CHARACTERS and (date := _find_shapes(line)[1]):
            return date
    # The title and the first line of the body; what opens a later paragraph is the story's.
    for line in lines[:2]:
        place, date = _find_shapes(line[: _OPENING_CHARACTERS + 20])
        if 0 <= place <= _OPENING_CHARACTERS:
            return date
    return ""


def is_date_line(line: str) -> bool:
    """Whether a line says when, and hardly anything else."""
    return len(line) <= _DATE_LINE_CHARACTERS and bool(_find_shapes(line)[1])


def iso_day(value: str) -> str:
    """The day in a metadata value such as "2024-05-17T18:05:00+04:00" or "17.05.2024", or ""."""
    return _find_shapes(value[:_DATE_LINE_CHARACTERS])[1]
