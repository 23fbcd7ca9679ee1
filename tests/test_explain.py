"""An explanation says of each passage what every step made of it, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields

import pytest

from index.errors import SettingsError
from index.folder import Filters, Index
from index.lexical import parse_query
from rag.assistant import Assistant
from rag.explain import Explanation, Standing
from rag.retrieve import DenseRetriever, HybridRetriever
from ui.cli import show_explanation

FILES = {
    "a.txt": "The pier\n\n5 May 2024\n\nThe keeper of the harbour says that work on the pier goes on.\n",
    "b.txt": "The drought\n\nPrices of apples and pears doubled because of a long drought in the valley of Sarmaz.\n",
    "c.txt": "Gəmilər\n\nGəmilər limanda körpünün tikilməsini gözləyir, gözətçi isə evə getdi və qayıtmadı.\n",
}
QUESTION = "who is the keeper of the harbour pier?"


@pytest.fixture
def index(make_index: Callable[..., Index]) -> Index:
    return make_index(FILES)


def test_the_hits_are_those_of_search(index: Index) -> None:
    assistant = Assistant(index)
    for options in ({}, {"languages": ["en"]}, {"since": "2024-01-01"}, {"recent": True}):
        explanation = assistant.explain(QUESTION, k=2, **options)
        assert [each.hit for each in explanation.hits] == assistant.search(QUESTION, k=2, **options) != []
    read = assistant.explain(QUESTION)
    assert [each.hit for each in read.hits] == list(assistant.draft(QUESTION).evidence)


def test_standings_are_the_places_in_each_ranking(index: Index) -> None:
    ranking = HybridRetriever(index).rank(QUESTION, k=100)
    hits = Assistant(index).explain(QUESTION, k=10).hits
    keys = index.catalog.passage_keys([each.hit.passage.id for each in hits])
    for name, scores in (("dense", ranking.dense), ("lexical", ranking.lexical), ("fused", ranking.fused),
                         ("rerank", ranking.late), ("total", ranking.scores)):  # fmt: skip
        order = sorted(scores, key=lambda key: (-scores[key], key))
        for each in hits:
            key = keys[each.hit.passage.id]
            wanted = Standing(order.index(key) + 1, round(scores[key], 6)) if key in scores else Standing(0, 0.0)
            assert getattr(each, name) == wanted
    assert [each.total.rank for each in hits] == list(range(1, len(hits) + 1))
    assert {each.lexical.rank > 0 for each in hits} == {True, False}


def test_matched_words_are_those_that_the_index_searched(index: Index) -> None:
    hits = Assistant(index).explain(QUESTION, k=10).hits
    terms = {each.hit.passage.source_path: {part.asked for part in each.terms} for each in hits}
    assert terms == {"a.txt": {"the", "keeper", "of", "harbour", "pier"}, "b.txt": {"the", "of"}, "c.txt": set()}
    for each in hits:
        assert sum(part.share for part in each.terms) == pytest.approx(each.lexical.score, abs=1e-5)


def test_a_name_in_another_language_is_told_as_it_was_found(make_index: Callable[..., Index]) -> None:
    index = make_index({"r.txt": "Поезд\n\nПоезд идёт из Германии в горы каждое утро, и в нём почти никого.\n"})
    (hit,) = Assistant(index).explain("trains of Germany", k=1).hits
    assert [(part.asked, part.found_as) for part in hit.terms] == [("Germany", "Германия")]


def test_all_filters_are_told(index: Index) -> None:
    phrases = parse_query('"keeper of the harbour"').phrases
    filters = Filters(
        frozenset({"en"}), "2024-01-01", "2024-12-31", phrases, frozenset({"a.txt"}), frozenset({"Liman"})
    )
    explanation = Explanation(QUESTION, QUESTION, (), (), "", filters, (), False, "", 0, ())
    assert explanation.to_document()["filters"] == {
        "languages": ["en"],
        "since": "2024-01-01",
        "until": "2024-12-31",
        "sources": ["a.txt"],
        "outlets": ["Liman"],
        "phrases": ["keeper of the harbour"],
    }
    assert set(explanation.to_document()["filters"]) == {field.name for field in fields(Filters)}
    shown = show_explanation(explanation).splitlines()[1]
    assert shown == (
        "filters: language en, since 2024-01-01, until 2024-12-31, source a.txt, outlet Liman, "
        "the words “keeper of the harbour”; "
        "0 passages compared"
    )


def test_the_document(index: Index) -> None:
    explanation = Assistant(index).explain(
        "korpunun tikilmesini niye gozleyir", languages=["az", "en"], until="2025-01-01"
    )
    document = json.loads(explanation.to_json())
    assert document["meant"] == "körpünün tikilməsini niye gözləyir"
    assert document["question"] == "korpunun tikilmesini niye gozleyir"
    assert document["filters"]["languages"] == ["az", "en"]
    assert (document["filters"]["since"], document["filters"]["until"]) == ("", "2025-01-01")
    assert (document["periods"], document["recent"], document["candidates"]) == ([], False, 1)
    (hit,) = document["hits"]
    assert (hit["source"], hit["dense"]["rank"], hit["terms"], hit["moves"]) == ("a.txt", 1, [], [])


def test_another_retriever_is_not_explained(index: Index) -> None:
    with pytest.raises(SettingsError, match="DenseRetriever cannot be explained"):
        Assistant(index, retriever=DenseRetriever(index)).explain(QUESTION)
