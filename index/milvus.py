"""Collections of passages' vectors, and of their terms, in Milvus: the one place that talks to it.

A row is a passage: its key, language, path, days, outlet, and its vector or its terms. Rows of keys below zero are no
passages: the lowest of them says how far the collection has come. It is written before the one before is deleted, so
that there is always one.

Rows are only ever inserted: Milvus 2.3 puts what is upserted into the wrong partition, where a search in its language
does not see it. So whoever inserts sees to it that none of the rows is there.
"""

from __future__ import annotations

import json
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from index.errors import ServerError, SettingsError
from index.lexical import END_OF_TIME, NO_DAY, days
from index.neighbours import Floats, Keys
from index.place import Server

if TYPE_CHECKING:
    from index.folder import Filters

_TOKEN = "DRAGOMAN_MILVUS_TOKEN"  # noqa: S105, the name of a variable
_SECONDS = 60.0
_CONNECT_SECONDS = 10.0
MOST_FOUND = 16_000  # rows that Milvus gives at a time
_KEYS_A_CALL = 4_096
_TERMS_A_CALL = 1_000  # rows of some 500 terms
_PARTITIONS = 16  # languages share them by hash
_LONGEST = 65_535  # bytes of a VARCHAR
_HNSW = {"M": 32, "efConstruction": 200}
_CELLS = {"nlist": 1024}
_LOOKED_IN = {"HNSW": "ef", "IVF_FLAT": "nprobe", "IVF_SQ8": "nprobe"}  # how far a search looks
_LOOKED_IN_CELLS = 64
# A search that must see all waits for the server's clock: 0.2 s, where others take 4 ms. So only what tells how far
# the collection has come is read so; what was written before it is there from then on. Searches wait for what their own
# process has written, or else for what is five seconds old: another replica than the one that told may be behind.
_STRONG = "Strong"
_OWN = "Session"
_NEARLY_ALL = "Bounded"
_SPARSE_SINCE = (2, 4)
# A dimension that no term has. A row of nothing has it, for Milvus takes no sparse vector without a number; and with
# the next one, 2^32 - 1, Milvus means none.
NO_TERM = 2**32 - 2
_WORDS_SUFFIX = "_words"


@dataclass(frozen=True, slots=True)
class Row:
    """A passage as it is kept with its vector."""

    key: int
    lang: str
    source: str
    date: str
    outlet: str
    vector: Floats


