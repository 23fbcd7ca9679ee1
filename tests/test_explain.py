"""An explanation says of each passage what every step made of it, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from index.errors import SettingsError
from index.folder import Index
from rag.assistant import Assistant
from rag.explain import Standing
from rag.retrieve import DenseRetriever, HybridRetriever

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


def test_terms(index: Index) -> None:
    terms = {each.hit.passage.source_path: each.terms for each in Assistant(index).explain(QUESTION, k=10).hits}
    assert terms == {"a.txt": ("the", "keeper", "of", "harbour", "pier"), "b.txt": ("the", "of"), "c.txt": ()}


def test_the_document(index: Index) -> None:
    explanation = Assistant(index).explain(
        "korpunun tikilmesini niye gozleyir", languages=["az", "en"], until="2025-01-01"
    )
    document = json.loads(explanation.to_json())
    assert document["meant"] == "körpünün tikilməsini niye gözləyir"
    assert document["question"] == "korpunun tikilmesini niye gozleyir"
    assert document["filters"] == {"languages": ["az", "en"], "since": "", "until": "2025-01-01"}
    assert (document["periods"], document["recent"], document["candidates"]) == ([], False, 1)
    (hit,) = document["hits"]
    assert (hit["source"], hit["dense"]["rank"], hit["terms"], hit["moves"]) == ("a.txt", 1, [], [])


def test_another_retriever_is_not_explained(index: Index) -> None:
    with pytest.raises(SettingsError, match="DenseRetriever cannot be explained"):
        Assistant(index, retriever=DenseRetriever(index)).explain(QUESTION)
