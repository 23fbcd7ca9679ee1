"""Keeping to articles that appeared somewhere: what is found is what is found of everything, cut to what fits."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.embed import HashingEmbedder
from index.errors import SettingsError
from index.folder import Filters, Index
from index.ingest import ingest
from rag.assistant import Assistant
from tests.browsing import always

OUTLETS = ["Liman", "The Pier", "Пристань", "İskele", ""]
QUESTION = "which boat left the pier with the green lamp?"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory):
    files, folder = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("outlets") / "news.index"
    for name in ("a.jsonl", "b.jsonl"):  # each file has articles of every outlet
        rows = [
            {
                "title": f"Day {name[0]} {n}",
                "text": f"On day {n} the boat {name[0]}{n} left the pier. " * (1 + n % 4)
                + "Its lamp is green. " * (n % 3),
                "outlet": OUTLETS[n % len(OUTLETS)],
                "date": f"2024-05-{1 + n:02}",
            }
            for n in range(15)
        ]
        (files / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert ingest([files], folder, embedder=HashingEmbedder()).failures == []
    with Index.open(folder) as index:
        index.use_embedder(HashingEmbedder())
        yield index


def outlet_of(index: Index, key: int) -> str:
    return index.document(index.passages([key])[key].passage.document_id).outlet


@given(
    outlets=st.sets(st.sampled_from(OUTLETS[:-1]), min_size=1),
    k=st.integers(1, 40),
    since=st.sampled_from(["", "2024-05-08"]),
    sources=st.sampled_from([frozenset(), frozenset({"a.jsonl"})]),
)
def test_a_filtered_search_is_a_whole_one_cut_to_what_fits(index: Index, outlets, k, since, sources) -> None:
    vector = index.embedder.embed_query(QUESTION)
    searches = SimpleNamespace(
        dense=lambda filters, k: index.search_dense(vector, k=k, filters=filters),
        lexical=lambda filters, k: index.search_lexical(QUESTION, k=k, filters=filters),
    )
    for search, score in ((searches.dense, "score"), (searches.lexical, "share")):
        everything = search(Filters(since=since, sources=sources), 99)
        fits = [hit for hit in everything if outlet_of(index, hit.key) in outlets]
        assert fits
        found = search(Filters(since=since, sources=sources, outlets=frozenset(outlets)), k)
        # Of passages that match equally well any may be the last; scores are rounded.
        scores = [getattr(hit, score) for hit in fits[:k]]
        assert [getattr(hit, score) for hit in found] == pytest.approx(scores, abs=2e-6)
        assert {hit.key for hit in found} <= {hit.key for hit in fits}


def test_the_extent_is_that_of_the_outlets(index: Index) -> None:
    assert index.extent(Filters(outlets=frozenset({"Liman"}))).articles == 6
    assert index.extent(Filters(outlets=frozenset({"Liman", "Пристань"}), since="2024-05-08")).articles == 6


def test_an_outlet_is_named_in_any_case(index: Index) -> None:
    for name, same in (("the pier", "The Pier"), ("ПРИСТАНЬ", "Пристань"), ("İSKELE", "İskele")):
        keys = index.catalog.keys_where("", "", (), {name})
        assert np.array_equal(keys, index.catalog.keys_where("", "", (), {same}))
        assert {outlet_of(index, key) for key in keys.tolist()} == {same}
    assert index.catalog.outlets() == sorted(OUTLETS[:-1])


def test_an_assistant_keeps_to_an_outlet_and_tells_of_one_that_is_not_there(index: Index, tmp_path: Path) -> None:
    assistant = Assistant(index, calibration=always(0.0))
    hits = assistant.search(QUESTION, outlets=["liman"])
    assert {index.document(hit.passage.document_id).outlet for hit in hits} == {"Liman"}
    reply = assistant.ask(QUESTION, outlets=["Liman"])
    assert reply.searched.extent.articles == 6
    assert reply.receipt().to_document()["searched"]["outlets"] == ["Liman"]
    assert "- Only: Liman\n" in reply.receipt().to_markdown()
    with pytest.raises(SettingsError, match=r"--outlet Lyman: no article .* dragoman sources"):
        assistant.search(QUESTION, outlets=["Lyman"])
