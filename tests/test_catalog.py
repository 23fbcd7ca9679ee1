"""The catalog: batches are whole, readers see one moment, and what is not ours is said to be so."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.catalog import FILE_NAME, FORMAT_VERSION, BuiltWith, Catalog, ReadySource
from index.clean import clean
from index.embed import EmbeddedPassage, EmbedderIdentity, Floats, HashingEmbedder
from index.errors import IndexFolderError, IndexMismatch
from index.passages import Chunking, searched_text, split_passages
from index.schema import COUNTS
from index.values import Media, Source
from tests.embedded import embed

EMBEDDER = HashingEmbedder()
BUILT = BuiltWith(EMBEDDER.identity, Chunking())
TEXT = "The lighthouse of Sahilkend has been run by a machine since the spring. The keeper has gone home."


def ready(path: str, text: str = TEXT) -> ReadySource:
    source = Source(path, Media.TEXT, f"hash of {text}", text)
    cleaned = clean(source)
    passages = [
        p
        for d in cleaned.documents
        for p in split_passages(d, source, chunking=Chunking(), count_tokens=EMBEDDER.count_tokens)
    ]
    return ReadySource(source, f"/files/{path}", cleaned.documents, cleaned.dropped, tuple(passages))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path, built_with=BUILT) as catalog:
        yield catalog


def paths(catalog: Catalog) -> list[str]:
    return [stored.path for stored in catalog.sources()]


def test_what_is_committed_is_read_back(catalog: Catalog) -> None:
    one = ready("a.txt", f"1 Share\nA title of the story\n\n{TEXT}\n")
    assert catalog.commit([one, ready("b/ə.txt")]) == 1
    assert paths(catalog) == ["a.txt", "b/ə.txt"]
    assert catalog.source("a.txt") == one.source
    assert catalog.source("none.txt") is None
    stored = next(iter(catalog.sources()))
    assert (stored.documents, stored.dropped, stored.location) == (one.documents, one.dropped, "/files/a.txt")
    assert catalog.document(one.documents[0].id) == one.documents[0]
    assert catalog.location_of("a.txt") == Path("/files/a.txt")
    assert catalog.counts() == (2, 2, 2)
    found = list(catalog.added_since(0))
    assert [s.passage for s in found if s.passage.source_path == "a.txt"] == list(one.passages)
    assert catalog.built_with == BUILT


def vector_of(text: str) -> Floats:
    return next(EMBEDDER.embed_passages([text]))


def test_passages_are_pending_until_they_are_embedded(catalog: Catalog) -> None:
    catalog.commit([ready("a.txt"), ready("b.txt", "Another text of it. It has a few words of its own.")])
    assert (catalog.passage_count(), catalog.pending_count()) == (2, 2)
    first, second = catalog.pending(5)
    assert catalog.pending(1) == [first] and first.key < second.key
    assert [first.text, second.text] == [searched_text(stored.passage) for stored in catalog.added_since(0)]
    assert list(catalog.vectors_since(0)) == [] and catalog.packed_tokens([first.key, second.key]) == {}
    assert catalog.embed([first], {first.hash: EmbeddedPassage(vector_of(first.text), b"its tokens")}) == 2
    assert catalog.pending(5) == [second]
    [block] = catalog.vectors_since(1)
    assert block.keys.tolist() == [first.key] and np.array_equal(block.vectors[0], vector_of(first.text).astype("<f2"))
    assert list(catalog.vectors_since(2)) == []
    assert catalog.packed_tokens([first.key, second.key]) == {first.key: b"its tokens"}
    assert catalog.changed_since(0) and not catalog.changed_since(1)


def test_no_text_is_embedded_twice(catalog: Catalog) -> None:
    catalog.commit([ready("a.txt"), ready("same.txt")])
    first, second = catalog.pending(5)
    assert first.hash == second.hash and catalog.embedded_hashes([first.hash]) == set()
    catalog.embed([first, second], {first.hash: EmbeddedPassage(vector_of(first.text), b"once")})
    assert catalog.packed_tokens([first.key, second.key]) == {first.key: b"once", second.key: b"once"}
    catalog.commit([], remove=["a.txt", "same.txt"])
    catalog.commit([ready("back.txt")])
    [again] = catalog.pending(5)
    assert catalog.embedded_hashes([again.hash]) == {first.hash}
    catalog.embed([again], {})
    assert catalog.packed_tokens([again.key]) == {again.key: b"once"} and catalog.pending_count() == 0


def test_embedding_is_all_or_nothing(catalog: Catalog) -> None:
    catalog.commit([ready("a.txt"), ready("b.txt", "Another text of it. It has a few words of its own.")])
    first, second = catalog.pending(5)
    with pytest.raises(ValueError, match="no embedding for 1 passages, such as 'Another text"):
        catalog.embed([first, second], {first.hash: EmbeddedPassage(vector_of(first.text), b"")})
    assert catalog.pending_count() == 2 and catalog.embedded_hashes([first.hash]) == set()
    assert catalog.sequence == 1


def test_what_is_removed_says_the_vector_that_it_had(catalog: Catalog) -> None:
    catalog.commit([ready("a.txt"), ready("b.txt", "Another text of it. It has a few words of its own.")])
    embed(catalog, vector_of, limit=1)
    catalog.commit([], remove=["a.txt", "b.txt"])
    embedded, pending = catalog.removed_since(2)
    assert np.array_equal(embedded.vector, vector_of(searched_text(ready("a.txt").passages[0])).astype("<f2"))
    assert len(pending.vector) == 0


def test_replacing_leaves_nothing_of_the_old(catalog: Catalog) -> None:
    catalog.commit([ready("a.txt"), ready("b.txt")])
    old = [s.key for s in catalog.added_since(0) if s.passage.source_path == "a.txt"]
    assert catalog.commit([ready("a.txt", "Another text of it. It has a few words of its own.")]) == 2
    assert catalog.counts() == (2, 2, 2)
    assert [removed.key for removed in catalog.removed_since(1)] == old
    assert [s.passage.source_path for s in catalog.added_since(1)] == ["a.txt"]
    assert min(s.key for s in catalog.added_since(1)) > max(
        s.key for s in catalog.added_since(0) if s.passage.source_path == "b.txt"
    )
    assert catalog.passages(old) == {}


def test_removing(catalog: Catalog) -> None:
    catalog.commit([ready("a.txt"), ready("b.txt")])
    assert catalog.commit([], remove=["a.txt", "never-there.txt"]) == 2
    assert paths(catalog) == ["b.txt"]
    assert catalog.counts() == (1, 1, 1)
    assert len(list(catalog.removed_since(1))) == 1
    db = sqlite3.connect(catalog.location)
    assert db.execute("SELECT count(*) FROM dropped").fetchone() == (0,)
    db.close()


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_a_batch_that_breaks_leaves_the_former_one(catalog: Catalog, kind: type[BaseException]) -> None:
    catalog.commit([ready("a.txt"), ready("b.txt")])
    before = list(catalog.sources())

    def broken() -> Iterator[ReadySource]:
        yield ready("a.txt", "Another text of it. It has a few words of its own.")
        yield ready("c.txt")
        raise kind

    with pytest.raises(kind):
        catalog.commit(broken(), remove=["b.txt"])
    assert list(catalog.sources()) == before
    assert catalog.sequence == 1
    assert list(catalog.removed_since(0)) == []
    assert catalog.commit([ready("c.txt")]) == 2


def test_two_sources_of_one_place_are_refused_whole(catalog: Catalog) -> None:
    one, other = ready("a.txt"), ready("b.txt")
    other = ReadySource(other.source, one.location, other.documents, other.dropped, other.passages)
    with pytest.raises(sqlite3.IntegrityError):
        catalog.commit([one, other])
    assert catalog.counts() == (0, 0, 0)


def test_a_snapshot_is_one_moment(catalog: Catalog, tmp_path: Path) -> None:
    catalog.commit([ready("a.txt")])
    with Catalog(tmp_path) as reader:
        with reader.snapshot():
            assert paths(reader) == ["a.txt"]
            catalog.commit([ready("b.txt")], remove=["a.txt"])
            assert paths(reader) == ["a.txt"]
            assert reader.sequence == 1
            assert reader.passage_count() == 1
        assert paths(reader) == ["b.txt"]
        assert reader.sequence == 2


@given(steps=st.lists(st.tuples(st.booleans(), st.sets(st.sampled_from("abcd"), min_size=1)), max_size=6))
def test_passages_added_less_removed_are_those_there(
    steps: list[tuple[bool, set[str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Catalog(tmp_path_factory.mktemp("c"), built_with=BUILT) as catalog:
        known: set[int] = set()
        wanted: set[str] = set()
        for adding, names in steps:
            before = catalog.sequence
            if adding:
                catalog.commit([ready(name) for name in sorted(names)])
                wanted |= names
            else:
                catalog.commit([], remove=sorted(names))
                wanted -= names
            known -= {removed.key for removed in catalog.removed_since(before)}
            known |= {stored.key for stored in catalog.added_since(before)}
            assert known == {stored.key for stored in catalog.added_since(0)}
            assert paths(catalog) == sorted(wanted)


def counted(catalog: Catalog) -> dict[str, int]:
    return dict(catalog._db.execute("SELECT what, number FROM counts"))


def there_are(catalog: Catalog) -> dict[str, int]:
    return {what: catalog._db.execute(query).fetchone()[0] for what, query in COUNTS.items()}


@given(steps=st.lists(st.tuples(st.sampled_from("acer"), st.sets(st.sampled_from("abcd"), min_size=1)), max_size=8))
def test_what_is_counted_is_there(steps: list[tuple[str, set[str]]], tmp_path_factory: pytest.TempPathFactory) -> None:
    with Catalog(tmp_path_factory.mktemp("c"), built_with=BUILT) as catalog:
        for step, names in steps:
            match step:
                case "a":
                    catalog.commit([ready(name, f"{TEXT} {name}.") for name in names])
                case "c":  # changed
                    catalog.commit([ready(name, f"{TEXT}\n\n{name} was there. " * 40) for name in names])
                case "e":
                    embed(catalog, EMBEDDER.embed_query)
                case _:
                    catalog.commit([], remove=names)
            assert counted(catalog) == there_are(catalog)
            assert (*catalog.counts(), catalog.pending_count()) == tuple(there_are(catalog).values())


def test_nobody_counts_the_passages_one_by_one(catalog: Catalog) -> None:
    steps: list[int] = []
    catalog._db.set_progress_handler(lambda: steps.append(1), 1)  # called with each step of SQLite's machine

    def taken() -> int:
        steps.clear()
        catalog.passage_count()
        catalog.pending_count()
        return len(steps)

    few = taken()
    catalog.commit([ready(f"{number}.txt") for number in range(300)])
    assert (catalog.passage_count(), catalog.pending_count()) == (300, 300)
    assert 0 < taken() <= few


def test_a_catalog_that_counts_nothing_is_read_and_begins_to_count(catalog: Catalog) -> None:
    catalog.commit([ready("a.txt"), ready("b.txt")])
    # As an earlier version made it.
    for name, kind in catalog._db.execute("SELECT name, type FROM sqlite_master WHERE type = 'trigger'").fetchall():
        catalog._db.execute(f"DROP {kind} {name}")
    catalog._db.execute("DROP TABLE counts")
    assert (*catalog.counts(), catalog.pending_count()) == (2, 2, 2, 2)
    catalog.commit([ready("c.txt")], remove=["a.txt"])
    catalog.begin_counting()
    catalog.begin_counting()
    catalog.commit([ready("d.txt")], remove=["b.txt"])
    embed(catalog, EMBEDDER.embed_query)
    assert counted(catalog) == there_are(catalog) == {"documents": 2, "passages": 2, "pending": 0, "sources": 2}


def test_keys_by_date(catalog: Catalog) -> None:
    dates = {"a.txt": "2024-05-01", "b.txt": "2024-06-01", "c.txt": ""}
    catalog.commit([ready(name, f"The title of it\n\n{day}\n\n{TEXT}\n") for name, day in dates.items()])
    path_of = {stored.key: stored.passage.source_path for stored in catalog.added_since(0)}

    def found(after: str, before: str) -> list[str]:
        return sorted(path_of[int(key)] for key in catalog.keys_where(after, before))

    assert found("2024-05-01", "2024-06-01") == ["a.txt", "b.txt"]
    assert found("2024-05-02", "") == ["b.txt"]
    assert found("", "2024-05-31") == ["a.txt"]
    assert found("", "") == ["a.txt", "b.txt", "c.txt"]
    assert found("2025-01-01", "") == []


SOURCE_NAMES = ["a.txt", "a/b.txt", "a/b/c.txt", "a/b-d.txt", "a0.txt", "ab/c.txt", "b/a/c.txt"]


@pytest.fixture(scope="module")
def sourced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog(tmp_path_factory.mktemp("sourced"), built_with=BUILT) as catalog:
        catalog.commit(
            [ready(name, f"The title of it\n\n2024-05-0{len(name) % 9}\n\n{TEXT}\n") for name in SOURCE_NAMES]
        )
        yield catalog


@given(sources=st.sets(st.sampled_from([*SOURCE_NAMES, "a", "a/", "a/b", "ab", "b", "A", "%", "none"]), min_size=1))
def test_keys_by_source(sourced: Catalog, sources: set[str]) -> None:
    path_of = {stored.key: stored.passage.source_path for stored in sourced.added_since(0)}
    wanted = {
        path
        for path in SOURCE_NAMES
        if any(path == source or path.startswith(source.rstrip("/") + "/") for source in sources)
    }
    assert {path_of[int(key)] for key in sourced.keys_where("", "", sources)} == wanted
    assert {path_of[int(key)] for key in sourced.keys_where("2024-05-08", "", sources)} == {
        path for path in wanted if len(path) >= 8
    }


def test_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(IndexFolderError, match="no index here; make one: dragoman ingest"):
        Catalog(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "data", [b"no database, but some words of a file" * 100, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_what_is_no_database(tmp_path: Path, data: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(data)
    with pytest.raises(
        IndexFolderError, match=f"{FILE_NAME}: the catalog cannot be opened .*delete the index folder and ingest"
    ):
        Catalog(tmp_path)
    with pytest.raises(IndexFolderError):
        Catalog(tmp_path, built_with=BUILT)


def test_what_is_another_database(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / FILE_NAME)
    db.execute("CREATE TABLE other (x)")
    db.commit()
    db.close()
    with pytest.raises(IndexFolderError, match="not a catalog of ours"):
        Catalog(tmp_path)


def test_an_empty_catalog_file(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    with pytest.raises(IndexFolderError, match="not a catalog of ours"):
        Catalog(tmp_path)


def test_another_format(catalog: Catalog, tmp_path: Path) -> None:
    db = sqlite3.connect(catalog.location)
    db.execute("UPDATE settings SET value = '99' WHERE name = 'format'")
    db.commit()
    db.close()
    with pytest.raises(IndexMismatch, match=f"the index has format 99, this version reads {FORMAT_VERSION}"):
        Catalog(tmp_path)
    with pytest.raises(IndexMismatch):
        Catalog(tmp_path, built_with=BUILT)


def test_opening_again_does_not_make_it_anew(catalog: Catalog, tmp_path: Path) -> None:
    catalog.commit([ready("a.txt")])
    other = BuiltWith(EmbedderIdentity("other", "x", 8, "", ""), Chunking(99, 0))
    with Catalog(tmp_path, built_with=other) as again:
        assert again.id == catalog.id
        assert again.built_with == BUILT  # who asked for another is told by `check_embedder`
        assert paths(again) == ["a.txt"]


def test_a_catalog_cut_short_is_said_to_be_damaged(tmp_path: Path) -> None:
    with Catalog(tmp_path, built_with=BUILT) as catalog:
        catalog.commit([ready(f"{i}.txt", f"{TEXT} Number {i}.") for i in range(300)])
    data = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(data[: len(data) // 3])
    with pytest.raises(IndexFolderError), Catalog(tmp_path) as catalog:
        list(catalog.sources())
        list(catalog.added_since(0))
