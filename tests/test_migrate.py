"""An index of format 3, as it was written then, becomes one of today's."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from index import migrate as migration
from index.catalog import Catalog
from index.embed import Embedder
from index.errors import IndexFolderError, IndexLocked, IndexMismatch
from index.folder import Filters, Index
from index.ingest import ingest
from index.migrate import format_of, kept_as, migrate
from index.schema import FILE_NAME, FORMAT_VERSION

DUMP = Path(__file__).parent / "cases" / "format-3.sql"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "old.index"
    folder.mkdir()
    with closing(sqlite3.connect(folder / FILE_NAME)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(DUMP.read_text(encoding="utf-8"))
    return folder


def rows(location: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(location)) as db:
        return db.execute(query).fetchall()


def test_opening_brings_it_forward_and_keeps_the_old_one(folder: Path, hashing: Embedder) -> None:
    before = (folder / FILE_NAME).read_bytes()
    told: list[str] = []
    with Index.open(folder, report=told.append) as index:
        index.use_embedder(hashing)
        assert index.catalog.counts() == (3, 3, 3) and index.catalog.pending_count() == 0
        assert index.dense.count == index.lexical._count() == 3
        hits = index.search_dense(hashing.embed_query("lighthouse keeper"), k=3, filters=Filters())
        assert sorted(index.token_vectors(hit.key for hit in hits)) == [2, 3, 4]
        assert len(index.cluster_of("fd45dbaf10210c58").documents) == 2
        assert index.catalog.built_with.embedder == hashing.identity
    assert "from format 3 to 4" in told[0] and str(kept_as(folder)) in told[1]
    assert format_of(folder) == str(FORMAT_VERSION)
    assert kept_as(folder).read_bytes() == before
    with Index.open(folder, report=told.append):
        assert len(told) == 2  # once


def test_nothing_of_it_is_lost_and_texts_are_embedded_once(folder: Path) -> None:
    migrate(folder, report=lambda message: None)
    old, new = kept_as(folder), folder / FILE_NAME
    for columns, table in (
        ("key, path, location, sha256, text_sha256, rules, text", "sources"),
        ("*", "documents"),
        ("*", "dropped"),
        ("*", "removed"),
        ("*", "prints"),
        ("*", "clusters"),
        ('key, id, document, start, "end", lang, sequence', "passages"),
    ):
        assert rows(new, f"SELECT {columns} FROM {table} ORDER BY 1") == rows(
            old, f"SELECT {columns} FROM {table} ORDER BY 1"
        )
    assert rows(
        new,
        "SELECT p.key, e.vector, t.packed, p.embedded FROM passages p JOIN embeddings e ON e.key = p.embedding "
        "JOIN tokens t ON t.embedding = e.key ORDER BY p.key",
    ) == rows(
        old, "SELECT p.key, vector, packed, sequence FROM passages p JOIN tokens t ON t.passage = p.key ORDER BY p.key"
    )
    assert rows(new, "SELECT count(*) FROM embeddings") == [(2,)]  # one of the files is a copy of another
    assert rows(new, "SELECT seq FROM sqlite_sequence WHERE name = 'passages'") == [(4,)]


def test_ingest_goes_on_from_it(folder: Path, hashing: Embedder, write: Callable[..., Path], tmp_path: Path) -> None:
    (text,) = rows(folder / FILE_NAME, "SELECT text FROM sources WHERE path = 'again.txt'")[0]
    docs = write(tmp_path / "docs", {"fourth.txt": str(text)})
    report = ingest([docs], folder, embedder=hashing)
    assert (report.added, report.passages, report.known) == (["fourth.txt"], 1, 1)  # its text was embedded before
    with Index.open(folder) as index:
        assert index.catalog.passage_keys(["never"]) == {} and index.catalog.counts() == (4, 4, 4)


def test_the_command_goes_on_from_it(
    folder: Path, write: Callable[..., Path], tmp_path: Path, dragoman: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    docs = write(tmp_path / "new", {"new.txt": "The harbour has a new lamp. It burns all night, and boats come home."})
    done = dragoman("ingest", docs, "--index", folder)
    assert (done.returncode, done.stdout.split(";")[0]) == (0, "1 added, 0 replaced, 0 unchanged")
    assert kept_as(folder).is_file() and format_of(folder) == str(FORMAT_VERSION)


def test_what_breaks_half_way_leaves_the_old_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / FILE_NAME).read_bytes()
    monkeypatch.setattr(migration, "_COPIED", migration._COPIED + "INSERT INTO no_such_table VALUES (1);\n")
    with pytest.raises(IndexFolderError, match=r"could not be brought to format 4 .*; it is as it was"):
        migrate(folder, report=lambda message: None)
    assert (folder / FILE_NAME).read_bytes() == before
    assert [file.name for file in folder.iterdir() if "catalog" in file.name and "wal" not in file.name] == [FILE_NAME]


def test_it_waits_for_nobody(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as reader:
        reader.execute("CREATE TABLE x (y)")  # so that there is a log to write back
        with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM sources").fetchone()
            reader.execute("INSERT INTO x VALUES (1)")
            with pytest.raises(IndexLocked, match="an older version"):
                migrate(folder, report=lambda message: None)
    assert format_of(folder) == "3"


def test_without_it_the_error_says_what_to_do(folder: Path, hashing: Embedder) -> None:
    with pytest.raises(IndexMismatch, match=f"format 3, this version reads {FORMAT_VERSION}; bring it forward: dragom"):
        Catalog(folder)
