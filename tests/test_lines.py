"""Lines, and which of them make one paragraph."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.lines import Line, blocks, is_sentence, line_texts, read_lines
from index.values import Span

EN = (
    "The tram depot of Oakmere has planted beans along its fence, and the drivers water them between two shifts. "
    "The first harvest went to the ticket office, where it was weighed, entered in a book and eaten with butter."
)
AZ = (
    "Gilavar kəndinin dəyirmanı bu il ilk dəfə küləksiz işləyib, çünki uşaqlar qanadları növbə ilə çeviriblər. "
    "Dəyirmançı onlara unla haqq verib, valideynlər isə unu geri qaytarıb, çünki evdə yer qalmayıb."
)


def lines_of(text: str) -> list[Line]:
    return list(read_lines(text, Span(0, len(text))))


def test_lines_are_without_the_white_space_around_them() -> None:
    text = "\ufeff one\xa0\r\n\r\n\t two \n\f\nthree"
    assert [(line.text, line.blank_before) for line in lines_of(text)] == [("one", 0), ("two", 1), ("three", 2)]
    assert [line.span.of(text) for line in lines_of(text)] == ["one", "two", "three"]


@given(text=st.text(alphabet=" ab.\n\f\t\xa0"), before=st.integers(0, 5))
def test_lines_hold_all_words(text: str, before: int) -> None:
    whole = "x" * before + text
    found = list(read_lines(whole, Span(before, len(whole))))
    assert "".join("".join(line.text.split()) for line in found) == "".join(text.split())
    assert all(line.span.of(whole) == line.text for line in found)
    assert list(line_texts(text)) == [line.text for line in found]


@pytest.mark.parametrize("text", [EN, AZ])
@pytest.mark.parametrize("width", [60, 72, 90])
def test_a_paragraph_that_was_wrapped_is_one_block(text: str, width: int) -> None:
    wrapped = textwrap.fill(text, width)
    (block,) = blocks(lines_of(wrapped))
    assert block.text == text


def test_a_title_above_a_wrapped_paragraph_is_a_block_of_its_own() -> None:
    found = blocks(lines_of(f"Beans along the fence\n\n{textwrap.fill(EN, 72)}\n\n{textwrap.fill(AZ, 72)}"))
    assert [block.text for block in found] == ["Beans along the fence", EN, AZ]


def test_lines_that_are_paragraphs_are_blocks_each() -> None:
    sentences = ["It rained on the beans all night long, and then it stopped again."] * 3
    assert [block.text for block in blocks(lines_of("\n".join(sentences)))] == sentences


@given(st.lists(st.text(alphabet="ab .", max_size=90), max_size=8))
def test_blocks_hold_every_line_once(texts: list[str]) -> None:
    lines = lines_of("\n".join(texts))
    assert [line for block in blocks(lines) for line in block.lines] == lines


@pytest.mark.parametrize(
    ("text", "ends"), [("It rained.", True), ("He said “no.”", True), ("Why?", True), ("Beans", False), ("", False)]
)
def test_sentences(text: str, ends: bool) -> None:
    assert is_sentence(text) is ends


@pytest.mark.parametrize("whose", ["by Tamsin Oake  19 October 2023", "от Северный курьер   5 окт. 2024 г."])
def test_who_wrote_an_article_is_no_part_of_its_title(whose: str) -> None:
    found = blocks(lines_of(f"The village that votes for its beans\n{whose}\n\n{EN}"))
    assert [block.text for block in found] == ["The village that votes for its beans", whose, EN]
    rest = "by the river and the road"
    assert blocks(lines_of(f"The village that votes\n{rest}"))[0].text == f"The village that votes {rest}"
