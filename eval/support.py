"""How well the support score of `rag.support` tells what follows from its quotes, and its weights fitted again.

Two kinds of cases. Claims with the pages that they cite (WiCE): which sentence of the page comes first, and whether the
claim follows wholly, in part or not from the three that come first. And sentences of texts that are translations of
each other: a sentence follows from its translation, with or without the next one beside it; together with the next one
it follows in part; from the next one it does not, nor if a number in it is another. Within a language the sentence is
cut short at its last comma instead. The second are made, and easier than what people and models write; nothing else is
known of languages but English, and of pairs of languages.

What is measured was left out of the fit: a tenth of the pages and articles at a time, each with all its translations.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import product

import numpy as np

from eval.claims import JudgedClaim
from eval.figures import Figure, bootstrap, figure
from eval.measures import auroc
from eval.sets import RetrievalSet, number_of
from index.embed import Embedder
from index.errors import DataSetError
from index.language import detect_language
from index.sentences import split_sentences
from index.tokens import MEAN_TEXTS, TokenCodec, TokenVectors
from rag.facts import Quoted
from rag.support import (
    Levels,
    Logistic,
    Stated,
    SupportSignals,
    WordWeights,
    compare_tokens,
    signals,
    stems,
)

# Sentences of a page that are compared with a claim; the others, which have fewer of its words, come after them.
_COMPARED = 40
_QUOTED = 3  # sentences that a claim is judged by
_REGULARISATION = 1.0  # scikit-learn's C, on signals divided by their standard deviation
_FOLDS = 10
_RANKING_WEIGHT = 10.0  # of all sentences of a claim: 3 lose .003 of MRR, 30 lose .002 of the area for supported
_FEWEST_WORDS = 5  # of a sentence that something is made of
_FEWEST = 30  # cases that a level is taken from


CLAIMS = "claims"
_DIGITS = re.compile(r"\d+")
_PART = re.compile(r"[#-]\d+$")


class Label(IntEnum):
    """How far a statement follows from its quotes."""

    NOT = 0
    PARTLY = 1
    SUPPORTED = 2


# Of claims on the dev set .88 are supported at least in part, so that .9 would say little.
_WANTED_PRECISION = {Label.SUPPORTED: 0.9, Label.PARTLY: 0.95}


@dataclass(frozen=True, slots=True)
class Case:
    """A statement with quotes, and how far it follows from them."""

    kind: str  # "claims", or how it was made
    pair: str  # languages of statement and quotes, "en→az"
    group: str  # what it shares with other cases: its page, or its article
    label: Label
    stated: Stated
    signals: SupportSignals


@dataclass(frozen=True, slots=True)
class Ranking:
    """The sentences of a page that were compared with one claim, and which support it: none, if those are others."""

    group: str
    label: Label
    signals: tuple[SupportSignals, ...]
    right: tuple[bool, ...]


@lru_cache(maxsize=8)
def _weights_among(page: tuple[str, ...]) -> WordWeights:
    return WordWeights(page)


class _Texts:
    """Token vectors of texts, each made once for as long as it is needed."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.mean = TokenCodec.fitted(embedder.passage_tokens(list(MEAN_TEXTS))).mean
        self._known: dict[str, TokenVectors] = {}

    def of(self, texts: Sequence[str]) -> list[TokenVectors]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= dict(zip(new, self._embedder.passage_tokens(new), strict=True))
        return [self._known[text] for text in texts]

    def stated(self, text: str, lang: str, quotes: Sequence[str], quotes_lang: str, page: Sequence[str]) -> Stated:
        own, *others = self.of([text, *quotes])
        quoted = tuple(Quoted(quote, quotes_lang, "") for quote in quotes)
        return Stated(
            text, lang, quoted, "\n".join(page), compare_tokens(own, others, self.mean), _weights_among(tuple(page))
        )

    def forget(self) -> None:
        self._known.clear()


def claim_cases(
    claims: Sequence[JudgedClaim], embedder: Embedder, *, on_claim: Callable[[int], None] = lambda done: None
) -> tuple[list[Case], list[Ranking]]:
    """Each claim with the three sentences of its page that come closest, and a ranking of those that have its words.

    Which come closest is told without the weights that are fitted: by the sum of shared words, pairs and matches.
    """
    texts = _Texts(embedder)
    cases: list[Case] = []
    rankings: list[Ranking] = []
    for number, claim in enumerate(claims):
        weights, context = _weights_among(claim.sentences), "\n".join(claim.sentences)
        own, lang, page_lang = set(stems(claim.text)), detect_language(claim.text), detect_language(context)
        shares = [weights.share(own, set(stems(sentence))) for sentence in claim.sentences]
        near = sorted(sorted(range(len(shares)), key=lambda i: -shares[i])[:_COMPARED])

        def stated(chosen: Sequence[int], claim=claim, lang=lang, page_lang=page_lang) -> Stated:
            return texts.stated(claim.text, lang, [claim.sentences[i] for i in chosen], page_lang, claim.sentences)

        seen = [signals(stated([i])) for i in near]
        best = sorted(range(len(near)), key=lambda i: -(seen[i].words + seen[i].pairs + seen[i].centred))[:_QUOTED]
        whole = stated([near[i] for i in sorted(best)])
        group, label = hashlib.sha256(context.encode()).hexdigest(), Label(claim.grade)
        cases.append(Case(CLAIMS, f"{lang}→{page_lang}", group, label, whole, signals(whole)))
        if claim.supporting:
            rankings.append(Ranking(group, label, tuple(seen), tuple(i in claim.supporting for i in near)))
        texts.forget()
        on_claim(number + 1)
    return cases, rankings


