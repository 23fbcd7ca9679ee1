"""Cited articles as BibTeX, read back by a reader of that, and as CSL-JSON, held to what its schema says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bibtexparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.folder import Index
from index.values import Document, Span
from rag.abstain import CALIBRATION
from rag.assistant import Assistant
from rag.bibliography import Entry, bibliography, to_bibtex, to_csl_json
from rag.reply import Answer, Citation

ALWAYS, NEVER = replace(CALIBRATION, threshold=0.0), replace(CALIBRATION, threshold=2.0)
FILES = {
    "harbour.html": "<html><head><title>The lamp {is} 100% mended_ | The Harbour &amp; Sea</title>"
    '<meta name="author" content="Leyla Əliyeva"><meta property="og:site_name" content="The Harbour &amp; Sea">'
    '<meta property="article:published_time" content="2024-05-05"></head><body><article>'
    "<h1>The lamp {is} 100% mended_</h1>"
    "<p>The harbour lamp was mended by Leyla on Monday, and it burns again for all who come home late at night.</p>"
    "<p>The keeper of the harbour said that the boats had waited outside for two weeks until they could go in.</p>"
    "</article></body></html>",
}
QUESTION = "who mended the harbour lamp?"
_NAMES = {
    r"\textbackslash{}": "\\",
    r"\textbraceleft{}": "{",
    r"\textbraceright{}": "}",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
}


def read_tex(text: str) -> str:
    """What TeX shows of this."""
    return re.sub(r"\\text[a-z]+\{\}|\\([$&#%_])", lambda found: found[1] or _NAMES[found[0]], text)


def fields(bibtex: str) -> list[dict[str, str]]:
    library = bibtexparser.parse_string(bibtex)
    assert not library.failed_blocks
    return [
        {"ENTRYTYPE": entry.entry_type, "ID": entry.key} | {field.key: field.value for field in entry.fields}
        for entry in library.entries
    ]


@pytest.fixture
def index(make_index: Callable[..., Index]) -> Index:
    return make_index(FILES)


def test_an_article_is_an_entry_with_all_its_quotes(index: Index) -> None:
    reply = Assistant(index, calibration=ALWAYS).ask(QUESTION)
    assert isinstance(reply, Answer)
    (entry,) = entries = bibliography(reply, index)
    document = index.document(entry.document.id)
    assert (document.author, document.outlet, document.date) == (
        "Leyla Əliyeva", "The Harbour & Sea", "2024-05-05"
    )  # fmt: skip
    (told,) = fields(to_bibtex(entries))
    assert {name: read_tex(value) for name, value in told.items() if name != "month"} == {
        "ENTRYTYPE": "article",
        "ID": entry.key,
        "author": "{Leyla Əliyeva}",
        "title": "{The lamp {is} 100% mended_}",
        "journal": "{The Harbour & Sea}",
        "year": "2024",
        "day": "5",
        "language": "en",
        "note": entry.note,
    }
    assert told["month"] in ("may", "5", 5)
    (item,) = json.loads(to_csl_json(entries))
    assert item == {
        "id": entry.key,
        "type": "article-newspaper",
        "title": "The lamp {is} 100% mended_",
        "author": [{"literal": "Leyla Əliyeva"}],
        "container-title": "The Harbour & Sea",
        "issued": {"date-parts": [[2024, 5, 5]]},
        "language": "en",
        "note": entry.note,
    }
    text = index.source("harbour.html").text
    places = re.findall(r"“(.*?)” harbour\.html:(\d+)-(\d+)", entry.note)
    assert len(places) == len({(c.start, c.end) for s in reply.statements for c in s.citations})
    assert all(text[int(start) : int(end)] == quote for quote, start, end in places)


def test_an_abstention_cites_nothing(index: Index) -> None:
    reply = Assistant(index, calibration=NEVER).ask(QUESTION)
    assert bibliography(reply, index) == ()
    assert (to_bibtex(()), json.loads(to_csl_json(()))) == ("", [])


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(list("{}\\\"'@%#,=~^_$& \n")))
DATES = st.sampled_from(["", "2024", "2024-05", "2024-05-17"])


@given(TEXTS, TEXTS, TEXTS, TEXTS, DATES)
def test_whatever_it_says_it_is_read_back(title: str, author: str, outlet: str, quote: str, date: str) -> None:
    author, outlet, title = author.strip(), outlet.strip(), title.strip()
    document = Document("0123", "a.txt", title, "und", date, (), (), author=author, outlet=outlet)
    citation = Citation(Span(0, 1), "a.txt", "ab", 0, 9, quote, title, "und", date, "0123:0-9")
    entries = (Entry(document, (citation,)), Entry(replace(document, id="0124"), (citation,)))
    first, second = fields(to_bibtex(entries))
    assert (first["ID"], second["ID"]) == ("dragoman-0123", "dragoman-0124")
    for name, value in (("title", title), ("author", author), ("journal", outlet)):
        assert read_tex(first.get(name, "{}")) == f"{{{' '.join(value.split())}}}"
    assert read_tex(first["note"]) == entries[0].note
    assert [first.get("year", ""), first.get("day", "")] == [date[:4], date[8:].lstrip("0")]
    item = json.loads(to_csl_json(entries))[0]
    assert item.get("issued", {}).get("date-parts", [[]])[0] == [int(part) for part in date.split("-") if part]
    assert item["type"] == ("article-newspaper" if outlet else "document")


def test_the_command_writes_them(sample_index: Path, tmp_path: Path, dragoman: Callable[..., object]) -> None:
    question = "why did Armenia skip the Moscow meeting?"
    dragoman("ask", "--index", sample_index, "--receipt", tmp_path / "r.bib", question)
    dragoman("ask", "--index", sample_index, "--receipt", tmp_path / "r", "--format", "csl-json", question)
    told = fields((tmp_path / "r.bib").read_text(encoding="utf-8"))
    items = json.loads((tmp_path / "r").read_text(encoding="utf-8"))
    assert [entry["ID"] for entry in told] == [item["id"] for item in items]
    assert "0007.txt:249-387" in items[0]["note"]


def test_a_format_wants_a_file(sample_index: Path) -> None:
    from ui.cli import main

    assert main(["ask", "--index", str(sample_index), "--format", "bibtex", "why?"]) == 2
