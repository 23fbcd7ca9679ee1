"""Lines to articles: where one ends and the next begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from index.dates import is_date_line
from index.furniture import END_MARK, MARK, STORY_END
from index.heading import author_of, is_byline
from index.lines import Block, Line, blocks, is_sentence

TITLE_CHARACTERS = 150
_TITLE_CHARACTERS = (8, TITLE_CHARACTERS)
_SPLITTING_CHARACTERS = 15  # a shorter line is a heading within an article
_TITLE_WORDS = (2, 22)
_SPLITTING_WORDS = 4
_QUESTION_WORDS = 5  # "What is the cause?" is a heading within an article, "What awaits us in 2023?" a title
_PROSE_CHARACTERS = 90  # what follows a title is at least a long sentence
_HEAD_BLOCKS = 4  # between a title and its text: date, author, a line of description, a share bar
_BETWEEN = ("between articles", "end of story", "end mark", "separator")
_RULE = re.compile(r"[^\w\s]{3,}|([^\w\s]\s?){3,}")


def cut_articles(lines: Sequence[Line], *, is_title: Callable[[Line], bool] | None = None) -> list[list[Line]]:
    """The lines of each article, in order, with the furniture that stands between them left out.

    Where the format itself says what a title is, `is_title` tells; else titles are told by how they stand.
    """
    feed = any(STORY_END.fullmatch(line.text) for line in lines)
    articles: list[list[Line]] = [[]]
    found = blocks(lines)
    begins = (
        _beginnings(found, feed=feed) if is_title is None else {i for i, b in enumerate(found) if is_title(b.lines[0])}
    )
    for i, block in enumerate(found):
        if i in begins and articles[-1]:
            articles.append([])
        articles[-1].extend(line for line in block.lines if not line.reason)
    return [article for article in articles if article]


def _beginnings(found: Sequence[Block], *, feed: bool) -> set[int]:
    """The blocks with which an article begins that is not the first."""
    begins: set[int] = set()
    prose = False  # since the article began
    parted = False  # since its last prose, by a mark that parts articles
    for i, block in enumerate(found):
        reason = block.lines[0].reason
        if reason:
            parted = parted or (prose and _parts(block, feed=feed))
            continue
        if prose and (_heads_article(found, i, parted=parted) if not feed else parted):
            begins.add(i)
            prose = parted = False
        prose = prose or is_prose(block)
    return begins


def _parts(block: Block, *, feed: bool) -> bool:
    text, reason = block.text, block.lines[0].reason
    if feed:
        return bool(STORY_END.fullmatch(text))
    if reason == "separator":
        return bool(_RULE.fullmatch(text))
    return reason in _BETWEEN and bool(MARK.fullmatch(text) or END_MARK.fullmatch(text))


def is_prose(block: Block) -> bool:
    """Whether a block is text of an article, not a line of its head."""
    return not block.lines[0].reason and len(block.text) >= _PROSE_CHARACTERS


def _heads_article(found: Sequence[Block], i: int, *, parted: bool) -> bool:
    block = found[i]
    text = block.text
    if len(block.lines) > 1 or not is_title_like(text):
        return parted and (is_prose(block) or is_date_line(text))
    head, body = _head(found, i)
    if not body:
        return False
    if parted:
        return True
    words = len(text.split())
    if len(text) < _SPLITTING_CHARACTERS or words < (_QUESTION_WORDS if text.endswith("?") else _SPLITTING_WORDS):
        return False
    # Set off by two blank lines a line is a title even when it is a sentence; else it must not end as one does.
    if is_sentence(text) and not text.endswith("?") and block.blank_before < 2:
        return False
    signed = any(is_date_line(b.text) or is_byline(b.text) for b in head)
    shared = any(b.lines[0].reason in ("share bar", "counter") for b in head)
    return signed or shared or found[i + 1].blank_before > 0 or block.blank_before > 0


def _head(found: Sequence[Block], i: int) -> tuple[list[Block], bool]:
    """What stands between a title and its text, and whether there is such a text."""
    head: list[Block] = []
    for block in found[i + 1 : i + 2 + _HEAD_BLOCKS]:
        if is_prose(block):
            return head, True
        if (
            not block.lines[0].reason
            and is_title_like(block.text)
            and not is_date_line(block.text)
            and not is_byline(block.text)
        ):
            return head, False  # a title over a title: the second is the nearer one
        head.append(block)
    return head, False


def is_title_like(text: str) -> bool:
    """Whether a line could be a title by its length, not being a date or the name of an author."""
    return (
        _TITLE_CHARACTERS[0] <= len(text) <= _TITLE_CHARACTERS[1]
        and _TITLE_WORDS[0] <= len(text.split()) <= _TITLE_WORDS[1]
        and not is_date_line(text)
        and not is_byline(text)
    )


@dataclass(frozen=True, slots=True)
class Head:
    """What the lines above an article's text say, and the lines that are its text."""

    title: str
    author: str
    outlet: str
    body: tuple[Line, ...]  # never empty


def read_head(lines: Sequence[Line], *, title: str = "") -> Head:
    """Part the lines of one article, all of them kept, into its head and its text.

    A `title` that the file's own fields give is the title; if the first lines repeat it, they are no text.
    """
    found = blocks(lines)
    first_prose = next((i for i, block in enumerate(found) if is_prose(block)), 0)
    head, rest = found[:first_prose], found[first_prose:]
    names = [author_of(block.text) for block in found[: first_prose + 2]]
    author, outlet = next(filter(any, names), ("", ""))
    titled = next((i for i, block in enumerate(head) if _same_words(block.text, title)), -1) if title else _title(head)
    shown = title or (head[titled].text if titled >= 0 else "")
    text = [
        block
        for i, block in enumerate(found)
        if i != titled and not (i < first_prose + 2 and (is_date_line(block.text) or is_byline(block.text)))
    ]
    return Head(shown, author, outlet, tuple(line for block in text or rest or found for line in block.lines))


def _title(head: Sequence[Block]) -> int:
    """Which block of an article's head is its title, or -1."""
    if head and head[0].text.startswith("#"):
        return 0
    return next((i for i, block in enumerate(head) if is_title_like(block.text)), -1)


def _same_words(one: str, other: str) -> bool:
    return re.findall(r"\w+", one.casefold()) == re.findall(r"\w+", other.casefold())
