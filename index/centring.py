"""Scores centred by language, and the sums that they stand on.

A multilingual model puts texts of one language near each other, so passages in the question's language come
first whatever they say. Subtracting from each passage the mean of its language, and from the query the mean
of those means, takes that away. Within a language the order of inner products with the centred query hardly depends
on the mean, so whatever looks for neighbours may hold the vectors as they are: of what it finds the best are chosen by
exact scores.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalog, StoredVectors
from index.embed import unit
from index.errors import IndexUnwritable
from index.neighbours import Floats, Keys
from index.said import said
from index.whole import written_whole

# What is found by inner product is ordered by cosine: the lengths of centred vectors, which an engine does not know,
# differ by a tenth, so the best are looked for among more. Of 37,000 real vectors all of the best ten are among the
# first 100, and .994 of the best hundred among the first 200 (.9997 among 400, in a millisecond more at 100,000).
_SPARE = 2
_FEWEST_CANDIDATES = 100
# A filter that leaves no more passages than this is answered by scoring those alone, some 2 ms.
FEW = 5_000
# The mean of a few passages is mostly those passages. It is drawn to the mean of all as if there were this many
# more of those, and that to zero; on dev sets 5 costs nothing where there are hundreds.
_PRIOR_PASSAGES = 5


@dataclass(frozen=True, slots=True)
class DenseHit:
    """A passage key with the centred cosine of its vector and the query's."""

    key: int
    score: float


def candidates_for(k: int) -> int:
    """How many neighbours by inner product are looked at for the best `k`."""
    return max(_SPARE * k, _FEWEST_CANDIDATES)


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


def centred(query: Floats, means: dict[str, Floats]) -> Floats:
    """The query without what the languages have in common, of length 1."""
    return unit(query - np.mean(list(means.values()), axis=0)) if means else query


def cosines(vectors: Floats, mean: Floats, centred_query: Floats) -> NDArray[np.float64]:
    """The centred cosines of the query and (n, dimension) vectors of one language."""
    away = vectors - mean
    lengths = np.sqrt(np.einsum("ij,ij->i", away, away))
    # Rounded to what float32 keeps, so that ties are ties whatever order the rows came in.
    return np.round((away @ centred_query).astype(np.float64) / np.where(lengths == 0, 1, lengths), 6)


def scores_of(query: Floats, vectors: Floats, langs: Iterable[str], means: dict[str, Floats]) -> list[float]:
    """The centred cosines of the query and (n, dimension) vectors, each of its language."""
    nothing = np.zeros(len(query), np.float32)
    away = unit(vectors - np.array([means.get(lang, nothing) for lang in langs], np.float32))
    return np.round((away @ centred(query, means)).astype(np.float64), 6).tolist()


def by_language(block: StoredVectors) -> Iterator[tuple[str, Keys, Floats]]:
    """The keys and vectors of each language of a block, in order."""
    langs = np.array(block.langs)
    for lang in sorted(set(block.langs)):
        its = langs == lang
        yield lang, block.keys[its], block.vectors[its].astype(np.float32)


class LanguageSums:
    """The sum and number of the vectors of each language of one catalog, kept in a file where vectors are elsewhere.

    Vectors are sums of float16 values, which float64 adds without rounding: adding and taking away leaves exactly
    what building from nothing gives.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._clear("")
        try:
            state = json.loads(file.read_bytes())
            sums = {lang: np.array(values, np.float64) for lang, values in state["sums"].items()}
            counts = {lang: int(count) for lang, count in state["counts"].items()}
            self._vectors_id, self._sequence, self._highest = state["vectors"], state["sequence"], state["highest"]
            self._sums, self._counts = sums, counts
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._clear("")  # it is made again

    def _clear(self, vectors_id: str) -> None:
        self._vectors_id, self._sequence, self._highest = vectors_id, 0, 0
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._counts: dict[str, int] = {}
        self._means: dict[str, Floats] | None = None

    def bring_forward(self, catalog: Catalog) -> None:
        """Count what batches since the last time have embedded and removed."""
        fits = catalog.removed_from <= self._sequence <= catalog.sequence
        if catalog.vectors_id != self._vectors_id or not fits:
            self._clear(catalog.vectors_id)
        self._add(catalog)
        if self.count != catalog.passage_count() - catalog.pending_count():
            self._clear(catalog.vectors_id)
            self._add(catalog)

    def _add(self, catalog: Catalog) -> None:
        if self._sequence == catalog.sequence:
            return
        self._means = None
        for removed in catalog.removed_since(self._sequence):
            # Passages are embedded in the order of their keys, so these tell what was counted.
            if len(removed.vector) and removed.key <= self._highest:
                self._sums[removed.lang] -= removed.vector.astype(np.float64)
                self._counts[removed.lang] -= 1
        for block in catalog.vectors_since(self._sequence):
            for lang, keys, vectors in by_language(block):
                self._sums[lang] = self._sums.get(lang, 0.0) + vectors.sum(axis=0, dtype=np.float64)
                self._counts[lang] = self._counts.get(lang, 0) + len(keys)
            self._highest = max(self._highest, int(block.keys.max()))
        self._sequence = catalog.sequence

    def save(self) -> None:
        """Write the file. Raises IndexUnwritable."""
        state = {
            "vectors": self._vectors_id,
            "sequence": self._sequence,
            "highest": self._highest,
            "sums": {lang: sums.tolist() for lang, sums in self._sums.items()},
            "counts": self._counts,
        }
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(self._file) as beside:
                beside.write_text(json.dumps(state), encoding="utf-8")
        except OSError as error:
            told = "{file}: cannot be written ({why}); free some of the disk"
            why = str(error.strerror)
            raise IndexUnwritable(said("index_unwritable", told, file=str(self._file), why=why)) from error

    @property
    def count(self) -> int:
        """How many vectors there are."""
        return sum(self._counts.values())

    @property
    def means(self) -> dict[str, Floats]:
        """By `language_means`, of the languages that have vectors, in order."""
        if self._means is None:
            self._means = language_means(
                {lang: (self._sums[lang], count) for lang, count in sorted(self._counts.items()) if count}
            )
        return self._means
