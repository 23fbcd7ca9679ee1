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


# Fitted on 1,500 dev questions (ntrex-qa in nine language pairs, xquad in five, squad2): as asked, with the passages
# that answer taken away, and with unanswerable questions written to be near. There the threshold withholds 4 % of the
# answerable ones, 24 % of those whose passages are gone, and 7 % of the near ones, which these signals hardly tell. A
# higher one costs more than it saves: on the sample, which nothing was fitted on, see `dragoman eval`.
CALIBRATION = Calibration(
    intercept=-15.54,
    weights=Signals(dense=0.726, match=2.809, plain=16.91, form=1.252, same_script=-0.812),
    threshold=0.25,
)
