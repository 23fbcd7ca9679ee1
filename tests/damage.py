"""Ways to damage an index, each with what `check` must say of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.check import Kind
from index.schema import FILE_NAME


@dataclass(frozen=True, slots=True)
class Damage:
    name: str
    do: Callable[[Path], None]
    kind: Kind
    said: str  # a part of what is said of it


def sql(*statements: str, **functions: Callable[..., bytes | str]) -> Callable[[Path], None]:
    """Run statements on the catalog as if nothing depended on anything; functions take one value."""

    def do(folder: Path) -> None:
        with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as db:
            for name, function in functions.items():
                db.create_function(name, 1, function)
            for statement in statements:
                assert db.execute(statement).rowcount, statement

    return do


def flipped(file: str, *, part: float = 0.4) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        path = next(iter(sorted(folder.glob(file))))
        data = bytearray(path.read_bytes())
        data[int(len(data) * part)] ^= 0x20
        path.write_bytes(data)

    return do


def cut(file: str) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        path = next(iter(sorted(folder.glob(file))))
        path.write_bytes(path.read_bytes()[:-100])

    return do


def deleted(file: str) -> Callable[[Path], None]:
    return lambda folder: next(iter(sorted(folder.glob(file)))).unlink()


def made(file: str) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        (folder / file).write_bytes(b"half of it")

    return do


def turned(vector: bytes) -> bytes:
    """Another vector of the same length."""
    return np.roll(np.frombuffer(vector, "<f2"), 1).tobytes()


def stretched(vector: bytes) -> bytes:
    return (np.frombuffer(vector, "<f2") * np.float16(1.25)).tobytes()


def no_number(vector: bytes) -> bytes:
    return np.array([np.nan, *np.frombuffer(vector, "<f2")[1:]], "<f2").tobytes()


def later(spans: str) -> str:
    return json.dumps([[start + 1, end + 10_000] for start, end in json.loads(spans)])


def backwards(spans: str) -> str:
    return json.dumps([*json.loads(spans), *json.loads(spans)])


FIRST = "(SELECT min(key) FROM passages)"
EMBEDDING = f"(SELECT embedding FROM passages WHERE key = {FIRST})"
SOURCE = "key = (SELECT min(key) FROM sources)"
CHANGED_BYTE = f"UPDATE sources SET text = replace(text, 'keeper', 'kEeper') WHERE {SOURCE}"
NO_UTF8 = f"UPDATE sources SET text = CAST(x'ff' || CAST(text AS BLOB) AS TEXT) WHERE {SOURCE}"
ORPHANED = f"PRAGMA foreign_keys = OFF; DELETE FROM sources WHERE {SOURCE}".split("; ")[1]

DAMAGES = [
    Damage("byte of a text", sql(CHANGED_BYTE), Kind.SOURCE, "its text is not what was committed"),
    Damage("text that is none", sql(NO_UTF8), Kind.SOURCE, "its text is not what was committed"),
    Damage("spans beyond the text", sql("UPDATE documents SET spans = f(spans)", f=later), Kind.SOURCE, "has a span"),
    Damage("spans twice", sql("UPDATE documents SET spans = f(spans)", f=backwards), Kind.SOURCE, "out of order"),
    Damage("spans that are none", sql("UPDATE documents SET spans = '[[1'"), Kind.SOURCE, "cannot be read"),
    Damage("body beyond what is kept", sql("UPDATE documents SET spans = '[]'"),
           Kind.SOURCE, "not within what is kept"),
    Damage("dropped span", sql('UPDATE dropped SET "end" = 99999'), Kind.SOURCE, "what was dropped has a span"),
    Damage("dropped and kept", sql("UPDATE dropped SET start = 0, \"end\" = 60"), Kind.SOURCE, "overlap"),
    Damage("pages", sql(f"UPDATE sources SET pages = '[5, 2]' WHERE {SOURCE}"),
           Kind.SOURCE, "pages do not begin in order"),
    Damage("span of a passage", sql(f"UPDATE passages SET start = start + 1 WHERE key = {FIRST}"),
           Kind.SOURCE, "stands at"),
    Damage("id of a passage", sql(f"UPDATE passages SET id = 'x:1-2' WHERE key = {FIRST}"),
           Kind.SOURCE, "passage x:1-2 stands"),
    Damage("passage without a body", sql("UPDATE documents SET body = '[]'"), Kind.SOURCE, "not within the body"),
    Damage("title of a document", sql("UPDATE documents SET title = 'Another'"),
           Kind.SOURCE, "has not the text that it was"),
    Damage("orphaned document", sql(ORPHANED), Kind.ORPHAN, "belong to none of the sources"),
    Damage("orphaned passages", sql("DELETE FROM documents WHERE key = (SELECT min(key) FROM documents)"),
           Kind.ORPHAN, "belong to none of the documents"),
    Damage("no token vectors", sql(f"DELETE FROM tokens WHERE embedding = {EMBEDDING}"), Kind.EMBEDDING, "are gone"),
    Damage("cut token vectors", sql(f"UPDATE tokens SET packed = substr(packed, 4) WHERE embedding = {EMBEDDING}"),
           Kind.EMBEDDING, "cannot be unpacked"),
    Damage("no mean of tokens", sql("UPDATE embedders SET token_mean = ''"), Kind.EMBEDDING, "packed is not known"),
    Damage("cut vector", sql(f"UPDATE embeddings SET vector = substr(vector, 3) WHERE key = {EMBEDDING}"),
           Kind.EMBEDDING, "not two for each of 64"),
    Damage("long vector", sql(f"UPDATE embeddings SET vector = f(vector) WHERE key = {EMBEDDING}", f=stretched),
           Kind.EMBEDDING, "has length 1.25, not 1"),
    Damage("no numbers", sql(f"UPDATE embeddings SET vector = f(vector) WHERE key = {EMBEDDING}", f=no_number),
           Kind.EMBEDDING, "has length nan, not 1"),
    Damage("another vector", sql(f"UPDATE embeddings SET vector = f(vector) WHERE key = {EMBEDDING}", f=turned),
           Kind.PASSAGE, "have different vectors of it"),
    Damage("no embedding", sql(f"DELETE FROM tokens WHERE embedding = {EMBEDDING}",
           f"DELETE FROM embeddings WHERE key = {EMBEDDING}"), Kind.PASSAGE, "its embedding is gone"),
    Damage("embedding of another", sql(f"UPDATE passages SET embedding = embedding + 1 WHERE key = {FIRST}"),
           Kind.PASSAGE, "that of another text"),
    Damage("embedded in no batch", sql(f"UPDATE passages SET embedded = NULL WHERE key = {FIRST}"),
           Kind.PASSAGE, "of no batch"),
    Damage("out of order", sql("UPDATE passages SET embedded = 1 WHERE key = (SELECT max(key) FROM passages)"),
           Kind.ORDER, "before a passage that comes before"),
    Damage("language of a passage", sql(f"UPDATE passages SET lang = 'xx' WHERE key = {FIRST}"),
           Kind.SOURCE, "is in 'xx', and its"),
    Damage("dense file flipped", flipped("dense/*.faiss"), Kind.DENSE, "by CRC-32"),
    Damage("dense file cut", cut("dense/*.faiss"), Kind.DENSE, "by CRC-32"),
    Damage("dense file gone", deleted("dense/*.faiss"), Kind.DENSE, "No such file"),
    Damage("dense state gone", deleted("dense/state.json"), Kind.DENSE, "No such file"),
    Damage("dense state cut", cut("dense/state.json"), Kind.DENSE, "dense/state.json"),
    Damage("dense of another", sql("UPDATE settings SET value = 'another' WHERE name = 'id'"),
           Kind.DENSE, "holds vectors of"),
    Damage("lexical file flipped", flipped("lexical/*.idx"), Kind.LEXICAL, "by its checksum"),
    Damage("lexical file cut", cut("lexical/*.term"), Kind.LEXICAL, "by its checksum"),
    Damage("lexical file gone", deleted("lexical/*.pos"), Kind.LEXICAL, "missing"),
    Damage("lexical state gone", deleted("lexical/state.json"), Kind.LEXICAL, "missing"),
    Damage("passage gone", sql(f"DELETE FROM passages WHERE key = {FIRST}"), Kind.LEXICAL, "holds what is not"),
    Damage("words in no passage", sql(f"DELETE FROM passages WHERE key = {FIRST}"), Kind.SOURCE, "in no passage"),
    Damage("words nowhere", sql("DELETE FROM dropped"), Kind.SOURCE, "6 characters are neither kept nor dropped"),
    Damage("count of passages", sql("UPDATE counts SET number = number + 1 WHERE what = 'passages'"),
           Kind.COUNT, "says 6 of 'passages', and there are 5"),
    Damage("count of what is pending", sql("DELETE FROM counts WHERE what = 'pending'"),
           Kind.COUNT, "says nothing of 'pending', and there are 0"),
    Damage("half-written file", made("dense/.en-3.faiss.4194305-7"), Kind.LEFT_BEHIND, "half-written"),
    Damage("unnamed file", made("dense/en-999.faiss"), Kind.LEFT_BEHIND, "half-written"),
]  # fmt: skip
