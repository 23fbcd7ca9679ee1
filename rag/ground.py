"""A draft to statements that are proved: every quote is read again where it is said to stand."""

from __future__ import annotations

from index.catalog import text_hash
from index.errors import CitationError
from index.folder import Index
from index.values import Source, Span
from rag.read import DraftStatement, QuotedSpan
from rag.reply import Citation, Statement


def ground(drafts: tuple[DraftStatement, ...], index: Index) -> tuple[Statement, ...]:
    """The drafted statements with citations made from the stored source.

    Raises CitationError when a quote is not in its source as the draft has it: the index would be damaged, or
    the reader wrong, and in both cases nothing may be shown.
    """
    sources: dict[str, Source] = {}
    statements = []
    for draft in drafts:
        citations = []
        for quote in draft.quotes:
            path = quote.passage.source_path
            if path not in sources:
                sources[path] = _read_again(path, index)
            citations.append(_cite(quote, sources[path], draft.text))
        statements.append(Statement(draft.text, tuple(citations)))
    return tuple(statements)


def _read_again(path: str, index: Index) -> Source:
    source = index.source(path)
    if text_hash(source.text) != index.catalog.text_hash_of(path):
        raise CitationError(
            f"{path}: its text in the index is not what was read from the file; delete the index and ingest again"
        )
    return source


def _cite(quote: QuotedSpan, source: Source, statement: str) -> Citation:
    words = quote.span.of(source.text)
    start = quote.span.start - quote.passage.span.start
    expected = quote.passage.text[start : start + len(words)] if start >= 0 else ""
    if not words or words != expected or quote.span.end > len(source.text):
        raise CitationError(
            f"{source.path}: characters {quote.span.start} to {quote.span.end} read {words[:60]!r}, the passage has "
            f"{expected[:60]!r}; the index is damaged: delete it and ingest again"
        )
    return Citation(
        supports=Span(0, len(statement)),
        source=source.path,
        sha256=source.sha256,
        start=quote.span.start,
        end=quote.span.end,
        quote=words,
        title=quote.passage.title,
        lang=quote.passage.lang,
        date=quote.passage.date,
        passage_id=quote.passage.id,
    )
