"""Whether an index holds what it says: by `index.check`, by embedding anew and by a product in numpy.

`index.check` looks at all that can be known without a model: at the catalog, and whether the caches hold the same. What
is looked at here beside that is whether every vector is that of its text, and whether a search finds what there is and
scores it as it should. For indexes of the embedders that need no model, small enough to be read whole: these embed a
text anew in no time.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from index.catalog import FILE_NAME, Catalog, StoredPassage
from index.centring import language_means
from index.check import Kind, check
from index.embed import Embedder, EmbedderIdentity, Floats, HashingEmbedder, unit
from index.errors import DragomanError
from index.fold import folded_words, terms
from index.folder import Filters, Index
from index.lexical import Phrase, holds
from index.passages import searched_text
from index.tokens import TokenCodec, TokenVectors

_MOST_FOUND = 1_000_000
_WORDS_ASKED = 4
_QUERIES = 3
_OFF = 2e-4  # of a score; float16 keeps three digits of a coordinate, a wrong vector is off by 0.1 and more

Rows = tuple[tuple[object, ...], ...]


class TurnedEmbedder(HashingEmbedder):
    """Another hashing embedder for each number: the same coordinates, turned round by so many places; 0 is the plain.

    What one of them embedded is wrong for all others.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        if places:
            self.identity = replace(
                HashingEmbedder.identity, name=f"hashing-turned-{places}", weights_hash=f"turned-{places}"
            )

    @classmethod
    def of(cls, identity: EmbedderIdentity) -> TurnedEmbedder:
        """The embedder of this identity, which must be one of these."""
        number = identity.name.rpartition("-")[2]
        return cls(int(number) if number.isdecimal() else 0)

    def embed_query(self, text: str) -> Floats:
        return np.roll(_hashed(text), self._places)

    def query_tokens(self, text: str) -> TokenVectors:
        found = super().query_tokens(text)
        return TokenVectors(found.tokens, np.roll(found.vectors, self._places, axis=1), found.starts)


@lru_cache(maxsize=50_000)
def _hashed(text: str) -> Floats:
    return HashingEmbedder().embed_query(text)


@lru_cache(maxsize=50_000)
def _packed(text: str, places: int, mean: bytes) -> bytes:
    return TokenCodec(np.frombuffer(mean, np.float32)).pack(TurnedEmbedder(places).query_tokens(text))


@dataclass(frozen=True, slots=True)
class SourceState:
    """What an index holds of one source, but for keys and the numbers of batches."""

    source: tuple[object, ...]
    documents: Rows
    dropped: Rows
    passages: Rows  # by id, with the hash of what is embedded
    embedded: frozenset[str]  # the ids of those that have an embedding


_OF_SOURCE = "sha256, media, title, date, author, outlet, encoding, spelling, text_sha256"
_OF_DOCUMENT = "id, title, lang, date, spans, body, date_from, author, outlet, languages"


def sources_of(folder: Path) -> dict[str, SourceState]:
    """The state of every source by its path; none if there is no catalog yet."""
    if not (folder / FILE_NAME).is_file():
        return {}
    with closing(sqlite3.connect(folder / FILE_NAME, timeout=30, isolation_level=None)) as db:
        return read_sources(db)


def read_sources(db: sqlite3.Connection) -> dict[str, SourceState]:
    """As `sources_of`, over a connection; none if its catalog has no tables yet."""
    db.execute("BEGIN")  # one moment for all that is read
    try:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'settings'").fetchone():
            return {}
        found = {}
        for key, path, *source in db.execute(f"SELECT key, path, {_OF_SOURCE} FROM sources").fetchall():
            documents = db.execute(f"SELECT {_OF_DOCUMENT} FROM documents WHERE source = ? ORDER BY id", (key,))
            dropped = db.execute('SELECT start, "end", reason FROM dropped WHERE source = ? ORDER BY start', (key,))
            passages = db.execute(
                'SELECT p.id, d.id, p.start, p."end", p.lang, p.text, p.embedding IS NOT NULL FROM passages p '
                "JOIN documents d ON p.document = d.key WHERE d.source = ? ORDER BY p.id",
                (key,),
            ).fetchall()
            found[path] = SourceState(
                tuple(source),
                tuple(documents.fetchall()),
                tuple(dropped.fetchall()),
                tuple(row[:-1] for row in passages),
                frozenset(row[0] for row in passages if row[-1]),
            )
        return found
    finally:
        db.execute("ROLLBACK")


def same_text(one: SourceState, other: SourceState) -> bool:
    """Whether both are the same but for what is embedded already."""
    return replace(one, embedded=frozenset()) == replace(other, embedded=frozenset())


