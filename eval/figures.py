"""A figure: a value with its interval, how many cases it stands on, and what it was measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from index.catalog import BuiltWith

SEED = 7
RESAMPLES = 2000
COVERAGE = 0.95


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over `n` cases with the ends of its 95 % bootstrap interval."""

    name: str
    value: float
    low: float
    high: float
    n: int
    signature: str

    def to_json(self) -> dict[str, Any]:
        """The fields as they are."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.name} {self.value:.3f} [{self.low:.3f}, {self.high:.3f}] n={self.n}"


def figure(name: str, values: Sequence[float], signature: str) -> Figure:
    """The mean of one value a case, with a percentile bootstrap interval over the cases.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13. The seed is fixed, so the same
    values give the same interval. Without a case all three are NaN.
    """
    sample = np.asarray(values, float)
    if not len(sample):
        return Figure(name, float("nan"), float("nan"), float("nan"), 0, signature)
    picks = np.random.default_rng(SEED).integers(0, len(sample), (RESAMPLES, len(sample)))
    low, high = np.quantile(sample[picks].mean(axis=1), [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Figure(name, float(sample.mean()), float(low), float(high), len(sample), signature)


def signature(data_sha256: str, built_with: BuiltWith) -> str:
    """What a figure was measured on: data, model, chunking, seed and version, each by what identifies it."""
    chunking = built_with.chunking
    return (
        f"data:{data_sha256[:12]}|model:{built_with.embedder.name}@{built_with.embedder.weights_hash[:12]}"
        f"|passages:{chunking.max_tokens}+{chunking.overlap_sentences}|seed:{SEED}|dragoman:{version('dragoman')}"
    )
