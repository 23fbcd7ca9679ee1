"""How much of what is truly nearest a search of vectors finds, measured on vectors of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalog
from index.centring import DenseHit, by_language, centred
from index.embed import unit
from index.neighbours import Floats, Keys

SAMPLE = 200  # vectors that recall is measured on
_NEAREST = 10


class Searched(Protocol):
    """Vectors that can be searched."""

    def search(self, query: Floats, *, k: int) -> list[DenseHit]: ...
    def scores(self, query: Floats, keys: Iterable[int]) -> dict[int, float]: ...


def chance(keys: Keys) -> NDArray[np.int64]:
    """A number for each key that is as good as chance and always the same."""
    return ((keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)).astype(np.int64)


def sample_of(keys: Keys, size: int) -> Keys:
    """Some of the keys, always the same."""
    return keys[np.argsort(chance(keys), kind="stable")[:size]]


def truly_nearest(catalog: Catalog, sample: Keys, queries: Floats, means: dict[str, Floats]) -> list[list[int]]:
    """For each of these passages, whose vectors are `queries`, the keys of the ten others that are nearest."""
    directions = np.array([centred(query, means) for query in queries])
    best = np.full((len(sample), _NEAREST), -np.inf, np.float32)
    best_keys = np.zeros((len(sample), _NEAREST), np.int64)
    for block in catalog.vectors_since(0):
        for lang, keys, vectors in by_language(block):
            scores = directions @ unit(vectors - means[lang]).T
            scores[sample[:, None] == keys] = -np.inf
            best = np.concatenate([best, scores], axis=1)
            best_keys = np.concatenate([best_keys, np.broadcast_to(keys, scores.shape)], axis=1)
            order = np.argpartition(-best, _NEAREST, axis=1)[:, :_NEAREST]
            best, best_keys = np.take_along_axis(best, order, 1), np.take_along_axis(best_keys, order, 1)
    return [row[score > -np.inf].tolist() for row, score in zip(best_keys, best, strict=True)]


def share_found(dense: Searched, sample: Keys, queries: Floats, nearest: Sequence[list[int]]) -> float:
    """The share of `nearest` that a search for each of these passages has among its first ten, itself left out."""
    shares = []
    for key, query, wanted in zip(sample.tolist(), queries, nearest, strict=True):
        found = [hit for hit in dense.search(query, k=_NEAREST + 1) if hit.key != key][: len(wanted)]
        ties = set(dense.scores(query, wanted).values())  # copies of a passage are as near as itself
        right = sum(hit.key in wanted or hit.score in ties for hit in found)
        shares.append(right / len(wanted) if wanted else 1.0)
    return float(np.mean(shares)) if shares else 1.0
