"""The command `dragoman eval`."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from index.errors import SettingsError
from ui.add_command import add_add
from ui.crash_command import add_crash
from ui.first_command import add_first
from ui.fuzz_command import add_fuzz
from ui.load_command import add_load
from ui.reading_command import add_fit_standing, add_reading
from ui.scale_command import add_scale
from ui.served_command import add_milvus
from ui.support_command import add_support
from ui.throughput_command import add_throughput

# What the table of answers shows; --json has all figures.
_SHOWN = ("first citation", "first three", "wrongly declined", "rightly declined", "quotes that stand")
_STDOUT = Path("-")


def add_eval(commands: Any) -> None:
    """Add `eval` to the commands of `dragoman`."""
    from ui.cli import add_index, add_reranker

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
    run.add_argument("set", type=Path, metavar="SET", help="folder in BEIR layout, or of claims (WiCE)")
    run.add_argument(
        "--system",
        default="full",
        help="full (default), fused (not reranked), dense, dense-plain, lexical, bm25, rrf, langchain-faiss",
    )
    add_reranker(run)
    run.add_argument(
        "--conversation", action="store_true", help="let a query lean on those before it, where the set has any"
    )
    run.add_argument("--run-file", type=Path, metavar="FILE", help="also write the ranking as a TREC run")
    run.set_defaults(run=_run)
    speed = kinds.add_parser("speed", help="passages a second, beside sentence-transformers on the same weights")
    add_index(speed, "the index whose passages are embedded", default=None, required=True)
    speed.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    speed.set_defaults(run=_speed)
    table = kinds.add_parser("table", help="compare systems over sets in BEIR layout, as Markdown")
    table.add_argument("sets", nargs="+", type=Path, metavar="SET")
    table.add_argument("--system", action="append", default=[], metavar="NAME", help="may be repeated (default: all)")
    table.add_argument(
        "--test", default="", metavar="NAME", help="also test this system against each of the others, query by query"
    )
    table.add_argument("--ablation", action="store_true", help="test the whole retriever against itself without a part")
    table.set_defaults(run=_table)
    compare = kinds.add_parser("compare", help="test whether two runs differ, and show which queries lost most")
    compare.add_argument("a", type=Path, metavar="RUN-A", help="TREC run file, as `eval run --run-file` writes it")
    compare.add_argument("b", type=Path, metavar="RUN-B")
    compare.add_argument("--set", type=Path, required=True, metavar="SET", help="the set that both were run on")
    compare.set_defaults(run=_compare)
    check = kinds.add_parser("check", help="validate a set: quotes verbatim, ids known, duplicates, leakage")
    check.add_argument("set", type=Path, metavar="SET", help="folder in BEIR layout, or a file of questions")
    check.add_argument("--corpus", type=Path, metavar="DIR", help="the documents of a file of questions")
    check.add_argument("--against", type=Path, metavar="SET", help="another set, that this one must not leak into")
    check.set_defaults(run=_check)
    gate = kinds.add_parser("gate", help="fail if figures are below their floors (default: the shipped set's)")
    gate.add_argument("--config", type=Path, metavar="FILE", help="floors for a corpus of your own, as TOML")
    gate.add_argument("--raise", action="store_true", dest="suggest", help="print floors that could be raised")
    gate.set_defaults(run=_gate)
    robustness = kinds.add_parser("robustness", help="what damaged questions and documents cost retrieval")
    robustness.add_argument("set", type=Path, metavar="SET", help="folder in BEIR layout")
    robustness.set_defaults(run=_robustness)
    _add_report(kinds)
    add_add(kinds)
    calibrate = kinds.add_parser("calibrate", help="fit the decision to decline again, from sets in BEIR layout")
    calibrate.add_argument("sets", nargs="+", type=Path, metavar="SET")
    calibrate.add_argument(
        "--most", type=int, default=44, metavar="N", help="questions a set that has no test part (default: %(default)s)"
    )
    calibrate.add_argument(
        "--wrong-answer", type=float, default=0.45, metavar="COST",
        help="of answering where nothing answers, if declining where something does costs 1 (default: %(default)s)",
    )  # fmt: skip
    calibrate.set_defaults(run=_calibrate)
    reader = kinds.add_parser("fit-reader", help="fit how sentences are chosen again, from sets that have answers")
    reader.add_argument("sets", nargs="+", type=Path, metavar="SET", help="BEIR layout, with answers in its queries")
    reader.add_argument("--most", type=int, default=150, metavar="N", help="questions a set (default: %(default)s)")
    reader.set_defaults(run=_fit_reader)
    add_support(kinds)
    add_reading(kinds)
    add_fit_standing(kinds)
    add_fuzz(kinds)
    add_crash(kinds)
    add_scale(kinds)
    add_first(kinds)
    add_load(kinds)
    add_milvus(kinds)
    add_throughput(kinds)
    languages = kinds.add_parser("languages", help="how often the language of a text is told right, by length")
    languages.add_argument(
        "--part", choices=("dev", "test"), default="test", help="of the texts (default: %(default)s)"
    )
    languages.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    languages.set_defaults(run=_languages)
    disagreement = kinds.add_parser("disagreement", help="how often it is told that two sources disagree")
    disagreement.add_argument(
        "--part", choices=("dev", "test"), default="test", help="of the cases (default: %(default)s)"
    )
    disagreement.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    disagreement.set_defaults(run=_disagreement)
    for each in (answers, run, table, gate, robustness, calibrate, reader, disagreement):
        each.add_argument("--embedder", default="", metavar="NAME", help="as for ingest (default: e5-small)")
    for each in (answers, run, table, compare, check, gate, robustness):
        each.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")


def _add_report(kinds: Any) -> None:
    parser = kinds.add_parser(
        "report",
        help="figures, plots and the worst questions as a page, Markdown or JSON",
        description="Measure answers, by default on the sample set, and with --set retrieval, and write what was found "
        "in one or more forms.\nWithout FILE, or with -, Markdown or JSON goes to stdout.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="one self-contained page with plots")
    parser.add_argument("--markdown", nargs="?", type=Path, const=_STDOUT, metavar="FILE", help="the tables")
    # argparse.SUPPRESS: without it `eval --json report` would forget the word before.
    parser.add_argument(
        "--json", nargs="?", type=Path, const=_STDOUT, default=argparse.SUPPRESS, metavar="FILE", help="all numbers"
    )
    parser.add_argument("--questions", type=Path, metavar="FILE", help="your own questions, as for eval answers")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="the folder that they are about")
    parser.add_argument(
        "--set",
        type=Path,
        action="append",
        default=[],
        metavar="SET",
        help="add retrieval over this set in BEIR layout",
    )
    parser.add_argument(
        "--system", action="append", default=[], metavar="NAME", help="over each --set (default: full); may be repeated"
    )
    parser.add_argument("--embedder", default="", metavar="NAME", help="as for ingest (default: e5-small)")
    parser.set_defaults(run=_report)


def _answers(options: argparse.Namespace) -> int:
    from ui.cli import DONE, NOT_DONE

    answer_set = _answer_set(options)
    with cached_embedder(options, queries=False) as embedder:
        asked = _ask_set(answer_set, embedder)
    judgments, figures = asked.judgments, asked.figures
    if options.json:
        document = {
            "set": answer_set.name,
            **figures.to_json(),
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
        shown = [i for i, figure in enumerate(figures.overall) if figure.name in _SHOWN]
        names = [figures.overall[i].name for i in shown]
        print(f"{answer_set.name}: {len(judgments)} questions; mean [95 % interval] of n")
        print("pair   " + "".join(f"{name:>26}" for name in names))
        for label, row in [*figures.by_pair.items(), ("macro", figures.macro), ("all", figures.overall)]:
            cells = (
                f"{f.value:.2f} [{f.low:.2f}, {f.high:.2f}] {f.n:>3}" if f.n else "-" for f in (row[i] for i in shown)
            )
            print(f"{label:<7}" + "".join(f"{cell:>26}" for cell in cells))
            if label == "macro":
                lowest = (f"{f.value:.2f} {pair}" if f.n else "-" for pair, f in (figures.worst[i] for i in shown))
                print(f"{'worst':<7}" + "".join(f"{cell:>26}" for cell in lowest))
        print(figures.overall[0].signature)
    return NOT_DONE if asked.not_read else DONE


def _answer_set(options: argparse.Namespace) -> Any:
    """The questions that are named, else the sample's. Raises DataSetError, SettingsError."""
    from eval.sets import load_answer_set, sample_set

    if (options.questions is None) != (options.corpus is None):
        raise SettingsError("--questions FILE and --corpus DIR belong together; give both or neither")
    return load_answer_set(options.questions, corpus=options.corpus) if options.questions is not None else sample_set()


