"""How surely a statement follows from its quotes, estimated without a language model.

What a quote supports shares its numbers, dates and names, most of its words and of its pairs of words if the language
is the same, and each of its tokens finds its like there. None of this is understanding: a "not" that is put in, or who
did it to whom turned round, changes little of it. So this is an estimate with a stated precision, and no verification.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from index.embed import unit
from index.fold import WORD, stem_word
from index.threads import one_thread
from index.tokens import TokenVectors
from rag.facts import Compared, Quoted, compare_facts
from rag.late import Floats
from rag.logistic import probability
from rag.reply import Support

_LEAST_WEIGHT = 0.1  # of a word that stands in every sentence


class WordWeights:
    """How much words and pairs of words tell among some sentences: the less, the more of them have it."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self._sentences = 0
        self._frequency: Counter[object] = Counter()
        for sentence in sentences:
            found = stems(sentence)
            self._frequency.update({*found, *pairwise(found)})
            self._sentences += 1

    def of(self, term: str | tuple[str, str]) -> float:
        """The weight of a stem, or of two side by side: its inverse document frequency, and never none."""
        return max(_LEAST_WEIGHT, math.log((self._sentences + 1) / (self._frequency[term] + 0.5)))

    def share(self, wanted: Set[str] | Set[tuple[str, str]], held: Set[str] | Set[tuple[str, str]]) -> float:
        """How much of what is wanted is held, 0 to 1, each counting as it weighs; 0 if nothing is wanted."""
        total = math.fsum(map(self.of, wanted))
        return math.fsum(map(self.of, wanted & held)) / total if total else 0.0


def stems(text: str) -> list[str]:
    """The stems of a text's words, in order."""
    return [stem for word in WORD.findall(text) if (stem := stem_word(word))]


@dataclass(frozen=True, slots=True)
class Closeness:
    """How near each token of a statement comes to its like in some quotes, by cosine."""

    starts: np.ndarray  # (tokens,): where each begins in the statement, in code points
    centred: Floats  # (tokens,): the mean token vector of the model taken away
    plain: Floats  # (tokens,): of the vectors as they are

    @property
    def nearness(self) -> float:
        """The mean of the centred matches, -1 to 1; 0 where there is nothing to compare."""
        return float(self.centred.mean()) if len(self.centred) else 0.0


@one_thread()
def compare_tokens(statement: TokenVectors, quotes: Sequence[TokenVectors], mean: Floats) -> Closeness:
    """Match each token of a statement with those of its quotes; `mean` is that of all tokens of the model."""
    if not statement.tokens or not any(quote.tokens for quote in quotes):
        none = np.zeros(len(statement.tokens), np.float32)
        return Closeness(statement.starts, none, none)
    quoted = np.concatenate([quote.vectors for quote in quotes])
    centred = unit(statement.vectors - mean) @ unit(quoted - mean).T
    return Closeness(statement.starts, centred.max(axis=1), (statement.vectors @ quoted.T).max(axis=1))


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement with the words that are to prove it, and all that is needed to weigh them."""

    text: str
    lang: str  # BCP 47
    quotes: tuple[Quoted, ...]
    context: str  # the question and the passages; see `rag.facts`
    closeness: Closeness
    weights: WordWeights  # of the sentences that the quotes were chosen from

    @property
    def is_across(self) -> bool:
        """Whether no quote is in the statement's language."""
        return all(quote.lang != self.lang for quote in self.quotes)


@dataclass(frozen=True, slots=True)
class SupportSignals:
    """What there is to tell whether quotes support a statement; or the weights of all this."""

    words: float  # the share of its words that the quotes have, rare ones weighing more
    pairs: float  # the same of pairs of words side by side
    centred: float  # how near its tokens come to those of the quotes, rare words weighing more, -1 to 1
    plain: float  # the same by token vectors as they are
    figures: float  # the share of its numbers and dates that the quotes have not, 0 where it has none
    names: float  # the same of its names


def signals(stated: Stated) -> SupportSignals:
    """The signals of a statement."""
    own = stems(stated.text)
    held = [stems(quote.text) for quote in stated.quotes]
    found = compare_facts(stated.text, stated.quotes, lang=stated.lang, context=stated.context)
    tokens = _token_weights(stated)
    return SupportSignals(
        words=stated.weights.share(set(own), {stem for each in held for stem in each}),
        pairs=stated.weights.share(set(pairwise(own)), {pair for each in held for pair in pairwise(each)}),
        centred=float(stated.closeness.centred @ tokens),
        plain=float(stated.closeness.plain @ tokens),
        figures=_missing(found.dates, found.numbers),
        names=_missing(found.names),
    )


