"""PDF files to text: the order in which a person reads, whole words, and no running heads."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import ReadError
from index.formats import Extracted
from index.formats.pdf import read_pdf

DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
needs_letters = pytest.mark.skipif(not DEJAVU.exists(), reason="no font with ə and Cyrillic on this machine")

Drawn = tuple[float, float, str, float]  # x and y in points from the lower left, words, font size


def make_pdf(pages: list[list[Drawn]], **metadata: str) -> bytes:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    font = "Helvetica"
    if DEJAVU.exists():
        font = "DejaVuSans"
        pdfmetrics.registerFont(TTFont(font, str(DEJAVU)))
    data = io.BytesIO()
    canvas = Canvas(data, invariant=True)  # made on 2000-01-01
    for name, value in metadata.items():
        getattr(canvas, f"set{name.capitalize()}")(value)
    for page in pages:
        for x, y, words, size in page:
            canvas.setFont(font, size)
            canvas.drawString(x, y, words)
        canvas.showPage()
    canvas.save()
    return data.getvalue()


def column(lines: list[str], x: float = 60, top: float = 760, step: float = 13) -> list[Drawn]:
    return [(x, top - step * i, line, 10) for i, line in enumerate(lines)]


def running(extracted: Extracted) -> list[str]:
    assert {dropped.reason for dropped in extracted.set_aside} <= {"page header or footer"}
    return [dropped.span.of(extracted.text) for dropped in extracted.set_aside]


def body(extracted: Extracted) -> list[str]:
    """The lines that are not set aside and not blank."""
    starts = {dropped.span.start for dropped in extracted.set_aside}
    lines, place = [], 0
    for line in extracted.text.replace("\f", "\n").split("\n"):
        if line and place not in starts:
            lines.append(line)
        place += len(line) + 1
    return lines


LEFT = [f"The left column has its line {word}" for word in ("one", "two", "three", "four", "five", "six")]
RIGHT = [f"On the right stands the line {word}" for word in ("one", "two", "three", "four", "five", "six")]


@pytest.mark.parametrize("drawn", ["by columns", "by rows", "right first"])
def test_two_columns_are_read_one_after_the_other(drawn: str, check_extracted: Callable[[Extracted], None]) -> None:
    left, right = column(LEFT), column(RIGHT, x=310)
    heading: list[Drawn] = [(60, 800, "A heading that runs across both of the columns of this page", 10)]
    closing: list[Drawn] = [(60, 400, "And a closing line that runs across both of the columns of it", 10)]
    page = {
        "by columns": heading + left + right + closing,
        "by rows": heading + [piece for row in zip(left, right, strict=True) for piece in row] + closing,
        "right first": closing + right + left + heading,
    }[drawn]
    extracted = read_pdf(make_pdf([page]), "a.pdf")
    check_extracted(extracted)
    assert body(extracted) == [heading[0][2], *LEFT, *RIGHT, closing[0][2]]


def test_three_columns() -> None:
    middle = [f"Between them is the line {word}" for word in ("one", "two", "three", "four", "five", "six")]
    columns = [column(lines, x=x) for lines, x in ((LEFT, 40), (middle, 225), (RIGHT, 410))]
    page = [(x, y, words, 9) for row in zip(*columns, strict=True) for x, y, words, _ in row]
    assert body(read_pdf(make_pdf([page]), "a.pdf")) == LEFT + middle + RIGHT


def test_a_table_is_read_by_rows() -> None:
    rows = [("Sahilkend", "4.2 m", "May"), ("Qizilcay", "6.5 m", "June"), ("Yenibel", "3.1 m", "July")] * 3
    page: list[Drawn] = [
        (x, 760 - 13 * i, cell, 10) for i, row in enumerate(rows) for x, cell in zip((60, 200, 340), row, strict=True)
    ]
    assert body(read_pdf(make_pdf([page]), "a.pdf")) == [" ".join(row) for row in rows]


def test_running_heads_of_left_and_right_pages() -> None:
    pages = []
    for number in range(1, 6):
        head = "Harbour Bulletin" if number % 2 else "Council of Sahilkend"
        lines = column([f"{word} is what page {word} is about." for word in [f"Topic {'abcde'[number - 1]}"]])
        pages.append([(60, 810, head, 8), (290, 30, str(number + 8), 8), *lines])
    extracted = read_pdf(make_pdf(pages), "a.pdf")
    assert running(extracted) == [
        *("Harbour Bulletin", "9", "Council of Sahilkend", "10", "Harbour Bulletin", "11"),
        *("Council of Sahilkend", "12", "Harbour Bulletin", "13"),
    ]
    assert body(extracted) == [f"Topic {letter} is what page Topic {letter} is about." for letter in "abcde"]


def test_roman_page_numbers_and_a_head_of_one_chapter() -> None:
    pages = [
        [(290, 30, number, 8), *column([f"Preface {letter}."])]
        for number, letter in zip(("iii", "iv", "v", "vi"), "abcd", strict=True)
    ]
    pages += [[(60, 810, "Chapter two", 8), *column([f"Story {letter}."])] for letter in "ab"]
    extracted = read_pdf(make_pdf(pages), "a.pdf")
    assert running(extracted) == ["iii", "iv", "v", "vi", "Chapter two", "Chapter two"]


def test_two_pages_with_a_head() -> None:
    extracted = read_pdf(
        make_pdf([[(60, 800, f"Page {n} of 2", 8), *column([f"Part {'ab'[n - 1]} of it."])] for n in (1, 2)]), "a.pdf"
    )
    assert running(extracted) == ["Page 1 of 2", "Page 2 of 2"]


def test_numbers_that_do_not_count_pages_are_text() -> None:
    pages = [column(["12 ships came", "Nothing else."]), column(["57 ships came", "Nothing more."])]
    assert running(read_pdf(make_pdf(pages), "a.pdf")) == []


@pytest.mark.parametrize(
    ("lines", "read"),
    [
        (["The council vot-", "ed to replace it."], ["The council voted", "to replace it."]),
        (["Nagorno-", "Karabakh was named."], ["Nagorno-Karabakh", "was named."]),
        (["In 2019-", "2020 it was closed."], ["In 2019-2020", "it was closed."]),
        (["A well-known keeper, a well-", "known dog."], ["A well-known keeper, a well-known", "dog."]),
        (["The keeper -", "an old man - left."], ["The keeper -", "an old man - left."]),
        (["A list -", "- with a dash"], ["A list -", "- with a dash"]),
        (["It is impos-", "sible"], ["It is impossible"]),
    ],
)
def test_words_broken_over_lines(lines: list[str], read: list[str]) -> None:
    assert body(read_pdf(make_pdf([column(lines)]), "a.pdf")) == read


def test_a_word_broken_over_pages_and_a_running_foot() -> None:
    pages = [
        [*column(["First words.", "Then the coun-"]), (60, 30, "Bulletin 1", 8)],
        [*column(["cil went home.", "Last words."]), (60, 30, "Bulletin 2", 8)],
    ]
    extracted = read_pdf(make_pdf(pages), "a.pdf")
    assert body(extracted) == ["First words.", "Then the council", "went home.", "Last words."]
    assert [extracted.text[start:].split("\n")[0] for start in extracted.pages] == ["First words.", "went home."]


@needs_letters
@pytest.mark.parametrize(
    ("lines", "read"),
    [
        (["Şəhər şurası kör-", "pü tikməyə qərar verdi."], ["Şəhər şurası körpü", "tikməyə qərar verdi."]),
        (["Городской совет решил постро-", "ить мост."], ["Городской совет решил построить", "мост."]),
        (["Kasaba meclisi köprü yap-", "ılmasına karar verdi."], ["Kasaba meclisi köprü yapılmasına", "karar verdi."]),
    ],
)
def test_letters_of_our_languages(lines: list[str], read: list[str]) -> None:
    assert body(read_pdf(make_pdf([column(lines)]), "a.pdf")) == read


def test_paragraphs_are_parted_by_blank_lines() -> None:
    lines = ["The ferry has crossed", "the bay since the war.", "In spring it stopped."]
    page = [(60, 780, "A bridge nobody asked for", 18), *column(lines), *column(lines[:2], top=760 - 3 * 13 - 9)]
    extracted = read_pdf(make_pdf([page]), "a.pdf")
    assert extracted.text.split("\n\n") == ["A bridge nobody asked for", "\n".join(lines), "\n".join(lines[:2])]


HEADLINE: Drawn = (60, 780, "A bridge nobody asked for", 18)


@pytest.mark.parametrize(
    ("page", "told", "title"),
    [
        ([HEADLINE, *column(LEFT)], "", "A bridge nobody asked for"),
        ([HEADLINE, *column(LEFT)], "Bulletin", "A bridge nobody asked for"),
        ([HEADLINE, *column(["Bulletin of May", *LEFT])], "Bulletin of May", "Bulletin of May"),
        (column(LEFT), "The left column", "The left column"),
        (column(LEFT), "Of the ferry", "Of the ferry"),
        (column(LEFT), "Microsoft Word - draft2.docx", ""),
        (column(LEFT), "untitled", ""),
    ],
)
def test_titles(page: list[Drawn], told: str, title: str) -> None:
    assert read_pdf(make_pdf([page], title=told), "a.pdf").title == title


@pytest.mark.parametrize(
    ("head", "first", "date"),
    [
        ("Harbour Bulletin, 4 May 2024", "The ferry is late.", "2024-05-04"),
        ("Harbour Bulletin", "The ferry is late.", ""),  # the day on which the file was made is none
        ("Harbour Bulletin", "6 May 2024", ""),  # for the text to say
    ],
)
def test_the_date_of_a_running_head_counts_last(head: str, first: str, date: str) -> None:
    data = make_pdf([[(60, 810, head, 8), *column(lines)] for lines in ([first, "It came."], ["It left."])])
    assert read_pdf(data, "a.pdf").date == date


def test_authors() -> None:
    assert read_pdf(make_pdf([column(LEFT)], author="R. Quliyev"), "a.pdf").author == "R. Quliyev"
    assert read_pdf(make_pdf([column(LEFT)], author="Administrator"), "a.pdf").author == ""


def test_pages_that_are_pictures_are_told() -> None:
    from PIL import Image
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    data = io.BytesIO()
    canvas = Canvas(data)
    picture = ImageReader(Image.new("RGB", (8, 8), "grey"))
    for words in ("", "The only words.", "", "", "blank"):
        if words != "blank":
            canvas.drawString(60, 700, words) if words else canvas.drawImage(picture, 10, 10, 500, 700)
        canvas.showPage()
    canvas.save()
    extracted = read_pdf(data.getvalue(), "a.pdf")
    assert extracted.text == "\fThe only words.\f\f\f"
    assert extracted.pages == (0, 1, 17, 18, 19)
    assert extracted.problems == (
        "a.pdf: pages 1, 3-4 hold pictures and no text; run OCR first, such as ocrmypdf --skip-text",
    )


def test_a_pdf_with_a_password() -> None:
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    data = io.BytesIO()
    canvas = Canvas(data, encrypt=StandardEncryption("secret"))
    canvas.drawString(60, 700, "Not for all.")
    canvas.save()
    with pytest.raises(ReadError, match=r"a\.pdf: not a whole PDF .*; fetch the file again, or remove its password"):
        read_pdf(data.getvalue(), "a.pdf")


SAMPLE = make_pdf(
    [
        [(60, 810, "Bulletin 1", 8), HEADLINE, *column(LEFT), *column(RIGHT, x=310)],
        [(60, 810, "Bulletin 2", 8), *column(["A last coun-", "cil."])],
    ],
    title="Bulletin",
)


@settings(max_examples=200)
@given(
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=20),
    cut=st.one_of(st.just(0), st.integers(0, len(SAMPLE))),
)
def test_damaged_files(flips: list[tuple[int, int]], cut: int, check_damaged: Callable[..., None]) -> None:
    check_damaged(read_pdf, SAMPLE, flips, cut)


WORDS = st.text(alphabet="abcdefgh -,.IVX159", min_size=1, max_size=40)
PIECES = st.tuples(st.integers(20, 400), st.integers(20, 800), WORDS, st.sampled_from([8.0, 10.0, 18.0]))


@settings(max_examples=100)
@given(pages=st.lists(st.lists(PIECES, max_size=25), min_size=1, max_size=4))
def test_no_letter_is_lost(pages: list[list[Drawn]], check_extracted: Callable[[Extracted], None]) -> None:
    from pypdfium2 import PdfDocument

    data = make_pdf(pages)
    # Not what was drawn: pdfium takes a letter that is drawn twice for a bold one.
    words = "".join(page.get_textpage().get_text_range() for page in PdfDocument(data))
    if not words.strip():
        return
    extracted = read_pdf(data, "a.pdf")
    check_extracted(extracted)
    assert sorted(c for c in extracted.text if c.isalnum()) == sorted(c for c in words if c.isalnum())