def _ask_set(answer_set: Any, embedder: Any) -> Any:
    from eval.evaluate import ask_set
    from ui.cli import complain

    with progress_bar("indexing", 0) as bar:

        def on_question(done: int) -> None:
            if done == 1:
                bar.reset(total=len(answer_set.questions))
                bar.set_description("asking")
            move(bar, done)

        asked = ask_set(
            answer_set,
            embedder,
            on_progress=lambda p: move(bar, p.passages_done, p.passages_known),
            on_question=on_question,
        )
    for message in asked.not_read:
        complain(f"not read: {message}")
    return asked


def _run(options: argparse.Namespace) -> int:
    from eval.layouts import load_retrieval_set
    from eval.retrieval import in_conversation
    from eval.runs import write_run
    from eval.system_report import measure_system
    from eval.systems import NAMES
    from rag.rerank import load_reranker
    from ui.cli import DONE, complain, printable

    if options.system not in NAMES:
        raise SettingsError(f"--system {options.system}: there is no such system; choose {', '.join(NAMES)}")
    retrieval_set = load_retrieval_set(options.set)
    if options.conversation:
        retrieval_set = in_conversation(retrieval_set)
    cross = load_reranker(options.reranker)
    with (
        cached_embedder(options, queries=False) as embedder,
        progress_bar("indexing", 0) as indexing,
        progress_bar("asking", len(retrieval_set.judged)) as asking,
    ):
        report = measure_system(
            retrieval_set,
            options.system,
            embedder,
            cross=cross,
            on_progress=lambda p: move(indexing, p.passages_done, p.passages_known),
            on_query=lambda done: move(asking, done),
            report=complain,
        )
    if options.run_file is not None:
        write_run(report.run, options.system, options.run_file)
    print(report.to_json() if options.json else printable(report.to_text()))
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


