"""Questions that lean on those before them, in four languages, and those that stand by themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.retrieval import in_conversation
from eval.sets import Query, RetrievalSet
from index.folder import Index
from rag.assistant import Assistant
from rag.follow_up import leans_on_earlier, stand_alone


@pytest.mark.parametrize(
    "question",
    [
        "and when?", "Why?", "how many?", "and in Turkey?", "What about the ferry?", "what did he say?",
        "Where does she live now?", "Is it open on Sundays?", "which one is older?", "I meant the north pier",
        "Sorry, I meant the one in Baku", "When were those built and by which company exactly?", "?", "",
        "və nə vaxt?", "Niyə?", "bəs Türkiyədə?", "o nə dedi?", "Onun atası kimdir?", "neçə nəfər?", "bes Turkiyede?",
        "Yəni köhnə körpünü deyirəm",
        "а когда?", "Почему?", "а в Турции?", "что он сказал?", "Сколько им лет?", "Я имею в виду старый мост",
        "neden?", "peki kaç kişi?",
    ],
)  # fmt: skip
def test_it_leans_on_what_was_asked_before(question: str) -> None:
    assert leans_on_earlier(question)


@pytest.mark.parametrize(
    "question",
    [
        "Who closed the old pier?", "How many people took the night train?", "What happened in Baku this year?",
        "Is it true that the lamp of Sarıqaya burns again?", "Who is the man that opened the bridge?",
        "Bu il neçə oxucu kitabxanaya gəlib?", "Körpü niyə bağlandı?", "Kim Bakıya gəldi?",
        "Почему закрыли старый мост?", "Сколько стоила ветровая станция?", "В каком году открыли порт?",
        "Bu yıl kaç kişi geldi?",
    ],
)  # fmt: skip
def test_it_stands_by_itself(question: str) -> None:
    assert not leans_on_earlier(question)
    assert stand_alone(question, ["Who leads Armenia?"]) == question


@pytest.mark.parametrize(
    ("earlier", "question", "understood"),
    [
        (["Why did the mayor of Gəncə resign?"], "and when?", "mayor of Gəncə resign — and when?"),
        (["Körpü niyə bağlandı?"], "bəs nə vaxt?", "Körpü bağlandı — bəs nə vaxt?"),
        (["Сколько стоил новый порт?"], "а кто его построил?", "стоил новый порт — а кто его построил?"),
        (
            ["Who built the north pier?", "and when?"],
            "why there?",
            "built the north pier — and — why there?",
        ),
        (["Who built the pier?", "Who leads Armenia?"], "since when?", "leads Armenia — since when?"),
        (["why?"], "and when?", "and when?"),
        ([], "and when?", "and when?"),
    ],
)
def test_how_it_is_understood(earlier: list[str], question: str, understood: str) -> None:
    assert stand_alone(question, earlier) == understood


@given(st.lists(st.text()), st.text())
def test_a_question_keeps_its_own_words(earlier: list[str], question: str) -> None:
    assert stand_alone(question, earlier).endswith(question.strip())


def test_a_conversation_finds_what_the_question_alone_does_not(make_index: Callable[..., Index]) -> None:
    index = make_index(
        {f"{name}.txt": f"The {name} was built by the city in {year}.\n" for name, year in
         (("pier", 1902), ("lighthouse", 1931), ("library", 1958), ("station", 1967), ("bridge", 1974))}
    )  # fmt: skip
    told: list[str] = []
    assistant = Assistant(index, report=told.append)
    [hit] = assistant.search("and when was it built?", k=1, earlier=["Who paid for the lighthouse?"])
    assert hit.passage.source_path == "lighthouse.txt"
    assert told == ["understood as: paid for the lighthouse — and when was it built?"]


def test_a_set_is_asked_in_conversation() -> None:
    queries = (Query("a", "and when?", "en", ("Who built the pier?",)), Query("b", "Who built the pier?", "en"))
    made = in_conversation(RetrievalSet("s", (), queries, {}, ""))
    assert [query.text for query in made.queries] == ["built the pier — and when?", "Who built the pier?"]