@dataclass(frozen=True, slots=True)
class TermsRow:
    """A passage as it is kept with its terms."""

    key: int
    lang: str
    source: str
    date: str
    outlet: str
    terms: Mapping[int, float]  # the weight of each, above 0, by its dimension, which is below NO_TERM
    length: int  # how many terms there are, each as often as it is there
    words: str  # folded, with a space before each and behind the last


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a collection has come."""

    vectors: str  # id of what it holds, by `index.catalog.vectors_id` if these are vectors
    sequence: int  # of the last batch that is all there
    highest: int  # key that is there: those behind it may be there or not
    mean: float = 0.0  # the mean length that weights of terms are made with


class Rows(ABC):
    """A collection of a server, which is there once it was created. Raises ServerError from any call."""

    _FIELDS = ("key", "lang", "source", "outlet", "first_day", "last_day")
    _vector: str  # the name of the field that is searched

    def __init__(self, server: Server, name: str, beside: Rows | None) -> None:
        """Connect, or ask by the connection of another collection of the server."""
        self.server, self._name, self._wrote = server, name, False
        if beside is not None:
            self._client, self.version = beside._client, beside.version
            return
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what goes wrong is told once, by us
        try:
            from pymilvus import MilvusClient
        except ImportError as error:
            raise SettingsError(
                f"{server}: Milvus needs a package that is not here: pip install 'dragoman[milvus]'"
            ) from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        with self._told():
            self._client: Any = MilvusClient(
                uri=server.address, token=os.environ.get(_TOKEN, ""), timeout=_CONNECT_SECONDS
            )
            self.version = str(self._client.get_server_version())

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong at the server, as an error of ours."""
        try:
            yield
        except (ServerError, SettingsError, KeyboardInterrupt):
            raise
        except Exception as error:  # pymilvus raises its own, grpc's, and for Milvus Lite those of Python
            said = getattr(error, "message", "") or str(error) or type(error).__name__
            raise ServerError(
                f"{self.server}: Milvus cannot be reached, or failed ({' '.join(said.split())[:300]}); start it, or "
                "look at its log. The texts and vectors are in the catalog, and nothing of them is lost"
            ) from error

    @property
    def has_sparse(self) -> bool:
        """Whether the server can search sparse vectors, and strings by what is in the middle of them."""
        numbers = [
            int(part) for part in self.version.lower().lstrip("v").split("-")[0].split(".")[:2] if part.isdecimal()
        ]
        return self.version.startswith("milvus_lite") or tuple(numbers) >= _SPARSE_SINCE

    @property
    def told_of(self) -> str:
        """The server's version and what it cannot do."""
        return self.version if self.has_sparse else f"{self.version}, which has no sparse vectors"

    def close(self) -> None:
        """Let go of the server."""
        self._client.close()

    # The collection

    def exists(self) -> bool:
        with self._told():
            return bool(self._client.has_collection(self._name, timeout=_SECONDS))

    def _create(self, reached: Reached, kind: str, metric: str, sizes: dict[str, int], partitions: int) -> None:
        with self._told():
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
            self._add_fields(schema)
            index = self._client.prepare_index_params()
            index.add_index(self._vector, index_type=kind, metric_type=metric, params=sizes)
            self._client.create_collection(
                self._name,
                schema=schema,
                index_params=index,
                consistency_level=_OWN,
                timeout=_SECONDS,
                **({"num_partitions": partitions} if partitions else {}),
            )
        self._marks = list[int]()
        self.reach(reached)

    @abstractmethod
    def _add_fields(self, schema: Any) -> None:
        """Tell Milvus of what a row is."""

    @staticmethod
    def _add_common(schema: Any, *, by_language: bool) -> None:
        from pymilvus import DataType

        schema.add_field("key", DataType.INT64, is_primary=True)
        schema.add_field("lang", DataType.VARCHAR, max_length=256, is_partition_key=by_language)
        for field in ("source", "outlet"):
            schema.add_field(field, DataType.VARCHAR, max_length=_LONGEST)
        for field in ("first_day", "last_day"):
            schema.add_field(field, DataType.INT64)

    def drop(self) -> None:
        """Delete it, if it is there."""
        with self._told():
            self._client.drop_collection(self._name, timeout=_SECONDS)

    def _fit(self, fields: Mapping[str, Any]) -> bool:
        return {*self._FIELDS, self._vector} <= fields.keys()

    def is_ours(self) -> bool:
        """Whether it is there and has the fields that it is made with."""
        with self._told():
            if not self._client.has_collection(self._name, timeout=_SECONDS):
                return False
            told = self._client.describe_collection(self._name, timeout=_SECONDS)
            return self._fit({field["name"]: field for field in told["fields"]})

    def open(self) -> Reached | None:
        """How far it has come, or None if it holds nothing that says so. Raises ServerError if it is none of ours."""
        with self._told():
            fields = {f["name"]: f for f in self._client.describe_collection(self._name, timeout=_SECONDS)["fields"]}
            if not self._fit(fields):
                raise ServerError(
                    f"{self.server}: the collection {self._name} was not made by dragoman for this; name another"
                )
            if self._vector not in self._client.list_indexes(self._name):  # killed while it was made
                return None
            self._see(fields[self._vector])
            self._client.load_collection(self._name, timeout=_SECONDS)
        rows = self._query("key < 0", ["key", "source"])
        self._marks = [int(row["key"]) for row in rows]
        return Reached(**json.loads(min(rows, key=lambda row: row["key"])["source"])) if rows else None

    @abstractmethod
    def _see(self, field: dict[str, Any]) -> None:
        """Learn what there is to know of the field that is searched."""

    @abstractmethod
    def _nothing(self, key: int) -> dict[str, Any]:
        """A row that is no passage."""

    def _row_of(self, reached: Reached) -> dict[str, Any]:
        # A later one has a lower key: both numbers only ever grow, and a passage's key is below 2^40.
        key = -1 - (reached.sequence << 40) - reached.highest
        return self._nothing(key) | {"source": json.dumps(asdict(reached))}

    def reach(self, reached: Reached) -> None:
        """Say how far it has come, once what was inserted and removed is there."""
        row = self._row_of(reached)
        self._insert([row])
        self.remove([key for key in self._marks if key != row["key"]])
        self._marks = [int(row["key"])]

    # Rows

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        with self._told():
            self._wrote = True
            # Not tried again: what was inserted and not confirmed would be there twice.
            self._client.insert(self._name, rows, timeout=_SECONDS, retry_times=0)

    def remove(self, keys: Sequence[int]) -> None:
        """Delete the rows of these keys, where they are there."""
        with self._told():
            for start in range(0, len(keys), _KEYS_A_CALL):
                self._client.delete(self._name, ids=list(keys[start : start + _KEYS_A_CALL]), timeout=_SECONDS)

    def remove_after(self, key: int) -> None:
        """Delete all rows of a higher key."""
        while rows := self._query(f"key > {key}", ["key"], limit=MOST_FOUND):
            self.remove(sorted({row["key"] for row in rows}))

    def flush(self) -> None:
        """Let all that was written be put into the server's storage, and be indexed."""
        with self._told():
            self._client.flush(self._name, timeout=_SECONDS)

    def count(self) -> int:
        """How many rows of passages there are, one that is there twice counted twice."""
        return int(self._query("key >= 0", ["count(*)"])[0]["count(*)"])

    def keys(self, up_to: int) -> Keys:
        """The keys that are there, in order; what is behind `up_to` as far as Milvus gives it at once."""
        found: list[int] = []
        for low in range(0, up_to + 1, MOST_FOUND):
            rows = self._query(f"key >= {low} and key < {low + MOST_FOUND} and key <= {up_to}", ["key"])
            found += [row["key"] for row in rows]
        found += [row["key"] for row in self._query(f"key > {up_to}", ["key"], limit=MOST_FOUND)]
        return np.array(sorted(found), np.int64)

    def _query(self, condition: str, fields: list[str], limit: int | None = None) -> list[dict[str, Any]]:
        limited = {} if limit is None else {"limit": limit}
        with self._told():
            return list(
                self._client.query(
                    self._name,
                    filter=condition,
                    output_fields=fields,
                    consistency_level=_STRONG,
                    timeout=_SECONDS,
                    **limited,
                )
            )

    def _search(self, query: Any, k: int, condition: str, params: dict[str, Any]) -> list[Any]:
        with self._told():
            (hits,) = self._client.search(
                self._name,
                data=[query],
                anns_field=self._vector,
                limit=min(k, MOST_FOUND),
                filter=condition,
                output_fields=["key"],
                search_params={"metric_type": "IP", "params": params},
                consistency_level=_OWN if self._wrote else _NEARLY_ALL,
                timeout=_SECONDS,
            )
        return list(hits)


