"""BM25 as tantivy counts it, for texts that another engine has found: the same passages get the same scores."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

# Both are fixed in tantivy.
K1 = 1.2
_B = 0.75
# tantivy keeps the length of a text in a byte, as Lucene does (SmallFloat.intToByte4): lengths to 40 as they are, of
# longer ones four binary digits.
_EXACT = 24
_DIGITS = 3  # after the first
_LENGTHS = np.array(
    [
        _EXACT + (rest if rest < 1 << _DIGITS else ((rest & 7) | 8) << (rest >> _DIGITS) - 1)
        for rest in range(-_EXACT, 256 - _EXACT)
    ],
    np.int64,
)


def kept_lengths(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of terms as tantivy keeps them: the largest that it can, of those that are no larger.

    >>> kept_lengths(np.array([0, 40, 41, 1000])).tolist()
    [0, 40, 40, 984]
    """
    return _LENGTHS[np.searchsorted(_LENGTHS, lengths, side="right") - 1]


def parts_of_most(frequencies: NDArray[np.float64], lengths: NDArray[np.int64], mean: float) -> NDArray[np.float64]:
    """What terms that are there so often give, as a part of what they would if they were there without end, below 1.

    Of texts of these lengths, where the mean length is `mean`; (texts,) or (texts, terms).
    """
    norms = K1 * (1 - _B + _B * kept_lengths(lengths) / mean)
    return frequencies / (frequencies + (norms if frequencies.ndim == 1 else norms[:, None]))


def most_growth(before: float, after: float, longest: int) -> float:
    """By how much `parts_of_most` can grow when the mean length does, of texts that are no longer than `longest`."""
    # It does most for the longest of texts, and for what is there once.
    once, lengths = np.ones(1), np.array([longest])
    return max(1.0, float(parts_of_most(once, lengths, after)[0] / parts_of_most(once, lengths, before)[0]))


def idf(count: int, frequency: int) -> float:
    """Inverse document frequency as tantivy (and Lucene) counts it, of a term that so many of `count` texts have."""
    return math.log(1 + (count - frequency + 0.5) / (frequency + 0.5))