def _table(options: argparse.Namespace) -> int:
    from eval.layouts import load_retrieval_set
    from eval.systems import ABLATIONS, SYSTEMS
    from eval.table import table
    from ui.cli import DONE

    if options.ablation and (options.system or options.test):
        raise SettingsError("--ablation names the systems itself; leave --system and --test out")
    whole = "full"
    systems = (whole, *ABLATIONS) if options.ablation else tuple(options.system) or SYSTEMS
    sets = [load_retrieval_set(location) for location in options.sets]
    with cached_embedder(options) as embedder, progress_bar("systems", 0) as bar:
        made = table(
            sets,
            embedder,
            systems=systems,
            tested=whole if options.ablation else options.test,
            on_query=lambda name, system, done: bar.set_description(f"{name}: {system} {done}"),
        )
    print(made.to_json() if options.json else made.to_markdown())
    return DONE


def cached_embedder(options: argparse.Namespace, *, queries: bool = True) -> Any:
    """The embedder that was named, which keeps what it embeds; of queries nothing where their latency is shown."""
    from eval.embeddings import CachedEmbedder
    from index.embed import BUNDLED, load_embedder
    from ui.cli import complain

    return CachedEmbedder(load_embedder(options.embedder or BUNDLED, report=complain), cache_queries=queries)


def _compare(options: argparse.Namespace) -> int:
    from eval.compare import RunPair, compare_runs, comparison_to_json, comparison_to_text
    from eval.layouts import load_retrieval_set
    from eval.runs import read_run
    from ui.cli import DONE, printable

    pair = RunPair(load_retrieval_set(options.set), read_run(options.a), read_run(options.b))
    comparison = compare_runs([pair], name_a=options.a.stem, name_b=options.b.stem)
    print(comparison_to_json(comparison) if options.json else printable(comparison_to_text(comparison)))
    return DONE


