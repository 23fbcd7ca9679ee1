"""Pairs of languages: which query counts where, and that one language's documents do not stand in another's way."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.figures import Figure
from eval.measures import MEASURES, measure
from eval.pairs import PairFigures, pair_figures
from eval.runs import Run
from eval.sets import CorpusDocument, Query, RetrievalSet

ENGLISH = "The ferry leaves the harbour in the evening, when it is full and the sea is calm."
RUSSIAN = "Паром отходит из гавани вечером, когда он полон и море спокойно."
AZERBAIJANI = "Bərə axşam, dolu olanda və dəniz sakit olanda limandan çıxır."
TEXTS = {"en1": ENGLISH, "en2": ENGLISH, "ru1": RUSSIAN, "ru2": RUSSIAN, "az1": AZERBAIJANI, "az2": AZERBAIJANI}


def set_of(queries: list[Query], qrels: dict[str, dict[str, int]]) -> RetrievalSet:
    corpus = tuple(CorpusDocument(id_, "", text) for id_, text in TEXTS.items())
    return RetrievalSet("harbour", corpus, tuple(queries), qrels, "ab" * 32)


def value(figures: PairFigures, pair: str, name: str) -> float:
    return next(each.value for each in figures.by_pair[pair] if each.name == name)


def order(*documents: str) -> dict[str, float]:
    return {document: float(-place) for place, document in enumerate(documents)}


def test_a_query_is_a_case_of_each_language_that_answers_it() -> None:
    asked = set_of(
        [Query("q1", ENGLISH), Query("q2", "Bere", "az"), Query("q3", RUSSIAN, "en")],
        {"q1": {"en1": 1, "ru1": 2, "az1": 0}, "q2": {"az1": 1}, "q3": {"az2": 1}},
    )
    found = pair_figures(asked, {"q2": order("az2", "az1")}, "signed")
    assert {pair: row[0].n for pair, row in found.by_pair.items()} == {"az→az": 1, "en→az": 1, "en→en": 1, "en→ru": 1}
    assert [each.name for each in found.by_pair["en→ru"]] == [str(measure) for measure in MEASURES]
    assert value(found, "az→az", "RR@10") == 0.5
    assert value(found, "en→en", "R@100") == 0.0  # not in the run: found nothing


def test_relevant_documents_of_other_languages_stand_in_nobodys_way() -> None:
    asked = set_of([Query("q1", ENGLISH, "en")], {"q1": {"en1": 1, "ru1": 1, "ru2": 0}})
    found = pair_figures(asked, {"q1": order("en1", "ru2", "az1", "ru1")}, "signed")
    assert value(found, "en→en", "RR@10") == 1.0
    assert value(found, "en→ru", "RR@10") == 1 / 3  # behind "ru2" and "az1", which are wrong in any language
    assert value(found, "en→ru", "nDCG@10") == pytest.approx(1 / math.log2(4))
    assert value(found, "en→ru", "R@10") == 1.0


def test_macro_gives_pairs_one_weight_and_worst_names_one() -> None:
    asked = set_of(
        [Query(f"q{i}", ENGLISH, "en") for i in range(4)],
        {"q0": {"en1": 1}, "q1": {"en1": 1}, "q2": {"en1": 1}, "q3": {"ru1": 1}},
    )
    found = pair_figures(asked, {f"q{i}": order("en1", "en2", "ru1") for i in range(4)}, "signed")
    at = [str(measure) for measure in MEASURES].index("RR@10")
    assert (found.macro[at].name, found.macro[at].value, found.macro[at].n) == ("RR@10", (1 + 1 / 3) / 2, 4)
    pair, figure = found.worst[at]
    assert (pair, figure.value, figure.n) == ("en→ru", 1 / 3, 1)
    document = found.to_json()
    assert document["worst"][at]["pair"] == "en→ru"
    assert document["pairs"]["en→en"][at]["value"] == 1.0
    assert document["macro"][at]["signature"] == "signed"


runs = st.dictionaries(
    st.sampled_from(["q1", "q2", "q3"]), st.dictionaries(st.sampled_from(sorted(TEXTS)), st.floats(-3, 3))
)


@given(run=runs)
def test_with_one_pair_its_figures_are_those_of_the_set(run: Run) -> None:
    asked = set_of(
        [Query("q1", "one", "en"), Query("q2", "two", "en"), Query("q3", "three", "en")],
        {"q1": {"ru1": 1, "ru2": 2}, "q2": {"ru2": 1}, "q3": {"ru1": 1, "en1": 0}},
    )
    found = pair_figures(asked, run, "signed")
    want: tuple[Figure, ...] = measure(asked, run, "signed")
    assert found.by_pair == {"en→ru": want}
    assert [each for _, each in found.worst] == list(want)


def test_without_a_judged_query_there_is_no_pair() -> None:
    assert pair_figures(set_of([Query("q1", "one")], {}), {}, "signed") == PairFigures({}, (), ())
