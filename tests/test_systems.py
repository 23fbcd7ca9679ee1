from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.baselines import RankFusionRetriever, fuse_reciprocal_rank
from eval.compare import holm
from eval.embeddings import CachedEmbedder
from eval.retrieval import index_corpus, run_system
from eval.runs import Run
from eval.sets import CorpusDocument, Query, RetrievalSet
from eval.systems import ABLATIONS, SYSTEMS, make_system
from eval.table import table
from index.embed import EmbeddedPassage, Embedder, EmbedderIdentity, Floats, HashingEmbedder
from index.errors import DataSetError, SettingsError
from index.folder import Filters, Index
from index.passages import searched_text
from index.tokens import TokenCodec, TokenVectors

DOCUMENTS = {
    "gas": "The gas pipeline to Georgia was closed for repairs in March, officials of the ministry said on Monday.",
    "train": "The night train from Baku to Tbilisi departs at 22:40 and arrives in the morning, the railway said.",
    "chess": "The chess club of Sheki won the cup for the third time after a long final game against Ganja.",
    "поезд": "Ночной поезд из Баку в Тбилиси отправляется в 22:40 и прибывает утром, сообщили в ведомстве.",
    "wind": "Strong wind closed the port of Baku; ferries wait, and the ministry asks travellers for patience.",
}
QUESTIONS = {
    "q1": ("when does the night train from Baku depart", {"train": 1, "поезд": 1}),
    "q2": ("who won the chess cup", {"chess": 1}),
    "q3": ("why is the gas pipeline closed", {"gas": 1}),
    "q4": ("port of Baku closed by wind", {"wind": 1}),
}


class CountingEmbedder:
    """A HashingEmbedder that remembers what it was asked."""

    def __init__(self, *, name: str = "hashing", fail_after: int = 10**9) -> None:
        self._inner = HashingEmbedder()
        self.identity = EmbedderIdentity(name, "hashing-1", 64, "", "")
        self.asked: list[str] = []
        self.fail_after = fail_after

    def embed_passages(self, texts: list[str]) -> Iterator[Floats]:
        for text in texts:
            if len(self.asked) >= self.fail_after:
                raise KeyboardInterrupt
            self.asked.append(text)
            yield self._inner.embed_query(text)

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        for text, vector in zip(texts, self.embed_passages(texts), strict=True):
            yield EmbeddedPassage(vector, codec.pack(self._inner.query_tokens(text)))

    def embed_query(self, text: str) -> Floats:
        self.asked.append(f"query: {text}")
        return self._inner.embed_query(f"q {text}")

    def query_tokens(self, text: str) -> TokenVectors:
        return self._inner.query_tokens(text)

    def passage_tokens(self, texts: list[str]) -> list[TokenVectors]:
        return self._inner.passage_tokens(texts)

    def count_tokens(self, texts: list[str]) -> list[int]:
        return self._inner.count_tokens(texts)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRAGOMAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


RIGHT = {"q1": "train", "q2": "chess", "q3": "gas", "q4": "wind"}


def best_of(run: Run) -> dict[str, str]:
    return {query: max(scores, key=lambda id_: scores[id_]) for query, scores in run.items()}


@pytest.fixture
def small_set() -> RetrievalSet:
    return RetrievalSet(
        "small",
        tuple(CorpusDocument(id_, "", text) for id_, text in DOCUMENTS.items()),
        tuple(Query(id_, text) for id_, (text, _) in QUESTIONS.items()),
        {id_: dict(grades) for id_, (_, grades) in QUESTIONS.items()},
        "5e7" * 20,
    )


