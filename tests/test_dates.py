"""The day of publication: the shapes it is written in, and what must not be taken for it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.dates import is_date_line, iso_day, publication_date

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
]
NOT_DAYS = [
    "31.02.2024", "13/25/2024", "29 February 2023", "20240505", "112345-05-2024", "5 apples 2024", "May 2024", "2024",
    "5 May", "", "1.2.3", "v10.05.20241",
]  # fmt: skip


@pytest.mark.parametrize(("text", "day"), SHAPES, ids=[text for text, _ in SHAPES])
def test_shapes(text: str, day: str) -> None:
    assert iso_day(text) == day
    assert is_date_line(text)


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
