"""The command `dragoman`."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import DragomanError, IndexFolderError, SettingsError

if TYPE_CHECKING:
    from index.folder import Filters, Index
    from index.lexical import MatchedPart
    from index.values import Passage
    from rag import Assistant, Explanation, Reply, Statement

DONE, NOT_DONE, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
DEFAULT_INDEX = Path("dragoman.index")

_EPILOG = """\
exit codes:
  0    done; an abstention is a result, too
  1    something was not done: a file could not be read, a quote no longer stands, no such index; stderr says what
  2    the command was misused
  130  stopped with Ctrl-C; what was committed is kept, and the same command goes on from there

Answers go to stdout; progress and problems to stderr.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        place_index(options)
        code = options.run(options)
        sys.stdout.flush()
        return code
    except SettingsError as error:
        complain(str(error))
        return WRONG_USE
    except DragomanError as error:
        complain(str(error))
        return NOT_DONE
    except KeyboardInterrupt:
        complain("stopped")
        return INTERRUPTED
    except BrokenPipeError:  # `dragoman ... | head`: nobody reads on, which is no fault
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def complain(message: str) -> None:
    """Say on stderr what went wrong or takes long."""
    print(f"dragoman: {printable(message)}", file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Text that a terminal shows and does not obey: control characters are replaced, line breaks kept.

    So are the characters that turn the direction of what follows, with which a quote could be shown as another.
    """
    return "".join(c if c in "\n\t" or not _obeyed(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _obeyed(character: str) -> bool:
    turns = unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    return turns or unicodedata.category(character) == "Cc"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dragoman",
        description="Ask an archive of messy multilingual documents; read answers whose quotes stand in the files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # These modules import from here, so they are imported when the command is run.
    from ui.eval_command import add_eval
    from ui.feedback_command import add_feedback
    from ui.index_command import add_index_command
    from ui.ingest_command import add_ingest
    from ui.mcp_command import add_mcp
    from ui.plan_command import add_plan
    from ui.serve_command import add_serve
    from ui.show_command import add_show, add_sources
    from ui.transfer_command import add_export, add_import
    from ui.user_command import add_user

    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_ingest(commands)
    _add_ask(commands)
    _add_search(commands)
    add_serve(commands)
    add_user(commands)
    add_mcp(commands)
    add_sources(commands)
    add_show(commands)
    _add_verify(commands)
    add_index_command(commands)
    add_export(commands)
    add_import(commands)
    add_plan(commands)
    add_eval(commands)
    add_feedback(commands)
    return parser


def command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    help: str,
    description: str,
) -> argparse.ArgumentParser:
    """A new command that does `run`."""
    parser = commands.add_parser(
        name, help=help, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(run=run)
    return parser


def add_index(
    parser: argparse.ArgumentParser,
    help: str = "the index folder (default: %(default)s)",
    *,
    default: Path | None = DEFAULT_INDEX,
    required: bool = False,
) -> None:
    """Give a command the option that names the index: `options.index` is its folder when the command is run."""
    parser.add_argument("--index", type=_index_named, default=default, required=required, metavar="DIR", help=help)
    parser.set_defaults(named="", moves_vectors=False)


def _index_named(name: str) -> str | Path:
    """A path, or a URL as it was written: a path would take one of its slashes."""
    return name if name.startswith("milvus:") else Path(name)


def place_index(options: argparse.Namespace) -> None:
    """Let `options.index` be the folder of the index, and `options.named` the URL if that is how it was named.

    Raises SettingsError for what is no URL of ours, and IndexMismatch if the vectors are elsewhere and not to be moved.
    """
    if not isinstance(getattr(options, "index", None), str):
        return
    from index.folder import folder_of
    from index.place import Place

    options.named = options.index
    options.index = Place.named(options.named).folder if options.moves_vectors else folder_of(options.named)


@contextmanager
def vectors_moved(options: argparse.Namespace) -> Iterator[None]:
    """Once an index is made in here, let the server search its vectors by whose URL it was named, if it was.

    Raises ServerError, also before anything is made.
    """
    if not options.named:
        yield
        return
    from index.dense import told_of_server
    from index.ingest import move_vectors
    from index.place import Place

    told_of_server(Place.named(options.named).server)
    yield
    move_vectors(options.named, report=complain)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Give a command the option to print for machines."""
    parser.add_argument("--json", action="store_true", help="print one JSON document for machines")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which documents to look in")
    group.add_argument(
        "--lang", action="append", default=[], metavar="TAG", help="only this language, such as az; may be repeated"
    )
    group.add_argument(
        "--since", "--after", default="", metavar="DAY", help="only documents dated this day or later (2024-12-31)"
    )
    group.add_argument(
        "--until", "--before", default="", metavar="DAY", help="only documents dated this day or earlier"
    )
    group.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="PATH",
        help="only this file, or the files in this folder, by the path that `dragoman sources` shows; may be repeated",
    )
    group.add_argument(
        "--outlet",
        action="append",
        default=[],
        metavar="NAME",
        help="only articles that appeared there, as `dragoman sources` names it, upper or lower case; may be repeated",
    )
    group.add_argument(
        "--exact",
        action="store_true",
        help="words in quotes must stand in a passage, in this order and side by side: 'who said \"we are ready\"?'. "
        "Without it they are words like others, which is mostly better: quotes stand around names, too, and another "
        "language writes these otherwise (nDCG@10 of Russian questions with quotes over English articles: "
        ".947 without, .045 with it)",
    )
    group = parser.add_argument_group(
        "what comes first",
        'A period that the question names ("in December 2024", "last week") filters nothing; passages that are dated\n'
        "in it or name a day of it come before others that match as well.",
    )
    group.add_argument("--recent", action="store_true", help="newer documents before older ones that match as well")
    group.add_argument(
        "--as-of",
        default="",
        metavar="DAY",
        help="answer as on this day: read nothing that was published later, or that nothing dates, and count "
        '"last week" and "now" from then. Unlike --until it leaves out what is dated only by a month or year that was '
        "not over",
    )
    group.add_argument(
        "--today", default="", metavar="DAY", help='the day that "last week" is counted from (default: today)'
    )


