"""The gate: figures must not fall below the floors that a file sets, and the data must be what they were set on.

A file of floors is TOML with a table for each set; `eval/baseline.toml` is the one for the shipped set:

    [sample]                          # the shipped set; any other name says where its data are:
    # questions = "questions.jsonl"   #   an answer set, paths relative to this file
    # corpus = "documents"
    # set = "my-set"                  #   or a folder in BEIR layout, and which system is run over it
    # system = "full"
    data = "8f3c…"                    # what the floors were set on; `dragoman eval gate` prints these
    count = 103
    model = "e5-small@1571fc982750"
    passages = "160+1"

    [sample.floors]
    "first three" = 0.65
    [sample.ceilings]                 # for measures where less is better
    "wrongly declined" = 0.1

Nothing here writes a file: a floor is raised by a person, and lowered in a commit of its own.
"""

from __future__ import annotations

import json
import math
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from eval.answers import LOWER_IS_BETTER, report_answers, run_answers
from eval.figures import Figure
from eval.layouts import load_retrieval_set
from eval.retrieval import index_corpus, report_retrieval, run_system
from eval.sets import AnswerSet, RetrievalSet, load_answer_set, sample_set
from eval.systems import NAMES, make_system
from index.catalog import BuiltWith
from index.embed import Embedder
from index.errors import DataSetError, SettingsError
from index.folder import Index
from index.ingest import Progress, ingest
from rag import Assistant
from rag.retrieve import Retriever

SAMPLE = "sample"
# A floor that is suggested stays this far under the figure: a tie that breaks the other way is no regression.
MARGIN = 0.02
_HASH_CHARACTERS = 12  # of a data hash, the fewest that identify it
_KEYS = ("questions", "corpus", "set", "system", "data", "count", "model", "passages", "floors", "ceilings")
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Shipped:
    """The answer set that comes with the package."""


@dataclass(frozen=True, slots=True)
class AnswerPlace:
    """Where an answer set is."""

    questions: Path
    corpus: Path


@dataclass(frozen=True, slots=True)
class BeirPlace:
    """Where a set in BEIR layout is, and what is run over it."""

    folder: Path
    system: str


Place = Shipped | AnswerPlace | BeirPlace


@dataclass(frozen=True, slots=True)
class Pins:
    """What figures were measured on; floors hold for the same only."""

    data: str  # SHA-256 of questions, judgments and documents, or its first characters
    count: int  # questions, or judged queries
    model: str  # name@weights, which may be cut short, too
    passages: str  # tokens+sentences of overlap


@dataclass(frozen=True, slots=True)
class Floors:
    """One table of a file of floors."""

    file: Path
    name: str
    place: Place
    pins: Pins
    floors: Mapping[str, float]  # measure to the least value that passes
    ceilings: Mapping[str, float]  # measure to the largest value that passes


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures, and what they were measured on."""

    pins: Pins
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One measure against its bound."""

    figure: Figure
    bound: float
    is_floor: bool  # else a ceiling
    passed: bool


@dataclass(frozen=True, slots=True)
class GateResult:
    """All checks of one set."""

    name: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def to_text(self) -> str:
        """A line a check, for a person."""
        lines = [
            f"{'pass' if check.passed else 'FAIL'}  {self.name}: {check.figure}, "
            f"{'floor' if check.is_floor else 'ceiling'} {check.bound:g}"
            for check in self.checks
        ]
        return "\n".join(lines) + "\n"

    def to_json(self) -> str:
        """The same for machines."""
        document = {"set": self.name, "passed": self.passed, "checks": [asdict(check) for check in self.checks]}
        return json.dumps(document, ensure_ascii=False, indent=2)


def baseline_file() -> Path:
    """The floors of the shipped set."""
    return Path(str(resources.files("eval"))) / "baseline.toml"


def load_floors(config: Path) -> tuple[Floors, ...]:
    """Read a file of floors. Raises SettingsError, which names file and key."""
    try:
        document = tomllib.loads(config.read_bytes().decode("utf-8"))
    except OSError as error:
        raise SettingsError(f"{config}: {error.strerror}; name a file of floors") from error
    except ValueError as error:  # TOML or UTF-8
        raise SettingsError(f"{config}: not TOML ({error}); correct it") from error
    if not document:
        raise SettingsError(f"{config}: holds no table; want one for each set, such as [{SAMPLE}]")
    return tuple(_floors(config, name, table) for name, table in document.items())


