"""Web pages: all that a page shows, in reading order, and what of it is no article's text, set aside with a reason.

Trafilatura finds the article. Its extract is looked up on the page line by line, so that what it leaves out, it
leaves out on record; paragraphs and headings that it lost between those that it kept are kept too.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace

import trafilatura
from lxml.html import HtmlElement
from trafilatura.metadata import extract_metadata
from trafilatura.settings import Document as TrafilaturaDocument

from index.dates import address_day, is_date_line, is_later_line, iso_day
from index.errors import ReadError
from index.formats import Extracted
from index.formats.align import align, flat
from index.formats.items import items
from index.formats.layout import article_cell, furniture, heading_of, is_linked, without_others
from index.formats.markup import Line, Rendered, decode_html, parse_html, render, words_of
from index.said import Said, said
from index.values import DroppedSpan, Part, Span

_PARAGRAPH_CHARACTERS = 80  # what is as long is a paragraph, even if the extract has lost it
_BODY_BLOCKS = ("li", "dt", "dd", "blockquote", "pre", "figcaption")
_WITHIN = ("li", "ul", "ol", "dl", "dt", "dd", "blockquote", "figure")
_TITLE_TAGS = ("h1", "h2", "h3")
_TITLE_CHARACTERS = 8  # letters and digits; a shorter heading agrees with the page's title by chance
_TITLE_WORDS = 3
_NEAR_TITLE = 4  # lines; a day that stands there is the article's
_SITE_PARTS = re.compile(r"\s+(?:[|–—·»:-]|::|//)\s+|\s*\|\s*")
_HIDDEN_BODY_CHARACTERS = 200
_CAPTION = "caption"  # never the article's, whatever the extract says

# What it says of pages that it finds nothing on is told in our words.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
logging.getLogger("htmldate").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class _Extract:
    """What trafilatura tells of a page; the strings are "" where it tells nothing."""

    lines: list[str]
    title: str
    date: str
    author: str
    outlet: str


def read_html(data: bytes, path: str) -> Extracted:
    """What a saved web page says. Raises ReadError if no article text is in it."""
    tree, whole = parse_html(decode_html(data))
    rendered = Rendered("", (), ()) if tree is None else render(tree)
    if tree is None or not (rendered.lines or whole):
        raise ReadError(_no_article(path) if whole else _too_much(path))
    cut = "{file}: a part of the page is more than the parser takes; save it again as .txt"
    problems = () if whole else (said("page_in_part", cut, file=path),)
    extract = _extract(tree)
    found, missing = align(extract.lines, [rendered.of(line) for line in rendered.lines])
    places = furniture(rendered.lines)
    several = items(rendered, places, title=_title_tag(tree))
    first = min((i for i in found if not is_linked(rendered.lines[i])), default=0)
    title = _Title("", ()) if several else _title(tree, rendered, extract, first=first)
    if several:
        reasons = [
            _reason_among_items(line, place, i in found, any(item.first <= i < item.end for item in several))
            for i, (line, place) in enumerate(zip(rendered.lines, places, strict=True))
        ]
    else:
        menu = {i for i in found if i < min(title.lines, default=0) and is_linked(rendered.lines[i])}
        kept = found - menu or {i for i, line in enumerate(rendered.lines) if _could_be_body(line, places[i])}
        kept = _completed(kept | set(title.lines), rendered.lines, places)
        kept -= {i for i in kept - set(title.lines) if places[i] == _CAPTION}
        kept = _within_cell(kept, rendered.lines, title.lines)
        reasons = ["" if i in kept else _reason(line, places[i]) for i, line in enumerate(rendered.lines)]
    unseen = _unseen_body(missing, extract)
    if not unseen and all(reason or i in title.lines for i, reason in enumerate(reasons)):
        raise ReadError(_no_article(path))
    lines = rendered.lines
    return Extracted(
        text="\n\n".join(filter(None, (rendered.text, unseen))),
        title=title.words or _without_site(extract.title, extract.outlet),
        date="" if several else _day(extract, rendered) or _day_near(title.lines, rendered, found),
        author="" if several else extract.author,
        outlet=extract.outlet or _outlet(tree, title.words),
        parts=tuple(
            Part(Span(lines[i.first].span.start, lines[i.end - 1].span.end), i.title, i.date, i.author) for i in several
        ),
        set_aside=_set_aside(rendered, reasons),
        problems=problems,
    )


def _no_article(path: str) -> Said:
    told = "{file}: no article text was found in this page; save it again with its text, or as .txt"
    return said("page_without_article", told, file=path)


def _too_much(path: str) -> Said:
    told = "{file}: the page is more than the parser takes; save it again with its text, or as .txt"
    return said("page_too_much", told, file=path)


def _extract(tree: HtmlElement) -> _Extract:
    try:
        page = trafilatura.bare_extraction(tree, include_comments=False, include_formatting=False)
        days = {"original_date": True, "extensive_search": False}
        fields = extract_metadata(without_others(tree), date_config=days, extensive=False)
    except Exception:  # it guards some of its steps only, and a strange page still has its lines
        return _Extract([], "", "", "", "")
    text = page.text or "" if isinstance(page, TrafilaturaDocument) else ""
    values = (fields.title, fields.date, fields.author, fields.sitename)
    return _Extract(text.split("\n"), *((value or "").strip() for value in values))


# One article


def _could_be_body(line: Line, place: str) -> bool:
    return not place and not is_linked(line)


def _completed(kept: set[int], lines: tuple[Line, ...], places: list[str]) -> set[int]:
    """`kept`, and the lines among them that stand in the same container and are no furniture."""
    completed = set(kept)
    containers = {_container(lines[i]) for i in kept}
    for i in reversed(range(min(kept, default=0), max(kept, default=0))):
        line = lines[i]
        if i in completed or not _could_be_body(line, places[i]) or _container(line) not in containers:
            continue
        if heading_of(line) is not None:
            is_body = i + 1 in completed  # else it heads what was left out
        else:
            long = line.span.end - line.span.start >= _PARAGRAPH_CHARACTERS
            is_body = long or line.block.tag in _BODY_BLOCKS
        if is_body:
            completed.add(i)
    return completed


def _within_cell(kept: set[int], lines: tuple[Line, ...], title: tuple[int, ...]) -> set[int]:
    """What of `kept` stands in the cell with the article, if the page is laid out as a table, without links below."""
    cell = article_cell(lines, kept)
    if cell is None:
        return kept
    last = max(i for i in kept if lines[i].span.end - lines[i].span.start >= _PARAGRAPH_CHARACTERS)
    return {
        i
        for i in kept
        if i in title
        or (cell in (lines[i].block, *lines[i].block.iterancestors()) and not (i > last and is_linked(lines[i])))
    }


def _container(line: Line) -> HtmlElement | None:
    parent = line.block.getparent()
    while parent is not None and parent.tag in _WITHIN:
        parent = parent.getparent()
    return parent


def _reason(line: Line, place: str) -> str:
    return place or ("links" if is_linked(line) else "outside the article")


@dataclass(frozen=True, slots=True)
class _Title:
    words: str
    lines: tuple[int, ...]  # where they stand; () if nowhere


def _title(tree: HtmlElement, rendered: Rendered, extract: _Extract, *, first: int) -> _Title:
    """The heading that the page's own title names, else its only first or only heading, else a line that is that title.

    It stands above `first`, the first line of the extract, or is among its first lines.
    """
    named = [flat(extract.title), flat(_title_tag(tree))]
    headings: dict[HtmlElement, list[int]] = {}
    for i, line in enumerate(rendered.lines[: first + _NEAR_TITLE]):
        heading = heading_of(line)
        if heading is not None and heading.tag in _TITLE_TAGS:
            headings.setdefault(heading, []).append(i)

    def agrees(heading: HtmlElement) -> bool:
        words = flat(words_of(heading))
        same = any(words in name or (name and name in words) for name in named)
        return same and len(words) >= _TITLE_CHARACTERS and words != flat(extract.outlet)

    agreeing = [heading for heading in headings if agrees(heading)]
    firsts = [heading for heading in headings if heading.tag == "h1" and _is_title(words_of(heading), extract)]
    if agreeing:
        best = min(agreeing, key=lambda heading: (heading.tag, -headings[heading][0]))
    elif len(firsts) == 1:
        best = firsts[0]
    elif len(headings) == 1 and _is_title(words_of(next(iter(headings))), extract):
        best = next(iter(headings))  # the page's title is then its site's
    else:
        words = _without_site(extract.title, extract.outlet)
        # With neither a heading nor a site's name: the longest part of the page's title that stands above the text.
        parts = {flat(part): part for part in (words, *_SITE_PARTS.split(_title_tag(tree))) if part}
        above = [(flat(rendered.of(line)), i) for i, line in enumerate(rendered.lines[: first + _NEAR_TITLE])]
        shown = [(len(line), i) for line, i in above if line in parts and (i <= first or line != flat(words))]
        if shown:
            at = max(shown)[1]
            return _Title(parts[flat(rendered.of(rendered.lines[at]))], (at,))
        return _Title(words, ())
    return _Title(words_of(best), tuple(headings[best]))


def _is_title(words: str, extract: _Extract) -> bool:
    """Whether a first heading that the page's own title does not name may be the article's, and no site's name."""
    return flat(words) != flat(extract.outlet) and (len(words.split()) >= _TITLE_WORDS or not extract.title)


