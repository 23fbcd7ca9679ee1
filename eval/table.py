"""The comparison of systems over sets, as a table: a mean with its interval, the worst set, the mean over sets.

If one of them is asked for by name, a second table has its difference from each of the others, tested in pairs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ir_measures import R, nDCG

from eval.compare import PairedTest, compare, holm
from eval.figures import SEED, Figure, figure, macro, signature, worst
from eval.measures import per_query
from eval.retrieval import index_corpus, run_system
from eval.sets import RetrievalSet
from eval.systems import SYSTEMS, make_system
from index.embed import Embedder
from index.errors import DataSetError, SettingsError
from index.folder import Index
from index.ingest import Progress

MEASURES = (nDCG @ 10, R @ 10)


@dataclass(frozen=True, slots=True)
class WorstSet:
    """The set on which a system does worst."""

    set_name: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class SystemRow:
    """A system by one measure over all sets."""

    system: str
    measure: str
    by_set: Mapping[str, Figure]  # in the order asked for
    macro: Figure  # mean over the sets, each of the same weight; its n is that of all queries
    worst: WorstSet


@dataclass(frozen=True, slots=True)
class SystemTest:
    """A system less another on the queries of one set, by one measure."""

    less: str  # the other
    test: PairedTest
    p_holm: float  # after Holm's correction over all tests of the table by this measure


@dataclass(frozen=True, slots=True)
class SystemTable:
    """All systems by all measures, and one of them tested against each of the others, if that was asked for."""

    rows: tuple[SystemRow, ...]
    tested: str = ""  # the system, "" for none
    tests: tuple[SystemTest, ...] = ()

    def to_json(self) -> str:
        """All of it for machines."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)

    def to_markdown(self) -> str:
        """A table a measure: a line a set, a column a system, then the mean over sets and the worst set."""
        blocks = []
        for measure in dict.fromkeys(row.measure for row in self.rows):
            rows = [row for row in self.rows if row.measure == measure]
            sets = list(rows[0].by_set)
            lines = [
                f"| {measure} | n | {' | '.join(row.system for row in rows)} |",
                "|---" * (len(rows) + 2) + "|",
            ]
            for name in sets:
                figures = [row.by_set[name] for row in rows]
                best = max(each.value for each in figures)
                cells = (_bold(_cell(each), each.value == best) for each in figures)
                lines.append(f"| {name} | {figures[0].n} | {' | '.join(cells)} |")
            if len(sets) > 1:
                best = max(row.macro.value for row in rows)
                cells = (_bold(_cell(row.macro), row.macro.value == best) for row in rows)
                lines.append(f"| mean of {len(sets)} sets | {rows[0].macro.n} | {' | '.join(cells)} |")
                lowest = (f"{row.worst.figure.value:.3f} {row.worst.set_name}" for row in rows)
                lines.append(f"| worst set | | {' | '.join(lowest)} |")
            blocks.append("\n".join(lines))
            if tests := [test for test in self.tests if test.test.measure == measure]:
                blocks.append(self._differences(measure, tests))
        return "\n\n".join(blocks) + "\n"

    def _differences(self, measure: str, tests: Sequence[SystemTest]) -> str:
        others = list(dict.fromkeys(each.less for each in tests))
        lines = [
            f"{measure} of {self.tested} less that of the others [95 %], p by paired randomisation after Holm",
            "",
            f"| set | {' | '.join(f'less {other}' for other in others)} |",
            "|---" * (len(others) + 1) + "|",
        ]
        for name in dict.fromkeys(each.test.set_name for each in tests):
            cells = [
                f"{d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}] p {each.p_holm:.4f}"
                for each in tests
                if each.test.set_name == name
                for d in [each.test.difference]
            ]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        return "\n".join(lines)


def table(
    retrieval_sets: Sequence[RetrievalSet],
    embedder: Embedder,
    *,
    systems: Sequence[str] = SYSTEMS,
    measures: Sequence[Any] = MEASURES,
    tested: str = "",
    on_progress: Callable[[str, Progress], None] = lambda set_name, progress: None,
    on_query: Callable[[str, str, int], None] = lambda set_name, system, done: None,
) -> SystemTable:
    """Run every system, or the whole retriever without a part (`eval.systems.ABLATIONS`), over every set.

    The one called `tested`, if any, is tested against each of the others.

    Give a `CachedEmbedder`: passages that sets share are then embedded once. The callbacks are told the set, the
    system, and how far it is. Raises SettingsError for an unknown system, DataSetError without a set.
    """
    if not retrieval_sets:
        raise DataSetError("a table needs a set; name a folder in BEIR layout")
    if tested and tested not in systems:
        raise SettingsError(f"{tested!r} is to be tested and is none of the systems {', '.join(systems)}; add it")
    values: dict[tuple[str, str], dict[str, dict[str, float]]] = {}  # system, measure -> set -> query -> value
    signed: dict[str, str] = {}
    for retrieval_set in retrieval_sets:
        name = retrieval_set.name
        if name in signed:
            raise DataSetError(f"two sets are called {name!r}; give one of them another name")
        folder = index_corpus(
            retrieval_set, embedder, on_progress=lambda progress, name=name: on_progress(name, progress)
        )
        with Index.open(folder) as index:
            index.use_embedder(embedder)
            signed[name] = signature(retrieval_set.sha256, index.catalog.built_with)
            for system in systems:
                run = run_system(
                    retrieval_set,
                    make_system(system, index),
                    on_query=lambda done, name=name, system=system: on_query(name, system, done),
                )
                for measure, by_query in per_query(retrieval_set, run, measures).items():
                    values.setdefault((system, measure), {})[name] = by_query
    rows = (
        _row(system, str(measure), values[system, str(measure)], signed) for measure in measures for system in systems
    )
    tests = (test for measure in measures for test in _tests(tested, str(measure), systems, values, signed))
    return SystemTable(tuple(rows), tested, tuple(tests) if tested else ())


def _tests(
    tested: str,
    measure: str,
    systems: Sequence[str],
    values: Mapping[tuple[str, str], Mapping[str, Mapping[str, float]]],
    signed: Mapping[str, str],
) -> list[SystemTest]:
    pairs = [(other, name) for name in signed for other in systems if other != tested]
    tests = [
        compare(
            values[other, measure][name],
            values[tested, measure][name],
            measure=measure,
            set_name=name,
            signature=signed[name],
        )
        for other, name in pairs
    ]
    corrected = holm([test.p for test in tests])
    return [SystemTest(other, test, p) for (other, _), test, p in zip(pairs, tests, corrected, strict=True)]


def _row(system: str, measure: str, by_set: Mapping[str, Mapping[str, float]], signed: Mapping[str, str]) -> SystemRow:
    figures = {name: figure(measure, list(values.values()), signed[name]) for name, values in by_set.items()}
    cases = {name: list(values.values()) for name, values in by_set.items()}
    mean = macro(measure, cases, f"seed:{SEED}")
    return SystemRow(system, measure, figures, mean, WorstSet(*worst(figures)))


def _cell(each: Figure) -> str:
    return f"{each.value:.3f} [{each.low:.3f}, {each.high:.3f}]"


def _bold(text: str, is_best: bool) -> str:
    return f"**{text}**" if is_best else text
