"""Feeds, RSS and Atom: each entry is an item of its own, with the title, day and author that its fields give."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from html.entities import name2codepoint

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from index.dates import iso_day
from index.errors import ReadError
from index.formats import Extracted
from index.formats.markup import visible_text
from index.said import said
from index.values import Part, Span

# Fields by their local names, best first: RSS 2.0, 0.9x and 1.0 (Dublin Core), Atom 0.3 and 1.0.
_ENTRIES = ("item", "entry")
_BODIES = ("encoded", "content", "description", "summary")
_DATES = ("pubDate", "published", "issued", "date", "created", "updated", "modified")
_AUTHORS = ("creator", "author")

_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ELEMENT = re.compile(rb"<[A-Za-z]")
# Feeds name these of HTML's without declaring them, which XML does not allow.
_NAMED_ENTITY = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)([a-zA-Z][a-zA-Z0-9]*);")
_DECLARED_DOCTYPE = re.compile(
    rb"<!DOCTYPE\s+\w+(?:\s+(?:PUBLIC|SYSTEM)(?:\s+\"[^\"]*\"|\s+'[^']*'){1,2})?\s*>", re.IGNORECASE
)
_ADDRESS = re.compile(r"\S+@\S+\s*\((?P<name>[^)]+)\)|(?P<only>\S+@\S+)")


def read_feed(data: bytes, path: str) -> Extracted:
    """What a feed's entries say. Raises ReadError for what is no feed, or is unsafe to read."""
    root = _parse(data, path)
    kind = _local(root)
    if kind not in ("rss", "RDF", "feed"):
        other = "{file}: XML of <{kind}>, and of XML only RSS and Atom feeds are read; save its text as .txt"
        raise ReadError(said("other_xml", other, file=path, kind=kind))
    channel = root if kind == "feed" else next((child for child in root if _local(child) == "channel"), root)
    outlet = " ".join(_text(channel, ("title",)).split())
    text = ""
    parts: list[Part] = []
    for entry in (element for element in root.iter(etree.Element) if _local(element) in _ENTRIES):
        title = " ".join(_text(entry, ("title",)).split())
        body = _text(entry, _BODIES)
        twice = body.partition("\n")[0] == title  # short posts have no title but their first words
        words = body if twice else "\n\n".join(filter(None, (title, body)))
        if words:
            text += "\n\n\n" if text else ""
            span = Span(len(text), len(text) + len(words))
            text += words
            source = _text(entry, ("source",)) if kind == "rss" else ""
            parts.append(Part(span, title, _day(entry), _author(entry), source or outlet))
    if not parts:
        empty = "{file}: the feed has no entry with words in it; fetch it again"
        raise ReadError(said("empty_feed", empty, file=path))
    return Extracted(text, title=outlet, outlet=outlet, parts=tuple(parts))


def _parse(data: bytes, path: str) -> etree._Element:
    data = _DECLARED_DOCTYPE.sub(b"", data, count=1)
    root = _ELEMENT.search(data)
    if _DOCTYPE.search(data[: root.start() if root else len(data)]):
        declares = "{file}: it declares entities, which a feed has no need of and an attack has; remove <!DOCTYPE>"
        raise ReadError(said("xml_entities", declares, file=path))
    data = _NAMED_ENTITY.sub(_character, data)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        return etree.fromstring(data.lstrip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        broken = "{file}: not whole XML ({why}); fetch the file again, or correct it there"
        raise ReadError(said("broken_xml", broken, file=path, why=str(error))) from error


def _character(entity: re.Match[bytes]) -> bytes:
    code = name2codepoint.get(entity[1].decode())
    return b"&#%d;" % code if code else b"&amp;" + entity[0][1:]


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _text(entry: etree._Element, names: tuple[str, ...]) -> str:
    """The words of the first of the fields `names` that has any; HTML in it becomes lines."""
    for name in names:
        for field in entry:
            if isinstance(field.tag, str) and _local(field) == name and (words := _words(field)):
                return words
    return ""


def _words(field: etree._Element) -> str:
    if len(field):  # XHTML, written out within the feed
        return visible_text(etree.tostring(field, encoding="unicode", with_tail=False))
    words = (field.text or "").strip()
    html = field.get("type", "html") in ("html", "text/html", "xhtml") and re.search(r"<\w|&\w+;|&#\d", words)
    return visible_text(words) if html else "\n".join(" ".join(line.split()) for line in words.splitlines())


def _day(entry: etree._Element) -> str:
    for name in _DATES:
        for field in entry:
            if isinstance(field.tag, str) and _local(field) == name and (day := _iso(field.text or "")):
                return day
    return ""


def _iso(value: str) -> str:
    """The day of "Fri, 17 May 2024 18:05:00 +0400" (RFC 822) or of an ISO 8601 time."""
    try:
        return parsedate_to_datetime(value).date().isoformat()
    except (ValueError, OverflowError):
        return iso_day(value)


def _author(entry: etree._Element) -> str:
    for name in _AUTHORS:
        for field in entry:
            if isinstance(field.tag, str) and _local(field) == name:
                named = next((child.text for child in field if _local(child) == "name"), None) or field.text or ""
                address = _ADDRESS.fullmatch(named.strip())
                words = named if address is None else address["name"] or ""
                if words.strip():
                    return " ".join(words.split())
    return ""
