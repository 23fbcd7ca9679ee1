"""Words in quotes that must stand in a passage, and keeping to files and folders, as a caller asks for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from index.errors import SettingsError
from index.folder import Index
from index.lexical import holds, parse_query
from rag.assistant import Assistant
from rag.reply import Abstention

FILES = {
    "harbour/a.txt": "The pier\n\nThe keeper said that the boats are ready and went home with his dog.\n",
    "harbour/b.txt": "The boats\n\nBoats that are not yet ready lie in the harbour, and the keeper went for a walk.\n",
    "valley/c.txt": "Лодки\n\nСмотритель сказал, что лодки готовы, и ушёл домой вместе с собакой.\n",
}
QUESTION = 'who said that "the boats are ready"?'


@pytest.fixture
def assistant(make_index: Callable[..., Index]) -> Assistant:
    return Assistant(make_index(FILES))


def sources(hits: list) -> set[str]:
    return {hit.passage.source_path for hit in hits}


def test_words_in_quotes_filter_only_if_asked_to(assistant: Assistant) -> None:
    assert sources(assistant.search(QUESTION)) == set(FILES)
    found = assistant.search(QUESTION, exact=True)
    assert sources(found) == {"harbour/a.txt"}
    assert all(holds(parse_query(QUESTION).phrases, hit.passage) for hit in found)
    assert sources(assistant.search("«ЛОДКИ готовы»", exact=True)) == {"valley/c.txt"}


def test_an_answer_keeps_to_them_and_the_explanation_tells_them(assistant: Assistant) -> None:
    assert sources(list(assistant.draft(QUESTION, exact=True).evidence)) == {"harbour/a.txt"}
    explanation = assistant.explain(QUESTION, exact=True)
    assert [phrase.text for phrase in explanation.filters.phrases] == ["the boats are ready"]
    assert sources([each.hit for each in explanation.hits]) == {"harbour/a.txt"}
    reply = assistant.ask('"ready boats"', exact=True)
    assert isinstance(reply, Abstention)
    assert reply.reason == "There is no passage under these filters to answer from."


@pytest.mark.parametrize("question", ["who said that the boats are ready?", 'a "lone mark', 'a 5" pipe'])
def test_exact_without_words_in_quotes_is_an_error(assistant: Assistant, question: str) -> None:
    with pytest.raises(SettingsError, match="--exact: the question has no words in quotes; put quotes around"):
        assistant.search(question, exact=True)


def test_keeping_to_files_and_folders(assistant: Assistant) -> None:
    assert sources(assistant.search(QUESTION, sources=["harbour"])) == {"harbour/a.txt", "harbour/b.txt"}
    assert sources(assistant.search(QUESTION, sources=["harbour/b.txt", "valley/"])) == {
        "harbour/b.txt",
        "valley/c.txt",
    }


@pytest.mark.parametrize("path", ["harb", "a.txt", "docs/harbour", ""])
def test_a_path_that_is_not_there_is_an_error(assistant: Assistant, path: str) -> None:
    with pytest.raises(SettingsError, match=f"--source {path}: no file or folder of that name in this index; list"):
        assistant.search(QUESTION, sources=["valley", path])


def test_a_wish_that_is_none_is_an_error(assistant: Assistant) -> None:
    with pytest.raises(TypeError, match="until_when"):
        assistant.search(QUESTION, until_when="2024-01-01")  # pyright: ignore[reportCallIssue]
