"""PDF: text in reading order, without the marks that paper needs: columns, running heads, broken words.

What is read is where each character stands on its page. From that follow the columns, the paragraphs (parted by a
blank line where the lines stand clearly further apart), and which lines pages repeat at the same height.
"""

from __future__ import annotations

import ctypes
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from index.dates import publication
from index.errors import ReadError
from index.formats import Extracted
from index.formats.text import TextBuilder, named
from index.said import said
from index.values import DroppedSpan

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

# All of these are in heights of a letter with its line's ascent and descent, about 1.2 times the font size.
_GAP = 0.8  # between two words: more than this is perhaps a gutter
_PARAGRAPH_STEP = 1.35  # from line to line, in usual steps: more than this parts paragraphs
_LARGEST_STEP = 1.9  # a usual step is never more than this
_OTHER_SIZE = 0.15  # heights that differ by more of the larger one are of another size of letters
_HEADLINE = 1.2  # a headline is at least so much larger than the usual letter

_FEWEST_COLUMN_LINES = 4
_COLUMN_CHARACTERS = 15  # a column's usual line has more; the cells of a table have fewer
_ALIGNED_POINTS = 4

_EDGE_LINES = 3  # at the top and at the bottom of a page, that may be running
_SAME_HEIGHT_POINTS = 3
_RUNNING = "page header or footer"

_BREAKING = "\ufffe"  # stands for a hyphen at which pdfium says that a line breaks
_HYPHENS = f"-\u00ad\u2010{_BREAKING}"
_COMPOUND = re.compile(r"\w+-\w+")
_ROMAN = re.compile(r"(?i)(x{0,3})(ix|iv|v?i{0,3})")

_TITLE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, or a piece of one with a wide gap at its side. Places are in points from the page's lower left."""

    text: str
    left: float
    right: float
    bottom: float
    top: float

    @property
    def height(self) -> float:
        return self.top - self.bottom


@dataclass(frozen=True, slots=True)
class _Page:
    head: tuple[_Line, ...]
    body: tuple[_Line, ...]
    foot: tuple[_Line, ...]


def read_pdf(data: bytes, path: str) -> Extracted:
    """The text of a PDF, pages parted by form feeds. Raises ReadError.

    A word that is broken over two lines, columns or pages stands whole on the first. Its title is the headline of the
    first page, or what its metadata say; its date is that of the running heads, where the text names none.
    """
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        broken = "{file}: not a whole PDF ({why}); fetch the file again, or remove its password"
        raise ReadError(said("broken_pdf", broken, file=path, why=str(error))) from error
    try:
        pieces, pictures, broken = _read_pages(pdf)
        metadata = pdf.get_metadata_dict()
    finally:
        pdf.close()
    if not any(pieces):
        if broken:
            unreadable = "{file}: page {pages} cannot be read; fetch the file again"
            raise ReadError(said("pages_unreadable", unreadable, file=path, pages=str(broken[0])))
        empty = "{file}: the PDF holds no text, only pictures of it; run OCR first, such as ocrmypdf"
        raise ReadError(said("no_text", empty, file=path))
    problems = []
    if broken:
        unreadable = "{file}: pages {pages} cannot be read; fetch the file again"
        problems.append(said("pages_unreadable", unreadable, file=path, pages=_numbers(broken)))
    if pictures:
        drawn = "{file}: pages {pages} hold pictures and no text; run OCR first, such as ocrmypdf --skip-text"
        problems.append(said("pages_of_pictures", drawn, file=path, pages=_numbers(pictures)))
    return _extracted(_rejoin_words(_in_reading_order(pieces)), metadata, tuple(problems))


def _read_pages(pdf: PdfDocument) -> tuple[list[list[_Line]], list[int], list[int]]:
    """The pieces of each page as drawn; the numbers of pages that are pictures, and of those that cannot be read."""
    import pypdfium2

    pages: list[list[_Line]] = []
    pictures: list[int] = []
    broken: list[int] = []
    for number in range(1, len(pdf) + 1):
        pages.append([])
        try:
            page = pdf[number - 1]
            pages[-1].extend(_pieces(page))
            if not pages[-1] and next(page.get_objects([pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]), None):
                pictures.append(number)
            page.close()
        except pypdfium2.PdfiumError:
            broken.append(number)
    return pages, pictures, broken


