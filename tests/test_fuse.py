"""Fusion: what it may change and what it must leave alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.fuse import LEXICAL_WEIGHT, agree, fuse, highest, surpluses

LANGS = st.sampled_from(["az", "en", "ru"])
CANDIDATES = st.dictionaries(
    st.integers(0, 40),
    st.tuples(st.floats(-1, 1), st.one_of(st.none(), st.floats(0, 1)), LANGS),
    min_size=1,
    max_size=25,
)


def split(
    candidates: dict[int, tuple[float, float | None, str]],
) -> tuple[dict[int, float], dict[int, float], dict[int, str]]:
    return (
        {key: dense for key, (dense, _, _) in candidates.items()},
        {key: share for key, (_, share, _) in candidates.items() if share is not None},
        {key: lang for key, (_, _, lang) in candidates.items()},
    )


def fused_of(dense: dict[int, float], shares: dict[int, float], langs: dict[int, str]) -> dict[int, float]:
    return fuse(dense, surpluses(shares, langs))


@given(candidates=CANDIDATES, seed=st.integers(0, 99))
def test_the_order_of_the_mappings_does_not_matter(
    candidates: dict[int, tuple[float, float | None, str]], seed: int
) -> None:
    def shuffled(mapping: dict) -> dict:
        return dict(random.Random(seed).sample(sorted(mapping.items()), len(mapping)))

    dense, shares, langs = split(candidates)
    assert fused_of(shuffled(dense), shuffled(shares), shuffled(langs)) == fused_of(dense, shares, langs)


@given(candidates=CANDIDATES)
def test_without_words_the_dense_scores_stand(candidates: dict[int, tuple[float, float | None, str]]) -> None:
    dense, _, langs = split(candidates)
    assert fused_of(dense, {}, langs) == dense


@given(candidates=CANDIDATES, share=st.floats(0, 1), lang=LANGS)
def test_equal_shares_change_nothing_within_a_language(
    candidates: dict[int, tuple[float, float | None, str]], share: float, lang: str
) -> None:
    dense, shares, langs = split(candidates)
    mine = [key for key in dense if langs[key] == lang]
    fused = fused_of(dense, {**shares, **dict.fromkeys(mine, share)}, langs)
    for one in mine:
        for other in mine:
            assert fused[one] - fused[other] == pytest.approx(dense[one] - dense[other], abs=1e-9)


@given(candidates=CANDIDATES, lang=LANGS)
def test_languages_do_not_touch_each_other(candidates: dict[int, tuple[float, float | None, str]], lang: str) -> None:
    dense, shares, langs = split(candidates)
    alone = fused_of(
        {k: v for k, v in dense.items() if langs[k] == lang},
        {k: v for k, v in shares.items() if langs[k] == lang},
        langs,
    )
    together = fused_of(dense, shares, langs)
    assert alone == {key: together[key] for key in alone}


def test_a_surplus_is_over_the_fourth_best_of_the_language() -> None:
    dense = {1: 0.5, 2: 0.4, 3: 0.3, 4: 0.2, 5: 0.1, 6: 0.45}
    shares = {1: 0.1, 2: 0.9, 3: 0.3, 4: 0.2, 6: 0.5}
    langs = dict.fromkeys(range(1, 6), "az") | {6: "en"}
    fused = fused_of(dense, shares, langs)
    assert fused == pytest.approx(
        {
            1: 0.5,
            2: 0.4 + LEXICAL_WEIGHT * 0.8,
            3: 0.3 + LEXICAL_WEIGHT * 0.2,
            4: 0.2 + LEXICAL_WEIGHT * 0.1,
            5: 0.1 - LEXICAL_WEIGHT * 0.1,
            6: 0.45 + LEXICAL_WEIGHT * 0.5,  # fewer than four of a language have nothing to be compared with
        }
    )


@given(candidates=CANDIDATES, key=st.integers(0, 40), more=st.floats(0, 0.5))
def test_a_greater_share_never_lowers_a_passage(
    candidates: dict[int, tuple[float, float | None, str]], key: int, more: float
) -> None:
    dense, shares, langs = split(candidates)
    if key not in dense:
        return
    greater = fused_of(dense, {**shares, key: shares.get(key, 0.0) + more}, langs)
    before = fused_of(dense, shares, langs)
    for other in dense:
        assert greater[key] - greater[other] >= before[key] - before[other] - 1e-9


def test_rankings_agree_by_what_they_put_first() -> None:
    one = {key: -key / 100 for key in range(30)}  # best first: 0, 1, 2, …
    assert agree(one, one)
    assert agree(one, {key: key / 100 for key in range(7, 17)})  # 7, 8 and 9 are among the ten best of both
    assert not agree(one, {key: key / 100 for key in range(8, 18)})
    assert not agree(one, {})


@given(st.lists(st.dictionaries(st.integers(0, 9), st.integers(-5, 5).map(float)), max_size=4))
def test_the_highest_score_of_each(scores: list[dict[int, float]]) -> None:
    found = highest(scores)
    assert found.keys() == {key for each in scores for key in each}
    assert all(score == max(each[key] for each in scores if key in each) for key, score in found.items())
    assert highest(reversed(scores)) == found
