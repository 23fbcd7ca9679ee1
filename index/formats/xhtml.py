"""The lines of a tree of HTML, as a chapter of a book or the body of a message is one."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

from index.formats.archive import local_name, parse_xml

_SILENT = {"head", "script", "style", "template", "noscript", "svg", "object", "iframe", "select", "textarea"}
_PARAGRAPHS = {
    *("address", "article", "aside", "blockquote", "body", "center", "details", "div", "dl", "fieldset", "figure"),
    *("footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre"),
    *("section", "table", "ul"),
}
_LINES = {"caption", "dd", "dt", "figcaption", "legend", "li", "option", "summary", "tr"}
_CELLS = {"td", "th"}
# Where a line and a paragraph begin or end, until all are known; no text that a person wrote has them.
_LINE, _PARAGRAPH = "\x01", "\x02"
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)\w+;")
_DECLARATION = re.compile(r"\A\ufeff?\s*<\?xml[^>]*\?>")


def parse_html(markup: str) -> _Element | None:
    """The root of an HTML page as a browser would take it, or None if there is nothing in it."""
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - compiled, untyped

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        return etree.fromstring(_DECLARATION.sub("", markup).encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None


def parse_xhtml(markup: str) -> _Element | None:
    """The root of a page that should be XML; if it is not, as `parse_html` takes it."""
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - compiled, untyped

    without_entities = _ENTITY.sub(lambda match: html.escape(html.unescape(match[0])), _DECLARATION.sub("", markup))
    try:
        return parse_xml(without_entities.encode("utf-8", "replace"))
    except etree.XMLSyntaxError:
        return parse_html(markup)


def block_text(root: _Element) -> str:
    """The text within `root`: paragraphs parted by a blank line, items, rows and broken lines by a line end."""
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - compiled, untyped

    pieces: list[str] = []
    as_is = 0  # how many <pre> we are in
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        name = local_name(element).lower()
        if event == "start":
            if name in _SILENT:
                walk.skip_subtree()
                continue
            pieces.append("\n" if name == "br" else _break(name))
            as_is += name == "pre"
            pieces.append(_flow(element.text, as_is))
        else:
            as_is -= name == "pre"
            if name not in _SILENT:
                pieces.append(" | " if name in _CELLS and element.getnext() is not None else _break(name))
            if element is not root:
                pieces.append(_flow(element.tail, as_is))
    paragraphs = (_lines(paragraph) for paragraph in "".join(pieces).split(_PARAGRAPH))
    return "\n\n".join(filter(None, paragraphs))


def _lines(paragraph: str) -> str:
    lines = ("\n".join(_spaced(part) for part in line.split("\n")).strip("\n") for line in paragraph.split(_LINE))
    return "\n".join(filter(None, lines))


def _spaced(line: str) -> str:
    return re.sub(r" {2,}", " ", line).strip(" ")


def _flow(text: str | None, as_is: int) -> str:
    words = (text or "").replace(_LINE, "").replace(_PARAGRAPH, "")
    return words if as_is else re.sub(r"[ \t\r\n\f]+", " ", words)


def _break(name: str) -> str:
    return _PARAGRAPH if name in _PARAGRAPHS else _LINE if name in _LINES else ""
