"""The command `dragoman feedback`: what people said of replies, as cases that can be measured."""

from __future__ import annotations

import argparse
import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eval.sets import GoldQuestion
    from index.catalog import Catalog
    from ui.conversations import Feedback


def add_feedback(commands: Any) -> None:
    """Add `feedback` to the commands of `dragoman`."""
    from ui.cli import add_index, add_json, command

    parser = command(
        commands,
        "feedback",
        _feedback,
        help="list what was said to be wrong with replies on the page, or add it to a file of questions",
        description="List the replies that somebody found wrong on the page, and how. With --to each becomes a\n"
        "question in a file that `dragoman eval answers` measures: with the words of the documents that were given\n"
        "as right, or as one that the documents do not answer. What lacks the right words is named with the command\n"
        "that adds it.",
    )
    add_index(parser)
    parser.add_argument("--to", type=Path, metavar="FILE", help="the file of questions, made if it is not there")
    add_json(parser)


def _feedback(options: argparse.Namespace) -> int:
    from index.catalog import Catalog
    from ui.cli import DONE, NOT_DONE, complain, existing, printable
    from ui.conversations import Conversations, conversations_file

    file = conversations_file(existing(options.index))
    told: list[Feedback] = []
    if file.exists():
        kept = Conversations(file)
        told = kept.feedback()
        kept.close()
    if options.to is None:
        if options.json:
            rows = [{**asdict(each), "verdict": each.verdict.value} for each in told]
            print(json.dumps(rows, ensure_ascii=False, indent=2))
        else:
            for each in told:
                print(
                    printable(f"{each.verdict}: {each.question}" + (f"\n    right: {each.words}" if each.words else ""))
                )
        return DONE
    with Catalog(options.index) as catalog:
        added, problems = _add(told, options, catalog)
    for problem in problems:
        complain(problem)
    if options.json:
        print(json.dumps({"added": [each.id for each in added], "left": problems}, ensure_ascii=False, indent=2))
    else:
        print(f"{options.to}: added {len(added)} of {len(told)}")
    return NOT_DONE if problems else DONE


def _add(told: list[Feedback], options: argparse.Namespace, catalog: Catalog) -> tuple[list[GoldQuestion], list[str]]:
    """The questions that were added, and why others were not."""
    from eval.grow import append_question
    from index.errors import DataSetError

    added: list[GoldQuestion] = []
    problems: list[str] = []
    for each in told:
        try:
            added.append(append_question(_case(each, options, catalog), options.to))
        except DataSetError as error:
            problems.append(f"{each.question!r} ({each.verdict}): {error}")
    return added, problems


def _case(told: Feedback, options: argparse.Namespace, catalog: Catalog) -> GoldQuestion:
    """What was said of a reply as a question to be measured. Raises DataSetError if it does not say what is right."""
    from eval.grow import answered_by, find_quote, not_in_documents
    from index.errors import DataSetError
    from ui.conversations import Verdict

    if told.verdict is Verdict.SHOULD_HAVE_DECLINED:
        return not_in_documents(told.question, ())
    if told.words:
        return answered_by(told.question, [find_quote(told.words, catalog)])
    again = shlex.join(
        ["dragoman", "eval", "add", told.question, "--to", str(options.to), "--index", str(options.index)]
    )
    raise DataSetError(f"nobody said what is right; choose it: {again}")
