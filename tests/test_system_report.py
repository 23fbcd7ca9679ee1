"""The figures of `eval run`, on documents few enough to count by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.embeddings import CachedEmbedder
from eval.measures import MEASURES
from eval.retrieval import rank_queries
from eval.sets import CorpusDocument, Query, RetrievalSet
from eval.system_report import SystemReport, measure_system
from index.embed import Embedder
from index.folder import Filters
from index.values import Passage, ScoredPassage, Span, Spelling

DOCUMENTS = {
    "ferry": "The ferry to Turkmenbashi leaves the harbour when it is full, and nobody knows the hour before.",
    "ferry copy": "The ferry to Turkmenbashi leaves the harbour when it is full and nobody knows the hour before!",
    "bees": "The beekeepers of Qusar lost a third of their hives to the late frost, their union said on Friday.",
    "паром": "Паром в Туркменбаши отходит из гавани, когда он полон, и часа отплытия не знает заранее никто.",
}
QUERIES = {
    "q1": ("when does the ferry to Turkmenbashi leave the harbour", {"ferry": 2, "паром": 1}),
    "q2": ("beekeepers lost hives to frost", {"bees": 1}),
    "q3": ("паром в Туркменбаши", {"паром": 1, "ferry": 0}),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def harbour() -> RetrievalSet:
    return RetrievalSet(
        "harbour",
        tuple(CorpusDocument(id_, "", text) for id_, text in DOCUMENTS.items()),
        tuple(Query(id_, text) for id_, (text, _) in QUERIES.items()),
        {id_: dict(grades) for id_, (_, grades) in QUERIES.items()},
        "ab" * 32,
    )


@pytest.fixture
def cached(hashing: Embedder) -> Iterator[CachedEmbedder]:
    with CachedEmbedder(hashing, cache_queries=False) as embedder:
        yield embedder


def values(report: SystemReport) -> dict[str, float]:
    return {figure.name: figure.value for figure in report.figures}


def test_the_measures_of_the_field_come_first_and_all_figures_are_signed(
    harbour: RetrievalSet, cached: CachedEmbedder
) -> None:
    report = measure_system(harbour, "full", cached)
    assert [figure.name for figure in report.figures] == [
        *(str(measure) for measure in MEASURES),
        "nDCG@10 perfectly reranked",
        "R within 1000 tokens",
        "duplicates@10",
        "lang en@10",
        "lang ru@10",
        "index recall@10",
        "latency p50 s",
        "latency p95 s",
        "peak memory MB",
        "passages/s",
    ]
    assert {figure.signature for figure in report.figures} == {report.figures[0].signature}
    assert f"data:{harbour.sha256[:12]}|model:hashing" in report.figures[0].signature
    assert {figure.name: figure.n for figure in report.figures if figure.n != len(QUERIES)} == {
        "peak memory MB": 1,
        "passages/s": 1,
    }
    assert all(figure.low <= figure.value <= figure.high for figure in report.figures)
    document = json.loads(report.to_json())
    assert (document["set"], document["system"], len(document["figures"])) == ("harbour", "full", 17)


def test_pairs_of_languages_are_shown_when_there_are_several(harbour: RetrievalSet, cached: CachedEmbedder) -> None:
    report = measure_system(harbour, "bm25", cached)
    assert {pair: row[0].n for pair, row in report.pairs.by_pair.items()} == {"en→en": 2, "en→ru": 1, "ru→ru": 1}
    document = json.loads(report.to_json())
    assert list(document) == ["set", "system", "figures", "pairs", "macro", "worst"]
    recall = [str(measure) for measure in MEASURES].index("R@10")
    assert {pair: row[recall]["value"] for pair, row in document["pairs"].items()} == {
        "en→en": 1.0,
        "en→ru": 0.0,
        "ru→ru": 1.0,
    }
    lines = report.to_text().splitlines()
    assert [line.split()[0] for line in lines[-7:-1]] == ["pair", "en→en", "en→ru", "ru→ru", "macro", "worst"]
    assert lines[-2].split()[:3] == ["worst", "0.000", "en→ru"]
    assert lines[-1] == report.figures[0].signature
    one = RetrievalSet("one", harbour.corpus, harbour.queries, {"q2": {"bees": 1}}, harbour.sha256)
    assert "pair" not in measure_system(one, "bm25", cached).to_text()


def test_figures_are_those_that_can_be_counted_by_hand(harbour: RetrievalSet, cached: CachedEmbedder) -> None:
    """Dense search gives all four passages to every query, so their order does not matter here."""
    found = values(measure_system(harbour, "dense", cached))
    assert found["nDCG@10 perfectly reranked"] == 1.0
    assert found["R within 1000 tokens"] == 1.0
    assert found["duplicates@10"] == 1 / 4
    assert (found["lang en@10"], found["lang ru@10"]) == (3 / 4, 1 / 4)
    assert found["index recall@10"] == 1.0


def test_what_was_not_found_bounds_the_reranker_and_the_budget(harbour: RetrievalSet, cached: CachedEmbedder) -> None:
    """Word BM25 finds no Russian document for an English question: q1 reaches a part, the others all."""
    report = measure_system(harbour, "bm25", cached)
    found = values(report)
    reached, best = 2, 2 + 1 / math.log2(3)
    assert found["nDCG@10 perfectly reranked"] == pytest.approx((reached / best + 1 + 1) / 3)
    assert found["R within 1000 tokens"] == pytest.approx((1 / 2 + 1 + 1) / 3)
    assert report.run["q3"].keys() == {"паром"}
    assert "index recall@10" not in found  # it searches no dense index


def test_recall_within_tokens_stops_where_the_next_passage_does_not_fit(
    harbour: RetrievalSet, cached: CachedEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = max(cached.count_tokens(list(DOCUMENTS.values())))
    monkeypatch.setattr("eval.system_report.TOKEN_BUDGET", longest)  # room for one passage, never for two
    report = measure_system(harbour, "bm25", cached)
    assert values(report)["R within " + str(longest) + " tokens"] == pytest.approx((1 / 2 + 1 + 1) / 3)
    monkeypatch.setattr("eval.system_report.TOKEN_BUDGET", 3)
    assert values(measure_system(harbour, "bm25", cached))["R within 3 tokens"] == 0.0


def test_the_speed_of_a_cache_is_not_reported(harbour: RetrievalSet, hashing: Embedder, tmp_path: Path) -> None:
    with CachedEmbedder(hashing, cache_queries=False) as embedder:
        first = measure_system(harbour, "full", embedder)
    with CachedEmbedder(hashing, cache_queries=False) as embedder:
        again = measure_system(harbour, "full", embedder)  # from the index of the first
    part = RetrievalSet(harbour.name, harbour.corpus[1:], harbour.queries, {"q2": {"bees": 1}}, harbour.sha256)
    with CachedEmbedder(hashing, cache_queries=False) as embedder:
        fewer = measure_system(part, "full", embedder)  # another index, of embeddings that are kept
        assert (embedder.passages_made, embedder.passages_found) == (0, 3)
    assert values(first)["passages/s"] > 0
    assert "passages/s" not in values(again) | values(fewer)
    assert again.run == first.run
    timed = ("latency", "peak", "passages/s")
    assert [f for f in again.figures if not f.name.startswith(timed)] == [
        f for f in first.figures if not f.name.startswith(timed)
    ]


def test_a_ranking_holds_documents_passages_and_the_time_they_took(harbour: RetrievalSet) -> None:
    def passage(document: str, start: int) -> Passage:
        id_ = f"{document}:{start}-{start + 4}"
        return Passage(id_, document, document, Span(start, start + 4), "text", "text", Spelling.PLAIN, "en", "", "")

    class Fixed:
        def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]:
            ranked = [passage("bees", 0), passage("ferry", 5), passage("bees", 5)]
            return [ScoredPassage(each, 1.0 - place / 10, 0.0, 0.0) for place, each in enumerate(ranked)]

    ticks = iter(range(100))
    rankings = rank_queries(harbour, Fixed(), clock=lambda: float(next(ticks)))
    assert list(rankings) == ["q1", "q2", "q3"]
    for ranking in rankings.values():
        assert ranking.documents == {"bees": 1.0, "ferry": 0.9}
        assert [each.id for each in ranking.passages] == ["bees:0-4", "ferry:5-9", "bees:5-9"]
        assert ranking.seconds == 1.0
    assert rankings["q1"].passages[0] is rankings["q2"].passages[0]
