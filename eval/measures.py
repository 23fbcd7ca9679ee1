"""Measures: those of the field through ir_measures, and ours, each with its definition and where it comes from.

Functions here take plain values and return plain values; `figures` puts intervals on them.
"""

from __future__ import annotations

import math
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ir_measures
import numpy as np
from ir_measures import AP, RR, R, Success, nDCG

from eval.figures import Figure, figure
from eval.gold import Gold, cites
from eval.runs import Run, by_rank, ranked
from eval.sets import RetrievalSet
from index.fold import folded_words
from index.folder import Filters, Index
from rag.reply import Citation

MEASURES = (nDCG @ 10, R @ 10, R @ 100, RR @ 10, Success @ 1, Success @ 5, AP @ 100)

_CHRF_LENGTH = 6
_CHRF_BETA = 2
_SAME_PASSAGE = 0.8
_ARTICLES = frozenset(("a", "an", "the"))


# --- rankings against judgments -----------------------------------------------------------------------------------


def per_query(
    retrieval_set: RetrievalSet, run: Mapping[str, Mapping[str, float]], measures: Iterable[Any] = MEASURES
) -> dict[str, dict[str, float]]:
    """The value of each measure for each judged query, as ir_measures counts it: measure name to query id to value.

    Ties are broken as in a run's file, by document id, before ir_measures sees them. A judged query that is not in
    the run has 0; queries of the run that are not judged are left out.

    Source: MacAvaney, Macdonald and Ounis, Streamlining Evaluation with ir-measures, ECIR 2022.
    """
    judged = [query.id for query in retrieval_set.judged]
    return measured({query: retrieval_set.qrels[query] for query in judged}, run, measures)


def measured(
    qrels: Mapping[str, Mapping[str, int]], run: Mapping[str, Mapping[str, float]], measures: Iterable[Any] = MEASURES
) -> dict[str, dict[str, float]]:
    """As `per_query`, for judgments of any documents, such as those of `gold.gold_run`."""
    wanted = list(measures)
    values = {str(measure): dict.fromkeys(qrels, 0.0) for measure in wanted}
    # A query with an empty ranking makes some tools that ir_measures calls fail.
    asked = {query: scores for query, scores in run.items() if query in qrels and scores}
    if not asked:
        return values
    grades = {query: dict(by_document) for query, by_document in qrels.items()}
    for metric in ir_measures.iter_calc(wanted, grades, by_rank(asked)):
        if metric.query_id in qrels:
            values[str(metric.measure)][metric.query_id] = float(metric.value)
    return values


def measure(
    retrieval_set: RetrievalSet,
    run: Mapping[str, Mapping[str, float]],
    signed: str,
    measures: Iterable[Any] = MEASURES,
) -> tuple[Figure, ...]:
    """The mean of each measure over the judged queries, with intervals; see `per_query`."""
    values = per_query(retrieval_set, run, measures)
    return tuple(figure(name, list(by_query.values()), signed) for name, by_query in values.items())


def perfectly_reranked(retrieval_set: RetrievalSet, run: Mapping[str, Mapping[str, float]], *, depth: int = 100) -> Run:
    """The run that a reranker of the first `depth` documents makes that knows the judgments: the ceiling of any.

    What it reaches by a measure is what is lost only before reranking.
    """
    best: Run = {}
    for query, scores in run.items():
        grades = retrieval_set.qrels.get(query, {})
        order = [document for document, _ in ranked(scores)[:depth]]
        order.sort(key=lambda document: -grades.get(document, 0))  # stable: equal grades stay as ranked
        best[query] = {document: float(below) for below, document in enumerate(reversed(order))}
    return best


def recall_within_tokens(
    found: Sequence[Collection[str]], tokens: Sequence[int], relevant: Collection[str], *, budget: int
) -> float:
    """The share of `relevant` that the passages hold which fit into `budget` tokens; NaN if nothing is relevant.

    `found` has, for each passage, best first, the ids that it counts for (documents, or `gold.passage_golds`), and
    `tokens` its length. Passages are taken whole, in order, until the next would not fit: what a model is shown
    costs tokens, so a system of longer passages gets no more of them.
    """
    if not relevant:
        return math.nan
    seen: set[str] = set()
    spent = 0
    for ids, length in zip(found, tokens, strict=True):
        spent += length
        if spent > budget:
            break
        seen.update(ids)
    return len(seen & set(relevant)) / len(set(relevant))