@pytest.fixture
def index(small_set: RetrievalSet, hashing: Embedder) -> Iterator[Index]:
    with Index.open(index_corpus(small_set, hashing)) as opened:
        opened.use_embedder(hashing)
        yield opened


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_finds_the_document_that_shares_its_words(
    name: str, small_set: RetrievalSet, index: Index
) -> None:
    run = run_system(small_set, make_system(name, index))
    assert best_of(run) == RIGHT


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_keeps_to_filters_and_k(name: str, index: Index) -> None:
    system = make_system(name, index)
    hits = system.retrieve("train Baku Баку поезд", k=5, filters=Filters(frozenset({"ru"})))
    assert [hit.passage.source_path for hit in hits] == ["поезд"]
    assert system.retrieve("train Baku", k=5, filters=Filters(since="2020-01-01")) == []  # none of them is dated
    assert len(system.retrieve("the ministry of Baku", k=2)) <= 2


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_finds_nothing_in_nothing(name: str, hashing: Embedder) -> None:
    empty = RetrievalSet("empty", (), (), {}, "0" * 64)
    with Index.open(index_corpus(empty, hashing)) as index:
        index.use_embedder(hashing)
        assert make_system(name, index).retrieve("anything", k=3) == []


def test_an_unknown_system_is_named(index: Index) -> None:
    with pytest.raises(SettingsError, match="no system 'best'; choose one of full, fused, dense"):
        make_system("best", index)


def test_plain_dense_and_langchain_rank_as_a_numpy_product(index: Index, hashing: Embedder) -> None:
    stored = list(index.catalog.added_since(0))
    exact = np.array(list(hashing.embed_passages([searched_text(each.passage) for each in stored])))
    for question, _ in QUESTIONS.values():
        cosines = exact @ hashing.embed_query(question)
        want = {each.passage.id: float(cosine) for cosine, each in zip(cosines, stored, strict=True)}
        for name, apart in (("dense-plain", 1e-3), ("langchain-faiss", 2e-6)):  # float16 and float32
            found = make_system(name, index).retrieve(question, k=len(stored))
            assert {hit.passage.id: hit.score for hit in found} == pytest.approx(want, abs=apart)
            assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_bm25_gives_nothing_for_words_that_nobody_wrote(index: Index) -> None:
    assert make_system("bm25", index).retrieve("qwertyuiop", k=3) == []
    assert make_system("bm25", index).retrieve("?!", k=3) == []
    assert [hit.passage.source_path for hit in make_system("bm25", index).retrieve("CHESS", k=3)] == ["chess"]


def test_bm25_is_lucenes_formula(index: Index) -> None:
    texts = [searched_text(each.passage).lower() for each in index.catalog.added_since(0)]
    words = [re.findall(r"\b\w\w+\b", text) for text in texts]
    average = sum(map(len, words)) / len(words)
    holding = [text for text in words if "chess" in text]
    idf = np.log(1 + (len(words) - len(holding) + 0.5) / (len(holding) + 0.5))
    want = idf * 1 / (1 + 1.5 * (1 - 0.75 + 0.75 * len(holding[0]) / average))
    [hit] = make_system("bm25", index).retrieve("chess", k=3)
    assert hit.score == pytest.approx(want, abs=1e-5)


def test_reciprocal_rank_fusion_by_hand(index: Index) -> None:
    fused = fuse_reciprocal_rank([["a", "b", "c"], ["c", "d"]], damping=60)
    assert fused == pytest.approx({"a": 1 / 61, "b": 1 / 62, "c": 1 / 63 + 1 / 61, "d": 1 / 62}, abs=1e-15)
    rankings = [["a", "b", "c"], ["c", "a"], ["b", "d"]]
    assert fuse_reciprocal_rank(rankings, 60) == fuse_reciprocal_rank(rankings[::-1], 60)
    parts = (make_system("bm25", index), make_system("dense-plain", index))
    one, other = RankFusionRetriever(parts), RankFusionRetriever(parts[::-1])
    for question, _ in QUESTIONS.values():
        assert one.retrieve(question, k=5) == other.retrieve(question, k=5)


