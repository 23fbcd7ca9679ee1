"""Letters left out in typing are restored from how the passages of the index spell the words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from index.folder import Index
from rag.letters import restore_letters
from rag.retrieve import HybridRetriever

AZERBAIJANI = (
    "Şirkətin rəhbəri üçün yeni gəmi\n\n5 may 2024\n\nGəmiçilik şirkəti köhnə körpünün yanında yeni gəmi tikir. "
    "Niyə gəmi gecikir, bunu rəhbər işçilərə dedi. İnşaatçılar ÜDM haqqında danışmadı və balıqçılar gözləyir.\n"
)
RUSSIAN = (
    "Новый корабль\n\nКомпания строит новый корабль рядом со старым мостом, и рабочие знают, почему он опаздывает.\n"
)


@pytest.fixture
def index(make_index: Callable[..., Index]) -> Index:
    return make_index({"az.txt": AZERBAIJANI, "ru.txt": RUSSIAN})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Niye gemi gecikir ve korpunun yaninda ne tikilir?", "Niyə gəmi gecikir və körpünün yanında ne tikilir?"),
        ("sirketi niye gozleyir, isciler haqqinda nece?", "şirkəti niyə gözləyir, işçilər haqqında nece?"),
        ("Insaatcilar niye UDM haqqinda danismadi?", "İnşaatçılar niyə ÜDM haqqında danışmadı?"),
        # Another ending: the beginning has its letters, the ending stays as typed. Two letters for one are known, too.
        ("Baliqcilarin haqqinda niye danismadi?", "Balıqçılarin haqqında niyə danışmadı?"),
        ("shirketi niye gozleyir?", "şirkəti niyə gözləyir?"),
    ],
)
def test_words_that_the_passages_know(index: Index, typed: str, meant: str) -> None:
    assert restore_letters(typed, index) == meant
    assert restore_letters(meant, index) == meant


@pytest.mark.parametrize(
    "question",
    [
        "Niyə gemi gecikir?",  # has letters: it is typed as meant
        "Why is the ship late, and who told the workers?",
        "почему опаздывает корабль?",
        "2024",
        "",
        " ".join(f"gemi{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(80)),
    ],
)
def test_questions_that_stay_as_they_are(index: Index, question: str) -> None:
    assert restore_letters(question, index) == question


def test_without_passages_in_these_languages_nothing_is_known(make_index: Callable[..., Index]) -> None:
    question = "Niye gemi gecikir ve korpunun yaninda ne tikilir?"
    assert restore_letters(question, make_index({"ru.txt": RUSSIAN})) == question


def test_vectors_and_words_are_searched_by_the_restored_question(index: Index) -> None:
    typed, meant = "shirketi niye gozleyir?", "şirkəti niyə gözləyir?"
    retriever = HybridRetriever(index)
    ranking = retriever.rank(meant, k=5)
    assert restore_letters(typed, index) == meant
    assert retriever.rank(typed, k=5) == ranking
    assert ranking.lexical