def duplicate_share(texts: Sequence[str], *, k: int) -> float:
    """The share of the first `k` passages that say what one above them says; NaN without a passage.

    Two say the same if their sets of folded words have a resemblance (intersection over union) of 0.8 or more.

    Source: Broder, On the resemblance and containment of documents, 1997.
    """
    seen: list[frozenset[str]] = []
    repeated = 0
    for text in texts[:k]:
        words = frozenset(folded_words(text))
        repeated += any(_resemblance(words, other) >= _SAME_PASSAGE for other in seen)
        seen.append(words)
    return repeated / len(seen) if seen else math.nan


def _resemblance(one: frozenset[str], other: frozenset[str]) -> float:
    together = len(one | other)
    return len(one & other) / together if together else 1.0


def language_shares(languages: Sequence[str], *, k: int) -> dict[str, float]:
    """How large a share of the first `k` passages each language has, the largest first; {} without a passage."""
    counts = Counter(languages[:k])
    total = sum(counts.values())
    return {lang: count / total for lang, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))}


def index_recall(index: Index, questions: Sequence[str], *, k: int = 10) -> list[float]:
    """For each question, the share of the `k` nearest passages of all that dense search has among its first `k`.

    The nearest are told by the score of every vector of the catalog. A passage that is found counts when its score
    is no lower than that of the last of the nearest, so ties cost nothing. Without passages it is 1.

    Source: Aumüller, Bernhardsson and Faithfull, ANN-Benchmarks, Information Systems 2020 (recall by distance).
    """
    keys = [stored.key for stored in index.catalog.added_since(0)]
    shares = []
    for question in questions:
        vector = index.embedder.embed_query(question)
        exact = sorted(index.dense.scores(vector, keys).values(), reverse=True)[:k]
        found = index.search_dense(vector, k=k, filters=Filters())[:k]
        shares.append(sum(hit.score >= exact[-1] for hit in found) / len(exact) if exact else 1.0)
    return shares


# --- citations ----------------------------------------------------------------------------------------------------


def citation_precision(citations: Sequence[Citation], golds: Sequence[Gold]) -> float:
    """The share of an answer's citations that count for a gold quote; NaN without a citation.

    A citation counts when it covers at least half of a place of the gold or holds its words (`gold.cites`). An
    answer to a question that has no answer has precision 0.

    Source: after Gao et al., Enabling LLMs to Generate Text with Citations, EMNLP 2023, and Liu, Zhang and Liang,
    Evaluating Verifiability in Generative Search Engines, 2023, with gold places in the judge's stead.
    """
    if not citations:
        return math.nan
    return sum(any(cites(citation, gold) for gold in golds) for citation in citations) / len(citations)


def citation_recall(citations: Sequence[Citation], golds: Sequence[Gold]) -> float:
    """The share of a question's gold quotes that some citation counts for; 0 if it was declined, NaN without gold.

    Where several quotes answer the same it asks for all of them; `first_citation_right` for any. Source: as above.
    """
    if not golds:
        return math.nan
    return sum(any(cites(citation, gold) for citation in citations) for gold in golds) / len(golds)


def first_citation_right(citations: Sequence[Citation], golds: Sequence[Gold]) -> bool:
    """Whether one of the citations that stand first, those of the first statement, counts for a gold quote.

    Its mean over the answerable questions is first-citation accuracy; a declined question is a miss.
    Source: ours. It is what a reader sees who checks one citation.
    """
    return any(cites(citation, gold) for citation in citations for gold in golds)


def quote_validity(standing: int, citations: int) -> float:
    """The share of citations whose quote, read again, stands in the file (`rag.verify`); NaN without a citation.

    Source: ours. Anything below 1 is a defect.
    """
    return standing / citations if citations else math.nan


