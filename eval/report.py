"""One page that shows how well it does: tables, plots and the questions that went worst. It loads nothing.

What was not measured is named as not measured; no plot is drawn of nothing.
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ir_measures import R, nDCG

from eval.answers import Judgment, run_answers, worst_to_json
from eval.figures import Figure, figure
from eval.gold import Gold, passage_golds
from eval.measures import (
    ReliabilityBin,
    RiskPoint,
    calibration_error,
    median,
    p95,
    per_query,
    reliability,
    risk_coverage,
)
from eval.plot import Draw, drawn
from eval.retrieval import DEPTH, RetrievalReport
from eval.runs import ranked
from eval.sets import AnswerSet, RetrievalSet
from rag import Assistant, Reply

if TYPE_CHECKING:
    from eval.plot import Axes

RECALL_DEPTHS = (1, 2, 3, 5, 10, 20, 50, DEPTH)
NOT_MEASURED = "not measured"
_WORST = 15
_EVIDENCE = 3  # passages or documents that are shown of a question
_SHOWN_CHARACTERS = 300
_MARKDOWN = re.compile(r"([\\`*_\[\]<>!|#~])")


@dataclass(frozen=True, slots=True)
class ShownEvidence:
    """A passage or a document that stood high for a question."""

    source: str
    text: str
    score: float
    right: bool  # holds what was asked for


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question of an answer set with what the report needs of its reply."""

    id: str
    question: str
    pair: str
    gold: tuple[str, ...]
    answerable: bool
    answered: bool
    right: bool  # answered with a gold quote cited first, or rightly declined
    cites_gold: bool  # the first citation holds a gold quote; of a declined question, that of its draft
    confidence: float  # 0 to 1
    seconds: float
    evidence: tuple[ShownEvidence, ...]  # best first


@dataclass(frozen=True, slots=True)
class WorstQuery:
    """A query whose right documents stand far down."""

    id: str
    text: str
    measure: str
    value: float
    right: tuple[ShownEvidence, ...]
    found: tuple[ShownEvidence, ...]  # best first


@dataclass(frozen=True, slots=True)
class RecallPoint:
    """Recall within the first `k` documents."""

    k: int
    recall: Figure


@dataclass(frozen=True, slots=True)
class RetrievalPart:
    """A system over a retrieval set."""

    set_name: str
    system: str
    figures: tuple[Figure, ...]
    recall: tuple[RecallPoint, ...]
    worst: tuple[WorstQuery, ...]


@dataclass(frozen=True, slots=True)
class EvalReport:
    """All that one page shows. What is empty was not measured."""

    title: str
    figures: Mapping[str, tuple[Figure, ...]] = field(
        default_factory=dict
    )  # language pair, "macro" or "all" to figures
    worst: tuple[tuple[str, Figure], ...] = ()  # of each figure the pair where it is worst
    questions: tuple[AskedQuestion, ...] = ()
    retrievals: tuple[RetrievalPart, ...] = ()
    not_read: tuple[str, ...] = ()  # files that the questions may be about, and why each could not be read


def ask_all(
    answer_set: AnswerSet, assistant: Assistant, *, on_question: Callable[[int], None] = lambda done: None
) -> tuple[list[Judgment], tuple[AskedQuestion, ...]]:
    """Ask every question as `run_answers` does, and keep, beside the judgments, what a report shows of each reply."""
    asked: list[AskedQuestion] = []
    judgments = run_answers(
        answer_set,
        assistant,
        on_question=on_question,
        on_reply=lambda *replied: asked.append(asked_question(*replied)),
    )
    return judgments, tuple(asked)


def asked_question(judgment: Judgment, reply: Reply, golds: Sequence[Gold]) -> AskedQuestion:
    """What a report shows of a judged reply; `golds` are what `eval.gold.locate` found for its question."""
    question = judgment.question
    evidence = tuple(
        ShownEvidence(
            source=hit.passage.source_path,
            text=hit.passage.readable,
            score=hit.score,
            right=bool(passage_golds(hit.passage, golds)),
        )
        for hit in reply.evidence[:_EVIDENCE]
    )
    return AskedQuestion(
        id=question.id,
        question=question.question,
        pair=judgment.pair,
        gold=tuple(gold.quote for gold in golds),
        answerable=question.answerable,
        answered=judgment.answered,
        right=judgment.first if question.answerable else not judgment.answered,
        cites_gold=judgment.first_if_answered,
        confidence=judgment.confidence,
        seconds=judgment.seconds,
        evidence=evidence,
    )


