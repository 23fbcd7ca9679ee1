"""Fitting the weights that tell articles, titles and furniture."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from eval.fit_standing import Case, fit, fit_standing, read_with, weights_text, write_weights
from eval.made_files import lay_out
from eval.reading import ReadingSet, reading_set
from index import standing
from index.standing import KINDS, WORDS, using, weighed
from index.wording import read_words

PLANTED = {"bias": -1.0, "digits": 2.0, "length": -3.0, "nothing": 0.0}


@pytest.fixture(scope="module")
def few() -> ReadingSet:
    """Some twenty files of all makes."""
    whole = reading_set("dev")
    return replace(whole, files=whole.files[::12])


def test_planted_weights_are_found() -> None:
    rng = random.Random(3)
    cases = []
    for _ in range(20_000):
        evidence = {name: rng.random() for name in PLANTED if name != "bias"}
        odds = PLANTED["bias"] + sum(PLANTED[name] * value for name, value in evidence.items())
        cases.append(Case(evidence, rng.random() < 1 / (1 + math.exp(-odds)), 1.0))
    assert fit(cases, 100.0) == pytest.approx(PLANTED, abs=0.25)


def test_a_case_of_twice_the_weight_counts_as_two() -> None:
    rng = random.Random(4)
    cases = [Case({"a": rng.random()}, rng.random() < 0.3, 1.0) for _ in range(200)]
    twice = [replace(case, weight=2.0) if case.holds else case for case in cases]
    assert fit(twice, 1.0) == fit([*cases, *(case for case in cases if case.holds)], 1.0)


def test_the_same_files_teach_the_same_weights_and_these_are_read_as_written(few: ReadingSet, tmp_path: Path) -> None:
    weights = fit_standing(few, few.files, made=20)
    table = tmp_path / "standing.toml"
    table.write_text('# By hand.\n[of_pages]\nen = ["inbox"]\n\n[line]\nbias = 9.00\n', encoding="utf-8")
    write_weights(weights, table)
    assert table.read_text(encoding="utf-8") == f'# By hand.\n[of_pages]\nen = ["inbox"]\n\n{weights_text(weights)}'
    write_weights(fit_standing(few, few.files, made=20), table)
    words = read_words((tmp_path / "wording.toml").read_text(encoding="utf-8"))
    assert standing.read_weights(table.read_text(encoding="utf-8")) | {WORDS: words} == weights


def test_files_are_read_with_the_weights_that_are_given(few: ReadingSet) -> None:
    never = {kind: {"bias": -50.0 if kind == "beginning" else 0.0} for kind in KINDS}
    digest = [gold for gold in few.files if gold.group == "text" and len(gold.articles) > 1]
    shipped = read_with(standing.SHIPPED, few, digest)
    assert read_with(never, few, digest) != shipped
    assert read_with(standing.SHIPPED, few, digest) == shipped


def test_other_weights_are_used_only_as_long_as_asked() -> None:
    with using({"line": {"bias": 0.5, "sign": 2.0}}):
        assert weighed("line", {"sign": 1.0, "unknown": 7.0}) == 2.5
    assert weighed("line", {}) == standing.SHIPPED["line"]["bias"]


def test_the_evidence_that_is_weighed_is_what_was_fitted(few: ReadingSet) -> None:
    weights = fit_standing(few, few.files, made=0)
    assert {kind: list(weights[kind]) for kind in KINDS} == {kind: list(standing.SHIPPED[kind]) for kind in KINDS}


def test_made_files_hold_what_their_gold_says(few: ReadingSet) -> None:
    made = list(lay_out(few.files, 30))
    assert made == list(lay_out(few.files, 30))
    for text, gold in made:
        lines = text.split("\n")
        assert set(gold.furniture) <= set(lines)
        at = -1
        for article in gold.articles:
            for words in filter(None, (article.title, *article.paragraphs)):
                at = next(i for i, line in enumerate(lines) if i > at and line in (words, f"{line[:5]}  {words}"))
