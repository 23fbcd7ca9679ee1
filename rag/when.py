"""Periods that a question names, and which passages are of them.

"in December 2024", "в феврале 2024", "2024-cü ilin dekabrında", "last week". Nothing is filtered by them: a passage
that tells of December may name no date at all. Passages that are dated in the period or name a day of it rank higher.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace

from index.dates import FoundDate, find_dates
from index.errors import SettingsError
from index.language import detect_language
from index.passages import passage_dates
from index.said import Said, not_a_day, said
from index.values import Passage
from rag.select import Selected

# Measured when scores had twice their scale, on the questions of xquad en-ru and tr-en that name a period (61 and 63):
# nDCG@10 .988 and .964 without it, .994 and .965 with what is 0.1 now, .976 and .944 with 0.2.
_IN_PERIOD = 0.1
NEWEST = 0.2  # what the newest passages score more, where newer ones are wanted first
_HALF_LIFE_DAYS = 182
_LEAST_BONUS = 0.005
# The two are easily taken for one another when typed without their letters.
_LIKE = {"az": "tr", "tr": "az"}
_YEARLESS = re.compile(r"--(\d\d)(?:-(\d\d))?")


@dataclass(frozen=True, slots=True)
class Period:
    """Days that a question names."""

    said: str  # the words of the question
    value: str  # as `index.dates.FoundDate.value` writes it: "2024-12", "2024-W07", "--12-11", …

    def holds(self, value: str) -> bool:
        """Whether all days that a date can mean are in the period; a yearless one is in any year."""
        if yearless := _YEARLESS.fullmatch(self.value):
            month, day = yearless.groups()
            return bool(re.fullmatch(rf"(?:\d{{4}}|-)-{month}-{day or '..'}", value)) or (
                not day and bool(re.fullmatch(rf"(?:\d{{4}}|-)-{month}", value))
            )
        mine, its = days_of(self.value), days_of(value)
        return bool(mine and its and mine[0] <= its[0] and its[1] <= mine[1])


def periods(question: str, *, today: str = "") -> tuple[Period, ...]:
    """The periods that a question names, in order. `today`, an ISO 8601 day, is what "last week" is counted from.

    Without it words such as those name none. A day without its year is that day in any year, whatever today is.
    Raises SettingsError if `today` is no day.
    """
    check_day("--today", today)
    lang = detect_language(question)
    langs = [lang, *([_LIKE[lang]] if lang in _LIKE else [])]
    found = {date.span: date for date in reversed(_in_languages(question, langs, ""))}
    if today:
        for date in _in_languages(question, langs, today):
            if date.relative and not any(date.span.overlap(span) and found[span].value for span in found):
                found[date.span] = date
    named = sorted(found.items())
    return tuple(Period(span.of(question), date.value) for span, date in named if date.value)


def check_day(name: str, value: str) -> None:
    """Raise SettingsError unless an option is a day as ISO 8601 writes it, or ""."""
    if value and (days_of(value) is None or len(value) != len("2024-12-31")):
        raise SettingsError(not_a_day(name, value))


def _in_languages(question: str, langs: list[str], today: str) -> list[FoundDate]:
    return [date for lang in langs for date in find_dates(question, lang=lang, published=today)]


def days_of(value: str) -> tuple[dt.date, dt.date] | None:
    """The first and last day that a date can mean, or None if that is not known."""
    first, slash, last = value.partition("/")
    if slash:
        start, end = days_of(first), days_of(last)
        return (start[0], end[1]) if start and end else None
    try:
        match re.split(r"-(?=\d|W)", first):
            case [year]:
                return dt.date(int(year), 1, 1), dt.date(int(year), 12, 31)
            case [year, week] if week.startswith("W"):
                return dt.date.fromisocalendar(int(year), int(week[1:]), 1), dt.date.fromisocalendar(
                    int(year), int(week[1:]), 7
                )
            case [year, month]:
                begin = dt.date(int(year), int(month), 1)
                return begin, (begin.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
            case [year, month, day]:
                begin = dt.date(int(year), int(month), int(day))
                return begin, begin
    except (ValueError, OverflowError):
        return None
    return None


# What asks how things stand now. Not folded: folded, "now" is "nov". Names are written large: "USA Today".
_NOW = re.compile(
    r"\b(?:now(?!\w)|current(?:ly)?(?! of\b)|today(?:['’]s)?|still|latest|at present|presently|nowadays|these days|"
    r"at the moment|so far|"
    r"indi(?:ki|yə|yədək)?|(?:hal-)?hazırda(?:kı)?|bu ?gün(?:kü)?|hal-hazırda|hələ də|ən son|"
    r"сейчас|сегодня(?:шн\w+)?|теперь|ныне(?:шн\w+)?|в настоящее время|на данный момент|до сих пор|вс[её] ещ[её]|"
    r"текущ\w+|"
    r"şu an(?:da|ki)?|bugün(?:kü)?|şimdi(?:ki)?|halen|hâlâ|hala|güncel|en son|mevcut)(?!\w)"
)


def asks_about_now(question: str) -> bool:
    """Whether a question is about how things stand on the day that it is asked."""
    return bool(_NOW.search(question[:1].lower() + question[1:]))


def how_old(newest: str, today: str) -> Said:
    """How old the newest source is, for people; the dates are ISO 8601, `newest` is "" if no source is dated.

    >>> how_old("2024-05-03", "2026-11-22")
    'the newest source is of 3 May 2024, 2 years and 6 months before 22 November 2026'
    """
    days, now = days_of(newest), days_of(today)
    if not days or not now:
        return said("no_source_dated", "none of the sources says when it was published")
    apart = _apart(days[1], now[0])
    told = " and ".join(_counted(number, what) for what, number in apart.items() if number)
    if not told:
        return said("newest_now", "the newest source is of {its_day}", its_day=_in_words(newest), newest=newest)
    return said(
        "newest_before",
        "the newest source is of {its_day}, {apart} before {now}",
        its_day=_in_words(newest),
        apart=told,
        now=_in_words(today),
        newest=newest,
        today=today,
        **apart,
    )


def _apart(day: dt.date, today: dt.date) -> dict[str, int]:
    """How far apart two days are, in the units that are told of."""
    months = 12 * (today.year - day.year) + today.month - day.month - (today.day < day.day)
    if months < 1:
        return {"day": max(0, (today - day).days)}
    return {"year": months // 12, "month": months % 12}


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}" if number else ""


_MONTHS = (  # not strftime's, which are in the machine's language
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def _in_words(value: str) -> str:
    year, *rest = value.split("-")
    match [int(part) for part in rest]:
        case [month, day]:
            return f"{day} {_MONTHS[month - 1]} {year}"
        case [month]:
            return f"{_MONTHS[month - 1]} {year}"
    return year


def published_by(date: str, day: str) -> bool:
    """Whether what is dated so was published on that day or before it; a month or year counts as its last day."""
    days = days_of(date)
    return days is not None and days[1].isoformat() <= day


def prefer_periods(found: list[Selected], named: tuple[Period, ...]) -> list[Selected]:
    """The passages, each that is of one of the periods scoring `_IN_PERIOD` more and saying why."""
    if not named:
        return found
    return [_raised(each, _IN_PERIOD, why) if (why := _why_in(each.hit.passage, named)) else each for each in found]


def prefer_recent(found: list[Selected]) -> list[Selected]:
    """The passages, those of the newest day among them scoring `NEWEST` more, half of it for each half year before.

    Passages without a date score as before.
    """
    days = [days_of(each.hit.passage.date) for each in found]
    newest = max((last for day in days if day for last in day[1:]), default=None)
    if newest is None:
        return found
    raised = []
    for each, day in zip(found, days, strict=True):
        bonus = NEWEST * 0.5 ** ((newest - day[1]).days / _HALF_LIFE_DAYS) if day else 0.0
        date = each.hit.passage.date
        why = said("move_recent", "recent, dated {date}: +{more}", date=date, more=f"{bonus:.2g}")
        raised.append(_raised(each, bonus, why) if bonus >= _LEAST_BONUS else each)
    return raised


def _why_in(passage: Passage, named: tuple[Period, ...]) -> str:
    """What puts a passage into one of the periods; "" if nothing does."""
    more = f"{_IN_PERIOD:.2g}"
    if any(passage.date and period.holds(passage.date) for period in named):
        return said("move_dated", "dates: dated {date}: +{more}", date=passage.date, more=more)
    dates = [found.value for found in passage_dates(passage) if found.value]
    within = next((value for value in dates for period in named if period.holds(value)), "")
    return said("move_names_date", "dates: names {date}: +{more}", date=within, more=more) if within else ""


def _raised(each: Selected, bonus: float, why: str) -> Selected:
    hit = replace(each.hit, score=round(each.hit.score + bonus, 6))
    return replace(each, hit=hit, moves=(*each.moves, why))
