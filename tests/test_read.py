"""Files to sources: what is kept to the letter, and what a person is told about a file that cannot be read."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.clean import clean
from index.embed import Embedder
from index.errors import ReadError
from index.files import discover
from index.folder import Index
from index.ingest import ingest
from index.read import MAX_LINE_CHARACTERS, read_source
from index.values import Media

GOOD = (
    "A lighthouse without a keeper\n\n"
    "The lighthouse of Sahilkend has been run by a machine since the spring. Its keeper has gone home with his dog.\n"
)
DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
ALPHABET = "Şəhərdə çay, göl, ığıd və Üzeyir" if DEJAVU.exists() else "In the city a river, a lake and Uzeyir"


def make_pdf(pages: list[list[str]]) -> bytes:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    font = "Helvetica"
    if DEJAVU.exists():
        font = "DejaVuSans"
        pdfmetrics.registerFont(TTFont(font, str(DEJAVU)))
    data = io.BytesIO()
    canvas = Canvas(data)
    for number, lines in enumerate(pages, start=1):
        canvas.setFont(font, 11)
        canvas.drawString(60, 800, "Harbour Bulletin No. 4")
        for i, line in enumerate(lines):
            canvas.drawString(60, 760 - 16 * i, line)
        canvas.drawString(60, 40, f"Page {number} of {len(pages)}")
        canvas.showPage()
    canvas.save()
    return data.getvalue()


def make_docx(*, table: bool = True) -> bytes:
    import docx

    document = docx.Document()
    document.add_heading("Məktəbdə nahar", level=0)
    document.add_paragraph("Beş məktəbdə uşaqlara pulsuz nahar veriləcək.")
    if table:
        rows = document.add_table(rows=2, cols=2)
        for cell, words in zip(
            (c for row in rows.rows for c in row.cells), ("Gün", "Yemək", "Cümə", "Plov"), strict=True
        ):
            cell.text = words
    document.add_paragraph("Qərar sentyabrda qüvvəyə minir.")
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


PDF = make_pdf([["The channel is dredged.", ALPHABET], ["Second page of it.", "Work ends in June."]])
DOCX = make_docx()
HTML = f"""<!doctype html><html><head><title>Rəflər doldu | Sahil Xəbər</title>
<meta property="article:published_time" content="2024-05-17T10:00:00+04:00"></head><body>
<nav><a href="/">Ana səhifə</a> <a href="/sport">İdman xəbərləri</a></nav>
<article><h1>Rəflər doldu</h1><p>{"Qızılçay kitabxanası oxucuları iki il sonra yenə içəri buraxır. " * 3}</p>
<p>{"Sel aparan kitabların yerinə yeniləri gəlib və hamısı rəflərdədir. " * 3}</p></article>
<footer><p>© 2024 Sahil Xəbər. Bütün hüquqlar qorunur.</p><form><button>Abunə ol</button></form></footer>
<script>var tracker = "sel";</script></body></html>"""

BAD = [
    ("empty.txt", b"", "empty.txt: the file is empty; remove it or fetch it again"),
    ("blank.md", b" \n\t\r\n ", "blank.md: the file is empty"),
    (
        "picture.txt",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        "picture.txt: byte 8 is zero, so this is not text but a binary",
    ),
    ("wide.txt", GOOD.encode("utf-16")[:-1], "wide.txt: byte 284 is not UTF-16, which the file says it is; fetch"),
    ("half.pdf", PDF[:200], "half.pdf: not a whole PDF"),
    ("text.pdf", GOOD.encode(), "text.pdf: not a whole PDF"),
    ("half.docx", DOCX[: len(DOCX) // 2], "half.docx: not a whole DOCX file"),
    ("text.docx", GOOD.encode(), "text.docx: not a whole DOCX file"),
    (
        "menu.html",
        b"<html><body><script>var page = 'home';</script></body></html>",
        "menu.html: no article text was found",
    ),
]
BAD_IDS = [name for name, _, _ in BAD]


def zip_without_document() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("readme.txt", "not a document")
    return data.getvalue()


@pytest.mark.parametrize(("name", "data", "message"), BAD, ids=BAD_IDS)
def test_a_bad_file_is_told_by_name_and_remedy(name: str, data: bytes, message: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_source(data, path=name)
    assert str(caught.value).startswith(message)
    assert ";" in str(caught.value)  # what to do stands after it


def test_a_zip_that_is_no_document() -> None:
    with pytest.raises(ReadError, match=r"a\.docx: not a whole DOCX file"):
        read_source(zip_without_document(), path="a.docx")


def test_bad_files_stop_no_other(
    tmp_path: Path, hashing: Embedder, write: Callable[..., Path], content: Callable[[Path], dict]
) -> None:
    docs = write(tmp_path / "docs", {name: data for name, data, _ in BAD})
    write(docs, {"a-good.txt": GOOD, "zz/good.txt": GOOD, "notes.xyz": "no type of ours"})
    report = ingest([docs, tmp_path / "no-such-folder"], tmp_path / "i", embedder=hashing)
    assert report.added == ["a-good.txt", "zz/good.txt"]
    wanted = [f"{tmp_path / 'no-such-folder'}: no such file or folder; check the path"]
    assert report.failures[0] == wanted[0]
    told = sorted(report.failures[1:])
    assert [message.split(":")[0] for message in told] == sorted(BAD_IDS)
    assert report.left_out == [f"{docs / 'notes.xyz'}: files of this type are not read"]
    assert [row[0] for row in content(tmp_path / "i")["sources"]] == ["a-good.txt", "zz/good.txt"]


@pytest.fixture(scope="module")
def long_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long")
    (folder / "a-good.txt").write_text(GOOD)
    (folder / "dump.txt").write_bytes(b"first line\n" + b"word " * 10_000_000)
    (folder / "z-good.txt").write_text(GOOD)
    return folder


def test_a_line_of_50_megabytes(long_line: Path, tmp_path: Path, hashing: Embedder) -> None:
    report = ingest([long_line], tmp_path / "i", embedder=hashing)
    assert report.added == ["a-good.txt", "z-good.txt"]
    assert len(report.failures) == 1
    assert report.failures[0].startswith("dump.txt:2: one line of 50,000,000 characters")


def test_the_longest_line_that_is_read() -> None:
    line = "x" * MAX_LINE_CHARACTERS
    assert read_source(line.encode(), path="a.txt").text == line
    with pytest.raises(ReadError):
        read_source(f"{line}x".encode(), path="a.txt")


def test_a_named_file_of_unknown_type(tmp_path: Path, hashing: Embedder, write: Callable[..., Path]) -> None:
    docs = write(tmp_path / "docs", {"a.rtf": "x", "good.txt": GOOD})
    report = ingest([docs / "a.rtf", docs / "good.txt"], tmp_path / "i", embedder=hashing)
    assert report.added == ["good.txt"]
    assert report.failures == [
        f"{docs / 'a.rtf'}: files of type '.rtf' cannot be read; "
        "convert it to one of .atom .csv .docx .eml .epub .htm .html .jsonl .mbox .md .odt .pdf .pptx .rss .tsv .txt "
        ".warc .warc.gz .xlsx .xml"
    ]


def damaged(data: bytes, flips: list[tuple[int, int]]) -> bytes:
    found = bytearray(data)
    for place, change in flips:
        found[place % len(found)] ^= change
    return bytes(found)


FLIPS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=20)


def read_or_told(data: bytes, path: str) -> None:
    """Read it or raise ReadError; any other exception would end the run over all files."""
    try:
        assert read_source(data, path=path).text
    except ReadError as error:
        assert str(error).startswith(f"{path}:")


@settings(max_examples=150)
@given(flips=FLIPS)
def test_damaged_docx_is_read_or_told(flips: list[tuple[int, int]]) -> None:
    read_or_told(damaged(DOCX, flips), "a.docx")


@given(flips=FLIPS)
def test_damaged_pdf_is_read_or_told(flips: list[tuple[int, int]]) -> None:
    read_or_told(damaged(PDF, flips), "a.pdf")


@given(data=st.binary(max_size=300), suffix=st.sampled_from(["txt", "md", "jsonl", "html", "pdf", "docx"]))
def test_any_bytes_are_read_or_told(data: bytes, suffix: str) -> None:
    read_or_told(data, f"a.{suffix}")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe", b"\xff\xfe \x00\n\x00"])
def test_a_file_of_nothing_but_a_mark_is_empty(mark: bytes) -> None:
    with pytest.raises(ReadError, match=r"a\.txt: the file is empty; remove it or fetch it again"):
        read_source(mark, path="a.txt")


def test_a_file_whose_name_is_no_utf8(tmp_path: Path, hashing: Embedder, write: Callable[..., Path]) -> None:
    docs = write(tmp_path / "docs", {"good.txt": GOOD})
    try:
        Path(os.fsdecode(os.fsencode(docs) + b"/\xcc\xee.txt")).write_text(GOOD)
    except OSError:
        pytest.skip("this file system takes no such names")
    report = ingest([docs], tmp_path / "i", embedder=hashing)
    assert "good.txt" in report.added
    assert len(report.added) + len(report.failures) == 2


# What is kept


@given(text=st.text(min_size=1).filter(lambda t: t.strip() and "\x00" not in t))
def test_text_is_the_file_to_the_character(text: str) -> None:
    for path in ("a.txt", "a.md", "a.jsonl"):
        try:
            data = text.encode()
        except UnicodeEncodeError:
            return
        if not data.strip():
            return
        assert read_source(data, path=path).text == text


def test_a_byte_order_mark_is_a_character_of_the_text(make_index: Callable[..., Index]) -> None:
    index = make_index({"a.txt": b"\xef\xbb\xbf" + GOOD.encode()})
    source = index.source("a.txt")
    assert source.text == "\ufeff" + GOOD
    (stored,) = index.catalog.sources()
    assert stored.documents[0].title == "A lighthouse without a keeper"
    (_, span), *_ = stored.passages
    assert span.of(source.text) == GOOD.splitlines()[-1]


def test_line_ends_are_kept(make_index: Callable[..., Index]) -> None:
    text = GOOD.replace("\n", "\r\n") + "A second line\rwith an old end.\r\n"
    index = make_index({"a.txt": text})
    assert index.source("a.txt").text == text
    (stored,) = index.catalog.sources()
    assert stored.documents[0].title == "A lighthouse without a keeper"


def test_pdf_text_without_running_heads() -> None:
    source = read_source(PDF, path="a.pdf")
    assert source.media is Media.PDF
    assert source.text.count("\f") == 1
    assert ALPHABET in source.text
    cleaned = clean(source)
    kept = [line for d in cleaned.documents for span in d.spans for line in span.of(source.text).split("\n")]
    assert [line.strip() for line in kept if line.strip()] == [
        "The channel is dredged.", ALPHABET, "Second page of it.", "Work ends in June."
    ]  # fmt: skip
    assert [(d.span.of(source.text), d.reason) for d in cleaned.dropped] == [
        ("Harbour Bulletin No. 4", "page header or footer"),
        ("Page 1 of 2", "page header or footer"),
        ("Harbour Bulletin No. 4", "page header or footer"),
        ("Page 2 of 2", "page header or footer"),
    ]


def test_a_pdf_of_pictures() -> None:
    from reportlab.pdfgen.canvas import Canvas

    data = io.BytesIO()
    canvas = Canvas(data)
    canvas.rect(10, 10, 100, 100)
    canvas.save()
    with pytest.raises(ReadError, match=r"a.pdf: the PDF holds no text, only pictures of it; run OCR first"):
        read_source(data.getvalue(), path="a.pdf")


def test_docx_blocks_and_tables() -> None:
    source = read_source(DOCX, path="a.docx")
    assert source.title == "Məktəbdə nahar"
    assert source.text.split("\n\n") == [
        "Məktəbdə nahar",
        "Beş məktəbdə uşaqlara pulsuz nahar veriləcək.",
        "Gün | Yemək\nCümə | Plov",
        "Qərar sentyabrda qüvvəyə minir.",
    ]


def test_html_is_its_article() -> None:
    source = read_source(HTML.encode(), path="a.html")
    (document,) = clean(source).documents
    assert document.date == "2024-05-17"
    assert document.lang == "az"
    assert "Rəflər doldu" in document.title
    kept = "\n".join(span.of(source.text) for span in document.spans)
    assert "Qızılçay kitabxanası oxucuları iki il sonra" in kept
    assert "Sel aparan kitabların yerinə" in kept
    for furniture in ("Ana səhifə", "İdman xəbərləri", "Bütün hüquqlar", "Abunə ol", "tracker"):
        assert furniture not in kept


# Walking folders


def test_a_walk_is_in_one_order_and_leaves_hidden_files(tmp_path: Path, write: Callable[..., Path]) -> None:
    docs = write(
        tmp_path / "docs",
        {
            "b/2.txt": "x",
            "a.txt": "x",
            "b/1.md": "x",
            ".git/config.txt": "x",
            ".hidden.txt": "x",
            "c.TXT": "x",
            "d.py": "",
        },
    )
    found = discover([docs])
    assert [file.name for file in found.files] == ["a.txt", "b/1.md", "b/2.txt", "c.TXT"]
    assert found.ignored == (docs / "d.py",)
    assert found.missing == ()


def test_a_file_is_found_once(tmp_path: Path, write: Callable[..., Path]) -> None:
    docs = write(tmp_path / "docs", {"b/2.txt": "x", "a.txt": "x"})
    found = discover([docs, docs / "b", docs / "a.txt", docs / "b" / ".." / "a.txt"])
    assert [(file.name, file.location) for file in found.files] == [
        ("a.txt", docs / "a.txt"),
        ("b/2.txt", docs / "b" / "2.txt"),
    ]


def test_links_that_lead_back_do_not_hold_the_walk(tmp_path: Path, write: Callable[..., Path]) -> None:
    docs = write(tmp_path / "docs", {"a.txt": "x", "b/c.txt": "x"})
    (docs / "b" / "up").symlink_to(docs)
    (docs / "self").symlink_to(docs / "self")
    found = discover([docs])
    assert [file.name for file in found.files] == ["a.txt", "b/c.txt"]
    assert found.ignored == (docs / "b" / "up", docs / "self")


def test_a_linked_folder_is_not_left_out_in_silence(tmp_path: Path, write: Callable[..., Path]) -> None:
    docs = write(tmp_path / "docs", {"a.txt": "x"})
    write(tmp_path / "elsewhere", {"b.txt": "x"})
    (docs / "link").symlink_to(tmp_path / "elsewhere")
    found = discover([docs])
    assert [file.name for file in found.files] == ["a.txt"]
    assert found.ignored == (docs / "link",)
