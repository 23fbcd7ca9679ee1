"""How often disagreeing sources are told from agreeing ones: `disagreement.jsonl`, asked of an index of its texts.

Each case is a question and two short articles, of invented towns and people. All articles of a part are in one index,
so each is also a distractor of the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from eval.figures import Figure, figure, signature
from eval.languages import Part
from index.embed import Embedder
from index.ingest import ingest
from rag.assistant import Assistant
from rag.reply import Answer, Reply


@dataclass(frozen=True, slots=True)
class Report:
    """One of the articles of a case."""

    lang: str
    date: str
    outlet: str
    text: str


@dataclass(frozen=True, slots=True)
class DisagreementCase:
    """A question, what two articles say, and whether they disagree on what is asked."""

    id: str
    part: Part  # rules are chosen on dev alone
    kind: str  # in what they disagree, or why they do not: "number", "rounding", "other day", …
    disagree: bool
    question: str
    texts: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was shown for a case: the words of each side, or nothing."""

    case: DisagreementCase
    shown: tuple[str, ...]
    right_sides: bool  # both of its articles are cited, on two sides, and none else

    @property
    def is_right(self) -> bool:
        """Whether a disagreement is shown as it is, or none where there is none."""
        return self.right_sides if self.case.disagree else not self.shown


@dataclass(frozen=True, slots=True)
class DisagreementReport:
    """Precision over what is shown and recall over what should be, then recall or wrong alarms by kind."""

    figures: tuple[Figure, ...]
    by_kind: tuple[Figure, ...]  # the share of cases of the kind that are right
    outcomes: tuple[Outcome, ...]

    def to_json(self) -> str:
        """All of it for machines."""
        document: dict[str, Any] = {
            "figures": [each.to_json() for each in self.figures],
            "kinds": [each.to_json() for each in self.by_kind],
            "cases": [
                {"id": each.case.id, "disagree": each.case.disagree, "shown": each.shown, "right": each.is_right}
                for each in self.outcomes
            ],
        }
        return json.dumps(document, ensure_ascii=False, indent=2)

    def to_text(self) -> str:
        """A line a figure, then the cases that went wrong."""
        wrong = [each for each in self.outcomes if not each.is_right]
        return "\n".join(
            [
                *map(str, self.figures),
                *map(str, self.by_kind),
                *(f"  {each.case.id} {each.case.question} shown: {' / '.join(each.shown) or '-'}" for each in wrong),
                self.figures[0].signature,
            ]
        )


def disagreement_cases(part: Part | None = None) -> tuple[DisagreementCase, ...]:
    """The shipped cases, those of one part or all."""
    rows = map(json.loads, _shipped().decode("utf-8").splitlines())
    cases = (
        DisagreementCase(
            id=row["id"],
            part=row["split"],
            kind=row["kind"],
            disagree=row["disagree"],
            question=row["question"],
            texts=tuple(Report(**each) for each in row["texts"]),
        )
        for row in rows
    )
    return tuple(case for case in cases if part in (None, case.part))


def ask_cases(
    cases: Sequence[DisagreementCase],
    folder: Path,
    embedder: Embedder,
    *,
    on_question: Callable[[int], None] = lambda done: None,
) -> DisagreementReport:
    """Index the articles of the cases in an empty folder, and ask each question. There is at least one case."""
    corpus = folder / "corpus"
    corpus.mkdir()
    for case in cases:
        for number, text in enumerate(case.texts, start=1):
            line = json.dumps(asdict(text), ensure_ascii=False) + "\n"
            (corpus / f"{case.id}-{number}.jsonl").write_text(line, encoding="utf-8")
    ingest([corpus], folder / "index", embedder=embedder)
    outcomes = []
    with Assistant.open(folder / "index") as assistant:
        assistant.index.use_embedder(embedder)
        for case in cases:
            outcomes.append(_outcome(case, assistant.ask(case.question)))
            on_question(len(outcomes))
        signed = signature(hashlib.sha256(_shipped()).hexdigest(), assistant.index.catalog.built_with)
    return _report(outcomes, signed)


def _outcome(case: DisagreementCase, reply: Reply) -> Outcome:
    found = reply.disagreements if isinstance(reply, Answer) else ()
    sides = [side for each in found for side in each.sides]
    cited = [{c.source for statement in side.statements for c in statement.citations} for side in sides]
    wanted = [{f"{case.id}-{number}.jsonl"} for number, _ in enumerate(case.texts, start=1)]
    return Outcome(case, tuple(side.heading for side in sides), sorted(cited, key=sorted) == wanted)


def _report(outcomes: Sequence[Outcome], signed: str) -> DisagreementReport:
    shown = [float(each.case.disagree and each.right_sides) for each in outcomes if each.shown]
    wanted = [float(each.right_sides) for each in outcomes if each.case.disagree]
    alarms = [float(bool(each.shown)) for each in outcomes if not each.case.disagree]
    kinds = dict.fromkeys((each.case.disagree, each.case.kind) for each in outcomes)
    by_kind = {
        ("disagree: " if disagree else "agree: ") + kind: [
            float(each.is_right) for each in outcomes if (each.case.disagree, each.case.kind) == (disagree, kind)
        ]
        for disagree, kind in kinds
    }
    return DisagreementReport(
        (
            figure("disagreement precision", shown, signed),
            figure("disagreement recall", wanted, signed),
            figure("wrong alarms", alarms, signed),
        ),
        tuple(figure(name, values, signed) for name, values in by_kind.items()),
        tuple(outcomes),
    )


def _shipped() -> bytes:
    return resources.files("eval").joinpath("disagreement.jsonl").read_bytes()