def test_a_cached_embedder_gives_the_same_bits_and_asks_once(tmp_path: Path) -> None:
    texts = ["one", "two", "one", "üç", "two", ""]
    inner, plain = CountingEmbedder(), CountingEmbedder()
    want = [vector.tobytes() for vector in plain.embed_passages(texts)]
    with CachedEmbedder(inner, file=tmp_path / "e.sqlite") as cached:
        assert [vector.tobytes() for vector in cached.embed_passages(texts)] == want
        assert cached.embed_query("one").tobytes() == plain.embed_query("one").tobytes()
        assert cached.embed_query("one").tobytes() == plain.embed_query("one").tobytes()
        assert inner.asked == ["one", "two", "üç", "", "query: one"]  # a query is not a passage
    with CachedEmbedder(inner, file=tmp_path / "e.sqlite") as again:
        vectors = list(again.embed_passages([*texts, "four"]))
        assert [vector.tobytes() for vector in vectors[:-1]] == want
        assert {vector.dtype for vector in vectors} == {np.dtype(np.float32)}
        assert inner.asked[5:] == ["four"]


def test_queries_are_embedded_each_time_they_are_asked_where_their_latency_counts(tmp_path: Path) -> None:
    inner, plain = CountingEmbedder(), CountingEmbedder()
    with CachedEmbedder(inner, file=tmp_path / "e.sqlite") as cached:
        cached.embed_query("one")  # now it is in the file
    with CachedEmbedder(inner, file=tmp_path / "e.sqlite", cache_queries=False) as cached:
        for _ in range(2):
            assert cached.embed_query("one").tobytes() == plain.embed_query("one").tobytes()
            list(cached.embed_passages(["two"]))
    assert inner.asked == ["query: one", "query: one", "two", "query: one"]


def test_another_model_does_not_meet_the_vectors_of_the_first(tmp_path: Path) -> None:
    file = tmp_path / "e.sqlite"
    with CachedEmbedder(CountingEmbedder(), file=file) as first:
        list(first.embed_passages(["one"]))
    other = CountingEmbedder(name="other")
    with CachedEmbedder(other, file=file) as second:
        list(second.embed_passages(["one"]))
    assert other.asked == ["one"]


def test_what_was_embedded_before_an_interrupt_is_kept(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(100)]
    first = CountingEmbedder(fail_after=70)
    with CachedEmbedder(first, file=tmp_path / "e.sqlite") as cached, pytest.raises(KeyboardInterrupt):
        list(cached.embed_passages(texts))
    second = CountingEmbedder()
    with CachedEmbedder(second, file=tmp_path / "e.sqlite") as cached:
        assert len(list(cached.embed_passages(texts))) == 100
    assert second.asked == texts[70:]


def test_a_file_that_is_no_cache_is_made_again(tmp_path: Path) -> None:
    file = tmp_path / "e.sqlite"
    file.write_bytes(b"not a database" * 100)
    with CachedEmbedder(CountingEmbedder(), file=file) as cached:
        assert len(list(cached.embed_passages(["one"]))) == 1
    assert sqlite3.connect(file).execute("SELECT count(*) FROM vectors").fetchone() == (1,)


def test_an_index_that_is_gone_is_made_again_without_embedding(small_set: RetrievalSet, own_cache: Path) -> None:
    inner = CountingEmbedder()
    with CachedEmbedder(inner) as cached:
        folder = index_corpus(small_set, cached)
        with Index.open(folder) as index:
            index.use_embedder(cached)
            first = run_system(small_set, make_system("full", index))
        asked = list(inner.asked)
        shutil.rmtree(folder)
        with Index.open(index_corpus(small_set, cached)) as index:
            index.use_embedder(cached)
            assert run_system(small_set, make_system("full", index)) == first
    assert inner.asked == asked


