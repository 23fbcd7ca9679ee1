"""What of an index travels to another: every source whole, as plain values for JSON, and what the index was built with.

Nothing that is a cache, nor links between copies, which are found again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from index.catalog import BuiltWith, Catalog, ReadySource, text_hash
from index.embed import EmbeddedPassage, EmbedderIdentity
from index.errors import DataSetError
from index.escapes import view
from index.files import Stamp
from index.passages import Chunking
from index.rules import Rules, dump_rules, parse_rules
from index.tokens import TokenCodec
from index.values import Document, DroppedSpan, Media, Passage, Source, Span, Spelling

Row = dict[str, Any]  # goes through JSON

_KIND, _VERSION = "dragoman index", 1
# Rounding to this keeps every float16 that is not below 2^-24.
_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the sources."""

    built_with: BuiltWith
    rules: Rules
    token_codec: TokenCodec | None  # by which the token vectors of the embeddings are packed; None without embeddings
    sources: int  # how many follow


@dataclass(frozen=True, slots=True)
class PortableSource:
    """A source, and the embeddings of its passages by their ids, as far as they are known."""

    ready: ReadySource
    embedded: Mapping[str, EmbeddedPassage]


def header_of(catalog: Catalog, *, embeddings: bool) -> Header:
    """What stands before the sources of this catalog."""
    codec = catalog.token_codec if embeddings else None
    return Header(catalog.built_with, catalog.rules, codec, catalog.counts()[0])


def dump_header(header: Header) -> Row:
    """A header for JSON."""
    return {
        "kind": _KIND,
        "version": _VERSION,
        "embedder": asdict(header.built_with.embedder),
        "chunking": asdict(header.built_with.chunking),
        "rules": dump_rules(header.rules),
        "token_mean": header.token_codec.mean.tolist() if header.token_codec else [],
        "sources": header.sources,
    }


