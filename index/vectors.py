"""Dense search: FAISS over the catalog's vectors, one flat index a language, scores centred by language.

A multilingual model puts texts of one language near each other, so passages in the question's language come
first whatever they say. Subtracting from each passage the mean of its language, and from the query the mean
of those means, takes that away. Within a language the order of inner products with the centred query hardly depends
on the mean, so FAISS holds the vectors as they are, and of what it finds the best are chosen by exact scores.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalog
from index.embed import unit
from index.whole import write_whole

Floats = NDArray[np.float32]

_STATE_FILE = "state.json"
# The mean of a few passages is mostly those passages. It is drawn to the mean of all as if there were this many
# more of those, and that to zero; on dev sets 5 costs nothing where there are hundreds.
_PRIOR_PASSAGES = 5
# What FAISS brings is ordered by inner product; the lengths of centred vectors, which it does not know, differ by a
# tenth, so the best by cosine are looked for among four times as many.
_SPARE = 4
_BLOCK = 1024  # rows of a product at a time
_CELLS_LOOKED_IN = 16
_ROUNDS_OF_CELLS = 5  # of k-means; more cost much and find little


@dataclass(frozen=True, slots=True)
class DenseHit:
    """A passage key with the centred cosine of its vector and the query's."""

    key: int
    score: float