def _pieces(page: PdfPage) -> Iterator[_Line]:
    """Lines as pdfium tells them, cut at wide gaps, in the order in which they are drawn."""
    import pypdfium2.raw as pdfium

    textpage = page.get_textpage()
    box = pdfium.FS_RECTF()
    characters: list[str] = []
    boxes: list[tuple[float, float]] = []  # bottom and top
    left = right = 0.0

    def line() -> _Line:
        bottom, top = statistics.median_low(boxes)
        # Characters beyond the first plane may come as the two halves that UTF-16 has for them.
        text = "".join(characters).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return _Line(text.replace("\x00", "\N{REPLACEMENT CHARACTER}").strip(), left, right, bottom, top)

    for i in range(pdfium.FPDFText_CountChars(textpage)):
        character = chr(min(pdfium.FPDFText_GetUnicode(textpage, i), 0x10FFFF))
        if character == "\x02" and pdfium.FPDFText_IsHyphen(textpage, i):
            character = _BREAKING  # and no newline follows it
        if character.isspace() and character not in "\r\n":
            characters.append(character)
            continue
        ended = character in "\r\n" or characters[-1:] == [_BREAKING]
        if character not in "\r\n":
            pdfium.FPDFText_GetLooseCharBox(textpage, i, ctypes.byref(box))
            height = box.top - box.bottom
            ended = ended or box.left - right > _GAP * height or box.left < right - 2 * height
        if ended and boxes:
            yield line()
        if ended:
            characters, boxes = [], []
        if character not in "\r\n":
            left, right = (min(left, box.left), max(right, box.right)) if boxes else (box.left, box.right)
            characters.append(character)
            boxes.append((box.bottom, box.top))
    if boxes:
        yield line()


def _in_reading_order(pages: list[list[_Line]]) -> list[_Page]:
    ordered = []
    for page, running in zip(pages, _running(pages), strict=True):
        edges = [page[i] for i in sorted(running)]
        middle = (max((line.top for line in page), default=0) + min((line.bottom for line in page), default=0)) / 2
        ordered.append(
            _Page(
                head=tuple(_joined([line for line in edges if line.bottom >= middle])),
                body=tuple(_joined(_by_columns([line for i, line in enumerate(page) if i not in running]))),
                foot=tuple(_joined([line for line in edges if line.bottom < middle])),
            )
        )
    return ordered


def _running(pages: list[list[_Line]]) -> list[set[int]]:
    """Which lines of each page stand at its top or bottom, and at the same height on a page near by.

    Near by is the next page, or the one after, since left and right pages may have different ones.
    """
    edges: list[list[int]] = []
    for page in pages:
        from_top = sorted(range(len(page)), key=lambda i: -page[i].top)
        edges.append(sorted({*from_top[:_EDGE_LINES], *from_top[-_EDGE_LINES:]}))
    return [
        {
            i
            for i in edges[number]
            if any(
                _same_but_for_page_number(page[i], pages[other][j], other - number)
                for other in (number - 2, number - 1, number + 1, number + 2)
                if 0 <= other < len(pages)
                for j in edges[other]
            )
        }
        for number, page in enumerate(pages)
    ]


def _same_but_for_page_number(one: _Line, other: _Line, pages_apart: int) -> bool:
    if abs(one.bottom - other.bottom) > _SAME_HEIGHT_POINTS:
        return False
    mine, others = _words_and_numbers(one.text), _words_and_numbers(other.text)
    return len(mine) == len(others) and all(
        a == b or (isinstance(a, int) and isinstance(b, int) and b - a == pages_apart)
        for a, b in zip(mine, others, strict=True)
    )