def _wanted(options: argparse.Namespace) -> dict[str, Any]:
    """What `_add_filters` was told, for the assistant."""
    return {
        "languages": options.lang,
        "since": options.since,
        "until": options.until,
        "sources": options.source,
        "outlets": options.outlet,
        "exact": options.exact,
        "today": options.today or dt.date.today().isoformat(),
        "as_of": options.as_of,
        "recent": options.recent,
        "earlier": options.earlier,
    }


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--explain", action="store_true", help="show why each passage stands where it stands")


def add_reranker(parser: argparse.ArgumentParser) -> None:
    """Give a command the option that names a cross-encoder."""
    parser.add_argument(
        "--reranker",
        default="",
        metavar="NAME",
        help="let this sentence-transformers cross-encoder, a folder or a name on huggingface.co, order the best 20 "
        "passages anew; those it does not see come after (default: none; passages are ranked by stored token vectors)",
    )


def _add_rewrite(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    group = parser.add_argument_group(
        "a language model",
        "None is needed. With one behind an OpenAI-compatible server, such as llama.cpp's, a question is searched in\n"
        "every language of the archive. DRAGOMAN_LLM_URL (such as http://127.0.0.1:8080/v1) and DRAGOMAN_LLM_MODEL\n"
        "name it, DRAGOMAN_LLM_KEY is its key. To rewrite, it is told the question and those before it, never a\n"
        "document.",
    )
    group.add_argument("--rewrite", action="store_true", help="search translations of the question, too")
    return group


def _add_earlier(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--earlier",
        action="append",
        default=[],
        metavar="QUESTION",
        help='a question asked before, by which "and when?" or "what did he say?" is understood; may be repeated, '
        "oldest first",
    )


def add_llm(parser: argparse._ActionsContainer) -> None:
    """Give a command the options that name the language model that writes, and what scores it."""
    parser.add_argument(
        "--llm",
        default="",
        metavar="NAME",
        help="let this model write the answer from the passages found, which it is sent: one of the server's models, "
        '"default" for the one that DRAGOMAN_LLM_MODEL names, or without DRAGOMAN_LLM_URL a provider\'s, such as '
        "openai:gpt-5 or ollama:qwen3. A sentence of it is shown only if its quotes stand in the passages and have its "
        "numbers, dates and names; how far it follows from them is estimated. If the model fails, sentences of the "
        "documents are the answer, as without one",
    )
    parser.add_argument(
        "--nli",
        default="",
        metavar="NAME",
        help="let this sentence-transformers cross-encoder for natural language inference, a folder or a name on "
        "huggingface.co, score how the model's sentences are supported (default: none; words and token vectors do)",
    )


def _opened(options: argparse.Namespace, *, chat: str = "", nli: str = "") -> Assistant:
    """The assistant that the options of `ask` and `search` want."""
    from rag import Assistant, Rewriter

    rewriter = Rewriter.from_environment() if options.rewrite else None
    return Assistant.open(
        options.index, reranker=options.reranker, rewriter=rewriter, chat=chat, nli=nli, report=complain
    )


def existing(folder: Path) -> Path:
    """The folder of an index that must be there. Raises IndexFolderError."""
    if not folder.is_dir():
        raise IndexFolderError(
            f"{folder}: no such index; make one: dragoman ingest FOLDER-OF-DOCUMENTS --index {folder}"
        )
    return folder


# ask and search


def _add_ask(commands: Any) -> None:
    parser = command(
        commands,
        "ask",
        _ask,
        help="answer a question, with citations, or say that the documents do not tell",
        description="Answer a question in any language from the documents, each statement with the exact place "
        "of its quote.\nEvery quote is read again from the stored source before it is shown.",
    )
    parser.add_argument("question")
    add_index(parser)
    _add_filters(parser)
    _add_earlier(parser)
    add_llm(_add_rewrite(parser))
    add_reranker(parser)
    _add_explain(parser)
    parser.add_argument(
        "--translate",
        action="store_true",
        help="let the model of --llm translate quotes that are in another language than the question; the quotes stay, "
        "and a translation with other numbers or dates than its quote is dropped",
    )
    parser.add_argument(
        "--receipt",
        type=Path,
        metavar="FILE",
        help="keep all that the reply stands on: with footnotes if the name ends in .md, the articles it cites for a "
        "reference manager if it ends in .bib, else as --json prints it, which `dragoman verify` reads",
    )
    parser.add_argument(
        "--format",
        choices=["markdown", "json", "bibtex", "csl-json"],
        help="what --receipt writes, whatever the name ends in; the last two list the articles that are cited",
    )
    add_json(parser)


def _ask(options: argparse.Namespace) -> int:
    if options.format and not options.receipt:
        raise SettingsError(f"--format {options.format} says how --receipt FILE is written; name the file, too")
    with _opened(options, chat=options.llm, nli=options.nli) as assistant:
        if options.json:
            reply = assistant.ask(options.question, translate=options.translate, **_wanted(options))
        else:
            reply = _print_stream(assistant.stream(options.question, translate=options.translate, **_wanted(options)))
        explanation = assistant.explain(options.question, **_wanted(options)) if options.explain else None
        if options.receipt:
            _keep(reply, options.receipt, options.format, assistant.index)
    if options.json:
        document = json.loads(reply.to_json()) | ({"explanation": explanation.to_document()} if explanation else {})
        print(json.dumps(document, ensure_ascii=False, indent=2))
    elif explanation:
        print(printable(f"\n{show_explanation(explanation)}"))
    return DONE


def _keep(reply: Reply, location: Path, form: str | None, index: Index) -> None:
    from rag.bibliography import bibliography, to_bibtex, to_csl_json

    match form or {".md": "markdown", ".bib": "bibtex"}.get(location.suffix, "json"):
        case "markdown":
            text = printable(reply.receipt().to_markdown())
        case "bibtex":
            text = printable(to_bibtex(bibliography(reply, index)))
        case "csl-json":
            text = to_csl_json(bibliography(reply, index))
        case _:
            text = reply.to_json() + "\n"
    try:
        location.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"--receipt {location}: {error.strerror}; name a file that can be written") from error


