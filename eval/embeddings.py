"""Embeddings kept between evaluation runs: a text that was embedded once is never embedded again."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from threading import Lock

import numpy as np

from index.e5 import cache_directory
from index.embed import EmbeddedPassage, Embedder, EmbedderIdentity, Floats
from index.tokens import PACKING_VERSION, TokenCodec, TokenVectors

_SCHEMA = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
_COMMIT_EVERY = 32  # vectors that an interrupted run can lose
_KEYS_A_QUERY = 500  # SQLite takes 999 parameters everywhere
_LITTLE_ENDIAN = np.dtype("<f4")


class CachedEmbedder:
    """An embedder that asks another one only for texts that it has not seen, in this run or an earlier one.

    What it gives is bit for bit what the other gives. A vector is found by the hash of the text, of its part (query
    or passage) and of everything in the embedder's identity, so another model, prefix or weights never meet an old
    vector. Token vectors of passages are kept packed, those of queries and sentences are not kept. A file that is not
    a cache is made again.

    Where latencies are measured `cache_queries` must be False: a query is then embedded each time it is asked.
    """

    def __init__(self, embedder: Embedder, *, file: Path | None = None, cache_queries: bool = True) -> None:
        self._embedder = embedder
        self._cache_queries = cache_queries
        self._made: set[bytes] = set()
        self._found: set[bytes] = set()
        self._file = file or cache_directory() / "eval" / "embeddings.sqlite"
        self._lock = Lock()  # the page and progress bars may ask from another thread
        self._db = _open(self._file)

    def __enter__(self) -> CachedEmbedder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. The embedder stays usable no longer."""
        self._db.close()

    @property
    def identity(self) -> EmbedderIdentity:
        return self._embedder.identity

    @property
    def passages_made(self) -> int:
        """How many different passages were embedded since this was made."""
        return len(self._made)

    @property
    def passages_found(self) -> int:
        """How many different passages an earlier run had embedded."""
        return len(self._found)

    def embed_passages(self, texts: list[str]) -> Iterator[Floats]:
        def made(missing: list[str]) -> Iterator[bytes]:
            return map(_dump, self._embedder.embed_passages(missing))

        return map(self._vector, self._each("passage", texts, made))

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        def made(missing: list[str]) -> Iterator[bytes]:
            for one in self._embedder.embed_and_pack(missing, codec):
                yield _dump(one.vector) + one.tokens

        packing = hashlib.sha256(_dump(codec.mean)).hexdigest()
        for data in self._each(f"passage and tokens {PACKING_VERSION} {packing}", texts, made):
            yield EmbeddedPassage(self._vector(data), data[self._bytes_of_a_vector :])

    def _each(self, part: str, texts: list[str], make: Callable[[list[str]], Iterator[bytes]]) -> Iterator[bytes]:
        """What is kept of each text, in order; `make` makes what is missing."""
        keys = [self._key(part, text) for text in texts]
        known = self._load(keys)
        self._found |= known.keys() - self._made
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if not missing:
            yield from (known[key] for key in keys)
            return
        # Both are in the order in which texts first stand in `texts`, so a vector is there when its turn comes.
        made = zip(missing, make(list(missing.values())), strict=True)
        unsaved: dict[bytes, bytes] = {}
        try:
            for key in keys:
                if key not in known:
                    made_key, data = next(made)
                    assert made_key == key
                    self._made.add(key)
                    known[key] = unsaved[key] = data
                    if len(unsaved) >= _COMMIT_EVERY:
                        self._save(unsaved)
                        unsaved = {}
                yield known[key]
        finally:
            self._save(unsaved)

    def embed_query(self, text: str) -> Floats:
        if not self._cache_queries:
            return self._embedder.embed_query(text)
        key = self._key("query", text)
        if (data := self._load([key]).get(key)) is None:
            data = _dump(self._embedder.embed_query(text))
            self._save({key: data})
        return self._vector(data)

    def query_tokens(self, text: str) -> TokenVectors:
        return self._embedder.query_tokens(text)

    def passage_tokens(self, texts: list[str]) -> list[TokenVectors]:
        return self._embedder.passage_tokens(texts)

    def count_tokens(self, texts: list[str]) -> list[int]:
        return self._embedder.count_tokens(texts)

    def _key(self, part: str, text: str) -> bytes:
        named = json.dumps([asdict(self.identity), part, text], sort_keys=True)
        return hashlib.sha256(named.encode()).digest()

    def _load(self, keys: list[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        wanted = list(dict.fromkeys(keys))
        with self._lock:
            for i in range(0, len(wanted), _KEYS_A_QUERY):
                some = wanted[i : i + _KEYS_A_QUERY]
                marks = ",".join("?" * len(some))
                for key, data in self._db.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some):
                    if len(data) >= self._bytes_of_a_vector:
                        found[key] = data
        return found

    def _save(self, made: dict[bytes, bytes]) -> None:
        if made:
            with self._lock, self._db:
                self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", list(made.items()))

    def _vector(self, data: bytes) -> Floats:
        return np.frombuffer(data, _LITTLE_ENDIAN, self.identity.dimension).astype(np.float32)

    @property
    def _bytes_of_a_vector(self) -> int:
        return self.identity.dimension * _LITTLE_ENDIAN.itemsize


def _dump(vector: Floats) -> bytes:
    return np.asarray(vector, _LITTLE_ENDIAN).tobytes()


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _connect(file)
    except sqlite3.OperationalError:  # locked, or a disk that is full: not the file's fault
        raise
    except sqlite3.DatabaseError:
        for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
            file.with_name(name).unlink(missing_ok=True)
        return _connect(file)


def _connect(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, timeout=60, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        with db, closing(db.cursor()) as cursor:
            cursor.execute(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db