def retrieval_part(retrieval_set: RetrievalSet, report: RetrievalReport, *, worst: int = _WORST) -> RetrievalPart:
    """What a report shows of a run: recall over depth, and the queries with the least nDCG@10 (below 1)."""
    signed = report.figures[0].signature if report.figures else ""
    depths = [R @ k for k in RECALL_DEPTHS]
    measure = nDCG @ 10
    values = per_query(retrieval_set, report.run, [*depths, measure])
    recall = tuple(
        RecallPoint(k, figure(str(depth), list(values[str(depth)].values()), signed))
        for k, depth in zip(RECALL_DEPTHS, depths, strict=True)
    )
    documents = {document.id: document for document in retrieval_set.corpus}

    def shown(id_: str, run: Mapping[str, float], grades: Mapping[str, int]) -> ShownEvidence:
        document = documents.get(id_)
        text = f"{document.title} {document.text}".strip() if document else "(no document of this id in the set)"
        return ShownEvidence(id_, text, run.get(id_, float("nan")), grades.get(id_, 0) > 0)

    by_value = sorted(retrieval_set.judged, key=lambda query: (values[str(measure)][query.id], query.id))
    rows = []
    for query in by_value[:worst]:
        value, grades = values[str(measure)][query.id], retrieval_set.qrels[query.id]
        if value >= 1:
            break
        found = report.run.get(query.id, {})
        right = sorted((id_ for id_, grade in grades.items() if grade > 0), key=lambda id_: (-grades[id_], id_))
        rows.append(
            WorstQuery(
                id=query.id,
                text=query.text,
                measure=str(measure),
                value=value,
                right=tuple(shown(id_, found, grades) for id_ in right[:_EVIDENCE]),
                found=tuple(shown(id_, found, grades) for id_, _ in ranked(found)[:_EVIDENCE]),
            )
        )
    return RetrievalPart(report.set_name, report.system, report.figures, recall, tuple(rows))


def risk_points(questions: Iterable[AskedQuestion]) -> list[RiskPoint]:
    """The risk-coverage curve of asked questions: an answer is wrong unless its first citation holds a gold quote.

    What was declined is judged by its draft, as `measures.aurc` explains.
    """
    asked = list(questions)
    return risk_coverage([q.confidence for q in asked], [float(not q.cites_gold) for q in asked])


def reliability_bins(questions: Iterable[AskedQuestion]) -> list[ReliabilityBin]:
    """Confidence, which is that the documents answer the question, against the share where they do."""
    asked = list(questions)
    return reliability([q.confidence for q in asked], [q.answerable for q in asked])


def expected_calibration_error(questions: Iterable[AskedQuestion]) -> float:
    """How far confidence and that share lie apart, on average over the questions; NaN without one."""
    asked = list(questions)
    return calibration_error([q.confidence for q in asked], [q.answerable for q in asked])


def worst_questions(questions: Iterable[AskedQuestion], *, worst: int = _WORST) -> tuple[AskedQuestion, ...]:
    """The questions that went wrong, those that it was most sure of first: a declined one, of which least."""
    wrong = [question for question in questions if not question.right]
    sure = {q.id: q.confidence if q.answered else 1 - q.confidence for q in wrong}
    return tuple(sorted(wrong, key=lambda question: (-sure[question.id], question.id))[:worst])


def report_to_json(report: EvalReport) -> str:
    """All of a report for machines, with the points of its plots; numbers that are not one are null."""
    document = asdict(report) | {
        "worst": worst_to_json(report.worst),
        "risk_coverage": [asdict(point) for point in risk_points(report.questions)],
        "reliability": [asdict(each) for each in reliability_bins(report.questions)],
        "calibration_error": expected_calibration_error(report.questions),
    }
    return json.dumps(_finite(document), ensure_ascii=False, indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(each) for key, each in value.items()}
        case list() | tuple():
            return [_finite(each) for each in value]
    return value


