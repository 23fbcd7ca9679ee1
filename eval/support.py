"""How well the support score of `rag.support` tells what follows from its quotes, and its weights fitted again.

Two kinds of cases. Claims with the pages that they cite (WiCE): which sentence of the page comes first, and whether the
claim follows wholly, in part or not from the three that come first. And sentences of texts that are translations of
each other: a sentence follows from its translation, with or without the next one beside it; together with the next one
it follows in part; from the next one it does not, nor if a number in it is another. The second are made, and easier
than what people and models write; nothing else is known of pairs of languages.

What is measured was left out of the fit: a tenth of the pages and articles at a time, each with all its translations.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import permutations

import numpy as np

from eval.claims import JudgedClaim
from eval.sets import RetrievalSet
from index.embed import Embedder
from index.errors import DataSetError
from index.language import detect_language
from index.sentences import split_sentences
from index.tokens import MEAN_TEXTS, TokenCodec, TokenVectors
from rag.facts import Quoted
from rag.support import (
    Levels,
    LogisticSupport,
    Stated,
    SupportSignals,
    WordWeights,
    compare_tokens,
    signals,
    stems,
)

# Sentences of a page that are compared with a claim; the others, which have fewer of its words, come after them.
_COMPARED = 30
_QUOTED = 3  # sentences that a claim is judged by
_REGULARISATION = 1.0  # scikit-learn's C, on signals divided by their standard deviation
_FOLDS = 10
_WANTED_PRECISION = 0.9
_FEWEST = 30  # cases that a level is taken from


CLAIMS = "claims"
_DIGITS = re.compile(r"\d+")
_PART = re.compile(r"[#-]\d+$")


class Label(IntEnum):
    """How far a statement follows from its quotes."""

    NOT = 0
    PARTLY = 1
    SUPPORTED = 2


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
        for lang, other in permutations(sentences, 2):
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
    i = _number(id_) % (len(own) - 1)
    yield "translated", Label.SUPPORTED, own[i], other[i : i + 1]
    yield "translated, quote of two", Label.SUPPORTED, own[i], other[i : i + 2]
    yield "with the next sentence", Label.PARTLY, f"{own[i]} {own[i + 1]}", other[i : i + 1]
    yield "next sentence", Label.NOT, own[i], other[i + 1 : i + 2]
    if found := _DIGITS.search(own[i]):
        changed = f"{int(found.group()[0]) % 9 + 1}{found.group()[1:]}"
        yield "number changed", Label.NOT, own[i][: found.start()] + changed + own[i][found.end() :], other[i : i + 1]


def _article(id_: str) -> str:
    """What a passage's id says of its article: "bbc.7" of "bbc.7#0"."""
    return _PART.sub("", id_)


def _number(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")


def fit(cases: Sequence[Case]) -> LogisticSupport:
    """Logistic regression: a case that is supported in part counts as half one that is and half one that is not.

    Claims weigh as much as all that is made. The levels are those of `levels_of` over the same cases.
    Raises DataSetError when there are only supported cases, or none.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise DataSetError(f"fitting needs scikit-learn ({error}); run: pip install scikit-learn") from error

    shares = np.array([case.label / Label.SUPPORTED for case in cases])
    if not len(cases) or not 0 < shares.mean() < 1:
        raise DataSetError("there are no supported cases, or no others; give claims with several labels")
    seen = np.array([astuple(case.signals) for case in cases])
    scale = np.where(seen.std(axis=0) > 0, seen.std(axis=0), 1.0)
    weights = np.array(_weights(cases))
    model = LogisticRegression(C=_REGULARISATION, max_iter=1000)
    model.fit(
        np.vstack([seen, seen]) / scale,
        np.repeat([1, 0], len(cases)),
        sample_weight=np.concatenate([weights * shares, weights * (1 - shares)]),
    )
    fitted = SupportSignals(*(round(float(weight), 3) for weight in np.ravel(model.coef_) / scale))
    return LogisticSupport(round(float(np.ravel(model.intercept_)[0]), 3), fitted, Levels(1.0, 1.0))


def _weights(cases: Sequence[Case]) -> list[float]:
    claims = sum(case.kind == CLAIMS for case in cases)
    kinds = sum(0 < n < len(cases) for n in (claims, len(cases) - claims)) or 1
    return [len(cases) / kinds / (claims if case.kind == CLAIMS else len(cases) - claims) for case in cases]


def left_out(cases: Sequence[Case], rankings: Sequence[Ranking]) -> tuple[list[float], list[list[float]]]:
    """The scores of the cases and of the sentences of the rankings, by weights fitted without their tenth of groups."""
    scores, ranked = [0.0] * len(cases), [[] for _ in rankings]
    for fold in range(_FOLDS):
        fitted = fit([case for case in cases if _number(case.group) % _FOLDS != fold])
        for i, case in enumerate(cases):
            if _number(case.group) % _FOLDS == fold:
                scores[i] = fitted.probability(case.signals)
        for i, ranking in enumerate(rankings):
            if _number(ranking.group) % _FOLDS == fold:
                ranked[i] = [fitted.probability(each) for each in ranking.signals]
    return scores, ranked
