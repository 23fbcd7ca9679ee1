"""Fit the weights of `rag.choose` again, from sets whose queries say what answers them.

Each question is asked, and of the sentences that the reader weighs those are right that stand in a relevant document
and hold one of the answers. The weights are such that right sentences come before the others of their question.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from eval.sets import TEST, RetrievalSet
from index.errors import DataSetError
from index.folder import Index
from rag.assistant import EVIDENCE_PASSAGES
from rag.choose import SentenceEvidence, shares, weighed
from rag.read import ExtractiveReader
from rag.retrieve import HybridRetriever

_RIDGE = 1.0  # on evidence divided by its standard deviation within questions, a question weighing 1
_NEWTON_STEPS = 12
_FOLDS = 5
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Case:
    """One asked question: the evidence for each sentence that was weighed, and which of them are right."""

    set_name: str
    question: str  # its id, which its translations share
    evidence: tuple[SentenceEvidence, ...]
    right: tuple[bool, ...]
    split: str = ""  # the part of its set that it is in, if the set has parts


def load_answers(folders: Collection[Path]) -> dict[str, set[str]]:
    """What the queries of sets in BEIR layout say answers them (`metadata.answers`), by the ids of the queries.

    Sets of one kind in several languages share the ids, so an answer is known in each language that a set is in.
    """
    answers: dict[str, set[str]] = {}
    for folder in folders:
        for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            answers.setdefault(row["_id"], set()).update(filter(None, row.get("metadata", {}).get("answers", ())))
    return answers


def collect_cases(
    retrieval_set: RetrievalSet,
    index: Index,
    answers: Mapping[str, Collection[str]],
    *,
    most: int,
    on_query: Callable[[int], None] = lambda done: None,
) -> list[Case]:
    """Ask at most `most` of the judged questions that `answers` knows, the same ids in each set that has them all."""
    retriever, reader = HybridRetriever(index), ExtractiveReader(index)
    judged = sorted((query for query in retrieval_set.judged if answers.get(query.id)), key=lambda query: query.id)
    cases: list[Case] = []
    for number, query in enumerate(judged[:: max(1, -(-len(judged) // most))]):
        relevant = {document for document, grade in retrieval_set.qrels[query.id].items() if grade > 0}
        weighing = reader.weigh(query.text, retriever.retrieve(query.text, k=EVIDENCE_PASSAGES))
        right = tuple(
            each.passage.source_path in relevant and holds_answer(each.text, answers[query.id])
            for each in weighing.candidates
        )
        cases.append(Case(retrieval_set.name, query.id, weighing.evidence, right, query.split))
        on_query(number + 1)
    return cases


def holds_answer(sentence: str, answers: Collection[str]) -> bool:
    """Whether one of the answers stands in a sentence word for word, whatever is between the words.

    >>> holds_answer("It took 3 years.", ["3"]), holds_answer("It took 30 years.", ["3"])
    (True, False)
    """
    words = _plain(sentence)
    return any(_plain(answer).strip() and _plain(answer) in words for answer in answers)


def _plain(text: str) -> str:
    return f" {' '.join(_WORDS.findall(text.casefold()))} "


def fit(cases: Sequence[Case]) -> SentenceEvidence:
    """A conditional logit: of the sentences of a question, the right ones are chosen in proportion to their odds.

    All cases of a question weigh as one, those of a test part nothing. Unlike a regression over all sentences, or pairs
    of them, it learns most from those that come close. Raises DataSetError when no question has both right sentences
    and others.
    """
    times = Counter(case.question for case in cases)
    known = [case for case in cases if any(case.right) and not all(case.right) and case.split != TEST]
    if not known:
        raise DataSetError("the sets hold no question with a right sentence and others; give sets with answers")
    seen = [np.array([astuple(each) for each in case.evidence]) for case in known]
    spread = np.concatenate([rows - rows.mean(axis=0) for rows in seen]).std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    weights = np.zeros(len(scale))
    for _ in range(_NEWTON_STEPS):
        slope, curve = _RIDGE * weights, _RIDGE * np.eye(len(scale))
        for case, rows in zip(known, seen, strict=True):
            each, right = 1 / times[case.question], np.array(case.right) / sum(case.right)
            share = np.array(shares((rows / scale @ weights).tolist()))
            about = rows / scale - share @ (rows / scale)
            slope += each * ((share - right) @ (rows / scale))
            curve += each * (about.T * share) @ about
        weights -= np.linalg.solve(curve, slope)
    return SentenceEvidence(*(round(float(weight), 2) for weight in weights / scale))


def first_right(case: Case, weights: SentenceEvidence, *, within: int = 1) -> bool:
    """Whether a right sentence is among the first."""
    scores = [weighed(each, weights) for each in case.evidence]
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return any(case.right[i] for i in order[:within])


def left_out(cases: Sequence[Case]) -> dict[str, tuple[int, float, float]]:
    """Cases, and how many have a right sentence first and in the first three, by weights fitted without them.

    "questions" leaves out a fifth of the questions with their translations at a time, and each other entry all the sets
    of one kind, as their names begin; "test" are the test parts, which are in no fit.
    """
    tested, cases = [case for case in cases if case.split == TEST], [case for case in cases if case.split != TEST]
    fold = {question: i % _FOLDS for i, question in enumerate(sorted({case.question for case in cases}))}
    found: list[tuple[bool, bool]] = []
    for k in range(_FOLDS):
        found += _tried(cases, lambda case, k=k: fold[case.question] == k)
    table = {"questions": found}
    kinds = sorted({_kind(case) for case in cases})
    if len(kinds) > 1:
        table |= {kind: _tried(cases, lambda case, kind=kind: _kind(case) == kind) for kind in kinds}
    if tested:
        table["test"] = _tried([*cases, *tested], lambda case: case.split == TEST)
    return {
        name: (len(rows), sum(one for one, _ in rows) / len(rows), sum(three for _, three in rows) / len(rows))
        for name, rows in table.items()
        if rows
    }


def _tried(cases: Sequence[Case], is_out: Callable[[Case], bool]) -> list[tuple[bool, bool]]:
    outside = [case for case in cases if is_out(case)]
    weights = fit([case for case in cases if not is_out(case)])
    return [(first_right(case, weights), first_right(case, weights, within=3)) for case in outside]


def _kind(case: Case) -> str:
    return case.set_name.split("-")[0]
