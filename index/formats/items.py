"""Which pieces of a page are articles of their own: posts of a blog, items of a bulletin, stories of an old issue.

A piece is a block with a heading; or what stands between two headings of one rank in the same block; or between two
rules, below a line in bold. So are the sections of a single article, so that something must set the pieces apart.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lxml.html import HtmlElement

from index.dates import is_date_line, iso_day
from index.formats.layout import HEADINGS, heading_of, is_linked
from index.formats.markup import Line, Rendered, words_of
from index.heading import is_byline, is_issue_line
from index.language import detect_language
from index.lines import PROSE_CHARACTERS, is_sentence
from index.values import UNDETERMINED

_ITEM_CHARACTERS = 180  # outside links; a few sentences: what is shorter is a card that leads elsewhere
_SHORT_ITEM_CHARACTERS = 90  # enough for what stands among articles and looks like them
_LANGUAGE_CHARACTERS = 1000
_BLOCK_TAGS = (*HEADINGS, "p", "li", "td", "pre", "blockquote")
_ITEM_TAGS = ("article", "div", "section", "li", "td", "tr")
_ITEMS_SHARE = 0.5  # of the page's text that its articles hold together
_AUTHOR_CHARACTERS = 80
_BY = re.compile(r"^(?:by|author|автор|müəllif|yazar|yazan)\b\s*:?\s*", re.IGNORECASE)
_BOLD = "bold"  # the rank of a line that is no heading by its tag
_BOLD_CHARACTERS = (8, 150)
_TITLE_WORDS = 3
_EDGE_LINES = 2  # at either end of a piece, where it says what others say, too
_EDGE_CHARACTERS = 60
_RECURRING = 2 / 3  # of the pieces


@dataclass(frozen=True, slots=True)
class Item:
    """One of several articles on a page: its lines by number, end not included, and what its fields say."""

    first: int
    end: int
    title: str
    date: str  # ISO 8601 day, or ""
    author: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """What may be an article."""

    first: int
    end: int
    rank: str  # of its heading: "h2", `_BOLD`, or "" if it has none
    title: str
    headed: int  # the line that its heading is; `first` if it has none
    block: HtmlElement | None  # that holds it and nothing else


class _Page:
    """A page with what its pieces are told by."""

    def __init__(self, rendered: Rendered, reasons: Sequence[str], title: str) -> None:
        self.lines = rendered.lines
        self.texts = [rendered.of(line) for line in rendered.lines]
        self.reasons = reasons
        self.title = title
        self.rules = rendered.rules
        self.words: Counter[HtmlElement] = Counter()  # characters of text in each element
        self.extents: dict[HtmlElement, tuple[int, int]] = {}
        for i, line in enumerate(self.lines):
            for element in (line.block, *line.block.iterancestors()):
                self.words[element] += self._words_of_line(i)
                self.extents[element] = (self.extents.get(element, (i, i))[0], i + 1)

    def _words_of_line(self, i: int) -> int:
        line = self.lines[i]
        return 0 if self.reasons[i] else line.span.end - line.span.start - line.linked

    def words_of(self, first: int, end: int) -> int:
        return sum(map(self._words_of_line, range(first, end)))


def items(rendered: Rendered, reasons: Sequence[str], *, title: str) -> list[Item]:
    """The articles of a page that holds several, in order; [] for a page of one. `title` is the page's own.

    They are pieces of one kind, each with a heading of the same rank and a few sentences, which together hold half of
    the page's text. Without the tag that says article, each must also show its day or its author, link to itself or be
    in a language of its own; or most must begin or end with the same words or a number of the same kind; or nothing may
    stand above them but the name of a bulletin and its number.
    """
    page = _Page(rendered, reasons, title)
    total = page.words_of(0, len(page.lines))
    best: list[_Piece] = []
    for pieces in (*_blocks(page), *_headed(page), *_between_rules(page)):
        share = sum(page.words_of(piece.first, piece.end) for piece in pieces)
        if len(pieces) >= 2 and share >= _ITEMS_SHARE * total and len(pieces) > len(best):
            best = pieces
    return [_item(page, piece) for piece in sorted(best, key=lambda piece: piece.first)]


# Blocks


def _blocks(page: _Page) -> Iterator[list[_Piece]]:
    """Siblings that are articles; rows of a table of one cell are what their cells are."""
    groups: defaultdict[tuple[HtmlElement, str], list[HtmlElement]] = defaultdict(list)
    for element, words in page.words.items():
        parent = element.getparent()
        if words >= _SHORT_ITEM_CHARACTERS and element.tag in _ITEM_TAGS and parent is not None:
            groups[parent, element.tag].append(element)
    for (_, tag), siblings in groups.items():
        longest = [element for element in siblings if page.words[element] >= _ITEM_CHARACTERS]
        names = {_class(element) for element in longest} - {""}
        chosen = [element for element in siblings if element in longest or _class(element) in names]
        if len(chosen) > 1:
            yield _of_one_kind(page, tag, [_block(page, element) for element in chosen])


def _class(element: HtmlElement) -> str:
    cells = [cell for cell in element if cell.tag == "td"] if element.tag == "tr" else []
    return (cells[0] if len(cells) == 1 else element).get("class", "")


def _block(page: _Page, element: HtmlElement) -> _Piece:
    first, end = page.extents[element]
    heading = next((heading for heading in element.iter(*HEADINGS) if words_of(heading)), None)
    if heading is None:
        return _Piece(first, end, "", "", first, element)
    headed = next((i for i in range(first, end) if heading_of(page.lines[i]) is heading), first)
    return _Piece(first, end, heading.tag, words_of(heading), headed, element)


def _of_one_kind(page: _Page, tag: str, pieces: list[_Piece]) -> list[_Piece]:
    ranked: defaultdict[str, list[_Piece]] = defaultdict(list)
    in_languages = _in_languages(page, pieces)
    apart = in_languages or _nothing_heads(page, pieces) or _recurs(page, pieces) or _of_an_issue(page, pieces)
    for piece in pieces:
        if not piece.rank:
            if (tag == "article" and _shows_day(piece)) or _stamp(piece):
                ranked[""].append(piece)  # such as a message
        elif apart or tag == "article" or _shows_day(piece) or _links(page, piece) or _is_signed(page, piece):
            ranked[piece.rank].append(piece)
    members = max(ranked.values(), key=len, default=[])
    if tag != "article" and not in_languages:
        classes = [_class(piece.block) for piece in members if piece.block is not None]
        shared = Counter(name for its in classes for name in set(its.split()))
        if shared and not any(count == len(members) for count in shared.values()):
            return []
    return members


# Without blocks


def _headed(page: _Page) -> Iterator[list[_Piece]]:
    """What stands below headings of one rank in one block, up to the next or to the end of the block."""
    headings: defaultdict[tuple[HtmlElement, str], dict[HtmlElement, int]] = defaultdict(dict)
    for i, line in enumerate(page.lines):
        heading = heading_of(line)
        parent = None if heading is None else heading.getparent()
        if heading is not None and parent is not None and not page.reasons[i]:
            headings[parent, heading.tag].setdefault(heading, i)
    for (parent, rank), found in headings.items():
        ends = (*list(found.values())[1:], page.extents[parent][1])
        pieces = [
            _Piece(first, end, rank, words_of(heading), first, None)
            for (heading, first), end in zip(found.items(), ends, strict=True)
        ]
        if len(pieces) > 1 and all(page.words_of(piece.first, piece.end) >= _ITEM_CHARACTERS for piece in pieces):
            signed = all(_is_signed(page, piece) for piece in pieces)
            if signed or _in_languages(page, pieces) or _recurs(page, pieces) or _of_an_issue(page, pieces):
                yield pieces


def _between_rules(page: _Page) -> Iterator[list[_Piece]]:
    """What stands between rules in one block, each below a line in bold."""
    by_block: defaultdict[HtmlElement, list[int]] = defaultdict(list)
    for rule in page.rules:
        if rule.block in page.extents:
            by_block[rule.block].append(rule.below)
    for block, rules in by_block.items():
        first, end = page.extents[block]
        runs = pairwise((first, *(rule for rule in rules if first < rule < end), end))
        pieces = [_below_bold(page, *run) for run in runs]
        # Above the first rule a bulletin may have its name, and below the last who made it.
        found = [piece for piece in pieces if piece is not None]
        if len(found) > 1 and None not in pieces[1:-1]:
            yield found


def _below_bold(page: _Page, first: int, end: int) -> _Piece | None:
    """The piece that begins with the first line in bold of a run, if it has text below that line."""
    least, most = _BOLD_CHARACTERS
    bold = next((i for i in range(first, end) if least <= page.lines[i].bold <= most and not page.reasons[i]), None)
    if bold is None or page.words_of(bold + 1, end) < _SHORT_ITEM_CHARACTERS:
        return None
    return _Piece(bold, end, _BOLD, page.texts[bold][: page.lines[bold].bold].strip(), bold, None)


# What sets pieces apart


def _in_languages(page: _Page, pieces: Sequence[_Piece]) -> bool:
    """Whether each is in a language of its own."""
    stated = {"" if piece.block is None else piece.block.get("lang", "") for piece in pieces}
    if len(stated) == len(pieces) and "" not in stated:
        return True
    told = [detect_language(" ".join(page.texts[piece.first : piece.end])[:_LANGUAGE_CHARACTERS]) for piece in pieces]
    return len(set(told)) == len(told) and UNDETERMINED not in told


def _nothing_heads(page: _Page, pieces: Sequence[_Piece]) -> bool:
    """Whether blocks begin with headings of the second or third rank, and no heading or paragraph is above them."""
    firsts = [
        next((e for e in piece.block.iter() if e.tag in _BLOCK_TAGS and words_of(e)), None)
        for piece in pieces
        if piece.block is not None
    ]
    headed = all(element is not None and element.tag in HEADINGS[1:3] for element in firsts)
    return headed and not any(heading_of(line) is not None or _is_long(line) for line in _above(page, pieces))


def _of_an_issue(page: _Page, pieces: Sequence[_Piece]) -> bool:
    """Whether a bulletin and its number are named above them, and their headings are of several words."""
    above = _above(page, pieces)
    named = (page.title, *page.texts[: len(above)])
    words = sum(len(piece.title.split()) for piece in pieces)
    return words >= _TITLE_WORDS * len(pieces) and any(map(is_issue_line, named))


def _above(page: _Page, pieces: Sequence[_Piece]) -> Sequence[Line]:
    return page.lines[: min(piece.first for piece in pieces)]


def _is_long(line: Line) -> bool:
    return line.span.end - line.span.start >= PROSE_CHARACTERS


def _recurs(page: _Page, pieces: Sequence[_Piece]) -> bool:
    """Whether most of them begin or end with the same words, or with a number of the same kind."""
    counts = Counter(edge for piece in pieces for edge in set(_edges(page, piece)))
    return any(count >= max(2, _RECURRING * len(pieces)) for count in counts.values())


def _edges(page: _Page, piece: _Piece) -> Iterator[str]:
    """The short lines at either end of a piece, its heading left out, digits alike."""
    near = {*range(piece.first, piece.headed + 1 + _EDGE_LINES), *range(piece.end - _EDGE_LINES, piece.end)}
    for i in sorted(near & set(range(piece.first, piece.end))):
        text = page.texts[i]
        words = re.sub(r"\d+", "0", text.casefold())
        if i == piece.headed or len(text) > _EDGE_CHARACTERS or page.reasons[i] == "caption":
            continue
        if not is_sentence(text) or words != text.casefold() or is_linked(page.lines[i]):
            yield words


def _is_signed(page: _Page, piece: _Piece) -> bool:
    """Whether the first lines or the last one of a piece say when or by whom it was written."""
    first = piece.first if piece.block is not None else piece.headed
    texts = page.texts[first : min(first + 3, piece.end)] + page.texts[piece.end - 1 : piece.end]
    return any(is_date_line(text) or is_byline(text) for text in texts)


def _links(page: _Page, piece: _Piece) -> bool:
    heading = heading_of(page.lines[piece.headed])
    if heading is None:
        return False
    parent = heading.getparent()
    return next(heading.iter("a"), None) is not None or (parent is not None and parent.tag == "a")


def _shows_day(piece: _Piece) -> bool:
    block = piece.block
    if block is None:
        return False
    return next(block.iter("time"), None) is not None or block.find(".//*[@itemprop='datePublished']") is not None


def _stamp(piece: _Piece) -> str:
    """The day that a part of a block shows only when pointed at, as the stamps of exported messages do, or ""."""
    stamps = [] if piece.block is None else piece.block.xpath(".//*[contains(@class, 'date') and @title]")
    return next(filter(None, (iso_day(stamp.get("title")) for stamp in stamps)), "")


# What an article says of itself


def _item(page: _Page, piece: _Piece) -> Item:
    return Item(piece.first, piece.end, piece.title, _day(page, piece), _author(piece))


def _day(page: _Page, piece: _Piece) -> str:
    stamps = [] if piece.block is None else piece.block.xpath(".//*[@itemprop='datePublished'] | .//time")
    for stamp in stamps:
        for value in (stamp.get("datetime"), stamp.get("content"), words_of(stamp)):
            if value and (day := iso_day(value)):
                return day
    if day := _stamp(piece):
        return day
    texts = page.texts[piece.first : piece.end]
    if piece.rank == _BOLD and (day := iso_day(texts[0][page.lines[piece.first].bold :])):
        return day
    above = page.texts[max(0, piece.first - 1) : piece.first]  # a blog has the day of its posts above them
    lines = texts[:4] + texts[-2:] + above
    return next(filter(None, (iso_day(text) for text in lines if is_date_line(text))), "")


def _author(piece: _Piece) -> str:
    if piece.block is None:
        return ""
    for by in piece.block.xpath(
        ".//*[@rel='author' or @itemprop='author' or contains(@class, 'author') or contains(@class, 'byline')]"
    ):
        name = _BY.sub("", words_of(by)).strip(" ,·|")
        if name and len(name) <= _AUTHOR_CHARACTERS and not iso_day(name):
            return name
    return ""