def load_header(row: Row, *, origin: str) -> Header:
    """The header that `dump_header` dumped. Raises DataSetError for anything else."""
    if not isinstance(row, dict) or (row.get("kind"), row.get("version")) != (_KIND, _VERSION):
        raise DataSetError(f"{origin}: no export of an index that this version reads; want what `dragoman export` made")
    try:
        mean = row["token_mean"]
        return Header(
            BuiltWith(EmbedderIdentity(**row["embedder"]), Chunking(**row["chunking"])),
            parse_rules(row["rules"]),
            TokenCodec(np.array(mean, np.float32)) if mean else None,
            int(row["sources"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataSetError(f"{origin}: {_damage(error)}") from error


def dump_source(portable: PortableSource) -> Row:
    """A source for JSON. Its last field are its passages, each with its text, and its embedding if there is one."""
    ready, source = portable.ready, portable.ready.source
    return {
        "path": source.path,
        "location": ready.location,
        "media": source.media.value,
        "sha256": source.sha256,
        "text_sha256": text_hash(source.text),
        "size": ready.stamp.size,
        "modified": ready.stamp.modified,
        "rules": ready.rules,
        "lines": [[line, repeated] for line, repeated in ready.lines.items()],
        "title": source.title,
        "date": source.date,
        "author": source.author,
        "outlet": source.outlet,
        "encoding": source.encoding,
        "spelling": source.spelling.value,
        "pages": list(source.pages),
        "problems": list(source.problems),
        "text": source.text,
        "documents": [_dump_document(document) for document in ready.documents],
        "dropped": [[dropped.span.start, dropped.span.end, dropped.reason] for dropped in ready.dropped],
        "passages": [_dump_passage(passage, portable.embedded.get(passage.id)) for passage in ready.passages],
    }


def load_source(row: Row, *, origin: str) -> PortableSource:
    """The source that `dump_source` dumped. Raises DataSetError, also where a text is not what it was."""
    try:
        source = Source(
            path=row["path"],
            media=Media(row["media"]),
            sha256=row["sha256"],
            text=row["text"],
            encoding=row["encoding"],
            spelling=Spelling(row["spelling"]),
            title=row["title"],
            date=row["date"],
            author=row["author"],
            outlet=row["outlet"],
            pages=tuple(row["pages"]),
            problems=tuple(row["problems"]),
        )
        if text_hash(source.text) != row["text_sha256"]:
            raise ValueError("its text is not what was exported")
        documents = {told["id"]: _load_document(told, source) for told in row["documents"]}
        ready = ReadySource(
            source=source,
            location=row["location"],
            documents=tuple(documents.values()),
            dropped=tuple(DroppedSpan(Span(start, end), reason) for start, end, reason in row["dropped"]),
            passages=tuple(_load_passage(told, documents[told["document"]], source) for told in row["passages"]),
            stamp=Stamp(row["size"], row["modified"]),
            rules=row["rules"],
            lines=dict(row["lines"]),
        )
        embedded = {told["id"]: _load_embedding(told) for told in row["passages"] if told.get("tokens") is not None}
        return PortableSource(ready, embedded)
    except (KeyError, TypeError, ValueError) as error:
        path = row.get("path", "") if isinstance(row, dict) else ""
        raise DataSetError(f"{origin}: source {path!r}: {_damage(error)}") from error


def _damage(error: Exception) -> str:
    return f"damaged ({type(error).__name__}: {error}); export the index again"


def _dump_document(document: Document) -> Row:
    return {
        "id": document.id,
        "title": document.title,
        "lang": document.lang,
        "date": document.date,
        "date_from": document.date_from,
        "author": document.author,
        "outlet": document.outlet,
        "spans": [[span.start, span.end] for span in document.spans],
        "body": [[span.start, span.end] for span in document.body],
        "languages": [[span.start, span.end, lang] for span, lang in document.languages],
    }


def _load_document(told: Row, source: Source) -> Document:
    return Document(
        id=told["id"],
        source_path=source.path,
        title=told["title"],
        lang=told["lang"],
        date=told["date"],
        spans=tuple(Span(start, end) for start, end in told["spans"]),
        body=tuple(Span(start, end) for start, end in told["body"]),
        date_from=told["date_from"],
        author=told["author"],
        outlet=told["outlet"],
        languages=tuple((Span(start, end), lang) for start, end, lang in told["languages"]),
    )


def _dump_passage(passage: Passage, embedded: EmbeddedPassage | None) -> Row:
    row = {
        "id": passage.id,
        "document": passage.document_id,
        "start": passage.span.start,
        "end": passage.span.end,
        "lang": passage.lang,
        "title": passage.title,
        "date": passage.date,
        "text": passage.readable,
    }
    if embedded is None:
        return row
    vector = np.round(embedded.vector.astype(np.float64), _DECIMALS).tolist()
    return row | {"vector": vector, "tokens": base64.b64encode(embedded.tokens).decode("ascii")}


def _load_passage(told: Row, document: Document, source: Source) -> Passage:
    span = Span(told["start"], told["end"])
    readable = view(source.text, span, source.spelling).text
    if readable != told["text"]:
        raise ValueError(f"passage {told['id']} is not what stands at its place")
    return Passage(
        id=told["id"],
        document_id=document.id,
        source_path=source.path,
        span=span,
        text=span.of(source.text),
        readable=readable,
        spelling=source.spelling,
        lang=told["lang"],
        title=document.title,
        date=document.date,
    )


def _load_embedding(told: Row) -> EmbeddedPassage:
    return EmbeddedPassage(np.array(told["vector"], np.float32), base64.b64decode(told["tokens"], validate=True))


def dump_line(row: Row) -> str:
    """A row as a line of a JSONL file."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


def load_line(line: str, *, origin: str) -> Row:
    """The row of a line. Raises DataSetError."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataSetError(f"{origin}: {_damage(error)}") from error