class Collection(Rows):
    """The vectors of an index."""

    _vector = "vector"

    def __init__(self, server: Server) -> None:
        """Connect. Raises ServerError, and SettingsError without pymilvus."""
        super().__init__(server, server.collection, None)
        self.kind = ""  # of its index, by Milvus's name, once it was opened

    def create(self, dimension: int, reached: Reached) -> None:
        """Make it, empty."""
        self._dimension = dimension
        kind = self.server.kind
        sizes = _HNSW if kind == "HNSW" else _CELLS if kind.startswith("IVF") else {}
        self._create(reached, kind, "IP", sizes, _PARTITIONS)

    def _add_fields(self, schema: Any) -> None:
        from pymilvus import DataType

        self._add_common(schema, by_language=True)
        schema.add_field(self._vector, DataType.FLOAT_VECTOR, dim=self._dimension)

    def _see(self, field: dict[str, Any]) -> None:
        self._dimension = int(field["params"]["dim"])
        self.kind = str(self._client.describe_index(self._name, self._vector, timeout=_SECONDS)["index_type"])

    def _nothing(self, key: int) -> dict[str, Any]:
        return _fields(Row(key, "", "", "", "", np.eye(1, self._dimension, dtype=np.float32)[0]))

    def insert(self, rows: Iterable[Row]) -> None:
        """Put rows there, none of which is there."""
        self._insert([_fields(row) for row in rows])

    def rows(self, keys: Keys) -> dict[int, tuple[str, Floats]]:
        """The language and vector of those of the keys that are there."""
        found = {}
        for start in range(0, len(keys), _KEYS_A_CALL):
            some = ", ".join(map(str, keys[start : start + _KEYS_A_CALL].tolist()))
            for row in self._query(f"key in [{some}]", ["key", "lang", "vector"]):
                found[row["key"]] = (row["lang"], np.array(row["vector"], np.float32))
        return found

    def nearest(self, query: Floats, k: int, lang: str, condition: str) -> Keys:
        """The keys of the `k` rows of a language that have the largest inner product, of those that `condition` leaves.

        As far as the kind of index finds them: FLAT looks at all.
        """
        looked_in = _LOOKED_IN.get(self.server.kind, "")
        far = {looked_in: max(2 * k, _LOOKED_IN_CELLS) if looked_in == "ef" else _LOOKED_IN_CELLS} if looked_in else {}
        hits = self._search(query, k, " and ".join(filter(None, (f"lang == {_quoted(lang)}", condition))), far)
        return np.array([hit.id for hit in hits], np.int64)


