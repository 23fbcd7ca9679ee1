"""A collection of passages' vectors in Milvus: the one place that talks to it.

A row is a passage: its key, language, path, days, outlet and vector. Rows of keys below zero are no passages: the
lowest of them says how far the collection has come. It is written before the one before is deleted, so that there is
always one.

Rows are only ever inserted: Milvus 2.3 puts what is upserted into the wrong partition, where a search in its language
does not see it. So whoever inserts sees to it that none of the rows is there.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
_MOST_FOUND = 16_000  # rows that Milvus gives at a time
_KEYS_A_CALL = 4_096
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


@dataclass(frozen=True, slots=True)
class Row:
    """A passage as it is kept."""

    key: int
    lang: str
    source: str
    date: str
    outlet: str
    vector: Floats


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a collection has come."""

    vectors: str  # id of what it holds, by `index.catalog.vectors_id`
    sequence: int  # of the last batch that is all there
    highest: int  # key that is there: those behind it may be there or not


class Collection:
    """A collection of a server, which is there once `create` has made it. Raises ServerError from any call."""

    def __init__(self, server: Server) -> None:
        """Connect. Raises ServerError, and SettingsError without pymilvus."""
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what goes wrong is told once, by us
        try:
            from pymilvus import MilvusClient
        except ImportError as error:
            raise SettingsError(
                f"{server}: Milvus needs a package that is not here: pip install 'dragoman[milvus]'"
            ) from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        self._server, self._name, self._wrote = server, server.collection, False
        self.kind = ""  # of its index, by Milvus's name, once it was opened
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
                f"{self._server}: Milvus cannot be reached, or failed ({' '.join(said.split())[:300]}); start it, or "
                "look at its log. The texts and vectors are in the catalog, and nothing of them is lost"
            ) from error

    @property
    def told_of(self) -> str:
        """The server's version and what it cannot do."""
        numbers = [
            int(part) for part in self.version.lower().lstrip("v").split("-")[0].split(".")[:2] if part.isdecimal()
        ]
        sparse = self.version.startswith("milvus_lite") or tuple(numbers) >= _SPARSE_SINCE
        return self.version if sparse else f"{self.version}, which has no sparse vectors"

    def close(self) -> None:
        """Let go of the server."""
        self._client.close()

    # The collection

    def exists(self) -> bool:
        with self._told():
            return bool(self._client.has_collection(self._name, timeout=_SECONDS))

    def create(self, dimension: int, reached: Reached) -> None:
        """Make it, empty."""
        from pymilvus import DataType

        with self._told():
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("key", DataType.INT64, is_primary=True)
            schema.add_field("lang", DataType.VARCHAR, max_length=256, is_partition_key=True)
            for field in ("source", "outlet"):
                schema.add_field(field, DataType.VARCHAR, max_length=_LONGEST)
            for field in ("first_day", "last_day"):
                schema.add_field(field, DataType.INT64)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
            index = self._client.prepare_index_params()
            kind = self._server.kind
            sizes = _HNSW if kind == "HNSW" else _CELLS if kind.startswith("IVF") else {}
            index.add_index("vector", index_type=kind, metric_type="IP", params=sizes)
            self._client.create_collection(
                self._name,
                schema=schema,
                index_params=index,
                num_partitions=_PARTITIONS,
                consistency_level=_OWN,
                timeout=_SECONDS,
            )
        self._dimension, self._marks = dimension, list[int]()
        self.reach(reached)

    def drop(self) -> None:
        """Delete it, if it is there."""
        with self._told():
            self._client.drop_collection(self._name, timeout=_SECONDS)

    def open(self) -> Reached | None:
        """How far it has come, or None if it holds nothing that says so. Raises ServerError if it is none of ours."""
        with self._told():
            fields = {f["name"]: f for f in self._client.describe_collection(self._name, timeout=_SECONDS)["fields"]}
            if not {"key", "lang", "source", "outlet", "first_day", "last_day", "vector"} <= fields.keys():
                raise ServerError(f"{self._server}: this collection was not made by dragoman; name another")
            self._dimension = int(fields["vector"]["params"]["dim"])
            if "vector" not in self._client.list_indexes(self._name):  # killed while it was made
                return None
            self.kind = str(self._client.describe_index(self._name, "vector", timeout=_SECONDS)["index_type"])
            self._client.load_collection(self._name, timeout=_SECONDS)
        rows = self._query("key < 0", ["key", "source"])
        self._marks = [int(row["key"]) for row in rows]
        return Reached(**json.loads(min(rows, key=lambda row: row["key"])["source"])) if rows else None

    def _row_of(self, reached: Reached) -> dict[str, Any]:
        told = {"vectors": reached.vectors, "sequence": reached.sequence, "highest": reached.highest}
        # A later one has a lower key: both numbers only ever grow, and a passage's key is below 2^40.
        key = -1 - (reached.sequence << 40) - reached.highest
        vector = np.eye(1, self._dimension, dtype=np.float32)[0]
        return _fields(Row(key, "", "", "", "", vector)) | {"source": json.dumps(told)}

    def reach(self, reached: Reached) -> None:
        """Say how far it has come, once what was inserted and removed is there."""
        row = self._row_of(reached)
        self._insert([row])
        self.remove([key for key in self._marks if key != row["key"]])
        self._marks = [int(row["key"])]

    # Rows

    def insert(self, rows: Iterable[Row]) -> None:
        """Put rows there, none of which is there."""
        self._insert([_fields(row) for row in rows])

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
        while rows := self._query(f"key > {key}", ["key"], limit=_MOST_FOUND):
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
        for low in range(0, up_to + 1, _MOST_FOUND):
            rows = self._query(f"key >= {low} and key < {low + _MOST_FOUND} and key <= {up_to}", ["key"])
            found += [row["key"] for row in rows]
        found += [row["key"] for row in self._query(f"key > {up_to}", ["key"], limit=_MOST_FOUND)]
        return np.array(sorted(found), np.int64)

    def rows(self, keys: Keys) -> dict[int, tuple[str, Floats]]:
        """The language and vector of those of the keys that are there."""
        found = {}
        for start in range(0, len(keys), _KEYS_A_CALL):
            some = ", ".join(map(str, keys[start : start + _KEYS_A_CALL].tolist()))
            for row in self._query(f"key in [{some}]", ["key", "lang", "vector"]):
                found[row["key"]] = (row["lang"], np.array(row["vector"], np.float32))
        return found

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

    def nearest(self, query: Floats, k: int, lang: str, condition: str) -> Keys:
        """The keys of the `k` rows of a language that have the largest inner product, of those that `condition` leaves.

        As far as the kind of index finds them: FLAT looks at all.
        """
        k = min(k, _MOST_FOUND)
        looked_in = _LOOKED_IN.get(self._server.kind, "")
        far = {looked_in: max(2 * k, _LOOKED_IN_CELLS) if looked_in == "ef" else _LOOKED_IN_CELLS} if looked_in else {}
        with self._told():
            (hits,) = self._client.search(
                self._name,
                data=[query],
                anns_field="vector",
                limit=k,
                filter=" and ".join(filter(None, (f"lang == {_quoted(lang)}", condition))),
                output_fields=["key"],
                search_params={"metric_type": "IP", "params": far},
                consistency_level=_OWN if self._wrote else _NEARLY_ALL,
                timeout=_SECONDS,
            )
        return np.array([hit.id for hit in hits], np.int64)


