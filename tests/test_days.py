"""The days of articles that stand below days, or say theirs without a year or by how long ago it was."""

from __future__ import annotations

import pytest

from index.clean import clean
from index.dates import day_by, is_ago_line, is_date_line, is_day_heading, publication
from index.read import read_source

TEXT = (
    "The tram depot of Oakmere has planted beans along its fence, and the drivers water them between two shifts. "
    "Nobody has told them to stop."
)
OTHER = (
    "Parliament in Harn put off the vote on the ferry for the third time, since the minister had left the draft on it. "
    "The ferry returns in the evening."
)
THIRD = (
    "A statue of the founder was taken down and put back when it turned out to be the lightning conductor as well. "
    "The mayor was not at home."
)


def days(text: str) -> list[str]:
    return [document.date for document in clean(read_source(text.encode(), path="a.txt")).documents]


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("Monday, November 6", True),
        ("вторник, 6 февраля", True),
        ("6 fevral 2024", True),
        ("7 Kasım 2017 Salı", True),
        ("6 февраля, 14:05", False),
        ("6 fevral 2024, Ada Qaralı", False),
        ("November 2017", False),
        ("On November 6 the ferry sank", False),
    ],
)
def test_a_day_alone_heads_what_is_below(line: str, is_one: bool) -> None:
    assert is_day_heading(line) is is_one


@pytest.mark.parametrize(
    "line", ["2 saat önce", "Dün 16:45 / Ada Kara", "3 days ago", "вчера, 18:20", "5 dəqiqə əvvəl"]
)
def test_how_long_ago_is_a_line_of_a_head(line: str) -> None:
    assert is_ago_line(line)
    assert not is_ago_line(f"{line} nobody in Harn had heard of it.")


@pytest.mark.parametrize(
    ("line", "lang", "reference", "day"),
    [
        ("Понедельник, 5 февраля", "ru", "2024-02", "2024-02-05"),
        ("11 dekabr", "az", "2024-01-05", "2023-12-11"),
        ("2 hours ago", "ru", "2024-02-05", "2024-02-05"),
        ("Dün 16:45 / Ada Kara", "tr", "2025-03-18", "2025-03-17"),
        ("Dün 16:45 / Ada Kara", "tr", "2025-03", ""),
        ("29 February", "en", "2023", ""),
        ("The ferry left on 5 February", "en", "2024", ""),
        ("5 February", "en", "", ""),
    ],
)
def test_a_day_is_told_by_another(line: str, lang: str, reference: str, day: str) -> None:
    assert day_by(line, lang=lang, reference=reference) == day


def test_articles_below_a_day_are_of_that_day() -> None:
    text = (
        "THE WEEK IN HARN\n6-10 November 2017\n\nMonday, November 6\n\n"
        f"Beans at the depot\n{TEXT}\n\nA vote put off\n{OTHER}\n\nTuesday, November 7\n\nStatue returns\n{THIRD}\n"
    )
    assert days(text) == ["2017-11-06", "2017-11-06", "2017-11-07"]


def test_the_day_of_one_article_is_not_that_of_the_next() -> None:
    assert days(f"Beans at the depot\n5 March 2021\n\n{TEXT}\n\n\n\nA vote put off\n\n{OTHER}\n") == ["2021-03-05", ""]


def test_the_day_below_a_title_counts_before_that_of_the_digest_above() -> None:
    text = (
        "Alert\nDaily update, October 3, 2022\n\nBeans at the depot\nHarbour Times, Oct. 2, 2022\n"
        f"{TEXT}\n\nA vote put off\nHarbour Times, Oct. 1, 2022\n{OTHER}\n"
    )
    assert days(text) == ["2022-10-02", "2022-10-01"]


def test_the_day_on_which_a_page_was_saved_tells_what_two_hours_ago_was() -> None:
    text = (
        f"Saved: 18 March 2025 14:20\n\nBeans at the depot\n2 hours ago\n{TEXT}\nRead more\n\n"
        f"A vote put off\nYesterday\n{OTHER}\nRead more\n"
    )
    assert days(text) == ["2025-03-18", "2025-03-17"]


@pytest.mark.parametrize(
    ("line", "date"),
    [
        ("2023 February 10 (Friday)", "2023-02-10"),
        ("Cuma Postası, 1987 Aralık, s. 12-13", "1987-12"),
        ("Source: TV-1, Harn, in English 1800 gmt 3 Mar 05", "2005-03-03"),
        ("Source: Narodni Hlas, Brenn, in Upland 4 Mar 98 p 1, 3", "1998-03-04"),
    ],
)
def test_years_that_stand_first_or_have_two_digits(line: str, date: str) -> None:
    assert is_date_line(line)
    assert publication(["Beans at the depot", line, TEXT]).date == date


def test_a_number_at_the_end_of_a_sentence_is_no_year() -> None:
    assert publication(["Beans at the depot", f"{TEXT} They were told of it on 5 March 12", OTHER]).date == ""
