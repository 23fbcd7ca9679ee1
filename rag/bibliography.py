"""The articles that an answer cites, as a reference manager takes them: BibTeX and CSL-JSON.

An entry an article, in the order in which they are first cited, with the words that are cited and where they stand in
its source. What nothing says of an article, such as its author, is left away; no source keeps the address of a page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from index.folder import Index
from index.values import Document
from rag.reply import Abstention, Citation, Reply

# Braces are counted by BibTeX even where a backslash stands before them, so they get names.
_TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: f"\\{character}" for character in "$&#%_"},
    }
)
# Macros of every BibTeX style.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class Entry:
    """An article, and the places of it that are cited."""

    document: Document
    citations: tuple[Citation, ...]

    @property
    def key(self) -> str:
        """The same for the same article of the same file, whatever was asked."""
        return f"dragoman-{self.document.id}"

    @property
    def date(self) -> list[int]:
        """Year, month and day, as far as they are known."""
        return [int(part) for part in self.document.date.split("-")] if self.document.date else []

    @property
    def note(self) -> str:
        """What is cited of it, each quote with its place in code points."""
        quotes = [f"“{_line(each.quote)}” {each.source}:{each.start}-{each.end}" for each in self.citations]
        return f"{'; '.join(quotes)}; SHA-256 {self.citations[0].sha256}"


def bibliography(reply: Reply, index: Index) -> tuple[Entry, ...]:
    """The articles that a reply cites; none if it is an abstention. Raises IndexFolderError if one is gone."""
    if isinstance(reply, Abstention):
        return ()
    cited: dict[str, dict[tuple[int, int], Citation]] = {}
    for statement in reply.statements:
        for citation in statement.citations:
            document_id = citation.passage_id.rpartition(":")[0]
            cited.setdefault(document_id, {}).setdefault((citation.start, citation.end), citation)
    return tuple(Entry(index.document(id_), tuple(places.values())) for id_, places in cited.items())


def to_bibtex(entries: tuple[Entry, ...]) -> str:
    """A .bib file in UTF-8. Titles and names stand in two braces: they are neither recased nor taken apart."""
    return "\n".join(map(_bibtex, entries))


def _bibtex(entry: Entry) -> str:
    document = entry.document
    year, month, day = [*entry.date, 0, 0, 0][:3]
    fields = {
        "author": f"{{{_tex(document.author)}}}" if document.author else "",
        "title": f"{{{_tex(document.title)}}}" if document.title else "",
        "journal": f"{{{_tex(document.outlet)}}}" if document.outlet else "",
        "year": f"{year:04}" if year else "",
        "day": str(day) if day else "",
        "language": document.lang,
        "note": _tex(entry.note),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    lines += [f"  month = {_MONTHS[month - 1]},"] if month else []
    return "\n".join([f"@{'article' if document.outlet else 'misc'}{{{entry.key},", *lines, "}", ""])


def to_csl_json(entries: tuple[Entry, ...]) -> str:
    """A list of items as the Citation Style Language has them."""
    return json.dumps([_csl(entry) for entry in entries], ensure_ascii=False, indent=2) + "\n"


def _csl(entry: Entry) -> dict[str, Any]:
    document = entry.document
    item = {
        "id": entry.key,
        "type": "article-newspaper" if document.outlet else "document",
        "title": _line(document.title),
        "author": [{"literal": _line(document.author)}] if document.author else [],
        "container-title": _line(document.outlet),
        "issued": {"date-parts": [entry.date]} if entry.date else {},
        "language": document.lang,
        "note": entry.note,
    }
    return {name: value for name, value in item.items() if value}


def _tex(text: str) -> str:
    return _line(text).translate(_TEX)


def _line(text: str) -> str:
    return " ".join(text.split())
