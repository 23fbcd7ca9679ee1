"""The one truth of an index: sources, documents, passages and vectors, in SQLite.

Every change is one transaction with the next sequence number, so that readers see whole batches only and the
search structures beside the catalog, which are caches, know how far they have come.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.embed import EmbedderIdentity
from index.errors import IndexFolderError, IndexMismatch
from index.escapes import view
from index.passages import Chunking
from index.rules import Rules, dump_rules, parse_rules
from index.tokens import TokenCodec
from index.values import Cluster, Document, DroppedSpan, Link, LinkKind, Media, Passage, Source, Span, Spelling

FORMAT_VERSION = 3
FILE_NAME = "catalog.sqlite"
_VALUES_A_QUERY = 500  # SQLite takes 999 parameters everywhere
_ROWS_A_BLOCK = 4096
_MAPPED_BYTES = 1 << 40

_SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (
    key INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,      -- relative to the ingested folder
    location TEXT NOT NULL UNIQUE,  -- absolute, where it was read
    media TEXT NOT NULL,
    sha256 TEXT NOT NULL,           -- of the file's bytes
    rules TEXT NOT NULL,            -- SHA-256 of the user's own rules that it was cleaned by, or ""
    text_sha256 TEXT NOT NULL,      -- of the text, so that no quote stands on a text that was changed here
    title TEXT NOT NULL,
    date TEXT NOT NULL,
    author TEXT NOT NULL,
    outlet TEXT NOT NULL,
    encoding TEXT NOT NULL,
    spelling TEXT NOT NULL,
    pages TEXT NOT NULL,            -- JSON [start, ...]
    problems TEXT NOT NULL,         -- JSON ["message", ...]: what of the file could not be read
    text TEXT NOT NULL
);
CREATE TABLE documents (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    source INTEGER NOT NULL REFERENCES sources ON DELETE CASCADE,
    title TEXT NOT NULL,
    lang TEXT NOT NULL,
    date TEXT NOT NULL,
    spans TEXT NOT NULL,            -- JSON [[start, end], ...]
    body TEXT NOT NULL,
    date_from TEXT NOT NULL,
    author TEXT NOT NULL,
    outlet TEXT NOT NULL,
    languages TEXT NOT NULL         -- JSON [[start, end, language], ...]
);
CREATE INDEX documents_by_source ON documents (source);
CREATE TABLE dropped (
    source INTEGER NOT NULL REFERENCES sources ON DELETE CASCADE,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX dropped_by_source ON dropped (source);
CREATE TABLE lines (                -- short lines of each source, by `index.repeats.line_key`
    source INTEGER NOT NULL REFERENCES sources ON DELETE CASCADE,
    line INTEGER NOT NULL,
    repeated INTEGER NOT NULL,      -- whether it was known to stand in several files when the source was cleaned
    PRIMARY KEY (source, line)
) WITHOUT ROWID;
CREATE TABLE passages (
    key INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, so that a cache can name what is gone
    id TEXT NOT NULL UNIQUE,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    lang TEXT NOT NULL,
    vector BLOB NOT NULL,           -- float16, little endian
    sequence INTEGER NOT NULL       -- the batch that added it
);
CREATE INDEX passages_by_document ON passages (document);
CREATE INDEX passages_by_sequence ON passages (sequence);
CREATE TABLE tokens (               -- apart from the passages, so that reading many of those stays fast
    passage INTEGER PRIMARY KEY REFERENCES passages ON DELETE CASCADE,
    packed BLOB NOT NULL            -- its token vectors, by index.tokens
);
CREATE TABLE removed (
    passage INTEGER PRIMARY KEY,    -- its key
    lang TEXT NOT NULL,
    vector BLOB NOT NULL,           -- caches keep sums of vectors
    sequence INTEGER NOT NULL
);
CREATE INDEX removed_by_sequence ON removed (sequence);
-- A cache of the documents, made by index.duplicates; the setting "duplicates" says how far it has come.
CREATE TABLE prints (
    document INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    text TEXT NOT NULL,             -- hash of the body: the same for exact copies
    length INTEGER NOT NULL,        -- letters of the body's folded words
    shingles BLOB NOT NULL,         -- uint32, in order
    numbers BLOB NOT NULL,          -- uint32, in order: those of the shingles that hold a digit
    signature BLOB NOT NULL,        -- uint32; empty for a text that is too short to have near copies
    vector BLOB NOT NULL            -- mean of its passages' vectors, float16; empty for a document without passages
);
CREATE INDEX prints_by_text ON prints (text);
CREATE TABLE compared (
    text TEXT NOT NULL,
    other TEXT NOT NULL,            -- comes after text
    score REAL NOT NULL,            -- 0.0 if they are no copies
    PRIMARY KEY (text, other)
) WITHOUT ROWID;
CREATE TABLE links (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    other INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    kind TEXT NOT NULL,
    score REAL NOT NULL,
    PRIMARY KEY (document, other)
) WITHOUT ROWID;
CREATE INDEX links_by_other ON links (other);
CREATE TABLE clusters (             -- of two documents or more
    document INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    representative INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE
);
CREATE INDEX clusters_by_representative ON clusters (representative);
"""


