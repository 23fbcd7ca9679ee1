"""Whether the documents answer at all: a calibrated estimate from what retrieval and reading saw."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields

from index.values import ScoredPassage
from rag.expect import expected, holds
from rag.read import Draft

_CYRILLIC = re.compile("[\u0400-\u04ff]")


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a question once its draft is made."""

    dense: float  # best centred cosine of a passage
    match: float  # centred token match of the first statement
    plain: float  # the same with vectors as they are
    form: float  # 1 if the first statement holds a number or a time where one is asked for, or nothing such is
    same_script: float  # 1 if it is written as the question is, where all matches are higher


def signals(question: str, evidence: list[ScoredPassage], draft: Draft) -> Signals:
    """The signals of a draft with at least one statement."""
    matches, best = draft.matches, draft.best
    first = draft.statements[0]
    return Signals(
        dense=max(hit.dense for hit in evidence),
        match=float(matches.scores[best]),
        plain=float(matches.plain[best] @ matches.weights),
        form=float(holds(expected(question), first.text)),
        same_script=float(_is_cyrillic(first.text) == _is_cyrillic(question)),
    )


def _is_cyrillic(text: str) -> bool:
    # The language itself would tell a little more, and cost a question a quarter of a second to load its model.
    return bool(_CYRILLIC.search(text))


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


# Fitted by `dragoman eval calibrate --wrongly 0.04` on 13 dev sets (ntrex-qa in nine language pairs, xquad in three,
# squad2): 566 questions as asked, 285 with the passages that answer taken away, 178 that were written to be near and
# unanswerable. The threshold declines 4 % of the first, 14 % of the second and 13 % of the third, which these signals
# hardly tell. On the sample set, which was not among them, see `dragoman eval`.
CALIBRATION = Calibration(
    intercept=-13.485,
    weights=Signals(dense=1.063, match=3.025, plain=13.592, form=1.511, same_script=-0.431),
    threshold=0.267,
)