def report_to_markdown(report: EvalReport) -> str:
    """The tables of a report, for a README; every text of others is escaped."""
    lines = [f"# {_markdown(report.title)}", "", "## Answers by language pair", ""]
    if report.figures:
        names = _names(report.figures.values())
        lines += [f"| pair | {' | '.join(map(_markdown, names))} |", "|---" * (len(names) + 1) + "|"]
        for pair, row in report.figures.items():
            lines.append(f"| {_markdown(pair)} | {' | '.join(_cells(row, names))} |")
        if report.worst:
            lines.append(f"| worst | {' | '.join(map(_markdown, _worst_cells(report, names)))} |")
        lines += ["", f"Value [95 % interval] of n. {_code(_signature(report.figures.values()))}"]
    else:
        lines.append(NOT_MEASURED)
    lines += [f"\n{_not_read(_markdown(message))}" for message in report.not_read]
    lines += ["", "## Retrieval", ""]
    if report.retrievals:
        names = _names(part.figures for part in report.retrievals)
        lines += [f"| set | system | {' | '.join(map(_markdown, names))} |", "|---" * (len(names) + 2) + "|"]
        for part in report.retrievals:
            cells = " | ".join(_cells(part.figures, names))
            lines.append(f"| {_markdown(part.set_name)} | {_markdown(part.system)} | {cells} |")
        lines += ["", f"Value [95 % interval] of n. {_code(_signature(p.figures for p in report.retrievals))}"]
    else:
        lines.append(NOT_MEASURED)
    lines += ["", "## Calibration and time", ""]
    if report.questions:
        error, seconds = expected_calibration_error(report.questions), [q.seconds for q in report.questions]
        lines.append(f"Expected calibration error {error:.3f} over {len(seconds)} questions;")
        lines.append(f"time of a question: median {median(seconds):.2f} s, 95 % within {p95(seconds):.2f} s.")
    else:
        lines.append(NOT_MEASURED)
    wrong = worst_questions(report.questions)
    if wrong:
        lines += ["", "## Worst questions", ""]
        lines += [f"- {_markdown(q.id)} ({_markdown(q.pair)}): {_markdown(q.question)} ({_verdict(q)})" for q in wrong]
    return "\n".join(lines) + "\n"


def report_to_html(report: EvalReport) -> str:
    """One self-contained page. Raises SettingsError if matplotlib is not installed and there is something to plot."""
    sections = [
        ("Answers by language pair", _figures_table(report) + "".join(map(_note, map(_not_read, report.not_read)))),
        ("Retrieval", _retrieval_table(report)),
        ("Recall over the number of documents", _recall_section(report)),
        ("Risk and coverage", _risk_section(report)),
        ("Calibration", _calibration_section(report)),
        ("Time of a question", _latency_section(report)),
        ("Worst questions", _worst_questions_section(report)),
        ("Worst queries", _worst_queries_section(report)),
    ]
    body = "\n".join(f"<section><h2>{_escape(title)}</h2>\n{content}</section>" for title, content in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        # Nothing is loaded, even if an escape were missing somewhere.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_escape(report.title)}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body><main><h1>{_escape(report.title)}</h1>\n{body}\n</main></body></html>\n"
    )


