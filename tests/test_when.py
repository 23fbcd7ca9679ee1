"""Periods in questions: which days are meant, and that they prefer and do not filter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import SettingsError
from index.folder import Index
from rag.assistant import Assistant
from rag.when import Period, days_of, periods

TODAY = "2025-03-12"  # a Wednesday


@pytest.mark.parametrize(
    ("question", "without_today", "with_today"),
    [
        ("What happened in December 2024?", ["2024-12"], ["2024-12"]),
        ("Что было в феврале 2024 года?", ["2024-02"], ["2024-02"]),
        ("2024-cü ilin dekabrında nə oldu?", ["2024-12"], ["2024-12"]),
        ("2024-cu ilin dekabrinda ne oldu?", ["2024-12"], ["2024-12"]),
        ("What was said last week?", [], ["2025-W10"]),
        ("Что сказали вчера?", [], ["2025-03-11"]),
        ("keçən həftə nə oldu?", [], ["2025-W10"]),
        ("kecen hefte ne oldu?", [], ["2025-W10"]),
        ("geçen hafta ne oldu?", [], ["2025-W10"]),
        ("Who spoke on 11 December?", ["--12-11"], ["--12-11"]),  # of which year, the question does not say
        ("Who may win?", [], []),
        ("How many people live there?", [], []),
    ],
)
def test_periods(question: str, without_today: list[str], with_today: list[str]) -> None:
    assert [period.value for period in periods(question)] == without_today
    named = periods(question, today=TODAY)
    assert [period.value for period in named] == with_today
    assert all(period.said in question for period in named)


@pytest.mark.parametrize("today", ["yesterday", "2024-13-01", "2024-12", "2024", "20241231", "2024-W07"])
def test_today_must_be_a_day(today: str) -> None:
    with pytest.raises(SettingsError, match=f"--today {today}: not a day; write it as 2024-12-31"):
        periods("What was said last week?", today=today)


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("2024", "2024-01-01", "2024-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2024-12", "2024-12-01", "2024-12-31"),
        ("2024-W01", "2024-01-01", "2024-01-07"),
        ("2024-05-17", "2024-05-17", "2024-05-17"),
        ("2023-12/2024-02", "2023-12-01", "2024-02-29"),
    ],
)
def test_days_of(value: str, first: str, last: str) -> None:
    assert days_of(value) == (dt.date.fromisoformat(first), dt.date.fromisoformat(last))


@pytest.mark.parametrize("value", ["", "--12", "--12-11", "2024-13", "2024-02-30", "0000", "2024-W60"])
def test_what_has_no_days(value: str) -> None:
    assert days_of(value) is None


@pytest.mark.parametrize(
    ("period", "inside", "outside"),
    [
        ("2024-12", ["2024-12", "2024-12-31", "2024-W50", "2024-12-03/2024-12-07"], ["2024", "2024-11-30", "--12", ""]),
        ("2024-12-11", ["2024-12-11"], ["2024-12", "2024-12-12", "--12-11"]),
        ("--12-11", ["2024-12-11", "1999-12-11", "--12-11"], ["2024-12", "--12", "2024-11-12"]),
        ("--12", ["2024-12-11", "2024-12", "--12", "--12-11"], ["2024", "2024-11-12", "--11-12"]),
        ("2023/2024", ["2023-05", "2024", "2023-12/2024-01"], ["2025", "2022-12-31"]),
    ],
)
def test_holds(period: str, inside: list[str], outside: list[str]) -> None:
    asked = Period("", period)
    assert [value for value in [*inside, *outside] if asked.holds(value)] == inside


@given(st.dates(), st.dates(), st.dates())
def test_a_range_holds_the_days_between_its_ends(one: dt.date, other: dt.date, day: dt.date) -> None:
    first, last = sorted((one, other))
    assert Period("", f"{first}/{last}").holds(day.isoformat()) == (first <= day <= last)


FILES = {
    "may.txt": "Pier\n\n5 May 2024\n\nThe keeper says the pier is old, its wood is rotten and nobody paints it.\n",
    "december.txt": "Pier\n\n12 December 2024\n\nA new pier opens, the keeper says, and ships of all countries come.\n",
    "named.txt": "Pier\n\nNo pier ever burned here, says the keeper, who has been here longer than any other man.\n"
    "He has seen storms and wars and weddings, he keeps a book of all of them, and he reads in it every evening.\n"
    "Many tell of a fire and of a great storm on the night of 20 December 2024, and all of them lie to their guests.\n"
    "The keeper was there with his dog and a lamp, saw the sea and the stars, and slept well until the morning.\n",
    "undated.txt": "Pier\n\nThe pier has cost nine millions so far, says its keeper, who counted all of them twice.\n",
}


@pytest.fixture
def assistant(make_index: Callable[..., Index]) -> Assistant:
    return Assistant(make_index(FILES))


def test_a_named_period_prefers_and_filters_nothing(assistant: Assistant) -> None:
    question = "what does the keeper say of the pier in December 2024?"
    explained = assistant.explain(question, k=10).hits
    assert {each.hit.passage.source_path for each in explained} == set(FILES)
    moves = {each.hit.passage.source_path: each.moves for each in explained}
    assert moves == {
        "december.txt": ("dates: dated 2024-12-12: +0.1",),
        "named.txt": ("dates: names 2024-12-20: +0.1",),
        "may.txt": (),
        "undated.txt": (),
    }
    assert {each.hit.passage.source_path for each in explained[:2]} == {"december.txt", "named.txt"}
    for each in explained:
        assert each.hit.score == pytest.approx(each.total.score + (0.1 if each.moves else 0))


def test_a_question_without_a_period_is_as_it_was(assistant: Assistant) -> None:
    question = "what does the keeper say of the pier?"
    assert assistant.search(question, today=TODAY) == assistant.search(question)
    assert all(each.moves == () for each in assistant.explain(question, k=10).hits)


def test_last_week_is_counted_from_today(assistant: Assistant) -> None:
    question = "what did the keeper say of the pier last week?"
    for today, wanted in (("2024-05-07", {"may.txt"}), ("2024-12-20", {"december.txt"}), ("2025-12-20", set())):
        hits = assistant.explain(question, k=10, today=today).hits
        assert {each.hit.passage.source_path for each in hits if each.moves} == wanted
    assert assistant.search(question, today="2025-12-20") == assistant.search(question)


def test_newer_documents_come_first_if_asked_for(assistant: Assistant) -> None:
    question = "what does the keeper say of the pier?"
    before = {hit.passage.source_path: hit.score for hit in assistant.search(question)}
    after = {hit.passage.source_path: hit.score for hit in assistant.search(question, recent=True)}
    gained = {path: round(after[path] - before[path], 4) for path in FILES}
    assert gained == {"december.txt": 0.2, "may.txt": 0.0862, "named.txt": 0.0, "undated.txt": 0.0}
    moves = {each.hit.passage.source_path: each.moves for each in assistant.explain(question, k=10, recent=True).hits}
    assert moves["december.txt"] == ("recent, dated 2024-12-12: +0.2",)
    assert moves["may.txt"] == ("recent, dated 2024-05-05: +0.086",)
    assert moves["undated.txt"] == ()
