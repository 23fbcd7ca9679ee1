"""The made archive, and what is measured of it: every system has the same passages, and the truth is the truth."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.embeddings import CachedEmbedder
from eval.made import MadeArchive, MadePassage, make_archive
from eval.scale import STORES, ScaleRow, compare_stores, slope
from eval.sets import CorpusDocument, Query, RetrievalSet
from index.embed import Embedder
from index.errors import DataSetError, SettingsError
from ui.scale_command import plot_growth, show_rows, show_slopes

TOWNS = ("Sahilkend", "Narlidere", "Qizilcay", "Akdepe", "Yenice", "Daglar")
STORY = "The lighthouse of {0} was painted in spring. Its keeper {1} has a dog. Ships pass {0} at night. {1} sleeps."


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.retrieval.cache_directory", lambda: tmp_path / "cache")


@pytest.fixture
def towns() -> RetrievalSet:
    corpus = tuple(
        CorpusDocument(f"{town}-{i}", f"{town} {i}", STORY.format(town, f"keeper{i}"))
        for town in TOWNS
        for i in range(5)
    )
    queries = tuple(Query(town, f"Who sleeps in {town}?", "en") for town in TOWNS)
    return RetrievalSet("towns", corpus, queries, {town: {f"{town}-0": 1} for town in TOWNS}, "")


@pytest.fixture
def archive(towns: RetrievalSet, hashing: Embedder, tmp_path: Path) -> Iterator[MadeArchive]:
    with CachedEmbedder(hashing, file=tmp_path / "embeddings.sqlite") as embedder:
        yield make_archive([towns], embedder, count=2500, questions=4)


def all_of(archive: MadeArchive) -> list[MadePassage]:
    return [passage for block in archive.blocks() for passage in block]


def test_passages_are_made_of_real_sentences_and_lie_near_their_parents(archive: MadeArchive) -> None:
    made = all_of(archive)
    assert [passage.number for passage in made] == list(range(2500))
    sentences = {sentence for parent in archive.parents for sentence in parent.sentences}
    parents = np.array([parent.vector for parent in archive.parents])
    for passage in made[::100]:
        left = passage.text
        for sentence in sorted(sentences, key=len, reverse=True):
            left = left.replace(sentence, "")
        assert left.strip() == f"[{passage.number}]"
        assert np.array_equal(passage.vector, passage.vector.astype(np.float16))
        assert abs(np.linalg.norm(passage.vector) - 1) < 1e-3
        assert (parents @ passage.vector).max() > 0.8
        assert len(archive.codec.unpack(passage.tokens)) > 1
    assert len({passage.vector.tobytes() for passage in made}) == len(made)


def test_what_is_saved_makes_the_same_passages(archive: MadeArchive, tmp_path: Path) -> None:
    archive.save(tmp_path)
    again = MadeArchive.load(tmp_path)
    for one, other in zip(all_of(archive), all_of(again), strict=True):
        assert (one.text, one.lang, one.tokens) == (other.text, other.lang, other.tokens)
        assert np.array_equal(one.vector, other.vector)
    for one, other in zip(archive.questions, again.questions, strict=True):
        assert (one.text, one.tokens.tokens) == (other.text, other.tokens.tokens)
        assert np.array_equal(one.vector, other.vector)
        assert np.array_equal(one.tokens.vectors, other.tokens.vectors)


def test_nothing_can_be_made_of_nothing(towns: RetrievalSet, hashing: Embedder) -> None:
    with pytest.raises(DataSetError, match="no passages or no questions"):
        make_archive([], hashing, count=10, questions=1)


def test_exact_systems_find_the_truth(archive: MadeArchive) -> None:
    rows = {row.system: row for row in compare_stores(archive, ["dragoman", "faiss"])}
    assert rows.keys() == {
        "dragoman, vectors alone",
        "dragoman, fused with words",
        "dragoman, and reranked",
        "faiss",
    }
    assert {name: row.recall for name, row in rows.items() if not math.isnan(row.recall)} == {
        "dragoman, vectors alone": pytest.approx(1.0, abs=0.051),  # two of the four times ten may be ties
        "faiss": 1.0,
    }
    assert rows["dragoman, vectors alone"].kind == "exact"
    for row in rows.values():
        assert row.skipped == ""
        assert 0 < row.p50_ms <= row.p95_ms
        assert min(row.build_seconds, row.build_megabytes, row.disk_megabytes, row.search_megabytes, row.cpu_ms) > 0
        assert row.open_seconds > 0 and row.open_megabytes >= 0
    # 2500 vectors of 64 float32, and a little
    assert 0.64 <= rows["faiss"].disk_megabytes < 0.65


@pytest.mark.parametrize("package", ["chromadb", "lancedb"])
def test_a_store_that_is_not_installed_is_skipped(archive: MadeArchive, package: str) -> None:
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed")
    system = {"chromadb": "chroma", "lancedb": "lancedb"}[package]
    (row,) = compare_stores(archive, [system])
    assert row.skipped == f"needs {package}; run: pip install 'dragoman[bench]'"
    assert f"skipped: needs {package}" in show_rows([row])


def test_an_unknown_system_is_refused(archive: MadeArchive) -> None:
    with pytest.raises(SettingsError, match="there is no system 'pinecone'; choose one of dragoman, faiss"):
        compare_stores(archive, [*STORES, "pinecone"])


def test_the_table_shows_what_is_known() -> None:
    faiss = ScaleRow("faiss", "exact", 1.0, 100.0, 3.0, 0.456, 7.0, 60.0, 0.12, 0.5, 0.1, 1.0)
    table = show_rows([faiss, ScaleRow("x", p50_ms=2)])
    assert " ".join(table.splitlines()[1].split()) == "faiss 1 100 3 0.46 7 60 0.1 0.5 0.1 1.000 exact"
    assert " ".join(table.splitlines()[2].split()) == "x - - - - - - 2.0 - - -"


def test_what_is_kept_is_not_built_again_and_belongs_to_one_archive(archive: MadeArchive, tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    told: list[str] = []
    (first,) = compare_stores(archive, ["faiss"], keep=keep, report=told.append)
    changed = (keep / "faiss" / "flat.faiss").stat().st_mtime_ns
    (again,) = compare_stores(archive, ["faiss"], keep=keep, report=told.append)
    assert (keep / "faiss" / "flat.faiss").stat().st_mtime_ns == changed
    assert told == ["finding the truth", "faiss", "faiss"]
    for name in ("build_seconds", "build_megabytes", "disk_megabytes", "recall"):
        assert getattr(again, name) == getattr(first, name)
    with pytest.raises(SettingsError, match="holds another archive"):
        compare_stores(replace(archive, count=2400), ["faiss"], keep=keep)
    (after,) = compare_stores(archive, ["faiss"], keep=keep)
    assert after.recall == 1.0


@given(st.floats(-2, 3), st.floats(0.01, 1000))
def test_the_slope_is_the_power(power: float, factor: float) -> None:
    sizes = [1000, 10_000, 100_000, 1_000_000]
    assert slope(sizes, [factor * size**power for size in sizes]) == pytest.approx(power, abs=1e-9)
    assert slope(sizes, [factor * 1000**power, math.nan, math.nan, factor * 1e6**power]) == pytest.approx(
        power, abs=1e-9
    )


def test_no_slope_is_told_of_one_size_or_of_nothing() -> None:
    assert math.isnan(slope([1000], [3.0]))
    assert math.isnan(slope([1000, 2000], [3.0, math.nan]))
    assert math.isnan(slope([1000, 2000], [0.0, 0.0]))


def test_growth_is_shown_and_drawn() -> None:
    rows = {
        size: [ScaleRow("faiss", build_seconds=size / 10, open_seconds=2.0), ScaleRow("x", skipped="why")]
        for size in (100, 1000)
    }
    lines = show_slopes(rows).splitlines()
    assert lines[1].split() == ["faiss", "1.00", "-", "-", "0.00", "-", "-", "-", "-", "-"]
    assert set(lines[2].split()[1:]) == {"-"}
    assert plot_growth(rows, made_of=7, form="png") == plot_growth(rows, made_of=7, form="png")
    assert plot_growth(rows, made_of=7, form="svg").startswith(b"<?xml")


@pytest.mark.parametrize("sizes", ["1000", "1000,1000", "1000,many", "0,10", "1000,"])
def test_sizes_that_are_none_are_refused(dragoman: Callable[..., Any], sizes: str) -> None:
    done = dragoman("eval", "scale", "none", "--growth", sizes)
    assert (done.returncode, f"--growth is '{sizes}'; want two numbers" in done.stderr) == (2, True)