def _words_and_numbers(text: str) -> list[str | int]:
    if text and (roman := _ROMAN.fullmatch(text)):
        ones = {"": 0, "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9}
        return [10 * len(roman[1]) + ones[roman[2].lower()]]
    return [int(word) if re.fullmatch(r"[0-9]{1,9}", word) else word for word in re.split(r"([0-9]+)", text)]


def _by_columns(lines: list[_Line]) -> list[_Line]:
    """`lines` column by column, or as they are drawn if the page has no columns.

    A line across the gutter ends the columns above it.
    """
    gutter = _gutter(lines)
    if gutter is None:
        return lines
    across = [line for line in lines if line.left < gutter < line.right]
    ordered: list[_Line] = []
    bands: dict[int, tuple[list[_Line], list[_Line], list[_Line]]] = {}
    for line in lines:
        above = sum(other.bottom > line.bottom for other in across)
        left, right, whole = bands.setdefault(above, ([], [], []))
        (left if line.right <= gutter else right if line.left >= gutter else whole).append(line)
    for _, (left, right, whole) in sorted(bands.items()):
        ordered += _by_columns(left) + _by_columns(right) + whole
    return ordered


def _gutter(lines: list[_Line]) -> float | None:
    """Where a second column begins, in points from the left, or None."""
    starts = Counter(round(line.left / _ALIGNED_POINTS) for line in lines)
    best: tuple[int, float] = (0, 0.0)
    for start, times in starts.items():
        if times < _FEWEST_COLUMN_LINES:
            continue
        x = min(line.left for line in lines if round(line.left / _ALIGNED_POINTS) == start) - 0.5
        left = [line for line in lines if line.right <= x]
        right = [line for line in lines if line.left >= x]
        fewest = min(len(left), len(right))
        if (
            fewest >= _FEWEST_COLUMN_LINES
            and len(lines) <= 2 * (len(left) + len(right))
            and all(statistics.median(len(line.text) for line in side) > _COLUMN_CHARACTERS for side in (left, right))
            and _beside(left, right) >= _FEWEST_COLUMN_LINES
            and (fewest, -x) > best
        ):
            best = (fewest, -x)
    return -best[1] if best[0] else None


def _beside(left: list[_Line], right: list[_Line]) -> int:
    """How many lines of one column stand at the height of lines of the other."""
    top = min(max(line.top for line in side) for side in (left, right))
    bottom = max(min(line.bottom for line in side) for side in (left, right))
    return min(sum(bottom <= line.bottom and line.top <= top for line in side) for side in (left, right))


def _joined(pieces: list[_Line]) -> list[_Line]:
    """Pieces that follow each other on one line, such as the cells of a row, as that line."""
    lines: list[_Line] = []
    for piece in pieces:
        last = lines[-1] if lines else None
        if last is not None and _on_one_line(last, piece) and piece.left >= last.right - piece.height:
            lines[-1] = replace(last, text=f"{last.text} {piece.text}", right=piece.right)
        else:
            lines.append(piece)
    return lines


def _on_one_line(one: _Line, other: _Line) -> bool:
    shared = min(one.top, other.top) - max(one.bottom, other.bottom)
    return shared > 0.6 * min(one.height, other.height)


def _rejoin_words(pages: list[_Page]) -> list[_Page]:
    """The pages with each word that is broken at the end of a line put whole on that line."""
    compounds = {
        compound.casefold() for page in pages for line in page.body for compound in _COMPOUND.findall(line.text)
    }
    bodies = [list(page.body) for page in pages]
    places = [(p, i) for p, body in enumerate(bodies) for i in range(len(body))]
    last: tuple[int, int] | None = None
    for p, i in places:
        if last is not None:
            before, line = bodies[last[0]][last[1]], bodies[p][i]
            first, second = _rejoin(before.text, line.text, compounds)
            bodies[last[0]][last[1]], bodies[p][i] = replace(before, text=first), replace(line, text=second)
        if bodies[p][i].text:
            last = (p, i)
    return [
        replace(page, body=tuple(line for line in body if line.text)) for page, body in zip(pages, bodies, strict=True)
    ]


def _rejoin(line: str, following: str, compounds: set[str]) -> tuple[str, str]:
    """Two lines, the second without the rest of the word that the first breaks off."""
    if len(line) < 2 or line[-1] not in _HYPHENS:
        return line.replace(_BREAKING, "-"), following
    line, head = line.replace(_BREAKING, "-"), line[-2]
    rest, _, others = following.partition(" ")
    if head.isalpha() and rest[:1].islower():
        broken = _COMPOUND.match(f"{line.rpartition(' ')[2][:-1]}-{rest}")
        hyphen = "-" if broken and broken[0].casefold() in compounds else ""
    elif (head.isalpha() and rest[:1].isalpha()) or (head.isdigit() and rest[:1].isdigit()):
        hyphen = "-"  # of a name or a range: Nagorno-Karabakh, 2019-2020
    else:
        return line, following
    return f"{line[:-1]}{hyphen}{rest}", others


def _extracted(pages: list[_Page], metadata: dict[str, str], problems: tuple[str, ...]) -> Extracted:
    step = _usual_step(pages)
    text = TextBuilder()
    starts: list[int] = []
    set_aside: list[DroppedSpan] = []
    for page in pages:
        blocks = list(_blocks(page, step)) or [("", "", False)]
        for i, (words, gap, running) in enumerate(blocks):
            span = text.add(words, gap=gap if i else "\f")
            if running:
                set_aside.append(DroppedSpan(span, _RUNNING))
            if i == 0:
                starts.append(span.start)
    return Extracted(
        text=text.text(),
        title=_title(pages, named(metadata.get("Title", ""))),
        date=_date(pages),
        author=named(metadata.get("Author", "")),
        set_aside=tuple(set_aside),
        pages=tuple(starts),
        problems=problems,
    )


def _blocks(page: _Page, step: float) -> Iterator[tuple[str, str, bool]]:
    """The lines of a page, what goes before each, and whether it is a running one."""
    for i, line in enumerate(page.head):
        yield line.text, "\n" if i else "", True
    for i, line in enumerate(page.body):
        yield line.text, "\n" if i and not _parted(page.body[i - 1], line, step) else "\n\n", False
    for i, line in enumerate(page.foot):
        yield line.text, "\n" if i else "\n\n", True


def _usual_step(pages: list[_Page]) -> float:
    """From one line to the next of the same size, in heights."""
    steps = [
        (one.bottom - other.bottom) / other.height
        for page in pages
        for one, other in pairwise(page.body)
        if one.bottom - other.bottom > 0 and other.height and not _of_other_size(one, other)
    ]
    return min(statistics.median_low(steps), _LARGEST_STEP) if steps else _LARGEST_STEP


def _of_other_size(one: _Line, other: _Line) -> bool:
    return abs(one.height - other.height) > _OTHER_SIZE * max(one.height, other.height)


def _parted(one: _Line, following: _Line, step: float) -> bool:
    """Whether a paragraph ends between two lines."""
    if _of_other_size(one, following):
        return True
    down = one.bottom - following.bottom
    if down < 0:  # up again: in the next column the paragraph may go on, elsewhere it is another text
        return following.left < one.right
    return down > _PARAGRAPH_STEP * step * following.height


def _title(pages: list[_Page], told: str) -> str:
    """The headline of the first page, or the title `told` by the metadata if it stands there or there is none."""
    first = next((page.body for page in pages if page.body), ())
    if told and _letters(told) in _letters(" ".join(line.text for line in first)):
        return told
    usual = statistics.median_low([line.height for page in pages for line in page.body for _ in line.text] or [0.0])
    largest = max((line.height for line in first if _letters(line.text)), default=0.0)
    if largest < _HEADLINE * usual:
        return told
    lines: list[str] = []
    for line in first:
        if largest - line.height <= _OTHER_SIZE / 2 * largest:
            lines.append(line.text)
        elif lines:
            break
    headline = " ".join(lines)
    return headline if len(headline) <= _TITLE_CHARACTERS else told


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalpha())


def _date(pages: list[_Page]) -> str:
    """The day in a running head of the first page, where the text itself names none.

    When a file was made is no date of publication: it may be years after what it holds was written.
    """
    body = [line.text for page in pages for line in page.body if line.text.strip()]
    heads = [line.text for page in pages[:1] for line in (*page.head, *page.foot)]
    return "" if not heads or publication(body).date else publication(heads).date


def _numbers(pages: list[int]) -> str:
    """Page numbers as a person writes them: "3, 7-9"."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][-1] + 1:
            runs[-1].append(page)
        else:
            runs.append([page])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
