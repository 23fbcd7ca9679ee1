"""Folders that cannot be written: read-only ones are asked all the same, and a full disk loses nothing."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.connect import connect_to_read, transaction
from index.embed import Embedder
from index.errors import IndexFolderError, IndexUnwritable
from index.folder import Filters, Index
from index.ingest import ingest
from index.schema import FILE_NAME

ROOT = Path(__file__).parents[1]
STORIES = {
    f"{number}.txt": f"Story {number} of the lamp\n\n"
    f"The keeper of lamp {number} wrote to the harbour office in spring. "
    f"He asked for oil, for {number + 3} new wicks and for a letter from his brother.\n"
    for number in range(40)
}
INGEST = """\
import sys
from pathlib import Path
from index.embed import HashingEmbedder
from index.errors import IndexUnwritable
from index.ingest import ingest
try:
    ingest([Path(sys.argv[1])], Path(sys.argv[2]), embedder=HashingEmbedder())
except IndexUnwritable as error:
    print(error)
    sys.exit(1)
"""
ASK = """\
import sys
from pathlib import Path
from index.folder import Filters, Index
with Index.open(Path(sys.argv[1]), report=lambda told: print("told:", told)) as index:
    print(index.catalog.counts(), index.dense.count)
    print(len(index.search_lexical("keeper of the lamp", k=3, filters=Filters())))
"""
Write = Callable[[Path, dict[str, str]], Path]


@pytest.fixture
def docs(tmp_path: Path, write: Write) -> Path:
    return write(tmp_path / "docs", STORIES)


def without_the_right_to_all() -> None:
    """Take from root, in a process to come, what lets it write whatever the permissions say."""
    drop_from_bounding_set, override, read_search = 24, 1, 2
    for capability in (override, read_search):
        ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0)


def run(code: str, *arguments: Path, before: Callable[[], object]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        preexec_fn=before,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.fixture
def read_only(docs: Path, tmp_path: Path, hashing: Embedder) -> Iterator[Path]:
    folder = tmp_path / "news.index"
    ingest([docs], folder, embedder=hashing)
    everything = [folder, *folder.rglob("*")]
    modes = [path.stat().st_mode for path in everything]
    for path, mode in zip(everything, modes, strict=True):
        path.chmod(mode & 0o555)
    yield folder
    for path, mode in zip(everything, modes, strict=True):
        path.chmod(mode)


@pytest.mark.skipif(sys.platform != "linux", reason="root is told apart by Linux's capabilities")
def test_a_read_only_folder_is_asked_and_not_written(read_only: Path, docs: Path) -> None:
    asked = run(ASK, read_only, before=without_the_right_to_all)
    assert asked.stderr == ""
    told, counts, hits = asked.stdout.splitlines()
    assert "cannot be written (Permission denied)" in told
    assert (counts, hits) == ("(40, 40, 40) 40", "3")
    written = run(INGEST, docs, read_only, before=without_the_right_to_all)
    assert (written.returncode, written.stderr) == (1, "")
    assert written.stdout.startswith(f"{read_only}: cannot be written (Permission denied)")


def limited(size: int) -> Callable[[], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize("room", [0, 20_000, 60_000, 120_000])
def test_a_disk_that_is_full_loses_nothing_that_was_committed(
    room: int, docs: Path, tmp_path: Path, hashing: Embedder, content: Callable[[Path], object], write: Write
) -> None:
    folder = tmp_path / "news.index"
    first = write(tmp_path / "first", dict(list(STORIES.items())[:4]))
    ingest([first], folder, embedder=hashing)
    before = content(folder)
    done = run(INGEST, docs, folder, before=limited(room))
    assert (done.returncode, done.stderr) == (1, "")
    assert "cannot be written" in done.stdout and "free some" in done.stdout
    with Index.open(folder) as index:
        assert index.catalog.counts()[0] in (4, 44)
        if index.catalog.counts()[0] == 4:
            assert content(folder) == before
        hits = index.search_lexical("keeper of the lamp", k=3, filters=Filters())
        assert len(index.passages(hit.key for hit in hits)) == 3
    assert ingest([docs], folder, embedder=hashing).failures == []
    ingest([first, docs], undisturbed := tmp_path / "undisturbed.index", embedder=hashing)
    assert content(folder) == content(undisturbed)


def test_what_else_goes_wrong_in_a_transaction_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None) as db:
        with pytest.raises(sqlite3.OperationalError, match="no such table"), transaction(db, tmp_path):
            db.execute("INSERT INTO no_table VALUES (1)")
        assert not db.in_transaction
        db.execute("CREATE TABLE x (y)")
        db.execute("PRAGMA max_page_count = 2")
        with pytest.raises(IndexUnwritable, match="database or disk is full"), transaction(db, tmp_path):
            db.execute("INSERT INTO x VALUES (zeroblob(100000))")
        assert not db.in_transaction
    with connect_to_read(tmp_path / "a.sqlite") as db:
        assert db.execute("SELECT count(*) FROM x").fetchone() == (0,)


def test_a_catalog_that_is_none_is_still_said_to_be_so(tmp_path: Path, docs: Path, hashing: Embedder) -> None:
    folder = tmp_path / "news.index"
    ingest([docs], folder, embedder=hashing)
    shutil.rmtree(folder / "dense")
    (folder / FILE_NAME).write_bytes(b"not a database" * 100)
    with pytest.raises(IndexFolderError, match="not a database"):
        Index.open(folder)