def _check(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from eval.check import Severity, check_set
    from ui.cli import DONE, NOT_DONE, printable

    problems = check_set(options.set, options.corpus, options.against)
    if options.json:
        print(json.dumps([asdict(problem) for problem in problems], ensure_ascii=False, indent=2))
    else:
        for problem in problems:
            print(printable(str(problem)))
        print(f"{len(problems)} problems, {sum(p.severity is Severity.ERROR for p in problems)} of them errors")
    return NOT_DONE if any(problem.severity is Severity.ERROR for problem in problems) else DONE


def _gate(options: argparse.Namespace) -> int:
    from eval.gate import all_passed, baseline_file, gate, load_floors, measure_place, raise_floors
    from ui.cli import DONE, NOT_DONE

    results = []
    with cached_embedder(options, queries=False) as embedder:
        for floors in load_floors(options.config or baseline_file()):
            with progress_bar(f"asking {floors.name}", 0) as bar:
                found = measure_place(floors.place, embedder, on_question=lambda done, bar=bar: move(bar, done))
            results.append(gate(floors, found))
            print(results[-1].to_json() if options.json else results[-1].to_text())
            if options.suggest:
                print(raise_floors(floors, found), end="")
    return DONE if all_passed(results) else NOT_DONE


def _robustness(options: argparse.Namespace) -> int:
    from eval.layouts import load_retrieval_set
    from eval.perturb import robustness
    from rag.retrieve import HybridRetriever
    from ui.cli import DONE

    with cached_embedder(options) as embedder, progress_bar("asking", 0) as bar:
        made = robustness(
            load_retrieval_set(options.set),
            embedder,
            HybridRetriever,
            on_query=lambda label, done: bar.set_description(f"{label} {done}"),
        )
    print(made.to_json() if options.json else made.to_markdown())
    return DONE


def _calibrate(options: argparse.Namespace) -> int:
    from eval.calibrate import by_family, by_question, collect_cases, fit, measure_decisions
    from eval.layouts import load_retrieval_set
    from eval.retrieval import index_corpus
    from index.folder import Index
    from ui.cli import DONE

    cases = []
    with cached_embedder(options) as embedder:
        for location in options.sets:
            retrieval_set = load_retrieval_set(location)
            folder = index_corpus(retrieval_set, embedder)
            with Index.open(folder) as index, progress_bar(retrieval_set.name, 0) as bar:
                index.use_embedder(embedder)
                # A set that is made for this is asked whole, however few of the large ones are.
                most = len(retrieval_set.queries) if retrieval_set.parts else options.most
                cases += collect_cases(retrieval_set, index, most=most, on_query=lambda done, bar=bar: move(bar, done))
    calibration = fit(cases, wrong_answer=options.wrong_answer)
    print(calibration)
    for way, probabilities in (("question", by_question(cases)), ("family of sets", by_family(cases))):
        judged = [(c.part, c.family, c.kind, p) for c, p in zip(cases, probabilities, strict=True)]
        for name in dict.fromkeys(name for part, family, _, _ in judged for name in (family, part)):
            found = [(kind, p) for part, family, kind, p in judged if name in (part, family)]
            figures = measure_decisions(found, threshold=calibration.threshold)
            print(f"{name}, each {way} left out of the fit that it is measured by:")
            for each in figures:
                if each.n and not math.isnan(each.value):
                    print(f"  {each.name} {each.value:.3f} [{each.low:.3f}, {each.high:.3f}] n={each.n}")
    return DONE


def _fit_reader(options: argparse.Namespace) -> int:
    from eval.fit_reader import collect_cases, first_right, fit, left_out, load_answers
    from eval.layouts import load_retrieval_set
    from eval.retrieval import index_corpus
    from index.folder import Index
    from rag.choose import WEIGHTS
    from ui.cli import DONE

    cases = []
    sets = [load_retrieval_set(location) for location in options.sets]
    answers = load_answers(options.sets)
    with cached_embedder(options) as embedder:
        for retrieval_set in sets:
            folder = index_corpus(retrieval_set, embedder)
            with Index.open(folder) as index, progress_bar(retrieval_set.name, 0) as bar:
                index.use_embedder(embedder)
                cases += collect_cases(
                    retrieval_set,
                    index,
                    answers,
                    most=options.most,
                    on_query=lambda done, bar=bar: move(bar, done),
                )
    print(fit(cases))
    for within in (1, 3):
        right = sum(first_right(case, WEIGHTS, within=within) for case in cases) / len(cases)
        print(f"first {within} right of {len(cases)} by the weights in use: {right:.3f}")
    for name, (number, one, three) in left_out(cases).items():
        print(f"left out of the fit, {name}: first {one:.3f}, first three {three:.3f} of {number}")
    return DONE


def _languages(options: argparse.Namespace) -> int:
    from eval.languages import language_cases, report_languages
    from ui.cli import DONE, printable

    report = report_languages(language_cases(options.part))
    print(report.to_json() if options.json else printable(report.to_text()))
    return DONE


def _disagreement(options: argparse.Namespace) -> int:
    import tempfile

    from eval.disagreement import ask_cases, disagreement_cases
    from ui.cli import DONE, printable

    cases = disagreement_cases(options.part)
    with (
        cached_embedder(options, queries=False) as embedder,
        tempfile.TemporaryDirectory(prefix="dragoman-eval-") as folder,
        progress_bar("asking", len(cases)) as bar,
    ):
        report = ask_cases(cases, Path(folder), embedder, on_question=lambda done: move(bar, done))
    print(report.to_json() if options.json else printable(report.to_text()))
    return DONE


def _report(options: argparse.Namespace) -> int:
    from eval.evaluate import make_report, run_systems
    from eval.layouts import load_retrieval_set
    from eval.plot import check_plots
    from eval.report import report_to_html, report_to_json, report_to_markdown
    from index.whole import write_whole
    from ui.cli import DONE, NOT_DONE, printable

    json_file = _STDOUT if options.json is True else options.json or None
    forms = [
        (options.markdown, report_to_markdown),
        (json_file, report_to_json),
        (options.html, report_to_html),
    ]
    wanted = [(file, form) for file, form in forms if file is not None]
    _check_files([file for file, _ in wanted])
    if options.html is not None:
        check_plots()
    if options.system and not options.set:
        raise SettingsError("--system is about retrieval; name a --set, too")
    answer_set, sets = _answer_set(options), [load_retrieval_set(location) for location in options.set]
    parts = []
    with cached_embedder(options, queries=False) as embedder:
        for each in sets:
            with progress_bar(each.name, 0) as bar:
                parts += run_systems(
                    each,
                    options.system or ["full"],
                    embedder,
                    on_progress=lambda p, bar=bar: move(bar, p.passages_done, p.passages_known),
                    on_query=lambda system, done, bar=bar: bar.set_description(f"{system} {done}"),
                )
        asked = _ask_set(answer_set, embedder)
    report = make_report(answer_set, asked, parts)
    for file, form in wanted:
        if file != _STDOUT:
            write_whole(file, form(report).encode())
            print(file, file=sys.stderr if _STDOUT in [file for file, _ in wanted] else sys.stdout)
        elif form is report_to_json:
            print(form(report))
        else:
            print(printable(form(report)), end="")
    return NOT_DONE if asked.not_read else DONE


def _check_files(files: list[Path]) -> None:
    """Whether a report can be written, before hours of measuring. Raises SettingsError."""
    if not files:
        raise SettingsError("name what to write, one or more of: --html FILE, --markdown [FILE], --json [FILE]")
    if files.count(_STDOUT) > 1:
        raise SettingsError("only one form can go to stdout; name a file for each other one")
    for file in files:
        if file.is_dir() or not file.absolute().parent.is_dir():
            raise SettingsError(f"{file}: {'a folder' if file.is_dir() else 'its folder is not there'}; name a file")


def progress_bar(what: str, total: int) -> Any:
    """A bar on stderr, if that is a terminal."""
    from tqdm import tqdm

    return tqdm(desc=what, total=total or None, delay=1, disable=None, file=sys.stderr, dynamic_ncols=True)


def move(bar: Any, done: int, total: int = 0) -> None:
    """Say how much of a bar is done."""
    if total:
        bar.total = total
    bar.update(done - bar.n)