def all_of(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """What a whole index holds that does not hang on its history, for comparison with another's."""
    with closing(sqlite3.connect(folder / FILE_NAME, timeout=30)) as db:
        queries = {
            "vectors": "SELECT p.id, e.vector, t.packed FROM passages p LEFT JOIN embeddings e ON e.key = p.embedding "
            "LEFT JOIN tokens t ON t.embedding = e.key",
            "links": "SELECT d.id, o.id, l.kind, l.score FROM links l JOIN documents d ON d.key = l.document "
            "JOIN documents o ON o.key = l.other",
            "clusters": "SELECT d.id, r.id FROM clusters c JOIN documents d ON d.key = c.document "
            "JOIN documents r ON r.key = c.representative",
        }
        found = {name: sorted(db.execute(query)) for name, query in queries.items()}
    # A link has no direction: which of two documents is named first goes by their keys.
    found["links"] = sorted((*sorted(row[:2]), *row[2:]) for row in found["links"])  # type: ignore[type-var]
    return found


def lies(folder: Path, *, rng: random.Random) -> list[str]:
    """All that is wrong with an index, in words; `rng` chooses the words and vectors that are asked for.

    It is checked as it is, when half-written files may lie about, and again once it was opened, which mends what a
    killed writer left, as it does for everybody.
    """
    try:
        found = [str(problem) for problem in check(folder).problems if problem.kind is not Kind.LEFT_BEHIND]
        with Index.open(folder) as index:
            found += _lies_in(index, rng)
        found += map(str, check(folder).problems)
    except DragomanError as error:
        return [f"cannot be opened: {error}"]
    return list(dict.fromkeys(found))


def _lies_in(index: Index, rng: random.Random) -> Iterator[str]:
    catalog = index.catalog
    embedder = TurnedEmbedder.of(catalog.built_with.embedder)
    stored = {each.key: each for each in catalog.added_since(0)}
    yield from _lies_in_vectors(catalog, embedder, stored)
    yield from _lies_of_dense_search(index, embedder, stored, stored.keys() & catalog.vectors().keys(), rng)
    yield from _lies_of_word_search(index, stored, rng)


def _lies_in_vectors(catalog: Catalog, embedder: TurnedEmbedder, stored: dict[int, StoredPassage]) -> Iterator[str]:
    vectors, codec, packed = catalog.vectors(), catalog.token_codec, catalog.packed_tokens(stored)
    for key, vector in vectors.items():
        if key not in stored:
            continue
        text = searched_text(stored[key].passage)
        if not np.array_equal(vector, embedder.embed_query(text).astype(np.float16)):
            yield f"{stored[key].passage.id}: has the vector of another text"
        elif codec is None or packed.get(key) != _packed(text, embedder._places, codec.mean.tobytes()):
            yield f"{stored[key].passage.id}: has the token vectors of another text"


def _lies_of_dense_search(
    index: Index, embedder: Embedder, stored: dict[int, StoredPassage], keys: set[int], rng: random.Random
) -> Iterator[str]:
    """Every score that a search gives, against a product with vectors that were made anew."""
    if not keys:
        return
    order = sorted(keys)
    texts = [searched_text(stored[key].passage) for key in order]
    rows = np.array([embedder.embed_query(text).astype(np.float16) for text in texts]).astype(np.float32)
    langs = np.array([stored[key].passage.lang for key in order])
    of_lang = {lang: rows[langs == lang].astype(np.float64) for lang in sorted(set(langs.tolist()))}
    means = language_means({lang: (some.sum(axis=0), len(some)) for lang, some in of_lang.items()})
    away = unit(rows - np.array([means[lang] for lang in langs.tolist()]))
    for text in rng.choices(texts, k=_QUERIES):
        query = embedder.embed_query(text)
        wanted = away @ unit(query - np.mean(list(means.values()), axis=0))
        found = {hit.key: hit.score for hit in index.search_dense(query, k=_MOST_FOUND, filters=Filters())}
        if found.keys() != keys:
            yield f"dense search finds {len(found)} passages, {len(found.keys() & keys)} of {len(keys)} that there are"
        elif np.abs(np.array([found[key] for key in order]) - wanted).max() > _OFF:
            yield "dense search scores a passage by the vector of another text"


def _lies_of_word_search(index: Index, stored: dict[int, StoredPassage], rng: random.Random) -> Iterator[str]:
    if not stored:
        return
    terms_of = {key: set(terms(searched_text(each.passage)).split()) for key, each in stored.items()}
    for each in rng.choices(list(stored.values()), k=_WORDS_ASKED):
        word = rng.choice(each.passage.readable.split())
        if not (skeletons := tuple(folded_words(word))):
            continue
        phrase = Phrase(word, skeletons)
        found = set(index.lexical.keys(phrases=[phrase]).tolist())
        wanted = {key for key, other in stored.items() if holds([phrase], other.passage)}
        if found != wanted:
            yield f"word search finds {word!r} in {len(found)} passages, it stands in {len(wanted)}"
        asked = set(terms(word).split())
        found = {hit.key for hit in index.search_lexical(word, k=_MOST_FOUND, filters=Filters())}
        wanted = {key for key, has in terms_of.items() if asked & has}
        if found != wanted:
            yield f"the question {word!r} finds {len(found)} passages by words, {len(wanted)} have some of it"
