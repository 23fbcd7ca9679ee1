"""Fit the estimate of `rag.abstain` again, from sets whose relevant documents are known, and measure it on others.

Each judged question is asked as it is, and every second one once more with the passages of its relevant documents
taken away, which makes a question that the rest of the corpus does not answer. The others are asked once more about
somebody else: with a name or number in place of theirs that is another question's. Questions that a set marks as
unanswerable are asked too. What to decline is learnt from all together.

What is measured was left out of the fit: a tenth of the questions at a time, a question with all its translations, or
all sets of a family, such as all of ntrex-qa. Questions of a test part are in no fit.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum

import numpy as np

from eval.figures import Figure, bootstrap, figure
from eval.measures import aurc, auroc, calibration_error
from eval.sets import TEST, Query, RetrievalSet, number_of
from index.errors import DataSetError
from index.fold import WORD, fold_word
from index.folder import Index
from rag.abstain import Calibration, Signals, signals
from rag.assistant import EVIDENCE_PASSAGES
from rag.choose import are_names
from rag.letters import restore_letters
from rag.read import ExtractiveReader
from rag.retrieve import HybridRetriever

# Of a set's weight, half is its answerable questions; the rest is shared so among the others that it has. Those that
# people write weigh most: the made ones stand in for what few have written. With 0.5, 0.3 and 0.2 the AUROC of those
# that are near is .677 in place of .680 on written questions, .737 in place of .754 on news.
_GONE_WEIGHT, _NEAR_WEIGHT, _RENAMED_WEIGHT = 0.3, 0.6, 0.1
_REGULARISATION = 1.0  # scikit-learn's C, on signals divided by their standard deviation
_ROUNDS = 6  # of choosing the likeliest article of each question, and fitting to these
_FOLDS = 10
_SHARED_LETTERS = 4  # words that begin with as many equal letters may be forms of one
_MOST_ADDED = 9  # to a number, to make another of it


class Kind(StrEnum):
    """What is known of an asked question."""

    ANSWERABLE = "answerable"
    GONE = "gone"  # its passages were taken away
    NEAR = "near"  # written to be near, and unanswerable
    RENAMED = "renamed"  # another name or number stands in place of its own


@dataclass(frozen=True, slots=True)
class Case:
    """One asked question: what was seen, and whether the passages answered it."""

    set_name: str
    question: str  # its id, which its translations in sets of the same family share
    kind: Kind
    articles: tuple[Signals, ...]  # of each article that may answer
    split: str = ""  # the part of its set that it is in, if the set has parts

    @property
    def part(self) -> str:
        """What figures are told of: its set, and which part of it."""
        return f"{self.set_name} {self.split}".rstrip()

    @property
    def family(self) -> str:
        """The sets that it has questions in common with: those whose names begin alike, "xquad" of "xquad-en-ru"."""
        return self.set_name.split("-")[0]


def collect_cases(
    retrieval_set: RetrievalSet, index: Index, *, most: int, on_query: Callable[[int], None] = lambda done: None
) -> list[Case]:
    """Ask at most `most` judged and `most` unanswerable questions of a set, evenly spread over it."""
    retriever, reader = HybridRetriever(index), ExtractiveReader(index)
    judged, near = _spread(retrieval_set.judged, most), _spread(retrieval_set.unanswerable, most)
    names = sorted({word.group() for query in judged for word in _names(query.text)})
    cases: list[Case] = []

    def ask(query: Query, kind: Kind, without: frozenset[str] = frozenset()) -> None:
        text = restore_letters(query.text, index)
        if kind is Kind.RENAMED and not (text := renamed(text, names)):
            return
        hits = retriever.retrieve(text, k=2 * EVIDENCE_PASSAGES)
        evidence = [hit for hit in hits if hit.passage.source_path not in without][:EVIDENCE_PASSAGES]
        draft = reader.read(text, evidence)
        if draft.statements:
            seen = tuple(signals(text, evidence, draft))
            cases.append(Case(retrieval_set.name, query.id, kind, seen, query.split))

    for number, query in enumerate(judged):
        ask(query, Kind.ANSWERABLE)
        if number % 2 == 0:
            relevant = {document for document, grade in retrieval_set.qrels[query.id].items() if grade > 0}
            ask(query, Kind.GONE, frozenset(relevant))
        else:
            ask(query, Kind.RENAMED)
        on_query(number + 1)
    for number, query in enumerate(near, start=len(judged)):
        ask(query, Kind.NEAR)
        on_query(number + 1)
    return cases


def renamed(question: str, names: Sequence[str]) -> str:
    """A question with one of `names` in place of a name of its own, or with another number; "" if it has neither.

    Which is chosen hangs on the question alone. The names begin otherwise, so that none is a form of the other.
    """
    chance = number_of(question)
    if not (own := _names(question)):
        return ""
    word = own[chance % len(own)]
    if word.group().isdecimal():
        other = str(int(word.group()) + 1 + chance % _MOST_ADDED)
    else:
        known = {fold_word(each.group())[:_SHARED_LETTERS] for each in own}
        others = [name for name in names if not name[0].isdigit() and fold_word(name)[:_SHARED_LETTERS] not in known]
        if not others or word.group()[0].isdigit():
            return ""
        other = others[chance % len(others)]
    return question[: word.start()] + other + question[word.end() :]


def _names(question: str) -> list[re.Match[str]]:
    found = list(WORD.finditer(question))
    return [word for word, is_name in zip(found, are_names([word.group() for word in found]), strict=True) if is_name]


def fit(cases: Sequence[Case], *, wrong_answer: float) -> Calibration:
    """Logistic regression over the cases, with the threshold for what a wrong answer costs; see `Calibration.for_cost`.

    Of each case it sees the article that it finds likeliest to answer, as it decides then. Each set weighs as the root
    of its size. What is of a test part is left out. Raises DataSetError when there are only answerable questions, or
    none.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise DataSetError(f"fitting needs scikit-learn ({error}); run: pip install scikit-learn") from error

    cases = [case for case in cases if case.split != TEST]
    answerable = np.array([case.kind is Kind.ANSWERABLE for case in cases])
    if not len(cases) or answerable.all() or not answerable.any():
        raise DataSetError("the sets hold no answerable or no unanswerable questions; give sets with both")
    seen = [np.array([astuple(article) for article in case.articles]) for case in cases]
    spread = np.concatenate(seen).std(axis=0)
    scale, shares = np.where(spread > 0, spread, 1.0), _weights(cases)
    model = LogisticRegression(C=_REGULARISATION, max_iter=1000)
    likeliest = np.array([rows[0] for rows in seen])  # at first the one that matches best
    for _ in range(_ROUNDS):
        model.fit(likeliest / scale, answerable, sample_weight=shares)
        likeliest = np.array([rows[model.decision_function(rows / scale).argmax()] for rows in seen])
    weights = Signals(*(round(float(weight), 3) for weight in np.ravel(model.coef_) / scale))
    return Calibration(round(float(np.ravel(model.intercept_)[0]), 3), weights, 0.0).for_cost(wrong_answer)


