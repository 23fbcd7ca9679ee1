"""Fit the weights of `index.wording`: which words furniture has and articles have not.

Logistic regression with an L2 penalty over how words begin, furniture of the reading set against paragraphs of its
articles and their first sentences; how a line is made besides is given to it, so that words are not praised for what
length and marks tell. What decided the penalty and what is left out: the area under the ROC curve for lines that end as
sentences do, of writers that were left out, .89 (without words .80, with those that were listed by hand .86).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from eval.reading import GoldFile
from index.sentences import split_sentences
from index.standing import MOST_CHARACTERS, line_shape
from index.wording import beginnings

_REGULARISATION = 10.0  # scikit-learn's C
_FEWEST = 2  # lines that a word must be in
_STEP = 0.5  # what weights are rounded to; what is less is left out
_PREFIX = "word "  # before the names of words, among those of other evidence
_SENTENCES = 2  # of each paragraph, beside itself


def fit_words(golds: Sequence[GoldFile]) -> dict[str, float]:
    """The weights that these files teach, by how words begin; the same each time."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    lines = [*((text, True) for text in _furniture(golds)), *((text, False) for text in _texts(golds))]
    found = [beginnings(text) for text, _ in lines]
    counts = Counter(word for words in found for word in words)
    evidence = [
        {_PREFIX + word: 1 / math.sqrt(len(words)) for word in sorted(words) if counts[word] >= _FEWEST}
        | {name: float(value) for name, value in line_shape(text).items()}
        for words, (text, _) in zip(found, lines, strict=True)
    ]
    vectorizer = DictVectorizer(sort=False)
    model = LogisticRegression(C=_REGULARISATION, max_iter=1000)
    model.fit(vectorizer.fit_transform(evidence), [is_furniture for _, is_furniture in lines])
    weights = np.round(np.ravel(model.coef_) / _STEP) * _STEP
    named = zip(vectorizer.get_feature_names_out(), weights, strict=True)
    return {name.removeprefix(_PREFIX): float(weight) for name, weight in named if name.startswith(_PREFIX) and weight}


def _furniture(golds: Iterable[GoldFile]) -> Iterator[str]:
    for gold in golds:
        yield from (text for text in gold.furniture if 0 < len(text) <= MOST_CHARACTERS)


def _texts(golds: Iterable[GoldFile]) -> Iterator[str]:
    for gold in golds:
        for article in gold.articles:
            for paragraph in article.paragraphs:
                sentences = [paragraph[start:end].strip() for start, end in split_sentences(paragraph, article.lang)]
                if len(paragraph) <= MOST_CHARACTERS:
                    yield paragraph
                if len(sentences) > 1:
                    yield from (text for text in sentences[:_SENTENCES] if text and len(text) <= MOST_CHARACTERS)
