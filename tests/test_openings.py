"""Labels and numbers at the beginning of lines, in four languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.clean import clean
from index.lines import read_lines
from index.openings import label_of_outlet, split_openings
from index.read import read_source
from index.values import Span

TEXT = "The tram depot of Oakmere has planted beans along its fence, and the drivers water them between two shifts."


def opened(text: str) -> list[tuple[str, str]]:
    return [(line.text, line.reason) for line in split_openings(list(read_lines(text, Span(0, len(text)))))]


@pytest.mark.parametrize("label", ["Title", "Headline", "Başlıq", "Заголовок", "Başlık", "BAŞLIQ"])
@pytest.mark.parametrize("body", ["Text:", "Mətn:", "Текст:", "Metin:"])
def test_labels_of_titles_and_texts_are_no_part_of_them(label: str, body: str) -> None:
    assert opened(f"{label}: Beans\n{body}\n{TEXT}") == [
        (f"{label}:", "label"),
        ("Beans", ""),
        (body, "label"),
        (TEXT, ""),
    ]


def test_a_label_of_a_text_alone_may_be_a_byline() -> None:
    assert opened(f"Beans\nМətn: Ann Harrow\n{TEXT}") == [("Beans", ""), ("Мətn: Ann Harrow", ""), (TEXT, "")]


@pytest.mark.parametrize("mark", ["{}. ", "{}) ", "{} "])
def test_numbers_that_count_titles_are_no_part_of_them(mark: str) -> None:
    text = f"{mark.format(1)}Tram beans\n{TEXT}\n{mark.format(2)}Late tomatoes\n{TEXT}"
    assert [line for line, reason in opened(text) if not reason] == ["Tram beans", TEXT, "Late tomatoes", TEXT]


def test_a_list_and_a_number_that_stands_alone_stay() -> None:
    for text in (f"{TEXT}\n1. Beans, green\n2. Tomatoes", f"{TEXT}\n5 Great beans\n{TEXT}"):
        assert all(not reason for _, reason in opened(text))


LINES = st.lists(
    st.sampled_from(["Title: Beans", "Text:", "1. Tram beans", "2. Tomatoes", TEXT, "Mənbə: Aran", "3", ""]), max_size=9
)


@given(lines=LINES)
def test_each_line_is_where_it_says_and_none_is_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = split_openings(list(read_lines(text, Span(0, len(text)))))
    assert [line.text for line in found] == [line.span.of(text) for line in found]
    assert "".join("".join(line.text.split()) for line in found) == "".join(text.split())


@pytest.mark.parametrize(
    ("line", "outlet"),
    [("Source: The Weir", "The Weir"), ("Mənbə: Aran", "Aran"), ("Источник: Маяк", "Маяк"), ("Kaynak: Yayla", "Yayla"),
     ("Weather: Rain", ""), ("Source", "")],
)  # fmt: skip
def test_outlets(line: str, outlet: str) -> None:
    assert label_of_outlet(line) == outlet


TICKER = [
    "19:42  Anglers taken off a drifting floe",
    "Rescuers brought seven anglers ashore on Thursday; they asked whether their catch could come with them as well.",
    "18:10  Airport takes its first flight",
    "The plane from the capital landed at the new airport eleven minutes early, and nobody had yet unlocked the gate.",
]


def test_the_times_of_a_ticker_stand_by_themselves() -> None:
    text = "\n".join(TICKER)
    documents = clean(read_source(text.encode(), path="a.txt")).documents
    assert [document.title for document in documents] == [
        "Anglers taken off a drifting floe",
        "Airport takes its first flight",
    ]
    assert [text[d.body[0].start : d.body[-1].end] for d in documents] == TICKER[1::2]


def test_headlines_with_their_times_are_no_articles() -> None:
    lines = list(read_lines(text := "\n".join((*TICKER[::2], TICKER[1])), Span(0, len(text))))
    assert [line.text for line in split_openings(lines)] == [*TICKER[::2], TICKER[1]]


@pytest.mark.parametrize("title", ["«Сланец» проиграл лидеру", "“Beans” win", "Beans win"])
@pytest.mark.parametrize("between", [" ", " — ", " | "])
def test_a_time_may_stand_before_a_quoted_title(title: str, between: str) -> None:
    lines = [f"20:15{between}{title}", TEXT, f"11:51{between}Fish without an owner", TEXT]
    assert [line for line, reason in opened("\n".join(lines)) if not reason] == [
        title,
        TEXT,
        "Fish without an owner",
        TEXT,
    ]
