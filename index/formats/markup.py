"""HTML to the lines that a person sees: bytes to characters, characters to a tree, a tree to text in reading order."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

import charset_normalizer
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]
from lxml.html import HtmlElement

from index.values import Span

# The standard for HTML reads these labels as what people meant by them.
_LABELS = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030"}
# Not every codec that Python knows by name is one of characters: "punycode" takes time squared.
_CHARSETS = re.compile(r"utf-8|cp\d+|koi8-\w+|iso\d+-\d+(-\w+)?|mac-\w+|gb\w+|big5\w*|euc_\w+|shift_jis\w*|hz|ascii")
_DECLARED = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE
)
_DECLARED_WITHIN = 4096  # bytes; browsers look no farther than 1024
_SINGLE_BYTE = ["cp1251", "koi8_r", "cp866", "iso8859_5", "cp1254", "cp1252", "cp1253", "cp1255", "cp1256"]
_GUESSED = [*_SINGLE_BYTE, "shift_jis", "euc_jp", "euc_kr", "gb18030", "big5"]
_GUESSED_FROM = 20_000  # bytes of words
_MOST_DAMAGED = 0.1  # of the characters beyond ASCII

_BLOCK_NAMES = (
    "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol optgroup p pre search "
    "section summary table tbody td tfoot th thead tr ul"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
# These follow one another line by line; the other blocks are parted by blank lines.
_LINES = frozenset(("li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot"))
_UNSEEN_NAMES = (
    "audio base canvas datalist embed frameset iframe link map meta noembed noframes noscript object param progress "
    "rp script select style svg template textarea title video"
)
_UNSEEN = frozenset(_UNSEEN_NAMES.split())
_HIDING = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
# A table that holds any of these lays the page out; its cells are no values of rows.
_LAYOUT = ("table", "ul", "ol", "form", "pre", "blockquote", "article", "section", "nav", "h1", "h2", "h3", "h4")
_PARAGRAPHS = ("p", "div")
_LARGE = ("4", "5", "6", "7", "+1", "+2", "+3", "+4")  # sizes of letters; 3 is that of text
_CELL_CHARACTERS = 400  # a longer cell is no value either
_CELL_BREAKS = 3

_DATA_ADDRESS = re.compile(r"data:[^\"'>)\s]{1000,}")
_CLOSED_ROOT = re.compile(r"(<html[^<>]*?)\s*/>", re.IGNORECASE)  # the parser would take the page to end there
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
_SPACES = re.compile(r"[\s\ufeff]+")
_ODD_BREAKS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x85\u2028\u2029\ufeff]")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a rendered page, not blank and without white space around it."""

    span: Span
    block: HtmlElement  # the innermost block that holds its first character
    linked: int  # how many of its characters are within links
    bold: int  # how many of its first characters are in bold or in large letters


@dataclass(frozen=True, slots=True)
class Rule:
    """A line drawn across the page."""

    block: HtmlElement  # that it stands in
    below: int  # the number of the line below it


@dataclass(frozen=True, slots=True)
class Rendered:
    """All visible text of a tree in reading order: blocks are lines, paragraphs are parted by blank lines."""

    text: str
    lines: tuple[Line, ...]
    rules: tuple[Rule, ...]

    def of(self, line: Line) -> str:
        """The words of a line."""
        return line.span.of(self.text)


def decode_html(data: bytes) -> str:
    """The characters of a page: by its byte order mark, as UTF-8 if it is that, as it declares, or by a guess."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    for start, name in ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be")):
        if data.startswith(start):
            return data.decode(name, "replace")
    declared = _declared_charset(data)
    if not data.isascii() or not declared:
        # Before what is declared: hardly any other bytes are UTF-8 by chance, and saved pages keep old declarations.
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    for name in (declared, "utf-8"):
        text = data.decode(name, "replace") if name else ""
        beyond = len(text) - sum(map(str.isascii, text)) if "\ufffd" in text else 0
        if text and text.count("\ufffd") <= _MOST_DAMAGED * beyond:
            return text
    pieces = (piece.strip() for piece in re.split(rb"<[^>]*>", data) if not piece.isascii())
    words = b" ".join(pieces)[:_GUESSED_FROM]
    guess = charset_normalizer.from_bytes(words, cp_isolation=_GUESSED).best()
    return data.decode(guess.encoding if guess is not None else "utf-8", "replace")


def _declared_charset(data: bytes) -> str:
    """Python's name of the character set that a page declares, or ""."""
    found = _DECLARED.search(data[:_DECLARED_WITHIN])
    if found is None:
        return ""
    try:
        name = codecs.lookup(found[1].decode("ascii", "replace")).name
    except LookupError:
        return ""
    return _LABELS.get(name, name) if _CHARSETS.fullmatch(name) else ""


