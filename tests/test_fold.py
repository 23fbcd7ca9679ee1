"""Folding: names meet across scripts, and the terms that lexical search counts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.fold import GRAM_LENGTH, fold_word, folded_words, stem_word, terms

SAME = [
    ["Paşinyan", "Пашинян", "Pashinyan", "PAŞİNYAN", "pasinyan"],
    ["Bakı", "Baki", "BAKI", "Баки"],
    ["Əliyev", "əliyev", "ƏLİYEV", "Eliyev"],
    ["Çexov", "Chekhov", "Чехов"],
    ["Şuşa", "Shusha", "Шуша", "Susa"],
    ["Жданов", "Zhdanov", "Jdanov"],
    ["Putin", "Путин", "PUTIN"],
    ["Washington", "Vashington", "Вашингтон"],
    ["İlham", "Ilham", "ılham", "Ильхам"],
    ["Aleksandr", "ALEKSANDR", "Александр"],
    ["Gəncə", "Gence", "GƏNCƏ"],
    ["Xankəndi", "Khankendi", "Hankendi"],
    ["Boris", "Borris"],
    ["é", "e\u0301", "E"],
]


@pytest.mark.parametrize("names", SAME, ids=lambda names: names[0])
def test_names_meet_across_scripts(names: list[str]) -> None:
    assert {fold_word(name) for name in names} == {fold_word(names[0])}


APART = [
    ("Bakı", "Bank"),
    ("Rusiya", "Suriya"),
    ("Qarabağ", "Karadağ"),
    ("İran", "İraq"),
    ("2023", "2024"),
    ("Putin", "Putana"),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_other_names_do_not(one: str, other: str) -> None:
    assert fold_word(one) != fold_word(other)


def test_terms_are_stems_and_grams() -> None:
    assert terms("Bakı, 2024!") == "~baki baki ~2024 2024"
    assert terms("Zəngəzur") == "~zengezur zeng enge ngez gezu ezur"
    assert terms("running") == "~run runi unin ning"
    assert terms("a I — … 😀") == "~a a ~i i"
    assert terms("") == ""


@given(text=st.text(max_size=60))
def test_terms_are_made_of_the_skeleton_only(text: str) -> None:
    for word in folded_words(text):
        assert re.fullmatch("[a-z0-9]+", word)
        assert not re.search(r"([a-z])\1", word)
    for term in terms(text).split():
        assert re.fullmatch(f"~[a-z0-9]+|[a-z0-9]{{1,{GRAM_LENGTH}}}", term)


@given(one=st.text(max_size=30), other=st.text(max_size=30))
def test_terms_of_two_texts_are_those_of_each(one: str, other: str) -> None:
    assert terms(f"{one} {other}").split() == [*terms(one).split(), *terms(other).split()]


@given(word=st.text(alphabet="abcçdeəfgğhxıijkqlmnoöprsştuüvyz", min_size=1, max_size=12))
def test_case_does_not_matter(word: str) -> None:
    upper = word.replace("i", "İ").replace("ı", "I").upper()
    assert fold_word(upper) == fold_word(word)
    assert stem_word(upper) == stem_word(word)


@given(word=st.text(alphabet="абвгдеёжзийклмнопрстуфхцчшщъыьэюя", min_size=1, max_size=12))
def test_case_does_not_matter_in_cyrillic(word: str) -> None:
    assert terms(word.upper()) == terms(word)


STEMS = [
    ["study", "studies", "Studied", "STUDYING"],
    ["run", "runs", "running"],
    ["vaccinated", "vaccination"],
    ["переговоры", "переговоров", "Переговорами"],
    ["маяк", "маяка", "МАЯКИ"],
    ["Путин", "Путина", "Putin"],
    ["Gəncə", "GƏNCƏ", "Gence"],
]


@pytest.mark.parametrize("words", STEMS, ids=lambda words: words[0])
def test_forms_of_a_word_have_one_stem(words: list[str]) -> None:
    assert {stem_word(word) for word in words} == {stem_word(words[0])}


@pytest.mark.parametrize(("one", "other"), [("маяк", "мак"), ("university", "universe's"), ("Bakı", "baking")])
def test_other_words_have_another(one: str, other: str) -> None:
    assert stem_word(one) != stem_word(other)
