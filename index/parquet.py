"""An export as two tables in Parquet: `sources.parquet`, and `passages.parquet` with a row a passage for others to use.

What of a source is a list stands in it as JSON. The passages come in the order of their sources, so that both tables
are read side by side, some rows at a time.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from index.errors import DataSetError, SettingsError
from index.portable import Row

SOURCES, PASSAGES = "sources.parquet", "passages.parquet"
_HEADER = b"dragoman"
_LISTS = ("lines", "pages", "problems", "documents", "dropped")
_ROWS_A_GROUP = 1024


def write_parquet(folder: Path, header: Row, rows: Iterable[Row]) -> None:
    """Write both tables into a folder that is there. Raises SettingsError without pyarrow."""
    pa, pq = _pyarrow()
    told = {_HEADER: json.dumps(header).encode()}
    numbers = {"size": pa.int64(), "modified": pa.int64()}
    names = [
        *("path", "location", "media", "sha256", "text_sha256", "size", "modified", "rules", "title", "date"),
        *("author", "outlet", "encoding", "spelling", "text", *_LISTS),
    ]
    sources = pa.schema([(name, numbers.get(name, pa.string())) for name in names], metadata=told)
    places = [("start", pa.int64()), ("end", pa.int64())]
    words = [(name, pa.string()) for name in ("lang", "title", "date", "text")]
    passages = pa.schema(
        [
            *((name, pa.string()) for name in ("id", "source", "document")),
            *places,
            *words,
            ("vector", pa.list_(pa.float32())),
            ("tokens", pa.binary()),
        ]
    )
    with (
        _Table(pq.ParquetWriter(folder / SOURCES, sources, compression="zstd"), sources, pa) as source_table,
        _Table(pq.ParquetWriter(folder / PASSAGES, passages, compression="zstd"), passages, pa) as passage_table,
    ):
        for row in rows:
            lists = {name: json.dumps(row[name], ensure_ascii=False) for name in _LISTS}
            source_table.add({name: value for name, value in row.items() if name != "passages"} | lists)
            for passage in row["passages"]:
                tokens = {"tokens": base64.b64decode(passage["tokens"])} if "tokens" in passage else {}
                passage_table.add(passage | tokens | {"source": row["path"]})


def read_parquet(folder: Path) -> tuple[Row, Iterator[Row]]:
    """The header and the sources that `write_parquet` wrote. Raises DataSetError, SettingsError without pyarrow."""
    pa, pq = _pyarrow()
    try:
        sources, passages = pq.ParquetFile(folder / SOURCES), pq.ParquetFile(folder / PASSAGES)
        header = json.loads((sources.schema_arrow.metadata or {})[_HEADER])
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise DataSetError(f"{folder}: {error}; want what `dragoman export --to parquet` made") from error

    def joined() -> Iterator[Row]:
        groups = groupby(_rows(passages), key=lambda passage: passage.pop("source"))
        path, some = next(groups, ("", iter(())))
        for row in _rows(sources):
            row |= {name: json.loads(row[name]) for name in _LISTS}
            row["passages"] = []
            if path == row["path"]:
                row["passages"] = [_with_tokens(passage) for passage in some]
                path, some = next(groups, ("", iter(())))
            yield row

    return header, joined()


class _Table:
    """A table that is written some rows at a time."""

    def __init__(self, writer: Any, schema: Any, pa: Any) -> None:
        self._writer, self._schema, self._pa = writer, schema, pa
        self._rows: list[Row] = []

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == _ROWS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(self._pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []


def _rows(table: Any) -> Iterator[Row]:
    for batch in table.iter_batches(batch_size=_ROWS_A_GROUP):
        yield from batch.to_pylist()


def _with_tokens(passage: Row) -> Row:
    if passage["tokens"] is None:
        return passage
    return passage | {"tokens": base64.b64encode(passage["tokens"]).decode("ascii")}


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise SettingsError(f"--to parquet needs pyarrow ({error}); run: pip install 'dragoman[parquet]'") from error
    return pyarrow, pyarrow.parquet
