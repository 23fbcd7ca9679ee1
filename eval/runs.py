"""Runs: what a system ranked for each query, in memory and as TREC files.

The order is fixed: score, best first, then document id. Scores count as they are written, with 9 significant digits,
so a run is measured as its file will be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from eval.sets import decoded, lines
from index.errors import DataSetError

Run = dict[str, dict[str, float]]  # query id to document id to score, higher is better

_SIGNIFICANT_DIGITS = 9
_COLUMNS = 6  # query, Q0, document, rank, score, system
# White space parts the columns. Ids that hold some are written with its picture, which no URL or file name is likely
# to hold; %20 would be, and could not be told from an id of another system that has it.
_PICTURES = {" ": "␣", "\t": "␉", "\n": "␊", "\v": "␋", "\f": "␌", "\r": "␍"}
_AS_WRITTEN = str.maketrans(_PICTURES)
_AS_READ = str.maketrans({picture: space for space, picture in _PICTURES.items()})
_BLANKS = re.compile(r"[ \t\v\f\r]+")  # not str.split: it parts at no-break spaces, too
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def ranked(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    """Documents with scores of 9 significant digits, best first; ties break by document id.

    >>> ranked({"b": 0.5, "a": 0.5000000001, "c": 1.0})
    [('c', 1.0), ('a', 0.5), ('b', 0.5)]
    """
    rounded = ((document, float(_digits(score))) for document, score in scores.items())
    return sorted(rounded, key=lambda item: (-item[1], item[0]))


def by_rank(run: Mapping[str, Mapping[str, float]]) -> Run:
    """The same rankings with scores that no two documents share: how many stand below.

    The tools that count measures break ties each in its own way; of these there are none to break.
    """
    return {
        query: {document: float(below) for below, (document, _) in enumerate(reversed(ranked(scores)))}
        for query, scores in run.items()
    }


def write_run(run: Mapping[str, Mapping[str, float]], system: str, location: Path) -> None:
    """Write a run as TREC has it: query, Q0, document, rank, score, system. Raises DataSetError, nothing written."""
    rows = []
    for query, scores in run.items():
        for document, score in scores.items():
            if not math.isfinite(score):
                raise DataSetError(f"{location}: query {query!r}: {document!r} scores {score}; want a finite number")
        rows.extend(
            f"{_column(query, location)} Q0 {_column(document, location)} {rank} {_digits(score)} "
            f"{_column(system, location)}\n"
            for rank, (document, score) in enumerate(ranked(scores), start=1)
        )
    location.write_text("".join(rows), encoding="utf-8", newline="\n")


def read_run(location: Path) -> Run:
    """Read the TREC run of any system. Raises DataSetError.

    The order is that of the scores, as trec_eval has it; ranks are not looked at. A file without a line is a run
    that found nothing.
    """
    run: Run = {}
    for place, line in lines(location):
        columns = _BLANKS.split(decoded(place, line).strip(" \t\v\f\r"))
        if len(columns) != _COLUMNS:
            raise DataSetError(
                f"{place}: {len(columns)} columns; want {_COLUMNS}: query, Q0, document, rank, score, system"
            )
        query, document, score = columns[0].translate(_AS_READ), columns[2].translate(_AS_READ), columns[4]
        if not _NUMBER.fullmatch(score) or not math.isfinite(float(score)):
            raise DataSetError(f"{place}: the score is {score!r}; want a finite number")
        if document in run.setdefault(query, {}):
            raise DataSetError(f"{place}: document {document!r} stands twice for query {query!r}; keep one line of it")
        run[query][document] = float(score)
    return run


def _digits(score: float) -> str:
    return f"{score + 0.0:.{_SIGNIFICANT_DIGITS}g}"  # + 0.0 makes -0.0 into 0.0


def _column(name: str, location: Path) -> str:
    # A byte order mark at the start of the first line would be taken for that of the file.
    if not name or any(mark in name for mark in ("\ufeff", *_PICTURES.values())):
        raise DataSetError(f"{location}: the name {name!r} cannot be written; want one that is not empty, without ␣")
    return name.translate(_AS_WRITTEN)