class TermsCollection(Rows):
    """The terms of an index's passages, as sparse vectors, and their words."""

    _vector = "terms"
    _FIELDS = (*Rows._FIELDS, "length", "words")

    def __init__(self, server: Server, *, beside: Rows | None = None) -> None:
        """Connect, if not by the connection of `beside`. Raises ServerError, and SettingsError without pymilvus."""
        super().__init__(server, server.collection + _WORDS_SUFFIX, beside)

    def create(self, reached: Reached) -> None:
        """Make it, empty. Raises SettingsError if the server has no sparse vectors."""
        check_sparse(self)
        self._create(reached, "SPARSE_INVERTED_INDEX", "IP", {}, 0)

    def _add_fields(self, schema: Any) -> None:
        from pymilvus import DataType

        # Not apart by language: a question is searched in all of them at once.
        self._add_common(schema, by_language=False)
        schema.add_field("length", DataType.INT64)
        schema.add_field("words", DataType.VARCHAR, max_length=_LONGEST)
        schema.add_field(self._vector, DataType.SPARSE_FLOAT_VECTOR)

    def _see(self, field: dict[str, Any]) -> None:
        pass

    def _nothing(self, key: int) -> dict[str, Any]:
        return _terms_fields(TermsRow(key, "", "", "", "", {}, 0, ""))

    def insert(self, rows: Iterable[TermsRow]) -> None:
        """Put rows there, none of which is there. Of words without end the first 65,535 characters are kept."""
        self._insert([_terms_fields(row) for row in rows])

    def terms(self, keys: Sequence[int]) -> Iterator[tuple[str, list[int], int]]:
        """The language, the dimensions of the terms, and the length of those of the keys that are there."""
        for start in range(0, len(keys), _TERMS_A_CALL):
            some = ", ".join(map(str, keys[start : start + _TERMS_A_CALL]))
            for row in self._query(f"key in [{some}]", ["lang", "length", self._vector]):
                yield row["lang"], [term for term in row[self._vector] if term != NO_TERM], row["length"]

    def best(self, weights: Mapping[int, float], k: int, condition: str) -> list[tuple[int, float]]:
        """The keys and inner products of the `k` rows that have the largest, best first, of those `condition` leaves.

        At most MOST_FOUND; rows that have none of the terms are left out.
        """
        needed = " and ".join(filter(None, ("key >= 0", condition)))
        hits = self._search(dict(weights), k, needed, {})
        return [(int(hit.id), float(hit.distance)) for hit in hits if hit.distance > 0]

    def keys_where(self, condition: str, up_to: int) -> Keys:
        """The keys of the rows that `condition` leaves, in order, of those that are not above `up_to`."""
        found: list[int] = []
        waiting = [(0, up_to + 1)]
        while waiting:
            low, high = waiting.pop()
            needed = " and ".join(filter(None, (f"key >= {low} and key < {high}", condition)))
            rows = self._query(needed, ["key"], limit=MOST_FOUND)
            if len(rows) == MOST_FOUND and high - low > MOST_FOUND:
                middle = (low + high) // 2
                waiting += [(low, middle), (middle, high)]
            else:
                found += [row["key"] for row in rows]
        return np.array(sorted(found), np.int64)


