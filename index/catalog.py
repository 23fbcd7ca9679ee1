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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.connect import catalog_file, connect, read_at_once, transaction
from index.embed import EmbeddedPassage, EmbedderIdentity
from index.errors import IndexFolderError, IndexMismatch
from index.escapes import view
from index.files import Stamp
from index.migrate import MIGRATED
from index.passages import Chunking, searched_text
from index.rules import Rules, dump_rules, parse_rules
from index.said import from_json, to_json
from index.schema import (
    COUNTS,
    FILE_NAME,
    FORMAT_VERSION,
    REEMBEDDING,
    REMOVED_FROM,
    SCHEMA,
    VECTORS_AT,
    begin_counting,
    has_counts,
)
from index.tokens import TokenCodec
from index.values import Cluster, Document, DroppedSpan, Link, LinkKind, Media, Passage, Source, Span, Spelling

_VALUES_A_QUERY = 500  # SQLite takes 999 parameters everywhere
_ROWS_A_BLOCK = 4096
_MAPPED_BYTES = 1 << 40
_SERVING = "(SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'embedder')"  # the key of the embedder
_EMBEDDING_OF_TEXT = f"(SELECT e.key FROM embeddings e WHERE e.embedder = {_SERVING} AND e.text = passages.text)"


@dataclass(frozen=True, slots=True)
class BuiltWith:
    """What an index was built with; it can only be read and grown with the same."""

    embedder: EmbedderIdentity
    chunking: Chunking


@dataclass(frozen=True, slots=True)
class ReadySource:
    """A source with everything that is committed of it."""

    source: Source
    location: str
    documents: tuple[Document, ...]
    dropped: tuple[DroppedSpan, ...]
    passages: tuple[Passage, ...]
    stamp: Stamp = Stamp(0, 0)  # of its file
    rules: str = ""  # what identifies the user's own rules that it was cleaned by
    lines: Mapping[int, bool] = field(default_factory=dict)  # its short lines, and whether each was known as repeated


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What a source was read from, and by which rules: if none of it changes, it need not be read again."""

    location: str
    sha256: str
    rules: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with its key, by which caches know it."""

    key: int
    passage: Passage


@dataclass(frozen=True, slots=True)
class PendingPassage:
    """A passage that has no embedding yet: its key, what is to be embedded, and the hash of that."""

    key: int
    text: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """The vectors of some passages, in order of key."""

    keys: NDArray[np.int64]
    langs: tuple[str, ...]
    vectors: NDArray[np.float16]  # (passages, dimension)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a passage is of, as far as it can be searched by."""

    path: str  # of its source
    date: str  # ISO 8601 as precise as known, or ""
    outlet: str


