"""An index made whole again as far as its catalog allows, without embedding anything.

What can be made again is deleted: caches, embeddings, half-written files. What cannot, the texts, stays until the files
are ingested again, or it is told to go. Passages whose embedding goes get new keys, as if they came last, for caches
rely on passages being embedded in the order of their keys.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from index.catalog import Catalog
from index.check import Checked, Kind, Problem, Progress, check, unnamed_vectors
from index.connect import catalog_file, connect, transaction
from index.dense import make_dense
from index.errors import IndexFolderError, IndexUnwritable
from index.folder import Index
from index.lock import writing
from index.schema import REMOVED_FROM, count_anew
from index.unused import delete_unused_embeddings, unused_embeddings
from index.whole import delete_left_behind
from index.words import make_words

# Damage by which a passage may have gone and left its embedding.
_LOSING_PASSAGES = (Kind.SOURCE, Kind.ORPHAN)


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done, and what is still wrong."""

    done: tuple[str, ...]
    left: Checked


def repair(
    folder: Path,
    *,
    drop_damaged: bool = False,
    report: Callable[[str], None] = lambda message: None,
    on_progress: Progress = lambda what, done, total: None,
) -> Repaired:
    """Mend what `check` finds. Damaged sources are marked to be read again, or with `drop_damaged` removed.

    Raises IndexFolderError if SQLite itself finds the catalog damaged, IndexLocked, IndexUnwritable.
    """
    location = catalog_file(folder)
    with writing(folder):
        found = check(folder, on_progress=on_progress).problems
        if broken := [problem for problem in found if problem.kind is Kind.CATALOG]:
            raise IndexFolderError(f"{broken[0]} ({len(broken)} such problems); nothing was changed")
        done = _delete_files(folder, found)
        done += _mend_catalog(location, found, drop_damaged=drop_damaged)
        with Index(folder, Catalog(folder), report=report) as index:
            index.bring_caches_forward(writable=True)
        return Repaired(tuple(done), check(folder, on_progress=on_progress))


def _delete_files(folder: Path, found: Iterable[Problem]) -> list[str]:
    kinds = {problem.kind for problem in found}
    done = []
    try:
        for file in (*delete_left_behind(folder), *unnamed_vectors(folder)):
            shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
            done.append(f"deleted {file}")
        if Kind.DENSE in kinds:
            with Catalog(folder) as catalog:
                dense = make_dense(folder, catalog.vectors_at, catalog.built_with.embedder.dimension)
                dense.delete(catalog.vectors_id)
        if Kind.LEXICAL in kinds:
            with Catalog(folder) as catalog:
                make_words(folder, catalog.vectors_at).delete(catalog.id)
        made = [kind for kind in (Kind.DENSE, Kind.LEXICAL) if kind in kinds]
        done += [f"made the {kind} again from the catalog" for kind in made]
    except OSError as error:
        raise IndexUnwritable(
            f"{folder}: cannot be written ({error}); nothing but files of caches was changed"
        ) from error
    return done


def _mend_catalog(location: Path, found: Iterable[Problem], *, drop_damaged: bool) -> list[str]:
    """Mend the catalog in one transaction; caches that are older begin from nothing then."""
    subjects: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    for problem in found:
        if problem.subject not in subjects[problem.kind]:
            subjects[problem.kind].append(problem.subject)
    with closing(connect(location)) as db, transaction(db, location):
        sequence = int(db.execute("SELECT value FROM settings WHERE name = 'sequence'").fetchone()[0]) + 1
        damaged, aside = _damaged_embeddings(db, subjects)
        done = _delete_orphans(db) if subjects[Kind.ORPHAN] else []
        done += _put_last(db, aside, sequence) + _delete_embeddings(db, damaged)
        if drop_damaged:
            done += _drop_sources(db, subjects[Kind.SOURCE])
        if done:
            db.execute("UPDATE settings SET value = ? WHERE name = 'sequence'", (str(sequence),))
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (REMOVED_FROM, str(sequence)))
        if not drop_damaged:
            done += _mark_sources(db, subjects[Kind.SOURCE])
        if any(subjects[kind] for kind in _LOSING_PASSAGES):
            done += _delete_unused_embeddings(db)
        if subjects[Kind.COUNT]:
            count_anew(db)  # last: what was deleted is counted, too
            done.append("counted the rows of the catalog again")
    return done


