"""The command `dragoman eval`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from index.errors import SettingsError


def add_eval(commands: Any) -> None:
    """Add `eval` to the commands of `dragoman`."""
    parser = commands.add_parser(
        "eval",
        help="measure answers and retrieval on questions with known answers",
        description="Without a further word, measure answers on the sample set that is shipped. "
        "Every figure is a mean\nwith its 95 % bootstrap interval.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document for machines")
    parser.set_defaults(run=_answers, questions=None, corpus=None, embedder="")
    kinds = parser.add_subparsers(metavar="WHAT")
    answers = kinds.add_parser("answers", help="answers over a folder of your own, with a file of questions")
    answers.add_argument("questions", type=Path, help='JSON lines: "id" "lang" "question" "gold" "answerable" "file"')
    answers.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="the folder they are about")
    run = kinds.add_parser("run", help="retrieval over a set in BEIR layout")
    run.add_argument("set", type=Path, metavar="SET", help="folder with corpus.jsonl, queries.jsonl, qrels/test.tsv")
    run.add_argument("--system", default="full", help="full (default), dense, or lexical")
    run.add_argument("--run-file", type=Path, metavar="FILE", help="also write the ranking as a TREC run")
    run.set_defaults(run=_run)
    speed = kinds.add_parser("speed", help="passages a second, beside sentence-transformers on the same weights")
    speed.add_argument("--index", type=Path, required=True, metavar="DIR", help="the index whose passages are embedded")
    speed.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    speed.set_defaults(run=_speed)
    for each in (answers, run):
        each.add_argument("--embedder", default="", metavar="NAME", help="as for ingest (default: e5-small)")
        each.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")


def _answers(options: argparse.Namespace) -> int:
    import tempfile

    from eval.answers import report_answers, run_answers
    from eval.sets import load_answer_set, sample_set
    from index.embed import BUNDLED, load_embedder
    from index.ingest import ingest
    from rag import Assistant
    from ui.cli import DONE, INTERRUPTED, NOT_DONE, complain

    answer_set = (
        load_answer_set(options.questions, corpus=options.corpus) if options.questions is not None else sample_set()
    )
    embedder = load_embedder(options.embedder or BUNDLED, report=complain)
    with tempfile.TemporaryDirectory(prefix="dragoman-eval-") as folder:
        with _bar("indexing", 0) as bar:
            report = ingest(
                [answer_set.corpus],
                Path(folder),
                embedder=embedder,
                on_progress=lambda p: _move(bar, p.passages_done, p.passages_known),
            )
        for message in report.failures:
            complain(f"not read: {message}")
        if report.interrupted:
            return INTERRUPTED
        with Assistant.open(Path(folder)) as assistant, _bar("asking", len(answer_set.questions)) as bar:
            assistant.index.use_embedder(embedder)
            judgments = run_answers(answer_set, assistant, on_question=lambda done: _move(bar, done))
            figures = report_answers(judgments, answer_set, assistant)
    if options.json:
        document = {
            "set": answer_set.name,
            "figures": [figure.to_json() for figure in figures.overall],
            "pairs": {pair: [figure.to_json() for figure in row] for pair, row in figures.by_pair.items()},
            "questions": [
                {
                    "id": j.question.id,
                    "pair": j.pair,
                    "answerable": j.question.answerable,
                    "answered": j.answered,
                    "first": j.first,
                    "first_three": j.first_three,
                }
                for j in judgments
            ],
        }
        print(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        names = [figure.name for figure in figures.overall]
        print(f"{answer_set.name}: {len(judgments)} questions; mean [95 % interval] of n")
        print("pair   " + "".join(f"{name:>26}" for name in names))
        for pair, row in [*figures.by_pair.items(), ("all", figures.overall)]:
            cells = (f"{f.value:.2f} [{f.low:.2f}, {f.high:.2f}] {f.n:>3}" if f.n else "-" for f in row)
            print(f"{pair:<7}" + "".join(f"{cell:>26}" for cell in cells))
        print(figures.overall[0].signature)
    return NOT_DONE if report.failures else DONE


def _run(options: argparse.Namespace) -> int:
    from eval.retrieval import SYSTEMS, index_corpus, report_retrieval, retriever, run_system, write_run
    from eval.sets import load_beir
    from index.embed import BUNDLED, load_embedder
    from index.folder import Index
    from ui.cli import DONE, complain

    if options.system not in SYSTEMS:
        raise SettingsError(f"--system {options.system}: there is no such system; choose {', '.join(SYSTEMS)}")
    retrieval_set = load_beir(options.set)
    embedder = load_embedder(options.embedder or BUNDLED, report=complain)
    with _bar("indexing", 0) as bar:
        folder = index_corpus(
            retrieval_set, embedder, on_progress=lambda p: _move(bar, p.passages_done, p.passages_known)
        )
    with Index.open(folder, report=complain) as index, _bar("asking", len(retrieval_set.judged)) as bar:
        index.use_embedder(embedder)
        run = run_system(retrieval_set, retriever(options.system, index), on_query=lambda done: _move(bar, done))
        report = report_retrieval(retrieval_set, options.system, index, run)
    if options.run_file is not None:
        write_run(report.run, options.system, options.run_file)
    if options.json:
        print(report.to_json())
    else:
        print(f"{report.set_name}, {report.system}: mean [95 % interval] over queries")
        for figure in report.figures:
            print(f"  {figure}")
        print(report.figures[0].signature)
    return DONE


def _speed(options: argparse.Namespace) -> int:
    import tempfile
    from dataclasses import asdict

    from eval.speed import compare_speed
    from index.catalog import Catalog
    from ui.cli import DONE, complain, existing

    with Catalog(existing(options.index)) as catalog:
        passages = [stored.passage.readable for stored in catalog.added_since(0)]
    with tempfile.TemporaryDirectory(prefix="dragoman-speed-") as scratch:
        speed = compare_speed(passages, Path(scratch), report=complain)
    if options.json:
        print(json.dumps({**asdict(speed), "ratio": speed.ratio}))
    else:
        print(
            f"{speed.passages} passages of {speed.mean_tokens:.0f} tokens: {speed.ours:.1f} a second, "
            f"sentence-transformers {speed.theirs:.1f}; {speed.ratio:.2f} times as fast; cosine {speed.cosine:.4f}"
        )
    return DONE


def _bar(what: str, total: int) -> Any:
    from tqdm import tqdm

    return tqdm(desc=what, total=total or None, delay=1, disable=None, file=sys.stderr, dynamic_ncols=True)


def _move(bar: Any, done: int, total: int = 0) -> None:
    if total:
        bar.total = total
    bar.update(done - bar.n)