@dataclass(frozen=True, slots=True)
class BuiltWith:
    """What an index was built with; it can only be read and grown with the same."""

    embedder: EmbedderIdentity
    chunking: Chunking


@dataclass(frozen=True, slots=True)
class ReadyPassage:
    """A passage with its vectors: (dimension,) float32 of length 1, and those of its tokens as they are kept."""

    passage: Passage
    vector: NDArray[np.float32]
    tokens: bytes


@dataclass(frozen=True, slots=True)
class ReadySource:
    """A source with everything that is committed of it."""

    source: Source
    location: str
    documents: tuple[Document, ...]
    dropped: tuple[DroppedSpan, ...]
    passages: tuple[ReadyPassage, ...]
    rules: str = ""  # what identifies the user's own rules that it was cleaned by
    lines: Mapping[int, bool] = field(default_factory=dict)  # its short lines, and whether each was known as repeated


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What a source was read from, and by which rules: if none of it changes, it need not be read again."""

    location: str
    sha256: str
    rules: str


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with what caches need: its key, and its vector as (dimension,) float16."""

    key: int
    passage: Passage
    vector: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """The vectors of some passages, in order of key."""

    keys: NDArray[np.int64]
    langs: tuple[str, ...]
    vectors: NDArray[np.float16]  # (passages, dimension)


@dataclass(frozen=True, slots=True)
class RemovedPassage:
    """What caches need to forget a passage."""

    key: int
    lang: str
    vector: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A source as the catalog lists it, without its text."""

    path: str
    location: str
    media: Media
    sha256: str
    encoding: str
    spelling: Spelling
    problems: tuple[str, ...]
    documents: tuple[Document, ...]
    dropped: tuple[DroppedSpan, ...]
    passages: tuple[tuple[str, Span], ...]  # the id of its document, and where the passage stands


@dataclass(frozen=True, slots=True)
class StoredBody:
    """What duplicates are found by: a document's body as a person reads it, and its passages' vectors."""

    key: int  # of the document
    text: str  # the kept spans, a newline between them
    vectors: NDArray[np.float16]  # (passages, dimension)


@dataclass(frozen=True, slots=True)
class Print:
    """What of a body is kept to find its duplicates; `index.duplicates` says how it is made."""

    document: int  # its key
    text: str
    length: int
    shingles: NDArray[np.uint32]
    numbers: NDArray[np.uint32]
    signature: NDArray[np.uint32]
    vector: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class PrintedDocument:
    """A document with as much of its print as is needed of all documents at once."""

    key: int
    id: str
    lang: str
    date: str
    text: str
    length: int
    signature: NDArray[np.uint32]
    vector: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link between two documents, by their keys."""

    document: int
    other: int
    kind: LinkKind
    score: float


