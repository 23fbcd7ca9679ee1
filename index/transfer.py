"""An index written out whole, for other systems or another machine, and an index made of that again.

    jsonl    one file: a header, then a line a source, with its articles, what was dropped of it, and its passages
    beir     a folder: that file as `sources.jsonl`, and `corpus.jsonl`, a line a passage, as BEIR has it
    parquet  a folder: `sources.parquet`, and `passages.parquet`, a row a passage

Embeddings go with the passages if they are asked for; without them the index is embedded again when it is imported.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

from index.catalog import Catalog, embedded_hash
from index.deferred import DeferredEmbedder
from index.embed import EmbeddedPassage, load_embedder
from index.errors import DataSetError, IndexFolderError, IndexUnwritable
from index.folder import Index
from index.ingest import Progress, ingest_given
from index.lock import writing
from index.parquet import SOURCES, read_parquet, write_parquet
from index.passages import searched_text
from index.portable import (
    Header,
    PortableSource,
    Row,
    dump_header,
    dump_line,
    dump_source,
    header_of,
    load_header,
    load_line,
    load_source,
)
from index.underway import EMBEDDED_BATCH
from index.whole import written_whole

Told = Callable[[str, int, int], None]  # of what, how much is done, and how much there is

T = TypeVar("T")

_SOURCES, _CORPUS = "sources.jsonl", "corpus.jsonl"
_PASSAGES_A_BATCH = 4096


class Layout(StrEnum):
    """How an index is written out."""

    JSONL = "jsonl"
    BEIR = "beir"
    PARQUET = "parquet"


def export_index(
    folder: Path,
    destination: Path,
    *,
    layout: Layout,
    embeddings: bool = False,
    on_progress: Told = lambda what, done, total: None,
) -> int:
    """Write an index to a file or folder that is not there yet, whole or not at all; returns how many sources it has.

    Others may write the index meanwhile: what is written is of one moment. A source at a time is held in memory.
    Raises IndexFolderError, IndexUnwritable, SettingsError.
    """
    if destination.exists():
        raise IndexFolderError(f"{destination}: is there already; name another, or delete it")
    with Catalog(folder) as catalog, catalog.snapshot():
        header = header_of(catalog, embeddings=embeddings)
        rows = _told(_rows(catalog, embeddings=embeddings), on_progress, header.sources)
        try:
            if layout is Layout.JSONL:
                with written_whole(destination) as beside:
                    _write_jsonl(beside, header, rows)
                return header.sources
            with _folder_whole(destination) as beside:
                match layout:
                    case Layout.BEIR:
                        _write_beir(beside, header, rows)
                    case Layout.PARQUET:
                        write_parquet(beside, dump_header(header), rows)
        except OSError as error:
            raise IndexUnwritable(f"{destination}: cannot be written ({error}); name another place") from error
    return header.sources


def import_index(
    origin: Path, folder: Path, *, on_progress: Told = lambda what, done, total: None
) -> tuple[int, int, int]:
    """Make an index of what `export_index` wrote, in a folder that is not there yet, whole or not at all.

    It has the same ids, texts and places, and finds the same. Passages that came without an embedding are embedded by
    the index's own embedder, which is loaded for that. Returns how many sources, articles and passages there are.
    Raises DataSetError, IndexFolderError, IndexMismatch, ModelError, SettingsError.
    """
    if folder.exists():
        raise IndexFolderError(f"{folder}: is there already; name another folder")
    header, sources = _read(origin)
    built = header.built_with
    with _folder_whole(folder) as beside:
        with writing(beside), Index(beside, Catalog(beside, built_with=built)) as index:
            index.bring_caches_forward(writable=True)
            index.catalog.keep_rules(header.rules)
            if header.token_codec is not None:
                index.catalog.keep_token_codec(header.token_codec)
            for batch in _batches(_told(sources, on_progress, header.sources)):
                index.commit([source.ready for source in batch], remove=[])
                _embed(index, batch)
            index.save()
            counts = index.catalog.counts()
        if counts[0] != header.sources:
            raise DataSetError(f"{origin}: {counts[0]} of {header.sources} sources are there; export the index again")

        def embedded(progress: Progress) -> None:
            on_progress("passages", progress.passages_done, progress.passages_known)

        embedder = DeferredEmbedder(folder, built.embedder, lambda: load_embedder(built.embedder.name))
        ingest_given([], beside, embedder=embedder, on_progress=embedded)
    return counts


def _rows(catalog: Catalog, *, embeddings: bool) -> Iterator[Row]:
    for ready in catalog.ready_sources():
        embedded = catalog.embedded(passage.id for passage in ready.passages) if embeddings else {}
        yield dump_source(PortableSource(ready, embedded))


def _write_jsonl(location: Path, header: Header, rows: Iterable[Row]) -> None:
    with location.open("w", encoding="utf-8", newline="\n") as file:
        file.write(dump_line(dump_header(header)))
        file.writelines(map(dump_line, rows))


def _write_beir(folder: Path, header: Header, rows: Iterable[Row]) -> None:
    with (folder / _CORPUS).open("w", encoding="utf-8", newline="\n") as corpus:

        def passing() -> Iterator[Row]:
            for row in rows:
                for passage in row["passages"]:
                    metadata = {"source": row["path"]} | {
                        name: passage[name] for name in ("document", "start", "end", "lang", "date")
                    }
                    corpus.write(
                        dump_line(
                            {
                                "_id": passage["id"],
                                "title": passage["title"],
                                "text": passage["text"],
                                "metadata": metadata,
                            }
                        )
                    )
                yield row

        _write_jsonl(folder / _SOURCES, header, passing())


def _read(origin: Path) -> tuple[Header, Iterator[PortableSource]]:
    """The header and the sources of an export, whatever its layout."""
    if origin.is_dir() and (origin / SOURCES).exists():
        told, rows = read_parquet(origin)
        place = str(origin)
    else:
        location = origin / _SOURCES if origin.is_dir() else origin
        rows, place = _lines(location), f"{location}:1"
        told = next(rows, {})
    return load_header(told, origin=place), (load_source(row, origin=str(origin)) for row in rows)


def _lines(location: Path) -> Iterator[Row]:
    try:
        with location.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                yield load_line(line, origin=f"{location}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        raise DataSetError(f"{location}: {error}; want what `dragoman export` made") from error


def _batches(sources: Iterable[PortableSource]) -> Iterator[list[PortableSource]]:
    batch: list[PortableSource] = []
    held = 0
    for source in sources:
        batch.append(source)
        held += max(1, len(source.ready.passages))
        if held >= _PASSAGES_A_BATCH:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _embed(index: Index, batch: Iterable[PortableSource]) -> None:
    """Give passages the embeddings that came with them, up to the first that has none: they are given in order."""
    came: dict[bytes, EmbeddedPassage] = {
        embedded_hash(searched_text(passage)): source.embedded[passage.id]
        for source in batch
        for passage in source.ready.passages
        if passage.id in source.embedded
    }
    while pending := index.catalog.pending(EMBEDDED_BATCH):
        known = index.catalog.embedded_hashes(passage.hash for passage in pending)
        ready = list(takewhile(lambda passage: passage.hash in known or passage.hash in came, pending))  # noqa: B023
        made = {passage.hash: came[passage.hash] for passage in ready if passage.hash not in known}
        if ready:
            index.embed(ready, made)
        if len(ready) < len(pending):
            return


def _told(rows: Iterable[T], on_progress: Told, total: int) -> Iterator[T]:
    for done, row in enumerate(rows, start=1):
        yield row
        on_progress("sources", done, total)


@contextmanager
def _folder_whole(destination: Path) -> Iterator[Path]:
    """A folder beside, to be filled inside; at the end it gets its name. What a process that was killed left goes."""
    target = destination.absolute()
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        yield beside
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