def check_sparse(rows: Rows) -> None:
    """Raise SettingsError if the server cannot search words."""
    if not rows.has_sparse:
        raise SettingsError(
            f"{rows.server}: Milvus {rows.told_of}; 2.4 and later have them, and Milvus Lite; leave words=server away, "
            "and words are searched in the index folder"
        )


def condition_of(filters: Filters, outlets: Iterable[str]) -> str:
    """What rows must be for these filters, as Milvus writes it; "" for anything. `outlets` are those that are meant.

    Languages and phrases are left aside: see `condition_of_words`.
    """
    needed = []
    if filters.since or filters.until:
        needed.append(f"first_day > {NO_DAY}")
        needed.append(f"last_day >= {days(filters.since)[0] if filters.since else NO_DAY}")
        needed.append(f"first_day <= {days(filters.until)[1] if filters.until else END_OF_TIME}")
    needed += filter(None, [condition_of_sources(filters.sources)])
    if filters.outlets:
        needed.append(f"outlet in [{', '.join(map(_quoted, outlets))}]")
    return " and ".join(needed)


def condition_of_sources(sources: Iterable[str]) -> str:
    """What rows must be to be of one of these files or of one in these folders, or "" if there are none."""
    within = []
    for path in sorted(sources):
        folder = path.rstrip("/")
        # Not "like", to which _ and % in a path mean something; 0 comes after /.
        within.append(f"source == {_quoted(path)}")
        within.append(f"(source >= {_quoted(folder + '/')} and source < {_quoted(folder + '0')})")
    return f"({' or '.join(within)})" if within else ""


def condition_of_words(languages: Iterable[str], phrases: Iterable[Sequence[str]]) -> str:
    """What rows of terms must be to be in one of these languages, or any for none, and to have all phrases."""
    needed = [f"lang in [{', '.join(map(_quoted, wanted))}]" for wanted in [sorted(languages)] if wanted]
    # Folded words are letters and digits: none of them means anything to "like".
    needed += [f'words like "% {" ".join(phrase)} %"' for phrase in phrases]
    return " and ".join(needed)


def _fields(row: Row) -> dict[str, Any]:
    return _common_fields(row) | {"vector": row.vector}


def _terms_fields(row: TermsRow) -> dict[str, Any]:
    terms = dict(row.terms) or {NO_TERM: 1.0}
    return _common_fields(row) | {"terms": terms, "length": row.length, "words": row.words[:_LONGEST]}


def _common_fields(row: Row | TermsRow) -> dict[str, Any]:
    first, last = days(row.date)
    return {
        "key": row.key,
        "lang": row.lang,
        "source": row.source,
        "outlet": row.outlet,
        "first_day": first,
        "last_day": last,
    }


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