def _print_stream(stream: Iterator[Statement | Reply]) -> Reply:
    """Print statements as they come, and what else a reply says when it is there."""
    from rag import Statement

    number = 1
    for each in stream:
        if not isinstance(each, Statement):
            rest = _rest(each, number)
            print(printable("\n".join(rest)), end="\n" if rest else "")
            return each
        shown = printable("\n".join(_lines(each, number)))
        print(_bold(shown, each) if sys.stdout.isatty() else shown, flush=True)
        number += len(each.citations)
    raise AssertionError("a stream ends with a reply")


def _bold(shown: str, statement: Statement) -> str:
    """A statement as it is shown, with the words that answer in bold; what is printable is as long as it was."""
    for span in sorted(statement.answering, reverse=True):
        shown = f"{shown[: span.start]}\x1b[1m{span.of(shown)}\x1b[22m{shown[span.end :]}"
    return shown


def _lines(statement: Statement, number: int) -> list[str]:
    """A statement and its citations, numbered from `number`."""
    marks = range(number, number + len(statement.citations))
    counted = f" ({statement.counted})" if statement.counted else ""
    support = "" if statement.support.value == "quoted" else f" ({statement.support.value})"
    marked = f"{statement.text} {''.join(f'[{mark}]' for mark in marks)}"
    return [f"{marked}{counted}{support}", *_places(statement, marks)]