def test_an_index_of_older_code_is_not_measured(
    small_set: RetrievalSet, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = index_corpus(small_set, hashing)
    assert index_corpus(small_set, hashing) == folder
    monkeypatch.setattr("eval.retrieval._code_sha256", lambda: "older")
    assert index_corpus(small_set, hashing) != folder


def test_the_table_holds_every_system_and_set(small_set: RetrievalSet, hashing: Embedder) -> None:
    harder = replace(small_set, name="harder", qrels={**small_set.qrels, "q2": {"wind": 1}})
    heard: list[tuple[str, str, int]] = []
    made = table(
        [small_set, harder],
        hashing,
        systems=("bm25", "dense"),
        on_query=lambda set_name, system, done: heard.append((set_name, system, done)),
    )
    assert [(row.system, row.measure) for row in made.rows] == [
        ("bm25", "nDCG@10"),
        ("dense", "nDCG@10"),
        ("bm25", "R@10"),
        ("dense", "R@10"),
    ]
    first = made.rows[0]
    assert first.worst.set_name == "harder"
    assert first.macro.value == pytest.approx((first.by_set["small"].value + first.by_set["harder"].value) / 2)
    assert first.macro.n == 8
    assert first.by_set["small"].n == 4
    assert heard[-1] == ("harder", "dense", 4)
    text = made.to_markdown()
    assert "| nDCG@10 | n | bm25 | dense |" in text
    assert "| worst set | |" in text and " harder |" in text
    with pytest.raises(DataSetError, match="two sets are called 'small'"):
        table([small_set, small_set], hashing, systems=("bm25",))


def test_the_table_tests_one_system_against_the_others(small_set: RetrievalSet, hashing: Embedder) -> None:
    harder = replace(small_set, name="harder", qrels={**small_set.qrels, "q2": {"wind": 1}})
    made = table([small_set, harder], hashing, systems=("bm25", "dense", "rrf"), tested="bm25")
    by_row = {(row.system, row.measure): row.by_set for row in made.rows}
    of_first = [each for each in made.tests if each.test.measure == "nDCG@10"]
    assert [(each.less, each.test.set_name) for each in of_first] == [
        ("dense", "small"),
        ("rrf", "small"),
        ("dense", "harder"),
        ("rrf", "harder"),
    ]
    for each in of_first:
        mean = (
            by_row["bm25", "nDCG@10"][each.test.set_name].value - by_row[each.less, "nDCG@10"][each.test.set_name].value
        )
        assert each.test.difference.value == pytest.approx(mean)
    assert [each.p_holm for each in of_first] == holm([each.test.p for each in of_first])
    assert "| set | less dense | less rrf |" in made.to_markdown()
    with pytest.raises(SettingsError, match="'full' is to be tested and is none of the systems"):
        table([small_set], hashing, systems=("bm25",), tested="full")


@pytest.mark.parametrize("part", ABLATIONS)
def test_without_a_part_the_document_that_shares_its_words_is_found(
    part: str, small_set: RetrievalSet, index: Index
) -> None:
    run = run_system(small_set, make_system(part, index))
    assert best_of(run) == RIGHT


def test_each_part_that_is_left_out_is_gone(index: Index) -> None:
    question = "Which train carries chess players?"
    whole = make_system("without-rerank", index).rank(question, k=5)
    assert whole.late == {} and whole.dense and any(whole.lexical.values())
    assert make_system("without-words", index).rank(question, k=5).lexical == {}
    assert set(make_system("without-vectors", index).rank(question, k=5).dense.values()) == {0.0}
    plain = {each.passage.id: each.score for each in make_system("dense-plain", index).retrieve(question, k=100)}
    keys = index.catalog.passage_keys(plain)
    found = make_system("without-centring", index).rank(question, k=5).dense
    assert found == {keys[id_]: plain[id_] for id_ in plain if keys[id_] in found}
    assert found != whole.dense


def test_without_names_a_country_is_not_looked_for_in_other_languages(hashing: Embedder) -> None:
    texts = {"ru": "Грузия закрыла границу для грузовиков до весны, сообщил министр.", "en": "The chess club met."}
    corpus = tuple(CorpusDocument(id_, "", text) for id_, text in texts.items())
    of_names = RetrievalSet("names", corpus, (Query("q", "Georgia"),), {"q": {"ru": 1}}, "7e5" * 20)
    with Index.open(index_corpus(of_names, hashing)) as opened:
        opened.use_embedder(hashing)
        assert any(make_system("without-rerank", opened).rank("Georgia", k=5).lexical.values())
        assert not any(make_system("without-names", opened).rank("Georgia", k=5).lexical.values())
