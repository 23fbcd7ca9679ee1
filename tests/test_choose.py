"""What a question asks for, the words that answer it, and which sentence is chosen."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.fit_reader import Case, first_right, fit, left_out
from index.tokens import TokenVectors
from index.values import Span
from rag.choose import (
    WEIGHTS,
    Sentence,
    SentenceEvidence,
    added_by_earlier,
    sentence_evidence,
    shares,
    weighed,
)
from rag.expect import expected
from rag.late import KeptMatches, TokenMatches
from rag.spans import answer_spans, answering, understand

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]
NOTHING = SentenceEvidence(**{field.name: 0.0 for field in fields(SentenceEvidence)})


@pytest.mark.parametrize("case", CASES, ids=[case["question"] for case in CASES])
def test_a_question_asks_for_a_form_and_the_words_that_answer_are_found(case: dict[str, str]) -> None:
    assert expected(case["question"]).value == case["form"], case["comment"]
    found = [span.of(case["sentence"]) for span in answering(understand(case["question"]), case["sentence"])]
    assert found == ([case["answer"]] if case["answer"] else []), case["comment"]


@given(st.sampled_from(CASES), st.text(max_size=80))
def test_words_that_answer_lie_within_the_sentence_and_are_never_empty(case: dict[str, str], more: str) -> None:
    sentence = more + case["sentence"] + more
    for found in answer_spans(understand(case["question"]), sentence):
        assert found.span.of(sentence).strip()
        assert found.span.end <= len(sentence)
        assert 0 < found.strength <= 1


def test_what_stands_in_the_question_is_no_answer_to_it() -> None:
    asked = understand("Who met Pashinyan in 1999?")
    assert answer_spans(asked, "Пашинян приехал туда.") == []
    assert answer_spans(understand("How many of the 120 boats came back?"), "All 120 boats had gone.") == []


def test_words_of_a_question_count_once_whatever_their_tokens() -> None:
    # "Which lake dries?" with "lake" in two tokens, of which the sentence meets one.
    pieces = ("▁Which", "▁la", "ke", "▁dries", "?")
    tokens = TokenVectors(pieces, np.eye(5, dtype=np.float32), np.array([0, 5, 8, 10, 16]))
    matches = TokenMatches(
        np.full(5, 0.2, np.float32), np.array([[0, 1, 0, 0, 0]], np.float32), np.zeros((1, 5), np.float32)
    )
    question = "Which lake dries?"
    sentence = Sentence("It is Balkhash.", "a.txt", Span(0, 15), 0.4, 0.3, True, 0.2)
    seen = sentence_evidence(question, understand(question), tokens, matches, [sentence])[0]
    # Three words of weight 1 and "?" of weight 0.1, half of the second word met.
    assert seen.match == pytest.approx(0.5 / 3.1)
    assert seen.kind == seen.match
    assert (seen.asking, seen.names, seen.passage, seen.kept, seen.context) == (0, 0, 0.4, 0.3, 0)


def test_the_sentence_before_lends_what_it_matches_and_one_far_away_or_behind_does_not() -> None:
    tokens = TokenVectors(("▁old", "▁mill"), np.eye(2, dtype=np.float32), np.array([0, 3]))
    matches = TokenMatches(np.full(2, 0.5, np.float32), np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32))
    first, second = (
        Sentence(text, "a.txt", span, 0, 0, False, 0) for text, span in (("One.", Span(0, 4)), ("Two.", Span(5, 9)))
    )

    def context(*sentences: Sentence) -> list[float]:
        asked = understand("old mill")
        return [each.context for each in sentence_evidence("old mill", asked, tokens, matches, sentences)]

    assert context(first, second) == pytest.approx([0, 0.5])
    assert context(first, replace(second, source_path="b.txt")) == [0, 0]
    assert context(first, replace(second, span=Span(900, 904))) == [0, 0]


def test_earlier_sentences_lend_what_they_meet_to_questions_that_no_form_of_words_answers() -> None:
    # Each sentence meets one word of the question; the last stands too far behind them.
    question, asked = "why did old mill burn", ("▁why", "▁did", "▁old", "▁mill", "▁burn")
    tokens = TokenVectors(asked, np.eye(5, dtype=np.float32), np.array([0, 3, 7, 11, 16]))
    kept = KeptMatches(np.full(5, 0.2, np.float32), np.eye(5, dtype=np.float32))
    spans = [Span(100, 200), Span(0, 100), Span(200, 300), Span(300, 400), Span(900, 950)]
    places = [("a.txt", span) for span in spans]
    assert added_by_earlier(question, tokens, kept, places, range(5)) == pytest.approx([0.2, 0, 0.4, 0.6, 0], abs=0.02)
    elsewhere = [*places[:2], ("b.txt", spans[2]), *places[3:]]
    assert added_by_earlier(question, tokens, kept, elsewhere, [3]) == pytest.approx([0.4], abs=0.02)

    matches = TokenMatches(kept.weights, kept.centred[:1], kept.centred[:1])
    sentence = Sentence("It burnt.", "a.txt", Span(0, 9), 0, 0, True, 0.6)
    for text, earlier in ((question, 0.6), ("who did old mill burn", 0)):
        seen = sentence_evidence(text, understand(text), tokens, matches, [sentence])[0]
        assert (seen.earlier, seen.same_language) == (earlier, 1)


@given(st.lists(st.floats(-40, 40), min_size=1, max_size=12))
def test_shares_sum_to_one_and_keep_the_order(scores: list[float]) -> None:
    found = shares(scores)
    assert math.fsum(found) == pytest.approx(1)
    assert [share for _, share in sorted(zip(scores, found, strict=True))] == sorted(found)
    assert shares([score + 7 for score in scores]) == pytest.approx(found)


def test_fitting_weighs_what_tells_right_sentences_and_nothing_else() -> None:
    right, wrong = replace(NOTHING, match=0.2, kind=0.5), replace(NOTHING, match=0.4, kind=0.1)
    cases = [
        Case(f"{kind}-en-en", f"q{i}", (wrong, right, wrong), (False, True, False))
        for kind in ("one", "two")
        for i in range(12)
    ]
    weights = fit(cases)
    assert weights.kind > 0 > weights.match
    assert (weights.number, weights.passage) == (0, 0)
    assert weighed(right, weights) > weighed(wrong, weights)
    assert all(first_right(case, weights) for case in cases)
    assert not first_right(cases[0], replace(NOTHING, match=1.0))
    assert left_out(cases) == {"questions": (24, 1, 1), "one": (12, 1, 1), "two": (12, 1, 1)}


def test_nothing_is_fitted_to_a_test_part() -> None:
    right, wrong = replace(NOTHING, match=0.2, kind=0.5), replace(NOTHING, match=0.4, kind=0.1)
    seen = [Case("one-en-en", f"q{i}", (wrong, right, wrong), (False, True, False)) for i in range(12)]
    tested = [replace(case, question=f"t{case.question}", right=(True, False, True), split="test") for case in seen]
    assert fit([*seen, *tested]) == fit(seen) != fit([replace(case, split="") for case in tested])
    assert left_out([*seen, *tested]) == {"questions": (12, 1, 1), "test": (12, 0, 1)}


def test_evidence_that_is_nothing_weighs_nothing() -> None:
    assert weighed(NOTHING, WEIGHTS) == 0
