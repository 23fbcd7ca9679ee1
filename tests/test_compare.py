from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.compare import (
    RunPair,
    compare,
    compare_runs,
    comparison_to_json,
    comparison_to_text,
    holm,
    query_loss,
    sign_flip_p,
)
from eval.sets import CorpusDocument, Query, RetrievalSet
from index.errors import DataSetError

# Eighths add without rounding, so that the reference can ask for >= and mean it.
EIGHTHS = st.integers(-8, 8).map(lambda n: n / 8)


def every_flip(differences: list[float]) -> float:
    observed = abs(sum(differences))
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    return sum(each >= observed for each in sums) / len(sums)


@given(st.lists(EIGHTHS, max_size=9))
def test_p_is_that_of_all_flips(differences: list[float]) -> None:
    p, exact = sign_flip_p(differences)
    assert exact
    assert p == every_flip(differences)  # with zeros flipped too, which changes no share


def test_p_by_hand() -> None:
    assert sign_flip_p([0.1] * 5) == (2 / 32, True)  # only all plus and all minus reach the sum
    assert sign_flip_p([0.3, -0.1]) == (1.0, True)  # every flip gives 0.2 or 0.4
    assert sign_flip_p([]) == (1.0, True)
    assert sign_flip_p([0.0, 0.0]) == (1.0, True)


def test_rounding_does_not_hide_a_tie() -> None:
    # 0.1 + 0.2 + 0.3 is 0.6000000000000001 in one order and 0.6 in another; all the same flips must count.
    assert sign_flip_p([0.1, 0.2, 0.3])[0] == sign_flip_p([0.3, 0.2, 0.1])[0] == 0.25


def test_random_flips_come_near_all_of_them() -> None:
    differences = [0.5, -0.25, 0.125, 0.5, 0.25, -0.5, 0.75, 0.125, 0.25, -0.125, 0.375, 0.5, -0.25, 0.625]
    p, exact = sign_flip_p(differences, flips=20_000)
    assert not exact
    assert p == pytest.approx(every_flip(differences), abs=0.01)
    assert sign_flip_p(differences) == sign_flip_p(differences)


def test_no_random_p_is_zero() -> None:
    assert sign_flip_p([1.0] * 40, flips=999) == (1 / 1000, False)


def test_holm_by_hand() -> None:
    # Sorted .005 .01 .03 .04; times 4 3 2 1 is .02 .03 .06 .04; none smaller than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_keeps_the_order_and_is_no_larger_than_bonferroni(ps: list[float]) -> None:
    corrected = holm(ps)
    for p, q in zip(ps, corrected, strict=True):
        assert p <= q <= min(1.0, p * len(ps)) + 1e-15
    for i, j in product(range(len(ps)), repeat=2):
        if ps[i] <= ps[j]:
            assert corrected[i] <= corrected[j]


def test_compare_counts_wins_losses_and_ties() -> None:
    a = {"q1": 1.0, "q2": 0.5, "q3": 0.0, "q4": 0.5}
    b = {"q4": 0.5, "q3": 0.5, "q2": 0.75, "q1": 0.5}
    test = compare(a, b, measure="nDCG@10", set_name="s")
    assert (test.wins, test.losses, test.ties) == (2, 1, 1)
    assert (test.mean_a, test.mean_b, test.difference.value) == (0.5, 0.5625, 0.0625)
    assert (test.p, test.exact) == (every_flip([-0.5, 0.25, 0.5, 0.0]), True)
    assert test.difference.low <= test.difference.value <= test.difference.high
    assert test.difference.n == 4
    assert compare(dict(reversed(a.items())), b, measure="nDCG@10", set_name="s") == test


def test_compare_refuses_other_queries() -> None:
    with pytest.raises(DataSetError, match="s: query 'q2' and 1 others have a value of one system only"):
        compare({"q1": 1.0, "q2": 1.0}, {"q1": 1.0, "q3": 0.0}, measure="R@10", set_name="s")


@pytest.fixture
def pair() -> RunPair:
    documents = tuple(CorpusDocument(id_, "", f"text of {id_}") for id_ in "abcdef")
    queries = tuple(Query(f"q{i}", f"question {i}") for i in range(1, 5))
    qrels = {"q1": {"a": 2, "b": 1}, "q2": {"c": 1}, "q3": {"d": 1}}
    return RunPair(
        RetrievalSet("letters", documents, queries, qrels, "ab" * 32),
        a={"q1": {"a": 3.0, "b": 2.0, "c": 1.0}, "q2": {"c": 1.0}, "q3": {"e": 2.0, "d": 1.0}},
        b={"q1": {"e": 3.0, "a": 2.0, "f": 1.0}, "q3": {"d": 2.0, "e": 1.0}},
    )


def test_the_largest_losses_come_first_with_what_took_the_place(pair: RunPair) -> None:
    comparison = compare_runs([pair], name_a="old", name_b="new")
    assert [cell.test.measure for cell in comparison.cells] == ["nDCG@10", "R@10", "Success@1"]
    first = comparison.cells[0]
    assert first.test.difference.n == 3  # q4 has no judgment
    assert [loss.query for loss in first.worst] == ["q2", "q1"]
    lost, moved = first.worst
    assert (lost.value_a, lost.value_b, lost.top_b, lost.took_the_place) == (1.0, 0.0, (), ())
    assert [(c.document, c.rank_a, c.rank_b) for c in moved.relevant] == [("a", 1, 2), ("b", 2, 0)]
    assert moved.top_a == ("a", "b", "c")
    assert moved.took_the_place == ("e", "f")
    assert [cell.p_holm for cell in comparison.cells] == holm([cell.test.p for cell in comparison.cells])


def test_a_document_that_stood_there_before_took_no_place() -> None:
    loss = query_loss("q", "?", (1.0, 0.5), {"a": 1}, ["x", "a", "y"], ["x", "y", "a"])
    assert loss.took_the_place == ("y",)
    assert [(c.rank_a, c.rank_b) for c in loss.relevant] == [(2, 3)]


def test_text_and_json_say_the_same(pair: RunPair) -> None:
    comparison = compare_runs([pair], name_a="old", name_b="new")
    document = json.loads(comparison_to_json(comparison))
    assert document["cells"][0]["test"]["losses"] == 2
    assert document["cells"][0]["worst"][1]["took_the_place"] == ["e", "f"]
    text = comparison_to_text(comparison)
    assert "A = old, B = new" in text
    assert "letters: largest losses of B by nDCG@10, 2 in all" in text
    assert "    right: b  rank 2 -> -\n" in text
    assert "    in its place: e, f\n" in text


def test_a_set_without_judgments_cannot_be_compared(pair: RunPair) -> None:
    bare = RunPair(replace(pair.retrieval_set, qrels={}), {}, {})
    with pytest.raises(DataSetError, match="letters: no query has a relevant document"):
        compare_runs([bare], name_a="a", name_b="b")


def test_equal_runs_differ_by_nothing(pair: RunPair) -> None:
    same = compare_runs([RunPair(pair.retrieval_set, pair.a, pair.a)], name_a="a", name_b="a")
    assert {(c.test.p, c.p_holm, c.test.difference.value, c.test.ties) for c in same.cells} == {(1.0, 1.0, 0.0, 3)}
