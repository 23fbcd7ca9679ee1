"""Dense search: FAISS against a plain product, and a cache that is never trusted further than it fits."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import neighbours, vectors
from index.catalog import BuiltWith, Catalog, ReadySource
from index.embed import EmbeddedPassage, EmbedderIdentity, Floats, unit
from index.folder import Filters, Index
from index.ingest import ingest
from index.passages import Chunking
from index.recall import sample_of
from index.tokens import TokenCodec
from index.values import Document, Media, Passage, Source, Span
from index.vectors import DenseHit, DenseIndex, MakesCells
from tests import embedded

DIMENSION = 12
PRIOR = 5  # passages of the mean of all that are added to each language; see index/vectors.py
BUILT = BuiltWith(EmbedderIdentity("test", "none", DIMENSION, "", ""), Chunking())


def ready(number: int, lang: str) -> ReadySource:
    """A source of one passage, whose vector lies where its number and its language say."""
    source = Source(f"{number}.txt", Media.TEXT, str(number), f"{lang} {number}")
    span = Span(0, len(source.text))
    document = Document(f"d{number}", source.path, "", lang, "", (span,), (span,))
    words = source.text
    passage = Passage(
        f"d{number}:0-{span.end}", document.id, source.path, span, words, words, source.spelling, lang, "", ""
    )
    return ReadySource(source, f"/files/{number}", (document,), (), (passage,))


def vector_of(text: str) -> Floats:
    lang, number = text.split()
    own = np.random.default_rng(int(number)).standard_normal(DIMENSION).astype(np.float32)
    return unit(own + 2 * direction(lang))


def put(catalog: Catalog, sources: list[ReadySource], *, remove: list[str] | None = None) -> None:
    embedded.put(catalog, sources, vector_of, remove=remove or [])


def direction(lang: str) -> Floats:
    """Texts of one language lie together, as a multilingual model has them."""
    return np.random.default_rng(sum(map(ord, lang))).standard_normal(DIMENSION).astype(np.float32)


def plain_search(catalog: Catalog, query: Floats) -> list[DenseHit]:
    """Centred cosines of everything, in numpy and float64, with nothing kept from batch to batch."""
    by_lang: dict[str, list[tuple[int, np.ndarray]]] = defaultdict(list)
    vectors = catalog.vectors()
    for stored in catalog.added_since(0):
        by_lang[stored.passage.lang].append((stored.key, vectors[stored.key].astype(np.float64)))
    count = sum(map(len, by_lang.values()))
    everything = sum((v for group in by_lang.values() for _, v in group), np.zeros(DIMENSION)) / (count + PRIOR)
    means = {
        lang: (sum((v for _, v in group), np.zeros(DIMENSION)) + PRIOR * everything) / (len(group) + PRIOR)
        for lang, group in by_lang.items()
    }
    centred = query - np.mean(list(means.values()), axis=0)
    centred /= np.linalg.norm(centred)
    hits = []
    for lang, group in by_lang.items():
        for key, vector in group:
            away = vector - means[lang]
            hits.append(DenseHit(key, float(away / np.linalg.norm(away) @ centred)))
    return sorted(hits, key=lambda hit: (-hit.score, hit.key))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path, built_with=BUILT) as catalog:
        put(catalog, [ready(i, "az") for i in range(30)])
        put(catalog, [ready(i, "en") for i in range(30, 50)] + [ready(i, "ru") for i in range(50, 53)])
        yield catalog


@pytest.fixture
def dense(catalog: Catalog, tmp_path: Path) -> DenseIndex:
    dense = DenseIndex(tmp_path / "dense", DIMENSION)
    dense.open(catalog)
    return dense


def query(number: int) -> Floats:
    return unit(np.random.default_rng(1000 + number).standard_normal(DIMENSION).astype(np.float32) + direction("az"))


def same(found: list[DenseHit], wanted: list[DenseHit]) -> bool:
    """Whether scores agree to what float32 holds and keys do wherever scores tell them apart."""
    score_of = {hit.key: hit.score for hit in wanted}
    return len(found) == len(wanted) and all(
        abs(a.score - b.score) < 1e-5 and abs(score_of[a.key] - a.score) < 1e-5
        for a, b in zip(found, wanted, strict=True)
    )


@pytest.mark.parametrize("number", range(10))
def test_search_is_a_plain_product(catalog: Catalog, dense: DenseIndex, number: int) -> None:
    assert same(dense.search(query(number), k=30), plain_search(catalog, query(number)))


def test_the_best_few_of_each_language_are_found(catalog: Catalog, dense: DenseIndex) -> None:
    lang_of = {stored.key: stored.passage.lang for stored in catalog.added_since(0)}
    for number in range(10):
        wanted, top = plain_search(catalog, query(number)), dense.search(query(number), k=7)
        assert len(top) == 7 + 7 + 3
        for lang, most in (("az", 7), ("en", 7), ("ru", 3)):
            best = [hit for hit in wanted if lang_of[hit.key] == lang][:most]
            assert same([hit for hit in top if lang_of[hit.key] == lang], best)


def test_filters(catalog: Catalog, dense: DenseIndex) -> None:
    lang_of = {stored.key: stored.passage.lang for stored in catalog.added_since(0)}
    wanted = plain_search(catalog, query(1))
    found = dense.search(query(1), k=100, languages=["ru", "en"])
    assert same(found, [hit for hit in wanted if lang_of[hit.key] in ("ru", "en")])
    some = np.array(sorted(lang_of)[::3], np.int64)
    assert same(dense.search(query(1), k=100, among=some), [hit for hit in wanted if hit.key in some])
    assert dense.search(query(1), k=100, languages=["ka"]) == []
    assert dense.search(query(1), k=100, among=np.array([], np.int64)) == []
    assert dense.search(query(1), k=100, among=np.array([10**9], np.int64)) == []


def test_languages_of_given_keys(catalog: Catalog, dense: DenseIndex) -> None:
    lang_of = {stored.key: stored.passage.lang for stored in catalog.added_since(0)}
    assert dense.langs_of([*lang_of, 10**9, -1]) == lang_of
    assert dense.langs_of([]) == {}
    assert {key: dense.lang_of(key) for key in lang_of} == lang_of


def test_scores_of_given_keys(catalog: Catalog, dense: DenseIndex) -> None:
    wanted = {hit.key: hit.score for hit in plain_search(catalog, query(2))}
    found = dense.scores(query(2), [3, 40, 10**9, 52])
    assert set(found) == {3, 40, 52}
    assert all(abs(found[key] - wanted[key]) < 1e-5 for key in found)


def test_a_filter_that_leaves_many_is_as_exact(
    catalog: Catalog, dense: DenseIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "FEW", 0)  # so that the search itself is told whom it may find
    keys = np.array([stored.key for stored in catalog.added_since(0)], np.int64)
    for number in range(5):
        some = np.random.default_rng(number).permutation(keys)[:25]
        wanted = [hit for hit in plain_search(catalog, query(number)) if hit.key in some]
        found = dense.search(query(number), k=4, among=some)
        for lang in dense.languages:
            best = [hit for hit in wanted if dense.lang_of(hit.key) == lang][:4]
            assert same([hit for hit in found if dense.lang_of(hit.key) == lang], best)


STEP = st.sampled_from(["add", "remove", "catch up", "save", "reopen"])
STEPS = st.lists(st.tuples(STEP, st.sets(st.integers(0, 11), min_size=1, max_size=6)), min_size=1, max_size=12)


@given(steps=STEPS)
def test_catching_up_is_as_good_as_building(
    steps: list[tuple[str, set[int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("catch-up")
    with Catalog(folder, built_with=BUILT) as catalog:
        kept = DenseIndex(folder / "dense", DIMENSION)
        kept.open(catalog)
        for step, numbers in steps:
            match step:
                case "add":
                    put(catalog, [ready(n, ("az", "en", "ru")[n % 3]) for n in sorted(numbers)])
                case "remove":
                    put(catalog, [], remove=[f"{n}.txt" for n in numbers])
                case "catch up":
                    kept.catch_up(catalog)
                case "save":
                    kept.catch_up(catalog)
                    kept.save()
                case _:
                    kept = DenseIndex(folder / "dense", DIMENSION)
                    kept.open(catalog)
        kept.catch_up(catalog)
        built = DenseIndex(folder / "other", DIMENSION)
        built.open(catalog)
        assert kept.count == built.count == catalog.passage_count()
        assert kept.languages == built.languages
        for number in range(3):
            assert kept.search(query(number), k=5) == built.search(query(number), k=5)


# Files that do not fit


def reopened(catalog: Catalog, folder: Path) -> DenseIndex:
    dense = DenseIndex(folder, DIMENSION)
    dense.open(catalog)
    return dense


def test_what_is_saved_is_loaded(catalog: Catalog, dense: DenseIndex, tmp_path: Path) -> None:
    assert dense.unsaved
    dense.save()
    assert not dense.unsaved
    again = reopened(catalog, tmp_path / "dense")
    assert not again.unsaved
    assert again.search(query(0), k=9) == dense.search(query(0), k=9)
    assert sorted(file.name for file in (tmp_path / "dense").iterdir()) == [
        "az-4.faiss",
        "en-4.faiss",
        "ru-4.faiss",
        "state.json",
    ]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def noise(file: Path) -> None:
    file.write_bytes(b"\xff" * 100)


def another_kind(file: Path) -> None:
    file.write_text('["not", "a", "state"]')


@pytest.mark.parametrize("name", ["state.json", "en-4.faiss"])
@pytest.mark.parametrize("damage", [cut, empty, noise, another_kind, Path.unlink])
def test_damaged_files_are_made_again(
    catalog: Catalog, dense: DenseIndex, tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    dense.save()
    damage(tmp_path / "dense" / name)
    again = reopened(catalog, tmp_path / "dense")
    assert again.unsaved
    assert again.search(query(0), k=9) == dense.search(query(0), k=9)
    again.save()
    assert not reopened(catalog, tmp_path / "dense").unsaved


def test_a_changed_vector_is_noticed(catalog: Catalog, dense: DenseIndex, tmp_path: Path) -> None:
    dense.save()
    assert not reopened(catalog, tmp_path / "dense").unsaved
    file = tmp_path / "dense" / "en-4.faiss"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x41
    file.write_bytes(data)
    assert reopened(catalog, tmp_path / "dense").search(query(0), k=100) == dense.search(query(0), k=100)


def test_the_files_of_another_catalog_are_not_used(catalog: Catalog, dense: DenseIndex, tmp_path: Path) -> None:
    with Catalog(tmp_path / "other", built_with=BUILT) as other:
        put(other, [ready(i, "az") for i in range(100, 130)])
        put(other, [ready(i, "en") for i in range(130, 150)] + [ready(i, "ru") for i in range(150, 153)])
        reopened(other, tmp_path / "other" / "dense").save()
    shutil.copytree(tmp_path / "other" / "dense", tmp_path / "dense")
    assert reopened(catalog, tmp_path / "dense").search(query(0), k=9) == dense.search(query(0), k=9)


def test_files_ahead_of_the_catalog_are_not_used(catalog: Catalog, dense: DenseIndex, tmp_path: Path) -> None:
    """As when someone puts an older catalog back."""
    dense.save()
    state = json.loads((tmp_path / "dense" / "state.json").read_text())
    (tmp_path / "dense" / "state.json").write_text(json.dumps({**state, "sequence": 7}))
    again = reopened(catalog, tmp_path / "dense")
    assert again.sequence == 4
    assert again.search(query(0), k=9) == dense.search(query(0), k=9)


def test_an_interrupted_catching_up_leaves_nothing_twice(
    catalog: Catalog, dense: DenseIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dense.save()
    assert not reopened(catalog, tmp_path / "dense").unsaved
    put(catalog, [ready(i, ("az", "en")[i % 2]) for i in range(60, 80)])
    add, added = neighbours.Exact.add, []

    def interrupted(part: neighbours.Exact, keys: np.ndarray, rows: Floats) -> None:
        add(part, keys, rows)
        added.append(len(keys))
        raise KeyboardInterrupt  # like a Ctrl-C that falls between two languages of one batch

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(neighbours.Exact, "add", interrupted)
        dense.catch_up(catalog)
    assert added == [10]
    dense.save()  # as `ingest` does at its end, whatever ended it
    again, built = reopened(catalog, tmp_path / "dense"), reopened(catalog, tmp_path / "built")
    assert again.search(query(0), k=100) == built.search(query(0), k=100)


# Cells

LIMIT = 300


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Catalog]:
    """More than the limit in two languages, and a few in a third."""
    with Catalog(tmp_path / "many", built_with=BUILT) as catalog:
        put(catalog, [ready(i, ("az", "en")[i % 2]) for i in range(LIMIT)])
        yield catalog


@pytest.fixture(autouse=True)
def _small_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_FEWEST_IN_CELLS", 100)
    monkeypatch.setattr(neighbours, "_FEWEST_LOOKED_IN", 1)
    monkeypatch.setattr(vectors, "SAMPLE", 50)
    monkeypatch.setattr(vectors, "TARGET_RECALL", 0.8)  # in 12 dimensions 8 bits cost more than in hundreds


def in_cells(catalog: Catalog, folder: Path) -> DenseIndex:
    dense = DenseIndex(folder, DIMENSION, exact_up_to=LIMIT)
    dense.open(catalog)
    return dense


def look_in_one(dense: DenseIndex) -> None:
    for part in dense._parts.values():
        if isinstance(part, neighbours.Cells):
            part.index.nprobe = 1


def grow(catalog: Catalog) -> None:
    put(catalog, [ready(i, "ru") for i in range(LIMIT, LIMIT + 20)])


def test_cells_are_made_when_the_limit_is_passed(many: Catalog, tmp_path: Path) -> None:
    dense = in_cells(many, tmp_path / "dense")
    assert dense.kind == "exact"
    grow(many)
    dense.catch_up(many, cells=MakesCells.NOW)
    kinds = dict(each.split(": ") for each in dense.kind.split("; "))
    assert kinds.keys() == {"az", "en", "ru"}
    assert kinds["ru"] == "exact"  # too few to gain by it
    assert kinds["az"].endswith("of 24 cells, 8 bits")  # 2 * sqrt(150)
    assert in_cells(many, tmp_path / "built").kind == dense.kind
    assert dense.count == many.passage_count()


def test_who_only_reads_makes_no_cells_and_takes_those_that_were_written(many: Catalog, tmp_path: Path) -> None:
    writer, reader = in_cells(many, tmp_path / "dense"), in_cells(many, tmp_path / "dense")
    writer.save()
    grow(many)
    reader.catch_up(many, cells=MakesCells.NEVER)
    assert (reader.kind, reader.count) == ("exact", many.passage_count())
    writer.catch_up(many, cells=MakesCells.NOW)
    reader.catch_up(many, cells=MakesCells.NEVER)
    assert reader.kind == "exact"
    writer.save()
    reader.catch_up(many, cells=MakesCells.NEVER)
    assert reader.kind == writer.kind != "exact"
    assert reader.count == many.passage_count()
    put(many, [ready(LIMIT + 20, "ru")])
    reader.catch_up(many, cells=MakesCells.NEVER)
    assert reader.kind == writer.kind
    assert reader.count == many.passage_count()


@pytest.fixture
def held_up(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Cells are not made until this is called."""
    go_on, trained = Event(), neighbours.Cells.trained

    def wait_and_train(training: Floats, cells: int) -> neighbours.Cells:
        assert go_on.wait(timeout=60)
        return trained(training, cells)

    monkeypatch.setattr(neighbours.Cells, "trained", wait_and_train)
    return go_on.set


