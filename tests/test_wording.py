"""The words of furniture: what a line of them weighs, and how their weights are learned and kept."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.fit_wording import fit_words
from eval.reading import GoldArticle, GoldFile
from index.standing import SHIPPED, WORDS
from index.wording import beginnings, read_words, wording, words_text

WEIGHTS = st.dictionaries(st.text("abcəığшщ", min_size=1, max_size=5), st.integers(-12, 12).map(lambda n: n / 2))


def test_a_line_is_weighed_by_how_its_words_begin() -> None:
    assert beginnings("Subscribe, SUBSCRIBER! İlan ИЗДАНИЕ 5") == {"subsc", "ilan", "издан"}
    words = {"subsc": 3.0, "our": 1.0, "said": -2.0}
    assert wording("Subscribe to our list", words) == pytest.approx(4.0 / math.sqrt(4))
    assert wording("He said so", words) == pytest.approx(-2.0 / math.sqrt(3))
    assert wording("12:30 — 5", words) == 0.0


@given(WEIGHTS)
def test_weights_are_read_as_they_were_written(words: dict[str, float]) -> None:
    assert read_words(words_text(words)) == words
    assert all(len(line) <= 120 for line in words_text(words).split("\n"))


def test_what_is_shipped_tells_furniture_in_four_languages() -> None:
    words = SHIPPED[WORDS]
    of_pages = ["Share this with your friends", "Saytımızdan istifadə qaydaları", "Редакция не отвечает за рекламу",
                "Haber bültenimize abone olun"]  # fmt: skip
    of_articles = ["The ferry arrived three metres too long", "Kənddə yeddi ailə yaşayır və hamısı arıçıdır",
                   "Паром пришёл на три метра длиннее", "Köprüde yedi kişi üç saat bekledi"]  # fmt: skip
    assert min(wording(text, words) for text in of_pages) > max(wording(text, words) for text in of_articles)


def test_words_that_only_furniture_has_are_learned() -> None:
    story = GoldArticle(
        title="", lang="en", date="", author="", outlet="",
        paragraphs=tuple(f"The depot counted {n} beans. Drivers said that the harvest was good." for n in range(20)),
    )  # fmt: skip
    furniture = tuple(f"Our inbox holds {n} letters. Write to our inbox." for n in range(20))
    gold = GoldFile("a.txt", "", "dev", (story,), (), furniture, ())
    words = fit_words([gold])
    assert words == fit_words([gold])
    assert words["inbox"] > 0 and words["our"] > 0
    assert words["depot"] < 0 and words["drive"] < 0
    assert wording("From our inbox", words) > 0 > wording("The depot", words)
