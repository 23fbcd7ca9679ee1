"""An index folder, open: the catalog and the two search structures that follow it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index import duplicates
from index.catalog import Catalog, Extent, PendingPassage, ReadySource, StoredPassage
from index.centring import DenseHit
from index.deferred import check_same
from index.dense import Dense, make_dense
from index.embed import EmbeddedPassage, Embedder, load_embedder
from index.errors import IndexFolderError, IndexLocked, IndexMismatch, IndexUnwritable, SettingsError
from index.lexical import LexicalHit, Phrase
from index.lock import writing
from index.migrate import MIGRATED, format_of, migrate
from index.passages import searched_text
from index.place import Place
from index.said import not_a_day
from index.schema import FILE_NAME
from index.tokens import SignVectors, TokenCodec
from index.values import Cluster, Document, Link, Source
from index.whole import delete_left_behind
from index.words import Words, make_words

Report = Callable[[str], None]
_MOST_NEWLY_EMBEDDED = 1000  # kept in memory; 10 MB


@dataclass(frozen=True, slots=True)
class Filters:
    """Which passages may be found. Empty means any; with a date given, undated passages are left out."""

    languages: frozenset[str] = field(default_factory=frozenset)  # BCP 47
    since: str = ""  # ISO 8601 day, the day itself included
    until: str = ""
    phrases: tuple[Phrase, ...] = ()  # that a passage must hold, all of them
    sources: frozenset[str] = field(default_factory=frozenset)  # paths of files, or of folders for all that is in them
    outlets: frozenset[str] = field(default_factory=frozenset)  # where an article appeared, in upper or lower case

    def __post_init__(self) -> None:
        import datetime as dt

        for name in ("since", "until"):
            value = getattr(self, name)
            try:
                # fromisoformat takes other forms, too, but days are compared as they are written.
                if value and dt.date.fromisoformat(value).isoformat() != value:
                    raise ValueError(value)
            except ValueError as error:
                raise SettingsError(not_a_day(f"--{name}", value)) from error


@dataclass(frozen=True, slots=True)
class NewlyEmbedded:
    """The language of a passage, and what was embedded of it for a question."""

    lang: str
    embedded: EmbeddedPassage


class Index:
    """An open index folder. Use it in `with`, or call `close`.

    Any number of processes may read; each sees the batches that were committed when it opened or last called
    `refresh`. A writer is made by `index.ingest`.
    """

    def __init__(self, folder: Path, catalog: Catalog, *, report: Report = lambda message: None) -> None:
        self.folder = folder
        self.catalog = catalog
        self._report = report
        self._last_among: tuple[tuple[object, ...], NDArray[np.int64]] | None = None
        self._last_extent: tuple[tuple[object, ...], Extent] | None = None
        self.dense: Dense
        self.lexical: Words
        self._begin_serving()

    @classmethod
    def open(cls, named: str | Path, *, report: Report = lambda message: None) -> Index:
        """Open an index for reading, mending what an interrupted writer left behind.

        It is named by its folder, or by a URL of `index.place`, which must be that of the server that has its vectors.
        `report` is told what takes long or could not be done. Raises IndexFolderError, SettingsError.
        """
        folder = folder_of(named)
        if not folder.exists():
            raise IndexFolderError(
                f"{folder}: no such index; make one: dragoman ingest FOLDER-OF-DOCUMENTS --index {folder}"
            )
        if format_of(folder) == str(MIGRATED):
            with writing(folder):
                migrate(folder, report=report)
        index = cls(folder, Catalog(folder), report=report)
        until = "dragoman ingest is run again and ends"
        try:
            with writing(folder, seconds_of_patience=0):
                index.bring_caches_forward(writable=True)
        except IndexLocked:
            until = "the run that is writing the index ends"
            index.bring_caches_forward(writable=False)
            if index.lexical.sequence < index.catalog.sequence:
                report("the index is being written: its newest passages cannot be found by words yet; ask again soon")
        except (IndexUnwritable, OSError) as error:
            report(f"nothing that is missing in the index was made again: {error}")
            index.bring_caches_forward(writable=False)
        except BaseException:
            index.close()
            raise
        if pending := index.catalog.pending_count():
            total = index.catalog.passage_count()
            report(f"{pending} of {total} passages are not embedded yet and found by their words alone until {until}")
        return index

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.dense.close()
        self.lexical.close()
        self.catalog.close()

    def bring_caches_forward(self, *, writable: bool) -> None:
        """Make both search structures hold the catalog's last batch; `writable` only under the writer's lock."""
        if writable:
            delete_left_behind(self.folder)
            self.catalog.begin_counting()
        with self.catalog.snapshot():
            self.dense.open(self.catalog, writable=writable)
            self.lexical.open(self.catalog, writable=writable)
        if writable:
            self.save()

    def save(self) -> None:
        """Do what is too much after every batch: write the vectors out, and link copies and translations."""
        for cache in (self.lexical, self.dense):  # the latter removes the words that a server no longer searches
            if cache.unsaved:
                cache.save()
            else:
                cache.remove_former()
        duplicates.bring_forward(self.catalog)

    def _begin_serving(self) -> None:
        """Forget all that hangs on the embedder and the server, as when the index is opened."""
        self._serving = (self.catalog.vectors_id, self.catalog.vectors_at)
        self._embedder: Embedder | None = None
        self._token_codec: TokenCodec | None = None
        self._newly: dict[int, NewlyEmbedded] = {}
        dimension = self.catalog.built_with.embedder.dimension
        self.dense = make_dense(self.folder, self.catalog.vectors_at, dimension, report=self._report)
        self.lexical = make_words(self.folder, self.catalog.vectors_at, report=self._report)

    def _follow_embedder(self) -> None:
        """Change over if another process has embedded the index anew, or has moved it to a server or within it."""
        if (self.catalog.vectors_id, self.catalog.vectors_at) != self._serving:
            with self.catalog.snapshot():
                self.dense.close()
                self.lexical.close()
                self._begin_serving()
                self.dense.open(self.catalog, writable=False)
                self.lexical.open(self.catalog, writable=False)

    def refresh(self) -> None:
        """See the batches that were committed since this index was opened."""
        self._follow_embedder()
        with self.catalog.snapshot():
            self.dense.follow(self.catalog)
            self.lexical.follow(self.catalog)

    @property
    def embedder(self) -> Embedder:
        """The embedder whose vectors are served, loaded when first asked for. Raises IndexMismatch, ModelError."""
        self._follow_embedder()
        if self._embedder is None:
            self.use_embedder(load_embedder(self.catalog.built_with.embedder.name, report=self._report))
        assert self._embedder is not None
        return self._embedder

    def use_embedder(self, embedder: Embedder) -> None:
        """Use an embedder that is loaded already. Raises IndexMismatch if it is not the index's."""
        check_embedder(self.folder, self.catalog, embedder)
        self._embedder = embedder

    def search_dense(self, query: NDArray[np.float32], *, k: int, filters: Filters) -> list[DenseHit]:
        """The best `k` passages of every language by vector, best first."""

        def among(at_most: int) -> NDArray[np.int64] | None:
            if not filters.phrases:
                return self._among(filters, at_most)
            having = self.lexical.keys(phrases=filters.phrases, sources=filters.sources)
            keys = self._among(filters)
            return having if keys is None else np.intersect1d(keys, having)

        return self.dense.find(query, k=k, filters=filters, among=among)

    def _among(self, filters: Filters, at_most: int = -1) -> NDArray[np.int64] | None:
        """The keys of the passages that dates, sources and outlets leave, or None if they leave all.

        Of many some `at_most`, if that is not -1.
        """
        if not (filters.since or filters.until or filters.sources or filters.outlets):
            return None
        # The same filter is asked again with the next question, and 100,000 keys take some 100 ms to be read.
        asked = (self.catalog.sequence, filters.since, filters.until, filters.sources, filters.outlets, at_most)
        if self._last_among is None or self._last_among[0] != asked:
            keys = self.catalog.keys_where(
                filters.since, filters.until, filters.sources, filters.outlets, at_most=at_most
            )
            self._last_among = (asked, keys)
        return self._last_among[1]

    def extent(self, filters: Filters) -> Extent:
        """How much there is to be searched under these filters, phrases left aside."""
        asked = (self.catalog.sequence, replace(filters, phrases=()))
        if self._last_extent is None or self._last_extent[0] != asked:
            found = self.catalog.extent(
                filters.since, filters.until, filters.sources, filters.languages, filters.outlets
            )
            self._last_extent = (asked, found)
        return self._last_extent[1]

    def search_lexical(self, question: str, *, k: int, filters: Filters) -> list[LexicalHit]:
        """The best `k` passages by words, best first."""
        return self.lexical.find(question, k=k, filters=filters, among=lambda: self._among(filters))

    def passages(self, keys: Iterable[int]) -> dict[int, StoredPassage]:
        """Passages by key; those that are gone are left out."""
        return self.catalog.passages(keys)

    @property
    def token_codec(self) -> TokenCodec:
        """How token vectors are packed here. Raises IndexFolderError for an index that nothing was ever put into."""
        if self._token_codec is None:
            self._token_codec = self.catalog.token_codec
        if self._token_codec is None:
            raise IndexFolderError(f"{self.folder}: nothing was put into this index yet; run: dragoman ingest FOLDER")
        return self._token_codec

    def token_vectors(self, keys: Iterable[int]) -> dict[int, SignVectors]:
        """The token vectors of passages by key, those that are gone left out; what is pending is embedded for it."""
        wanted = list(keys)
        packed = self.catalog.packed_tokens(wanted)
        packed |= {key: new.embedded.tokens for key, new in self.embed_now(set(wanted) - packed.keys()).items()}
        return {key: self.token_codec.unpack(packed[key]) for key in wanted if key in packed}

    def embed_now(self, keys: Iterable[int]) -> dict[int, NewlyEmbedded]:
        """Embed pending passages for a question that has found them by their words; those that are gone are left out.

        They are kept in memory and not in the index, which the run that is under way, or the next, does.
        """
        wanted = sorted(keys)
        if len(self._newly) > _MOST_NEWLY_EMBEDDED:  # before it is told what is missing
            self._newly.clear()
        if missing := self.passages(key for key in wanted if key not in self._newly):
            texts = [searched_text(stored.passage) for stored in missing.values()]
            made = self.embedder.embed_and_pack(texts, self.token_codec)
            for (key, stored), embedded in zip(missing.items(), made, strict=True):
                self._newly[key] = NewlyEmbedded(stored.passage.lang, embedded)
        return {key: self._newly[key] for key in wanted if key in self._newly}

    def source(self, path: str) -> Source:
        """A stored source. Raises IndexFolderError if there is none of this path."""
        if (source := self.catalog.source(path)) is None:
            raise IndexFolderError(
                f"{self.folder}: no source {path!r}; list them: dragoman sources --index {self.folder}"
            )
        return source

    def document(self, document_id: str) -> Document:
        """A stored document. Raises IndexFolderError if there is none of this id."""
        if (document := self.catalog.document(document_id)) is None:
            raise IndexFolderError(
                f"{self.folder}: no document {document_id!r}; list them: dragoman sources --index {self.folder}"
            )
        return document

    def cluster_of(self, document_id: str) -> Cluster:
        """The copies of a document, itself among them."""
        return self.catalog.cluster_of(document_id)

    def representatives(self, document_ids: Iterable[str]) -> dict[str, str]:
        """For each of these documents that of its copies which stands for all of them, itself if it has none."""
        return self.catalog.representatives(document_ids)

    def links(self, document_id: str) -> list[Link]:
        """The copies and translations that a document is linked to itself, best first."""
        return self.catalog.links(document_id)

    def commit(self, sources: list[ReadySource], *, remove: list[str]) -> None:
        """Commit a batch and bring the caches after it: it is found by its words. Only under the writer's lock."""
        self.catalog.commit(sources, remove=remove)
        self.lexical.catch_up(self.catalog)
        self.dense.catch_up(self.catalog)

    def embed(self, pending: list[PendingPassage], made: dict[bytes, EmbeddedPassage]) -> None:
        """Give passages their embeddings and bring the caches after it. Only under the writer's lock."""
        self.catalog.embed(pending, made)
        self.lexical.catch_up(self.catalog)
        self.dense.catch_up(self.catalog)


def folder_of(named: str | Path) -> Path:
    """The folder of an index that is to be read.

    Raises SettingsError, IndexFolderError if a URL is of none that is there, and IndexMismatch if it is not that of the
    server which has its vectors.
    """
    place = Place.named(named)
    if not place.server:
        return place.folder
    if not (place.folder / FILE_NAME).is_file():
        raise IndexFolderError(
            f"{place.folder}: no index of {place.server} here; name its folder by catalog=, or make one: "
            f"dragoman ingest FOLDER-OF-DOCUMENTS --index '{named}'"
        )
    with Catalog(place.folder) as catalog:
        if catalog.vectors_at != place.server:
            where = f"at {catalog.vectors_at}" if catalog.vectors_at else "in this folder"
            raise IndexMismatch(
                f"{place.folder}: its vectors are {where}, not at {place.server}; leave the URL away, or move "
                f"them: dragoman ingest FOLDER-OF-DOCUMENTS --index '{named}'"
            )
    return place.folder


def check_embedder(folder: Path, catalog: Catalog, embedder: Embedder) -> None:
    """Raise IndexMismatch unless `catalog` was built with `embedder`."""
    check_same(folder, catalog.built_with.embedder, embedder.identity)
