"""EPUB: the chapters of a book in its order of reading, each an item of its own."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from index.dates import iso_day
from index.errors import ReadError
from index.formats import Extracted
from index.formats.archive import attribute, local_name, member, member_xml, resolve, unpacking
from index.formats.text import TextBuilder, named, one_line
from index.formats.xhtml import block_text, parse_xhtml
from index.said import said
from index.values import DroppedSpan, Part

if TYPE_CHECKING:
    from lxml.etree import _Element

_HEADINGS = ("h1", "h2", "h3")


def read_epub(data: bytes, path: str) -> Extracted:
    """The text of a book. Raises ReadError.

    A chapter that is missing or broken is a problem that stops no other; a page that only lists chapters is set aside.
    """
    with unpacking(data, path, kind="EPUB file") as package:
        root = next(
            attribute(element, "full-path")
            for element in member_xml(package, "META-INF/container.xml").iter()
            if local_name(element) == "rootfile"
        )
        book = member_xml(package, root)
        locked = _locked(package)
        told = {name: [named(e.text) for e in book.iter() if local_name(e) == name] for name in ("title", "creator")}
        date, author = _date(book), ", ".join(filter(None, told["creator"]))
        text = TextBuilder()
        parts: list[Part] = []
        set_aside: list[DroppedSpan] = []
        problems: list[str] = []
        for name, lists_chapters in _chapters(book, root):
            if name in locked:
                locked_up = "{file}: is locked to a reading program; get a copy without DRM"
                raise ReadError(said("book_locked", locked_up, file=path))
            try:
                page = parse_xhtml(member(package, name).decode("utf-8-sig", "replace"))
            except Exception as error:  # of one chapter; zipfile and zlib each raise their own kinds
                broken = "{file}: {name} cannot be read ({why}); fetch the book again"
                why = f"{type(error).__name__}: {error}"
                problems.append(said("chapter_unreadable", broken, file=path, name=name, why=why))
                continue
            words = "" if page is None else block_text(page)
            if page is None or not words:
                continue
            span = text.add(words)
            if lists_chapters:
                set_aside.append(DroppedSpan(span, "table of contents"))
            else:
                parts.append(Part(span, title=_chapter_title(page), date=date, author=author))
    if not parts:
        empty = "{file}: the book holds no text; if its pages are pictures, run OCR on them first"
        raise ReadError(said("no_text", empty, file=path))
    title = next(filter(None, told["title"]), "")
    return Extracted(text.text(), title, date, author, "", tuple(parts), tuple(set_aside), problems=tuple(problems))


def _locked(package: zipfile.ZipFile) -> set[str]:
    if "META-INF/encryption.xml" not in package.namelist():
        return set()
    return {attribute(element, "URI") for element in member_xml(package, "META-INF/encryption.xml").iter()} - {""}


def _chapters(book: _Element, root: str) -> list[tuple[str, bool]]:
    """The entries of the spine in order, and whether each is the book's list of chapters."""
    items = {attribute(e, "id"): e for e in book.iter() if local_name(e) == "item"}
    spine = [items.get(attribute(e, "idref")) for e in book.iter() if local_name(e) == "itemref"]
    return [
        (resolve(root, attribute(item, "href")), "nav" in attribute(item, "properties").split())
        for item in spine
        if item is not None
    ]


def _date(book: _Element) -> str:
    """The day of publication. A book may give several dates, and say which is which."""
    days = [(attribute(e, "event"), iso_day(e.text or "")) for e in book.iter() if local_name(e) == "date"]
    return next((day for event, day in days if event == "publication"), "") or next(
        (day for event, day in days if not event), ""
    )


def _chapter_title(page: _Element) -> str:
    for name in (*_HEADINGS, "title"):
        for element in page.iter():
            if local_name(element).lower() == name and (words := one_line("".join(element.itertext(with_tail=False)))):
                return words
    return ""
