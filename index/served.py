"""Dense search by a server: Milvus holds the vectors and finds neighbours, the catalog scores them.

The collection is a cache of the catalog's vectors, as the index folder's own is: it says which batch it has reached,
and is brought forward from there. What was written behind that, and not confirmed, is deleted first, so that whenever
the server or this process is killed, nothing is lost and nothing there twice. Scores are by the catalog's own vectors,
so nothing that a reader finds is not in the catalog that it reads, whatever a writer has put there meanwhile.

An archive is a collection, and its languages are the partition key. A collection for several archives would need one
embedder for all, one writer for what is dropped and made again, and a search of each would look through the others;
apart, each has its own rights and sizes on the server.

Words are searched in the index folder, or by the server in a collection of their own: see `index.served_words`. The
folder is the default, for it takes 3 ms over 100,000 passages.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalog, StoredVectors
from index.centring import FEW, DenseHit, LanguageSums, by_language, candidates_for, centred, cosines, scores_of
from index.dense import words_told
from index.errors import IndexFolderError, IndexMismatch, ServerError
from index.milvus import Collection, Reached, Row, condition_of
from index.neighbours import Floats, Keys
from index.place import Server
from index.recall import SAMPLE, sample_of, share_found, truly_nearest
from index.served_words import drop_words

if TYPE_CHECKING:
    from index.dense import Among
    from index.folder import Filters


class ServedVectors:
    """The vectors of one catalog in a collection of a server."""

    def __init__(self, folder: Path, server: Server, dimension: int, *, report: Callable[[str], None]) -> None:
        self._folder = folder
        self._server = server
        self.dimension = dimension
        self._report = report
        self._connected: Collection | None = None
        self._sums = LanguageSums(folder / "sums.json")
        self._reached: Reached | None = None  # or None if there is nothing of this catalog's vectors
        self._settled = False  # whether nothing is there behind what is reached
        self._unsaved = self._late = False

    @property
    def _collection(self) -> Collection:
        if self._connected is None:
            self._connected = Collection(self._server)
        return self._connected

    def close(self) -> None:
        if self._connected is not None:
            self._connected.close()
            self._connected = None

    # Bringing it after the catalog

    @property
    def sequence(self) -> int:
        """Of the last batch that is all there."""
        return self._reached.sequence if self._reached else 0

    def open(self, catalog: Catalog, *, writable: bool) -> None:
        """Connect, and bring the collection to the catalog's last batch if this process may write.

        Raises ServerError, and IndexMismatch for a collection of another catalog.
        """
        self._catalog = catalog
        self._look(catalog.vectors_id)
        self._sums.bring_forward(catalog)
        if writable:
            self._bring_forward(catalog)
        elif self._reached is None:
            self._report(f"{self._server}: holds nothing of this index yet; passages are found by their words alone")
        if self.sequence == catalog.sequence and (found := self.count) != self._sums.count:
            self._report(f"{self._server}: holds {found} of {self._sums.count} vectors")
            if writable:
                self._report(f"{self._server}: is made again from the catalog; nothing is embedded again")
                self._reached = None
                self._bring_forward(catalog)

    def _look(self, vectors_id: str) -> None:
        """See how far the collection has come with these vectors."""
        reached = self._collection.open() if self._collection.exists() else None
        if reached is not None and reached.vectors.partition(":")[0] != vectors_id.partition(":")[0]:
            raise IndexMismatch(
                f"{self._server}: this collection holds the vectors of another index, not of the one in "
                f"{self._folder.parent}; name another collection: dragoman ingest FOLDER-OF-DOCUMENTS --index "
                f"'milvus:…/COLLECTION?catalog={self._folder.parent}'"
            )
        fits = reached is not None and reached.vectors == vectors_id and self._collection.kind == self._server.kind
        self._reached, self._settled = reached if fits else None, False

    def follow(self, catalog: Catalog) -> None:
        """See what was committed since; nothing is written."""
        if self.sequence != catalog.sequence:
            self._look(catalog.vectors_id)
        self._sums.bring_forward(catalog)

    def catch_up(self, catalog: Catalog) -> None:
        """Apply the batches after `sequence`. What cannot be done now is told, and tried again with the next."""
        self._sums.bring_forward(catalog)
        try:
            self._bring_forward(catalog)
            self._late = False
        except ServerError as error:
            if not self._late:
                self._report(f"{error}; the run goes on, and brings to the server later what is missing there")
            self._late = True

    def _bring_forward(self, catalog: Catalog) -> None:
        collection = self._collection
        if self._late:  # what it has of what was not confirmed, it alone can tell
            self._look(catalog.vectors_id)
        reached = self._reached
        fits = reached is not None and catalog.removed_from <= reached.sequence <= catalog.sequence
        if reached is None or reached.vectors != catalog.vectors_id or not fits:
            if collection.exists():
                collection.drop()
            reached = Reached(catalog.vectors_id, 0, 0)
            collection.create(self.dimension, reached)
            self._reached, self._settled = reached, True
        if reached.sequence == catalog.sequence:
            return
        if not self._settled:
            collection.remove_after(reached.highest)
        self._settled = False  # until all of this is confirmed
        collection.remove([removed.key for removed in catalog.removed_since(reached.sequence) if len(removed.vector)])
        # In order of key, so that what is interrupted goes on behind the last block.
        for block in catalog.vectors_since(reached.sequence):
            new = block.keys > reached.highest
            if not new.any():
                continue
            collection.insert(self._rows(catalog, block, new))
            reached = Reached(reached.vectors, reached.sequence, int(block.keys[-1]))
            collection.reach(reached)
            self._reached = reached
        reached = Reached(reached.vectors, catalog.sequence, reached.highest)
        collection.reach(reached)
        self._reached, self._settled, self._unsaved = reached, True, True

    @staticmethod
    def _rows(catalog: Catalog, block: StoredVectors, wanted: NDArray[np.bool_]) -> list[Row]:
        origins = catalog.origins(block.keys[wanted].tolist())
        rows = []
        for place in np.flatnonzero(wanted).tolist():
            key = int(block.keys[place])
            its = origins[key]
            rows.append(
                Row(key, block.langs[place], its.path, its.date, its.outlet, block.vectors[place].astype(np.float32))
            )
        return rows

    @property
    def unsaved(self) -> bool:
        return self._unsaved or self._late

    def save(self) -> None:
        """Let the server put all that was written into its storage. Raises ServerError, also for what is late."""
        if self._late:
            self._bring_forward(self._catalog)
            self._late = False
        self._collection.flush()
        self.remove_former()
        self._sums.save()
        self._unsaved = False

    def remove_former(self) -> None:
        """Remove what the index folder's own search has left, and the words here if that searches them again."""
        for file in (*self._folder.glob("*.faiss"), self._folder / "state.json"):
            file.unlink(missing_ok=True)
        if not self._server.words:
            drop_words(self._collection, self._catalog.id)

    def delete(self, vectors_id: str) -> None:
        """Take the collection away, and the sums. Raises IndexMismatch for the collection of another index."""
        self._look(vectors_id)
        if self._collection.exists():
            self._collection.drop()
        shutil.rmtree(self._folder, ignore_errors=True)
        self.close()

    # What is there

    def load(self, vectors_id: str) -> None:
        """See what the collection has reached. Raises ServerError, and IndexFolderError if it is of other vectors."""
        self._look(vectors_id)
        if self._reached is None:
            raise IndexFolderError(f"{self._server}: holds no vectors of this index's embedder")

    @property
    def count(self) -> int:
        """How many rows the collection has; one that is there twice is counted twice."""
        return self._collection.count()

    def keys(self) -> Keys:
        return self._collection.keys(self._reached.highest if self._reached else 0)

    def differing(self, block: StoredVectors) -> NDArray[np.bool_]:
        """(passages,): whether a passage of the block is not there as it is in the block."""
        held = self._collection.rows(block.keys)
        differ = np.ones(len(block.keys), bool)
        for place, (key, lang) in enumerate(zip(block.keys.tolist(), block.langs, strict=True)):
            if key in held and held[key][0] == lang:
                differ[place] = not np.array_equal(held[key][1], block.vectors[place].astype(np.float32))
        return differ

    # Searching

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._sums.means)

    @property
    def kind(self) -> str:
        return f"{self._server.kind} by Milvus {self._collection.told_of}; {words_told(self._server)}"

    def search(self, query: Floats, *, k: int) -> list[DenseHit]:
        """The best `k` passages of each language, all together best first."""
        return self._best(query, k, self.languages, "")

    def find(self, query: Floats, *, k: int, filters: Filters, among: Among) -> list[DenseHit]:
        """The best `k` passages of each language that filters leave, all together best first."""
        wanted = tuple(lang for lang in self.languages if not filters.languages or lang in filters.languages)
        few = among(FEW + 1)
        if few is None:
            return self._best(query, k, wanted, "")
        if len(few) > FEW and not filters.phrases:  # of phrases the server knows nothing
            return self._best(query, k, wanted, condition_of(filters, self._catalog.outlets_named(filters.outlets)))
        return self._scored(query, k, wanted, few)

    def _best(self, query: Floats, k: int, languages: Iterable[str], condition: str) -> list[DenseHit]:
        if self._reached is None:
            return []
        direction, count = centred(query, self._sums.means), candidates_for(k)
        found = [self._collection.nearest(direction, count, lang, condition) for lang in languages]
        return self._scored(query, k, languages, np.concatenate([np.zeros(0, np.int64), *found]))

    def _scored(self, query: Floats, k: int, languages: Iterable[str], keys: Keys) -> list[DenseHit]:
        """The best `k` of each language among these keys, by the catalog's own vectors."""
        means = self._sums.means
        direction, wanted, hits = centred(query, means), set(languages), list[DenseHit]()
        for lang, its, vectors in by_language(self._catalog.vectors_of(keys.tolist())):
            if lang in wanted:
                scores = cosines(vectors, means[lang], direction)
                best = np.lexsort((its, -scores))[:k]
                hits += map(DenseHit, its[best].tolist(), scores[best].tolist())
        return sorted(hits, key=lambda hit: (-hit.score, hit.key))

    def scores(self, query: Floats, keys: Iterable[int]) -> dict[int, float]:
        """The centred cosine of the query and each passage; keys of those that have no vector are left out."""
        asked = np.fromiter(keys, np.int64)
        return {hit.key: hit.score for hit in self._scored(query, len(asked), self.languages, asked)}

    def scores_of(self, query: Floats, vectors: Floats, langs: Iterable[str]) -> list[float]:
        """What `scores` would tell of passages that are not here, by their (n, dimension) vectors and languages."""
        return scores_of(query, vectors, langs, self._sums.means)

    def langs_of(self, keys: Iterable[int]) -> dict[int, str]:
        """The language of each passage; keys of those that have no vector are left out."""
        return self._catalog.languages_of(keys)

    def recall(self, catalog: Catalog) -> float:
        """As `index.vectors.DenseIndex.recall` measures it."""
        keys = np.sort(sample_of(catalog.keys_where("", ""), SAMPLE))
        block = catalog.vectors_of(keys.tolist())
        queries = block.vectors.astype(np.float32)
        return share_found(self, block.keys, queries, truly_nearest(catalog, block.keys, queries, self._sums.means))