class DenseIndex:
    """The vectors of one catalog, ready to search. A cache: whatever is wrong with it, it is made again."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self._folder = folder
        self._dimension = dimension
        self._catalog_id = ""
        self.sequence = 0
        self._saved_sequence = 0
        # Each is a faiss.IndexIDMap2, whose Python methods its types do not know.
        self._by_lang: dict[str, Any] = {}
        # Vectors are sums of float16 values, which float64 adds without rounding: adding and taking away leaves
        # exactly what building from nothing gives.
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._lang_of: dict[int, str] = {}

    def open(self, catalog: Catalog) -> None:
        """Bring this cache to the catalog's last batch, from its files or, where those do not fit, from nothing."""
        if not (self._load(catalog.id) and self.sequence <= catalog.sequence):
            self._clear(catalog.id)
        self.catch_up(catalog)
        if self.count != catalog.passage_count():
            self._clear(catalog.id)
            self.catch_up(catalog)

    def catch_up(self, catalog: Catalog) -> None:
        """Apply the batches after `sequence`."""
        reached = catalog.sequence
        if reached == self.sequence:
            return
        try:
            self._apply_batches(catalog)
        except BaseException:
            self._clear(self._catalog_id)  # half of a batch is worth nothing; Ctrl-C may fall here, too
            raise
        self.sequence = reached

    def _apply_batches(self, catalog: Catalog) -> None:
        for lang, removed in _grouped((r.lang, r) for r in catalog.removed_since(self.sequence)):
            known = [r for r in removed if self._lang_of.pop(r.key, None) is not None]
            if known:
                self._by_lang[lang].remove_ids(np.array([r.key for r in known], np.int64))
                self._sums[lang] -= np.sum([r.vector.astype(np.float64) for r in known], axis=0)
        for lang, added in _grouped((p.passage.lang, p) for p in catalog.added_since(self.sequence)):
            vectors = np.array([p.vector for p in added], np.float32)
            keys = np.array([p.key for p in added], np.int64)
            self._index(lang).add_with_ids(vectors, keys)
            self._sums[lang] += vectors.astype(np.float64).sum(axis=0)
            self._lang_of.update((p.key, lang) for p in added)

    @property
    def count(self) -> int:
        return len(self._lang_of)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(lang for lang, index in sorted(self._by_lang.items()) if index.ntotal)

    @property
    def unsaved(self) -> bool:
        """Whether there is more here than in the files."""
        return self.sequence != self._saved_sequence

    def save(self) -> None:
        """Write the cache whole, which is too much after every batch; a reader finds the old one or the new."""
        import faiss

        self._folder.mkdir(parents=True, exist_ok=True)
        names, hashes = {}, {}
        for lang, index in self._by_lang.items():
            names[lang] = f"{lang}-{self.sequence}.faiss"
            data = faiss.serialize_index(index).tobytes()
            hashes[lang] = hashlib.sha256(data).hexdigest()
            write_whole(self._folder / names[lang], data)
        state = {
            "catalog": self._catalog_id,
            "sequence": self.sequence,
            "files": names,
            "sha256": hashes,
            "sums": {lang: sums.tolist() for lang, sums in self._sums.items()},
        }
        write_whole(self._folder / _STATE_FILE, json.dumps(state).encode())
        for file in self._folder.glob("*.faiss"):
            if file.name not in names.values():
                file.unlink(missing_ok=True)
        self._saved_sequence = self.sequence

    def search(
        self, query: Floats, *, k: int, languages: Iterable[str] = (), among: NDArray[np.int64] | None = None
    ) -> list[DenseHit]:
        """The best `k` passages of each language for a (dimension,) query vector, all together best first.

        `languages` keeps to those; `among` to those keys.
        """
        import faiss

        means = self._means()
        if not means:
            return []
        centred_query = _centred(query, means)
        wanted = set(languages)
        parameters = None
        if among is not None:
            parameters = faiss.SearchParameters()
            parameters.sel = faiss.IDSelectorBatch(among)
        scores: dict[int, float] = {}
        for lang in self.languages:
            if wanted and lang not in wanted:
                continue
            index = self._by_lang[lang]
            _, found = index.search(centred_query[None], min(_SPARE * k, index.ntotal), params=parameters)
            scores.update(sorted(self.scores(query, found[0].tolist()).items(), key=lambda hit: (-hit[1], hit[0]))[:k])
        hits = [DenseHit(key, score) for key, score in scores.items()]
        return sorted(hits, key=lambda hit: (-hit.score, hit.key))

    def scores(self, query: Floats, keys: Iterable[int]) -> dict[int, float]:
        """The centred cosine of the query and each passage; keys that are not here are left out."""
        means = self._means()
        if not means:
            return {}
        centred_query = _centred(query, means)
        scores: dict[int, float] = {}
        for lang, group in _grouped((self._lang_of[key], key) for key in keys if key in self._lang_of):
            vectors = self._by_lang[lang].reconstruct_batch(np.array(group, np.int64))
            # Rounded to what float32 keeps, so that ties are ties whatever order the rows came in.
            cosines = np.round(unit(vectors - means[lang]) @ centred_query, 6)
            scores.update(zip(group, map(float, cosines), strict=True))
        return scores

    def lang_of(self, key: int) -> str:
        """The language of a passage that is here. Raises KeyError."""
        return self._lang_of[key]

    def _means(self) -> dict[str, Floats]:
        return language_means({lang: (self._sums[lang], self._by_lang[lang].ntotal) for lang in self.languages})

    def _index(self, lang: str) -> Any:
        import faiss

        if lang not in self._by_lang:
            self._by_lang[lang] = faiss.IndexIDMap2(faiss.IndexFlatIP(self._dimension))
            self._sums[lang] = np.zeros(self._dimension)
        return self._by_lang[lang]

    def _clear(self, catalog_id: str) -> None:
        self._catalog_id, self.sequence, self._saved_sequence = catalog_id, 0, -1
        self._by_lang, self._sums, self._lang_of = {}, {}, {}

    def _load(self, catalog_id: str) -> bool:
        """Whether the files hold a cache of this catalog."""
        import faiss

        try:
            state = json.loads((self._folder / _STATE_FILE).read_bytes())
            self._clear(catalog_id)
            if state["catalog"] != catalog_id:
                return False
            for lang, name in state["files"].items():
                data = (self._folder / name).read_bytes()
                if hashlib.sha256(data).hexdigest() != state["sha256"][lang]:
                    return False
                index: Any = faiss.deserialize_index(np.frombuffer(data, np.uint8))
                if index.d != self._dimension:
                    return False
                self._by_lang[lang] = index
                self._sums[lang] = np.array(state["sums"][lang])
                self._lang_of.update((int(key), lang) for key in faiss.vector_to_array(index.id_map))
            self.sequence = self._saved_sequence = int(state["sequence"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):  # faiss raises RuntimeError
            return False
        return True


def language_means(sums: dict[str, tuple[NDArray[np.float64], int]]) -> dict[str, Floats]:
    """The mean vector of each language, drawn to the mean of all, from the sum and number of its vectors."""
    total = sum(count for _, count in sums.values())
    if not total:
        return {}
    everything = np.sum([vectors for vectors, _ in sums.values()], axis=0) / (total + _PRIOR_PASSAGES)
    return {
        lang: ((vectors + _PRIOR_PASSAGES * everything) / (count + _PRIOR_PASSAGES)).astype(np.float32)
        for lang, (vectors, count) in sums.items()
    }


def nearest(queries: Floats, rows: Floats, *, exact_up_to: int = 10_000) -> tuple[Floats, NDArray[np.int64]]:
    """For each query the highest inner product with a row, and the number of that row; there must be a row.

    Exact where there are no more rows than that; of more, FAISS looks in the cells nearest to the query, so that the
    work grows with n^1.5 and not with n^2. The same rows in the same order give the same result.
    """
    if len(rows) <= exact_up_to:
        scores, places = np.empty(len(queries), np.float32), np.empty(len(queries), np.int64)
        for start in range(0, len(queries), _BLOCK):
            products = queries[start : start + _BLOCK] @ rows.T
            places[start : start + _BLOCK] = products.argmax(axis=1)
            scores[start : start + _BLOCK] = products.max(axis=1)
        return scores, places
    import faiss

    cells = int(np.sqrt(len(rows)))
    index: Any = faiss.IndexIVFFlat(faiss.IndexFlatIP(rows.shape[1]), rows.shape[1], cells, faiss.METRIC_INNER_PRODUCT)
    index.nprobe = min(cells, _CELLS_LOOKED_IN)
    index.cp.niter = _ROUNDS_OF_CELLS
    index.train(rows)
    index.add(rows)
    scores, places = index.search(queries, 1)
    return scores[:, 0], places[:, 0]


def _centred(query: Floats, means: dict[str, Floats]) -> Floats:
    """The query without what the languages have in common, of length 1."""
    return unit(query - np.mean(list(means.values()), axis=0))


def _grouped(pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, list[Any]]]:
    groups: dict[str, list[Any]] = {}
    for lang, value in pairs:
        groups.setdefault(lang, []).append(value)
    return sorted(groups.items())