@dataclass(frozen=True, slots=True)
class RemovedPassage:
    """What caches need to forget a passage."""

    key: int
    lang: str
    vector: NDArray[np.float16]  # empty if it had none yet


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is of some documents."""

    articles: int
    languages: tuple[str, ...]  # BCP 47, in order
    first: str  # the earliest and the latest date of those that are dated, ISO 8601 as precise as known, or ""
    last: str


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
        self.location = folder / FILE_NAME if built_with is not None else catalog_file(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IndexFolderError(f"{folder}: {error.strerror}; name a folder that can be made") from error
        try:
            self._db = connect(self.location)
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
            for statement in SCHEMA.split(";\n"):
                self._db.execute(statement)
            begin_counting(self._db)
            values = {
                "format": FORMAT_VERSION,
                "id": uuid.uuid4().hex,  # ties caches to this catalog and no other
                "embedder": self._add_embedder(built_with.embedder),
                "chunking": json.dumps(asdict(built_with.chunking)),
                "sequence": 0,
            }
            self._db.executemany("INSERT INTO settings VALUES (?, ?)", [(k, str(v)) for k, v in values.items()])

    def _add_embedder(self, identity: EmbedderIdentity) -> int:
        """The key of an embedder, which is put down if it is new."""
        told = json.dumps(asdict(identity), sort_keys=True)
        self._db.execute("INSERT OR IGNORE INTO embedders (identity, token_mean) VALUES (?, '')", (told,))
        return int(self._db.execute("SELECT key FROM embedders WHERE identity = ?", (told,)).fetchone()[0])

    def _check_format(self) -> None:
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'settings'").fetchone():
            raise IndexFolderError(f"{self.location}: not a catalog of ours; delete it and ingest again")
        if (found := self._setting("format")) != str(FORMAT_VERSION):
            remedy = (
                f"bring it forward: dragoman ingest FOLDER-OF-DOCUMENTS --index {self.location.parent}"
                if found == str(MIGRATED)
                else "ingest again into another folder, or use the version that made it"
            )
            raise IndexMismatch(
                f"{self.location}: the index has format {found}, this version reads {FORMAT_VERSION}; {remedy}"
            )

    def _setting(self, name: str) -> str:
        return str(self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()[0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written inside is written whole or not at all. Raises IndexUnwritable, also of a full disk."""
        with transaction(self._db, self.location):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read inside comes from one moment, whatever a writer commits meanwhile."""
        with read_at_once(self._db):
            yield

    @property
    def id(self) -> str:
        """Made at random with the catalog, so that caches of another are known as such."""
        return self._setting("id")

    @property
    def sequence(self) -> int:
        """The number of the last batch."""
        return int(self._setting("sequence"))

    @property
    def removed_from(self) -> int:
        """Of what batches up to this one removed nothing is known: a cache that is older begins again from nothing."""
        row = self._db.execute(f"SELECT value FROM settings WHERE name = '{REMOVED_FROM}'").fetchone()
        return int(row[0]) if row else 0

    @property
    def vectors_id(self) -> str:
        """Of the vectors that are served, so that caches of those of another embedder are known as such."""
        return vectors_id(self.id, self._setting("embedder"))

    @property
    def vectors_at(self) -> str:
        """The URL of the server where the vectors are searched, or "" if that is done in the index folder."""
        row = self._db.execute(f"SELECT value FROM settings WHERE name = '{VECTORS_AT}'").fetchone()
        return str(row[0]) if row else ""

    @property
    def built_with(self) -> BuiltWith:
        """What this index was built with."""
        (identity,) = self._db.execute(f"SELECT identity FROM embedders WHERE key = {_SERVING}").fetchone()
        return BuiltWith(EmbedderIdentity(**json.loads(identity)), Chunking(**json.loads(self._setting("chunking"))))

    @property
    def rules(self) -> Rules:
        """The user's own rules that files are cleaned by when a run names none."""
        row = self._db.execute("SELECT value FROM settings WHERE name = 'rules'").fetchone()
        return parse_rules(str(row[0]) if row else "")

    @property
    def token_codec(self) -> TokenCodec | None:
        """How token vectors are packed here, or None before the first run."""
        (mean,) = self._db.execute(f"SELECT token_mean FROM embedders WHERE key = {_SERVING}").fetchone()
        return TokenCodec(np.array(json.loads(mean), np.float32)) if mean else None

    # Writing

    def keep_token_codec(self, codec: TokenCodec) -> None:
        """Make `codec` that of this catalog, which must have none yet."""
        with self.transaction():
            mean = json.dumps(codec.mean.tolist())
            self._db.execute(f"UPDATE embedders SET token_mean = ? WHERE key = {_SERVING}", (mean,))

    def keep_vectors_at(self, url: str) -> None:
        """Let the vectors be searched by the server of this URL from now on, or in the index folder for ""."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (VECTORS_AT, url))

    def keep_rules(self, rules: Rules) -> None:
        """Make `rules` those of the runs to come."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO settings VALUES ('rules', ?)", (dump_rules(rules),))

    def commit(self, sources: Iterable[ReadySource], *, remove: Iterable[str] = ()) -> int:
        """Put `sources` in place of what stood under their paths, take out the paths in `remove`; all or nothing.

        Their passages are pending then: `embed` gives them their embeddings. Returns the sequence number of the batch.
        """
        with self._batch() as sequence:
            for path in remove:
                self._remove(path, sequence)
            for ready in sources:
                self._remove(ready.source.path, sequence)
                self._add(ready, sequence)
        return sequence

    @contextmanager
    def _batch(self) -> Iterator[int]:
        """A transaction, and the sequence number of what is written in it."""
        with self.transaction():
            sequence = self.sequence + 1
            yield sequence
            self._db.execute("UPDATE settings SET value = ? WHERE name = 'sequence'", (str(sequence),))

    def embed(self, pending: Collection[PendingPassage], made: Mapping[bytes, EmbeddedPassage]) -> int:
        """Give pending passages their embeddings, all or nothing: those `made` now, by hash, or made before.

        They must be given in the order of their keys, which caches rely on. Returns the sequence number of the batch.
        """
        with self._batch() as sequence:
            self._keep(made, int(self._setting("embedder")))
            self._db.executemany(
                f"UPDATE passages SET embedded = ?, embedding = {_EMBEDDING_OF_TEXT} WHERE key = ?",
                [(sequence, passage.key) for passage in pending],
            )
            if lacking := [passage for passage in pending if not self._is_embedded(passage.key)]:
                raise ValueError(f"no embedding for {len(lacking)} passages, such as {lacking[0].text[:60]!r}")
        return sequence

    def _keep(self, made: Mapping[bytes, EmbeddedPassage], embedder: int) -> None:
        for text, one in made.items():
            key = self._db.execute(
                "INSERT INTO embeddings (embedder, text, vector) VALUES (?, ?, ?)",
                (embedder, text, one.vector.astype("<f2").tobytes()),
            ).lastrowid
            self._db.execute("INSERT INTO tokens VALUES (?, ?)", (key, one.tokens))

    # Another embedder: its embeddings are made beside those that are served, until they are served instead

    def begin_embedder(self, identity: EmbedderIdentity, fit: Callable[[], TokenCodec]) -> tuple[int, TokenCodec]:
        """The key of an embedder, which is put down if it is new, and how its token vectors are packed: as they were
        before, or else as `fit` tells."""
        with self.transaction():
            key = self._add_embedder(identity)
            self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (REEMBEDDING, str(key)))
            (kept,) = self._db.execute("SELECT token_mean FROM embedders WHERE key = ?", (key,)).fetchone()
            if kept:
                return key, TokenCodec(np.array(json.loads(kept), np.float32))
            codec = fit()
            mean = json.dumps(codec.mean.tolist())
            self._db.execute("UPDATE embedders SET token_mean = ? WHERE key = ?", (mean, key))
        return key, codec

    def not_embedded_by(self, embedder: int, *, after: int, limit: int) -> list[PendingPassage]:
        """Passages with larger keys than `after` whose text an embedder has not embedded, in order of key."""
        return self._to_embed(
            "p.key > ? AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.embedder = ? AND e.text = p.text)",
            (after, embedder, limit),
        )

    def keep_embeddings(self, embedder: int, made: Mapping[bytes, EmbeddedPassage]) -> None:
        """Keep what an embedder that is not served yet has made, by the hashes of the texts."""
        with self.transaction():
            self._keep(made, embedder)

    def serve(self, embedder: int) -> int:
        """Serve the embeddings of this embedder from now on, which must be there for every text.

        Those of the former stay until the catalog is compacted. Returns the sequence number of the batch.
        """
        with self._batch() as sequence:
            self._db.execute("UPDATE settings SET value = ? WHERE name = 'embedder'", (str(embedder),))
            self._db.execute(f"UPDATE passages SET embedded = ?, embedding = {_EMBEDDING_OF_TEXT}", (sequence,))
            if lacking := self.pending_count():
                raise ValueError(f"embedder {embedder} has not embedded {lacking} passages")
            # Documents are linked to their translations by their vectors.
            self.forget_duplicates()
            self._db.execute("DELETE FROM settings WHERE name IN ('duplicates', ?)", (REEMBEDDING,))
        return sequence

    def _is_embedded(self, key: int) -> bool:
        row = self._db.execute("SELECT embedding IS NOT NULL FROM passages WHERE key = ?", (key,)).fetchone()
        return row is not None and bool(row[0])

    def keep_stamps(self, stamps: Mapping[str, Stamp]) -> None:
        """Put down new stamps of files that hold what they held, by the paths of their sources."""
        with self.transaction():
            self._db.executemany(
                "UPDATE sources SET size = ?, modified = ? WHERE path = ?",
                [(stamp.size, stamp.modified, path) for path, stamp in stamps.items()],
            )

    def _remove(self, path: str, sequence: int) -> None:
        self._db.execute(
            "INSERT INTO removed SELECT p.key, p.lang, coalesce(e.vector, x''), ? FROM passages p "
            "LEFT JOIN embeddings e ON e.key = p.embedding "
            "JOIN documents d ON p.document = d.key JOIN sources s ON d.source = s.key WHERE s.path = ?",
            (sequence, path),
        )
        self._db.execute("DELETE FROM sources WHERE path = ?", (path,))

    def _add(self, ready: ReadySource, sequence: int) -> None:
        source = ready.source
        key = self._db.execute(
            "INSERT INTO sources (path, location, media, sha256, size, modified, rules, text_sha256, title, date, "
            "author, outlet, encoding, spelling, pages, problems, text) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                source.path,
                ready.location,
                source.media.value,
                source.sha256,
                ready.stamp.size,
                ready.stamp.modified,
                ready.rules,
                text_hash(source.text),
                source.title,
                source.date,
                source.author,
                source.outlet,
                source.encoding,
                source.spelling.value,
                json.dumps(source.pages),
                json.dumps([to_json(told) for told in source.problems], ensure_ascii=False),
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
            'INSERT INTO passages (id, document, start, "end", lang, text, sequence) VALUES (?, ?, ?, ?, ?, ?, ?)',
            [
                (
                    passage.id,
                    document_keys[passage.document_id],
                    passage.span.start,
                    passage.span.end,
                    passage.lang,
                    embedded_hash(searched_text(passage)),
                    sequence,
                )
                for passage in ready.passages
            ],
        )

    # Reading

    def files(self) -> dict[str, StoredFile]:
        """What every source was read from, by path."""
        rows = self._db.execute("SELECT path, location, sha256, rules, size, modified FROM sources")
        return {
            path: StoredFile(location, sha256, rules, Stamp(size, modified))
            for path, location, sha256, rules, size, modified in rows
        }

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
        return self._count("sources"), self._count("documents"), self.passage_count()

    def passage_count(self) -> int:
        """How many passages there are."""
        return self._count("passages")

    def pending_count(self) -> int:
        """How many passages have no embedding yet."""
        return self._count("pending")

    def _count(self, what: str) -> int:
        # A catalog that an earlier version made, and that nobody has written since, keeps no count.
        counted = f"(SELECT number FROM counts WHERE what = '{what}'), " if has_counts(self._db) else "NULL, "
        return int(self._db.execute(f"SELECT coalesce({counted}({COUNTS[what]}))").fetchone()[0])

    def begin_counting(self) -> None:
        """Keep count of the rows from now on, where the version that made the catalog did not. Raises IndexUnwritable.

        Only under the writer's lock.
        """
        if not has_counts(self._db):
            with self.transaction():
                begin_counting(self._db)

    def pending(self, limit: int, *, after: int = 0) -> list[PendingPassage]:
        """The first `limit` passages after the key `after` that have no embedding yet, in order of key."""
        return self._to_embed("p.embedding IS NULL AND p.key > ?", (after, limit))

    def _to_embed(self, condition: str, values: tuple[int, ...]) -> list[PendingPassage]:
        rows = self._db.execute(f"SELECT {self._PASSAGE_COLUMNS} WHERE {condition} ORDER BY p.key LIMIT ?", values)
        texts = [(stored.key, searched_text(stored.passage)) for stored in map(_stored_passage, rows)]
        return [PendingPassage(key, text, embedded_hash(text)) for key, text in texts]

    def embedded_hashes(self, hashes: Iterable[bytes]) -> set[bytes]:
        """Those of these texts that were embedded, whatever has become of the passages."""
        return {
            found
            for (found,) in self._in(f"SELECT text FROM embeddings WHERE embedder = {_SERVING} AND text IN", hashes)
        }

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
            problems=tuple(from_json(told) for told in json.loads(problems)),
        )

    def text_hash_of(self, path: str) -> str:
        """SHA-256 that a source's text had when it was committed, or "" if there is no such source."""
        row = self._db.execute("SELECT text_sha256 FROM sources WHERE path = ?", (path,)).fetchone()
        return str(row[0]) if row else ""

    def location_of(self, path: str) -> Path | None:
        """Where the file of a source was read, or None if there is no such source."""
        row = self._db.execute("SELECT location FROM sources WHERE path = ?", (path,)).fetchone()
        return Path(row[0]) if row else None

    def sources(self, *, after: str = "", limit: int = -1) -> Iterator[StoredSource]:
        """Sources in order of path, with their documents, dropped spans and passages.

        Those whose path comes after `after`, at most `limit` of them, all if it is negative.
        """
        rows = self._db.execute(
            f"SELECT {self._SOURCE_COLUMNS} FROM sources WHERE path > ? ORDER BY path LIMIT ?", (after, limit)
        )
        for row in rows.fetchall():
            yield self._stored_source(*row)

    def stored_source(self, path: str) -> StoredSource | None:
        """The source of this path as `sources` gives it, None if there is none."""
        row = self._db.execute(f"SELECT {self._SOURCE_COLUMNS} FROM sources WHERE path = ?", (path,)).fetchone()
        return self._stored_source(*row) if row else None

    _SOURCE_COLUMNS = "key, path, location, media, sha256, encoding, spelling, problems"

    def _stored_source(
        self, key: int, path: str, location: str, media: str, sha256: str, encoding: str, spelling: str, problems: str
    ) -> StoredSource:
        passages = self._db.execute(
            'SELECT d.id, p.start, p."end" FROM passages p JOIN documents d ON p.document = d.key '
            "WHERE d.source = ? ORDER BY p.start",
            (key,),
        ).fetchall()
        return StoredSource(
            path=path,
            location=location,
            media=Media(media),
            sha256=sha256,
            encoding=encoding,
            spelling=Spelling(spelling),
            problems=tuple(from_json(told) for told in json.loads(problems)),
            documents=tuple(self._documents("d.source = ?", key)),
            dropped=self.dropped_of(path),
            passages=tuple((document, Span(start, end)) for document, start, end in passages),
        )

    def ready_sources(self) -> Iterator[ReadySource]:
        """Every source with all that was committed of it, in the order in which `commit` was given them."""
        rows = self._db.execute("SELECT key, path, location, size, modified, rules FROM sources ORDER BY key")
        for key, path, location, size, modified, rules in rows:
            source = self.source(path)
            assert source is not None
            passages = self._db.execute(
                f"SELECT {self._PASSAGE_COLUMNS} WHERE d.source = ? ORDER BY p.key", (key,)
            ).fetchall()
            yield ReadySource(
                source=source,
                location=location,
                documents=tuple(self._documents("d.source = ?", key)),
                dropped=self.dropped_of(path),
                passages=tuple(_stored_passage(row).passage for row in passages),
                stamp=Stamp(size, modified),
                rules=rules,
                lines={
                    line: bool(repeated)
                    for line, repeated in self._db.execute(
                        "SELECT line, repeated FROM lines WHERE source = ? ORDER BY line", (key,)
                    )
                },
            )

    def embedded(self, ids: Iterable[str]) -> dict[str, EmbeddedPassage]:
        """The embeddings of the passages with these ids; those that are gone or pending are left out."""
        rows = self._in(
            "SELECT p.id, e.vector, t.packed FROM passages p JOIN embeddings e ON e.key = p.embedding "
            "JOIN tokens t ON t.embedding = e.key WHERE p.id IN",
            ids,
        )
        return {id_: EmbeddedPassage(np.frombuffer(v, "<f2").astype(np.float32), packed) for id_, v, packed in rows}

    def dropped_of(self, path: str) -> tuple[DroppedSpan, ...]:
        """What of a source belongs to no document, in order."""
        rows = self._db.execute(
            'SELECT x.start, x."end", x.reason FROM dropped x JOIN sources s ON x.source = s.key WHERE s.path = ? '
            "ORDER BY x.start",
            (path,),
        )
        return tuple(DroppedSpan(Span(start, end), reason) for start, end, reason in rows)

    def sha256_of(self, path: str) -> str:
        """SHA-256 of the bytes that a source was read from, or "" if there is no such source."""
        row = self._db.execute("SELECT sha256 FROM sources WHERE path = ?", (path,)).fetchone()
        return str(row[0]) if row else ""

    def document(self, document_id: str) -> Document | None:
        """The document with this id, or None."""
        return next(iter(self._documents("d.id = ?", document_id)), None)

    def documents_of(self, path: str) -> list[Document]:
        """The documents of a source, in order; none if there is no such source."""
        return list(self._documents("s.path = ?", path))

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
        "d.title, d.date, s.spelling FROM passages p JOIN documents d ON p.document = d.key "
        "JOIN sources s ON d.source = s.key"
    )

    def passages(self, keys: Iterable[int]) -> dict[int, StoredPassage]:
        """The passages with these keys; keys of passages that are gone are left out."""
        rows = self._in(f"SELECT {self._PASSAGE_COLUMNS} WHERE p.key IN", keys)
        return {stored.key: stored for stored in map(_stored_passage, rows)}

    def packed_tokens(self, keys: Iterable[int]) -> dict[int, bytes]:
        """The packed token vectors of the passages with these keys; those that are gone or pending are left out."""
        query = "SELECT p.key, t.packed FROM passages p JOIN tokens t ON t.embedding = p.embedding WHERE p.key IN"
        return dict(self._in(query, keys))

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

    def changed_since(self, sequence: int) -> bool:
        """Whether batches after `sequence` added or removed passages, and not only embedded some."""
        changes = " UNION ALL ".join(f"SELECT 1 FROM {table} WHERE sequence > ?1" for table in ("passages", "removed"))
        return self._db.execute(f"SELECT EXISTS ({changes})", (sequence,)).fetchone() == (1,)

    def vectors_since(self, sequence: int) -> Iterator[StoredVectors]:
        """The vectors of the passages that batches after `sequence` embedded and that are still there, in blocks.

        All together they are in order of key, for pending passages are embedded in that order.
        """
        rows = self._db.execute(
            "SELECT p.key, p.lang, e.vector FROM passages p JOIN embeddings e ON e.key = p.embedding "
            "WHERE p.embedded > ? ORDER BY p.embedded, p.key",
            (sequence,),
        )
        while block := rows.fetchmany(_ROWS_A_BLOCK):
            keys, langs, vectors = zip(*block, strict=True)
            yield StoredVectors(np.array(keys, np.int64), langs, np.array([np.frombuffer(v, "<f2") for v in vectors]))

    def vectors(self) -> dict[int, NDArray[np.float16]]:
        """Every vector, (dimension,), by the key of its passage, in order; for archives that fit into memory so."""
        return {
            int(key): vector
            for block in self.vectors_since(0)
            for key, vector in zip(block.keys, block.vectors, strict=True)
        }

    def vectors_of(self, keys: Iterable[int]) -> StoredVectors:
        """The vectors of the passages with these keys; those that are gone or pending are left out."""
        query = "SELECT p.key, p.lang, e.vector FROM passages p JOIN embeddings e ON e.key = p.embedding WHERE p.key IN"
        rows = sorted(self._in(query, keys))
        vectors = np.array([np.frombuffer(vector, "<f2") for _, _, vector in rows], np.float16)
        return StoredVectors(np.array([row[0] for row in rows], np.int64), tuple(row[1] for row in rows), vectors)

    def origins(self, keys: Iterable[int]) -> dict[int, Origin]:
        """What the passages with these keys are of; keys of passages that are gone are left out."""
        rows = self._in(
            "SELECT p.key, s.path, d.date, d.outlet FROM passages p JOIN documents d ON p.document = d.key "
            "JOIN sources s ON d.source = s.key WHERE p.key IN",
            keys,
        )
        return {key: Origin(path, date, outlet) for key, path, date, outlet in rows}

    def languages_of(self, keys: Iterable[int]) -> dict[int, str]:
        """The languages of the passages with these keys; those that are gone or pending are left out."""
        return dict(self._in("SELECT key, lang FROM passages WHERE embedding IS NOT NULL AND key IN", keys))

    def passage_languages(self, *, since: int) -> dict[str, int]:
        """How many passages of each language batches after `since` embedded."""
        rows = self._db.execute("SELECT lang, count(*) FROM passages WHERE embedded > ? GROUP BY lang", (since,))
        return {lang: int(count) for lang, count in rows}

    def removed_since(self, sequence: int) -> Iterator[RemovedPassage]:
        """The passages that batches after `sequence` removed."""
        rows = self._db.execute("SELECT passage, lang, vector FROM removed WHERE sequence > ?", (sequence,))
        for key, lang, vector in rows:
            yield RemovedPassage(key, lang, np.frombuffer(vector, "<f2"))

    def keys_where(
        self,
        after: str,
        before: str,
        sources: Collection[str] = (),
        outlets: Collection[str] = (),
        *,
        at_most: int = -1,
    ) -> NDArray[np.int64]:
        """Keys of the passages whose documents are dated in [after, before], of `sources` and of `outlets`.

        "" leaves an end open, no sources leave all, nor do no outlets. A source is named by its path, several by the
        folder they are in. Of many some `at_most`, if that is not -1.
        """
        condition, values = self._documents_where(after, before, sources, outlets)
        rows = self._db.execute(
            f"SELECT p.key FROM passages p JOIN documents d ON p.document = d.key WHERE {condition} LIMIT {at_most}",
            values,
        )
        return np.fromiter((key for (key,) in rows), np.int64)

    def extent(
        self,
        after: str,
        before: str,
        sources: Collection[str],
        languages: Collection[str],
        outlets: Collection[str] = (),
    ) -> Extent:
        """How much there is of the documents that `keys_where` would take, in these languages, or in all for none."""
        condition, values = self._documents_where(after, before, sources, outlets, languages)
        rows = self._db.execute(
            "SELECT d.lang, count(*), coalesce(min(nullif(d.date, '')), ''), max(d.date) FROM documents d "
            f"WHERE {condition} GROUP BY d.lang",
            values,
        ).fetchall()
        days = sorted(day for _, _, first, last in rows for day in (first, last) if day)
        return Extent(
            articles=sum(count for _, count, _, _ in rows),
            languages=tuple(sorted(lang for lang, _, _, _ in rows)),
            first=days[0] if days else "",
            last=days[-1] if days else "",
        )

    def _documents_where(
        self,
        after: str,
        before: str,
        sources: Collection[str],
        outlets: Collection[str],
        languages: Collection[str] = (),
    ) -> tuple[str, list[str]]:
        """A condition on documents `d`, dated in [after, before], of these sources, outlets and languages, or of all
        for none, and its values."""
        conditions, values = ["TRUE"], []
        if after or before:
            # A date that is a month or a year only is in the range if any day of it is.
            conditions += ["d.date != ''", "d.date >= substr(?, 1, length(d.date))"]
            conditions += ["(? = '' OR d.date <= substr(?, 1, length(d.date)))"]
            values += [after, before, before]
        if sources:
            conditions.append("d.source IN (SELECT value FROM json_each(?))")
            values.append(json.dumps([key for name in sources for key in self._sources_under(name)]))
        if outlets:
            conditions.append("d.outlet IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(self.outlets_named(outlets)))
        if languages:
            conditions.append("d.lang IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(sorted(languages)))
        return " AND ".join(conditions), values

    def outlets_named(self, names: Collection[str]) -> list[str]:
        """The outlets of these names, in upper or lower case, as documents tell them."""
        wanted = {name.casefold() for name in names}
        return [name for name in self.outlets() if name.casefold() in wanted]

    def outlets(self) -> list[str]:
        """Where the documents appeared, as far as they tell, in order."""
        rows = self._db.execute("SELECT DISTINCT outlet FROM documents WHERE outlet != '' ORDER BY outlet")
        return [name for (name,) in rows]

    def undated_count(self, sources: Collection[str], languages: Collection[str], outlets: Collection[str] = ()) -> int:
        """How many documents of `sources`, in `languages` and of `outlets`, or of all for none, nothing dates."""
        condition, values = self._documents_where("", "", sources, outlets, languages)
        rows = self._db.execute(f"SELECT count(*) FROM documents d WHERE d.date = '' AND {condition}", values)
        return int(rows.fetchone()[0])

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
        """The documents that have no print yet, and are embedded whole. Prints may be added meanwhile."""
        waiting: dict[int, list[tuple[int, str]]] = {}
        for source, key, body in self._db.execute(
            "SELECT source, key, body FROM documents WHERE key NOT IN (SELECT document FROM prints) "
            "AND key NOT IN (SELECT document FROM passages WHERE embedding IS NULL) ORDER BY key"
        ):
            waiting.setdefault(source, []).append((key, body))
        for source, documents in waiting.items():
            # Once a source and not once a document: a mailbox is one text with thousands of documents.
            text, spelling = self._db.execute("SELECT text, spelling FROM sources WHERE key = ?", (source,)).fetchone()
            for key, body in documents:
                vectors = self._db.execute(
                    "SELECT e.vector FROM passages p JOIN embeddings e ON e.key = p.embedding WHERE p.document = ?",
                    (key,),
                ).fetchall()
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


def vectors_id(catalog: str, embedder: str) -> str:
    """What tells the vectors of one embedder in one catalog from all others, by the id of this and the key of that."""
    return f"{catalog}:{embedder}"


def text_hash(text: str) -> str:
    """SHA-256 of a text in UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def embedded_hash(text: str) -> bytes:
    """What tells a text that is embedded from all others: half of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8")).digest()[:16]


def _stored_passage(row: tuple[object, ...]) -> StoredPassage:
    key, id_, document_id, path, start, end, text, lang, title, date, spelling = row
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
    return StoredPassage(int(key), passage)  # type: ignore[call-overload]


def _dump_spans(spans: tuple[Span, ...]) -> str:
    return json.dumps([[span.start, span.end] for span in spans])


def _load_spans(text: str) -> tuple[Span, ...]:
    return tuple(Span(start, end) for start, end in json.loads(text))