def condition_of(filters: Filters, outlets: Iterable[str]) -> str:
    """What rows must be for these filters, as Milvus writes it; "" for anything. `outlets` are those that are meant.

    Languages and phrases are left aside.
    """
    needed = []
    if filters.since or filters.until:
        needed.append(f"first_day > {NO_DAY}")
        needed.append(f"last_day >= {days(filters.since)[0] if filters.since else NO_DAY}")
        needed.append(f"first_day <= {days(filters.until)[1] if filters.until else END_OF_TIME}")
    if filters.sources:
        within = []
        for path in sorted(filters.sources):
            folder = path.rstrip("/")
            # Not "like", to which _ and % in a path mean something; 0 comes after /.
            within.append(f"source == {_quoted(path)}")
            within.append(f"(source >= {_quoted(folder + '/')} and source < {_quoted(folder + '0')})")
        needed.append(f"({' or '.join(within)})")
    if filters.outlets:
        needed.append(f"outlet in [{', '.join(map(_quoted, outlets))}]")
    return " and ".join(needed)


def _fields(row: Row) -> dict[str, Any]:
    first, last = days(row.date)
    return {
        "key": row.key,
        "lang": row.lang,
        "source": row.source,
        "outlet": row.outlet,
        "first_day": first,
        "last_day": last,
        "vector": row.vector,
    }


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
