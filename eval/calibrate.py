"""Fit the estimate of `rag.abstain` again, from sets whose relevant documents are known.

Each judged question is asked as it is, and every second one once more with the passages of its relevant documents
taken away, which makes a question that the rest of the corpus does not answer. Questions that a set marks as
unanswerable are asked too. What to decline is learnt from the three together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum

import numpy as np

from eval.sets import Query, RetrievalSet
from index.errors import DataSetError
from index.folder import Index
from rag.abstain import Calibration, Signals, signals
from rag.assistant import EVIDENCE_PASSAGES
from rag.read import ExtractiveReader
from rag.retrieve import HybridRetriever

# Of a set's weight, half is its answerable questions; the rest is shared so among the others that it has.
_GONE_WEIGHT, _NEAR_WEIGHT = 0.6, 0.4
_REGULARISATION = 1.0  # scikit-learn's C, on signals divided by their standard deviation


class Kind(StrEnum):
    """What is known of an asked question."""

    ANSWERABLE = "answerable"
    GONE = "gone"  # its passages were taken away
    NEAR = "near"  # written to be near, and unanswerable


@dataclass(frozen=True, slots=True)
class Case:
    """One asked question: what was seen, and whether the passages answered it."""

    set_name: str
    kind: Kind
    signals: Signals


def collect_cases(
    retrieval_set: RetrievalSet, index: Index, *, most: int, on_query: Callable[[int], None] = lambda done: None
) -> list[Case]:
    """Ask at most `most` judged and `most` unanswerable questions of a set, evenly spread over it."""
    retriever, reader = HybridRetriever(index), ExtractiveReader(index)
    judged, near = _spread(retrieval_set.judged, most), _spread(retrieval_set.unanswerable, most)
    cases: list[Case] = []

    def ask(text: str, kind: Kind, without: frozenset[str] = frozenset()) -> None:
        hits = retriever.retrieve(text, k=2 * EVIDENCE_PASSAGES)
        evidence = [hit for hit in hits if hit.passage.source_path not in without][:EVIDENCE_PASSAGES]
        draft = reader.read(text, evidence)
        if draft.statements:
            cases.append(Case(retrieval_set.name, kind, signals(text, evidence, draft)))

    for number, query in enumerate(judged):
        ask(query.text, Kind.ANSWERABLE)
        if number % 2 == 0:
            relevant = {document for document, grade in retrieval_set.qrels[query.id].items() if grade > 0}
            ask(query.text, Kind.GONE, frozenset(relevant))
        on_query(number + 1)
    for number, query in enumerate(near, start=len(judged)):
        ask(query.text, Kind.NEAR)
        on_query(number + 1)
    return cases


def fit(cases: Sequence[Case], *, wrongly_declined: float) -> Calibration:
    """Logistic regression over the cases; the threshold withholds that share of the answerable ones, 0 to 1.

    Each set weighs as the root of its size. Raises DataSetError when there are only answerable questions, or none.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise DataSetError(f"fitting needs scikit-learn ({error}); run: pip install scikit-learn") from error

    answerable = np.array([case.kind is Kind.ANSWERABLE for case in cases])
    if not len(cases) or answerable.all() or not answerable.any():
        raise DataSetError("the sets hold no answerable or no unanswerable questions; give sets with both")
    seen = np.array([astuple(case.signals) for case in cases])
    scale = np.where(seen.std(axis=0) > 0, seen.std(axis=0), 1.0)
    model = LogisticRegression(C=_REGULARISATION, max_iter=1000)
    model.fit(seen / scale, answerable, sample_weight=_weights(cases))
    weights = Signals(*(round(float(weight), 3) for weight in np.ravel(model.coef_) / scale))
    fitted = Calibration(round(float(np.ravel(model.intercept_)[0]), 3), weights, 0.0)
    probabilities = [fitted.probability(case.signals) for case in cases if case.kind is Kind.ANSWERABLE]
    return Calibration(fitted.intercept, weights, round(float(np.quantile(probabilities, wrongly_declined)), 3))


def declined(cases: Sequence[Case], calibration: Calibration, kind: Kind) -> list[bool]:
    """Which of the cases of one kind are declined."""
    return [calibration.probability(c.signals) < calibration.threshold for c in cases if c.kind is kind]


def _spread(items: Sequence[Query], most: int) -> list[Query]:
    step = max(1, -(-len(items) // most))
    return list(items[::step])


def _weights(cases: Sequence[Case]) -> np.ndarray:
    shares = {Kind.ANSWERABLE: 1.0, Kind.GONE: _GONE_WEIGHT, Kind.NEAR: _NEAR_WEIGHT}
    sizes: dict[tuple[str, Kind], int] = {}
    totals: dict[str, int] = {}
    for case in cases:
        sizes[case.set_name, case.kind] = sizes.get((case.set_name, case.kind), 0) + 1
        totals[case.set_name] = totals.get(case.set_name, 0) + 1
    raw = np.array([shares[c.kind] * totals[c.set_name] ** 0.5 / sizes[c.set_name, c.kind] for c in cases], dtype=float)
    return raw * len(raw) / raw.sum()