def _title_tag(tree: HtmlElement) -> str:
    tag = tree.find(".//head/title")
    return "" if tag is None else " ".join((tag.text or "").split())


def _without_site(title: str, outlet: str) -> str:
    """A page's title without the name of its site at either end."""
    parts = _SITE_PARTS.split(title)
    for part, at in ((parts[-1], title.rfind(parts[-1])), (parts[0], 0)):
        if len(parts) > 1 and outlet and flat(part).casefold() == flat(outlet).casefold():
            return (title[:at] if at else title[len(part) :]).strip(" |–—·»:-")
    return title


def _outlet(tree: HtmlElement, title: str) -> str:
    """What the page's title says after the article's."""
    rest = _title_tag(tree).removeprefix(title) if title else ""
    parts = _SITE_PARTS.split(rest)
    return parts[1].strip() if len(parts) == 2 and not parts[0] and rest != _title_tag(tree) else ""


def _day(extract: _Extract, rendered: Rendered) -> str:
    """The day that the page's data say, unless it is one that the page shows as that of its printing."""
    lines = map(rendered.of, rendered.lines) if extract.date else ()
    return "" if extract.date in {iso_day(line) for line in lines if is_later_line(line)} else extract.date


def _day_near(title: tuple[int, ...], rendered: Rendered, found: set[int]) -> str:
    """The day in a line that says when, close to the title or to where the article begins or ends."""
    at = title[0] if title else min(found, default=0)
    near = rendered.lines[max(0, at - _NEAR_TITLE) : max(found, default=at) + _NEAR_TITLE]
    words = [rendered.of(line) for line in near]
    likely = words[: 3 * _NEAR_TITLE] + words[-_NEAR_TITLE:]
    days = [line for line in likely if is_date_line(line)]
    told = [iso_day(line) for line in sorted(days, key=is_later_line)]
    if days and not is_later_line(days[0]):
        return next(filter(None, told), "")
    return next(filter(None, [*map(address_day, likely), *told]), "")


def _unseen_body(missing: list[str], extract: _Extract) -> str:
    """An article that only the page's data hold, because a script was to show it; "" if the page shows it."""
    body = "\n\n".join(missing)
    return body if len(body) >= max(_HIDDEN_BODY_CHARACTERS, sum(map(len, extract.lines)) / 2) else ""


# Several articles


def _reason_among_items(line: Line, place: str, found: bool, within: bool) -> str:
    if within:
        return (
            ""
            if found or (not place and (heading_of(line) is not None or not is_linked(line)))
            else _reason(line, place)
        )
    long = line.span.end - line.span.start >= _PARAGRAPH_CHARACTERS
    return "" if found and long and _could_be_body(line, place) else _reason(line, place)


def _set_aside(rendered: Rendered, reasons: list[str]) -> tuple[DroppedSpan, ...]:
    """The lines that have a reason, those that follow one another for the same reason as one span."""
    spans: list[DroppedSpan] = []
    before = ""
    for line, reason in zip(rendered.lines, reasons, strict=True):
        if reason and reason == before:
            spans[-1] = replace(spans[-1], span=Span(spans[-1].span.start, line.span.end))
        elif reason:
            spans.append(DroppedSpan(line.span, reason))
        before = reason
    return tuple(spans)
