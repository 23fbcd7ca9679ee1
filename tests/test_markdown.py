"""Markdown: front matter in YAML and TOML, in four languages, and text without any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.clean import clean
from index.formats.markdown import read_markdown
from index.read import read_source
from index.values import Media, Source

BODY = "\n# Beans\n\nThey grow along the fence.\n"


@pytest.mark.parametrize(
    ("front", "told"),
    [
        ('---\ntitle: "Beans: a story"\ndate: 2024-05-17T10:00:00+04:00\nauthor: Ann Harrow\n---\n',
         ("Beans: a story", "2024-05-17", "Ann Harrow", "")),
        ("---\r\ntitle: Beans\r\nsite: Oakmere Post\r\n---\r\n", ("Beans", "", "", "Oakmere Post")),
        ('+++\ntitle = "Beans"\ndate = 2024-05-17\nauthors = ["Ann Su"]\n+++\n', ("Beans", "2024-05-17", "Ann Su", "")),
        ("---\nbaşlıq: Lobya\ntarix: 17.05.2024\nmüəllif: Aysel Daş\nmənbə: Gilavar\n---\n",
         ("Lobya", "2024-05-17", "Aysel Daş", "Gilavar")),
        ("---\nзаголовок: Бобы\nдата: 17 мая 2024\nавтор: З. Санина\n---\n", ("Бобы", "2024-05-17", "З. Санина", "")),
        ("---\nbaşlık: Fasulye\ntarih: Mayıs 2024\nyazar: Ece Çınar\n---\n", ("Fasulye", "2024-05", "Ece Çınar", "")),
        ("---\nauthor:\n  name: Ann Harrow\ntitle: >\n  Beans along\n  the fence\n---\n",
         ("Beans along the fence", "", "Ann Harrow", "")),
        ("---\nauthors:\n- Ann Harrow\n---\n", ("", "", "Ann Harrow", "")),
        ("---\n---\n", ("", "", "", "")),
    ],
)  # fmt: skip
def test_front_matter(front: str, told: tuple[str, str, str, str]) -> None:
    extracted = read_markdown(front + BODY)
    (part,) = extracted.parts
    assert (part.title, part.date, part.author, part.outlet) == told
    assert part.span.of(extracted.text) == BODY
    assert [(d.span.of(extracted.text), d.reason) for d in extracted.set_aside] == [(front, "front matter")]


@pytest.mark.parametrize("text", [BODY, "---\n\nA line above.\n", "Title\n---\ntitle: no\n---\n", ""])
def test_text_without_front_matter(text: str) -> None:
    extracted = read_markdown(text)
    assert (extracted.text, extracted.parts, extracted.set_aside) == (text, (), ())


@given(st.text(alphabet="-+:=ab [\n\r\t>|", max_size=60))
def test_any_text_is_kept_whole(text: str) -> None:
    extracted = read_markdown(text)
    assert extracted.text == text
    assert "".join(d.span.of(text) for d in extracted.set_aside) + "".join(
        part.span.of(text) for part in extracted.parts
    ) in ("", text)


def test_the_title_of_the_front_matter_is_not_said_twice() -> None:
    text = "---\ntitle: Beans\ndate: 2024-05-17\n---\n" + BODY
    extracted = read_markdown(text)
    source = Source("a.md", Media.MARKDOWN, "0", text, parts=extracted.parts, set_aside=extracted.set_aside)
    cleaned = clean(source)
    (document,) = cleaned.documents
    assert (document.title, document.date, document.date_from) == ("Beans", "2024-05-17", "metadata")
    assert [span.of(text) for span in document.body] == ["They grow along the fence."]
    assert {d.reason for d in cleaned.dropped} == {"front matter"}


LONG = "The depot has planted beans along its fence, and the drivers water them between two shifts every day."
FOLDER = f"# FOLDER: trams\n\n> (note) {LONG}\n\n"


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        (
            FOLDER + f"## Beans along the fence\n12 May 2019, 11:40\n{LONG}\n\n"
            f"## Küləksiz dəyirman\nGilavar, 5 may 2020\n{LONG}\n",
            ["", "Beans along the fence", "Küləksiz dəyirman"],
        ),
        (FOLDER + f"## How it began\n{LONG}\n\n## How it went on\n{LONG}\n", ["FOLDER: trams"]),
    ],
    ids=["a folder of articles", "sections of one article"],
)  # fmt: skip
def test_headings_of_the_second_level(text: str, titles: list[str]) -> None:
    cleaned = clean(read_source(text.encode(), path="a.md"))
    assert [document.title for document in cleaned.documents] == titles


def test_what_is_noted_around_articles_is_no_text() -> None:
    text = "The depot has planted beans along its fence, and the drivers water them between two of their shifts."
    notes = ("TODO: ask for the number of beans", "(not to be passed on; see note 3)")
    written = "".join(f"# Beans {n}\n\n{text}\n\n{note}\n\n" for n, note in enumerate(notes))
    source = read_source(written.encode(), path="a.md")
    assert [document.body[0].of(source.text) for document in clean(source).documents] == [text, text]
    assert [len(document.body) for document in clean(source).documents] == [1, 1]
