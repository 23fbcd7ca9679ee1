"""What the layout of a page tells: which blocks are no article's text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from copy import copy
from functools import lru_cache

from lxml.html import HtmlElement

from index.formats.markup import Line
from index.lines import PROSE_CHARACTERS

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

_CELL_SHARE = 0.8  # of the prose of a page laid out as a table that the cell of its article holds


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