def _delete_orphans(db: sqlite3.Connection) -> list[str]:
    done = []
    # In the order of the schema, which has parents before children.
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall():
        for _, _, parent, column, *_ in db.execute(f"PRAGMA foreign_key_list({table})").fetchall():
            if (table, parent) == ("passages", "embeddings"):
                continue  # which can be made again
            deleted = db.execute(f"DELETE FROM {table} WHERE {column} NOT IN (SELECT key FROM {parent})").rowcount
            if deleted:
                done.append(f"deleted {deleted} rows of {table} that belonged to none of the {parent}")
    return done


def _damaged_embeddings(db: sqlite3.Connection, subjects: dict[Kind, list[str]]) -> tuple[set[int], set[int]]:
    """The keys of the embeddings that are to go, and of the passages that lose one by that, or stand out of order."""
    damaged = {int(key) for key in subjects[Kind.EMBEDDING]}
    aside = {int(key) for kind in (Kind.PASSAGE, Kind.ORDER) for key in subjects[kind]}
    used = dict(db.execute("SELECT key, embedding FROM passages WHERE embedding IS NOT NULL"))
    # Whose the embedding of such a passage is, and whether it is right, cannot be told.
    damaged |= {used[int(key)] for key in subjects[Kind.PASSAGE] if int(key) in used}
    return damaged, aside | {passage for passage, embedding in used.items() if embedding in damaged}


def _put_last(db: sqlite3.Connection, passages: set[int], sequence: int) -> list[str]:
    """Give passages new keys, to be embedded again."""
    columns = 'id, document, start, "end", lang, text'
    for key in sorted(passages):
        row = db.execute(f"SELECT {columns} FROM passages WHERE key = ?", (key,)).fetchone()
        if row is not None:  # else it was an orphan, too
            db.execute("DELETE FROM passages WHERE key = ?", (key,))
            db.execute(f"INSERT INTO passages ({columns}, sequence) VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, sequence))
            db.execute("DELETE FROM prints WHERE document = ?", (row[1],))  # made with its vector
    return [f"{len(passages)} passages are to be embedded by the next run: dragoman ingest"] if passages else []


def _delete_embeddings(db: sqlite3.Connection, keys: set[int]) -> list[str]:
    db.executemany("DELETE FROM embeddings WHERE key = ?", [(key,) for key in sorted(keys)])
    # Where none of an embedder's is left, what its token vectors are packed by is made again, too.
    db.execute("UPDATE embedders SET token_mean = '' WHERE key NOT IN (SELECT embedder FROM embeddings)")
    return [f"deleted {len(keys)} embeddings that are damaged or not what they should be"] if keys else []


def _delete_unused_embeddings(db: sqlite3.Connection) -> list[str]:
    # Of a passage that is gone the vector was compared with none: its text, ingested again, would take whatever it is.
    count, _ = unused_embeddings(db)
    delete_unused_embeddings(db)
    return [f"deleted {count} embeddings that no passage has: whether they are right cannot be told"] if count else []


def _drop_sources(db: sqlite3.Connection, paths: list[str]) -> list[str]:
    db.executemany("DELETE FROM sources WHERE path = ?", [(path,) for path in paths])
    return [f"removed {path}" for path in paths]


def _mark_sources(db: sqlite3.Connection, paths: list[str]) -> list[str]:
    done = []
    for path in paths:
        db.execute("UPDATE sources SET sha256 = '', size = 0, modified = 0 WHERE path = ?", (path,))
        (location,) = db.execute("SELECT location FROM sources WHERE path = ?", (path,)).fetchone()
        done.append(f"{path} is to be read again by the next run: dragoman ingest {location}")
    return done
