"""Names that are other words in other languages: which words of a question are one, and what else it is called."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import make_names
from index.fold import words
from index.names import NAME_LANGUAGES, find_names

ARMENIA = {"Armenia", "Armenian", "Ermənistan", "erməni", "Армения", "армянский"}
GERMANY = {"Germany", "German", "Almaniya", "alman", "Германия", "немецкий", "германский", "немец"}
GEORGIA = {"Georgia", "Georgian", "Gürcüstan", "gürcü", "Грузия", "грузинский"}
MOSCOW = {"Moscow", "Moskva", "Москва", "московский"}
MEET = [
    (["Armenia", "Armenians", "Ermənistan", "Ermənistanın", "ERMƏNİSTANDA", "Ermenistan'ın", "Армения", "Армению",
      "армянского", "Armenian", "ermənilər", "Ermənistandakılar", "армянскими"], ARMENIA),
    (["Germany", "German", "Almaniyadan", "Almanya", "Almanyalı", "Германии", "немецкой", "германских"], GERMANY),
    (["Georgia", "georgian", "Gürcüstandan", "gürcülər", "Грузией", "грузинская", "Gürcistan'da"], GEORGIA),
    (["Moscow", "Moskvaya", "Moskova", "Москвы", "московских", "Москве"], MOSCOW),
]  # fmt: skip


def others(question: str, languages: tuple[str, ...] = ("en", "az", "ru")) -> list[set[str]]:
    return [set(name.others) for name in find_names(words(question), languages)]


@pytest.mark.parametrize(("forms", "names"), MEET, ids=lambda value: "")
def test_names_meet_across_languages_whatever_their_endings(forms: list[str], names: set[str]) -> None:
    for form in forms:
        (found,) = others(form)
        # What folds as it was asked needs no other word.
        same = {name for name in names if [w.skeleton for w in words(name)] == [words(form)[0].skeleton]}
        assert found == names - same, form


CASES = [
    ("ABŞ-ın prezidenti", [(0, 1)]),
    ("ABS prezidenti", [(0, 1)]),
    ("президент США", [(1, 2)]),
    ("let us go", []),
    ("tell the US to go", [(2, 3)]),
    ("в Соединённых Штатах Америки", [(1, 3), (3, 4)]),
    ("переговоры с Северной Кореей", [(2, 4)]),
    ("the United States and Cuba", [(1, 3), (4, 5)]),
    ("Türkiyə-Rusiya", [(0, 1), (1, 2)]),
    ("На Кубе и в Риме", [(1, 2), (4, 5)]),
    # Other words that look like names, or begin as they do.
    ("куба льда и рим", []),
    ("роса и рост", []),
    ("İndi çinar qanadı", []),
    ("индивидуальный малый того", []),
    ("roman oxumaq onda", []),
    ("", []),
]


@pytest.mark.parametrize(("question", "places"), CASES)
def test_which_words_are_names(question: str, places: list[tuple[int, int]]) -> None:
    assert [(name.start, name.end) for name in find_names(words(question), ("en", "az", "ru"))] == places


def test_the_longest_and_best_explanation_wins() -> None:
    assert {"Şimali Koreya"} < others("North Korea")[0]
    assert "Koreya" not in others("North Korea")[0]
    assert others("Kanada", ("en",)) == [{"Canada"}]  # not Ghana, which is Qana in az, with an ending


def test_names_are_told_in_the_languages_wanted() -> None:
    assert others("Ermənistanın", ("ru",)) == [{"Армения", "армянский"}]
    assert others("Ermənistanın", ("ka",)) == []
    assert others("Ermənistanın", ()) == []


@given(question=st.text(alphabet="USAsaМоскваİrənABŞ -", max_size=30))
def test_names_stand_apart_and_have_other_names(question: str) -> None:
    asked = words(question)
    found = find_names(asked, NAME_LANGUAGES)
    assert all(one.end <= other.start for one, other in pairwise(found))
    for name in found:
        assert 0 <= name.start < name.end <= len(asked)
        skeletons = [word.skeleton for word in asked[name.start : name.end]]
        assert name.others
        assert all([word.skeleton for word in words(other)] != skeletons for other in name.others)


def test_the_table_says_what_it_is_made_of() -> None:
    text = make_names.table()
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    assert all(len(row) == 1 + len(NAME_LANGUAGES) for row in rows)
    assert next(r for r in rows if r[0] == "AM")[:4] == [
        "AM",
        "Armenia|Armenian",
        "Ermənistan|erməni",
        "Армения|армянский",
    ]
    assert "Unicode License v3" in text
