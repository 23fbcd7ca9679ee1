"""Two systems over the same questions: is the difference more than chance, and which questions make it?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ir_measures import R, Success, nDCG
from numpy.typing import NDArray

from eval.figures import SEED, Figure, difference
from eval.measures import per_query
from eval.runs import Run, ranked
from eval.sets import RetrievalSet
from index.errors import DataSetError

MEASURES = (nDCG @ 10, R @ 10, Success @ 1)
FLIPS = 10_000
# Up to this many differences all sign flips are tried: 4096.
EXACT_UP_TO = 12
TOP = 5  # documents that are shown of each ranking
_WORST = 10
# Sums of the same numbers in another order differ by rounding; a flip as large as the observed sum counts as one.
_ROUNDING = 1e-12
_FLIPS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class PairedTest:
    """System B less system A on the same queries, by one measure of one set."""

    set_name: str
    measure: str
    mean_a: float
    mean_b: float
    difference: Figure  # mean of B - A, with a bootstrap interval over the queries
    p: float  # two-sided
    exact: bool  # whether all flips were tried
    wins: int  # queries on which B is better
    losses: int
    ties: int


@dataclass(frozen=True, slots=True)
class RankChange:
    """Where a relevant document stands in both rankings, from 1; 0 is not in the ranking."""

    document: str
    grade: int
    rank_a: int
    rank_b: int


@dataclass(frozen=True, slots=True)
class QueryLoss:
    """A query on which B is worse than A, and what stands where the right documents stood."""

    query: str
    text: str
    value_a: float
    value_b: float
    relevant: tuple[RankChange, ...]  # by grade, then by where A had them
    top_a: tuple[str, ...]
    top_b: tuple[str, ...]
    took_the_place: tuple[str, ...]  # not relevant, in B's top, and there higher than in A


@dataclass(frozen=True, slots=True)
class Cell:
    """A test as one of several: its p after Holm's correction, and the queries that B loses most on."""

    test: PairedTest
    p_holm: float
    worst: tuple[QueryLoss, ...]  # largest loss first


