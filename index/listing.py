"""The articles of an index as a person looks through them: searched, sorted, a page at a time, however many there are.

Everything is done by SQLite, and of the articles that are not on the page nothing is read but what decides their order.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from index.connect import catalog_file, connect_to_read, read_at_once
from index.said import from_json
from index.values import UNDETERMINED, LinkKind

MOST_ARTICLES = 200  # on a page

_PASSAGES = "(SELECT count(*) FROM passages p WHERE p.document = d.key)"
# Copies beside itself; a document without any is in no cluster.
_COPIES = (
    "(SELECT count(*) - 1 FROM clusters mine JOIN clusters c ON c.representative = mine.representative "
    "WHERE mine.document = d.key)"
)
_DOUBTS = {
    "without text": "d.body = '[]'",
    "undated": "d.date = ''",
    "language unknown": f"d.lang = '{UNDETERMINED}'",
}
_WARNINGS = f"({' + '.join(f'({holds})' for holds in _DOUBTS.values())} + json_array_length(s.problems))"
_PENDING = "(SELECT count(*) FROM passages p WHERE p.document = d.key AND p.embedding IS NULL)"


class Order(StrEnum):
    """What articles are sorted by."""

    TITLE = "title"
    OUTLET = "outlet"
    DATE = "date"
    LANGUAGE = "lang"
    PASSAGES = "passages"
    COPIES = "copies"
    WARNINGS = "warnings"
    SOURCE = "source"


_SORTED_BY = {
    Order.TITLE: "d.title",
    Order.OUTLET: "d.outlet",
    Order.DATE: "d.date",
    Order.LANGUAGE: "d.lang",
    Order.PASSAGES: _PASSAGES,
    Order.COPIES: f"max(0, {_COPIES})",
    Order.WARNINGS: _WARNINGS,
    Order.SOURCE: "s.path",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which articles, and in what order. Empty means any."""

    words: str = ""  # each must stand in the title, the outlet or the path, as part of a word too, whatever its case
    lang: str = ""
    doubtful: bool = False  # only those with warnings
    order: Order = Order.SOURCE
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ListedArticle:
    """An article in a list."""

    id: str
    source: str
    title: str
    outlet: str
    date: str
    lang: str
    passages: int
    pending: int  # of them, without an embedding yet
    copies: int  # beside itself
    translations: int  # that it is taken for one of, or the other way round
    warnings: tuple[str, ...]  # what could not be told of it, and what of its file could not be read


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of articles, and how many there are on all."""

    total: int
    articles: tuple[ListedArticle, ...]


def list_articles(folder: Path, wanted: Wanted, *, offset: int, limit: int) -> Listing:
    """The articles from the one at `offset` on, at most `limit` and MOST_ARTICLES. Those that are alike in what they
    are sorted by come in the order in which they were added. Raises IndexFolderError."""
    condition, values = _condition(wanted)
    direction = "DESC" if wanted.descending else "ASC"
    among = f"FROM documents d JOIN sources s ON s.key = d.source WHERE {condition}"
    by = f"ORDER BY {_SORTED_BY[wanted.order]} {direction}, d.key LIMIT ? OFFSET ?"
    with closing(connect_to_read(catalog_file(folder))) as db, read_at_once(db):
        db.create_function("folded", 1, str.casefold, deterministic=True)
        total = int(
            db.execute(f"SELECT count(*) {'FROM documents d' if condition == 'TRUE' else among}", values).fetchone()[0]
        )
        # Sorting takes long, so that only keys are sorted, and as little is joined as the order asks for.
        if wanted.order is Order.SOURCE:  # in the order of an index of SQLite's: nothing is sorted
            among = f"FROM sources s CROSS JOIN documents d ON s.key = d.source WHERE {condition}"
        elif condition == "TRUE" and wanted.order is not Order.WARNINGS:
            among = "FROM documents d WHERE TRUE"
        rows = db.execute(f"SELECT d.key {among} {by}", [*values, min(limit, MOST_ARTICLES), max(offset, 0)])
        keys = [key for (key,) in rows]
        found = dict(_articles(db, keys))
    return Listing(total, tuple(found[key] for key in keys))


def _condition(wanted: Wanted) -> tuple[str, list[str]]:
    conditions, values = ["TRUE"], []
    for word in wanted.words.casefold().split():
        conditions.append("instr(folded(d.title || char(10) || d.outlet || char(10) || s.path), ?) > 0")
        values.append(word)
    if wanted.lang:
        conditions.append("d.lang = ?")
        values.append(wanted.lang)
    if wanted.doubtful:
        conditions.append(f"{_WARNINGS} > 0")
    return " AND ".join(conditions).removeprefix("TRUE AND "), values


def _articles(db: sqlite3.Connection, keys: list[int]) -> list[tuple[int, ListedArticle]]:
    doubts = ", ".join(_DOUBTS.values())
    rows = db.execute(
        f"SELECT d.key, d.id, s.path, d.title, d.outlet, d.date, d.lang, {_PASSAGES}, {_PENDING}, max(0, {_COPIES}), "
        "(SELECT count(*) FROM links l WHERE (l.document = d.key OR l.other = d.key) AND l.kind = ?), s.problems, "
        f"{doubts} FROM documents d JOIN sources s ON s.key = d.source WHERE d.key IN (SELECT value FROM json_each(?))",
        (LinkKind.TRANSLATION.value, json.dumps(keys)),
    )
    return [
        (
            key,
            ListedArticle(
                *told,
                warnings=(
                    *(doubt for doubt, holds in zip(_DOUBTS, held, strict=True) if holds),
                    *(from_json(told) for told in json.loads(problems)),
                ),
            ),
        )
        for key, *told, problems, held in ((*row[: -len(_DOUBTS)], row[-len(_DOUBTS) :]) for row in rows)
    ]