def _rest(reply: Reply, number: int) -> list[str]:
    """What a reply says besides its statements; citations are numbered from `number`."""
    from rag import Abstention

    undated = reply.searched.undated
    left_out = [f"As of {reply.searched.as_of}: {undated} articles without a date were left out."] if undated else []
    if isinstance(reply, Abstention):
        lines = ["The documents do not tell.", reply.reason, *left_out]
        if reply.evidence:
            lines.append("The closest passages:")
            lines.extend(
                f"  {_place(hit.passage)}{_details(hit.passage.title, hit.passage.lang, hit.passage.date)}"
                for hit in reply.evidence[:3]
            )
        return lines
    lines = []
    for each in reply.disagreements:
        lines.append(f"The sources disagree on a {each.about.value}:")
        for side in each.sides:
            lines.append(f"  {side.heading}")
            for statement in side.statements:
                lines.extend(f"    {line}" for line in _lines(statement, number))
                number += len(statement.citations)
    cited = [citation for statement in reply.statements for citation in statement.citations]
    lines += [
        f"Translation by {reply.translated_by}, not a quote, of [{mark}]: {citation.translation}"
        for mark, citation in enumerate(cited, start=1)
        if citation.translation
    ]
    lines += [f"Not translated: {reply.untranslated}."] if reply.untranslated else []
    lines.extend([f"{reply.age[0].upper()}{reply.age[1:]}.", *left_out] if reply.age else left_out)
    if reply.problem:
        what = "Not finished" if reply.written_by else "These are sentences of the documents"
        lines.append(f"{what}: {reply.problem}.")
    if reply.written_by:
        lines.append(
            f"Written by {reply.written_by}: the quotes stand, the numbers, dates and names are theirs; how far a "
            "sentence follows from them is estimated, and said behind it."
        )
    if reply.dropped:
        lines.append(f"Left out, for no quote supports them: {reply.dropped} of the model's sentences.")
    return lines


def _places(statement: Statement, marks: range) -> list[str]:
    return [
        f"    [{mark}] {citation.source}:{citation.start}-{citation.end}"
        f"{_details(citation.title, citation.lang, citation.date)}"
        for mark, citation in zip(marks, statement.citations, strict=True)
    ] + _context(statement)


def _context(statement: Statement) -> list[str]:
    """Who is meant by a statement that does not say so itself."""
    context = statement.context
    places = "".join(f" {each.source}:{each.start}-{each.end}" for each in context.citations)
    return [f"    context: “{context.text}”{places or ' (title)'}"] if context.text else []


def _details(*details: str) -> str:
    return "".join(f" · {detail}" for detail in details if detail)


def _add_search(commands: Any) -> None:
    parser = command(
        commands,
        "search",
        _search,
        help="find passages, without answering",
        description="List the passages that fit a question best, by meaning and by words.",
    )
    parser.add_argument("question")
    parser.add_argument("-k", type=int, default=10, metavar="N", help="how many passages (default: %(default)s)")
    add_index(parser)
    _add_filters(parser)
    _add_earlier(parser)
    _add_rewrite(parser)
    add_reranker(parser)
    _add_explain(parser)
    add_json(parser)


def _search(options: argparse.Namespace) -> int:
    from rag.receipt import hit_to_json

    if options.k < 1:
        raise SettingsError(f"-k is {options.k}; want 1 or more")
    with _opened(options) as assistant:
        if options.explain:
            explanation = assistant.explain(options.question, k=options.k, **_wanted(options))
            print(explanation.to_json() if options.json else printable(show_explanation(explanation)))
            return DONE
        hits = assistant.search(options.question, k=options.k, **_wanted(options))
    if options.json:
        print(json.dumps([hit_to_json(hit) for hit in hits], ensure_ascii=False, indent=2))
        return DONE
    for hit in hits:
        passage = hit.passage
        print(printable(f"{hit.score:.3f}  {_place(passage)}{_details(passage.title, passage.lang, passage.date)}"))
        print(printable(f"       {' '.join(passage.readable.split())[:200]}"))
        print("".join(printable(f"       also in {_place(copy)}\n") for copy in hit.also), end="")
    return DONE


def _place(passage: Passage) -> str:
    return f"{passage.source_path}:{passage.span.start}-{passage.span.end}"