@dataclass(frozen=True, slots=True)
class RunPair:
    """The runs of two systems over one set."""

    retrieval_set: RetrievalSet
    a: Run
    b: Run


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems over all cells, a cell being a measure on a set."""

    name_a: str
    name_b: str
    cells: tuple[Cell, ...]


def sign_flip_p(differences: Sequence[float], *, seed: int = SEED, flips: int = FLIPS) -> tuple[float, bool]:
    """The two-sided p of paired differences under random exchange of the two systems, and whether it is exact.

    If both systems were alike, each difference could as well have had the other sign. p is the share of all ways
    to choose the signs whose sum is at least as far from 0 as the one observed. Zeros change nothing and are left
    out; with up to EXACT_UP_TO others every way is tried, else `flips` random ones, where p is
    (count + 1) / (flips + 1), for the observed one is such a way, too, and no p is 0. Without a difference p is 1.

    Source: Smucker, Allan and Carterette, A Comparison of Statistical Significance Tests for Information Retrieval
    Evaluation, CIKM 2007; for the added one Phipson and Smyth, Permutation P-values Should Never Be Zero, 2010.

    >>> sign_flip_p([0.5, 0.25, 0.0, 0.125])
    (0.25, True)
    """
    nonzero = np.array([each for each in differences if each], np.float64)
    n = len(nonzero)
    if not n:
        return 1.0, True
    reached = abs(nonzero.sum()) - _ROUNDING * np.abs(nonzero).sum()
    if n <= EXACT_UP_TO:
        signs = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float(np.mean(np.abs(signs @ nonzero) >= reached)), True
    random = np.random.default_rng(seed)
    count = sum(
        _count_reached(nonzero, reached, min(_FLIPS_AT_ONCE, flips - done), random)
        for done in range(0, flips, _FLIPS_AT_ONCE)
    )
    return (count + 1) / (flips + 1), False


def _count_reached(differences: NDArray[np.float64], reached: float, flips: int, random: np.random.Generator) -> int:
    signs = 1.0 - 2.0 * random.integers(0, 2, (flips, len(differences)))
    return int(np.count_nonzero(np.abs(signs @ differences) >= reached))


def holm(ps: Sequence[float]) -> list[float]:
    """The p values corrected for being several, in the order given.

    The smallest is multiplied by how many there are, the next by one less, and so on; none becomes smaller than one
    before it, or larger than 1. The chance of calling even one difference real that is not stays at the level asked.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics, 1979.

    >>> holm([0.25, 0.01, 0.02])
    [0.25, 0.03, 0.04]
    """
    corrected = [0.0] * len(ps)
    largest = 0.0
    for step, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        largest = max(largest, min(1.0, (len(ps) - step) * ps[place]))
        corrected[place] = largest
    return corrected


def compare(
    a: Mapping[str, float],
    b: Mapping[str, float],
    *,
    measure: str,
    set_name: str,
    signature: str = "",
    seed: int = SEED,
    flips: int = FLIPS,
) -> PairedTest:
    """Test the values by query of system B against those of system A. Raises DataSetError if the queries differ."""
    if only := sorted(a.keys() ^ b.keys()):
        raise DataSetError(
            f"{set_name}: query {only[0]!r} and {len(only) - 1} others have a value of one system only; "
            "compare systems over the same queries"
        )
    queries = sorted(a)  # not as they come: the resamples must be the same for the same values
    differences = [b[query] - a[query] for query in queries]
    p, exact = sign_flip_p(differences, seed=seed, flips=flips)
    return PairedTest(
        set_name=set_name,
        measure=measure,
        mean_a=_mean([a[query] for query in queries]),
        mean_b=_mean([b[query] for query in queries]),
        difference=difference(f"{measure} difference", differences, signature),
        p=p,
        exact=exact,
        wins=sum(each > 0 for each in differences),
        losses=sum(each < 0 for each in differences),
        ties=sum(each == 0 for each in differences),
    )


def compare_runs(
    pairs: Iterable[RunPair],
    *,
    name_a: str,
    name_b: str,
    measures: Sequence[Any] = MEASURES,
    worst: int = _WORST,
    seed: int = SEED,
    flips: int = FLIPS,
) -> Comparison:
    """Compare the runs of two systems by every measure on every set; Holm's correction is over all of these.

    Queries without a relevant document are left out; one that a run does not hold has the value 0. `measures` are
    those of ir_measures. Raises DataSetError if a set has no judged query.
    """
    tests: list[tuple[PairedTest, tuple[QueryLoss, ...]]] = []
    for pair in pairs:
        if not pair.retrieval_set.judged:
            raise DataSetError(f"{pair.retrieval_set.name}: no query has a relevant document; nothing can be compared")
        by_measure_a = per_query(pair.retrieval_set, pair.a, measures)
        by_measure_b = per_query(pair.retrieval_set, pair.b, measures)
        for measure in map(str, measures):
            a, b = by_measure_a[measure], by_measure_b[measure]
            signed = f"data:{pair.retrieval_set.sha256[:12]}|seed:{seed}"
            test = compare(
                a, b, measure=measure, set_name=pair.retrieval_set.name, signature=signed, seed=seed, flips=flips
            )
            tests.append((test, _worst_losses(pair, a, b, worst)))
    corrected = holm([test.p for test, _ in tests])
    cells = (Cell(test, p, losses) for (test, losses), p in zip(tests, corrected, strict=True))
    return Comparison(name_a, name_b, tuple(cells))


def _worst_losses(pair: RunPair, a: Mapping[str, float], b: Mapping[str, float], worst: int) -> tuple[QueryLoss, ...]:
    lost = sorted((query for query in a if b[query] < a[query]), key=lambda query: (b[query] - a[query], query))
    texts = {query.id: query.text for query in pair.retrieval_set.judged}
    return tuple(
        query_loss(
            query,
            texts[query],
            (a[query], b[query]),
            pair.retrieval_set.qrels[query],
            [document for document, _ in ranked(pair.a.get(query, {}))],
            [document for document, _ in ranked(pair.b.get(query, {}))],
        )
        for query in lost[:worst]
    )


def query_loss(
    query: str,
    text: str,
    values: tuple[float, float],
    grades: Mapping[str, int],
    ranking_a: Sequence[str],
    ranking_b: Sequence[str],
) -> QueryLoss:
    """What changed between two rankings of documents, best first, for one query with `values` by A and by B."""
    rank_a = {document: rank for rank, document in enumerate(ranking_a, start=1)}
    rank_b = {document: rank for rank, document in enumerate(ranking_b, start=1)}
    relevant = [
        RankChange(document, grade, rank_a.get(document, 0), rank_b.get(document, 0))
        for document, grade in grades.items()
        if grade > 0
    ]
    never = len(rank_a) + len(rank_b) + 1
    return QueryLoss(
        query=query,
        text=text,
        value_a=values[0],
        value_b=values[1],
        relevant=tuple(sorted(relevant, key=lambda r: (-r.grade, r.rank_a or never, r.document))),
        top_a=tuple(ranking_a[:TOP]),
        top_b=tuple(ranking_b[:TOP]),
        took_the_place=tuple(
            document
            for document in ranking_b[:TOP]
            if grades.get(document, 0) <= 0 and rank_b[document] < rank_a.get(document, never)
        ),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def comparison_to_json(comparison: Comparison) -> str:
    """All of a comparison for machines."""
    return json.dumps(asdict(comparison), ensure_ascii=False, indent=2)


def comparison_to_text(comparison: Comparison, *, losses: int = 5) -> str:
    """A comparison for a person: a line a cell, then the largest losses of the first measure of each set."""
    lines = [
        f"A = {comparison.name_a}, B = {comparison.name_b}; B - A with its 95 % interval; p by paired randomisation, "
        "after Holm over all lines",
        "",
        f"{'set':<24} {'measure':<11} {'A':>6} {'B':>6}  {'B - A':<25} {'p':>7} {'p Holm':>7}  won lost tied",
    ]
    for cell in comparison.cells:
        test, d = cell.test, cell.test.difference
        lines.append(
            f"{test.set_name:<24} {test.measure:<11} {test.mean_a:6.3f} {test.mean_b:6.3f}  "
            f"{f'{d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}]':<25} {test.p:7.4f} {cell.p_holm:7.4f}  "
            f"{test.wins:>3} {test.losses:>4} {test.ties:>4}"
        )
    shown: set[str] = set()
    for cell in comparison.cells:
        test = cell.test
        if test.set_name in shown or not cell.worst:
            continue
        shown.add(test.set_name)
        lines += ["", f"{test.set_name}: largest losses of B by {test.measure}, {test.losses} in all"]
        for loss in cell.worst[:losses]:
            lines.append(f"  {loss.query}  {loss.value_a:.3f} -> {loss.value_b:.3f}  {loss.text}")
            lines += [
                f"    right: {change.document}  rank {change.rank_a or '-'} -> {change.rank_b or '-'}"
                for change in loss.relevant[:TOP]
            ]
            lines.append(f"    in its place: {', '.join(loss.took_the_place) or 'nothing new'}")
    return "\n".join(lines) + "\n"