def test_batches_are_taken_in_while_cells_are_made(many: Catalog, tmp_path: Path, held_up: Callable[[], None]) -> None:
    dense = in_cells(many, tmp_path / "dense")
    grow(many)
    for batch in range(3):
        dense.catch_up(many)
        assert (dense.kind, dense.count, dense.sequence) == ("exact", many.passage_count(), many.sequence)
        assert same(dense.search(query(batch), k=400), plain_search(many, query(batch)))
        # What is being made does not know of these.
        put(many, [ready(1000 + batch, "az")], remove=[f"{batch}.txt"])
    dense.catch_up(many)
    held_up()
    dense.save()
    assert "az: " in dense.kind and dense.kind != "exact"
    assert not dense.unsaved
    everything = {stored.key for stored in many.added_since(0)}
    assert set(dense.keys().tolist()) == everything and dense.count == len(everything)
    for block in many.vectors_since(0):
        assert not dense.differing(block).any()
    again = in_cells(many, tmp_path / "dense")
    assert again.kind == dense.kind and not again.unsaved
    for number in range(5):
        assert again.search(query(number), k=400) == dense.search(query(number), k=400)


def test_cells_that_are_made_are_taken_with_the_next_batch(many: Catalog, tmp_path: Path) -> None:
    dense = in_cells(many, tmp_path / "dense")
    grow(many)
    dense.catch_up(many)
    assert dense._beside is not None
    dense._beside.result()
    assert dense.kind == "exact"
    dense.catch_up(many)  # nothing is new
    assert dense.kind == in_cells(many, tmp_path / "built").kind != "exact"
    put(many, [ready(i, "az") for i in range(1000, 1010)])
    dense.catch_up(many)
    assert dense.count == many.passage_count()