def _floors(config: Path, name: str, table: Any) -> Floors:
    where = f"{config}: [{name}]"
    if not isinstance(table, dict):
        raise SettingsError(f'{config}: "{name}" stands outside of a table; put it under [name-of-the-set]')
    for key in table:
        if key not in _KEYS:
            raise SettingsError(f'{where} "{key}" is no key; want some of {", ".join(_KEYS)}')
    floors, ceilings = _bounds(where, table, "floors"), _bounds(where, table, "ceilings")
    for measure in sorted(floors.keys() & LOWER_IS_BETTER):
        raise SettingsError(f'{where} "{measure}" has a floor, but less of it is better; put it under "ceilings"')
    for measure in sorted(ceilings.keys() - LOWER_IS_BETTER):
        raise SettingsError(f'{where} "{measure}" has a ceiling, but more of it is better; put it under "floors"')
    if not floors and not ceilings:
        raise SettingsError(f'{where} has no floor; write [{name}.floors] with lines such as "first three" = 0.6')
    pins = Pins(
        data=_value(where, table, "data", str, ""),
        count=_value(where, table, "count", int, 0),
        model=_value(where, table, "model", str, ""),
        passages=_value(where, table, "passages", str, ""),
    )
    return Floors(config, name, _place(where, config, name, table), pins, floors, ceilings)


def _place(where: str, config: Path, name: str, table: Mapping[str, Any]) -> Place:
    folder = config.parent
    given = sorted(table.keys() & {"questions", "corpus", "set", "system"})
    match given:
        case [] if name == SAMPLE:
            return Shipped()
        case ["corpus", "questions"]:
            questions, corpus = (folder / _value(where, table, key, str, "") for key in ("questions", "corpus"))
            if corpus.resolve() in config.resolve().parents:
                raise SettingsError(
                    f"{config}: lies in the corpus {corpus}, so that every floor would change the data; move it out"
                )
            return AnswerPlace(questions, corpus)
        case ["set"] | ["set", "system"]:
            system = _value(where, table, "system", str, "full")
            if system not in NAMES:
                raise SettingsError(f'{where} "system" is {system!r}; want one of {", ".join(NAMES)}')
            return BeirPlace(folder / _value(where, table, "set", str, ""), system)
    found = ", ".join(given) or "neither"
    raise SettingsError(f'{where} want "questions" and "corpus", or "set" (and "system"); found {found}')


def _bounds(where: str, table: Mapping[str, Any], key: str) -> dict[str, float]:
    bounds = _value(where, table, key, dict, {})
    for measure, bound in bounds.items():
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
            raise SettingsError(f'{where} {key} "{measure}" is {bound!r}; want a number')
    return {str(measure): float(bound) for measure, bound in bounds.items()}


