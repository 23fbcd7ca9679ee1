"""Whether the documents answer at all: a calibrated estimate from what retrieval and reading saw."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from index.values import ScoredPassage
from rag.read import Draft


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a question when its draft is made. All grow with the likelihood of an answer."""

    dense: float  # best centred cosine of a passage
    lexical: float  # best lexical share of a passage
    match: float  # centred token match of the first statement
    plain: float  # token match of the first statement, vectors as they are
    margin: float  # how far the first statement's match is above the mean candidate's
    weakest: float  # how well the question's rarest tokens, a third of its weight, are met by any sentence


def signals(evidence: list[ScoredPassage], draft: Draft) -> Signals:
    """The signals of a draft with at least one statement."""
    matches, best = draft.matches, draft.best
    scores = matches.scores
    plain = matches.plain @ matches.weights
    met = matches.centred.max(axis=0)
    rarest = np.argsort(-matches.weights, kind="stable")[: max(1, len(met) // 3)]
    return Signals(
        dense=max(hit.dense for hit in evidence),
        lexical=max(hit.lexical for hit in evidence),
        match=float(scores[best]),
        plain=float(plain[best]),
        margin=float(scores[best] - scores.mean()),
        weakest=float(met[rarest].mean()),
    )


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic regression over the signals, and the probability below which an answer is withheld."""

    intercept: float
    weights: Signals
    threshold: float

    def probability(self, seen: Signals) -> float:
        """The estimated probability, 0 to 1, that the documents answer."""
        z = self.intercept + sum(getattr(self.weights, f.name) * getattr(seen, f.name) for f in fields(Signals))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))


CALIBRATION = Calibration(0.0, Signals(0, 0, 0, 0, 0, 0), 0.0)
