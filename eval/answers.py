"""Answers over an answer set: are the right words cited, and does it know when it does not know?"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from eval.figures import Figure, bootstrap, figure, macro, signature, worst
from eval.gold import Gold, cites, locate
from eval.measures import (
    aurc,
    calibration_error,
    chrf,
    citation_precision,
    citation_recall,
    f1_of_share,
    first_citation_right,
    median,
    p95,
    token_f1,
)
from eval.sets import AnswerSet, GoldQuestion
from index.files import read_bytes
from index.language import detect_language
from index.read import read_source
from index.values import Source
from rag import Answer, Assistant, Reply
from rag.verify import SavedCitation, verify

FIRST = 3  # citations and statements that a reader is taken to look at

LOWER_IS_BETTER = frozenset(
    ("wrongly declined", "AURC", "calibration error", "latency p50 s", "latency p95 s"),
)


@dataclass(frozen=True, slots=True)
class Judgment:
    """What became of one question."""

    question: GoldQuestion
    pair: str  # "en→az": language of the question and of the text that answers it
    answered: bool
    first: bool  # a citation of the first statement counts for a gold quote
    first_if_answered: bool  # the same of the draft, which for a declined question was not shown
    first_three: bool  # one of the first three statements' citations does
    citations: int
    standing: int  # citations whose quote stands in the file
    precision: float  # of its citations; NaN without one
    recall: float  # of the gold quotes; NaN without one
    confidence: float  # of the reply
    chrf: float  # of the answer and the reference; NaN without a reference, 0 if declined
    token_f1: float  # likewise
    seconds: float  # from question to reply; NaN if it was not timed


def judge(
    question: GoldQuestion,
    reply: Reply,
    locate_file: Callable[[str], Path | None],
    *,
    draft: Reply | None = None,
    golds: Sequence[Gold] | None = None,
    seconds: float = math.nan,
) -> Judgment:
    """Compare a reply with what there was to find, and its quotes with the files.

    `draft` is what would have been answered, if that is known; without it a declined question has no answer to judge.
    `golds` is what `eval.gold.locate` found for the question, if that is known already.
    """
    if golds is None:
        golds = locate(question, lambda path: _read_anew(path, locate_file))
    statements = reply.statements if isinstance(reply, Answer) else ()
    citations = [citation for statement in statements for citation in statement.citations]
    shown = [citation for statement in statements[:FIRST] for citation in statement.citations]
    saved = [SavedCitation(c.source, c.start, c.end, c.quote, c.sha256) for c in citations]
    doc_lang = question.doc_lang or (detect_language(golds[0].quote) if golds else "none")
    answer = " ".join(statement.text for statement in statements)
    return Judgment(
        question=question,
        pair=f"{question.lang}→{doc_lang}",
        answered=isinstance(reply, Answer),
        first=_first_right(reply, golds),
        first_if_answered=_first_right(draft or reply, golds),
        first_three=any(cites(citation, gold) for citation in shown for gold in golds),
        citations=len(citations),
        standing=sum(not verdict.problem for verdict in verify(saved, locate_file)),
        precision=citation_precision(citations, golds),
        recall=citation_recall(citations, golds),
        confidence=reply.confidence,
        chrf=chrf(answer, question.reference) if question.reference else math.nan,
        token_f1=token_f1(answer, question.reference, lang=question.lang) if question.reference else math.nan,
        seconds=seconds,
    )


def _first_right(reply: Reply, golds: Sequence[Gold]) -> bool:
    statements = reply.statements if isinstance(reply, Answer) else ()
    return bool(statements) and first_citation_right(statements[0].citations, golds)


def _read_anew(path: str, locate_file: Callable[[str], Path | None]) -> Source | None:
    location = locate_file(path)
    return read_source(read_bytes(location), path=path) if location is not None else None


OnReply = Callable[[Judgment, Reply, Sequence[Gold]], None]


def run_answers(
    answer_set: AnswerSet,
    assistant: Assistant,
    *,
    on_question: Callable[[int], None] = lambda done: None,
    on_reply: OnReply = lambda judgment, reply, golds: None,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Judgment]:
    """Ask every question of a set, whose corpus is in the assistant's index.

    `on_question` hears how many are done, `on_reply` what became of each, with what `eval.gold.locate` found for it.
    """
    source = cache(assistant.index.catalog.source)
    judgments: list[Judgment] = []
    for question in answer_set.questions:
        golds = locate(question, source)
        begun = clock()
        draft = assistant.draft(question.question)
        reply = assistant.decide(draft)  # together what `ask` does
        seconds = clock() - begun
        location_of = assistant.index.catalog.location_of
        judgments.append(judge(question, reply, location_of, draft=draft, golds=golds, seconds=seconds))
        on_reply(judgments[-1], reply, golds)
        on_question(len(judgments))
    return judgments


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """Figures of all questions and of each pair of languages, in one order everywhere.

    `macro` is the mean over the pairs, and `worst` the pair where it is worst, with its name; those without a case
    do not count.
    """

    overall: tuple[Figure, ...]
    by_pair: dict[str, tuple[Figure, ...]]
    macro: tuple[Figure, ...]
    worst: tuple[tuple[str, Figure], ...]

    def to_json(self) -> dict[str, Any]:
        """The figures for machines; each of `worst` says of which pair it is."""
        return {
            "figures": [each.to_json() for each in self.overall],
            "pairs": {pair: [each.to_json() for each in row] for pair, row in self.by_pair.items()},
            "macro": [each.to_json() for each in self.macro],
            "worst": worst_to_json(self.worst),
        }


def worst_to_json(found: Sequence[tuple[str, Figure]]) -> list[dict[str, Any]]:
    """The worst pair of each figure; "pair" is "" where no pair has a case."""
    return [{"pair": pair, **each.to_json()} for pair, each in found]


def report_answers(judgments: list[Judgment], answer_set: AnswerSet, assistant: Assistant) -> AnswerReport:
    """The figures of judged questions, with intervals."""
    return report_judgments(judgments, signature(answer_set.sha256, assistant.index.catalog.built_with))


def report_judgments(judgments: Sequence[Judgment], signed: str) -> AnswerReport:
    """The figures of judged questions, with intervals, under a signature that is made already."""
    pairs = {pair: [j for j in judgments if j.pair == pair] for pair in sorted({j.pair for j in judgments})}
    by_pair = {pair: tuple(answer_figures(found, signed)) for pair, found in pairs.items()}
    return AnswerReport(
        overall=tuple(answer_figures(judgments, signed)),
        by_pair=by_pair,
        macro=tuple(one.over({pair: one.cases(found) for pair, found in pairs.items()}, signed) for one in _FIGURES),
        worst=tuple(
            worst({pair: row[i] for pair, row in by_pair.items()}, lower_is_better=one.name in LOWER_IS_BETTER)
            for i, one in enumerate(_FIGURES)
        ),
    )


def answer_figures(judgments: Sequence[Judgment], signed: str) -> list[Figure]:
    """The figures of some judged questions, always the same names in the same order; see `eval.measures`.

    `first citation`, `first three` and `citation recall` count a wrongly declined question as a miss; `citation
    precision` is over answered questions, those without an answer included. `abstention recall` and `rightly
    declined` are one.
    """
    return [one.of(judgments, signed) for one in _FIGURES]


@dataclass(frozen=True, slots=True)
class _Figure:
    """How a figure comes of judged questions: which cases count, and what is counted of them, else their mean."""

    name: str
    cases: Callable[[Sequence[Judgment]], Sequence[Any]]
    statistic: Callable[[Sequence[Any]], float] | None = None
    from_0_to_1: bool = True

    def of(self, judgments: Sequence[Judgment], signed: str) -> Figure:
        cases = self.cases(judgments)
        if self.statistic is None:
            return figure(self.name, cases, signed)
        if self.statistic is _f1:
            return _transformed(figure(self.name, cases, signed), f1_of_share)
        return bootstrap(self.name, self.statistic, cases, signed, from_0_to_1=self.from_0_to_1)

    def over(self, cases_by_pair: dict[str, Sequence[Any]], signed: str) -> Figure:
        return macro(self.name, cases_by_pair, signed, self.statistic, from_0_to_1=self.from_0_to_1)


def _transformed(share: Figure, change: Callable[[float], float]) -> Figure:
    """A figure by a function that grows with it, and so turns the ends of its interval into those of the other."""
    return replace(share, value=change(share.value), low=change(share.low), high=change(share.high))


def _declined(judgments: Sequence[Judgment], *, answerable: bool) -> list[float]:
    return [float(not j.answered) for j in judgments if j.question.answerable is answerable]


def _at_stake(judgments: Sequence[Judgment]) -> list[float]:
    """1 for each rightly declined question, 0 for each wrong decision; those rightly answered are no part of F1."""
    return [
        float(not j.answered and not j.question.answerable)
        for j in judgments
        if not (j.answered and j.question.answerable)
    ]


def _f1(at_stake: Sequence[float]) -> float:
    return f1_of_share(math.fsum(at_stake) / len(at_stake))


def _aurc(judgments: Sequence[Judgment]) -> float:
    return aurc([j.confidence for j in judgments], [float(not j.first_if_answered) for j in judgments])


def _calibration_error(judgments: Sequence[Judgment]) -> float:
    """Confidence is the probability that the documents answer, so being answerable is what it is held to."""
    return calibration_error([j.confidence for j in judgments], [j.question.answerable for j in judgments])


def _timed(judgments: Sequence[Judgment]) -> list[float]:
    return [j.seconds for j in judgments if not math.isnan(j.seconds)]


_FIGURES = (
    _Figure("first citation", lambda found: [float(j.first) for j in found if j.question.answerable]),
    _Figure("first three", lambda found: [float(j.first_three) for j in found if j.question.answerable]),
    _Figure("wrongly declined", lambda found: _declined(found, answerable=True)),
    _Figure("rightly declined", lambda found: _declined(found, answerable=False)),
    _Figure("quotes that stand", lambda found: [float(i < j.standing) for j in found for i in range(j.citations)]),
    _Figure("citation precision", lambda found: [j.precision for j in found if j.citations]),
    _Figure("citation recall", lambda found: [j.recall for j in found if j.question.answerable]),
    _Figure("abstention precision", lambda found: [float(not j.question.answerable) for j in found if not j.answered]),
    _Figure("abstention recall", lambda found: _declined(found, answerable=False)),
    _Figure("abstention F1", _at_stake, _f1),
    _Figure("AURC", lambda found: found, _aurc),
    _Figure("calibration error", lambda found: found, _calibration_error),
    _Figure("chrF", lambda found: [j.chrf for j in found if j.question.answerable and j.question.reference]),
    _Figure("token F1", lambda found: [j.token_f1 for j in found if j.question.answerable and j.question.reference]),
    _Figure("latency p50 s", _timed, median, from_0_to_1=False),
    _Figure("latency p95 s", _timed, p95, from_0_to_1=False),
)