def _missing(*compared: Compared) -> float:
    return sum(len(each.missing) for each in compared) / max(1, sum(each.stated for each in compared))


def _token_weights(stated: Stated) -> Floats:
    """(tokens,), their sum 1: each token weighs as the word that it is part of."""
    words = list(WORD.finditer(stated.text))
    # A token may begin at the blank before its word. What is behind the last word is part of none.
    at = np.searchsorted([word.end() for word in words], stated.closeness.starts, side="right")
    of_words = [stated.weights.of(stem_word(word.group())) for word in words] + [_LEAST_WEIGHT]
    weights = np.array(of_words, np.float32)[at]
    return weights / max(float(weights.sum()), _LEAST_WEIGHT)


@dataclass(frozen=True, slots=True)
class Levels:
    """From which score on a statement is called supported, or supported in part."""

    supported: float
    partly: float

    def of(self, score: float) -> Support:
        """What a score is shown as; a low one says nothing, not that the statement is wrong."""
        if score >= self.supported:
            return Support.SUPPORTED
        return Support.PARTLY if score >= self.partly else Support.NOT_CHECKED


def numbers_hash(weights: Any) -> str:
    """SHA-256 of a dataclass of numbers, and of dataclasses of these, by their names."""
    return hashlib.sha256(json.dumps(asdict(weights), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Judged:
    """How surely quotes support a statement, 0 to 1, and what that is called."""

    score: float
    support: Support


class SupportModel(Protocol):
    """Something that scores statements by their quotes."""

    @property
    def name(self) -> str:
        """What a receipt calls it."""
        ...

    @property
    def weights_hash(self) -> str:
        """SHA-256 of its numbers."""
        ...

    def judge(self, stated: Stated) -> Judged:
        """How surely the quotes support the statement."""
        ...


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression over the signals, and what its probabilities are called."""

    intercept: float
    weights: SupportSignals
    levels: Levels

    def probability(self, seen: SupportSignals) -> float:
        """The estimated probability, 0 to 1, that the quotes support all of a statement."""
        return probability(self.intercept, self.weights, seen)


@dataclass(frozen=True, slots=True)
class SignalSupport:
    """The estimate from signals: within a language by shared words, too, across languages without them."""

    within: Logistic
    across: Logistic

    @property
    def name(self) -> str:
        return "signals"

    @property
    def weights_hash(self) -> str:
        return numbers_hash(self)

    def judge(self, stated: Stated) -> Judged:
        own = self.across if stated.is_across else self.within
        score = own.probability(signals(stated))
        return Judged(score, own.levels.of(score))


# What `dragoman eval support --fit` makes of WiCE's 349 claims and of ntrex-qa in en, az and ru; figures are of what
# was left out of the fit, or in no fit, with 95 % intervals. Of a page's sentences one that supports comes first: MRR
# .933 [.909, .953] over the 306 claims that have support, .920 over 319. Claims by their closest three sentences:
# AUROC .758 [.704, .809] for supported, .843 [.784, .896] for at least partly. Made within en, az and ru: .983 [.974,
# .991]; across: .927 [.917, .937], .91 to .94 by pair. "Supported" is right within a language for .934 [.899, .958]
# of what is made, and is near the very words: of the claims one comes so high, so its precision on these is not
# known; they have .85 from .89 on, and .9 nowhere. Across languages it is right for .902 [.879, .921]. "Partly" is at
# least that for .973 [.942, .988] of the claims, .927 [.898, .949] of what is made within a language, .950 [.934,
# .963] across.
SUPPORT = SignalSupport(
    within=Logistic(
        intercept=-9.366,
        weights=SupportSignals(words=2.327, pairs=0.909, centred=5.358, plain=6.344, figures=-0.238, names=-0.076),
        levels=Levels(supported=0.978, partly=0.516),
    ),
    across=Logistic(
        intercept=-13.299,
        weights=SupportSignals(words=2.508, pairs=3.557, centred=6.121, plain=13.692, figures=-1.67, names=-0.266),
        levels=Levels(supported=0.821, partly=0.765),
    ),
)