def parse_html(page: str) -> tuple[HtmlElement | None, bool]:
    """The tree of a page, None if it has no element; and whether the parser's limits left none of it out.

    What is not shown is not in the tree, but for the head and scripts of data, in which a page tells of itself.
    """
    page = _CLOSED_ROOT.sub(r"\1>", _DATA_ADDRESS.sub("data:,", page), count=1)
    tree, whole = _parse(page)
    if not whole:  # most often tags by the thousand that nobody closes: without nesting the words are still there
        tree, whole = _parse(_TAG.sub(_flat_tag, page))
    if tree is not None:
        _prune(tree)
    return tree, whole


def _parse(page: str) -> tuple[HtmlElement | None, bool]:
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False, no_network=True
    )
    parser.set_element_class_lookup(_ELEMENTS)
    try:
        tree = etree.fromstring(page.replace("\x00", "").encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:  # nothing in it but white space or comments
        tree = None
    limits = etree.ErrorTypes.ERR_RESOURCE_LIMIT
    return tree, all(error.type != limits for error in parser.error_log)


_ELEMENTS = etree.ElementDefaultClassLookup(element=HtmlElement)


def _flat_tag(tag: re.Match[str]) -> str:
    name = tag[2].lower()
    if name in ("html", "head", "body", "br", "h1", "h2", "h3") or name in _UNSEEN:
        return tag[0]
    return "<p>" if name in _BLOCKS else ""


def _prune(tree: HtmlElement) -> None:
    unseen = []
    for element in tree.iter(etree.Element):
        if element.tag == "head" or element.getparent() is None:
            continue
        if element.tag in _UNSEEN:
            data = element.tag == "script" and "json" in element.get("type", "")
            in_head = element.tag in ("title", "meta", "link", "base")
            if not data and not in_head:
                unseen.append(element)
        elif (
            "hidden" in element.attrib
            or _HIDING.search(element.get("style", ""))
            or (element.tag == "dialog" and "open" not in element.attrib)
        ):
            unseen.append(element)
    for element in unseen:
        if element.getparent() is not None:
            element.drop_tree()


def render(tree: HtmlElement) -> Rendered:
    """The visible text of `tree`, every character once."""
    writer = _Writer(tree)
    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        unseen = element.tag == "head" or element.tag in _UNSEEN
        if event == "end":
            if not unseen:
                writer.close(element, element.tag)
            if element.tail and element is not tree:
                writer.add(element.tail)
        elif unseen:
            walk.skip_subtree()
        else:
            writer.open(element, element.tag)
            writer.add(element.text or "")
    writer.end_line()
    return Rendered("".join(writer.parts), tuple(writer.lines), tuple(writer.rules))


class _Writer:
    """Puts a page together, line by line."""

    def __init__(self, root: HtmlElement) -> None:
        self._root = root
        self.parts: list[str] = []  # of the whole text
        self.lines: list[Line] = []
        self.rules: list[Rule] = []
        self._length = 0
        self._words: list[str] = []  # of the line that is being written
        self._linked = 0
        self._bold = 0  # characters of the line, white space aside, before the first that is not bold
        self._is_bold = True  # whether all of the line so far is
        self._bolds = 0  # how many elements in bold are open
        self._block: HtmlElement | None = None  # of that line
        self._blocks: list[HtmlElement] = []  # those that are open
        self._links = self._pre = 0  # how many are open
        self._blank = False  # whether a blank line must stand before the next
        self._table = ""  # the tag that ends the row of values that is being written, or ""
        self._tables: list[bool] = []  # for those that are open: whether it holds values

    def open(self, element: HtmlElement, tag: str) -> None:
        if tag == "br":
            self._break()
        elif tag == "a":
            self._links += 1
        self._bolds += _is_bold(element)
        if tag not in _BLOCKS:
            return
        if tag == "hr" and self._blocks:
            self.end_line()
            self.rules.append(Rule(self._blocks[-1], len(self.lines)))
        if tag == "table":
            self.break_line(tag)
            self._tables.append(_holds_values(element))
        elif self._row and tag in ("td", "th"):
            if any(previous.tag in ("td", "th") for previous in element.itersiblings(preceding=True)):
                self._words.append(" | ")
        elif self._row:
            self._words.append(" ")
        else:
            self.break_line(tag)
        self._blocks.append(element)
        self._pre += tag == "pre"

    def _break(self) -> None:
        if self._row:
            self._words.append(" ")
        else:
            self.end_line(blank_kept=True)  # two of them part paragraphs

    def close(self, element: HtmlElement, tag: str) -> None:
        if tag == "a":
            self._links -= 1
        self._bolds -= _is_bold(element)
        if tag not in _BLOCKS:
            return
        self._pre -= tag == "pre"
        self._blocks.pop()
        if self._row:
            self._words.append(" ")
        else:
            self.break_line(tag)
        if tag == "table":
            self._tables.pop()
            self.break_line(tag)

    @property
    def _row(self) -> bool:
        """Whether what is written is a row of a table of values, which stays one line."""
        return bool(self._tables) and self._tables[-1] and any(b.tag == "tr" for b in self._blocks[-4:])

    def add(self, words: str) -> None:
        if self._pre and not self._row:
            first, *rest = _ODD_BREAKS.sub(" ", words.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
            self._add(first)
            for line in rest:
                self.end_line(blank_kept=True)
                self._add(line)
        else:
            self._add(words)

    def _add(self, words: str) -> None:
        if self._block is None and not words.isspace() and words:
            self._block = self._blocks[-1] if self._blocks else self._root
        self._words.append(words)
        shown = len(_SPACES.sub("", words)) if self._links or self._is_bold else 0
        if self._links:
            self._linked += shown
        if self._bolds and self._is_bold:
            self._bold += shown
        elif shown:
            self._is_bold = False

    def break_line(self, tag: str) -> None:
        self.end_line()
        self._blank = self._blank or tag not in _LINES

    def end_line(self, *, blank_kept: bool = False) -> None:
        written = "".join(self._words)
        words = _ODD_BREAKS.sub(" ", written).rstrip() if self._pre else _SPACES.sub(" ", written).strip()
        indent = len(words) - len(words.lstrip())
        if words.strip(" |") and self._block is not None:
            gap = "" if not self.parts else "\n\n" if self._blank else "\n"
            start = self._length + len(gap) + indent
            self.parts += (gap, words)
            self._length += len(gap) + len(words)
            linked = min(self._linked, len(words) - indent)
            self.lines.append(Line(Span(start, self._length), self._block, linked, _prefix(words.strip(), self._bold)))
            self._blank = False
        elif blank_kept:
            self._blank = True
        self._words, self._linked, self._block = [], 0, None
        self._bold, self._is_bold = 0, True


def _is_bold(element: HtmlElement) -> bool:
    return element.tag in ("b", "strong", "big") or (element.tag == "font" and element.get("size", "") in _LARGE)


def _prefix(words: str, shown: int) -> int:
    """How many characters a line begins with of which so many are no white space."""
    for place, character in enumerate(words):
        if shown <= 0:
            return len(words[:place].rstrip())
        shown -= not character.isspace()
    return len(words)


def _holds_values(table: HtmlElement) -> bool:
    if table.get("role") in ("presentation", "none") or next(table.iterdescendants(*_LAYOUT), None) is not None:
        return False
    cells = list(table.iterdescendants("td", "th"))
    return bool(cells) and all(
        sum(1 for _ in cell.iterdescendants(*_PARAGRAPHS)) <= 1
        and sum(1 for _ in cell.iterdescendants("br")) < _CELL_BREAKS
        and sum(map(len, cell.itertext())) <= _CELL_CHARACTERS
        for cell in cells
    )


def visible_text(fragment: str) -> str:
    """The visible text of a piece of HTML, such as an entry of a feed holds."""
    tree, _ = parse_html(f"<html><body>{fragment}</body></html>")
    return "" if tree is None else render(tree).text


def words_of(element: HtmlElement) -> str:
    """All visible words within an element, on one line."""
    return _SPACES.sub(" ", render(element).text)
