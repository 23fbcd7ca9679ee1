"""PPTX: slides as pages, each with its title first, then what else it says, then the speaker's notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.errors import ReadError
from index.formats import Extracted
from index.formats.archive import attribute, local_name, member_xml, properties, relations, unpacking
from index.formats.text import TextBuilder, named, one_line
from index.said import said
from index.values import DroppedSpan

if TYPE_CHECKING:
    from lxml.etree import _Element

_TITLES = ("title", "ctrTitle")
_RUNNING = ("sldNum", "ftr", "dt", "hdr")


@dataclass(frozen=True, slots=True)
class _Shape:
    text: str
    holds: str  # what the layout has it for: "title", "body", "ftr", …; "" if nothing


def read_pptx(data: bytes, path: str) -> Extracted:
    """The text of a presentation, slides parted by form feeds. Raises ReadError.

    Footers, dates and slide numbers are set aside; pictures, charts and diagrams are not read.
    """
    with unpacking(data, path, kind="PPTX file") as package:
        main = next((target for _, kind, target in relations(package, "") if kind == "officeDocument"), "")
        targets = {key: target for key, _, target in relations(package, main)}
        names = [
            targets[_relation(element)]
            for element in member_xml(package, main).iter()
            if local_name(element) == "sldId"
        ]
        slides: list[list[_Shape]] = []
        for name in names:
            slides.append(sorted(_shapes(member_xml(package, name)), key=lambda shape: shape.holds not in _TITLES))
            for _, kind, notes in relations(package, name):
                if kind == "notesSlide":
                    slides[-1] += [shape for shape in _shapes(member_xml(package, notes)) if shape.holds == "body"]
        told = properties(package, "docProps/core.xml")
    if not any(slides):
        empty = "{file}: the slides hold no text; if they hold pictures of text, run OCR on them first"
        raise ReadError(said("no_text", empty, file=path))
    return _extracted(slides, told)


def _relation(element: _Element) -> str:
    """The id of the relation; the slide's own id, in no namespace, has the same local name."""
    return next(str(value) for key, value in element.items() if key.endswith("}id"))


def _extracted(slides: list[list[_Shape]], told: dict[str, str]) -> Extracted:
    text = TextBuilder()
    starts: list[int] = []
    set_aside: list[DroppedSpan] = []
    for shapes in slides:
        for i, shape in enumerate(shapes or [_Shape("", "")]):
            span = text.add(shape.text, gap="\n\n" if i else "\f")
            if i == 0:
                starts.append(span.start)
            if shape.holds in _RUNNING:
                set_aside.append(DroppedSpan(span, "page header or footer"))
    title = next((one_line(shape.text) for shapes in slides for shape in shapes if shape.holds in _TITLES), "")
    return Extracted(
        text=text.text(),
        title=title or named(told.get("title")),
        author=named(told.get("creator")),
        set_aside=tuple(set_aside),
        pages=tuple(starts),
    )


def _shapes(parent: _Element) -> Iterator[_Shape]:
    for element in parent:
        match local_name(element):
            case "sp":
                holder = next((e for e in element.iter() if local_name(e) == "ph"), None)
                lines = [_words(e) for e in element.iter() if local_name(e) == "p"]
                if words := "\n".join(line for line in lines if line.strip()).strip():
                    yield _Shape(words, "" if holder is None else attribute(holder, "type") or "body")
            case "tbl":
                rows = (
                    " | ".join(
                        one_line(" ".join(_words(p) for p in cell.iter() if local_name(p) == "p")) for cell in row
                    )
                    for row in ([c for c in r if local_name(c) == "tc"] for r in element if local_name(r) == "tr")
                )
                if words := "\n".join(row for row in rows if row.strip(" |")):
                    yield _Shape(words, "")
            case "Fallback":  # repeats what stands beside it, for older programs
                pass
            case _:
                yield from _shapes(element)


def _words(paragraph: _Element) -> str:
    return "".join(
        "\n" if local_name(element) == "br" else element.text or ""
        for element in paragraph.iter()
        if local_name(element) in ("t", "br")
    )