def _value(where: str, table: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = table.get(key, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        wanted = {str: "a text", int: "a whole number", dict: "a table"}[kind]
        raise SettingsError(f'{where} "{key}" is {value!r}; want {wanted}')
    return value


def gate(floors: Floors, measured: Measured) -> GateResult:
    """Hold figures against their floors and ceilings.

    Raises DataSetError if the data are not those that the floors were set on, and SettingsError if the model or the
    passages are not, if the file does not say on what they were set, or if a measure has a bound but no figure. A
    refusal is neither a pass nor a failure.
    """
    _check_pins(floors, measured.pins)
    by_name = {figure.name: figure for figure in measured.figures}
    checks = []
    for is_floor, bounds in ((True, floors.floors), (False, floors.ceilings)):
        for measure, bound in bounds.items():
            figure = by_name.get(measure)
            if figure is None or not figure.n or math.isnan(figure.value):
                raise SettingsError(
                    f'{floors.file}: [{floors.name}] "{measure}" has a bound but was not measured; '
                    f"measured are {', '.join(name for name, figure in by_name.items() if figure.n)}"
                )
            beyond = bound - figure.value if is_floor else figure.value - bound
            checks.append(Check(figure, bound, is_floor, passed=beyond <= _ROUNDING))
    return GateResult(floors.name, tuple(checks))


def _check_pins(floors: Floors, found: Pins) -> None:
    where, pinned = f"{floors.file}: [{floors.name}]", floors.pins
    lines = ", ".join(f"{key} = {json.dumps(value)}" for key, value in asdict(found).items())
    missing = [key for key, value in asdict(pinned).items() if not value]
    if missing or len(pinned.data) < _HASH_CHARACTERS:
        key = missing[0] if missing else "data"
        raise SettingsError(f'{where} "{key}" does not say what the floors were set on; these are: {lines}')
    rest = "set the floors anew on what is there now, in a commit of its own, or bring back what was"
    if pinned.count != found.count:
        raise DataSetError(
            f'{where} "count" is {pinned.count} questions, the set now has {found.count}; {rest} ({lines})'
        )
    if not found.data.startswith(pinned.data):
        raise DataSetError(
            f'{where} "data" is {pinned.data[:_HASH_CHARACTERS]}, the questions, judgments or documents now are '
            f"{found.data[:_HASH_CHARACTERS]}; {rest} ({lines})"
        )
    if not found.model.startswith(pinned.model):
        raise SettingsError(f'{where} "model" is {pinned.model!r}, this run has {found.model!r}; {rest}')
    if pinned.passages != found.passages:
        raise SettingsError(f'{where} "passages" is {pinned.passages!r}, this run has {found.passages!r}; {rest}')


def raise_floors(floors: Floors, measured: Measured, *, margin: float = MARGIN) -> str:
    """Which bounds could be tighter, as lines to be put into the file by hand; "" if none. Writes nothing.

    What is suggested is the figure less `margin`, rounded away from the figure to two places, and never a floor below
    the one that stands.
    """
    _check_pins(floors, measured.pins)
    by_name = {figure.name: figure.value for figure in measured.figures if figure.n}
    lines = []
    for kind, bounds, sign in (("floors", floors.floors, 1), ("ceilings", floors.ceilings, -1)):
        tighter = []
        for measure, bound in bounds.items():
            if measure in by_name:
                # Rounded to 6 places first: 0.67 - 0.02 is 0.6499999999999999.
                suggested = sign * math.floor(round((sign * by_name[measure] - margin) * 100, 6)) / 100
                if sign * suggested > sign * bound + _ROUNDING:
                    tighter.append(f"{json.dumps(measure)} = {suggested:g}  # was {bound:g}")
        if tighter:
            lines += [f"[{floors.name}.{kind}]", *tighter]
    return "\n".join(lines) + "\n" if lines else ""


def measure_place(
    place: Place,
    embedder: Embedder,
    *,
    make_retriever: Callable[[Index], Retriever] | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_question: Callable[[int], None] = lambda done: None,
) -> Measured:
    """Measure what a table of floors is about: index its documents, ask its questions.

    `make_retriever` stands in for the system that is named. Raises DataSetError, and KeyboardInterrupt.
    """
    match place:
        case Shipped():
            return _measure_answers(sample_set(), embedder, make_retriever, on_progress, on_question)
        case AnswerPlace(questions, corpus):
            answer_set = load_answer_set(questions, corpus=corpus)
            return _measure_answers(answer_set, embedder, make_retriever, on_progress, on_question)
        case BeirPlace(folder, system):
            retrieval_set = load_retrieval_set(folder)
            index_folder = index_corpus(retrieval_set, embedder, on_progress=on_progress)
            with Index.open(index_folder) as index:
                index.use_embedder(embedder)
                retriever = make_retriever(index) if make_retriever else make_system(system, index)
                run = run_system(retrieval_set, retriever, on_query=on_question)
                report = report_retrieval(retrieval_set, system, index, run)
                return Measured(pins_of(retrieval_set, index.catalog.built_with), report.figures)


def _measure_answers(
    answer_set: AnswerSet,
    embedder: Embedder,
    make_retriever: Callable[[Index], Retriever] | None,
    on_progress: Callable[[Progress], None],
    on_question: Callable[[int], None],
) -> Measured:
    with tempfile.TemporaryDirectory(prefix="dragoman-gate-") as folder:
        report = ingest([answer_set.corpus], Path(folder), embedder=embedder, on_progress=on_progress)
        if report.interrupted:
            raise KeyboardInterrupt
        if report.failures:
            raise DataSetError(f"{report.failures[0]}; the gate asks documents that can all be read")
        with Index.open(Path(folder)) as index:
            index.use_embedder(embedder)
            assistant = Assistant(index, retriever=make_retriever(index) if make_retriever else None)
            judgments = run_answers(answer_set, assistant, on_question=on_question)
            figures = report_answers(judgments, answer_set, assistant).overall
            return Measured(pins_of(answer_set, index.catalog.built_with), figures)


def pins_of(measured_set: AnswerSet | RetrievalSet, built_with: BuiltWith) -> Pins:
    """What figures of a set over an index stand on."""
    asked = measured_set.questions if isinstance(measured_set, AnswerSet) else measured_set.judged
    embedder, chunking = built_with.embedder, built_with.chunking
    return Pins(
        data=measured_set.sha256,
        count=len(asked),
        model=f"{embedder.name}@{embedder.weights_hash}",
        passages=f"{chunking.max_tokens}+{chunking.overlap_sentences}",
    )


def all_passed(results: Iterable[GateResult]) -> bool:
    """Whether every set passed."""
    return all(result.passed for result in results)
