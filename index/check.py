"""Everything that an index promises, looked at: what is wrong, where, and what to do about it. Nothing is changed.

The catalog is read in one snapshot, while a writer may be at work. The caches are read before it: a writer commits to
the catalog first, so all that a cache holds the snapshot knows, or knows as removed.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.catalog import StoredVectors, embedded_hash, vectors_id
from index.connect import catalog_file, connect_to_read, format_of_file, read_at_once
from index.dense import DenseHeld, make_dense
from index.embed import EmbedderIdentity
from index.errors import IndexFolderError, IndexMismatch, ServerError
from index.escapes import view
from index.lock import is_being_written
from index.migrate import kept_as
from index.passages import Chunking, searched_words
from index.said import Said, said
from index.schema import COUNTS, FORMAT_VERSION, REMOVED_FROM, VECTORS_AT, has_counts
from index.tokens import TokenCodec
from index.unused import unused_embeddings
from index.values import UNDETERMINED, Span, Spelling
from index.whole import left_behind
from index.words import make_words

Progress = Callable[[str, int, int], None]  # what is looked at, how much of it is done, and how much there is

_ROWS_A_BLOCK = 4096
# Rounding to float16 changes a coordinate by up to 2^-11 of itself, and so the length of a vector.
_LENGTH_OFF = 2 * 2.0**-11
_IDENTITY = "SELECT identity FROM embedders WHERE key = ?"
_BEFORE = "it was embedded before a passage that comes before it"
_AFTER = "it waits to be embedded after a passage that comes after it"
_BYTE_ORDER_MARK = "\ufeff"  # which has a place in a text, and is no character of it
_NEEDED_SETTINGS = ("format", "id", "embedder", "chunking", "sequence")


class Kind(StrEnum):
    """What is wrong, by what can be done about it."""

    CATALOG = "catalog"
    SOURCE = "source"
    ORPHAN = "orphan"
    EMBEDDING = "embedding"
    PASSAGE = "passage"
    ORDER = "order"
    COUNT = "count"
    DENSE = "dense cache"
    LEXICAL = "lexical cache"
    LEFT_BEHIND = "left behind"


_REMEDIES = {
    Kind.CATALOG: "bring back a copy: dragoman index restore SNAPSHOT; without one, delete the folder and ingest again",
    Kind.SOURCE: "dragoman index repair marks its file as changed, so that the next ingest reads it again; where there "
    "is no such file any more, repair --drop-damaged removes what is left of it",
    Kind.ORPHAN: "dragoman index repair deletes them; nothing can cite them",
    Kind.EMBEDDING: "dragoman index repair deletes it; the next ingest makes it again",
    Kind.PASSAGE: "dragoman index repair deletes its embedding; the next ingest makes it again",
    Kind.ORDER: "dragoman index repair puts it last; the next ingest gives it its embedding again",
    Kind.COUNT: "dragoman index repair counts again",
    Kind.DENSE: "dragoman index repair makes it again from the catalog, embedding nothing",
    Kind.LEXICAL: "dragoman index repair makes it again from the catalog",
    Kind.LEFT_BEHIND: "it is in nobody's way; dragoman index repair deletes it",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be."""

    kind: Kind
    subject: str  # the path of a source, the key of an embedding or a passage, the name of a table, a file
    where: str
    what: str

    @property
    def remedy(self) -> str:
        """What to do."""
        return _REMEDIES[self.kind]

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"

    @property
    def told(self) -> Said:
        """The same in languages other than English, too: there by its kind, and without the particulars."""
        return Said(f"wrong_{self.kind.name.lower()}", str(self), {"where": self.where, "subject": self.subject})


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at and what was found."""

    sources: int
    passages: int
    embeddings: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]  # what is as it may be, and worth knowing


@dataclass(frozen=True, slots=True)
class _Caches:
    """What the caches hold, with how far they have come; or only why nothing can be told of them."""

    dense: DenseHeld | None
    lexical: NDArray[np.int64] | None
    lexical_sequence: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


def check(folder: Path, *, on_progress: Progress = lambda what, done, total: None) -> Checked:
    """Look at everything in an index. Raises IndexFolderError if there is none, IndexMismatch for another format.

    Of vectors that a server has, ServerError if that cannot be reached, IndexMismatch if it has those of another index.
    """
    location = catalog_file(folder)
    beside, notes = _beside(folder), _notes(folder)
    try:
        with closing(connect_to_read(location)) as db:
            if broken := _settings_problems(db, location):
                return Checked(0, 0, 0, (*broken, *beside), notes)
            caches = _load_caches(db, folder)
            with read_at_once(db):
                return _check_all(db, location, caches, beside, notes, on_progress)
    except sqlite3.DatabaseError as error:
        return Checked(0, 0, 0, (_unreadable(location, error), *beside), notes)


def check_catalog(location: Path, *, on_progress: Progress = lambda what, done, total: None) -> Checked:
    """Look at a catalog alone, such as a snapshot. Raises IndexMismatch for another format."""
    try:
        with closing(connect_to_read(location)) as db, read_at_once(db):
            if broken := _settings_problems(db, location):
                return Checked(0, 0, 0, broken, ())
            return _check_all(db, location, _Caches(None, None, 0, (), ()), (), (), on_progress)
    except sqlite3.DatabaseError as error:
        return Checked(0, 0, 0, (_unreadable(location, error),), ())


def _unreadable(location: Path, error: sqlite3.Error) -> Problem:
    return Problem(Kind.CATALOG, str(location), str(location), f"SQLite cannot read it ({error})")


def _check_all(
    db: sqlite3.Connection,
    location: Path,
    caches: _Caches,
    beside: tuple[Problem, ...],
    notes: tuple[str, ...],
    on_progress: Progress,
) -> Checked:
    sources, passages, embeddings = (
        int(_one(db, f"SELECT count(*) FROM {table}")) for table in ("sources", "passages", "embeddings")
    )
    problems = [*_file_problems(db, location), *_row_problems(db, location)]
    if all(problem.kind is not Kind.CATALOG for problem in problems):
        problems += _source_problems(db, sources, on_progress)
        problems += _embedding_problems(db, embeddings, on_progress)
        problems += _passage_problems(db)
        problems += _count_problems(db, location)
        notes += _unused_note(db)
        problems += caches.problems
        notes += caches.notes
        if caches.dense is not None:
            found, told = _dense_problems(db, caches.dense, on_progress)
            problems += found
            notes += told
        if caches.lexical is not None:
            found, told = _lexical_problems(db, caches.lexical, caches.lexical_sequence)
            problems += found
            notes += told
    return Checked(sources, passages, embeddings, tuple(dict.fromkeys((*problems, *beside))), notes)


def _one(db: sqlite3.Connection, query: str, *values: object) -> Any:
    return db.execute(query, values).fetchone()[0]


# The catalog


def _settings_problems(db: sqlite3.Connection, location: Path) -> tuple[Problem, ...]:
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    settings = dict(db.execute("SELECT name, value FROM settings")) if "settings" in tables else {}
    if "format" in settings and settings["format"] != str(FORMAT_VERSION):
        raise IndexMismatch(
            f"{location}: has format {settings['format']}, this version looks at {FORMAT_VERSION}; opening an index "
            "with dragoman ingest brings it forward"
        )
    missing = [name for name in _NEEDED_SETTINGS if name not in settings]
    what = [f"has no setting {name!r}" for name in missing]
    if not missing:
        try:
            Chunking(**json.loads(settings["chunking"]))
            EmbedderIdentity(**json.loads(_one(db, _IDENTITY, int(settings["embedder"]))))
            for name in ("sequence", REMOVED_FROM):
                int(settings.get(name, 0))
        except (ValueError, TypeError) as error:
            what.append(f"does not say what it was built with ({error})")
    return tuple(Problem(Kind.CATALOG, "settings", str(location), each) for each in what)


def _file_problems(db: sqlite3.Connection, location: Path) -> Iterator[Problem]:
    for (found,) in db.execute("PRAGMA integrity_check"):
        if found != "ok":
            yield Problem(Kind.CATALOG, str(location), str(location), f"SQLite finds it damaged: {found}")


def _row_problems(db: sqlite3.Connection, location: Path) -> Iterator[Problem]:
    orphans: dict[tuple[str, str], list[Any]] = {}
    for table, row, parent, _ in db.execute("PRAGMA foreign_key_check"):
        orphans.setdefault((table, parent), []).append(row)
    for (table, parent), rows in sorted(orphans.items()):
        if (table, parent) == ("passages", "embeddings"):
            for key in rows:
                yield Problem(Kind.PASSAGE, str(key), f"passage {key}", "its embedding is gone")
        else:
            keys = ", ".join(str(row) for row in rows[:5] if row is not None) + (" …" if len(rows) > 5 else "")
            what = f"{len(rows)} of the rows ({keys}) belong to none of the {parent}"
            yield Problem(Kind.ORPHAN, table, f"{location}, table {table}", what)
    sequence = _one(db, "SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'sequence'")
    for column, table in (("sequence", "passages"), ("embedded", "passages"), ("sequence", "removed")):
        if (latest := _one(db, f"SELECT coalesce(max({column}), 0) FROM {table}")) > sequence:
            what = f"{table} are of batch {latest}, but the last batch is {sequence}"
            yield Problem(Kind.CATALOG, "settings", str(location), what)


def _source_problems(db: sqlite3.Connection, total: int, on_progress: Progress) -> Iterator[Problem]:
    # As bytes: what is no UTF-8 would end the reading of all.
    rows = db.execute("SELECT key, path, CAST(text AS BLOB), text_sha256, spelling, pages, problems FROM sources")
    for done, (key, path, text, sha256, spelling, pages, problems) in enumerate(rows):
        on_progress("sources", done, total)
        where = f"source {path!r}"
        if hashlib.sha256(text).hexdigest() != sha256:
            # What stands on it is not looked at: nothing that could be said of it would hold.
            yield Problem(Kind.SOURCE, path, where, "its text is not what was committed (by SHA-256)")
            continue
        try:
            found = list(_faults_of_source(db, key, text.decode(), Spelling(spelling), pages, problems))
        except (ValueError, TypeError, KeyError) as error:
            found = [f"what is stored about it cannot be read ({error})"]
        yield from (Problem(Kind.SOURCE, path, where, what) for what in found)


def _faults_of_source(
    db: sqlite3.Connection, source: int, text: str, spelling: Spelling, pages: str, problems: str
) -> Iterator[str]:
    json.loads(problems)
    starts = json.loads(pages)
    if starts != sorted(starts) or not all(0 <= start <= len(text) for start in starts):
        yield "its pages do not begin in order within the text"
    dropped = db.execute(
        'SELECT start, "end", reason FROM dropped WHERE source = ? ORDER BY start', (source,)
    ).fetchall()
    yield from _out_of_order([(start, end) for start, end, _ in dropped], len(text), "what was dropped")
    taken = [(start, end, f"what was dropped as {reason!r}") for start, end, reason in dropped]
    documents = db.execute(
        "SELECT key, id, title, lang, spans, body, languages FROM documents WHERE source = ? ORDER BY key",
        (source,),
    ).fetchall()
    for key, id_, title, lang, spans, body, languages in documents:
        kept, bodies, runs = json.loads(spans), json.loads(body), json.loads(languages)
        taken += [(start, end, f"document {id_}") for start, end in kept]
        yield from _out_of_order(kept, len(text), f"document {id_}")
        yield from _out_of_order(bodies, len(text), f"the body of document {id_}")
        if not all(any(a <= start and end <= b for a, b in kept) for start, end in bodies):
            yield f"the body of document {id_} is not within what is kept of it"
        if runs and not all(0 <= start <= end <= len(text) for start, end, _ in runs):
            yield f"the languages of document {id_} are not within the text"
        langs = {run[2] for run in runs} or {lang}
        places = []
        for passage, start, end, its_lang, text_hash in db.execute(
            'SELECT id, start, "end", lang, text FROM passages WHERE document = ? ORDER BY start, "end"', (key,)
        ):
            places.append((start, end))
            if passage != f"{id_}:{start}-{end}":
                yield f"passage {passage} stands at {start}-{end} of document {id_}"
            if not any(a <= start < end <= b for a, b in bodies):
                yield f"passage {passage} is not within the body of its document"
            elif _hash_of(text[start:end], title, spelling) != text_hash:
                yield f"passage {passage} has not the text that it was committed with"
            if its_lang not in langs and UNDETERMINED not in langs:  # what no document says, each passage may
                yield f"passage {passage} is in {its_lang!r}, and its document in {', '.join(sorted(langs))}"
        if lacking := _letters_outside(places, text, bodies):
            yield f"{lacking} characters of the body of document {id_} are in no passage"
    taken.sort()
    for (_, end, one), (start, _, other) in pairwise(taken):
        if start < end:
            yield f"{one} and {other} overlap at {start}"
    if lacking := _letters_outside([(start, end) for start, end, _ in taken], text, [(0, len(text))]):
        yield f"{lacking} characters are neither kept nor dropped"


def _letters_outside(spans: Sequence[tuple[int, int]], text: str, within: Sequence[Sequence[int]]) -> int:
    """How many characters within some spans are in none of the others, which are in order; white space aside."""
    count = first = 0
    for begin, finish in within:
        at = begin
        while first < len(spans) and spans[first][1] <= begin:
            first += 1
        for start, end in chain(islice(spans, first, None), [(finish, finish)]):
            if start > at:
                count += sum(not (c.isspace() or c == _BYTE_ORDER_MARK) for c in text[at : min(start, finish)])
            at = max(at, end)
            if at >= finish:
                break
    return count


def _out_of_order(spans: Sequence[Sequence[int]], length: int, name: str) -> Iterator[str]:
    for start, end in spans:
        if not 0 <= start < end <= length:
            yield f"{name} has a span {start}-{end}, which is none of a text of {length} characters"
    for (_, end), (start, _) in pairwise(spans):
        if start < end:
            yield f"{name} has spans out of order at {start}"


def _hash_of(words: str, title: str, spelling: Spelling) -> bytes:
    return embedded_hash(searched_words(title, view(words, Span(0, len(words)), spelling).text))


def _embedding_problems(db: sqlite3.Connection, total: int, on_progress: Progress) -> Iterator[Problem]:
    embedders = {}
    for key, identity, mean in db.execute("SELECT key, identity, token_mean FROM embedders"):
        dimension = EmbedderIdentity(**json.loads(identity)).dimension
        embedders[key] = (dimension, TokenCodec(np.array(json.loads(mean) if mean else [], np.float32)))
    rows = db.execute(
        "SELECT e.key, e.embedder, e.vector, t.packed FROM embeddings e LEFT JOIN tokens t ON t.embedding = e.key"
    )
    done = 0
    while block := rows.fetchmany(_ROWS_A_BLOCK):
        on_progress("embeddings", done, total)
        done += len(block)
        for key, embedder, vector, packed in block:
            if embedder in embedders:  # else it is an orphan, which is told elsewhere
                dimension, codec = embedders[embedder]
                for what in (_fault_of_vector(vector, dimension), _fault_of_tokens(packed, dimension, codec)):
                    if what:
                        yield Problem(Kind.EMBEDDING, str(key), f"embedding {key}", what)


def _fault_of_vector(stored: bytes, dimension: int) -> str:
    if len(stored) != 2 * dimension:
        return f"its vector has {len(stored)} bytes, not two for each of {dimension} dimensions"
    vector = np.frombuffer(stored, "<f2").astype(np.float32)
    length = float(np.sqrt(vector @ vector))
    if abs(length - 1) <= _LENGTH_OFF:
        return ""
    return f"its vector has length {length:.4g}, not 1"  # which is so, too, if something in it is no number


def _fault_of_tokens(packed: bytes | None, dimension: int, codec: TokenCodec) -> str:
    if packed is None:
        return "its token vectors are gone"
    if len(codec.mean) != dimension:
        return "its token vectors cannot be unpacked: by what mean they were packed is not known"
    try:
        scales = codec.unpack(packed).scales
    except ValueError as error:
        return f"its token vectors cannot be unpacked: {error}"
    return "" if np.isfinite(scales).all() and (scales >= 0).all() else "a token vector of it is no number"


def _passage_problems(db: sqlite3.Connection) -> Iterator[Problem]:
    """Passages with an embedding that is not theirs, or embedded in an order that caches cannot follow."""
    serving = "(SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'embedder')"
    queries = {
        "its embedding is that of another text": "SELECT p.key FROM passages p JOIN embeddings e "
        "ON e.key = p.embedding WHERE e.text != p.text",
        "its embedding is that of another embedder": "SELECT p.key FROM passages p JOIN embeddings e "
        f"ON e.key = p.embedding WHERE e.embedder != {serving}",
        "it has an embedding of no batch, or none of a batch": "SELECT key FROM passages "
        "WHERE (embedding IS NULL) != (embedded IS NULL)",
        _BEFORE: "SELECT key FROM (SELECT key, embedded, "
        "max(embedded) OVER (ORDER BY key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest "
        "FROM passages WHERE embedded IS NOT NULL) WHERE embedded < latest",
        _AFTER: "SELECT key FROM passages "
        "WHERE embedding IS NULL AND key < (SELECT max(key) FROM passages WHERE embedding IS NOT NULL)",
    }
    for what, query in queries.items():
        kind = Kind.ORDER if what in (_BEFORE, _AFTER) else Kind.PASSAGE
        for (key,) in db.execute(query):
            yield Problem(kind, str(key), f"passage {key}", what)


def _count_problems(db: sqlite3.Connection, location: Path) -> Iterator[Problem]:
    if not has_counts(db):  # an earlier version made it, and the next process that writes begins to count
        return
    kept = dict(db.execute("SELECT what, number FROM counts"))
    for what, query in COUNTS.items():
        if kept.get(what) != (number := int(_one(db, query))):
            told = f"says {kept.get(what, 'nothing')} of {what!r}, and there are {number}"
            yield Problem(Kind.COUNT, what, f"{location}, table counts", told)


def _unused_note(db: sqlite3.Connection) -> tuple[str, ...]:
    count, size = unused_embeddings(db)
    if not count:
        return ()
    unused = (
        "{count} embeddings are of texts that no passage has, {size} MB: kept so that no text is embedded twice; "
        "dragoman index compact gives the space back"
    )
    return (said("unused_embeddings", unused, count=count, size=f"{size / 1e6:.1f}"),)


# The caches


def _load_caches(db: sqlite3.Connection, folder: Path) -> _Caches:
    settings = dict(db.execute("SELECT name, value FROM settings"))
    identity = EmbedderIdentity(**json.loads(_one(db, _IDENTITY, int(settings["embedder"]))))
    dense: DenseHeld | None = make_dense(folder, settings.get(VECTORS_AT, ""), identity.dimension)
    lexical = make_words(folder, settings.get(VECTORS_AT, ""))
    problems: list[Problem] = []
    keys: NDArray[np.int64] | None = None
    wanted = vectors_id(settings["id"], settings["embedder"])
    notes = _of_other_embedder(folder, settings["id"], wanted)
    for attempt in range(2):  # a writer may have put new files in place while the old ones were read
        try:
            assert dense is not None
            dense.load(wanted)
            break
        except (ServerError, IndexMismatch):
            raise
        except IndexFolderError as error:
            if attempt:
                dense = None
                if (folder / "dense").exists() and not notes:
                    problems.append(_of_cache(Kind.DENSE, folder / "dense", error))
    try:
        lexical.load(settings["id"])
        keys = lexical.keys()
    except (ServerError, IndexMismatch):
        raise
    except (IndexFolderError, ValueError) as error:
        if (folder / "lexical").exists():
            problems.append(_of_cache(Kind.LEXICAL, folder / "lexical", error))
    return _Caches(dense, keys, lexical.sequence, tuple(problems), notes if dense is None else ())


def _of_other_embedder(folder: Path, catalog: str, wanted: str) -> tuple[str, ...]:
    """A note if the dense cache is of vectors of this catalog that served before, as when a run that has just changed
    the embedder was stopped."""
    try:
        held = str(json.loads((folder / "dense" / "state.json").read_bytes())["vectors"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()  # it is damaged, which is told elsewhere
    if held == wanted or not held.startswith(vectors_id(catalog, "")):
        return ()
    before = "the dense cache is of the embedder before; the next opening makes it again, embedding nothing"
    return (said("cache_before", before),)


def _of_cache(kind: Kind, folder: Path, error: Exception) -> Problem:
    where, _, what = str(error).partition(": ")
    return Problem(kind, str(folder), where, what)


def _dense_problems(
    db: sqlite3.Connection, dense: DenseHeld, on_progress: Progress
) -> tuple[list[Problem], tuple[str, ...]]:
    reached, where = dense.sequence, "the dense cache"
    if told := _too_old(db, reached, where):
        return [], told
    dimension, count = dense.dimension, dense.count
    rows = db.execute(
        "SELECT p.key, p.lang, e.vector FROM passages p JOIN embeddings e ON e.key = p.embedding "
        "WHERE p.embedded <= ? AND length(e.vector) = ? ORDER BY p.key",
        (reached, 2 * dimension),
    )
    embedded, differing = [], []
    while block := rows.fetchmany(_ROWS_A_BLOCK):
        on_progress("vectors", len(embedded), count)
        keys, langs, vectors = zip(*block, strict=True)
        stored = StoredVectors(
            np.array(keys, np.int64), langs, np.array([np.frombuffer(v, "<f2") for v in vectors], np.float16)
        )
        differing += stored.keys[dense.differing(stored)].tolist()
        embedded += keys
    held = dense.keys()
    lacking = np.setdiff1d(np.array(embedded, np.int64), held)
    gone = [key for (key,) in db.execute("SELECT passage FROM removed WHERE sequence > ?", (reached,))]
    damaged = db.execute(
        "SELECT p.key FROM passages p LEFT JOIN embeddings e ON e.key = p.embedding "
        "WHERE p.embedded <= ? AND (e.key IS NULL OR length(e.vector) != ?)",
        (reached, 2 * dimension),
    )
    known = np.array([*embedded, *gone, *(key for (key,) in damaged)], np.int64)
    extra = np.setdiff1d(held, known)
    problems = _key_problems(Kind.DENSE, where, lacking, extra)
    if count > len(np.unique(held)):
        problems.append(Problem(Kind.DENSE, where, where, "holds a passage more than once"))
    others = sorted(set(differing) - set(lacking.tolist()))
    # Which of the two is right nobody knows: only the cache has a checksum, but it may have been made of the other.
    for key in others:
        what = "the catalog and the dense cache have different vectors of it, or languages"
        problems.append(Problem(Kind.PASSAGE, str(key), f"passage {key}", what))
    return problems, _behind(db, reached, where)


def _lexical_problems(
    db: sqlite3.Connection, held: NDArray[np.int64], reached: int
) -> tuple[list[Problem], tuple[str, ...]]:
    where = "the lexical cache"
    if told := _too_old(db, reached, where):
        return [], told
    wanted = np.array([key for (key,) in db.execute("SELECT key FROM passages WHERE sequence <= ?", (reached,))])
    # It may be ahead of what it says, if a writer was stopped between the one and the other; that does no harm.
    known = db.execute(
        "SELECT key FROM passages WHERE sequence > ?1 UNION SELECT passage FROM removed WHERE sequence > ?1", (reached,)
    )
    extra = np.setdiff1d(held, np.array([*wanted.tolist(), *(key for (key,) in known)], np.int64))
    problems = _key_problems(Kind.LEXICAL, where, np.setdiff1d(wanted, held), extra)
    if len(np.unique(held)) != len(held):
        problems.append(Problem(Kind.LEXICAL, where, where, "holds a passage more than once"))
    return problems, _behind(db, reached, where)


def _key_problems(kind: Kind, where: str, lacking: NDArray[Any], extra: NDArray[Any]) -> list[Problem]:
    return [
        Problem(kind, where, where, f"{verb} {len(keys)} passages, such as {', '.join(map(str, keys[:5]))}")
        for verb, keys in (("lacks", lacking), ("holds what is not in the catalog:", extra))
        if len(keys)
    ]


def _too_old(db: sqlite3.Connection, reached: int, where: str) -> tuple[str, ...]:
    rows = db.execute("SELECT CAST(value AS INTEGER) FROM settings WHERE name = ?", (REMOVED_FROM,)).fetchone()
    if rows is None or reached >= rows[0]:
        return ()
    old = "{where} is older than what the catalog remembers; the next opening makes it again"
    return (said("cache_old", old, where=where),)


def _behind(db: sqlite3.Connection, reached: int, where: str) -> tuple[str, ...]:
    behind = _one(db, "SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'sequence'") - reached
    told = "{where} is {count} batches behind the catalog; the next opening brings it forward"
    return (said("cache_behind", told, where=where, count=behind),) if behind else ()


# The folder


def _beside(folder: Path) -> tuple[Problem, ...]:
    found = left_behind(folder)
    if not is_being_written(folder):
        found += unnamed_vectors(folder)
    what = "half-written, or no longer used, by a run that was stopped"
    return tuple(Problem(Kind.LEFT_BEHIND, str(path), str(path), what) for path in found)


def unnamed_vectors(folder: Path) -> list[Path]:
    """Files of the dense cache that its state does not name. Only while nobody writes."""
    try:
        named = set(json.loads((folder / "dense" / "state.json").read_bytes())["files"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # it is damaged, which is told elsewhere
    return sorted(file for file in (folder / "dense").glob("*.faiss") if file.name not in named)


def _notes(folder: Path) -> tuple[str, ...]:
    missing = "{file}: not made yet; the next opening makes it from the catalog, embedding nothing"
    notes = [
        said("cache_missing", missing, file=str(folder / name))
        for name in ("dense", "lexical")
        if not (folder / name).exists()
    ]
    if (kept := kept_as(folder)).is_file():
        size = f"{kept.stat().st_size / 1e6:.1f}"
        old = "{file}: kept from format {format}, {size} MB; delete it when all is well"
        notes.append(said("format_before", old, file=str(kept), format=format_of_file(kept), size=size))
    return tuple(notes)
