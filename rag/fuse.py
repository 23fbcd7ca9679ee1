"""Dense, lexical and token scores to one, so that words help where they can know and are silent where they cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum

# Chosen on the dev sets (ntrex-qa, ntrex-head, xquad, squad2): between 0.9 and 1.8 the mean over 14 of them moves
# by less than 0.005 nDCG@10; below, Azerbaijani typed without its letters suffers, above, mixed archives do.
LEXICAL_WEIGHT = 1.3
# Beside a match of tokens. Chosen on 19 dev sets (ntrex-qa): from 0.2 to 0.67 the mean moves by 0.004; more lifts
# Azerbaijani typed without its letters (.761 to .803) and lowers mixed archives (.895 to .869). To add the centred
# cosine as well, a tenth of it or more, gains nothing: it has chosen the candidates.
LEXICAL_BESIDE_TOKENS = 0.33
# A question asks for a detail, which tokens find; a headline or a claim says what the whole passage is about, which
# the centred cosine knows better. So where nothing is asked, it gets a part: SciFact .718 to .721, headlines in English
# .824 to .844 (by cosine alone .854), the mean of 16 pairs of headlines .793 to .796, of which none loses more than
# .005. Nearby weights (a cosine of .26 to .33, words of .33 to .37) differ by .005 on SciFact, by .003 in English.
STATEMENT_DENSE, STATEMENT_LEXICAL = 0.31, 0.36
# Tokens of a question are met better in its own language, as its words are. To take away a quarter of the usual match
# of each language lifts archives of translations (ntrex-qa pools .852 to .864, xquad-ru-pool .887 to .902), moves mixed
# archives by .003, and nothing else, for passages of one language keep their order; .35 lowers mixed archives.
LATE_BACKGROUND = 0.25
_BACKGROUND_MATCHES = 5  # the best of a language, whose mean is its usual match
# How many passages of a language set what a share is worth there; 1 to 10 differ by 0.004.
_BACKGROUND_RANK = 3
# Two rankings agree if of the first so many passages of each at least so many are the same. On ntrex-qa, with the same
# question as written in two other languages for wordings, nDCG@10 is .925 over a mixed archive (.889 without) and .927
# over one in Azerbaijani (.888); with questions about something else in their place it stays .889 and .888, where
# without this rule it falls to .597 and .619.
_AGREE_AMONG, _AGREE_IN = 10, 3
_STEP = 1e-6  # what scores are rounded to


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much in the score of a passage."""

    words: float = LEXICAL_WEIGHT  # of the surplus, where the centred cosine counts 1
    words_reranked: float = LEXICAL_BESIDE_TOKENS  # of the surplus, where the match of tokens counts 1
    cosine_reranked: float = 0.0  # the part of the match of tokens, 0 to 1, whose place the centred cosine takes
    usual_match: float = LATE_BACKGROUND  # the part, 0 to 1, of the usual match in its language that is taken away


QUESTION = Weights()
STATEMENT = Weights(words_reranked=STATEMENT_LEXICAL, cosine_reranked=STATEMENT_DENSE)  # where nothing is asked


def surpluses(shares: Mapping[int, float], lang_of: Mapping[int, str]) -> dict[int, float]:
    """How much more of the question's words each passage of `lang_of` has than others in its language.

    `shares` are lexical shares, 0 to 1; a passage without one has 0. The surplus of a passage is its share less
    that of the fourth best passage in its own language. So a passage in the question's language gains nothing
    from the words that all of them share with the question, and in another language, where hardly a share
    differs from the next, words are silent. The order of the mappings does not matter.
    """
    by_lang: dict[str, list[float]] = {}
    for key, lang in lang_of.items():
        by_lang.setdefault(lang, []).append(shares.get(key, 0.0))
    background = {
        lang: sorted(found, reverse=True)[_BACKGROUND_RANK] if len(found) > _BACKGROUND_RANK else 0.0
        for lang, found in by_lang.items()
    }
    return {key: shares.get(key, 0.0) - background[lang] for key, lang in lang_of.items()}


