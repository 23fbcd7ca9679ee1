"""Lexical search: BM25 over folded stems and character 4-grams, kept by tantivy.

The terms are made in `index.fold`; tantivy splits at spaces and counts. A cache of the catalog, like the
vectors: whatever is wrong with it, it is made again.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from index.catalog import Catalog, StoredPassage
from index.fold import terms

if TYPE_CHECKING:
    import tantivy

# Raise this when folding, terms or the schema change: a cache of another version is made again.
TERMS_VERSION = 3

_STATE_FILE = "state.json"
_FIELD = "terms"
_TOKENIZER = "spaces"
_WRITER_BYTES = 64_000_000
_BM25_K1 = 1.2  # fixed in tantivy
_NO_DAY = 0  # the day of a document without a date: before all that have one
_END_OF_TIME = 99_999_999


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """A passage key with the share of the query's weight that the passage matches, 0 to 1."""

    key: int
    share: float


class LexicalIndex:
    """The terms of one catalog's passages, ready to search."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index: tantivy.Index | None = None
        self.sequence = 0

    def open(self, catalog: Catalog, *, writable: bool) -> None:
        """Open the cache, and bring it to the catalog's last batch if this process may write.

        A reader beside a writer searches what the writer has committed so far.
        """
        import tantivy

        state = self._state()
        fits = state.get("catalog") == catalog.id and state.get("terms") == TERMS_VERSION
        sequence = int(state.get("sequence", 0)) if fits else 0
        if fits and sequence <= catalog.sequence:
            try:
                self._index = _with_tokenizer(tantivy.Index.open(str(self._folder)))
                self.sequence = sequence
            except ValueError:
                self._index = None
        if self._index is not None and sequence == catalog.sequence and self._count() != catalog.passage_count():
            self._index = None
        if not writable:
            return
        if self._index is None:
            self._create()
        self.catch_up(catalog)
        if self._count() != catalog.passage_count():
            self._create()
            self.catch_up(catalog)

    def catch_up(self, catalog: Catalog) -> None:
        """Apply the batches after `sequence`. Applying one twice does no harm."""
        import tantivy

        reached = catalog.sequence
        if self._index is None or (reached == self.sequence and self._state()):
            return
        writer = self._index.writer(_WRITER_BYTES, num_threads=1)
        for removed in catalog.removed_since(self.sequence):
            writer.delete_documents_by_term("key", str(removed.key))
        for stored in catalog.added_since(self.sequence):
            writer.delete_documents_by_term("key", str(stored.key))
            document = tantivy.Document()
            document.add_text("key", str(stored.key))
            document.add_text("lang", stored.passage.lang)
            first, last = _days(stored.passage.date)
            document.add_unsigned("first_day", first)
            document.add_unsigned("last_day", last)
            document.add_text(_FIELD, " ".join(terms(searched_text(stored))))
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self.sequence = reached
        state = {"catalog": catalog.id, "sequence": reached, "terms": TERMS_VERSION}
        beside = self._folder / f".{_STATE_FILE}.{os.getpid()}"
        beside.write_text(json.dumps(state), encoding="utf-8")
        beside.replace(self._folder / _STATE_FILE)

    def search(
        self, question: str, *, k: int, languages: Iterable[str] = (), after: str = "", before: str = ""
    ) -> list[LexicalHit]:
        """The best `k` passages for a question, best first; with dates given, only passages that have one.

        A score of BM25 says little by itself. Divided by what a passage would get that matched every term as
        often as it likes, it is the share of the question that the passage knows: near 1 in its own language,
        a few names in another.
        """
        import tantivy

        if self._index is None:
            return []
        query_terms = sorted(set(terms(question)))
        if not query_terms:
            return []
        self._index.reload()
        searcher = self._index.searcher()
        total = sum(self._idf(searcher, term) for term in query_terms) * (_BM25_K1 + 1)
        if not total:
            return []
        should, must = tantivy.Occur.Should, tantivy.Occur.Must
        schema = self._index.schema
        any_term = tantivy.Query.boolean_query(
            [(should, tantivy.Query.term_query(schema, _FIELD, term, index_option="freq")) for term in query_terms]
        )
        clauses = [(must, any_term)]
        if wanted := sorted(set(languages)):
            any_lang = [
                (should, tantivy.Query.term_query(schema, "lang", lang, index_option="basic")) for lang in wanted
            ]
            clauses.append((must, tantivy.Query.const_score_query(tantivy.Query.boolean_query(any_lang), 0.0)))
        if after or before:
            earliest = _days(after)[0] if after else _NO_DAY + 1
            latest = _days(before)[1] if before else _END_OF_TIME
            for field, low, high in (("last_day", earliest, _END_OF_TIME), ("first_day", _NO_DAY + 1, latest)):
                days = tantivy.Query.range_query(schema, field, tantivy.FieldType.Unsigned, low, high)
                clauses.append((must, tantivy.Query.const_score_query(days, 0.0)))
        found = searcher.search(tantivy.Query.boolean_query(clauses), limit=k, count=False).hits
        hits = [LexicalHit(int(searcher.doc(address)["key"][0]), round(score / total, 6)) for score, address in found]
        return sorted(hits, key=lambda hit: (-hit.share, hit.key))

    def _idf(self, searcher: tantivy.Searcher, term: str) -> float:
        """BM25's inverse document frequency as tantivy (and Lucene) counts it."""
        count, frequency = searcher.num_docs, searcher.doc_freq(_FIELD, term)
        return math.log(1 + (count - frequency + 0.5) / (frequency + 0.5)) if count >= frequency else 0.0

    def _count(self) -> int:
        if self._index is None:
            return -1
        self._index.reload()
        return int(self._index.searcher().num_docs)

    def _state(self) -> dict[str, str | int]:
        try:
            state = json.loads((self._folder / _STATE_FILE).read_bytes())
            return state if isinstance(state, dict) else {}
        except (OSError, ValueError):
            return {}

    def _create(self) -> None:
        import tantivy

        self._index = None
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        schema = tantivy.SchemaBuilder()
        # Text, because tantivy deletes nothing by a term that is a number.
        schema.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
        schema.add_text_field("lang", tokenizer_name="raw", index_option="basic")
        schema.add_unsigned_field("first_day", indexed=True, fast=True)
        schema.add_unsigned_field("last_day", indexed=True, fast=True)
        schema.add_text_field(_FIELD, tokenizer_name=_TOKENIZER, index_option="freq")
        self._index = _with_tokenizer(tantivy.Index(schema.build(), path=str(self._folder)))
        self.sequence = 0


def searched_text(stored: StoredPassage) -> str:
    """What is searched of a passage: its document's title with it, which often names who it is about."""
    return f"{stored.passage.title} {stored.passage.readable}".strip()


def _with_tokenizer(index: tantivy.Index) -> tantivy.Index:
    import tantivy

    index.register_tokenizer(_TOKENIZER, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    return index


def _days(date: str) -> tuple[int, int]:
    """The first and last day that a date can mean, as numbers in order; a month or a year means any day of it."""
    if not date:
        return _NO_DAY, _NO_DAY
    digits = date.replace("-", "")
    return int(digits.ljust(8, "0")), int(digits.ljust(8, "9"))
