"""What an index promises is looked at, damage of every kind is named, and repair brings back what was there."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eval.honesty import TurnedEmbedder
from index.catalog import Catalog
from index.check import Kind, check
from index.embed import Embedder
from index.errors import IndexFolderError, IndexLocked, IndexMismatch
from index.folder import Filters, Index
from index.ingest import ingest
from index.lock import writing
from index.reembed import reembed
from index.repair import repair
from index.schema import FILE_NAME
from index.vectors import DenseIndex
from tests.damage import DAMAGES, EMBEDDING, Damage, sql

Write = Callable[[Path, dict[str, str]], Path]
Content = Callable[[Path], object]
HARBOUR = "The keeper of the lamp went home in spring, and a machine now turns it. Nobody in the village was asked."
FILES = {
    "a.txt": f"1 Share\nThe lamp turns itself\n\n5 May 2024\n\n{HARBOUR}\n",
    "b.txt": f"A copy of the lamp\n\n{HARBOUR}\n",
    "c.txt": "Порт Сахилкенда\n\nСмотритель уехал домой весной, и теперь маяк вращает машина. "
    "Никого в посёлке не спросили.\n",
    "d.txt": "Bread for the boats\n\nThe baker of the harbour sells warm bread at four "
    "in the morning to those who sail.\n",
    "e.txt": "Nets and prices\n\nA new net costs as much as a cow this year, "
    "say those who mend the old ones by hand.\n",
}


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory, write: Write) -> Path:
    return write(tmp_path_factory.mktemp("care") / "docs", FILES)


@pytest.fixture(scope="module")
def whole(docs: Path, hashing: Embedder) -> Path:
    """An index that nothing is wrong with, of several batches, in which something was removed. Not to be changed."""
    folder = docs.parent / "news.index"
    (docs / "gone.txt").write_text("Gone\n\nThis story was told for a week only, and then its file went away again.\n")
    ingest([docs / "gone.txt"], folder, embedder=hashing)
    (docs / "gone.txt").unlink()
    ingest([docs], folder, embedder=hashing, prune=True)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "news.index")


def test_nothing_is_wrong_with_what_was_just_written(folder: Path) -> None:
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    found = check(folder)
    assert found.problems == ()
    assert (found.sources, found.passages, found.embeddings) == (5, 5, 6)
    [note] = found.notes
    assert note.startswith("1 embeddings are of texts that no passage has")
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_opening_begins_to_count_in_an_index_of_an_earlier_version(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("DROP TABLE counts")
    assert check(folder).problems == ()
    with writing(folder), Index.open(folder) as index:  # another process writes
        assert index.catalog.counts() == (5, 5, 5)
        assert "counts" not in index.catalog._db.execute("SELECT group_concat(name) FROM sqlite_master").fetchone()[0]
    with Index.open(folder) as index:
        assert dict(index.catalog._db.execute("SELECT what, number FROM counts")) == {
            "sources": 5, "documents": 5, "passages": 5, "pending": 0,
        }  # fmt: skip
    assert check(folder).problems == ()


@pytest.mark.parametrize("stopped_in", ["index.lexical.LexicalIndex.catch_up", "index.vectors._crc32"])
def test_caches_that_a_killed_process_began_to_make_are_not_damaged(
    folder: Path, monkeypatch: pytest.MonkeyPatch, stopped_in: str
) -> None:
    class Killed(BaseException):
        """Not even an error: nothing is told or cleaned up for it."""

    def killed(*_: object) -> None:
        raise Killed

    # As of an index that was just restored.
    shutil.rmtree(folder / "lexical")
    shutil.rmtree(folder / "dense")
    with monkeypatch.context() as patch:
        patch.setattr(stopped_in, killed)
        with pytest.raises(Killed):
            Index.open(folder)
    assert (folder / "lexical").exists()
    assert [problem for problem in check(folder).problems if problem.kind is not Kind.LEFT_BEHIND] == []
    Index.open(folder).close()
    assert check(folder).problems == ()


def test_every_sample_is_whole(sample_index: Path) -> None:
    assert check(sample_index).problems == ()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_damage_is_named_and_mended(
    damage: Damage, folder: Path, whole: Path, docs: Path, hashing: Embedder, content: Content
) -> None:
    damage.do(folder)
    found = check(folder).problems
    named = [problem for problem in found if problem.kind is damage.kind and damage.said in str(problem)]
    assert named, found
    assert all(problem.remedy in str(problem) for problem in found)
    left = repair(folder, drop_damaged=True).left
    assert left.problems == ()
    assert ingest([docs], folder, embedder=hashing).failures == []
    assert check(folder).problems == ()
    assert content(folder) == content(whole)
    with Index.open(folder) as index:
        assert index.catalog.pending_count() == 0
        for words in ("keeper of the lamp", "warm bread"):
            hits = index.search_dense(hashing.embed_query(words), k=5, filters=Filters())
            with Index.open(whole) as undamaged:
                wanted = undamaged.search_dense(hashing.embed_query(words), k=5, filters=Filters())
            assert sorted(hit.score for hit in hits) == sorted(hit.score for hit in wanted)


def damage_at(name: str) -> int:
    return next(i for i, damage in enumerate(DAMAGES) if damage.name == name)


@given(st.sets(st.integers(0, len(DAMAGES) - 1), min_size=2, max_size=4))
@example({damage_at("another vector"), damage_at("passage gone")})  # ingested again, its text took the other vector
def test_several_kinds_of_damage_at_once(
    whole: Path,
    docs: Path,
    hashing: Embedder,
    content: Content,
    tmp_path_factory: pytest.TempPathFactory,
    which: set[int],
) -> None:
    folder = shutil.copytree(whole, tmp_path_factory.mktemp("several") / "news.index")
    for number in sorted(which):
        try:
            DAMAGES[number].do(folder)
        except (AssertionError, StopIteration, sqlite3.Error):  # another took away what it damages
            continue
    assert check(folder).problems
    assert repair(folder, drop_damaged=True).left.problems == ()
    ingest([docs], folder, embedder=hashing)
    assert check(folder).problems == ()
    assert content(folder) == content(whole)


def test_what_was_damaged_is_read_again_without_being_dropped(
    folder: Path, whole: Path, docs: Path, hashing: Embedder, content: Content
) -> None:
    sql("UPDATE sources SET text = replace(text, 'baker', 'maker') WHERE path = 'd.txt'")(folder)
    repaired = repair(folder)
    assert repaired.done == (
        f"d.txt is to be read again by the next run: dragoman ingest {docs / 'd.txt'}",
        "deleted 1 embeddings that no passage has: whether they are right cannot be told",
    )
    assert [problem.subject for problem in repaired.left.problems] == ["d.txt"]
    assert ingest([docs], folder, embedder=hashing).replaced == ["d.txt"]
    assert check(folder).problems == ()
    assert content(folder) == content(whole)


def test_repair_embeds_nothing_that_is_right(folder: Path, docs: Path, hashing: Embedder) -> None:
    sql(f"DELETE FROM tokens WHERE embedding = {EMBEDDING}")(folder)
    repaired = repair(folder)
    assert [line.partition(" ")[0] for line in repaired.done] == ["1", "deleted"]
    with Catalog(folder) as catalog:
        assert catalog.pending_count() == 1
    report = ingest([docs], folder, embedder=hashing)
    assert (report.unchanged, report.passages, report.known) == (5, 1, 0)


def test_a_reader_that_is_open_sees_what_was_repaired(folder: Path, docs: Path, hashing: Embedder) -> None:
    with Index.open(folder) as reader:
        sql("UPDATE embeddings SET vector = CAST(x'7e7e' || substr(vector, 3) AS BLOB)")(folder)
        repair(folder)
        reader.refresh()
        assert reader.dense.count == 0
        ingest([docs], folder, embedder=hashing)
        reader.refresh()
        with Index.open(folder) as fresh:
            query = hashing.embed_query("keeper of the lamp")
            assert reader.search_dense(query, k=9, filters=Filters()) == fresh.search_dense(
                query, k=9, filters=Filters()
            )
            assert reader.dense.count == 5


def test_nothing_is_repaired_of_what_sqlite_cannot_read(folder: Path) -> None:
    with (folder / FILE_NAME).open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 4)
    [*found] = check(folder).problems
    assert {problem.kind for problem in found} == {Kind.CATALOG}
    assert "dragoman index restore" in str(found[0])
    before = (folder / FILE_NAME).read_bytes()
    with pytest.raises(IndexFolderError, match="dragoman index restore"):
        repair(folder)
    assert (folder / FILE_NAME).read_bytes() == before


def test_settings_that_are_gone(folder: Path) -> None:
    sql("DELETE FROM settings WHERE name = 'embedder'")(folder)
    assert "has no setting 'embedder'" in str(check(folder).problems[0])
    sql("UPDATE settings SET value = '99' WHERE name = 'format'")(folder)
    with pytest.raises(IndexMismatch, match="has format 99"):
        check(folder)


def test_there_must_be_an_index(tmp_path: Path) -> None:
    for step in (check, repair):
        with pytest.raises(IndexFolderError, match="no index here"):
            step(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_it_is_checked_while_it_is_written_and_not_repaired(folder: Path) -> None:
    with writing(folder):
        assert check(folder).problems == ()
        with pytest.raises(IndexLocked):
            repair(folder)


def test_caches_may_be_behind(folder: Path, docs: Path, hashing: Embedder, tmp_path: Path, write: Write) -> None:
    for name in ("dense", "lexical"):
        shutil.copytree(folder / name, tmp_path / name)
    more = write(
        tmp_path / "more",
        {"new.txt": "New oars\n\nThe oars of the blue boat are new, and its sail is as old as before.\n"},
    )
    ingest([more], folder, embedder=hashing)
    with Catalog(folder) as catalog:
        catalog.commit([], remove=["b.txt"])
    for name in ("dense", "lexical"):
        shutil.rmtree(folder / name)
        shutil.copytree(tmp_path / name, folder / name)
    found = check(folder)
    assert found.problems == ()
    assert sum("batches behind the catalog" in note for note in found.notes) == 2
    with closing(sqlite3.connect(folder / FILE_NAME)) as db:
        assert db.execute("SELECT count(*) FROM removed").fetchone() > (0,)


def test_vectors_in_cells_are_compared_as_they_are_kept(folder: Path, tmp_path: Path, hashing: Embedder) -> None:
    more = tmp_path / "more"
    more.mkdir()
    for number in range(40):
        (more / f"{number}.txt").write_text(f"Boat {number}\n\nThe boat {number * 7} has sail {number * 11} in red.\n")
    ingest([more], folder, embedder=hashing)
    shutil.rmtree(folder / "dense")
    with Catalog(folder) as catalog:
        dense = DenseIndex(folder / "dense", hashing.identity.dimension, exact_up_to=20)
        dense.open(catalog)
        dense.save()
        [key] = catalog._db.execute("SELECT embedding FROM passages ORDER BY key DESC LIMIT 1").fetchone()
    assert "cells, 8 bits" in dense.kind
    assert check(folder).problems == ()
    sql(f"UPDATE embeddings SET vector = (SELECT vector FROM embeddings WHERE key = 1) WHERE key = {key}")(folder)
    [found] = check(folder).problems
    assert "the catalog and the dense cache have different vectors of it" in str(found)


def test_a_dense_cache_of_the_embedder_before_is_no_damage(folder: Path, hashing: Embedder, tmp_path: Path) -> None:
    shutil.copytree(folder / "dense", tmp_path / "dense")
    reembed(folder, embedder=TurnedEmbedder(3))
    shutil.rmtree(folder / "dense")
    shutil.copytree(tmp_path / "dense", folder / "dense")  # as when it was stopped right after the change
    found = check(folder)
    assert found.problems == ()
    assert any("the dense cache is of the embedder before" in note for note in found.notes)


def test_what_a_killed_writer_left_half_written_is_no_damage(folder: Path) -> None:
    named = next((folder / "lexical").glob("*.term"))
    for name in (f"{'a' * 32}.term", f"{named.stem}.99.del"):  # of a segment that is not named, and of one that is
        (folder / "lexical" / name).write_bytes(b"half")
    assert check(folder).problems == ()
