"""What the process of an evaluation does: measure, say how far it is, and keep what was found as a file."""

from __future__ import annotations

import datetime as dt
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from eval.answers import report_answers
from eval.compare import MEASURES, PairedTest, compare, holm
from eval.embeddings import CachedEmbedder
from eval.evaluate import AskedSet, ask_set, make_report
from eval.layouts import load_retrieval_set
from eval.measures import per_query
from eval.report import EvalReport, ask_all, report_to_json, retrieval_part
from eval.retrieval import index_corpus, report_retrieval, run_system
from eval.sets import AnswerSet, RetrievalSet, load_answer_set, sample_set
from eval.systems import make_system
from index.catalog import Catalog
from index.embed import load_embedder
from index.errors import DragomanError
from index.folder import Index
from index.said import to_json
from index.whole import write_whole
from rag.assistant import Assistant
from ui.worker import request_from_parent, say

SAMPLE, MINE = "sample", "mine"  # sets that have names; others are folders
_Values = dict[str, dict[str, float]]  # of each measure, by question


def work() -> None:
    """Measure what the first line of standard input tells of: "index", "set", "system", "questions" and "runs"."""
    request = request_from_parent()
    index, chosen, system = Path(request["index"]), request["set"], request["system"]
    try:
        with Catalog(index) as catalog:
            embedder = CachedEmbedder(load_embedder(catalog.built_with.embedder.name), cache_queries=False)
        report, values = _measured(index, chosen, system, Path(request["questions"]), embedder)
    except DragomanError as error:
        say("error", to_json(error.told))
    except KeyboardInterrupt:
        return  # whoever stopped this knows
    else:
        runs = Path(request["runs"])
        before = last_of(runs, chosen)
        made = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        document: dict[str, Any] = {
            "set": chosen,
            "system": system if report.retrievals else "",
            "made": made,
            "report": json.loads(report_to_json(report)),
            "values": values,
            "compared": _compared(before, values) if before is not None else None,
        }
        id_ = (
            f"{re.sub(r'[^0-9]', '', made[:19])}-{re.sub(r'[^A-Za-z0-9]+', '-', report.title).strip('-')[:60] or 'set'}"
        )
        runs.mkdir(parents=True, exist_ok=True)
        write_whole(runs / f"{id_}.json", json.dumps(document, ensure_ascii=False).encode())
        say("done", {"id": id_})


def last_of(runs: Path, chosen: str) -> dict[str, Any] | None:
    """The last run of a set that was kept, if there is one."""
    for file in sorted(runs.glob("*.json"), reverse=True):
        document = json.loads(file.read_bytes())
        if document["set"] == chosen:
            return document
    return None


def _measured(
    index: Path, chosen: str, system: str, questions: Path, embedder: CachedEmbedder
) -> tuple[EvalReport, _Values]:
    if chosen == SAMPLE:
        return _asked(sample_set(), embedder)
    if chosen == MINE:
        return _asked_here(questions, index)
    folder = Path(chosen)
    if (folder / "questions.jsonl").is_file() and (folder / "corpus").is_dir():
        return _asked(load_answer_set(folder / "questions.jsonl", corpus=folder / "corpus"), embedder)
    return _retrieved(load_retrieval_set(folder), system, embedder)


def _asked(answer_set: AnswerSet, embedder: CachedEmbedder) -> tuple[EvalReport, _Values]:
    asked = ask_set(
        answer_set,
        embedder,
        on_progress=lambda p: say("progress", ["indexing", p.passages_done, p.passages_known]),
        on_question=_told("asking", len(answer_set.questions)),
    )
    report = make_report(answer_set, asked)
    return report, _values(report)


def _asked_here(questions: Path, folder: Path) -> tuple[EvalReport, _Values]:
    """Ask a person's own questions of the index that they are about, as it is."""
    with tempfile.TemporaryDirectory(prefix="dragoman-eval-") as nothing, Assistant.open(folder) as assistant:
        answer_set = load_answer_set(questions, corpus=Path(nothing))
        told = _told("asking", len(answer_set.questions))
        judgments, asked = ask_all(answer_set, assistant, on_question=told)
        figures = report_answers(judgments, answer_set, assistant)
    report = make_report(answer_set, AskedSet(tuple(judgments), asked, figures, ()))
    return report, _values(report)


def _retrieved(retrieval_set: RetrievalSet, system: str, embedder: CachedEmbedder) -> tuple[EvalReport, _Values]:
    folder = index_corpus(
        retrieval_set,
        embedder,
        on_progress=lambda p: say("progress", ["indexing", p.passages_done, p.passages_known]),
    )
    with Index.open(folder) as index:
        index.use_embedder(embedder)
        told = _told("asking", len(retrieval_set.judged))
        run = run_system(retrieval_set, make_system(system, index), on_query=told)
        part = retrieval_part(retrieval_set, report_retrieval(retrieval_set, system, index, run))
    return EvalReport(retrieval_set.name, retrievals=(part,)), per_query(retrieval_set, run, MEASURES)


def _told(what: str, total: int) -> Callable[[int], None]:
    return lambda done: say("progress", [what, done, total])


def _values(report: EvalReport) -> _Values:
    return {
        "right": {each.id: float(each.right) for each in report.questions},
        "first citation": {each.id: float(each.cites_gold) for each in report.questions if each.answerable},
    }


def _compared(before: Mapping[str, Any], values: _Values) -> dict[str, Any]:
    """The values less those of a run before, on the questions that both have, tested in pairs."""
    tests: list[PairedTest] = []
    for measure, now in values.items():
        then = before["values"].get(measure, {})
        both = sorted(now.keys() & then.keys())
        if both:
            a, b = ({each: found[each] for each in both} for found in (then, now))
            tests.append(compare(a, b, measure=measure, set_name=before["set"]))
    corrected = holm([test.p for test in tests])
    rows = [
        {
            "measure": test.measure,
            "before": test.mean_a,
            "now": test.mean_b,
            "difference": test.difference.value,
            "low": test.difference.low,
            "high": test.difference.high,
            "p": p,
            "n": test.wins + test.losses + test.ties,
            "better": test.wins,
            "worse": test.losses,
        }
        for test, p in zip(tests, corrected, strict=True)
    ]
    return {"made": before["made"], "system": before["system"], "rows": rows}