def by_question(cases: Sequence[Case]) -> list[float]:
    """The probability of each case by a fit to nine tenths of the questions that it is not among.

    Translations of a question are in one tenth. NaN where the others cannot be fitted.
    """
    return _left_out(cases, [_tenth(f"{case.family} {case.question}") for case in cases])


def by_family(cases: Sequence[Case]) -> list[float]:
    """The probability of each case by a fit to the sets of other families alone; NaN where these cannot be fitted."""
    return _left_out(cases, [case.family for case in cases])


def _left_out(cases: Sequence[Case], groups: Sequence[object]) -> list[float]:
    found = [math.nan] * len(cases)
    for group in dict.fromkeys(groups):
        try:
            fitted = fit([case for case, its in zip(cases, groups, strict=True) if its != group], wrong_answer=1)
        except DataSetError:
            continue
        for i, case in enumerate(cases):
            if groups[i] == group:
                found[i] = fitted.probability(case.articles)
    return found


def _tenth(key: str) -> int:
    return number_of(key) % _FOLDS


Judged = tuple[Kind, float]  # what is known of a question, and the probability of its answer


def measure_decisions(judged: Iterable[Judged], *, threshold: float, signed: str = "") -> list[Figure]:
    """How well probabilities tell answerable questions from others, and what a threshold makes of them.

    The first three are areas under ROC curves, of answerable questions against one kind of the others. Precision,
    recall and the areas are NaN where a kind is missing. Risk is that of answering a question that has no answer.
    """
    cases = [each for each in judged if not math.isnan(each[1])]

    def declined(*kinds: Kind) -> list[float]:
        return [float(p < threshold) for kind, p in cases if kind in kinds]

    others = (Kind.GONE, Kind.NEAR, Kind.RENAMED)
    right = [float(kind is not Kind.ANSWERABLE) for kind, p in cases if p < threshold]
    areas = [
        bootstrap(
            f"AUROC {other}", _area, [each for each in cases if each[0] in (Kind.ANSWERABLE, other)], signed,
            from_0_to_1=True,
        )
        for other in others
    ]  # fmt: skip
    return [
        *areas,
        figure("wrongly declined", declined(Kind.ANSWERABLE), signed),
        *(figure(f"declined {other}", declined(other), signed) for other in others),
        figure("precision", right, signed),
        figure("recall", declined(*others), signed),
        bootstrap("AURC", _risk_area, cases, signed, from_0_to_1=True),
        bootstrap("calibration error", _error, cases, signed, from_0_to_1=True),
    ]


def _area(cases: Sequence[Judged]) -> float:
    """How often an answerable question has a higher probability than another."""
    ours = [p for kind, p in cases if kind is Kind.ANSWERABLE]
    return auroc(ours, [p for kind, p in cases if kind is not Kind.ANSWERABLE])


def _risk_area(cases: Sequence[Judged]) -> float:
    return aurc([p for _, p in cases], [float(kind is not Kind.ANSWERABLE) for kind, _ in cases])


def _error(cases: Sequence[Judged]) -> float:
    return calibration_error([p for _, p in cases], [kind is Kind.ANSWERABLE for kind, _ in cases])


def _spread(items: Sequence[Query], most: int) -> list[Query]:
    step = max(1, -(-len(items) // most))
    return list(items[::step])


def _weights(cases: Sequence[Case]) -> np.ndarray:
    others = {Kind.GONE: _GONE_WEIGHT, Kind.NEAR: _NEAR_WEIGHT, Kind.RENAMED: _RENAMED_WEIGHT}
    sizes = Counter((case.set_name, case.kind) for case in cases)
    totals = Counter(case.set_name for case in cases)
    shared = {name: sum(share for kind, share in others.items() if sizes[name, kind]) for name in totals}

    def share(case: Case) -> float:
        return 1.0 if case.kind is Kind.ANSWERABLE else others[case.kind] / shared[case.set_name]

    raw = np.array([share(c) * totals[c.set_name] ** 0.5 / sizes[c.set_name, c.kind] for c in cases], dtype=float)
    return raw * len(raw) / raw.sum()
