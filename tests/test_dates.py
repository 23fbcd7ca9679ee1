"""Dates in text: cases by where they came from, what holds of any text, and when an article was published."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.dates import (
    FoundDate,
    address_day,
    find_dates,
    is_date_line,
    is_later_line,
    iso_day,
    publication,
    publication_date,
    stated_date,
    tells_keeping,
)

CASES = [json.loads(line) for line in (Path(__file__).parent / "cases" / "dates.jsonl").read_text("utf-8").splitlines()]


def parameters() -> list[object]:
    return [
        pytest.param(
            case,
            id=f"{case['label']}-{case['lang']}-{number}",
            marks=[pytest.mark.xfail(strict=True, reason=case["comment"])] if case["label"] == "known_failures" else [],
        )
        for number, case in enumerate(CASES, start=1)
    ]


@pytest.mark.parametrize("case", parameters())
def test_case(case: dict[str, str]) -> None:
    text = case["text"]
    found = find_dates(text, lang=case["lang"], published=case["published"])
    assert [[date.span.of(text), *(date.alternatives or [date.value])] for date in found] == case["want"]


def test_the_cases_are_well_formed() -> None:
    for case in CASES:
        assert set(case) == {"label", "lang", "text", "published", "want", "comment"}
        assert case["label"] in ("wild", "synthetic", "no date", "known_failures")
        assert bool(case["comment"]) == (case["label"] == "known_failures")
        assert case["label"] != "no date" or case["want"] == []
        assert all(quote in case["text"] for quote, *_ in case["want"])
    counts = Counter(case["lang"] for case in CASES)
    assert min(counts[lang] for lang in ("en", "az", "ru", "tr")) >= 15
    assert len({(case["text"], case["published"]) for case in CASES}) == len(CASES)


# What holds of any text

PIECES = st.one_of(
    st.sampled_from([piece for case in CASES for piece in re.findall(r"\w+|\W", str(case["text"]))]),
    st.text(max_size=3),
    st.integers(0, 2100).map(str),
)
NEARLY_DATES = st.lists(
    st.one_of(
        st.integers(0, 40).map(str),
        st.sampled_from(["1890", "2024", "9999", "May", "mart", "февраля", "şubat", "Feb.", "mayın", "2024-cü ilin"]),
        st.sampled_from(
            [" ", " ", "-", "–", ".", "/", ", ", " to ", "-dən ", " last ", " next ", " keçən ", " bu il "]
        ),
    ),
    max_size=12,
).map("".join)
TEXTS = st.one_of(
    NEARLY_DATES,
    st.lists(PIECES, max_size=25).map("".join),
    st.lists(PIECES, max_size=25).map(" ".join),
    st.lists(st.sampled_from([str(case["text"]) for case in CASES]), max_size=3).map(" ".join),
)
LANGS = st.sampled_from(["en", "az", "ru", "tr", "und", ""])
DAYS = st.one_of(st.just(""), st.dates().map(dt.date.isoformat))
WEEK = re.compile(r"(\d{4})-W(\d{2})")


def is_iso(value: str) -> bool:
    """Whether a value is ISO 8601 cut short, by the standard library and not by what made it."""
    if week := WEEK.fullmatch(value):
        return dt.date.fromisocalendar(int(week[1]), int(week[2]), 1).year > 0
    yearless = re.fullmatch(r"--(\d{2})(?:-(\d{2}))?", value)
    whole = f"2000-{value[2:]}" if yearless else value
    return bool(dt.date.fromisoformat(whole + "-01-01"[: 10 - len(whole)] if len(whole) == 4 else f"{whole}-01"[:10]))


@settings(max_examples=200)
@given(text=TEXTS, lang=LANGS, published=DAYS)
@example(text="İyun 5, İİ 5 İyun", lang="az", published="")
@example(text="999 years ago, 29 February", lang="en", published="0001-01-01")
@example(text="31 December to 1 January", lang="en", published="0001-01-01")
def test_dates_are_in_order_apart_and_valid(text: str, lang: str, published: str) -> None:
    found = find_dates(text, lang=lang, published=published)
    assert all(one.span.end <= other.span.start for one, other in pairwise(found))
    for date in found:
        assert 0 <= date.span.start < date.span.end <= len(text)
        assert date.span.of(text).strip() == date.span.of(text)
        values = date.alternatives or ((date.value,) if date.value else ())
        assert all(is_iso(part) for value in values for part in value.split("/"))
        assert not (date.value and date.alternatives)
        assert len(set(date.alternatives)) in (0, 2)
        first, slash, last = date.value.partition("/")
        assert not slash or (len(first) == len(last) and (first < last or first.startswith("--")))
        # What is not relative is the same whenever it was published; what is has no year of its own.
        assert date.relative or date.value or date.alternatives


@settings(max_examples=100)
@given(text=TEXTS, lang=LANGS, published=DAYS, other=DAYS)
def test_only_what_is_relative_hangs_on_the_publication(text: str, lang: str, published: str, other: str) -> None:
    def told(published: str) -> list[FoundDate]:
        return [date for date in find_dates(text, lang=lang, published=published) if not date.relative]

    assert told(published) == told(other)


@pytest.mark.parametrize("case", [case for case in CASES if case["label"] != "no date"])
def test_a_date_is_found_again_where_the_text_ends_with_it(case: dict[str, str]) -> None:
    for date in find_dates(case["text"], lang=case["lang"], published=case["published"]):
        cut = case["text"][: date.span.end]
        assert find_dates(cut, lang=case["lang"], published=case["published"])[-1] == date


@given(published=st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), back=st.integers(-92, 270))
def test_a_day_without_a_year_is_the_near_one(published: dt.date, back: int) -> None:
    day = published - dt.timedelta(days=back)
    found = find_dates(f"on {day:%B} {day.day}", lang="en", published=published.isoformat())
    assert [date.value for date in found] == [day.isoformat()]


@given(published=st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), weekday=st.integers(0, 6))
def test_a_weekday_is_the_last_of_its_name(published: dt.date, weekday: int) -> None:
    names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    (found,) = find_dates(f"on {names[weekday]}", lang="en", published=published.isoformat())
    day = dt.date.fromisoformat(found.value)
    assert day.weekday() == weekday
    assert 0 <= (published - day).days < 7


@pytest.mark.parametrize(
    "piece", ["1 ", "1", " ", "\n", "1" + " " * 9, "1.", "12-", "2024-", "may ", "5 may ", "bu il "]
)
@pytest.mark.parametrize("lang", ["en", "az"])
def test_long_runs_are_read_in_linear_time(piece: str, lang: str) -> None:
    # Were any of these quadratic, 200 kB would take minutes.
    text = piece * (200_000 // len(piece))
    found = find_dates(text, lang=lang, published="2024-03-20")
    assert len(found) <= len(text) // len("5 may")


# When an article was published

SHAPES = [
    ("May 5, 2024", "2024-05-05"),
    ("5 May 2024", "2024-05-05"),
    ("May 5th, 2024", "2024-05-05"),
    ("Sept. 5, 2024", "2024-09-05"),
    ("Dec 5 2024", "2024-12-05"),
    ("Monday, 5 May 2024, 14:30", "2024-05-05"),
    ("date 2024-12-20 BAKU", "2024-12-20"),
    ("2024-05-17T18:05:00+04:00", "2024-05-17"),
    ("17.05.2024", "2024-05-17"),
    ("17/05/2024", "2024-05-17"),
    ("7.5.2024", "2024-05-07"),
    ("5 мая 2024 г.", "2024-05-05"),
    ("12 декабря 2022 года", "2022-12-12"),
    ("1 ОКТЯБРЯ 2023", "2023-10-01"),
    ("23 dekabr 2022-ci il", "2022-12-23"),
    ("16 oktyabr 2023", "2023-10-16"),
    ("5 Mayıs 2024", "2024-05-05"),
    ("15 AĞUSTOS 2024", "2024-08-15"),
    ("5 ŞUBAT 2024", "2024-02-05"),
    ("29 February 2024", "2024-02-29"),
    ("20240505", "2024-05-05"),
]
NOT_DAYS = [
    "31.02.2024", "13/25/2024", "29 February 2023", "112345-05-2024", "5 apples 2024", "2024",
    "5 May", "", "1.2.3", "03/04/2024", "at 20240505", "v10.05.20241",
]  # fmt: skip


@pytest.mark.parametrize(("text", "day"), SHAPES, ids=[text for text, _ in SHAPES])
def test_shapes(text: str, day: str) -> None:
    assert iso_day(text) == day
    assert is_date_line(text)


@pytest.mark.parametrize("text", ["May 2024", "Май 2024", "Мај 1978", "MAYIS 2024", "Dekabr 2023", "нојабр 1980"])
def test_a_month_is_a_date_line_and_no_day(text: str) -> None:
    assert iso_day(text) == ""
    assert stated_date(text) == publication([text, "A title"]).date != ""
    assert is_date_line(text)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("September 2023, Council press desk", True),
        ("Oakmere press desk, 5 May 2024", True),
        ("Зоя Санина, «Верхний маяк», 8 июля 2003 г.", True),
        ("September 2023, the beans grew.", False),
        ("In September 2023 they grew", False),
        ("The beans of May 2024, they say", False),
    ],
)
def test_a_line_of_a_date_and_names(text: str, is_one: bool) -> None:
    assert is_date_line(text) is is_one


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2024-05-17T18:05:00+04:00", "2024-05-17"),
        ("Fri, 17 May 2024 18:05:00 +0400", "2024-05-17"),
        ("1715953500", "2024-05-17"),
        ("1715953500000", "2024-05-17"),
        ("2024-05", "2024-05"),
        ("May 2024", "2024-05"),
        ("Mayıs 2024", "2024-05"),
        ("2024-13", ""),
        ("17", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_dates_of_metadata(value: str, date: str) -> None:
    assert stated_date(value) == date


@pytest.mark.parametrize("text", NOT_DAYS)
def test_what_is_no_day(text: str) -> None:
    assert iso_day(text) == ""
    assert not is_date_line(text)


@pytest.mark.parametrize(
    ("text", "day"), [("5 İyun 2024", "2024-06-05"), ("İyul 5, 2024", "2024-07-05"), ("5 KASIM 2024", "2024-11-05")]
)
def test_months_in_turkic_capitals(text: str, day: str) -> None:
    assert iso_day(text) == day


@given(day=st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31)))
def test_every_day_is_read_back(day: dt.date) -> None:
    months = [
        "yanvar",
        "fevral",
        "mart",
        "aprel",
        "may",
        "iyun",
        "iyul",
        "avqust",
        "sentyabr",
        "oktyabr",
        "noyabr",
        "dekabr",
    ]
    written = (
        day.isoformat(),
        f"{day.day:02}.{day.month:02}.{day.year}",
        f"{day.day} {day.strftime('%B')} {day.year}",
        f"{day.strftime('%b')}. {day.day}, {day.year}",
        f"{day.day} {months[day.month - 1]} {day.year}-cü il",
    )
    assert [iso_day(text) for text in written] == [day.isoformat()] * len(written)


STORY = (
    "The keeper was born in a house by the sea, and on 3 May 1961 he went to the lighthouse for the very first time."
)
LONG = "The lighthouse has been run by a machine since the spring, and the keeper has gone home with his dog for good."


@pytest.mark.parametrize(
    ("lines", "day"),
    [
        (["The keeper goes home", "23 dekabr 2022-ci il", LONG, STORY], "2022-12-23"),
        (["The keeper goes home", LONG, STORY, "Published: 24 December 2022"], "2022-12-24"),
        (["The keeper goes home", f"BAKU, December 20, 2024. {LONG}", STORY], "2024-12-20"),
        (
            ["5 марта 2024 года Приморский рыбоводный завод выпустил в устье реки мальков осетра."],
            "2024-03-05",
        ),
    ],
)
def test_places_that_say_when(lines: list[str], day: str) -> None:
    assert publication_date(lines) == day


@pytest.mark.parametrize(
    "lines",
    [
        ["The keeper goes home", LONG, f"{LONG} {STORY}"],
        ["The keeper goes home", *[LONG] * 6, "On 3 May 1961", LONG],
        [
            "The keeper goes home",
            *[LONG] * 6,
            "3 May 1961 was the day on which all of it began, as the keeper never tired to tell.",
            LONG,
        ],
        [],
    ],
)
def test_a_day_in_the_middle_of_a_story_is_the_storys(lines: list[str]) -> None:
    assert publication_date(lines) == ""


def test_a_day_that_opens_a_later_paragraph_is_the_storys() -> None:
    assert publication_date(["The keeper goes home", LONG, LONG, f"On 3 May 1961 he was born. {LONG}", LONG]) == ""


@pytest.mark.parametrize(
    ("lines", "lang", "want"),
    [
        (["The keeper goes home", "Published: 17 May 2024, 18:05", LONG], "en", ("2024-05-17", "date line")),
        (["The keeper goes home", "17.05.2024 | 18:05", LONG], "", ("2024-05-17", "date line")),
        (["The keeper goes home", "May 17, 2024 6:05 p.m. GMT+4", LONG], "en", ("2024-05-17", "date line")),
        (["The keeper goes home", "Posted on Tuesday, 3rd of December 2024", LONG], "", ("2024-12-03", "date line")),
        (["The keeper goes home", "Updated 3 hours ago", LONG], "en", ("", "")),
        (["The keeper goes home", "20240517", LONG], "en", ("2024-05-17", "date line")),
        (["The keeper goes home", "2024/05/17", LONG], "en", ("2024-05-17", "date line")),
        (["The keeper goes home", "03/04/2024", LONG], "en", ("", "")),
        (["Gözətçi evə qayıdır", "03/04/2024", LONG], "az", ("2024-04-03", "date line")),
        (["Gözətçi evə qayıdır", "Dərc edilib: 17 may 2024, 18:05", LONG], "az", ("2024-05-17", "date line")),
        (["Gözətçi evə qayıdır", "Bakı. 11 dekabr 2023-cü il. Agentlik", LONG], "az", ("2023-12-11", "date line")),
        (["Bekçi eve dönüyor", "Çarşamba, 5 Haziran 2024", LONG], "tr", ("2024-06-05", "date line")),
        (["Bekçi eve dönüyor", "Giriş Tarihi: 17 Mayıs 2024 Cuma 14:20", LONG], "tr", ("2024-05-17", "date line")),
        (["Смотритель идёт домой", "16 фев. 2024, 10:30 мск", LONG], "ru", ("2024-02-16", "date line")),
        (["Смотритель идёт домой", "Опубликовано 16 февраля 2024 года", LONG], "ru", ("2024-02-16", "date line")),
        (["The keeper goes home", "By Leyla Sultanova | 17 May 2024", LONG], "en", ("2024-05-17", "byline")),
        (["Gözətçi evə qayıdır", "Müəllif: Leyla Sultanova, 17.05.2024", LONG], "az", ("2024-05-17", "byline")),
        (["The keeper goes home", LONG, LONG, LONG, LONG, "17 May 2024"], "en", ("2024-05-17", "last line")),
        (["The keeper goes home", f"BAKU, May 17, 2024 (Harbour News) — {LONG}"], "en", ("2024-05-17", "dateline")),
        (["The keeper goes home", f"BAKU, March 4 (Harbour News) — {LONG}"], "en", ("", "")),
        (["The keeper goes home", f"МОСКВА, 16 фев — {LONG}"], "ru", ("", "")),
        (["The keeper goes home", "May 2024", LONG], "en", ("2024-05", "date line")),
        (["What is known of the fire of 5 May 2024", LONG], "en", ("2024-05-05", "title")),
        (["What is known of the fire of 5 May 2024", "7 May 2024", LONG], "en", ("2024-05-07", "date line")),
        (["Updated: 18 May 2024", "Published: 17 May 2024", LONG], "en", ("2024-05-17", "date line")),
        (["The keeper", "Updated: 18 May 2024 | Published: 17 May 2024", LONG], "en", ("2024-05-17", "date line")),
        (["The keeper goes home", "Last updated 18 May 2024", LONG], "en", ("2024-05-18", "date line")),
        (["The keeper goes home", LONG, "He died of old age on 5 May 1961.", LONG], "en", ("", "")),
        (["17 May 2024", "The keeper goes home", LONG], "en", ("2024-05-17", "date line")),
        (["The keeper goes home", "2024", LONG], "en", ("", "")),
        ([], "", ("", "")),
    ],
)
def test_when_and_where_it_is_read(lines: list[str], lang: str, want: tuple[str, str]) -> None:
    published = publication(lines, lang=lang)
    assert (published.date, published.read_from) == want


@given(lines=st.lists(TEXTS, max_size=8), lang=LANGS)
def test_any_lines_have_a_publication_or_none(lines: list[str], lang: str) -> None:
    published = publication(lines, lang=lang)
    assert re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", published.date) or published.date == ""
    assert bool(published.date) == bool(published.read_from)


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("Week of 3–9 April 2023 | Distribution: press", "2023-04"),
        ("28 April - 4 May 2023", ""),
        ("Issue 212 | April 2022", "2022-04"),
        ("Issue 41 — Winter 2015", ""),
    ],
)
def test_the_month_of_a_week(value: str, date: str) -> None:
    assert stated_date(value) == date


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("http://stepmayak.invalid/2022/11/21/ovrag/print", "2022-11-21"),
        ("Keçid: site.example/news/2023-05-18-vagzal", "2023-05-18"),
        ("site.example/20240517/a", "2024-05-17"),
        ("site.example/2022/13/40/a", ""),
        ("site.example/a/2022/11", ""),
        ("on 21/11/2022 it rained", ""),
    ],
)
def test_the_day_in_an_address(text: str, day: str) -> None:
    assert address_day(text) == day


@pytest.mark.parametrize(
    "line",
    ["Отпечатано с сайта 30.01.2023", "Kaydedildi: 18 Mart 2025", "Printed on 5 May 2024", "LOAD-DATE: May 4, 2011"],
)
def test_a_day_of_printing_or_saving_is_none_of_publication(line: str) -> None:
    assert is_later_line(line) and tells_keeping(line)
    assert not tells_keeping("Beans were sown on 5 May 2024")
    assert publication(["Beans", line, "They grow along the fence."]).date == ""
    assert publication(["Beans", line, "3 April 2021", "They grow."]).date == "2021-04-03"


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("saved: 2018-02-11 | tags: ferry, rail | status: unread", ""),
        ("С 1 сентября 2012 года вступает в силу закон.", ""),
        ("From 1 September 2012 the law is in force.", ""),
        ("1 сентября 2012 года вступил в силу закон.", "2012-09-01"),
    ],
)
def test_a_day_on_which_something_is_kept_or_begins_is_no_dateline(line: str, day: str) -> None:
    assert publication(["A law", line]).date == day
