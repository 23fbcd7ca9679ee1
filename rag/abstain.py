"""Whether the documents answer at all: a calibrated estimate from what retrieval and reading saw."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from index.language import detect_language
from index.values import ScoredPassage
from rag.expect import expected, holds
from rag.read import Draft


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a question once its draft is made."""

    dense: float  # best centred cosine of a passage
    match: float  # centred token match of the first statement
    plain: float  # the same with vectors as they are
    form: float  # 1 if the first statement holds a number or a time where one is asked for, or nothing such is
    same_language: float  # 1 if it is in the question's language, where all matches are higher


def signals(question: str, evidence: list[ScoredPassage], draft: Draft) -> Signals:
    """The signals of a draft with at least one statement."""
    matches, best = draft.matches, draft.best
    first = draft.statements[0]
    return Signals(
        dense=max(hit.dense for hit in evidence),
        match=float(matches.scores[best]),
        plain=float(matches.plain[best] @ matches.weights),
        form=float(holds(expected(question), first.text)),
        same_language=float(first.quotes[0].passage.lang == detect_language(question)),
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


# Fitted on 1,500 dev questions (ntrex-qa in nine language pairs, xquad in five, squad2): as asked, with the passages
# that answer taken away, and with unanswerable questions written to be near. There the threshold withholds 2 % of the
# answerable ones, 26 % of those whose passages are gone, and 10 % of the near ones, which these signals hardly tell. A
# higher one costs more than it saves: on the sample, which nothing was fitted on, see `dragoman eval`.
CALIBRATION = Calibration(
    intercept=-22.16,
    weights=Signals(dense=1.590, match=1.717, plain=25.36, form=1.418, same_language=-1.628),
    threshold=0.20,
)
