"""DOCX and ODT: paragraphs, tables and notes of text documents.

Both are read from their XML: what stands in a content control, a text box or a tracked insertion is text like any
other, and a tracked deletion is not. The day on which a file was made is not read: it is no date of publication.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.dates import is_date_line, stated_date
from index.errors import ReadError
from index.formats import Extracted
from index.formats.archive import attribute, has_password, local_name, member_xml, properties, relations, unpacking
from index.formats.text import TextBuilder, named, one_line
from index.heading import is_byline, is_issue_line
from index.lines import PROSE_CHARACTERS
from index.said import said
from index.values import DroppedSpan, Part, Span

if TYPE_CHECKING:
    from lxml.etree import _Element

_CONTENTS = "table of contents"
_TITLE, _HEADING = "title", "heading 1"
_STYLES = (_TITLE, _HEADING, "heading 2", "heading 3")  # by rank
# Headings of a report's sections: "Introduction", "2. Results".
_SECTION = re.compile(r"\W*(\d+[.) ]|[IVX]+[.) ]|(chapter|section|part|глава|раздел|часть|fəsil|bölmə|bölüm)\b)", re.I)
_TITLE_WORDS = 3
_HEAD_BLOCKS = 2  # below a title, of which one may say who wrote the article and when
_SIGNED = 2 / 3  # of the articles


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph or the row of a table."""

    text: str
    heads: str = ""  # the style for titles that it is of, one of `_STYLES`, or ""
    row: bool = False  # a row stands right below another, without a blank line
    reason: str = ""  # why it is no article's text, or ""


def read_docx(data: bytes, path: str) -> Extracted:
    """The text of a DOCX: its paragraphs, tables row by row, then its notes. Raises ReadError."""
    with unpacking(data, path, kind="DOCX file") as package:
        main = next((target for _, kind, target in relations(package, "") if kind == "officeDocument"), "")
        links = relations(package, main)
        styles = (name for _, kind, name in links if kind == "styles")
        titles = dict(style for name in styles for style in _title_styles(package, name))
        blocks = list(_docx_blocks(member_xml(package, main), titles))
        for _, kind, name in links:
            if kind in ("footnotes", "endnotes"):
                for note in member_xml(package, name):
                    if not attribute(note, "type"):  # those with one are the lines that part notes from the text
                        blocks.extend(_docx_blocks(note, titles))
        told = properties(package, "docProps/core.xml")
        return _extracted(path, blocks, told.get("title", ""), told.get("creator", ""))


def read_odt(data: bytes, path: str) -> Extracted:
    """The text of an ODT: its paragraphs, tables row by row, then its notes. Raises ReadError."""
    with unpacking(data, path, kind="ODT file") as package:
        if "META-INF/manifest.xml" in package.namelist() and any(
            local_name(element) == "encryption-data" for element in member_xml(package, "META-INF/manifest.xml").iter()
        ):
            raise ReadError(has_password(path))
        notes: list[_Block] = []
        body = next(e for e in member_xml(package, "content.xml").iter() if local_name(e) == "body")
        blocks = list(_odt_blocks(body, notes))
        told = properties(package, "meta.xml")
        author = told.get("initial-creator", "") or told.get("creator", "")
        return _extracted(path, blocks + notes, told.get("title", ""), author)


def _extracted(path: str, blocks: list[_Block], title: str, author: str) -> Extracted:
    text = TextBuilder()
    spans: list[Span] = []
    set_aside: list[DroppedSpan] = []
    above: _Block | None = None
    for block in blocks:
        span = text.add(block.text, gap="\n" if above is not None and above.row and block.row else "\n\n")
        spans.append(span)
        if block.reason:
            set_aside.append(DroppedSpan(span, block.reason))
        above = block
    if not any(block.text for block in blocks):
        empty = "{file}: the document holds no text; if it holds pictures of text, run OCR on them first"
        raise ReadError(said("no_text", empty, file=path))
    begins = _articles(blocks)
    ends = [*begins[1:], len(blocks)] if begins else []
    parts = (
        Part(Span(spans[first].start, spans[end - 1].end), title=one_line(blocks[first].text))
        for first, end in zip(begins, ends, strict=True)
    )
    heading = "" if begins else next((one_line(block.text) for block in blocks if block.heads), "")
    return Extracted(
        text=text.text(),
        title=heading or named(title),
        author="" if begins else named(author),
        parts=tuple(parts),
        set_aside=tuple(set_aside),
    )


def _articles(blocks: Sequence[_Block]) -> list[int]:
    """The blocks with which the articles of a newsletter begin; [] for a document that is one article.

    Articles stand under titles of one style, each with a paragraph of text, and nothing but a masthead above the first.
    Headings under the document's title are its sections, unless most have a byline or a date below them, or the title
    is that of a bulletin, whose number is told.
    """
    by_style = [[i for i, block in enumerate(blocks) if block.heads == style] for style in _STYLES]
    rank = next((rank for rank, found in enumerate(by_style) if len(found) > 1), 0)
    begins = by_style[rank]
    if len(begins) < 2 or any(len(block.text) >= PROSE_CHARACTERS for block in blocks[: begins[0]]):
        return []
    sections = [blocks[first:end] for first, end in zip(begins, [*begins[1:], len(blocks)], strict=True)]
    if not all(any(len(block.text) >= PROSE_CHARACTERS for block in section[1:]) for section in sections):
        return []
    signed = [any(_is_signed(block.text) for block in section[1 : 1 + _HEAD_BLOCKS]) for section in sections]
    if sum(signed) >= _SIGNED * len(signed):
        return begins
    words = [0 if _SECTION.match(section[0].text) else len(section[0].text.split()) for section in sections]
    if any(is_issue_line(block.text) for block in blocks[: begins[0]]):
        return begins if sum(words) / len(words) >= _TITLE_WORDS else []
    titled = any(by_style[:rank])
    # Below a line that may be the title of all, even one short heading says that these are sections.
    enough = sum(words) / len(words) if begins[0] == 0 else min(words)
    return begins if not titled and rank <= _STYLES.index(_HEADING) and enough >= _TITLE_WORDS else []


