"""The estimate of whether the documents answer: costs, left-out fits, and the reasons given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.calibrate import Case, Kind, by_family, by_question, fit, measure_decisions, renamed
from index.fold import WORD
from index.language import detect_language
from index.tokens import TokenVectors
from rag.abstain import CALIBRATION, Calibration, Signals, doubt, signals
from rag.late import TokenMatches
from rag.read import Draft


def passage(readable: str, *, title: str = "", lang: str = "en", document: str = "one") -> Any:
    return SimpleNamespace(readable=readable, title=title, lang=lang, document_id=document, date="")


FOUND = cast(Any, [SimpleNamespace(score=0.3, passage=passage("It is long."))])


def drafted(*sentences: str, match: float = 0.5, lang: str = "en") -> Draft:
    """A draft whose candidate sentences all match a question of one token so well, in passages of score 0.3."""
    matches = np.full((len(sentences), 1), match, np.float32)
    candidates = [
        SimpleNamespace(text=text, passage_score=0.3, passage=SimpleNamespace(lang=lang, document_id="one", title=""))
        for text in sentences
    ]
    tokens = TokenVectors(("",), np.ones((1, 1), np.float32), np.zeros(1, np.int32))
    shares = (1 / len(sentences),) * len(sentences)
    met = TokenMatches(np.ones(1, np.float32), matches, matches)
    return Draft((), met, cast(Any, tuple(candidates)), shares, tokens)


@given(st.floats(0.01, 100), st.floats(0, 1))
def test_the_threshold_is_where_both_faults_cost_the_same(wrong_answer: float, share: float) -> None:
    threshold = CALIBRATION.for_cost(wrong_answer).threshold
    assert threshold * 1 == pytest.approx((1 - threshold) * wrong_answer)
    higher = CALIBRATION.for_cost(wrong_answer * (1 + share)).threshold
    assert higher >= threshold  # who fears wrong answers more declines more


def test_a_sentence_with_what_is_asked_for_counts_more() -> None:
    question = "How much did the bridge cost?"
    (paid,) = signals(question, FOUND, drafted("The bridge cost 12 million euros."))
    (built,) = signals(question, FOUND, drafted("The bridge was built by a company from the capital."))
    assert paid.plain > built.plain and paid.centred > built.centred
    assert (paid.margin, paid.same_language) == (0.0, 1.0)
    assert CALIBRATION.probability([paid]) > CALIBRATION.probability([built])


def met(
    question: str, *sentences: str, worst: float, articles: Sequence[str] = "", title: str = "", lang: str = "en"
) -> Draft:
    """A draft of sentences of articles "ab…", one letter each, that meet all words by .95 but the last, by `worst`.

    The first sentence matches best.
    """
    words = list(WORD.finditer(question))
    plain = np.full((len(sentences), len(words)), 0.95, np.float32)
    plain[:, -1] = worst
    centred = np.full_like(plain, 0.2)
    centred[0] = 0.6
    candidates = [
        SimpleNamespace(
            text=text, passage_score=0.3, passage=SimpleNamespace(lang=lang, document_id=article, title=title)
        )
        for text, article in zip(sentences, articles or "a" * len(sentences), strict=True)
    ]
    starts = np.array([word.start() for word in words], np.int32)
    tokens = TokenVectors(tuple(word.group() for word in words), np.ones((len(words), 1), np.float32), starts)
    weights = np.full(len(words), 1 / len(words), np.float32)
    shares = (1 / len(sentences),) * len(sentences)
    return Draft((), TokenMatches(weights, centred, plain), cast(Any, tuple(candidates)), shares, tokens)


def unmet(question: str, *sentences: str, **others: Any) -> float:
    return signals(question, FOUND, met(question, *sentences, **others))[0].unmet


def test_the_name_that_is_met_worst_counts() -> None:
    question = "Who met the Armenian leader in Paris?"
    assert unmet(question, "He came to London.", worst=0.7) == pytest.approx(0.18)
    assert unmet(question, "He came to the French capital.", worst=0.9) == 0.0
    assert unmet(question, "He came.", worst=0.85) == pytest.approx(0.03)
    assert unmet(question, "Он приехал.", worst=0.85, lang="ru") == 0.0  # where the same name has less
    assert unmet("Who met the Armenian leader in a park?", "He came to London.", worst=0.7) == 0.0  # no name
    ours, strange = (signals(question, FOUND, met(question, "He came.", worst=worst))
                     for worst in (0.9, 0.7))  # fmt: skip
    assert CALIBRATION.probability(ours) > CALIBRATION.probability(strange)


@pytest.mark.parametrize(
    ("question", "sentence", "title"),
    [
        ("Who met Pashinyan?", "Его встретил Пашиняна.", ""),
        ("Who lives in Germany?", "Er lebt in Deutschland.", ""),
        ("Who came to Paris?", "He came.", "A day in Paris"),
        ("What happened in 2024?", "It happened in 2024.", ""),
    ],
)
def test_a_name_that_stands_in_the_article_is_met(question: str, sentence: str, title: str) -> None:
    assert unmet(question, sentence, worst=0.5, title=title) == 0.0


def unknown(question: str, *read: Any, **others: Any) -> float:
    """Of a question about the article that was found first, a passage each, and a sentence of article "one"."""
    found = cast(Any, [SimpleNamespace(score=0.3, passage=each) for each in read])
    return signals(question, found, met(question, "He came.", articles=["one"], **others))[0].unknown


def test_a_name_is_unknown_if_the_best_article_has_it_in_no_spelling_and_nothing_like_it() -> None:
    question, here = "Who came to meet Pashinyan?", passage("He came to Yerevan.")
    assert unknown(question, here, worst=0.75) == pytest.approx(0.13)
    assert unknown(question, here, worst=0.9) == 0.0  # something like it
    assert unknown("Who came to meet the leader?", here, worst=0.75) == 0.0  # no name
    for readable in ("He met Pashinyan.", "Он встретил Пашиняна.", "O, Paşinyanla görüşdü."):
        lang = detect_language(readable)
        # In a sentence that nobody looked at closely, or in another passage of the article, but in no other article.
        assert unknown(question, here, passage(readable, lang=lang), worst=0.75) == 0.0
        assert unknown(question, here, passage(readable, lang=lang, document="two"), worst=0.75) == pytest.approx(0.13)
    assert unknown(question, passage("He came.", title="A day with Pashinyan"), worst=0.75) == 0.0


def test_each_article_has_signals_of_its_own() -> None:
    question = "Who came to Paris?"
    found = cast(
        Any,
        [
            SimpleNamespace(score=score, passage=passage("He came.", document=document))
            for score, document in ((0.5, "b"), (0.4, "b"), (0.2, "a"))
        ],
    )
    draft = met(question, "He left London.", "She came to Paris.", worst=0.7, articles="ab")
    first, second = signals(question, found, draft)
    assert (first.margin, second.margin) == (pytest.approx(-0.3), pytest.approx(0.3))
    assert first.unmet == pytest.approx(0.18) and second.unmet == 0.0
    assert first.centred > second.centred  # the first matches best, and the second answers
    (alone,) = signals(question, found[:2], met(question, "She came to Paris.", worst=0.7, articles="b"))
    assert alone.margin == 0.0  # there is no other


def test_a_fit_learns_from_the_article_that_may_answer() -> None:
    """Every third time there stands an article beside it that matches better and tells nothing."""
    better = Signals(1.0, 3.0, margin=0.0, same_language=1.0, unmet=0.5, unknown=0.0)

    def near(answers: bool, noise: float) -> Signals:
        return Signals(1.0, 2.0 + noise, margin=0.0, same_language=0.0, unmet=0.0 if answers else 0.5, unknown=0.0)

    cases = [
        Case(
            "news",
            f"q{i}",
            Kind.ANSWERABLE if i % 2 else Kind.NEAR,
            (*([better] if i % 3 == 0 else []), near(bool(i % 2), i / 1000)),
        )
        for i in range(40)
    ]
    fitted = fit(cases, wrong_answer=1)
    told = [fitted.probability(each.articles) > 0.5 for each in cases]
    assert told == [each.kind is Kind.ANSWERABLE for each in cases]


def test_another_number_or_another_article_meets_no_name() -> None:
    assert unmet("What happened in 2024?", "It cost 20241 and 202.", worst=0.7) == pytest.approx(0.18)
    asked = ("Who came to Paris?", "He came.", "She left Paris.")
    assert unmet(*asked, worst=0.7, articles="ab") == pytest.approx(0.18)
    assert unmet(*asked, worst=0.7, articles="aa") == 0.0


@pytest.mark.parametrize(
    ("question", "draft", "reason"),
    [
        ("How much did the bridge cost?", drafted("Cats sleep.", match=0.1), "Nothing in the documents"),
        ("How much did the bridge cost?", drafted("The bridge was built by a company."), "do not hold a number"),
        (
            "What breed was the goat of the farmer?",
            drafted("The farmer Orxan Quliyev lost a goat on the road to Quba."),
            "do not say: breed",
        ),
        ("Who is the farmer?", drafted("The farmer is Orxan Quliyev."), "no sentence of them"),
    ],
)
def test_reasons_are_told_apart(question: str, draft: Draft, reason: str) -> None:
    assert reason in doubt(question, draft)


def case(set_name: str, question: str, kind: Kind, value: float) -> Case:
    seen = Signals(value, value, margin=0.0, same_language=1.0, unmet=0.0, unknown=0.0)
    return Case(set_name, question, kind, (seen,))


def cases_of(family: str, count: int, *, lift: float = 0.0) -> list[Case]:
    kinds = (Kind.ANSWERABLE, Kind.NEAR)
    return [
        case(f"{family}-{pair}", f"q{i}", kinds[i % 2], lift + (1.0 if i % 2 == 0 else 0.0) + i / 1000)
        for i in range(count)
        for pair in ("en", "az")
    ]


def test_a_question_never_helps_to_judge_its_own_translation() -> None:
    cases = cases_of("news", 40)
    turned = [
        case(c.set_name, c.question, Kind.NEAR if c.kind is Kind.ANSWERABLE else Kind.ANSWERABLE, c.articles[0].plain)
        if c.question == "q7"
        else c
        for c in cases
    ]
    before, after = by_question(cases), by_question(turned)
    assert [before[i] for i, c in enumerate(cases) if c.question == "q7"] == [
        after[i] for i, c in enumerate(cases) if c.question == "q7"
    ]
    assert before != after


def test_a_family_is_judged_by_the_others_alone() -> None:
    news, wiki = cases_of("news", 20), cases_of("wiki", 20, lift=0.1)
    found = by_family([*news, *wiki])
    fitted = fit(wiki, wrong_answer=1)
    assert found[: len(news)] == [fitted.probability(c.articles) for c in news]
    assert all(map(math.isnan, by_family(news)))


def test_nothing_is_fitted_to_a_test_part() -> None:
    seen = cases_of("news", 40)
    turned = [replace(c, kind=Kind.NEAR if c.kind is Kind.ANSWERABLE else Kind.ANSWERABLE) for c in seen]
    tested = [replace(c, question=f"t{c.question}", split="test") for c in turned]
    assert fit([*seen, *tested], wrong_answer=1) == fit(seen, wrong_answer=1) != fit(turned, wrong_answer=1)
    assert by_question([*seen, *tested])[: len(seen)] == by_question(seen)
    assert not any(map(math.isnan, by_question([*seen, *tested])))


def test_half_of_all_questions_have_an_answer_whatever_kinds_a_set_has() -> None:
    kinds = {"news": (Kind.GONE, Kind.NEAR, Kind.RENAMED), "wiki": (Kind.GONE,)}
    for family, others in kinds.items():
        blind = [case(family, f"q{i}", kind, 1.0) for i in range(9) for kind in (Kind.ANSWERABLE, *others)]
        assert fit(blind, wrong_answer=1).probability(blind[0].articles) == pytest.approx(0.5, abs=1e-3)


NAMES = ["London", "Пашинян", "Bakıda", "1999"]


@given(st.sampled_from(["When did {} come?", "Когда приехал {}?", "{} neçə dəfə gəlib, {}?"]), st.sampled_from(NAMES))
def test_a_renamed_question_asks_the_same_of_another(frame: str, name: str) -> None:
    question = frame.replace("{}", name)
    other = renamed(question, NAMES)
    assert other == renamed(question, NAMES)
    before, after = WORD.findall(question), WORD.findall(other)
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) == 1
    assert changed[0][0] == name and changed[0][1].isdecimal() is name.isdecimal()


def test_a_question_that_names_nobody_cannot_be_renamed() -> None:
    assert renamed("When did it rain?", NAMES) == ""
    assert renamed("When did London rise?", ["London", "Londoners"]) == ""


def test_figures_of_decisions() -> None:
    judged = [(Kind.ANSWERABLE, 0.9), (Kind.ANSWERABLE, 0.2), (Kind.NEAR, 0.3), (Kind.NEAR, 0.1), (Kind.GONE, 0.1)]
    found = {each.name: each.value for each in measure_decisions(judged, threshold=0.25)}
    assert found["AUROC near"] == pytest.approx(0.75)
    assert found["AUROC gone"] == pytest.approx(1.0)
    assert found["wrongly declined"] == pytest.approx(0.5)
    assert (found["declined near"], found["declined gone"]) == (pytest.approx(0.5), pytest.approx(1.0))
    assert (found["precision"], found["recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_probability_is_a_logistic_of_the_signals() -> None:
    calibration = Calibration(
        -1.0, Signals(plain=2.0, centred=0.0, margin=0.0, same_language=0.0, unmet=0.0, unknown=0.0), 0.5
    )
    even, unlikely = Signals(0.5, 9.0, 9.0, 1.0, 9.0, 9.0), Signals(0.1, 9.0, 9.0, 1.0, 9.0, 9.0)
    assert calibration.probability([even]) == pytest.approx(0.5)
    assert calibration.probability([unlikely, even]) == calibration.probability([even])  # one that answers is enough
    assert calibration.probability([]) == 0.0
