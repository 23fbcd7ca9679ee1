"""XLSX, CSV and TSV: a table of articles becomes an article a row; any other table a line a row.

A table of articles is one whose first row names a column of text, in any of our languages.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from index.dates import stated_date
from index.errors import ReadError
from index.formats import Extracted
from index.formats.archive import properties, unpacking
from index.formats.text import TextBuilder, named, one_line, storable
from index.said import said
from index.values import DroppedSpan, Part, Span

# What people call the columns, case aside, the likeliest first: en, az, ru, tr.
_TEXT = "text|body|content|article|article text|article body|full text|fulltext|story|mətn|məqalə|məzmun|текст|"
_TEXT += "текст статьи|полный текст|tam mətn|xəbər mətni|məqalənin mətni|tam metin|"
_TEXT += "содержание|статья|metin|haber metni|içerik|makale"
_TITLE = "title|headline|heading|subject|başlıq|sərlövhə|заголовок|название|тема|başlık|manşet"
_DATE = "published|published at|publication date|pubdate|pub date|date|day|time|dərc tarixi|tarix|дата публикации|дата|"
_DATE += "опубликовано|yayın tarihi|tarih"
_AUTHOR = "author|byline|writer|written by|by|müəllif|yazan|автор|yazar"
_OUTLET = "outlet|source|publisher|newspaper|site|mənbə|qəzet|nəşr|источник|издание|газета|kaynak|gazete"

# Where no column has such a name, one that has such a word in it: "date of issue", "имя автора".
_SAYS = {
    "date": re.compile(r"\b(?:date|tarixi?|дата|tarihi?)\b"),
    "author": re.compile(r"\b(?:author|автора?|müəllifi?n?|yazarı?n?)\b"),
}
_NEVER = re.compile(r"(?!)")

_DELIMITERS = ",;\t|"
_SNIFFED_ROWS = 50
_MOST_CELL_CHARACTERS = 2_000_000


def read_csv(data: bytes, path: str) -> Extracted:
    """The rows of a CSV or TSV file, in UTF-8 or, as Excel writes it, UTF-16. Raises ReadError."""
    text = _decode(data, path)
    csv.field_size_limit(_MOST_CELL_CHARACTERS)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        other = "{file}: not a table ({why}); save it anew as CSV, or as .txt if it is text"
        raise ReadError(said("no_table", other, file=path, why=str(error))) from error
    if text.startswith("sep="):  # a line for Excel alone
        rows = rows[1:]
    return _extracted([("", rows)], path)


def read_xlsx(data: bytes, path: str) -> Extracted:
    """The sheets of a workbook, formulas by the values they had when it was saved. Raises ReadError."""
    with unpacking(data, path, kind="XLSX file") as package:
        import openpyxl

        workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheets: list[tuple[str, list[list[str]]]] = []
        for sheet in workbook.worksheets:
            sheet.reset_dimensions()  # what a file says of its size need not be so
            rows = ([_cell(value) for value in row] for row in sheet.iter_rows(values_only=True))
            sheets.append((one_line(sheet.title), [row for row in rows if any(row)]))
        told = properties(package, "docProps/core.xml")
    return _extracted(sheets, path, title=named(told.get("title")), author=named(told.get("creator")))


def _cell(value: object) -> str:
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def _extracted(sheets: list[tuple[str, list[list[str]]]], path: str, *, title: str = "", author: str = "") -> Extracted:
    text = TextBuilder()
    parts: list[Part] = []
    set_aside: list[DroppedSpan] = []
    for name, rows in sheets:
        rows = [[storable(cell).strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
        if not rows:
            continue
        columns = _columns(rows[0])
        if "text" in columns.values():
            for row in rows[1:]:
                _add_article(text, parts, set_aside, rows[0], columns, row)
        else:
            spans = [text.add(line) for line in _row_lines(rows)]
            if name and spans:
                parts.append(Part(Span(spans[0].start, spans[-1].end), title=name))
    if not text.text().strip():
        empty = "{file}: the table holds no text; nothing in it can be asked, so leave it out"
        raise ReadError(said("empty_table", empty, file=path))
    return Extracted(text.text(), title, "", author, "", tuple(parts), tuple(set_aside))


def _columns(header: list[str]) -> dict[int, str]:
    """What the columns hold of an article: the field of each place, each field once."""
    names = [one_line(cell.replace("_", " ")).casefold() for cell in header]
    fields: dict[int, str] = {}
    for field, known in (("text", _TEXT), ("title", _TITLE), ("date", _DATE), ("author", _AUTHOR), ("outlet", _OUTLET)):
        for name in known.casefold().split("|"):
            if name in names and names.index(name) not in fields:
                fields[names.index(name)] = field
                break
        else:
            names_it = _SAYS.get(field, _NEVER)
            place = next((i for i, name in enumerate(names) if i not in fields and names_it.search(name)), -1)
            if place >= 0:
                fields[place] = field
    return fields


def _add_article(
    text: TextBuilder,
    parts: list[Part],
    set_aside: list[DroppedSpan],
    header: list[str],
    columns: dict[int, str],
    row: list[str],
) -> None:
    """A row as an article: its title, its text, and the other columns, which are set aside."""
    told = {field: row[place] for place, field in columns.items() if place < len(row)}
    title, words = one_line(told.get("title", "")), told.get("text", "")
    others = [
        f"{header[place]}: {one_line(cell)}" if place < len(header) else one_line(cell)
        for place, cell in enumerate(row)
        if cell and columns.get(place) not in ("title", "text")
    ]
    spans = [text.add(block) for block in (title, words) if block]
    for i, line in enumerate(others):
        spans.append(text.add(line, gap="\n" if i else "\n\n"))
        set_aside.append(DroppedSpan(spans[-1], "other columns"))
    parts.append(
        Part(
            Span(spans[0].start, spans[-1].end),
            title=title,
            date=stated_date(told.get("date", "")),
            author=one_line(told.get("author", "")),
            outlet=one_line(told.get("outlet", "")),
        )
    )


def _row_lines(rows: list[list[str]]) -> Iterator[str]:
    """Each row as a line, its cells by the names of their columns if the first row is names."""
    header = [one_line(cell) for cell in rows[0]]
    named_columns = len(rows) > 1 and len(header) > 1 and len(set(header)) == len(header) and _are_names(header)
    for row in rows[1:] if named_columns else rows:
        cells = [one_line(cell) for cell in row]
        if named_columns:
            names = [f"{name}: " if name else "" for name in header] + [""] * len(cells)
            cells = [name + cell for name, cell in zip(names, cells, strict=False) if cell]
        yield " | ".join(cell for cell in cells if cell)


def _are_names(cells: Iterable[str]) -> bool:
    return all(any(c.isalpha() for c in cell) and len(cell) <= 60 for cell in cells)


def _decode(data: bytes, path: str) -> str:
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ReadError(
            said(
                "table_encoding",
                "{file}:{line}: byte {place} (0x{byte:02x}) is not {encoding}; save the table as CSV UTF-8",
                file=path,
                line=line,
                place=error.start,
                byte=data[error.start],
                encoding=encoding.upper(),
            )
        ) from error
    if "\x00" in text:
        binary = "{file}: holds zero bytes, so this is no table but a binary file; rename it to what it is"
        raise ReadError(said("binary", binary, file=path))
    return text


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first rows into the same number of columns most often, and into most of them."""
    if text[:4] == "sep=" and text[4:5] in _DELIMITERS:
        return text[4]
    best: tuple[float, int, str] = (0, 0, ",")
    for delimiter in _DELIMITERS:
        try:
            rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            sizes = Counter(len(row) for row, _ in zip(rows, range(_SNIFFED_ROWS), strict=False) if row)
        except csv.Error:
            continue
        (size, times), *_ = sizes.most_common(1) or [(0, 0)]
        if size > 1:
            best = max(best, (times / sizes.total(), size, delimiter))
    return best[2]