def show_explanation(explanation: Explanation) -> str:
    """An explanation for reading in a terminal: a table, and below each passage what else there is to say of it."""
    asked = explanation
    lines = [f"searched for: {asked.meant}" + (f" (from: {asked.question})" if asked.meant != asked.question else "")]
    lines.extend([asked.problem] if asked.problem else [])
    lines.extend(f"and for: {other}" for other in asked.others)
    lines.extend(f"not for: {other} (it finds something else)" for other in asked.left_out)
    lines.append(f"filters: {', '.join(_filters(asked.filters)) or 'none'}; {asked.candidates} passages compared")
    lines.extend(f"period: {period.said} = {period.value}" for period in asked.periods)
    lines.extend(["newer documents first"] if asked.recent else [])
    lines.extend([f"ordered by: {asked.reranker}"] if asked.reranker else [])
    lines.append(f"  score{''.join(f'{step:>12}' for step in asked.steps)}  passage")
    for each in asked.hits:
        steps = [getattr(each, step) for step in asked.steps]
        columns = "".join(f"{s.score:7.3f} {f'#{s.rank}':<4}" if s.rank else f"{'-':>7}     " for s in steps)
        passage = each.hit.passage
        details = _details(passage.title, passage.lang, passage.date)
        lines.append(f"{each.hit.score:7.3f} {columns} {_place(passage)}{details}")
        lines.append(f"        words: {', '.join(map(_matched, each.terms)) or 'none'}")
        lines.extend(f"        {move}" for move in each.moves)
        lines.extend(f"        also in {_place(copy)}" for copy in each.hit.also)
    return "\n".join(lines)


def _filters(filters: Filters) -> list[str]:
    return [
        *(f"language {lang}" for lang in sorted(filters.languages)),
        *(f"{name} {day}" for name, day in (("since", filters.since), ("until", filters.until)) if day),
        *(f"source {path}" for path in sorted(filters.sources)),
        *(f"outlet {name}" for name in sorted(filters.outlets)),
        *(f"the words “{phrase.text}”" for phrase in filters.phrases),
    ]


def _matched(part: MatchedPart) -> str:
    """A matched word or name with its share: "Germany as Германия 12%"."""
    found_as = f" as {part.found_as}" if part.found_as != part.asked else ""
    return f"{part.asked}{found_as} {part.share:.0%}"


# verify


def _add_verify(commands: Any) -> None:
    parser = command(
        commands,
        "verify",
        _verify,
        help="prove a saved answer again, from the files",
        description="Read every cited file again and compare each quote of an answer that was saved with\n"
        "`dragoman ask --json ... > ANSWER.json`. Exit code 1 if any no longer stands.\n"
        "With --replay the question is asked again, too, and what is answered otherwise now is told.",
    )
    parser.add_argument("answer", type=Path, metavar="ANSWER.json")
    add_index(parser, "the index (default: the one named in the answer)", default=None)
    parser.add_argument("--root", type=Path, metavar="DIR", help="the folder of the files, where there is no index")
    parser.add_argument(
        "--replay", action="store_true", help="ask the index again; exit code 1 if anything is answered otherwise"
    )
    add_json(parser)


def _verify(options: argparse.Namespace) -> int:
    from index.catalog import Catalog
    from rag.verify import load_citations, verify

    citations, index = load_citations(options.answer)
    if options.root is not None:
        root = options.root.resolve()

        def under_root(path: str) -> Path | None:
            location = (root / path).resolve()
            return location if location.is_relative_to(root) else None  # an answer is a document, too: not trusted

        verdicts = verify(citations, under_root)
    elif not citations:
        verdicts = []
    else:
        with Catalog(existing(options.index or Path(index or DEFAULT_INDEX))) as catalog:
            verdicts = verify(citations, catalog.location_of)
    failed = [verdict for verdict in verdicts if verdict.problem]
    otherwise = _replayed(options, index) if options.replay else []
    if options.json:
        rows = [
            {"source": v.citation.source, "start": v.citation.start, "end": v.citation.end, "stands": not v.problem,
             "problem": v.problem}
            for v in verdicts
        ]  # fmt: skip
        document = {"quotes": rows, "otherwise": otherwise} if options.replay else rows
        print(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        for verdict in failed:
            print(printable(f"does not stand: {verdict.problem}"))
        print(f"{len(verdicts) - len(failed)} of {len(verdicts)} quotes stand")
        for difference in otherwise:
            print(printable(f"otherwise: {difference}"))
        if options.replay and not otherwise:
            print("asked again, it is answered the same")
    return NOT_DONE if failed or otherwise else DONE


def _replayed(options: argparse.Namespace, index: str) -> list[str]:
    from rag import Assistant
    from rag.replay import replay

    with Assistant.open(existing(options.index or Path(index or DEFAULT_INDEX)), report=complain) as assistant:
        return replay(options.answer, assistant)


if __name__ == "__main__":
    sys.exit(main())