def _is_signed(text: str) -> bool:
    """Whether a line says when or by whom an article was written, perhaps with the paper and its page."""
    return is_byline(text) or is_date_line(text) or (len(text) < PROSE_CHARACTERS and bool(stated_date(text)))


def _title_styles(package: zipfile.ZipFile, name: str) -> Iterator[tuple[str, str]]:
    """The id and name of the styles that title a document. Ids are in the language of the program, names are not."""
    for style in member_xml(package, name):
        for child in style:
            if local_name(child) == "name" and (told := attribute(child, "val").lower()) in _STYLES:
                yield attribute(style, "styleId"), told


def _docx_blocks(parent: _Element, titles: Mapping[str, str]) -> Iterator[_Block]:
    for element in parent:
        match local_name(element):
            case "p":
                style = next((attribute(e, "val") for e in element.iter() if local_name(e) == "pStyle"), "")
                if words := _words(element, _docx_character).strip():
                    reason = _CONTENTS if style.lower().startswith("toc") else ""
                    yield _Block(words, heads=titles.get(style, ""), reason=reason)
                for box in _inner(element, "txbxContent"):
                    yield from _docx_blocks(box, titles)
            case "tbl":
                rows = [[list(_docx_blocks(c, titles)) for c in _inner(row, "tc")] for row in _inner(element, "tr")]
                yield from _table(rows)
            case "del" | "moveFrom" | "Fallback":  # the last repeats what stands beside it, for older programs
                pass
            case _:  # what wraps blocks: a content control, a tracked insertion, the body itself
                yield from _docx_blocks(element, titles)


def _docx_character(element: _Element) -> str | None:
    match local_name(element):
        case "t":
            return element.text or ""
        case "tab":
            return "\t"
        case "br" | "cr":
            return "\n"
        case "noBreakHyphen":
            return "-"
        case "pPr" | "rPr" | "del" | "moveFrom" | "Fallback" | "txbxContent" | "instrText" | "delText":
            return None
    return ""


def _odt_blocks(parent: _Element, notes: list[_Block]) -> Iterator[_Block]:
    for element in parent:
        match local_name(element):
            case "p" | "h":
                style = attribute(element, "style-name").lower()
                level = attribute(element, "outline-level") if local_name(element) == "h" else ""
                heads = _TITLE if style == "title" else f"heading {level}"
                if words := _words(element, _odt_character, mixed=True).strip():
                    yield _Block(words, heads=heads if heads in _STYLES else "")
                for box in _inner(element, "text-box"):
                    yield from _odt_blocks(box, notes)
                for note in _inner(element, "note-body"):
                    notes.extend(_odt_blocks(note, notes))
            case "table":
                rows = [
                    [list(_odt_blocks(cell, notes)) for cell in _inner(row, "table-cell")]
                    for row in _inner(element, "table-row")
                ]
                yield from _table(rows)
            case "table-of-content":
                for block in _odt_blocks(element, notes):
                    yield _Block(block.text, row=block.row, reason=_CONTENTS)
            case "tracked-changes" | "annotation" | "table-of-content-source" | "forms" | "sequence-decls":
                pass
            case _:  # a section, a list and its items, the body itself
                yield from _odt_blocks(element, notes)


def _odt_character(element: _Element) -> str | None:
    match local_name(element):
        case "s":
            return " "
        case "tab":
            return "\t"
        case "line-break":
            return "\n"
        case "note" | "annotation" | "text-box" | "object" | "ruby-text":
            return None
    return ""


def _words(element: _Element, character: Callable[[_Element], str | None], *, mixed: bool = False) -> str:
    """The words in a paragraph. `character` says what an element stands for, None for nothing of it and in it.

    If `mixed`, text may stand anywhere (ODT), else only in the elements of which `character` gives it (DOCX).
    """
    pieces = [(element.text or "") if mixed else ""]
    for child in element:
        words = character(child)
        if words is not None:
            pieces.append(words)
            pieces.append(_words(child, character, mixed=mixed))
        if mixed:
            pieces.append(child.tail or "")
    return "".join(pieces)


def _inner(element: _Element, name: str) -> Iterator[_Element]:
    """The outermost elements of that name within another, leaving out what was deleted or is repeated."""
    for child in element:
        if local_name(child) == name:
            yield child
        elif local_name(child) not in ("del", "moveFrom", "Fallback"):
            yield from _inner(child, name)


def _table(rows: list[list[list[_Block]]]) -> Iterator[_Block]:
    """A table by rows, its cells parted by bars; in one column, which lays text out, its blocks as they are."""
    if all(len(cells) < 2 for cells in rows):
        for cells in rows:
            for blocks in cells:
                yield from blocks
        return
    for cells in rows:
        words = [" ".join(one_line(block.text) for block in blocks) for blocks in cells]
        if any(words):
            yield _Block(" | ".join(words), row=True)