def made_cases(
    sets: Sequence[RetrievalSet], embedder: Embedder, *, most: int, on_text: Callable[[int], None] = lambda done: None
) -> list[Case]:
    """Cases from documents that the sets have by the same ids in several languages, at most `most` documents.

    Only those count that have as many sentences, at least two, in each language. Raises DataSetError without any.
    """
    by_id: dict[str, dict[str, str]] = {}
    for each in sets:
        for document in each.corpus:
            by_id.setdefault(document.id, {})[detect_language(document.text)] = document.text
    parallel = {id_: found for id_, texts in by_id.items() if (found := _parallel(texts))}
    if not parallel:
        raise DataSetError("the sets have no document in two languages; give sets with the same ids in each")
    texts = _Texts(embedder)
    cases: list[Case] = []
    for number, (id_, sentences) in enumerate(list(parallel.items())[:: max(1, -(-len(parallel) // most))]):
        for lang, other in product(sentences, repeat=2):
            for kind, label, text, quotes in _made(sentences[lang], sentences[other], id_):
                stated = texts.stated(text, lang, quotes, other, sentences[other])
                cases.append(Case(kind, f"{lang}→{other}", _article(id_), label, stated, signals(stated)))
        texts.forget()
        on_text(number + 1)
    return cases


def _parallel(texts: Mapping[str, str]) -> dict[str, list[str]]:
    found = {
        lang: [text[start:end] for start, end in split_sentences(text, lang)] for lang, text in sorted(texts.items())
    }
    counts = {len(sentences) for sentences in found.values()}
    return found if len(found) > 1 and len(counts) == 1 and min(counts) > 1 else {}


def _made(own: Sequence[str], other: Sequence[str], id_: str) -> Iterator[tuple[str, Label, str, Sequence[str]]]:
    """What is made of one sentence of a text: kind, label, statement and quotes."""
    i = number_of(id_) % (len(own) - 1)
    whole, kind = (own[i], "translated") if own is not other else (own[i].rpartition(", ")[0], "cut short")
    if len(whole.split()) < _FEWEST_WORDS:
        return
    yield kind, Label.SUPPORTED, whole, other[i : i + 1]
    yield f"{kind}, quote of two", Label.SUPPORTED, whole, other[i : i + 2]
    yield f"{kind}, with the next", Label.PARTLY, f"{whole} {own[i + 1]}", other[i : i + 1]
    yield "next sentence", Label.NOT, whole, other[i + 1 : i + 2]
    if found := _DIGITS.search(whole):
        changed = f"{int(found.group()[0]) % 9 + 1}{found.group()[1:]}"
        yield "number changed", Label.NOT, whole[: found.start()] + changed + whole[found.end() :], other[i : i + 1]


def _article(id_: str) -> str:
    """What a passage's id says of its article: "bbc.7" of "bbc.7#0"."""
    return _PART.sub("", id_)


def fit(cases: Sequence[Case], rankings: Sequence[Ranking] = ()) -> Logistic:
    """Logistic regression over cases of one kind: within a language, or across.

    A case that is supported in part counts as half one that is and half one that is not. A sentence of a ranking counts
    as its claim if it is right, otherwise as not supporting it; all sentences of a claim weigh as ten cases.
    Nothing has a level yet. Raises DataSetError when there are only supported cases, or none.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise DataSetError(f"fitting needs scikit-learn ({error}); run: pip install scikit-learn") from error

    rows = [(case.signals, case.label / Label.SUPPORTED, 1.0) for case in cases]
    for ranking in rankings:
        weight = _RANKING_WEIGHT / len(ranking.right)
        found = zip(ranking.signals, ranking.right, strict=True)
        rows += [(each, right * ranking.label / Label.SUPPORTED, weight) for each, right in found]
    shares = np.array([share for _, share, _ in rows])
    if not len(rows) or not 0 < shares.mean() < 1:
        raise DataSetError("there are no supported cases, or no others; give claims, and the same texts in languages")
    seen = np.array([astuple(each) for each, _, _ in rows])
    weights = np.array([weight for _, _, weight in rows])
    scale = np.where(seen.std(axis=0) > 0, seen.std(axis=0), 1.0)
    model = LogisticRegression(C=_REGULARISATION, max_iter=1000)
    model.fit(
        np.vstack([seen, seen]) / scale,
        np.repeat([1, 0], len(rows)),
        sample_weight=np.concatenate([weights * shares, weights * (1 - shares)]),
    )
    fitted = SupportSignals(*(round(float(weight), 3) for weight in np.ravel(model.coef_) / scale))
    return Logistic(round(float(np.ravel(model.intercept_)[0]), 3), fitted, Levels(1.0, 1.0))


def left_out(
    cases: Sequence[Case], rankings: Sequence[Ranking] = (), *, others: Sequence[Case] = ()
) -> tuple[list[float], list[list[float]], list[float]]:
    """The scores of the cases, of the sentences of the rankings and of `others`, which are in no fit.

    Cases and sentences are scored by weights fitted without the tenth of the groups that they are in, `others` by
    weights fitted to all. Raises DataSetError.
    """
    scores = [0.0] * len(cases)
    ranked: list[list[float]] = [[] for _ in rankings]
    for fold in range(_FOLDS):
        fitted = fit(
            [case for case in cases if _fold(case.group) != fold],
            [ranking for ranking in rankings if _fold(ranking.group) != fold],
        )
        for i, case in enumerate(cases):
            if _fold(case.group) == fold:
                scores[i] = fitted.probability(case.signals)
        for i, ranking in enumerate(rankings):
            if _fold(ranking.group) == fold:
                ranked[i] = [fitted.probability(each) for each in ranking.signals]
    whole = fit(cases, rankings) if others else None
    return scores, ranked, [whole.probability(case.signals) for case in others] if whole else []


def _fold(group: str) -> int:
    return number_of(group) % _FOLDS


Scored = tuple[Case, float]


def levels_of(scored: Sequence[Scored]) -> Levels:
    """The lowest scores from which on cases are supported, wholly or at least in part, as often as is wanted.

    Claims, and cases that are made, weigh the same, and at least thirty cases must be above. 1 where there is no such
    score.
    """
    return Levels(_level(scored, Label.SUPPORTED), _level(scored, Label.PARTLY))


def _level(scored: Sequence[Scored], least: Label) -> float:
    order = sorted(scored, key=lambda each: -each[1])
    level = 1.0
    hits: dict[bool, list[bool]] = {}
    for number, (case, score) in enumerate(order, start=1):
        hits.setdefault(case.kind == CLAIMS, []).append(case.label >= least)
        precisions = [sum(each) / len(each) for each in hits.values()]
        if number >= _FEWEST and sum(precisions) / len(precisions) >= _WANTED_PRECISION[least]:
            level = score
    return math.ceil(level * 1000) / 1000


def reciprocal_rank(ranking: Ranking, scores: Sequence[float]) -> float:
    """One divided by the rank of the first right sentence; 0 if no right one was compared."""
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return next((1 / rank for rank, i in enumerate(order, start=1) if ranking.right[i]), 0.0)


def measure(scored: Sequence[Scored], levels: Levels, signed: str = "") -> list[Figure]:
    """How well scores tell what is supported, and what the levels make of them; NaN where there is nothing to tell.

    The areas are under ROC curves. "supported is" is the precision of what is called supported.
    """
    above = [case.label for case, score in scored if score >= levels.supported]
    partly = [case.label for case, score in scored if score >= levels.partly]
    return [
        bootstrap("AUROC supported", lambda each: _area(each, Label.SUPPORTED), scored, signed, from_0_to_1=True),
        bootstrap("AUROC at least partly", lambda each: _area(each, Label.PARTLY), scored, signed, from_0_to_1=True),
        figure("supported is", [float(label is Label.SUPPORTED) for label in above], signed),
        figure("of supported", [float(s >= levels.supported) for c, s in scored if c.label is Label.SUPPORTED], signed),
        figure("at least partly is", [float(label >= Label.PARTLY) for label in partly], signed),
        figure("of at least partly", [float(s >= levels.partly) for c, s in scored if c.label >= Label.PARTLY], signed),
    ]


def curve(scored: Sequence[Scored], *, steps: int = 10) -> list[tuple[float, int, float, float]]:
    """By score: how many cases have at least so much, and which shares of them are supported, wholly and in part."""
    rows = []
    for step in range(1, steps + 1):
        order = sorted(scored, key=lambda each: -each[1])[: max(1, len(scored) * step // steps)]
        labels = [case.label for case, _ in order]
        whole, part = (
            sum(label >= least for label in labels) / len(labels) for least in (Label.SUPPORTED, Label.PARTLY)
        )
        rows.append((order[-1][1], len(order), whole, part))
    return rows


def _area(scored: Sequence[Scored], least: Label) -> float:
    ours = [score for case, score in scored if case.label >= least]
    return auroc(ours, [score for case, score in scored if case.label < least])