def fuse(
    dense: Mapping[int, float], surplus: Mapping[int, float], *, words: float = LEXICAL_WEIGHT
) -> dict[int, float]:
    """One score for each passage of `dense`: its centred cosine plus its lexical surplus, weighted by `words`.

    It is a convex combination with one bounded scale, after Bruch, Gai and Ingber, An Analysis of Fusion
    Functions for Hybrid Retrieval, ACM TOIS 2023; the background of each language is ours.
    """
    return {key: score + words * surplus[key] for key, score in dense.items()}


def rerank(
    dense: Mapping[int, float],
    surplus: Mapping[int, float],
    late: Mapping[int, float],
    lang_of: Mapping[int, str],
    *,
    weights: Weights,
) -> dict[int, float]:
    """One score for each passage of `dense`: for those of `late` its match of tokens, less a part of what is usual in
    its language, and a third of its surplus; for what is no question a part of its centred cosine in the place of as
    much of the match. QUESTION and STATEMENT weigh so.

    The others come after them, in the order and at the distances that `fuse` gives them.
    """
    usual = _usual(late, lang_of)
    cosine, words, share = weights.cosine_reranked, weights.words_reranked, weights.usual_match
    reranked = {
        key: round(
            (1 - cosine) * (match - share * usual[lang_of[key]]) + cosine * dense[key] + words * surplus[key],
            6,
        )
        for key, match in late.items()
    }
    others = fuse({key: score for key, score in dense.items() if key not in late}, surplus, words=weights.words)
    return _followed(reranked, others)


def _usual(late: Mapping[int, float], lang_of: Mapping[int, str]) -> dict[str, float]:
    """The mean of the best matches of each language."""
    by_lang: dict[str, list[float]] = {}
    for key, match in late.items():
        by_lang.setdefault(lang_of[key], []).append(match)
    best = {lang: sorted(found, reverse=True)[:_BACKGROUND_MATCHES] for lang, found in by_lang.items()}
    return {lang: fsum(found) / len(found) for lang, found in best.items()}


def reorder(scores: Mapping[int, float], cross: Mapping[int, float]) -> dict[int, float]:
    """The scores, those of the passages of `cross` dealt out anew in the order that `cross` puts them in.

    The best of them gets the best score that one of them had, and so on, so that what is weighed against scores later
    finds the same scale, whatever a cross-encoder's own is. Equals keep their order. The others come after them, in
    the order and at the distances that they had.
    """
    order = sorted(cross, key=lambda key: (-cross[key], -scores[key], key))
    dealt: dict[int, float] = {}
    lowest = float("inf")
    for key, score in zip(order, sorted((scores[key] for key in cross), reverse=True), strict=True):
        lowest = dealt[key] = round(min(score, lowest - _STEP), 6)
    return _followed(dealt, {key: score for key, score in scores.items() if key not in cross})


def agree(one: Mapping[int, float], other: Mapping[int, float]) -> bool:
    """Whether two questions seem to ask the same, by what they find best.

    A translation finds much of what the question finds, for meaning is searched across languages as well; a wrong one
    finds something else.
    """
    return len(_best(one) & _best(other)) >= _AGREE_IN


def _best(scores: Mapping[int, float]) -> set[int]:
    return set(sorted(scores, key=lambda key: (-scores[key], key))[:_AGREE_AMONG])


def highest(scores: Iterable[Mapping[int, float]]) -> dict[int, float]:
    """For each passage the highest score that it has in one of these."""
    found: dict[int, float] = {}
    for each in scores:
        for key, score in each.items():
            found[key] = max(score, found.get(key, score))
    return found


def _followed(first: dict[int, float], others: dict[int, float]) -> dict[int, float]:
    """Both, the others moved down as far as it takes to come after the first."""
    if not (first and others):
        return first or others
    drop = max(others.values()) - min(first.values()) + _STEP
    return first | {key: score - max(drop, 0.0) for key, score in others.items()}
