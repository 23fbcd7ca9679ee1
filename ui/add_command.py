"""The command `dragoman eval add`."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import SettingsError

if TYPE_CHECKING:
    from eval.grow import Quote
    from eval.sets import GoldQuestion
    from rag import Reply

_HINT = "nothing was added; say what is right: --pick 1,3 or --quote WORDS, or --not-in-documents"


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a person says of what was found."""

    picked: tuple[int, ...]  # numbers of quotes, from 1; none: the documents do not tell


def add_add(kinds: Any) -> None:
    """Add `add` to the kinds of `dragoman eval`."""
    from ui.cli import add_index

    parser = kinds.add_parser(
        "add",
        help="add a question to a file of your own, with the quotes that are right",
        description="Add a question to a file that `dragoman eval answers` measures, with the quotes that answer it.\n"
        "Without --pick, --quote or --not-in-documents what was found is listed, and in a terminal you are asked.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("question")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="the file, made if it is not there")
    add_index(parser)
    verdict = parser.add_mutually_exclusive_group()
    verdict.add_argument("--pick", metavar="1,3", help="the numbers, in the list, of the quotes that are right")
    verdict.add_argument(
        "--quote", action="append", default=[], metavar="WORDS", help="words of a document that are; may be repeated"
    )
    verdict.add_argument("--not-in-documents", action="store_true", help="the documents do not answer it")
    parser.add_argument("--lang", default="", metavar="TAG", help="language of the question (default: as detected)")
    parser.add_argument("--reference", default="", metavar="WORDS", help="an answer in your words, to compare with")
    parser.add_argument("--id", default="", metavar="ID", help="what to call it (default: q1, q2 and so on)")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    parser.set_defaults(run=_add)


def _add(options: argparse.Namespace) -> int:
    from eval.grow import answered_by, append_question, check_new, find_quote, language_of, not_in_documents, offered
    from index.catalog import Catalog
    from index.language import LANGUAGES
    from rag import Assistant
    from ui.cli import DONE, NOT_DONE, complain, existing

    if not options.question.strip():
        raise SettingsError("the question is empty; write one")
    if options.lang and options.lang not in LANGUAGES:
        raise SettingsError(f"--lang {options.lang}: want the question's language, one of {' '.join(LANGUAGES)}")
    known = {"lang": options.lang or language_of(options.question), "id_": options.id, "reference": options.reference}
    check_new(options.question, options.to, id_=options.id)
    if options.quote:
        with Catalog(existing(options.index)) as catalog:
            quotes = [find_quote(words, catalog) for words in options.quote]
            added = append_question(answered_by(options.question, quotes, **known), options.to)
            _tell(added, options, catalog)
        return DONE
    with Assistant.open(existing(options.index), report=complain) as assistant:
        draft = assistant.draft(options.question)
        quotes = offered(draft, assistant.index.catalog)
        if options.not_in_documents:
            verdict = _Verdict(())
        elif options.pick is not None:
            verdict = _picked(options.pick, len(quotes))
        else:
            _list(draft, assistant.decide(draft), quotes, options)
            if not sys.stdin.isatty():
                complain(_HINT)
                return NOT_DONE
            verdict = _asked(len(quotes))
        if verdict is None:
            return DONE
        if verdict.picked:
            chosen = [quotes[number - 1] for number in verdict.picked]
            question = answered_by(options.question, chosen, **known)
        else:
            question = not_in_documents(options.question, draft.evidence, **known)
        _tell(append_question(question, options.to), options, assistant.index.catalog)
    return DONE


def _picked(text: str, count: int) -> _Verdict:
    numbers = re.split(r"[\s,]+", text.strip(" ,\n"))
    if not all(number.isascii() and number.isdigit() and 1 <= int(number) <= count for number in numbers):
        raise SettingsError(f"{text.strip()!r} is no choice; want numbers from 1 to {count}, such as 1,3")
    return _Verdict(tuple(dict.fromkeys(map(int, numbers))))


def _asked(count: int) -> _Verdict | None:
    """What the person at the terminal says; None to leave."""
    while True:
        print("Which are right? (1,3; n: not in the documents; Enter: leave) ", end="", file=sys.stderr, flush=True)
        said = sys.stdin.readline().strip()
        if not said:
            return None
        if said.lower() == "n":
            return _Verdict(())
        try:
            return _picked(said, count)
        except SettingsError as error:
            print(error, file=sys.stderr)


def _list(draft: Reply, reply: Reply, quotes: tuple[Quote, ...], options: argparse.Namespace) -> None:
    from rag import Answer
    from ui.cli import printable

    answered = isinstance(reply, Answer)
    if options.json and not sys.stdin.isatty():
        rows = [{"number": number, **_quote_to_json(quote)} for number, quote in enumerate(quotes, start=1)]
        document = {"added": None, "answered": answered, "confidence": round(draft.confidence, 4), "offered": rows}
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return
    out = sys.stderr if options.json else sys.stdout
    print(f"{'Answered' if answered else 'Declined'}; probability of an answer {draft.confidence:.2f}", file=out)
    for number, quote in enumerate(quotes, start=1):
        places = [f"{place.source}:{place.span.start}-{place.span.end}" for place in quote.places]
        details = [detail for detail in (", ".join(places), quote.title, quote.lang, quote.date) if detail]
        print(printable(f"{number:>3}  {quote.text}\n     {' · '.join(details)}"), file=out)


def _quote_to_json(quote: Quote) -> dict[str, Any]:
    places = [{"source": p.source, "start": p.span.start, "end": p.span.end} for p in quote.places]
    return {"quote": quote.text, "places": places, "lang": quote.lang, "title": quote.title, "date": quote.date}


def _tell(added: GoldQuestion, options: argparse.Namespace, catalog: Any) -> None:
    from eval.grow import question_to_json
    from ui.cli import complain, printable

    folder = _folder_of(added.source or next((span.source for span in added.spans), ""), catalog)
    if folder is not None and options.to.resolve().is_relative_to(folder):
        complain(f"{options.to} lies among the documents, and would be read as one; move it out of {folder}")
    if options.json:
        print(json.dumps({"added": question_to_json(added), "file": str(options.to)}, ensure_ascii=False, indent=2))
        return
    quotes = "; ".join(added.gold) if added.answerable else "not in the documents"
    print(printable(f"{options.to}: added {added.id} ({added.lang}): {quotes}"))
    corpus = shlex.quote(str(folder)) if folder is not None else "FOLDER-OF-DOCUMENTS"
    print(printable(f"measure: dragoman eval answers {shlex.quote(str(options.to))} --corpus {corpus}"))


def _folder_of(source: str, catalog: Any) -> Path | None:
    """The folder that a source was ingested from; None if there is no file of it."""
    location = catalog.location_of(source) if source else None
    if location is None or not location.as_posix().endswith(f"/{source}"):
        return None
    return location.parents[len(Path(source).parts) - 1]