_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; margin: 0; }
main { max-width: 70rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: start; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #d5d9de; vertical-align: top; }
td small, .note { color: #57606a; }
img { max-width: 100%; height: auto; }
.question { border-inline-start: 3px solid #8c959f; padding-inline-start: .75rem; margin-block: 1rem; }
.right { color: #116329; font-weight: 600; }
bdi, p { unicode-bidi: plaintext; overflow-wrap: anywhere; }
"""


def _not_read(message: str) -> str:
    return f"Not read: {message}"


def _figures_table(report: EvalReport) -> str:
    if not report.figures:
        return _missing()
    rows = [([pair], row) for pair, row in report.figures.items()]
    worst = ["worst", *_worst_cells(report, _names(report.figures.values()))] if report.worst else []
    return _table(["pair"], rows, _signature(report.figures.values()), last=worst)


def _retrieval_table(report: EvalReport) -> str:
    if not report.retrievals:
        return _missing()
    rows = [([part.set_name, part.system], part.figures) for part in report.retrievals]
    return _table(["set", "system"], rows, _signature(part.figures for part in report.retrievals))


def _worst_cells(report: EvalReport, names: Sequence[str]) -> list[str]:
    by_name = {each.name: f"{each.value:.3f} {pair}" for pair, each in report.worst if each.n}
    return [by_name.get(name, NOT_MEASURED) for name in names]


def _table(
    heads: list[str], rows: list[tuple[list[str], tuple[Figure, ...]]], signed: str, *, last: Sequence[str] = ()
) -> str:
    names = _names(row for _, row in rows)
    head = "".join(f"<th>{_escape(name)}</th>" for name in [*heads, *names])
    lines = []
    for labels, row in rows:
        by_name = {each.name: each for each in row}
        cells = "".join(f"<th>{_escape(label)}</th>" for label in labels)
        for name in names:
            each = by_name.get(name)
            if each is None or not each.n:
                cells += f"<td>{NOT_MEASURED}</td>"
            else:
                cells += f"<td>{each.value:.3f} <small>[{each.low:.3f}, {each.high:.3f}] n={each.n}</small></td>"
        lines.append(f"<tr>{cells}</tr>")
    if last:
        lines.append(f"<tr><th>{_escape(last[0])}</th>{''.join(f'<td>{_escape(cell)}</td>' for cell in last[1:])}</tr>")
    note = f"Values with 95 % intervals over n cases. {signed}"
    return f'<table><tr>{head}</tr>{"".join(lines)}</table><p class="note">{_escape(note)}</p>'


def _recall_section(report: EvalReport) -> str:
    parts = [part for part in report.retrievals if part.recall]
    if not parts:
        return _missing()

    def draw(axes: Axes) -> None:
        for part in parts:
            ks = [point.k for point in part.recall]
            axes.plot(
                ks, [point.recall.value for point in part.recall], marker="o", label=f"{part.set_name}, {part.system}"
            )
            low, high = [p.recall.low for p in part.recall], [p.recall.high for p in part.recall]
            axes.fill_between(ks, low, high, alpha=0.15)
        axes.set_xscale("log")
        axes.set_xticks(RECALL_DEPTHS, [str(k) for k in RECALL_DEPTHS])
        axes.minorticks_off()
        axes.set(xlabel="documents", ylabel="recall", ylim=(0, 1.02))
        axes.legend(fontsize="small")

    rows = [[part.set_name, part.system, *(f"{point.recall.value:.3f}" for point in part.recall)] for part in parts]
    return _plot(draw, "recall over documents") + _numbers(["set", "system", *map(str, RECALL_DEPTHS)], rows)


def _risk_section(report: EvalReport) -> str:
    points = risk_points(report.questions)
    if not points:
        return _missing()

    def draw(axes: Axes) -> None:
        axes.plot([p.coverage for p in points], [p.risk for p in points], marker=".", drawstyle="steps-post")
        axes.set(xlabel="share of questions answered", ylabel="share of those answered wrongly")
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))

    rows = [[f"{p.coverage:.3f}", f"{p.risk:.3f}"] for p in points]
    declined = sum(not question.answered for question in report.questions)
    note = f"{declined} of {len(report.questions)} were declined; they are judged by what was withheld."
    return _plot(draw, "risk over coverage") + _note(note) + _numbers(["coverage", "risk"], rows)


def _calibration_section(report: EvalReport) -> str:
    bins = reliability_bins(report.questions)
    if not bins:
        return _missing()

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], linestyle=":", color="grey", label="as good as its word")
        axes.plot([b.confidence for b in bins], [b.accuracy for b in bins], marker="o", label="measured")
        for each in bins:
            axes.annotate(f"n={each.n}", (each.confidence, each.accuracy), fontsize="small")
        axes.set(xlabel="confidence that the documents answer", ylabel="share that they do answer")
        axes.set(xlim=(0, 1.05), ylim=(0, 1.05))
        axes.legend(fontsize="small")

    rows = [[f"{b.low:.1f}-{b.high:.1f}", str(b.n), f"{b.confidence:.3f}", f"{b.accuracy:.3f}"] for b in bins]
    note = f"Expected calibration error {expected_calibration_error(report.questions):.3f}."
    heads = ["bin", "n", "mean confidence", "share answerable"]
    return _plot(draw, "reliability diagram") + _note(note) + _numbers(heads, rows)


def _latency_section(report: EvalReport) -> str:
    seconds = [question.seconds for question in report.questions if math.isfinite(question.seconds)]
    if not seconds:
        return _missing()
    middle, late = median(seconds), p95(seconds)

    def draw(axes: Axes) -> None:
        axes.hist(seconds, bins=min(30, max(5, len(seconds) // 3)))
        for value, name in ((middle, "median"), (late, "95 %")):
            axes.axvline(value, linestyle=":", color="black")
            axes.annotate(name, (value, 0.95), xycoords=("data", "axes fraction"), rotation=90, va="top", ha="right")
        axes.set(xlabel="seconds", ylabel="questions")

    note = f"Median {middle:.3f} s, 95 % within {late:.3f} s, slowest {max(seconds):.3f} s; n={len(seconds)}."
    return _plot(draw, "histogram of seconds") + _note(note)


def _worst_questions_section(report: EvalReport) -> str:
    if not report.questions:
        return _missing()
    wrong = worst_questions(report.questions)
    if not wrong:
        return _note("None went wrong.")
    parts = []
    for question in wrong:
        gold = "".join(f"<li><bdi>{_escape(_cut(quote))}</bdi></li>" for quote in question.gold)
        wanted = f"<ul>{gold}</ul>" if gold else _note("The documents do not answer it.")
        parts.append(
            f'<div class="question"><p><b>{_escape(question.id)}</b> {_escape(question.pair)}: '
            f"<bdi>{_escape(question.question)}</bdi></p>{_note(_verdict(question))}"
            f"<p>Wanted:</p>{wanted}<p>Found:</p>{_evidence_list(question.evidence)}</div>"
        )
    return "\n".join(parts)


def _worst_queries_section(report: EvalReport) -> str:
    if not report.retrievals:
        return _missing()
    parts = []
    for part in report.retrievals:
        parts.append(f"<h3>{_escape(part.set_name)}, {_escape(part.system)}</h3>")
        if not part.worst:
            parts.append(_note("None: every right document comes first."))
        for query in part.worst:
            parts.append(
                f'<div class="question"><p><b>{_escape(query.id)}</b> <bdi>{_escape(query.text)}</bdi></p>'
                f"{_note(f'{query.measure} {query.value:.3f}')}<p>Wanted:</p>{_evidence_list(query.right)}"
                f"<p>Found:</p>{_evidence_list(query.found)}</div>"
            )
    return "\n".join(parts)


def _evidence_list(evidence: Sequence[ShownEvidence]) -> str:
    if not evidence:
        return _note("nothing")
    rows = []
    for each in evidence:
        mark = ' <span class="right">right</span>' if each.right else ""
        score = f"{each.score:.3f}" if math.isfinite(each.score) else "not found"
        rows.append(
            f"<li><code>{_escape(each.source)}</code> {score}{mark}<br><bdi>{_escape(_cut(each.text))}</bdi></li>"
        )
    return f"<ol>{''.join(rows)}</ol>"


def _verdict(question: AskedQuestion) -> str:
    if not question.answered:
        told = "declined, though the documents answer it"
    elif question.answerable:
        told = "answered, but its first citation is not what answers it"
    else:
        told = "answered, though the documents do not"
    return f"{told}; confidence {question.confidence:.2f}"


def _plot(draw: Draw, description: str) -> str:
    encoded = base64.b64encode(drawn(draw)).decode("ascii")  # not SVG: its header names addresses
    return f'<img alt="{_escape(description)}" src="data:image/png;base64,{encoded}">'


def _numbers(heads: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{_escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{_escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<details><summary>the numbers</summary><table><tr>{head}</tr>{body}</table></details>"


def _missing() -> str:
    return _note(NOT_MEASURED)


def _note(text: str) -> str:
    return f'<p class="note">{_escape(text)}</p>'


def _escape(text: str) -> str:
    return html.escape(text, quote=True)


def _cut(text: str) -> str:
    text = _normal(text)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _normal(text: str) -> str:
    return " ".join(text.split())


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _normal(text))


def _code(text: str) -> str:
    return "`" + text.replace("`", "'") + "`"


def _names(rows: Iterable[Sequence[Figure]]) -> list[str]:
    return list(dict.fromkeys(each.name for row in rows for each in row))


def _cells(row: Sequence[Figure], names: Sequence[str]) -> list[str]:
    by_name = {each.name: each for each in row if each.n}
    return [
        f"{by_name[name].value:.3f} [{by_name[name].low:.3f}, {by_name[name].high:.3f}] {by_name[name].n}"
        if name in by_name
        else NOT_MEASURED
        for name in names
    ]


def _signature(rows: Iterable[Sequence[Figure]]) -> str:
    """What all figures were measured on; several, if they differ."""
    return "; ".join(dict.fromkeys(each.signature for row in rows for each in row if each.signature))
