"""DOCX, ODT, PPTX and EPUB: what is text in them and what is not, and that no package fills the memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import ReadError
from index.formats import Extracted
from index.formats.archive import MAX_ENTRIES, MAX_RATIO, RATIO_COUNTS_FROM_BYTES, checked_zip, parse_xml
from index.formats.epub import read_epub
from index.formats.slides import read_pptx
from index.formats.word import read_docx, read_odt


def zipped(files: dict[str, str | bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return data.getvalue()


def with_files(package: bytes, changed: Callable[[str, str], str]) -> bytes:
    """The package with the text of each of its files as `changed(name, text)` gives it."""
    with zipfile.ZipFile(io.BytesIO(package)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    return zipped(
        {
            name: changed(name, content.decode()) if name.endswith((".xml", ".rels", ".opf")) else content
            for name, content in files.items()
        }
    )


def set_aside(extracted: Extracted) -> list[tuple[str, str]]:
    return [(dropped.span.of(extracted.text), dropped.reason) for dropped in extracted.set_aside]


# DOCX


def make_docx(*, heading: str = "Körpü kimə lazımdır", title: str = "", author: str = "Aygün Səlimova") -> bytes:
    import docx

    document = docx.Document()
    document.core_properties.title = title
    document.core_properties.author = author
    document.core_properties.created = datetime(2023, 3, 14, 9, 30)
    if heading:
        document.add_heading(heading, level=1)
    document.add_paragraph("Şəhər şurası bərəni körpü ilə əvəz etmək istəyir.")
    table = document.add_table(rows=2, cols=2)
    for cell, words in zip((c for row in table.rows for c in row.cells), ("İl", "Bərə", "2022", "714"), strict=True):
        cell.text = words
    box = document.add_table(rows=1, cols=1)
    box.cell(0, 0).text = "Bir xana mətni tutur."
    document.add_paragraph("Son söz deyilməyib.")
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


DOCX = make_docx()


def test_docx(check_extracted: Callable[[Extracted], None]) -> None:
    extracted = read_docx(DOCX, "a.docx")
    check_extracted(extracted)
    assert extracted.text.split("\n\n") == [
        "Körpü kimə lazımdır",
        "Şəhər şurası bərəni körpü ilə əvəz etmək istəyir.",
        "İl | Bərə\n2022 | 714",
        "Bir xana mətni tutur.",
        "Son söz deyilməyib.",
    ]
    assert (extracted.title, extracted.date, extracted.author) == (
        "Körpü kimə lazımdır",
        "",  # the day on which it was made is no date of publication
        "Aygün Səlimova",
    )


def test_docx_without_a_heading_has_the_title_of_its_properties() -> None:
    assert read_docx(make_docx(heading="", title="Мост или паром"), "a.docx").title == "Мост или паром"
    assert read_docx(make_docx(heading="", title="Document1"), "a.docx").title == ""


def test_the_template_of_a_library_is_no_evidence() -> None:
    extracted = read_docx(make_docx(author="python-docx"), "a.docx")
    assert (extracted.date, extracted.author) == ("", "")


LONG = {
    "az": "Dəyirman bu il ilk dəfə küləksiz işləyib, çünki uşaqlar qanadları növbə ilə çeviriblər, un isə çatıb.",
    "en": "The depot has planted beans along its fence, and the drivers water them between two shifts every day.",
}


def make_styled_docx(*paragraphs: tuple[str, str]) -> bytes:
    """A DOCX of paragraphs with the names of their styles."""
    import docx

    document = docx.Document()
    for style, words in paragraphs:
        document.add_paragraph(words, style=style or None)
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def make_styled_odt(*paragraphs: tuple[str, str]) -> bytes:
    tags = {
        "Title": '<text:p text:style-name="Title">{}</text:p>',
        "Heading 1": '<text:h text:outline-level="1">{}</text:h>',
        "Heading 2": '<text:h text:outline-level="2">{}</text:h>',
        "": "<text:p>{}</text:p>",
    }
    return make_odt("".join(tags[style].format(words) for style, words in paragraphs))


FIRST, SECOND = "Beans along the fence", "Küləksiz işləyən dəyirman"
H1, H2 = "Heading 1", "Heading 2"


@pytest.mark.parametrize(("read", "make"), [(read_docx, make_styled_docx), (read_odt, make_styled_odt)])
@pytest.mark.parametrize(
    ("paragraphs", "titles"),
    [
        ([(H1, FIRST), ("", LONG["en"]), (H1, SECOND), ("", LONG["az"])], [FIRST, SECOND]),
        ([("Title", FIRST), ("", LONG["en"]), ("Title", SECOND), ("", LONG["az"])], [FIRST, SECOND]),
        ([("", "Oakmere Digest"), (H1, FIRST), ("", LONG["en"]), (H1, SECOND), ("", LONG["az"])], [FIRST, SECOND]),
        (
            [("Title", "Digest"), (H1, "Beans"), ("", "By Ann Su"), ("", LONG["en"]), (H1, SECOND), ("", "5 may 2024"),
             ("", LONG["az"])],
            ["Beans", SECOND],
        ),
        (
            [("", "Clippings"), (H2, "Beans"), ("", "The Post, 3 Feb 2025, p. 4"), ("", LONG["en"]), (H2, SECOND),
             ("", "Gilavar, 4 fevral 2025"), ("", LONG["az"])],
            ["Beans", SECOND],
        ),
        (
            [("Title", "OAKMERE"), ("", "Monthly bulletin, issue 33"), (H2, FIRST), ("", LONG["en"]), (H2, SECOND),
             ("", LONG["az"])],
            [FIRST, SECOND],
        ),
        # sections of one article
        ([("", "Annual report"), (H2, FIRST), ("", LONG["en"]), (H2, SECOND), ("", LONG["az"])], []),
        ([("Title", FIRST), (H1, FIRST), ("", LONG["en"]), (H1, SECOND), ("", LONG["az"])], []),
        ([(H1, "Introduction"), ("", LONG["en"]), (H1, "Results"), ("", LONG["az"])], []),
        ([(H1, "1. " + FIRST), ("", LONG["en"]), (H1, "2. " + SECOND), ("", LONG["az"])], []),
        ([("", LONG["az"]), (H1, FIRST), ("", LONG["en"]), (H1, SECOND), ("", LONG["az"])], []),
        ([(H1, FIRST), (H1, SECOND), ("", LONG["az"])], []),
        ([(H1, FIRST), ("", LONG["en"]), (H2, SECOND), ("", LONG["az"])], []),
    ],
)  # fmt: skip
def test_the_articles_of_a_newsletter(
    read: Callable[[bytes, str], Extracted],
    make: Callable[..., bytes],
    paragraphs: list[tuple[str, str]],
    titles: list[str],
) -> None:
    extracted = read(make(*paragraphs), "a")
    assert [part.title for part in extracted.parts] == titles
    for part, title in zip(extracted.parts, titles, strict=True):
        assert part.span.of(extracted.text).startswith(title)


def run(words: str) -> str:
    return f"<w:r><w:t>{words}</w:t></w:r>"


def in_body(paragraphs: str) -> bytes:
    return with_files(DOCX, lambda name, text: text.replace("<w:sectPr", f"{paragraphs}<w:sectPr", 1))


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        (f"<w:p>{run('Old ')}<w:ins>{run('and new')}</w:ins></w:p>", "Old and new"),
        ("<w:p><w:del><w:r><w:delText>Gone</w:delText></w:r></w:del><w:r><w:t>Kept</w:t></w:r></w:p>", "Kept"),
        (f"<w:sdt><w:sdtContent><w:p>{run('In a control')}</w:p></w:sdtContent></w:sdt>", "In a control"),
        (f"<w:p><w:hyperlink>{run('A link')}</w:hyperlink>{run(' to it')}</w:p>", "A link to it"),
        ("<w:p><w:r><w:t>One</w:t><w:br/><w:t>two</w:t><w:tab/><w:t>three</w:t></w:r></w:p>", "One\ntwo\tthree"),
        ("<w:p><w:r><w:t>Nagorno</w:t><w:noBreakHyphen/><w:t>Karabakh</w:t></w:r></w:p>", "Nagorno-Karabakh"),
        (
            f"<w:p>{run('Beside')}<w:r><w:pict><w:txbxContent><w:p>{run('A box')}</w:p></w:txbxContent></w:pict></w:r>"
            "</w:p>",
            "Beside\n\nA box",
        ),
    ],
)
def test_what_is_text_in_docx(markup: str, words: str) -> None:
    assert read_docx(in_body(markup), "a.docx").text.endswith(f"Son söz deyilməyib.\n\n{words}")


def test_a_table_of_contents_is_set_aside() -> None:
    toc = f'<w:p><w:pPr><w:pStyle w:val="TOC1"/></w:pPr>{run("Chapter one 4")}</w:p>'
    assert set_aside(read_docx(in_body(toc), "a.docx")) == [("Chapter one 4", "table of contents")]


def test_notes_of_docx_stand_at_its_end() -> None:
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    notes = f"""<w:footnotes xmlns:w="{namespace}"><w:footnote w:type="separator" w:id="0"><w:p>{run("---")}</w:p>
      </w:footnote><w:footnote w:id="1"><w:p>{run("As the minutes say.")}</w:p></w:footnote></w:footnotes>"""
    link = (
        '<Relationship Id="rIdN" Target="footnotes.xml" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"/></Relationships>'
    )
    data = with_files(
        DOCX,
        lambda name, text: text.replace("</Relationships>", link) if name == "word/_rels/document.xml.rels" else text,
    )
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        data = zipped({**{name: package.read(name) for name in package.namelist()}, "word/footnotes.xml": notes})
    assert read_docx(data, "a.docx").text.endswith("Son söz deyilməyib.\n\nAs the minutes say.")


# ODT

ODT_BODY = """<text:tracked-changes><text:changed-region><text:deletion><text:p>Gone</text:p></text:deletion>
  </text:changed-region></text:tracked-changes>
  <text:table-of-content><text:index-body><text:p>Köprü 1</text:p></text:index-body></text:table-of-content>
  <text:h text:outline-level="1">Köprü kime gerek</text:h>
  <text:p>Meclis<text:s/><text:span>vapuru</text:span> kaldırıyor.<text:note><text:note-citation>1</text:note-citation>
  <text:note-body><text:p>Tutanağa göre.</text:p></text:note-body></text:note> Henüz değil.</text:p>
  <text:list><text:list-item><text:p>Birinci</text:p></text:list-item><text:list-item><text:p>İkinci</text:p>
  </text:list-item></text:list>
  <table:table><table:table-row><table:table-cell><text:p>Yıl</text:p></table:table-cell><table:table-cell>
  <text:p>Sefer</text:p></table:table-cell></table:table-row></table:table>"""


def make_odt(body: str = ODT_BODY) -> bytes:
    uri = "urn:oasis:names:tc:opendocument:xmlns"
    names = f'xmlns:office="{uri}:office:1.0" xmlns:text="{uri}:text:1.0" xmlns:table="{uri}:table:1.0"'
    meta = f"""<office:document-meta {names} xmlns:meta="{uri}:meta:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/">
      <office:meta><meta:initial-creator>Nalan Su</meta:initial-creator><dc:title>Taslak</dc:title>
      <meta:creation-date>2022-11-02T10:00:00</meta:creation-date></office:meta></office:document-meta>"""
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {names}><office:body><office:text>{body}</office:text>"
            "</office:body></office:document-content>",
            "meta.xml": meta,
            "META-INF/manifest.xml": "<manifest/>",
        }
    )


def test_odt(check_extracted: Callable[[Extracted], None]) -> None:
    extracted = read_odt(make_odt(), "a.odt")
    check_extracted(extracted)
    assert extracted.text.split("\n\n") == [
        "Köprü 1", "Köprü kime gerek", "Meclis vapuru kaldırıyor. Henüz değil.", "Birinci", "İkinci", "Yıl | Sefer",
        "Tutanağa göre.",
    ]  # fmt: skip
    assert set_aside(extracted) == [("Köprü 1", "table of contents")]
    assert (extracted.title, extracted.date, extracted.author) == ("Köprü kime gerek", "", "Nalan Su")


def test_odt_with_a_password() -> None:
    data = with_files(make_odt(), lambda name, text: text.replace("<manifest/>", "<m><encryption-data/></m>"))
    with pytest.raises(ReadError, match=r"a\.odt: has a password; save it without one"):
        read_odt(data, "a.odt")


@pytest.mark.parametrize(("read", "data"), [(read_odt, make_odt("<text:p> </text:p>"))])
def test_documents_without_text(read: Callable[[bytes, str], Extracted], data: bytes) -> None:
    with pytest.raises(ReadError, match=r"a\.odt: the document holds no text; if it holds pictures of text, run OCR"):
        read(data, "a.odt")


# PPTX


def make_pptx() -> bytes:
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    deck.core_properties.author = "Пётр Мостовой"
    deck.core_properties.created = datetime(2020, 2, 29)
    first = deck.slides.add_slide(deck.slide_layouts[1])
    box = first.shapes.add_textbox(Inches(1), Inches(1), Inches(4), Inches(1))
    box.text_frame.text = "Сбоку"
    assert first.shapes.title is not None
    first.shapes.title.text = "Мост или паром"
    first.placeholders[1].text = "Первый довод\nВторой довод"
    first.notes_slide.notes_text_frame.text = "Сказать про рыбу."
    second = deck.slides.add_slide(deck.slide_layouts[6])
    table = second.shapes.add_table(2, 2, Inches(1), Inches(1), Inches(4), Inches(1)).table
    for i, words in enumerate(("Год", "Рейсы", "2022", "714")):
        table.cell(i // 2, i % 2).text = words
    deck.slides.add_slide(deck.slide_layouts[6])
    data = io.BytesIO()
    deck.save(data)
    return data.getvalue()


PPTX = make_pptx()


def test_pptx(check_extracted: Callable[[Extracted], None]) -> None:
    extracted = read_pptx(PPTX, "a.pptx")
    check_extracted(extracted)
    assert extracted.text.split("\f") == [
        "Мост или паром\n\nПервый довод\nВторой довод\n\nСбоку\n\nСказать про рыбу.",
        "Год | Рейсы\n2022 | 714",
        "",
    ]
    assert [extracted.text[start:][:3] for start in extracted.pages] == ["Мос", "Год", ""]
    assert (extracted.title, extracted.date, extracted.author) == ("Мост или паром", "", "Пётр Мостовой")


def test_slide_numbers_and_footers_are_set_aside() -> None:
    footer = """<p:sp><p:nvSpPr><p:cNvPr id="90" name="f"/><p:cNvSpPr/><p:nvPr><p:ph type="ftr"/></p:nvPr></p:nvSpPr>
      <p:spPr/><p:txBody><a:bodyPr/><a:p><a:r><a:t>Sahilkənd 2020</a:t></a:r></a:p></p:txBody></p:sp></p:spTree>"""
    data = with_files(
        PPTX, lambda name, text: text.replace("</p:spTree>", footer) if name.startswith("ppt/slides/slide1") else text
    )
    assert set_aside(read_pptx(data, "a.pptx")) == [("Sahilkənd 2020", "page header or footer")]


# EPUB

CHAPTERS = {
    "nav.xhtml": "<nav><ol><li><a href='one.xhtml'>One</a></li><li>Two</li></ol></nav>",
    "one.xhtml": "<h1>The ferry</h1><p>It crossed the bay&nbsp;twice&#8212;a day.</p><p>And then<br/>it stopped.</p>",
    "two.xhtml": "<h2>Körpü</h2><table><tr><td>İl</td><td>714</td></tr></table><script>var a = 1;</script>",
}


def make_epub(chapters: dict[str, str] | None = None, extra: dict[str, str] | None = None) -> bytes:
    chapters = CHAPTERS if chapters is None else chapters
    properties = {"nav.xhtml": 'properties="nav"'}
    items = "".join(f'<item id="{name[:3]}" href="text/{name}" {properties.get(name, "")}/>' for name in CHAPTERS)
    spine = "".join(f'<itemref idref="{name[:3]}"/>' for name in CHAPTERS)
    page = '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head>'
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfile full-path="OEBPS/book.opf"/></container>',
            "OEBPS/book.opf": '<package xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="urn:opf">'
            "<metadata><dc:title>Ferries of the bay</dc:title><dc:creator>R. Quliyev</dc:creator><dc:creator>A. Su"
            '</dc:creator><dc:date opf:event="modification">2024-01-01</dc:date><dc:date>2019-06-01</dc:date>'
            "</metadata>"
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
            **{
                f"OEBPS/text/{name}": f"{page}<title>x</title></head><body>{body}</body></html>"
                for name, body in chapters.items()
            },
            **(extra or {}),
        }
    )


def test_epub(check_extracted: Callable[[Extracted], None]) -> None:
    extracted = read_epub(make_epub(), "a.epub")
    check_extracted(extracted)
    assert extracted.text.split("\n\n") == [
        "One\nTwo", "The ferry", "It crossed the bay\N{NO-BREAK SPACE}twice—a day.", "And then\nit stopped.", "Körpü",
        "İl | 714",
    ]  # fmt: skip
    assert set_aside(extracted) == [("One\nTwo", "table of contents")]
    assert [(part.title, part.date, part.author) for part in extracted.parts] == [
        ("The ferry", "2019-06-01", "R. Quliyev, A. Su"),
        ("Körpü", "2019-06-01", "R. Quliyev, A. Su"),
    ]
    assert extracted.parts[1].span.of(extracted.text) == "Körpü\n\nİl | 714"
    assert (extracted.title, extracted.date) == ("Ferries of the bay", "2019-06-01")


def test_a_chapter_that_is_missing_stops_no_other() -> None:
    extracted = read_epub(make_epub({"two.xhtml": "<p>Only this & that <b>was left"}), "a.epub")
    assert extracted.text == "Only this & that was left"
    assert [problem.split(" cannot be read ")[0] for problem in extracted.problems] == [
        "a.epub: OEBPS/text/nav.xhtml",
        "a.epub: OEBPS/text/one.xhtml",
    ]


def test_a_locked_book() -> None:
    lock = '<encryption><CipherReference URI="OEBPS/text/one.xhtml"/></encryption>'
    with pytest.raises(ReadError, match=r"a\.epub: is locked to a reading program; get a copy without DRM"):
        read_epub(make_epub(extra={"META-INF/encryption.xml": lock}), "a.epub")


# What a package may do


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zipped({"word/document.xml": b" " * (RATIO_COUNTS_FROM_BYTES + 1)})
    assert RATIO_COUNTS_FROM_BYTES / len(bomb) > MAX_RATIO
    with pytest.raises(ReadError, match=r"a\.docx: would unpack from [0-9,]+ to 10,485,761 bytes"):
        read_docx(bomb, "a.docx")
    large = io.BytesIO(zipped({"word/document.xml": b" " * RATIO_COUNTS_FROM_BYTES}))
    checked_zip(large, "a.docx", kind="DOCX file")


def test_a_package_of_too_many_files() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as package:
        for i in range(MAX_ENTRIES + 1):
            package.writestr(str(i), b"")
    with pytest.raises(ReadError, match=r"a\.odt: holds 20,001 files, at most 20,000 are read"):
        read_odt(data.getvalue(), "a.odt")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "one with a password or of before 2007; save it anew"),
        (b"plain text", "not a whole DOCX file (BadZipFile"),
        (zipped({"readme.txt": "x"}), "not a whole DOCX file (KeyError"),
        (zipped({}), "not a whole DOCX file (KeyError"),
    ],
)
def test_what_is_no_package(data: bytes, message: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_docx(data, "a.docx")
    assert str(caught.value).startswith("a.docx: ")
    assert message in str(caught.value)


def test_a_package_with_a_password() -> None:
    data = bytearray(zipped({"word/document.xml": b"x"}))
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ReadError, match=r"a\.docx: has a password; save it without one"):
        read_docx(bytes(data), "a.docx")


def test_no_entity_is_expanded_and_nothing_read_from_outside(tmp_path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    root = parse_xml(
        f'<!DOCTYPE r [<!ENTITY a "told"><!ENTITY s SYSTEM "{secret.as_uri()}">]><r>before &a; &s; after</r>'.encode()
    )
    assert "".join(t for t in root.itertext() if not t.startswith("&")).split() == ["before", "after"]


READERS = {
    "docx": (read_docx, DOCX),
    "odt": (read_odt, make_odt()),
    "pptx": (read_pptx, PPTX),
    "epub": (read_epub, make_epub()),
}


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=80)
@given(
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=20),
    cut=st.one_of(st.just(0), st.integers(0, 3000)),
)
def test_damaged_packages(
    kind: str, flips: list[tuple[int, int]], cut: int, check_damaged: Callable[..., None]
) -> None:
    check_damaged(*READERS[kind], flips, cut)


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=80)
@given(flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=6))
def test_packages_of_damaged_files(kind: str, flips: list[tuple[int, int]], check_damaged: Callable[..., None]) -> None:
    read, data = READERS[kind]
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        files = {name: bytearray(package.read(name)) for name in package.namelist()}
    # A checksum would find the damage first: here it is in the files that were packed.
    names = [name for name in files if name.endswith((".xml", ".xhtml", ".rels", ".opf"))]
    for place, change in flips:
        found = files[names[place % len(names)]]
        found[place // len(names) % len(found)] ^= change
    check_damaged(read, zipped({name: bytes(content) for name, content in files.items()}), [], 0)