# --- knowing when not to answer -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Confusion:
    """How declining agrees with there being no answer. Declining is the positive class.

    Source: precision, recall and F1 as in van Rijsbergen, Information Retrieval, 1979, chapter 7.
    """

    rightly_declined: int
    wrongly_declined: int
    wrongly_answered: int  # unanswerable questions that were answered

    @property
    def precision(self) -> float:
        """Of the declined questions, the share without an answer; NaN if none was declined."""
        return _share(self.rightly_declined, self.rightly_declined + self.wrongly_declined)

    @property
    def recall(self) -> float:
        """Of the questions without an answer, the share that was declined; NaN if there is none."""
        return _share(self.rightly_declined, self.rightly_declined + self.wrongly_answered)

    @property
    def f1(self) -> float:
        """The harmonic mean of both; NaN if nothing was declined or should have been."""
        union = self.rightly_declined + self.wrongly_declined + self.wrongly_answered
        return _share(2 * self.rightly_declined, union + self.rightly_declined)


def confusion(declined: Sequence[bool], answerable: Sequence[bool]) -> Confusion:
    """Count the questions by what was done and what was right."""
    pairs = Counter(zip(declined, answerable, strict=True))
    return Confusion(pairs[True, False], pairs[True, True], pairs[False, False])


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def f1_of_share(share: float) -> float:
    """F1 from the share of true positives among all but the true negatives.

    F1 grows with this share, so the ends of the share's interval become the ends of F1's.
    Source: Hand, Christen and Kirielle, F*: an interpretable transformation of the F-measure, Machine Learning 2021.
    """
    return 2 * share / (1 + share)


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """If only the most confident share of the questions is answered, how many of these answers are wrong."""

    coverage: float
    risk: float


def risk_coverage(confidences: Sequence[float], losses: Sequence[float]) -> list[RiskPoint]:
    """The risk-coverage curve: for each n, the mean loss of the n most confident questions, n = 1 first.

    Questions of the same confidence share their mean loss, which is the risk expected of any order among them.

    Source: El-Yaniv and Wiener, JMLR 2010; Geifman and El-Yaniv, Selective Classification for Deep Neural Networks,
    NeurIPS 2017.
    """
    groups: dict[float, list[float]] = {}
    for confidence, loss in zip(confidences, losses, strict=True):
        groups.setdefault(float(confidence), []).append(float(loss))
    points: list[RiskPoint] = []
    total = 0.0
    for _, group in sorted(groups.items(), reverse=True):
        mean = math.fsum(group) / len(group)
        for _ in group:
            total += mean
            points.append(RiskPoint((len(points) + 1) / len(losses), total / (len(points) + 1)))
    return points


def aurc(confidences: Sequence[float], losses: Sequence[float]) -> float:
    """The area under the risk-coverage curve: the mean of its risks. Lower is better; NaN without a question.

    For replies the loss is 1 unless the first citation is right. Of a declined question that is the first citation
    of its draft: with a threshold of its confidence or lower it would have been answered so.

    Source: Geifman and El-Yaniv, NeurIPS 2017, and ICLR 2019, which names it.
    """
    points = risk_coverage(confidences, losses)
    return math.fsum(point.risk for point in points) / len(points) if points else math.nan


