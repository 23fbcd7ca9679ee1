"""Sheets and CSV: an article a row where the columns say so, a line a row elsewhere."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.clean import Cleaned, clean
from index.errors import ReadError
from index.formats import Extracted
from index.formats.tables import read_csv, read_xlsx
from index.read import read_source
from index.values import Source


def make_xlsx(sheets: dict[str, list[list[object]]], **properties: str) -> bytes:
    import openpyxl

    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, value in properties.items():
        setattr(workbook.properties, name, value)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    data = io.BytesIO()
    workbook.save(data)
    return data.getvalue()


def parts(extracted: Extracted) -> list[tuple[str, str, str, str]]:
    return [(part.title, part.date, part.author, part.outlet) for part in extracted.parts]


def set_aside(extracted: Extracted) -> list[str]:
    assert {dropped.reason for dropped in extracted.set_aside} <= {"other columns"}
    return [dropped.span.of(extracted.text) for dropped in extracted.set_aside]


ARTICLES = [
    ("id,headline,published_at,body,author,source", "1,A bridge,2024-05-04,It was built.,R. Su,Bulletin"),
    ("id;sərlövhə;tarix;mətn;müəllif;mənbə", "1;A bridge;04.05.2024;It was built.;R. Su;Bulletin"),
    (
        "id\tЗаголовок\tДата публикации\tТекст\tАвтор\tИсточник",
        "1\tA bridge\t4 мая 2024\tIt was built.\tR. Su\tBulletin",
    ),
    ("id|Başlık|Yayın tarihi|Metin|Yazar|Kaynak", "1|A bridge|4 Mayıs 2024|It was built.|R. Su|Bulletin"),
]


@pytest.mark.parametrize(("header", "row"), ARTICLES)
def test_a_table_of_articles(header: str, row: str, check_extracted: Callable[[Extracted], None]) -> None:
    extracted = read_csv(f"{header}\n{row}\n".encode(), "a.csv")
    check_extracted(extracted)
    assert parts(extracted) == [("A bridge", "2024-05-04", "R. Su", "Bulletin")]
    assert extracted.text.startswith("A bridge\n\nIt was built.\n\nid: 1\n")
    assert len(set_aside(extracted)) == 4  # id, date, author, source
    source = read_source(f"{header}\n{row}\n".encode(), path="a.csv")
    (document,) = clean(source).documents
    assert [span.of(source.text) for span in document.body] == ["It was built."]
    assert (document.title, document.date) == ("A bridge", "2024-05-04")


def test_cells_of_articles_keep_their_lines() -> None:
    data = (
        'title,text\r\n"A ""bridge""\nof it","First, a line.\r\n\r\nThen another."\r\n,Only a text\r\nOnly a title,\r\n'
    )
    extracted = read_csv(data.encode(), "a.csv")
    assert [part.span.of(extracted.text) for part in extracted.parts] == [
        'A "bridge" of it\n\nFirst, a line.\n\nThen another.',
        "Only a text",
        "Only a title",
    ]


def test_rows_of_another_table_are_lines() -> None:
    extracted = read_csv("Şəhər,İl,Körpü\nSahilkənd,2022,\nQızılçay,2023,yeni\n".encode(), "a.csv")
    assert extracted.text.split("\n\n") == ["Şəhər: Sahilkənd | İl: 2022", "Şəhər: Qızılçay | İl: 2023 | Körpü: yeni"]
    assert (extracted.parts, extracted.set_aside) == ((), ())


def test_rows_without_a_header() -> None:
    extracted = read_csv(b"1,Sahilkend,714\n2,Qizilcay,12,more\n", "a.csv")
    assert extracted.text.split("\n\n") == ["1 | Sahilkend | 714", "2 | Qizilcay | 12 | more"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_sheets_are_saved_in(encoding: str) -> None:
    data = "Город;Год\nСахилкенд, у моря;2022\nЕнибель, в горах;2023\n".encode(encoding)
    extracted = read_csv(data, "a.csv")
    assert extracted.text.split("\n\n") == [
        "Город: Сахилкенд, у моря | Год: 2022",
        "Город: Енибель, в горах | Год: 2023",
    ]


def test_a_line_for_excel_names_the_delimiter() -> None:
    assert read_csv(b"sep=|\na,b|c,d\ne,f|g,h\n", "a.csv").text == "a,b: e,f | c,d: g,h"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "Bakı\nМосква;1".encode("cp1251", "replace"),
            "a.csv:2: byte 5 (0xcc) is not UTF-8-SIG; save the table as CSV",
        ),
        (b"a,b\n\x00,c\n", "a.csv: holds zero bytes, so this is no table but a binary file; rename it"),
        (b" , ,\n,,\n", "a.csv: the table holds no text; nothing in it can be asked, so leave it out"),
        (
            b'"' + b"word " * 500_000,
            "a.csv: not a table (field larger than field limit (2000000)); save it anew as CSV",
        ),
    ],
)
def test_what_is_no_table(data: bytes, message: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_csv(data, "a.csv")
    assert str(caught.value).startswith(message)


SHEETS: dict[str, list[list[object]]] = {
    "Körpülər": [["Şəhər", "Açılıb", "Metr"], ["Sahilkənd", dt.datetime(2023, 5, 4), 412.0], ["Yenibel", None, 3.5]],
    "Empty": [],
    "Хабәр": [["Заголовок", "Дата", "Текст"], ["Мост", dt.datetime(2024, 5, 4), "Мост построен."]],
}


def test_xlsx(check_extracted: Callable[[Extracted], None]) -> None:
    extracted = read_xlsx(make_xlsx(SHEETS, title="Bridges", creator="openpyxl"), "a.xlsx")
    check_extracted(extracted)
    assert (extracted.title, extracted.author) == ("Bridges", "")
    assert parts(extracted) == [("Körpülər", "", "", ""), ("Мост", "2024-05-04", "", "")]
    assert [part.span.of(extracted.text) for part in extracted.parts] == [
        "Şəhər: Sahilkənd | Açılıb: 2023-05-04 | Metr: 412\n\nŞəhər: Yenibel | Metr: 3.5",
        "Мост\n\nМост построен.\n\nДата: 2024-05-04",
    ]


def test_a_sheet_that_claims_to_be_huge() -> None:
    import zipfile

    small = make_xlsx({"A": [["City", "Year"], ["Sahilkend", 2022]]})
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(small)) as old, zipfile.ZipFile(data, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'<dimension ref="A1:B2"', b'<dimension ref="A1:XFD1048576"'))
    assert data.getvalue() != small
    assert read_xlsx(data.getvalue(), "a.xlsx").text == "City: Sahilkend | Year: 2022"


@settings(max_examples=100)
@given(
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=12),
    cut=st.one_of(st.just(0), st.integers(0, 3000)),
)
def test_damaged_sheets(flips: list[tuple[int, int]], cut: int, check_damaged: Callable[..., None]) -> None:
    check_damaged(read_xlsx, make_xlsx(SHEETS), flips, cut)


CELLS = st.text(alphabet=st.sampled_from('abə1,;|"\n\r\t '), max_size=12)
HEADERS = st.sampled_from(["text", "title", "date", "mətn", "other", "", "1", "text\n"])


@settings(max_examples=200)
@given(
    header=st.lists(HEADERS, min_size=1, max_size=4), rows=st.lists(st.lists(CELLS, max_size=5), min_size=1, max_size=5)
)
def test_every_character_of_a_table_is_kept_or_dropped(
    header: list[str],
    rows: list[list[str]],
    check_extracted: Callable[[Extracted], None],
    check_every_character: Callable[[Source, Cleaned], None],
) -> None:
    import csv

    data = io.StringIO(newline="")
    csv.writer(data).writerows([header, *rows])
    try:
        source = read_source(data.getvalue().encode(), path="a.csv")
    except ReadError:
        return
    check_extracted(read_csv(data.getvalue().encode(), "a.csv"))
    check_every_character(source, clean(source))


@settings(max_examples=200)
@given(data=st.binary(min_size=1, max_size=200))
def test_any_bytes_are_a_table_or_told(data: bytes, check_damaged: Callable[..., None]) -> None:
    check_damaged(read_csv, data, [], 0)


@pytest.mark.parametrize(
    "header",
    [
        "headline;fulltext;pub_date;written_by",
        "Title;Article body;Date of issue;Author name",
        "Başlıq;Tam mətn;Dərc olunma tarixi;Müəllifin adı",
        "Заголовок;Полный текст;Дата выхода;Имя автора",
        "Başlık;Tam metin;Basım tarihi;Yazarın adı",
    ],
)
def test_what_columns_may_be_called(header: str) -> None:
    extracted = read_csv(f"{header}\nA bridge;It was built.;14.05.2022;R. Su\n".encode(), "a.csv")
    (part,) = extracted.parts
    assert (part.title, part.date, part.author) == ("A bridge", "2022-05-14", "R. Su")
