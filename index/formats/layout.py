"""What the layout of a page tells: which blocks are no article's text, and which are articles of their own."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache

from lxml.html import HtmlElement

from index.dates import is_date_line, iso_day
from index.formats.markup import Line, Rendered, words_of
from index.heading import is_byline
from index.language import detect_language
from index.lines import PROSE_CHARACTERS
from index.values import UNDETERMINED

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
MOSTLY_LINKS = 0.5

_TAGS = {
    "nav": "navigation",
    "menu": "navigation",
    "footer": "footer",
    "aside": "sidebar",
    "form": "form",
    "button": "form",
    "search": "form",
    "dialog": "dialog",
    "time": "byline",
    "figcaption": "caption",
}
_ROLES = {
    "navigation": "navigation",
    "menu": "navigation",
    "menubar": "navigation",
    "banner": "header",
    "contentinfo": "footer",
    "complementary": "sidebar",
    "search": "form",
    "dialog": "dialog",
    "alertdialog": "dialog",
}
# What words of a class or an id stand for; of several in one name the first row here counts.
_NAMES = tuple(
    (reason, re.compile(rf"(?:.*[-_])?(?:{names})(?:[-_].*)?", re.IGNORECASE))
    for reason, names in (
        ("cookie notice", "cookies?|consent|gdpr|cookiebar|cookiebanner"),
        ("comments", "comments?|commentlist|disqus|respond|replies"),
        ("share bar", "share|shares|sharing|sharebar|sharedaddy|social|socials|addthis|addtoany|ya-share2?"),
        ("related articles", "related|recommend(?:ed|ations)?|teasers?|popular|trending|mostread|readalso|also"),
        ("newsletter", "newsletter|subscribe|subscription|signup"),
        ("advertisement", "ads?|advert|advertisement|adsense|banner|promo|sponsor(?:ed)?|reklam"),
        ("navigation", "nav|navbar|navigation|menu|breadcrumbs?|pagination|pager|skip"),
        ("tags", "tags?|taglist|tagcloud|keywords"),
        ("footer", "footer|copyright|colophon"),
        ("sidebar", "sidebar"),
        ("caption", "captions?|figcaption|wp-caption-text|photo-?credits?|image-?credits?"),
        ("byline", "byline|author|authors|dateline|date|published|timestamp|postmeta|meta"),
    )
)
# Names that tell what a block has or is about, not what it is.
_ABOUT = re.compile(r"(?:has|with|without|no|is|tag|category|type|format)[-_].*", re.IGNORECASE)

# Of these a day, an author or a title is never the article's.
_OTHERS = ("comments", "related articles", "sidebar", "footer", "cookie notice", "newsletter", "advertisement")

_ITEM_CHARACTERS = 180  # outside links; a few sentences: what is shorter is a card that leads elsewhere
_SHORT_ITEM_CHARACTERS = 90  # enough for what stands among articles and looks like them
_LANGUAGE_CHARACTERS = 1000
_CELL_SHARE = 0.8  # of the prose of a page laid out as a table that the cell of its article holds
_BLOCK_TAGS = (*HEADINGS, "p", "li", "td", "pre", "blockquote")
_ITEM_TAGS = ("article", "div", "section", "li", "td", "tr")
_ITEMS_SHARE = 0.5  # of the page's text that its articles hold together
_AUTHOR_CHARACTERS = 80
_BY = re.compile(r"^(?:by|author|автор|müəllif|yazar|yazan)\b\s*:?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Item:
    """One of several articles on a page: its lines by number, end not included, and what its fields say."""

    first: int
    end: int
    title: str
    date: str  # ISO 8601 day, or ""
    author: str


def furniture(lines: tuple[Line, ...]) -> list[str]:
    """For each line what its nearest telling block is, such as "footer"; "" if none tells."""
    known: dict[HtmlElement, str] = {}
    found = []
    for line in lines:
        path: list[HtmlElement] = []
        element: HtmlElement | None = line.block
        while element is not None and element not in known:
            path.append(element)
            element = element.getparent()
        reason = "" if element is None else known[element]
        for inner in reversed(path):
            reason = _told_by(inner) or reason
            known[inner] = reason
        found.append(reason)
    return found


def _told_by(element: HtmlElement) -> str:
    tag = element.tag
    if tag in ("html", "body", "main"):
        return ""
    if tag == "form" and next(element.iter("article", "h1"), None) is not None:
        return ""  # some servers put whole pages into one form
    if tag == "header" and next(element.iterancestors("article", "main"), None) is None:
        return "header"
    if reason := _TAGS.get(tag) or _ROLES.get(element.get("role", "")):
        return reason
    return _told_by_names(f"{element.get('class', '')} {element.get('id', '')}")


@lru_cache(maxsize=4096)  # a page has the same few on hundreds of blocks
def _told_by_names(names: str) -> str:
    telling = [name for name in names.split() if not _ABOUT.fullmatch(name)]
    return next((reason for reason, words in _NAMES if any(words.fullmatch(name) for name in telling)), "")


def without_others(tree: HtmlElement) -> HtmlElement:
    """A copy of `tree` without the blocks that are about something other than the article."""
    tree = copy(tree)
    others = [e for e in tree.iter() if _told_by(e) in _OTHERS and next(e.iter("h1"), None) is None]
    for element in others:
        if element.getparent() is not None:
            element.drop_tree()
    return tree


def heading_of(line: Line) -> HtmlElement | None:
    """The heading that a line is, or is within."""
    block = line.block
    parent = block.getparent()
    if block.tag in HEADINGS:
        return block
    return parent if parent is not None and parent.tag in HEADINGS else None


def is_linked(line: Line) -> bool:
    """Whether most of a line is within links."""
    return line.linked > MOSTLY_LINKS * (line.span.end - line.span.start)


def article_cell(lines: Sequence[Line], kept: Collection[int]) -> HtmlElement | None:
    """The smallest cell of a table with nearly all of the paragraphs of `kept`, if the page is laid out as a table."""
    characters: Counter[HtmlElement] = Counter()
    total = 0
    for i in kept:
        length = lines[i].span.end - lines[i].span.start
        if length >= PROSE_CHARACTERS and not is_linked(lines[i]):
            total += length
            characters.update(dict.fromkeys((lines[i].block, *lines[i].block.iterancestors("td")), length))
    cells = [cell for cell, of in characters.items() if cell.tag == "td" and of >= _CELL_SHARE * total]
    return max(cells, key=lambda cell: sum(1 for _ in cell.iterancestors()), default=None)


def items(rendered: Rendered, reasons: list[str]) -> list[Item]:
    """The articles of a page that holds several, in order; [] for a page of one.

    They are siblings of one kind, each with a heading of the same rank and a few sentences, which together hold
    half of the page's text. Without the tag that says article, each must also show its day or its author, link to
    itself or be in a language of its own, or no heading may stand above them: the sections of one article do not.
    """
    bodies: Counter[HtmlElement] = Counter()
    extents: dict[HtmlElement, tuple[int, int]] = {}
    total = 0
    for i, line in enumerate(rendered.lines):
        words = 0 if reasons[i] else line.span.end - line.span.start - line.linked
        total += words
        for element in (line.block, *line.block.iterancestors()):
            bodies[element] += words
            extents[element] = (extents.get(element, (i, i))[0], i + 1)
    groups: defaultdict[tuple[HtmlElement, str], list[HtmlElement]] = defaultdict(list)
    for element, words in bodies.items():
        parent = element.getparent()
        if words >= _SHORT_ITEM_CHARACTERS and element.tag in _ITEM_TAGS and parent is not None:
            groups[parent, element.tag].append(element)
    for siblings in groups.values():
        longest = [element for element in siblings if bodies[element] >= _ITEM_CHARACTERS]
        names = {element.get("class", "") for element in longest} - {""}
        siblings[:] = [e for e in siblings if e in longest or e.get("class", "") in names]
    best: list[HtmlElement] = []
    for (_, tag), siblings in groups.items():
        if len(siblings) < 2:
            continue
        members = _of_one_kind(siblings, tag, rendered, extents)
        share = sum(bodies[member] for member in members)
        if len(members) >= 2 and share >= _ITEMS_SHARE * total and len(members) > len(best):
            best = members
    return [_item(element, extents[element], rendered) for element in sorted(best, key=lambda e: extents[e])]


def _of_one_kind(
    siblings: list[HtmlElement], tag: str, rendered: Rendered, extents: Mapping[HtmlElement, tuple[int, int]]
) -> list[HtmlElement]:
    languages = {element.get("lang", "") for element in siblings}
    apart = len(languages) == len(siblings) and "" not in languages
    told = [_language(element) for element in siblings]
    apart = apart or (len(set(told)) == len(told) and UNDETERMINED not in told)
    in_languages = apart
    apart = apart or _nothing_heads(siblings, rendered.lines[: min(extents[element][0] for element in siblings)])
    ranked: defaultdict[str, list[HtmlElement]] = defaultdict(list)
    for element in siblings:
        heading = _heading(element)
        if heading is None:
            if tag == "article" and next(element.iter("time"), None) is not None:
                ranked[""].append(element)
        elif (
            apart
            or tag == "article"
            or _shows_day(element)
            or _links(heading)
            or _is_signed(element, extents, rendered)
        ):
            ranked[heading.tag].append(element)
    members = max(ranked.values(), key=len, default=[])
    if tag != "article" and not in_languages:
        shared = Counter(name for element in members for name in set(element.get("class", "").split()))
        alike = any(count == len(members) for count in shared.values()) or not shared
        if not alike:
            return []
    return members


def _language(element: HtmlElement) -> str:
    return detect_language(words_of(element)[:_LANGUAGE_CHARACTERS])


def _nothing_heads(siblings: Sequence[HtmlElement], above: Sequence[Line]) -> bool:
    """Whether sections begin with headings of the second or third rank, and no heading or paragraph is above them."""
    first = [next((e for e in element.iter() if e.tag in _BLOCK_TAGS and words_of(e)), None) for element in siblings]
    headed = all(element is not None and element.tag in HEADINGS[1:3] for element in first)
    return headed and not any(
        heading_of(line) is not None or line.span.end - line.span.start >= PROSE_CHARACTERS for line in above
    )


def _is_signed(element: HtmlElement, extents: Mapping[HtmlElement, tuple[int, int]], rendered: Rendered) -> bool:
    """Whether the first lines or the last one of a piece of the page say when or by whom it was written."""
    lines = [rendered.of(line) for line in rendered.lines[slice(*extents[element])]]
    return any(is_date_line(line) or is_byline(line) for line in lines[:3] + lines[-1:])


def _heading(element: HtmlElement) -> HtmlElement | None:
    return next((heading for heading in element.iter(*HEADINGS) if words_of(heading)), None)


def _links(heading: HtmlElement) -> bool:
    parent = heading.getparent()
    return next(heading.iter("a"), None) is not None or (parent is not None and parent.tag == "a")


def _shows_day(element: HtmlElement) -> bool:
    return next(element.iter("time"), None) is not None or element.find(".//*[@itemprop='datePublished']") is not None


def _item(element: HtmlElement, extent: tuple[int, int], rendered: Rendered) -> Item:
    heading = _heading(element)
    lines = [rendered.of(line) for line in rendered.lines[slice(*extent)]]
    return Item(*extent, "" if heading is None else words_of(heading), _day(element, lines), _author(element))


def _day(element: HtmlElement, lines: list[str]) -> str:
    for stamp in element.xpath(".//*[@itemprop='datePublished'] | .//time"):
        for value in (stamp.get("datetime"), stamp.get("content"), words_of(stamp)):
            if value and (day := iso_day(value)):
                return day
    return next(filter(None, (iso_day(line) for line in lines[:4] + lines[-2:] if is_date_line(line))), "")


def _author(element: HtmlElement) -> str:
    for by in element.xpath(
        ".//*[@rel='author' or @itemprop='author' or contains(@class, 'author') or contains(@class, 'byline')]"
    ):
        name = _BY.sub("", words_of(by)).strip(" ,·|")
        if name and len(name) <= _AUTHOR_CHARACTERS and not iso_day(name):
            return name
    return ""