def auroc(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The share of pairs of one of `ours` and one of `theirs` in which ours is higher, ties half; NaN without pairs.

    It is the area under the ROC curve.
    """
    if not len(ours) or not len(theirs):
        return math.nan
    above = np.sign(np.asarray(ours)[:, None] - np.asarray(theirs)[None, :])
    return float((above.mean() + 1) / 2)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Questions of about the same confidence, and how often it was right."""

    low: float
    high: float
    confidence: float  # mean
    accuracy: float
    n: int


def reliability(confidences: Sequence[float], outcomes: Sequence[bool], *, bins: int = 10) -> list[ReliabilityBin]:
    """The questions in bins of equal width from 0 to 1, empty bins left out; 1 is in the last.

    Source: Niculescu-Mizil and Caruana, ICML 2005; the bins of Guo et al., ICML 2017.
    """
    members: dict[int, list[tuple[float, bool]]] = {}
    for confidence, outcome in zip(confidences, outcomes, strict=True):
        if not 0 <= confidence <= 1:
            raise ValueError(f"confidence {confidence} is not from 0 to 1")
        members.setdefault(min(int(confidence * bins), bins - 1), []).append((confidence, outcome))
    return [
        ReliabilityBin(
            low=i / bins,
            high=(i + 1) / bins,
            confidence=math.fsum(confidence for confidence, _ in group) / len(group),
            accuracy=sum(outcome for _, outcome in group) / len(group),
            n=len(group),
        )
        for i, group in sorted(members.items())
    ]


def calibration_error(confidences: Sequence[float], outcomes: Sequence[bool], *, bins: int = 10) -> float:
    """Expected calibration error: the mean over questions of how far their bin's accuracy is from its confidence.

    Source: Naeini, Cooper and Hauskrecht, AAAI 2015; Guo et al., ICML 2017. NaN without a question.
    """
    if not confidences:
        return math.nan
    filled = reliability(confidences, outcomes, bins=bins)
    return math.fsum(bin_.n * abs(bin_.accuracy - bin_.confidence) for bin_ in filled) / len(confidences)


# --- words of an answer ---------------------------------------------------------------------------------------------


def chrf(answer: str, reference: str) -> float:
    """chrF from 0 to 1: F2 of the mean precision and mean recall of character 1- to 6-grams, white space left out.

    Lengths of which either text has no n-gram are not counted. Equal to sacrebleu's sentence chrF2 over 100.

    Source: Popović, chrF: character n-gram F-score for automatic MT evaluation, WMT 2015; F2 from her paper of 2016.
    """
    answer_characters, reference_characters = "".join(answer.split()), "".join(reference.split())
    precisions: list[float] = []
    recalls: list[float] = []
    for n in range(1, _CHRF_LENGTH + 1):
        ours, theirs = _grams(answer_characters, n), _grams(reference_characters, n)
        if ours and theirs:
            both = (ours & theirs).total()
            precisions.append(both / ours.total())
            recalls.append(both / theirs.total())
    if not precisions:
        return 0.0
    precision, recall = math.fsum(precisions) / len(precisions), math.fsum(recalls) / len(recalls)
    if not precision + recall:
        return 0.0
    return (1 + _CHRF_BETA**2) * precision * recall / (_CHRF_BETA**2 * precision + recall)


def _grams(text: str, n: int) -> Counter[str]:
    return Counter(text[i : i + n] for i in range(len(text) - n + 1))


def token_f1(answer: str, reference: str, *, lang: str) -> float:
    """F1 of the words that both texts have, counted as often as both have them; case and punctuation aside.

    In English a, an and the are left out; in other languages those letters are words. Two texts without a word are
    equal.

    Source: Rajpurkar et al., SQuAD, EMNLP 2016, and its evaluation script.
    """
    ours, theirs = (Counter(_answer_words(text, lang)) for text in (answer, reference))
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * (ours & theirs).total() / (ours.total() + theirs.total())


def _answer_words(text: str, lang: str) -> list[str]:
    if lang in ("az", "tr"):  # lower() makes "I" into "i", which there is "ı"
        text = text.replace("I", "ı").replace("İ", "i")
    # Punctuation is deleted, not made a blank, and so is what SQuAD takes from ASCII's: "$" and its like.
    bare = "".join(c for c in text.lower() if unicodedata.category(c)[0] != "P" and not re.match(r"[$+<=>^`|~]", c))
    return [word for word in bare.split() if lang != "en" or word not in _ARTICLES]


# --- time and memory ------------------------------------------------------------------------------------------------


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` % of the values do not exceed, between two of them by proportion; NaN without any.

    Source: Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996, type 7.
    """
    if not values:
        return math.nan
    ordered = sorted(values)
    below, part = divmod((len(ordered) - 1) * percent / 100, 1)
    upper = ordered[min(int(below) + 1, len(ordered) - 1)]
    return ordered[int(below)] + part * (upper - ordered[int(below)])


def median(values: Sequence[float]) -> float:
    """Latency p50: half of the questions took no longer."""
    return percentile(values, 50)


def p95(values: Sequence[float]) -> float:
    """Latency p95: 95 of 100 questions took no longer."""
    return percentile(values, 95)


def throughput(passages: int, seconds: float) -> float:
    """Index throughput: passages read, embedded and committed in one second of wall-clock time."""
    return passages / seconds if seconds > 0 else math.nan


def peak_memory_bytes() -> float:
    """The most memory that this process has held since it began, models and file caches that it maps included.

    Source: getrusage(2), ru_maxrss, which Linux counts in KiB and macOS in bytes. NaN where there is no getrusage.
    """
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most if sys.platform == "darwin" else most * 1024)
