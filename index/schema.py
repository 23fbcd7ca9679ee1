"""The tables of a catalog."""

from __future__ import annotations

import sqlite3

FORMAT_VERSION = 4
FILE_NAME = "catalog.sqlite"
# Names of settings that not every catalog has. The sequence number up to which rows of `removed` are gone:
REMOVED_FROM = "removed from"
# The key of an embedder whose vectors are being made beside those that serve:
REEMBEDDING = "reembedding"
# The URL of the server of its vectors, if they are not in its folder:
VECTORS_AT = "vectors at"

SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (
    key INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,      -- relative to the ingested folder
    location TEXT NOT NULL UNIQUE,  -- absolute, where it was read
    media TEXT NOT NULL,
    sha256 TEXT NOT NULL,           -- of the file's bytes
    size INTEGER NOT NULL,          -- of the file, in bytes
    modified INTEGER NOT NULL,      -- when the file was changed, nanoseconds; 0 if it may have been changed unseen
    rules TEXT NOT NULL,            -- SHA-256 of the user's own rules that it was cleaned by, or ""
    text_sha256 TEXT NOT NULL,      -- of the text, so that no quote stands on a text that was changed here
    title TEXT NOT NULL,
    date TEXT NOT NULL,
    author TEXT NOT NULL,
    outlet TEXT NOT NULL,
    encoding TEXT NOT NULL,
    spelling TEXT NOT NULL,
    pages TEXT NOT NULL,            -- JSON [start, ...]
    problems TEXT NOT NULL,         -- JSON [...] of `index.said.to_json`: what of the file could not be read
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
CREATE TABLE embedders (
    key INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE,  -- JSON
    token_mean TEXT NOT NULL        -- JSON, by which its token vectors are packed; "" before the first
);
CREATE TABLE embeddings (           -- by what was embedded, so that no text is ever embedded twice
    key INTEGER PRIMARY KEY,
    embedder INTEGER NOT NULL REFERENCES embedders,
    text BLOB NOT NULL,             -- hash of the text, by `embedded_hash`
    vector BLOB NOT NULL,           -- float16, little endian
    UNIQUE (embedder, text)
);
CREATE TABLE tokens (               -- apart from the vectors, so that reading many of those stays fast
    embedding INTEGER PRIMARY KEY REFERENCES embeddings ON DELETE CASCADE,
    packed BLOB NOT NULL            -- the text's token vectors, by index.tokens
);
CREATE TABLE passages (
    key INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, so that a cache can name what is gone
    id TEXT NOT NULL UNIQUE,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    lang TEXT NOT NULL,
    text BLOB NOT NULL,             -- hash of what is embedded of it
    sequence INTEGER NOT NULL,      -- the batch that added it
    embedding INTEGER REFERENCES embeddings,  -- NULL until it is embedded
    embedded INTEGER                -- the batch that gave it its embedding
);
CREATE INDEX passages_by_document ON passages (document);
CREATE INDEX passages_by_sequence ON passages (sequence);
CREATE INDEX passages_by_embedded ON passages (embedded);
CREATE INDEX passages_pending ON passages (key) WHERE embedding IS NULL;
CREATE TABLE removed (
    passage INTEGER PRIMARY KEY,    -- its key
    lang TEXT NOT NULL,
    vector BLOB NOT NULL,           -- caches keep sums of vectors; empty if it had none yet
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

# How many rows there are, kept by triggers so that nobody has to count: of a million passages that reads an index which
# lies scattered over the whole file. Triggers see what any version writes, also one that knows nothing of them, so this
# needs no format of its own: a catalog without it gets it from the next process that writes.
COUNTS = {
    "sources": "SELECT count(*) FROM sources",
    "documents": "SELECT count(*) FROM documents",
    "passages": "SELECT count(*) FROM passages",
    "pending": "SELECT count(*) FROM passages WHERE embedding IS NULL",
}
COUNTED = """
CREATE TABLE counts (what TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER sources_added AFTER INSERT ON sources
    BEGIN UPDATE counts SET number = number + 1 WHERE what = 'sources'; END;
CREATE TRIGGER sources_removed AFTER DELETE ON sources
    BEGIN UPDATE counts SET number = number - 1 WHERE what = 'sources'; END;
CREATE TRIGGER documents_added AFTER INSERT ON documents
    BEGIN UPDATE counts SET number = number + 1 WHERE what = 'documents'; END;
CREATE TRIGGER documents_removed AFTER DELETE ON documents
    BEGIN UPDATE counts SET number = number - 1 WHERE what = 'documents'; END;
CREATE TRIGGER passages_added AFTER INSERT ON passages
    BEGIN UPDATE counts SET number = number + 1 WHERE what = 'passages'; END;
CREATE TRIGGER passages_removed AFTER DELETE ON passages
    BEGIN UPDATE counts SET number = number - 1 WHERE what = 'passages'; END;
CREATE TRIGGER pending_added AFTER INSERT ON passages WHEN NEW.embedding IS NULL
    BEGIN UPDATE counts SET number = number + 1 WHERE what = 'pending'; END;
CREATE TRIGGER pending_removed AFTER DELETE ON passages WHEN OLD.embedding IS NULL
    BEGIN UPDATE counts SET number = number - 1 WHERE what = 'pending'; END;
CREATE TRIGGER pending_changed AFTER UPDATE OF embedding ON passages
    WHEN (NEW.embedding IS NULL) != (OLD.embedding IS NULL)
    BEGIN UPDATE counts SET number = number + (NEW.embedding IS NULL) - (OLD.embedding IS NULL)
    WHERE what = 'pending'; END;
"""


def begin_counting(db: sqlite3.Connection) -> None:
    """Count the rows of a catalog that has nothing that does so yet, and keep counting. Inside a transaction."""
    if not has_counts(db):
        for statement in COUNTED.split(";\n"):
            db.execute(statement)
        count_anew(db)


def has_counts(db: sqlite3.Connection) -> bool:
    """Whether a catalog counts its rows."""
    return db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'counts'").fetchone() is not None


def count_anew(db: sqlite3.Connection) -> None:
    """Make the counts those of the rows that there are. Inside a transaction."""
    for what, query in COUNTS.items():
        db.execute(f"INSERT OR REPLACE INTO counts VALUES (?, ({query}))", (what,))
