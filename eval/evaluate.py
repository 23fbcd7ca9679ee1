"""All that a report shows, measured: answers over a set, and systems over retrieval sets."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.answers import AnswerReport, Judgment, report_answers
from eval.report import AskedQuestion, EvalReport, RetrievalPart, ask_all, retrieval_part
from eval.retrieval import index_corpus, report_retrieval, run_system
from eval.sets import AnswerSet, RetrievalSet
from eval.systems import NAMES, make_system
from index.embed import Embedder
from index.errors import SettingsError
from index.folder import Index
from index.ingest import Progress, ingest
from rag import Assistant


@dataclass(frozen=True, slots=True)
class AskedSet:
    """An answer set after all of it was asked."""

    judgments: tuple[Judgment, ...]
    questions: tuple[AskedQuestion, ...]  # the same in the order of the judgments, as a report shows them
    figures: AnswerReport
    not_read: tuple[str, ...]  # files of the corpus, and why


def ask_set(
    answer_set: AnswerSet,
    embedder: Embedder,
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_question: Callable[[int], None] = lambda done: None,
) -> AskedSet:
    """Index the documents of a set in a folder that is gone afterwards, and ask its questions.

    Raises KeyboardInterrupt.
    """
    with tempfile.TemporaryDirectory(prefix="dragoman-eval-") as folder:
        report = ingest([answer_set.corpus], Path(folder), embedder=embedder, on_progress=on_progress)
        if report.interrupted:
            raise KeyboardInterrupt
        with Assistant.open(Path(folder)) as assistant:
            assistant.index.use_embedder(embedder)
            judgments, questions = ask_all(answer_set, assistant, on_question=on_question)
            figures = report_answers(judgments, answer_set, assistant)
    return AskedSet(tuple(judgments), questions, figures, tuple(report.failures))


def run_systems(
    retrieval_set: RetrievalSet,
    systems: Sequence[str],
    embedder: Embedder,
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_query: Callable[[str, int], None] = lambda system, done: None,
) -> tuple[RetrievalPart, ...]:
    """What a report shows of each system over a set. Raises SettingsError for an unknown system, KeyboardInterrupt."""
    for system in systems:
        if system not in NAMES:
            raise SettingsError(f"there is no system {system!r}; choose one of {', '.join(NAMES)}")
    parts = []
    with Index.open(index_corpus(retrieval_set, embedder, on_progress=on_progress)) as index:
        index.use_embedder(embedder)
        for system in systems:
            run = run_system(
                retrieval_set,
                make_system(system, index),
                on_query=lambda done, system=system: on_query(system, done),
            )
            parts.append(retrieval_part(retrieval_set, report_retrieval(retrieval_set, system, index, run)))
    return tuple(parts)


def make_report(answer_set: AnswerSet, asked: AskedSet, retrievals: Sequence[RetrievalPart] = ()) -> EvalReport:
    """The report of what was measured."""
    figures = asked.figures
    return EvalReport(
        title=answer_set.name,
        figures={"all": figures.overall, **figures.by_pair, "macro": figures.macro},
        worst=figures.worst,
        questions=asked.questions,
        retrievals=tuple(retrievals),
        not_read=asked.not_read,
    )
