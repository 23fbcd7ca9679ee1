"""Embeddings that no passage uses: kept so that no text is embedded twice, until the space is wanted back."""

from __future__ import annotations

import sqlite3

from index.schema import REEMBEDDING

# A passage that is pending uses the embedding that its text may have, too. Of an embedder that neither serves nor is to
# serve next nothing is used.
_USED = (
    "embedder IN (SELECT CAST(value AS INTEGER) FROM settings WHERE name IN ('embedder', ?1)) "
    "AND text IN (SELECT text FROM passages)"
)


def unused_embeddings(db: sqlite3.Connection) -> tuple[int, int]:
    """How many embeddings no passage uses, and how many bytes they and their token vectors take."""
    count, size = db.execute(
        "SELECT count(*), coalesce(sum(length(e.vector) + coalesce(length(t.packed), 0)), 0) "
        f"FROM embeddings e LEFT JOIN tokens t ON t.embedding = e.key WHERE NOT ({_USED})",
        (REEMBEDDING,),
    ).fetchone()
    return int(count), int(size)


def delete_unused_embeddings(db: sqlite3.Connection) -> None:
    """Delete what `unused_embeddings` counts, and embedders that are no longer in use. Inside a transaction."""
    db.execute(f"DELETE FROM embeddings WHERE NOT ({_USED})", (REEMBEDDING,))
    db.execute(
        "DELETE FROM embedders WHERE key NOT IN (SELECT CAST(value AS INTEGER) FROM settings "
        "WHERE name IN ('embedder', ?)) AND key NOT IN (SELECT embedder FROM embeddings)",
        (REEMBEDDING,),
    )