def test_what_goes_wrong_beside_is_told(many: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(training: Floats, cells: int) -> neighbours.Cells:
        raise MemoryError("no room for cells")

    monkeypatch.setattr(neighbours.Cells, "trained", fail)
    dense = in_cells(many, tmp_path / "dense")
    grow(many)
    dense.catch_up(many)
    with pytest.raises(MemoryError, match="no room for cells"):
        dense.save()
    dense.save()  # what was there before still is
    found = DenseIndex(tmp_path / "dense", DIMENSION)
    found.load(many.vectors_id)
    assert (found.kind, found.count) == ("exact", many.passage_count())


def test_what_is_made_beside_of_vectors_that_no_longer_serve_is_not_taken(
    many: Catalog, tmp_path: Path, held_up: Callable[[], None]
) -> None:
    dense = in_cells(many, tmp_path / "dense")
    grow(many)
    dense.catch_up(many)
    turned = replace(BUILT.embedder, name="turned")
    key, _ = many.begin_embedder(turned, lambda: TokenCodec(np.zeros(DIMENSION, np.float32)))
    texts = {each.hash: each.text for each in many.not_embedded_by(key, after=0, limit=1000)}
    many.keep_embeddings(key, {h: EmbeddedPassage(-vector_of(text), b"packed") for h, text in texts.items()})
    many.serve(key)
    dense.catch_up(many)
    held_up()
    dense.save()
    for block in many.vectors_since(0):
        assert not dense.differing(block).any()


def test_enough_is_looked_at_and_no_more(many: Catalog, tmp_path: Path) -> None:
    grow(many)
    dense = in_cells(many, tmp_path / "dense")
    assert dense.recall(many, sample=50) >= vectors.TARGET_RECALL
    looked_in = [part.index.nprobe for part in dense._parts.values() if isinstance(part, neighbours.Cells)]
    assert all(1 < nprobe < 24 for nprobe in looked_in)
    look_in_one(dense)
    assert dense.recall(many, sample=50) < vectors.TARGET_RECALL


def test_recall_is_the_share_of_the_ten_nearest(many: Catalog, tmp_path: Path) -> None:
    grow(many)
    dense = in_cells(many, tmp_path / "dense")
    look_in_one(dense)
    keys = sample_of(dense.keys(), 20)
    shares = []
    for key, own in zip(keys.tolist(), dense._vectors(keys), strict=True):
        wanted = [hit.key for hit in plain_search(many, own) if hit.key != key][:10]
        found = [hit.key for hit in dense.search(own, k=11) if hit.key != key][:10]
        shares.append(len({*wanted} & {*found}) / 10)
    assert 0.2 < np.mean(shares) < 0.9
    assert dense.recall(many, sample=20) == pytest.approx(np.mean(shares))


def test_cells_follow_the_catalog(many: Catalog, tmp_path: Path) -> None:
    grow(many)
    dense = in_cells(many, tmp_path / "dense")
    put(many, [ready(i, "az") for i in range(1000, 1030)], remove=[f"{i}.txt" for i in range(100)])
    dense.catch_up(many, cells=MakesCells.NOW)
    here = {stored.key for stored in many.added_since(0)}
    assert dense.count == len(here) == LIMIT + 20 + 30 - 100
    for number in range(3):
        wanted = plain_search(many, query(number))
        found = dense.search(query(number), k=1000)
        assert {hit.key for hit in found} <= here
        score_of = {hit.key: hit.score for hit in wanted}
        assert all(abs(hit.score - score_of[hit.key]) < 0.1 for hit in found)  # 8 bits, trained with few
        assert len({hit.key for hit in found[:10]} & {hit.key for hit in wanted[:10]}) >= 7
    assert dense.recall(many, sample=50) > 0.7


def test_cells_are_saved_and_loaded(many: Catalog, tmp_path: Path) -> None:
    grow(many)
    dense = in_cells(many, tmp_path / "dense")
    dense.save()
    again = in_cells(many, tmp_path / "dense")
    assert not again.unsaved
    assert again.kind == dense.kind
    assert again.keys().tolist() == dense.keys().tolist()
    for number in range(5):  # from the file
        assert again.search(query(number), k=400) == dense.search(query(number), k=400)
    put(many, [ready(2000, "az")], remove=["4.txt"])
    for each in (dense, again):
        each.catch_up(many, cells=MakesCells.NOW)
    assert again.search(query(0), k=9) == dense.search(query(0), k=9)


def test_cells_in_a_file_are_written_again_as_they_were(many: Catalog, tmp_path: Path) -> None:
    grow(many)
    in_cells(many, tmp_path / "dense").save()
    before = {file.name: file.read_bytes() for file in (tmp_path / "dense").glob("*.faiss")}
    assert len(before) == 3
    in_cells(many, tmp_path / "dense").save()
    assert {file.name: file.read_bytes() for file in (tmp_path / "dense").glob("*.faiss")} == before


def test_what_is_in_cells_is_compared_with_what_was_given(many: Catalog, tmp_path: Path) -> None:
    grow(many)
    put(many, [ready(i, "az") for i in range(1000, 1030)])
    dense = in_cells(many, tmp_path / "dense")
    put(many, [ready(i, "az") for i in range(2000, 2020)])  # not among those that the ranges are trained with
    dense.catch_up(many, cells=MakesCells.NOW)
    dense.save()
    for each in (dense, in_cells(many, tmp_path / "dense")):
        for block in many.vectors_since(0):
            assert not each.differing(block).any()
            others = replace(block, vectors=np.roll(block.vectors, 1, axis=0))
            assert each.differing(others).mean() > 0.95
            renamed = replace(block, langs=tuple("ru" for _ in block.langs))
            assert (each.differing(renamed) == (np.array(block.langs) != "ru")).all()


@pytest.mark.parametrize("few", [0, vectors.FEW])
def test_filters_act_inside_the_cells(many: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(vectors, "FEW", few)
    grow(many)
    dense = in_cells(many, tmp_path / "dense")
    keys = np.array(sorted(stored.key for stored in many.added_since(0)), np.int64)
    for number in range(5):
        some = np.random.default_rng(number).permutation(keys)[:60]
        found = dense.search(query(number), k=60, among=some)
        assert {hit.key for hit in found} <= set(some.tolist())
        if few:  # all of these are scored
            assert len(found) == 60
    assert {dense.lang_of(hit.key) for hit in dense.search(query(0), k=5, languages=["en"])} == {"en"}


def test_cells_are_made_again_when_outgrown(many: Catalog, tmp_path: Path) -> None:
    grow(many)
    dense = in_cells(many, tmp_path / "dense")
    put(many, [ready(i, "az") for i in range(5000, 5500)])
    dense.catch_up(many, cells=MakesCells.NOW)
    assert "az: " in dense.kind and "of 50 cells" in dense.kind  # 2 * sqrt(150 + 500)
    assert "of 24 cells" in dense.kind  # English did not grow
    assert dense.recall(many, sample=50) >= vectors.TARGET_RECALL


def test_sources_and_days_are_asked_of_the_catalog_and_asked_again_when_it_grows(
    make_index: Callable[..., Index], tmp_path: Path
) -> None:
    story = "2024-05-{0:02}\n\nThe lighthouse of the bay has been run by a machine since day {0}.\n"
    index = make_index({f"news/{day}.txt": story.format(day) for day in range(1, 5)} | {"other.txt": story.format(9)})
    words = index.embedder.embed_query("the lighthouse")

    def found(**filters: object) -> set[str]:
        hits = index.search_dense(words, k=50, filters=Filters(**filters))  # type: ignore[arg-type]
        return {each.passage.source_path for each in index.passages(hit.key for hit in hits).values()}

    for _ in range(2):
        assert found(sources=frozenset({"news"})) == {"news/1.txt", "news/2.txt", "news/3.txt", "news/4.txt"}
        assert found(sources=frozenset({"news"}), since="2024-05-03") == {"news/3.txt", "news/4.txt"}
        assert found(sources=frozenset({"other.txt", "news/2.txt"})) == {"other.txt", "news/2.txt"}
        assert found(sources=frozenset({"none"})) == set()
    docs = tmp_path / "docs"
    (docs / "news" / "7.txt").write_text(story.format(7), encoding="utf-8")
    assert ingest([docs], index.folder, embedder=index.embedder).failures == []
    index.refresh()
    assert found(sources=frozenset({"news"}), since="2024-05-04") == {"news/4.txt", "news/7.txt"}


def test_every_number_is_the_same_in_float32() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].reshape(2, -1)
    assert np.array_equal(neighbours._floats(halves).view(np.uint32), halves.astype(np.float32).view(np.uint32))


@pytest.mark.parametrize("from_count", [0, 10**9], ids=["integers", "float16"])
def test_the_nearest_are_found_whatever_they_are_looked_for_in(
    from_count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "_IN_INTEGERS_FROM", from_count)
    random = np.random.default_rng(5)
    rows = unit(random.standard_normal((600, 64)).astype(np.float32)).astype(np.float16).astype(np.float32)
    keys = np.arange(600, dtype=np.int64) * 3
    part = neighbours.Exact.empty(64)
    part.add(keys[:400], rows[:400])
    query = unit(random.standard_normal(64).astype(np.float32))

    def truly(among: np.ndarray) -> set[int]:
        return set(keys[among][np.argsort(-(rows[among] @ query))[:10]].tolist())

    def found(allowed: np.ndarray | None = None) -> set[int]:
        return set(part.nearest(query, 20, allowed).tolist())

    assert truly(np.arange(400)) <= found()
    part.add(keys[400:], rows[400:])
    assert truly(np.arange(600)) <= found()
    part.remove(keys[100:300])
    left = np.r_[0:100, 300:600]
    assert truly(left) <= found()
    even = left[left % 2 == 0]
    allowed = np.zeros(int(keys.max()) + 1, bool)
    allowed[keys[even]] = True
    assert truly(even) <= found(allowed) <= set(keys[even].tolist())


def test_vectors_and_questions_without_a_word_are_looked_for_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_IN_INTEGERS_FROM", 0)
    part = neighbours.Exact.empty(64)
    part.add(np.arange(5, dtype=np.int64), np.zeros((5, 64), np.float32))
    assert set(part.nearest(np.ones(64, np.float32), 9, None).tolist()) == set(range(5))
    part.add(np.array([7], np.int64), np.eye(64, dtype=np.float32)[:1])
    assert part.nearest(np.eye(64, dtype=np.float32)[0], 1, None).tolist() == [7]
    assert set(part.nearest(np.zeros(64, np.float32), 9, None).tolist()) == {0, 1, 2, 3, 4, 7}
