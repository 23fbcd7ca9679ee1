"""How many passages of an index have each term, and how long they are, where a server has the terms themselves.

What BM25 weighs by, in a SQLite file beside the catalog. A cache of it: it says which batch it has reached, and moves
on from there in one transaction, so that whenever the process is killed it tells of whole batches. Terms are told by
the same 32 bits as on the server.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from index.connect import connect, connect_to_read, read_at_once, transaction
from index.errors import IndexUnwritable
from index.said import said

_FILE = "counts.sqlite"
_TERMS_A_QUERY = 500
_MOST_IN_MEMORY = 1_000_000  # terms that are counted before they are written
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS terms (term INTEGER PRIMARY KEY, passages INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS languages (lang TEXT PRIMARY KEY, passages INTEGER NOT NULL) WITHOUT ROWID",
    # One row: whose terms these are, the last batch that is counted, passages, terms in all of them, and of the longest
    "CREATE TABLE IF NOT EXISTS reached (of TEXT NOT NULL, sequence INTEGER NOT NULL, passages INTEGER NOT NULL, "
    "length INTEGER NOT NULL, longest INTEGER NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class CountedPassage:
    """What is counted of a passage."""

    lang: str
    terms: Iterable[int]  # each once
    length: int  # of its terms, each as often as it is there


@dataclass(frozen=True, slots=True)
class Counts:
    """What there is in all."""

    of: str  # what identifies the catalog and how terms are made, or "" if nothing is counted
    sequence: int  # of the last batch that is counted
    passages: int
    length: int  # of all passages together
    longest: int  # length of the longest that ever was there

    @property
    def mean(self) -> float:
        """The mean length, 1 if there is nothing."""
        return max(self.length, 1) / max(self.passages, 1)


class TermCounts:
    """The counts of one index, in its folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        self._db: sqlite3.Connection | None = None

    def open(self, *, writable: bool) -> None:
        """Read the file if there is one, or begin one. One that is damaged counts as none, and is begun anew.

        Raises IndexUnwritable.
        """
        self.close()
        if not writable and not self._file.exists():
            return
        try:
            self._connect(writable)
        except sqlite3.DatabaseError:
            self.close()
            if not writable:
                return
            self._delete()
            with self._told():
                self._connect(writable)

    def _connect(self, writable: bool) -> None:
        if writable:
            with self._told():
                self._file.parent.mkdir(parents=True, exist_ok=True)
        self._db = connect(self._file) if writable else connect_to_read(self._file)
        if writable:
            with transaction(self._db, self._file):
                for statement in _SCHEMA:
                    self._db.execute(statement)
        for table in ("terms", "languages", "reached"):
            self._db.execute(f"SELECT * FROM {table} LIMIT 1").fetchall()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError) as error:
            told = "{file}: cannot be written ({why}); free some of the disk"
            raise IndexUnwritable(said("index_unwritable", told, file=str(self._file), why=str(error))) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _delete(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._file.with_name(f"{self._file.name}{suffix}").unlink(missing_ok=True)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files that belong to it."""
        return tuple(f"{self._file.name}{suffix}" for suffix in ("", "-wal", "-shm"))

    @property
    def now(self) -> Counts:
        """What there is in all, at this moment."""
        row = self._db.execute("SELECT * FROM reached").fetchone() if self._db else None
        return Counts(*row) if row else Counts("", 0, 0, 0, 0)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is read inside is of one moment."""
        with read_at_once(self._db) if self._db else nullcontext():
            yield

    @property
    def languages(self) -> set[str]:
        """The languages that there are passages in."""
        rows = self._db.execute("SELECT lang FROM languages WHERE passages > 0") if self._db else ()
        return {lang for (lang,) in rows}

    def having(self, terms: Iterable[int]) -> dict[int, int]:
        """How many passages have each of these terms; those that none has are left out."""
        wanted, found = list(terms), dict[int, int]()
        for start in range(0, len(wanted) if self._db else 0, _TERMS_A_QUERY):
            some = wanted[start : start + _TERMS_A_QUERY]
            assert self._db is not None
            found |= self._db.execute(
                f"SELECT term, passages FROM terms WHERE passages > 0 AND term IN ({','.join('?' * len(some))})", some
            )
        return found

    def move(
        self, of: str, sequence: int, *, gone: Iterable[CountedPassage], new: Iterable[CountedPassage], anew: bool
    ) -> None:
        """Count passages out and in, `anew` from nothing, up to this batch. All or nothing. Raises IndexUnwritable."""
        assert self._db is not None
        with transaction(self._db, self._file):
            if anew:
                for table in ("terms", "languages", "reached"):
                    self._db.execute(f"DELETE FROM {table}")
            before = self.now
            passages, length, longest = before.passages, before.length, before.longest
            for sign, some in ((-1, gone), (1, new)):
                terms, languages = Counter[int](), Counter[str]()
                for passage in some:
                    terms.update(passage.terms)
                    languages[passage.lang] += 1
                    passages += sign
                    length += sign * passage.length
                    longest = max(longest, passage.length)
                    if len(terms) > _MOST_IN_MEMORY:
                        self._add(sign, terms, languages)
                self._add(sign, terms, languages)
            self._db.execute("DELETE FROM reached")
            self._db.execute("INSERT INTO reached VALUES (?, ?, ?, ?, ?)", (of, sequence, passages, length, longest))

    def _add(self, sign: int, terms: Counter[int], languages: Counter[str]) -> None:
        assert self._db is not None
        for table, column, counter in (("terms", "term", terms), ("languages", "lang", languages)):
            self._db.executemany(
                f"INSERT INTO {table} VALUES (?, ?) ON CONFLICT ({column}) DO UPDATE SET "
                "passages = passages + excluded.passages",
                ((what, sign * number) for what, number in sorted(counter.items())),
            )
            counter.clear()
