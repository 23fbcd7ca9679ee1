"""Snapshots, restored ones, and compacting: consistent while the index is in use, whole whenever they are killed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from index.catalog import Catalog
from index.check import check
from index.compact import compact
from index.connect import format_of_file
from index.embed import Embedder
from index.errors import IndexFolderError, IndexLocked, IndexUnwritable
from index.folder import Filters, Index
from index.ingest import ingest
from index.lock import writing
from index.schema import FILE_NAME
from index.snapshot import restore, take_snapshot
from index.stats import stats
from ui.cli import main

ROOT = Path(__file__).parents[1]
Write = Callable[[Path, dict[str, str]], Path]
Content = Callable[[Path], object]
ASKED = "keeper of the lamp"


def stories(numbers: range) -> dict[str, str]:
    return {
        f"{number}.txt": f"Story {number} of the lamp\n\nThe keeper of lamp {number} wrote to the harbour in spring. "
        f"He asked for oil, for {number + 3} new wicks and for a letter from his brother.\n"
        for number in numbers
    }


@pytest.fixture
def docs(tmp_path: Path, write: Write) -> Path:
    return write(tmp_path / "docs", stories(range(12)))


@pytest.fixture
def folder(docs: Path, tmp_path: Path, hashing: Embedder) -> Path:
    """An index in which half of what was there is gone."""
    folder = tmp_path / "news.index"
    ingest([docs], folder, embedder=hashing)
    for number in range(6):
        (docs / f"{number}.txt").unlink()
    ingest([docs], folder, embedder=hashing, prune=True)
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_is_restored_is_what_was_there(folder: Path, tmp_path: Path, content: Content, hashing: Embedder) -> None:
    size = take_snapshot(folder, tmp_path / "a.copy")
    assert size == (tmp_path / "a.copy").stat().st_size
    before = (tmp_path / "a.copy").read_bytes()
    checked, kept = restore(tmp_path / "a.copy", tmp_path / "b.index")
    assert (checked.sources, checked.problems, kept) == (6, (), None)
    assert (tmp_path / "a.copy").read_bytes() == before
    assert content(tmp_path / "b.index") == content(folder)
    assert check(tmp_path / "b.index").problems == ()
    with Index.open(tmp_path / "b.index") as made, Index.open(folder) as old:
        query = hashing.embed_query(ASKED)
        assert made.search_dense(query, k=9, filters=Filters()) == old.search_dense(query, k=9, filters=Filters())
        assert made.lexical.keys().tolist() == old.lexical.keys().tolist() == made.dense.keys().tolist()
        assert made.catalog.id != old.catalog.id  # so that neither takes the other's caches for its own
    assert check(tmp_path / "b.index").problems == ()


def test_nothing_is_replaced_unless_told_so(folder: Path, tmp_path: Path, content: Content) -> None:
    copy = tmp_path / "a.copy"
    take_snapshot(folder, copy)
    with pytest.raises(IndexFolderError, match=r"is there already; .* --force"):
        take_snapshot(folder, copy)
    take_snapshot(folder, copy, force=True)
    (tmp_path / "mine.txt").write_text("a letter")
    with pytest.raises(IndexFolderError, match="no snapshot, so it is not replaced"):
        take_snapshot(folder, tmp_path / "mine.txt", force=True)
    assert (tmp_path / "mine.txt").read_text() == "a letter"
    with pytest.raises(IndexFolderError, match="a folder; name the file"):
        take_snapshot(folder, tmp_path)
    before = content(folder)
    with pytest.raises(IndexFolderError, match=r"something is there already; .* --force"):
        restore(copy, folder)
    with writing(folder), pytest.raises(IndexLocked):
        restore(copy, folder, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.copy", "docs", "mine.txt", "news.index"]
    for number in (1, 2):
        _, kept = restore(copy, folder, force=True)
        assert kept is not None and kept == tmp_path / f"news.index.before-{number}"
        assert content(kept) == content(folder) == before


@pytest.mark.parametrize("can_exchange", [True, False])
def test_what_was_killed_while_restoring_is_in_nobodys_way(
    folder: Path, tmp_path: Path, content: Content, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:  # as on some file systems
        monkeypatch.setattr("index.snapshot.exchange", lambda one, other: False)
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    left, mine = tmp_path / f".news.index.restored.{process.pid}", tmp_path / ".news.index.2024"
    for beside in (left, mine):
        beside.mkdir()
        (beside / "catalog.sqlite").write_text("half")
    before = content(folder)
    take_snapshot(folder, tmp_path / "a.copy")
    with closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.execute("DELETE FROM clusters")
    _, kept = restore(tmp_path / "a.copy", folder, force=True)
    assert kept is not None and check(kept).problems == () and content(folder) == before
    names = [".news.index.2024", "a.copy", "docs", "news.index", "news.index.before-1"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_a_damaged_snapshot_is_not_restored(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "a.copy"
    take_snapshot(folder, copy)
    with closing(sqlite3.connect(copy)) as db, db:
        db.execute("UPDATE sources SET text = replace(text, 'keeper', 'kEeper')")
    with pytest.raises(IndexFolderError, match=r"damaged, so nothing was restored; 6 problems: source '10\.txt'"):
        restore(copy, tmp_path / "b.index")
    copy.write_bytes(copy.read_bytes()[:9000])
    with pytest.raises(IndexFolderError, match=r"a\.copy"):
        restore(copy, tmp_path / "b.index")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.copy", "docs", "news.index"]


def test_a_snapshot_is_of_one_moment_while_a_writer_goes_on(
    folder: Path, tmp_path: Path, write: Write, hashing: Embedder
) -> None:
    more = write(tmp_path / "more", stories(range(100, 400)))
    writer = threading.Thread(target=lambda: ingest([more], folder, embedder=hashing))
    writer.start()
    taken = []
    while writer.is_alive() and len(taken) < 8:
        taken.append(tmp_path / f"{len(taken)}.copy")
        take_snapshot(folder, taken[-1])
    writer.join()
    assert check(folder).problems == ()
    assert taken
    for number, copy in enumerate(taken):
        checked, _ = restore(copy, tmp_path / f"{number}.index")
        assert checked.problems == ()
        with Index.open(tmp_path / f"{number}.index") as index:
            assert index.lexical._count() == index.catalog.passage_count()
            assert index.dense.count == index.catalog.passage_count() - index.catalog.pending_count()
        assert ingest([more], tmp_path / f"{number}.index", embedder=hashing).failures == []
        assert Catalog(tmp_path / f"{number}.index").counts()[0] == 306


def test_a_writer_does_not_wait_for_a_snapshot(folder: Path, tmp_path: Path, content: Content) -> None:
    before, sequences = content(folder), []

    def commit(what: str, done: int, total: int) -> None:
        with Catalog(folder) as catalog:
            sequences.append(catalog.commit([], remove=[f"{6 + len(sequences)}.txt"]))

    take_snapshot(folder, tmp_path / "a.copy", on_progress=commit)
    assert sequences
    restore(tmp_path / "a.copy", tmp_path / "b.index")
    assert content(tmp_path / "b.index") == before


def test_compacting_gives_back_what_nothing_uses(folder: Path, docs: Path, content: Content, hashing: Embedder) -> None:
    before = content(folder)
    done = compact(folder)
    assert (done.embeddings, done.removed, done.log_is_kept) == (6, 6, False)
    assert done.bytes_after < done.bytes_before
    assert content(folder) == before
    found = check(folder)
    assert (found.problems, found.notes, found.embeddings) == ((), (), 6)
    again = compact(folder)
    assert (again.embeddings, again.removed) == (0, 0)
    assert ingest([docs], folder, embedder=hashing).unchanged == 6


def test_what_waits_for_an_embedding_that_is_there_keeps_it(
    folder: Path, docs: Path, hashing: Embedder, write: Write
) -> None:
    write(docs, {name: text for name, text in stories(range(6)).items() if name == "3.txt"})
    ingest([docs], folder, embedder=hashing)
    with closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.execute("UPDATE passages SET embedding = NULL, embedded = NULL WHERE key = (SELECT max(key) FROM passages)")
    assert compact(folder).embeddings == 5
    report = ingest([docs], folder, embedder=hashing)
    assert (report.passages, report.known) == (1, 1)


def test_readers_that_are_older_find_what_a_new_one_finds(
    folder: Path, docs: Path, tmp_path: Path, hashing: Embedder
) -> None:
    query = hashing.embed_query(ASKED)
    with Index.open(folder) as reader:
        for name in ("dense", "lexical"):
            shutil.copytree(folder / name, tmp_path / name)
        (docs / "7.txt").unlink()
        ingest([docs], folder, embedder=hashing, prune=True)
        assert compact(folder).removed == 7
        reader.refresh()
        with Index.open(folder) as fresh:
            wanted = fresh.search_dense(query, k=9, filters=Filters())
            assert len(wanted) == 5
            assert reader.search_dense(query, k=9, filters=Filters()) == wanted
    for name in ("dense", "lexical"):
        shutil.rmtree(folder / name)
        shutil.copytree(tmp_path / name, folder / name)
    found = check(folder)
    assert found.problems == () and all("older than what the catalog remembers" in note for note in found.notes)
    with Index.open(folder) as fresh:
        assert fresh.search_dense(query, k=9, filters=Filters()) == wanted
        assert len(fresh.search_lexical(ASKED, k=9, filters=Filters())) == fresh.lexical._count() == 5


def test_compacting_needs_room(folder: Path) -> None:
    before = files_of(folder)
    with pytest.raises(IndexUnwritable, match=r"needs \d+ MB of disk while it works, .* 1 MB are free"):
        compact(folder, free_bytes=lambda folder: 1_000_000)
    assert files_of(folder) == before


STEPS = {
    "compact": "from index.compact import compact; compact(folder)",
    "snapshot": "from index.snapshot import take_snapshot; take_snapshot(folder, folder.parent / 'a.copy', force=True)",
}


@pytest.mark.parametrize("step", STEPS)
def test_kill_9_leaves_the_index_whole(step: str, folder: Path, content: Content, tmp_path: Path, write: Write) -> None:
    before = content(folder)
    begin = "import sys; from pathlib import Path; import index.compact, index.snapshot; folder = Path(sys.argv[1])"
    code = f"{begin}; print(flush=True)\nwhile True: {STEPS[step]}"
    for seconds in (0.05, 0.1, 0.3):
        with closing(sqlite3.connect(folder / FILE_NAME)) as db, db:  # something to give back
            db.execute("INSERT OR REPLACE INTO removed VALUES (999, 'en', zeroblob(500000), 1)")
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        process.wait()
        process.stdout.close()
        assert [str(problem) for problem in check(folder).problems if "half-written" not in str(problem)] == []
        assert content(folder) == before
    if (tmp_path / "a.copy").exists():
        restore(tmp_path / "a.copy", tmp_path / "b.index")
        assert content(tmp_path / "b.index") == before


def test_figures(folder: Path, hashing: Embedder) -> None:
    found = stats(folder)
    assert (found.sources, found.documents, found.passages, found.embedded) == (6, 6, 6, 6)
    assert found.languages == {"en": 6}
    assert (found.embedder, found.dimension, found.format) == ("hashing", 64, 4)
    assert (found.dense_kind, found.recall) == ("exact", 1.0)
    assert found.sequence == found.dense_sequence == found.lexical_sequence
    assert (found.unused_embeddings, found.bytes_in_catalog["vectors"]) == (6, 12 * 128)
    assert found.bytes_of[FILE_NAME] == (folder / FILE_NAME).stat().st_size
    with closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.execute("UPDATE passages SET embedding = NULL, embedded = NULL WHERE key = (SELECT max(key) FROM passages)")
    assert stats(folder).embedded == 5


def test_the_commands(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = ("--index", str(folder))
    assert main(["index", "check", *index]) == 0
    assert capsys.readouterr().out == "6 sources, 6 passages, 12 embeddings: nothing is wrong\n"
    assert main(["index", "snapshot", str(tmp_path / "a.copy"), *index]) == 0
    assert format_of_file(tmp_path / "a.copy") == "4"
    next((folder / "dense").glob("*.faiss")).write_bytes(b"")
    assert main(["index", "check", *index]) == 1
    assert "dragoman index repair makes it again" in capsys.readouterr().out
    assert main(["index", "check", "--json", *index]) == 1
    assert '"kind": "dense cache"' in capsys.readouterr().out
    assert main(["index", "repair", *index]) == 0
    assert "made the dense cache again from the catalog" in capsys.readouterr().out
    assert main(["index", "compact", *index]) == 0
    assert "6 embeddings that no passage used, 6 removals" in capsys.readouterr().out
    assert main(["index", "stats", *index]) == 0
    assert "exact; recall 1.000" in capsys.readouterr().out
    assert main(["index", "restore", str(tmp_path / "a.copy"), *index]) == 1
    assert main(["index", "restore", str(tmp_path / "a.copy"), "--index", str(tmp_path / "b.index"), "--json"]) == 0
    assert '"passages": 6' in capsys.readouterr().out
    for step in ("check", "repair", "compact", "stats"):
        assert main(["index", step, "--index", str(tmp_path / "none")]) == 1