class Catalog:
    """An open catalog. One thread at a time; close it, or use it in `with`."""

    def __init__(self, folder: Path, *, built_with: BuiltWith | None = None) -> None:
        """Open the catalog in `folder`, or make it when `built_with` is given and there is none.

        Raises IndexFolderError, and IndexMismatch when it was built with something else.
        """
        self.location = folder / FILE_NAME
        if built_with is None and not self.location.is_file():
            raise IndexFolderError(
                f"{folder}: no index here; make one: dragoman ingest FOLDER-OF-DOCUMENTS --index {folder}"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IndexFolderError(f"{folder}: {error.strerror}; name a folder that can be made") from error
        try:
            self._db = sqlite3.connect(self.location, isolation_level=None, timeout=30, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")  # what was committed survives the power, too
            self._db.execute("PRAGMA foreign_keys = ON")
            # Read as memory, as far as SQLite maps a file: passages from all over it are asked for with each question.
            self._db.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
            if built_with is not None:
                self._create(built_with)
            self._check_format()
        except sqlite3.DatabaseError as error:
            raise IndexFolderError(
                f"{self.location}: the catalog cannot be opened ({error}); if the disk is full or the folder "
                "read-only, mend that; else delete the index folder and ingest again"
            ) from error

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _create(self, built_with: BuiltWith) -> None:
        with self.transaction():
            if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'settings'").fetchone():
                return
            for statement in _SCHEMA.split(";\n"):
                self._db.execute(statement)
            values = {
                "format": FORMAT_VERSION,
                "id": uuid.uuid4().hex,  # ties caches to this catalog and no other
                "embedder": json.dumps(asdict(built_with.embedder)),
                "chunking": json.dumps(asdict(built_with.chunking)),
                "sequence": 0,
            }
            self._db.executemany("INSERT INTO settings VALUES (?, ?)", [(k, str(v)) for k, v in values.items()])

    def _check_format(self) -> None:
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'settings'").fetchone():
            raise IndexFolderError(f"{self.location}: not a catalog of ours; delete it and ingest again")
        if (found := self._setting("format")) != str(FORMAT_VERSION):
            raise IndexMismatch(
                f"{self.location}: the index has format {found}, this version reads {FORMAT_VERSION}; ingest again "
                "into another folder, or use the version that made it"
            )

    def _setting(self, name: str) -> str:
        return str(self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()[0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written inside is written whole or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read inside comes from one moment, whatever a writer commits meanwhile."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    @property
    def id(self) -> str:
        """Made at random with the catalog, so that caches of another are known as such."""
        return self._setting("id")

    @property
    def sequence(self) -> int:
        """The number of the last batch."""
        return int(self._setting("sequence"))

    @property
    def built_with(self) -> BuiltWith:
        """What this index was built with."""
        return BuiltWith(
            EmbedderIdentity(**json.loads(self._setting("embedder"))), Chunking(**json.loads(self._setting("chunking")))
        )

    @property
    def rules(self) -> Rules:
        """The user's own rules that files are cleaned by when a run names none."""
        row = self._db.execute("SELECT value FROM settings WHERE name = 'rules'").fetchone()
        return parse_rules(str(row[0]) if row else "")

    @property
    def token_codec(self) -> TokenCodec | None:
        """How token vectors are packed here, or None before the first run."""
        row = self._db.execute("SELECT value FROM settings WHERE name = 'token mean'").fetchone()
        return TokenCodec(np.array(json.loads(row[0]), np.float32)) if row else None

    # Writing

    def keep_token_codec(self, codec: TokenCodec) -> None:
        """Make `codec` that of this catalog, which must have none yet."""
        with self.transaction():
            self._db.execute("INSERT INTO settings VALUES ('token mean', ?)", (json.dumps(codec.mean.tolist()),))

    def keep_rules(self, rules: Rules) -> None:
        """Make `rules` those of the runs to come."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO settings VALUES ('rules', ?)", (dump_rules(rules),))

    def commit(self, sources: Iterable[ReadySource], *, remove: Iterable[str] = ()) -> int:
        """Put `sources` in place of what stood under their paths, take out the paths in `remove`; all or nothing.

        Returns the sequence number of the batch.
        """
        with self.transaction():
            sequence = self.sequence + 1
            for path in remove:
                self._remove(path, sequence)
            for ready in sources:
                self._remove(ready.source.path, sequence)
                self._add(ready, sequence)
            self._db.execute("UPDATE settings SET value = ? WHERE name = 'sequence'", (str(sequence),))
        return sequence

    def _remove(self, path: str, sequence: int) -> None:
        self._db.execute(
            "INSERT INTO removed SELECT p.key, p.lang, p.vector, ? FROM passages p "
            "JOIN documents d ON p.document = d.key JOIN sources s ON d.source = s.key WHERE s.path = ?",
            (sequence, path),
        )
        self._db.execute("DELETE FROM sources WHERE path = ?", (path,))

    def _add(self, ready: ReadySource, sequence: int) -> None:
        source = ready.source
        key = self._db.execute(
            "INSERT INTO sources (path, location, media, sha256, rules, text_sha256, title, date, author, outlet, "
            "encoding, spelling, pages, problems, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                source.path,
                ready.location,
                source.media.value,
                source.sha256,
                ready.rules,
                text_hash(source.text),
                source.title,
                source.date,
                source.author,
                source.outlet,
                source.encoding,
                source.spelling.value,
                json.dumps(source.pages),
                json.dumps(source.problems, ensure_ascii=False),
                source.text,
            ),
        ).lastrowid
        self._db.executemany(
            "INSERT INTO dropped VALUES (?, ?, ?, ?)",
            [(key, dropped.span.start, dropped.span.end, dropped.reason) for dropped in ready.dropped],
        )
        self._db.executemany(
            "INSERT INTO lines VALUES (?, ?, ?)", [(key, line, known) for line, known in ready.lines.items()]
        )
        document_keys = {}
        for document in ready.documents:
            document_keys[document.id] = self._db.execute(
                "INSERT INTO documents (id, source, title, lang, date, spans, body, date_from, author, outlet, "
                "languages) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    document.id,
                    key,
                    document.title,
                    document.lang,
                    document.date,
                    _dump_spans(document.spans),
                    _dump_spans(document.body),
                    document.date_from,
                    document.author,
                    document.outlet,
                    json.dumps([[span.start, span.end, lang] for span, lang in document.languages]),
                ),
            ).lastrowid
        self._db.executemany(
            'INSERT INTO passages (id, document, start, "end", lang, vector, sequence) VALUES (?, ?, ?, ?, ?, ?, ?)',
            [
                (
                    p.passage.id,
                    document_keys[p.passage.document_id],
                    p.passage.span.start,
                    p.passage.span.end,
                    p.passage.lang,
                    p.vector.astype("<f2").tobytes(),
                    sequence,
                )
                for p in ready.passages
            ],
        )
        self._db.executemany(
            "INSERT INTO tokens SELECT key, ? FROM passages WHERE id = ?",
            [(p.tokens, p.passage.id) for p in ready.passages],
        )

    # Reading

    def files(self) -> dict[str, StoredFile]:
        """What every source was read from, by path."""
        rows = self._db.execute("SELECT path, location, sha256, rules FROM sources")
        return {path: StoredFile(location, sha256, rules) for path, location, sha256, rules in rows}

    def line_counts(self, *, without: Collection[str]) -> Counter[int]:
        """In how many sources each short line stands, those under the paths `without` not counted."""
        rows = self._db.execute("SELECT s.path, l.line FROM lines l JOIN sources s ON l.source = s.key")
        return Counter(line for path, line in rows if path not in without)

    def cleaned_otherwise(self, repeated: Collection[int]) -> set[str]:
        """The paths of sources that were cleaned when not the same of their lines were known as repeated."""
        rows = self._db.execute("SELECT s.path, l.line, l.repeated FROM lines l JOIN sources s ON l.source = s.key")
        return {path for path, line, known in rows if bool(known) != (line in repeated)}

    def counts(self) -> tuple[int, int, int]:
        """How many sources, documents and passages there are."""
        sources, documents, passages = (
            int(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            for table in ("sources", "documents", "passages")
        )
        return sources, documents, passages

    def passage_count(self) -> int:
        """How many passages there are."""
        return self.counts()[2]

    def source(self, path: str) -> Source | None:
        """The source stored under `path`, with its text; None if there is none."""
        row = self._db.execute(
            "SELECT path, media, sha256, text, title, date, author, outlet, encoding, spelling, pages, problems "
            "FROM sources WHERE path = ?",
            (path,),
        ).fetchone()
        if row is None:
            return None
        path, media, sha256, text, title, date, author, outlet, encoding, spelling, pages, problems = row
        return Source(
            path=path,
            media=Media(media),
            sha256=sha256,
            text=text,
            encoding=encoding,
            spelling=Spelling(spelling),
            title=title,
            date=date,
            author=author,
            outlet=outlet,
            pages=tuple(json.loads(pages)),
            problems=tuple(json.loads(problems)),
        )

    def text_hash_of(self, path: str) -> str:
        """SHA-256 that a source's text had when it was committed, or "" if there is no such source."""
        row = self._db.execute("SELECT text_sha256 FROM sources WHERE path = ?", (path,)).fetchone()
        return str(row[0]) if row else ""

    def location_of(self, path: str) -> Path | None:
        """Where the file of a source was read, or None if there is no such source."""
        row = self._db.execute("SELECT location FROM sources WHERE path = ?", (path,)).fetchone()
        return Path(row[0]) if row else None

    def sources(self) -> Iterator[StoredSource]:
        """Every source in order of path, with its documents, dropped spans and passages."""
        for key, path, location, media, sha256, encoding, spelling, problems in self._db.execute(
            "SELECT key, path, location, media, sha256, encoding, spelling, problems FROM sources ORDER BY path"
        ).fetchall():
            dropped = self._db.execute(
                'SELECT start, "end", reason FROM dropped WHERE source = ? ORDER BY start', (key,)
            ).fetchall()
            passages = self._db.execute(
                'SELECT d.id, p.start, p."end" FROM passages p JOIN documents d ON p.document = d.key '
                "WHERE d.source = ? ORDER BY p.start",
                (key,),
            ).fetchall()
            yield StoredSource(
                path=path,
                location=location,
                media=Media(media),
                sha256=sha256,
                encoding=encoding,
                spelling=Spelling(spelling),
                problems=tuple(json.loads(problems)),
                documents=tuple(self._documents("d.source = ?", key)),
                dropped=tuple(DroppedSpan(Span(start, end), reason) for start, end, reason in dropped),
                passages=tuple((document, Span(start, end)) for document, start, end in passages),
            )

    def document(self, document_id: str) -> Document | None:
        """The document with this id, or None."""
        return next(iter(self._documents("d.id = ?", document_id)), None)

    def _documents(self, condition: str, value: object) -> Iterator[Document]:
        rows = self._db.execute(
            "SELECT d.id, s.path, d.title, d.lang, d.date, d.spans, d.body, d.date_from, d.author, d.outlet, "
            "d.languages FROM documents d "
            f"JOIN sources s ON d.source = s.key WHERE {condition} ORDER BY d.key",
            (value,),
        )
        for id_, path, title, lang, date, spans, body, date_from, author, outlet, languages in rows.fetchall():
            yield Document(
                id=id_,
                source_path=path,
                title=title,
                lang=lang,
                date=date,
                spans=_load_spans(spans),
                body=_load_spans(body),
                date_from=date_from,
                author=author,
                outlet=outlet,
                languages=tuple((Span(start, end), of) for start, end, of in json.loads(languages)),
            )

    _PASSAGE_COLUMNS = (
        'p.key, p.id, d.id, s.path, p.start, p."end", substr(s.text, p.start + 1, p."end" - p.start), p.lang, '
        "d.title, d.date, s.spelling, p.vector FROM passages p JOIN documents d ON p.document = d.key "
        "JOIN sources s ON d.source = s.key"
    )

    def passages(self, keys: Iterable[int]) -> dict[int, StoredPassage]:
        """The passages with these keys; keys of passages that are gone are left out."""
        rows = self._in(f"SELECT {self._PASSAGE_COLUMNS} WHERE p.key IN", keys)
        return {stored.key: stored for stored in map(_stored_passage, rows)}

    def packed_tokens(self, keys: Iterable[int]) -> dict[int, bytes]:
        """The packed token vectors of the passages with these keys; keys of passages that are gone are left out."""
        return dict(self._in("SELECT passage, packed FROM tokens WHERE passage IN", keys))

    def passage_keys(self, ids: Iterable[str]) -> dict[str, int]:
        """The keys of the passages with these ids; ids of passages that are gone are left out."""
        return dict(self._in("SELECT id, key FROM passages WHERE id IN", ids))

    def _in(self, query: str, values: Iterable[object]) -> Iterator[tuple[Any, ...]]:
        """The rows of a query that ends in IN, for some values at a time, each once."""
        wanted = list(dict.fromkeys(values))
        for start in range(0, len(wanted), _VALUES_A_QUERY):
            some = wanted[start : start + _VALUES_A_QUERY]
            yield from self._db.execute(f"{query} ({','.join('?' * len(some))})", some)

    def added_since(self, sequence: int) -> Iterator[StoredPassage]:
        """The passages that batches after `sequence` added and that are still there, in order of key."""
        # Later batches have larger keys, so this is the order of keys, and that of the index: nothing is sorted.
        rows = self._db.execute(
            f"SELECT {self._PASSAGE_COLUMNS} WHERE p.sequence > ? ORDER BY p.sequence, p.key", (sequence,)
        )
        yield from map(_stored_passage, rows)

    def vectors_since(self, sequence: int) -> Iterator[StoredVectors]:
        """What `added_since` tells, in blocks and without the texts."""
        rows = self._db.execute(
            "SELECT key, lang, vector FROM passages WHERE sequence > ? ORDER BY sequence, key", (sequence,)
        )
        while block := rows.fetchmany(_ROWS_A_BLOCK):
            keys, langs, vectors = zip(*block, strict=True)
            yield StoredVectors(np.array(keys, np.int64), langs, np.array([np.frombuffer(v, "<f2") for v in vectors]))

    def passage_languages(self, *, since: int) -> dict[str, int]:
        """How many passages of each language batches after `since` added."""
        rows = self._db.execute("SELECT lang, count(*) FROM passages WHERE sequence > ? GROUP BY lang", (since,))
        return {lang: int(count) for lang, count in rows}

    def removed_since(self, sequence: int) -> Iterator[RemovedPassage]:
        """The passages that batches after `sequence` removed."""
        rows = self._db.execute("SELECT passage, lang, vector FROM removed WHERE sequence > ?", (sequence,))
        for key, lang, vector in rows:
            yield RemovedPassage(key, lang, np.frombuffer(vector, "<f2"))

    def keys_where(self, after: str, before: str, sources: Collection[str] = ()) -> NDArray[np.int64]:
        """Keys of the passages whose documents are dated in [after, before] and stand in one of `sources`.

        "" leaves an end open, no sources leave all. A source is named by its path, several by the folder they are in.
        """
        conditions, values = [], []
        if after or before:
            # A date that is a month or a year only is in the range if any day of it is.
            conditions += ["d.date != ''", "d.date >= substr(?, 1, length(d.date))"]
            conditions += ["(? = '' OR d.date <= substr(?, 1, length(d.date)))"]
            values += [after, before, before]
        if sources:
            conditions.append("d.source IN (SELECT value FROM json_each(?))")
            values.append(json.dumps([key for name in sources for key in self._sources_under(name)]))
        rows = self._db.execute(
            "SELECT p.key FROM passages p JOIN documents d ON p.document = d.key "
            f"WHERE {' AND '.join(conditions) or 'TRUE'}",
            values,
        )
        return np.fromiter((key for (key,) in rows), np.int64)

    def has_source(self, name: str) -> bool:
        """Whether there is a source of this path, or one in the folder of this path."""
        return bool(self._sources_under(name))

    def _sources_under(self, name: str) -> list[int]:
        """The keys of the source of this path and of those in the folder of this path."""
        folder = f"{name.rstrip('/')}/"
        rows = self._db.execute(
            "SELECT key FROM sources WHERE path = ?1 OR (path >= ?2 AND path < ?3)",
            (name, folder, f"{folder[:-1]}{chr(ord('/') + 1)}"),
        )
        return [int(key) for (key,) in rows]

    # Duplicates

    def cluster_of(self, document_id: str) -> Cluster:
        """The copies of a document, itself among them, as far as `index.duplicates` has come."""
        rows = self._db.execute(
            "SELECT r.id, d.id FROM documents asked JOIN clusters mine ON mine.document = asked.key "
            "JOIN clusters c ON c.representative = mine.representative "
            "JOIN documents r ON r.key = mine.representative JOIN documents d ON d.key = c.document "
            "WHERE asked.id = ? ORDER BY d.id",
            (document_id,),
        ).fetchall()
        if not rows:
            return Cluster(document_id, (document_id,))
        return Cluster(str(rows[0][0]), tuple(str(id_) for _, id_ in rows))

    def representatives(self, document_ids: Iterable[str]) -> dict[str, str]:
        """For each of these documents the one that represents its cluster, itself if it is alone."""
        found = {}
        for id_ in document_ids:
            row = self._db.execute(
                "SELECT r.id FROM documents d JOIN clusters c ON c.document = d.key "
                "JOIN documents r ON r.key = c.representative WHERE d.id = ?",
                (id_,),
            ).fetchone()
            found[id_] = str(row[0]) if row else id_
        return found

    def links(self, document_id: str) -> list[Link]:
        """The copies and translations that a document is linked to itself, best first.

        Not all of its cluster: of many that are alike each is compared with some.
        """
        rows = self._db.execute(
            "SELECT o.id, l.kind, l.score FROM documents d JOIN links l ON l.document = d.key "
            "JOIN documents o ON o.key = l.other WHERE d.id = ?1 "
            "UNION ALL SELECT o.id, l.kind, l.score FROM documents d JOIN links l ON l.other = d.key "
            "JOIN documents o ON o.key = l.document WHERE d.id = ?1",
            (document_id,),
        )
        links = [Link(id_, LinkKind(kind), score) for id_, kind, score in rows]
        return sorted(links, key=lambda link: (list(LinkKind).index(link.kind), -link.score, link.document))

    @property
    def duplicates_made(self) -> str:
        """What `index.duplicates` wrote when it was here last, or ""."""
        row = self._db.execute("SELECT value FROM settings WHERE name = 'duplicates'").fetchone()
        return str(row[0]) if row else ""

    def bodies_without_print(self) -> Iterator[StoredBody]:
        """The documents that have no print yet. Prints may be added meanwhile."""
        waiting: dict[int, list[tuple[int, str]]] = {}
        for source, key, body in self._db.execute(
            "SELECT source, key, body FROM documents WHERE key NOT IN (SELECT document FROM prints) ORDER BY key"
        ):
            waiting.setdefault(source, []).append((key, body))
        for source, documents in waiting.items():
            # Once a source and not once a document: a mailbox is one text with thousands of documents.
            text, spelling = self._db.execute("SELECT text, spelling FROM sources WHERE key = ?", (source,)).fetchone()
            for key, body in documents:
                vectors = self._db.execute("SELECT vector FROM passages WHERE document = ?", (key,)).fetchall()
                yield StoredBody(
                    key,
                    "\n".join(view(text, span, Spelling(spelling)).text for span in _load_spans(body)),
                    np.array([np.frombuffer(vector, "<f2") for (vector,) in vectors]),
                )

    def add_print(self, print_: Print) -> None:
        """Keep the print of a document that has none."""
        self._db.execute(
            "INSERT INTO prints VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                print_.document,
                print_.text,
                print_.length,
                print_.shingles.astype("<u4").tobytes(),
                print_.numbers.astype("<u4").tobytes(),
                print_.signature.astype("<u4").tobytes(),
                print_.vector.astype("<f2").tobytes(),
            ),
        )

    def print_of(self, text: str) -> Print:
        """A print with this hash of the text; there must be one."""
        row = self._db.execute("SELECT * FROM prints WHERE text = ? ORDER BY document LIMIT 1", (text,)).fetchone()
        document, _, length, shingles, numbers, signature, vector = row
        return Print(
            document,
            text,
            length,
            np.frombuffer(shingles, "<u4"),
            np.frombuffer(numbers, "<u4"),
            np.frombuffer(signature, "<u4"),
            np.frombuffer(vector, "<f2"),
        )

    def printed_documents(self) -> list[PrintedDocument]:
        """All documents that have a print, in order of id."""
        rows = self._db.execute(
            "SELECT d.key, d.id, d.lang, d.date, p.text, p.length, p.signature, p.vector "
            "FROM prints p JOIN documents d ON d.key = p.document ORDER BY d.id"
        )
        return [
            PrintedDocument(
                key, id_, lang, date, text, length, np.frombuffer(signature, "<u4"), np.frombuffer(vector, "<f2")
            )
            for key, id_, lang, date, text, length, signature, vector in rows
        ]

    def compared(self) -> dict[tuple[str, str], float]:
        """The scores of the pairs of texts that were compared."""
        return {(text, other): score for text, other, score in self._db.execute("SELECT * FROM compared")}

    def forget_duplicates(self) -> None:
        """Drop all that `index.duplicates` has made."""
        for table in ("prints", "compared", "links", "clusters"):
            self._db.execute(f"DELETE FROM {table}")

    def replace_duplicates(
        self,
        compared: dict[tuple[str, str], float],
        links: list[LinkRow],
        representatives: dict[int, int],
        *,
        made: str,
    ) -> None:
        """Put these in place of all links, clusters and comparisons; `made` is what `duplicates_made` says then."""
        before = self.compared()
        self._db.executemany("DELETE FROM compared WHERE text = ? AND other = ?", before.keys() - compared.keys())
        self._db.executemany(
            "INSERT INTO compared VALUES (?, ?, ?)",
            [(*pair, score) for pair, score in compared.items() if pair not in before],
        )
        self._db.execute("DELETE FROM links")
        self._db.executemany(
            "INSERT INTO links VALUES (?, ?, ?, ?)",
            [(link.document, link.other, link.kind.value, link.score) for link in links],
        )
        self._db.execute("DELETE FROM clusters")
        self._db.executemany("INSERT INTO clusters VALUES (?, ?)", representatives.items())
        self._db.execute("INSERT OR REPLACE INTO settings VALUES ('duplicates', ?)", (made,))


def text_hash(text: str) -> str:
    """SHA-256 of a text in UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _stored_passage(row: tuple[object, ...]) -> StoredPassage:
    key, id_, document_id, path, start, end, text, lang, title, date, spelling, vector = row
    span = Span(int(start), int(end))  # type: ignore[call-overload]
    passage = Passage(
        id=str(id_),
        document_id=str(document_id),
        source_path=str(path),
        span=span,
        text=str(text),
        readable=view(str(text), Span(0, len(str(text))), Spelling(str(spelling))).text,
        spelling=Spelling(str(spelling)),
        lang=str(lang),
        title=str(title),
        date=str(date),
    )
    return StoredPassage(int(key), passage, np.frombuffer(vector, "<f2"))  # type: ignore[call-overload]


def _dump_spans(spans: tuple[Span, ...]) -> str:
    return json.dumps([[span.start, span.end] for span in spans])


def _load_spans(text: str) -> tuple[Span, ...]:
    return tuple(Span(start, end) for start, end in json.loads(text))
