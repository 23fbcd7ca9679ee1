"""The arithmetic of BM25 that is ours where the terms are on a server; that it is tantivy's `test_milvus` shows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from index.bm25 import kept_lengths, most_growth, parts_of_most

LENGTHS = st.integers(1, 100_000)
MEANS = st.floats(1, 5_000)


@given(st.lists(LENGTHS, min_size=1))
def test_lengths_are_kept_by_four_binary_digits(lengths: list[int]) -> None:
    for length, kept in zip(lengths, kept_lengths(np.array(lengths)).tolist(), strict=True):
        assert kept <= length and (kept == length if length <= 40 else length - kept <= length / 8)


@given(MEANS, MEANS, st.integers(1, 50), st.lists(LENGTHS, min_size=1))
def test_no_weight_grows_more_than_is_told(before: float, after: float, times: int, lengths: list[int]) -> None:
    frequencies, many = np.full(len(lengths), float(times)), np.array(lengths)
    growth = parts_of_most(frequencies, many, after) / parts_of_most(frequencies, many, before)
    assert growth.max() <= most_growth(before, after, max(lengths)) * (1 + 1e-12)
