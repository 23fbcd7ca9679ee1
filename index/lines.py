"""A source's text as lines, and lines as blocks: what a person sees as one paragraph or heading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from index.values import Span

BYTE_ORDER_MARK = "\ufeff"

_BREAK = re.compile(r"[\n\f]")
_AROUND = BYTE_ORDER_MARK + " \t\r\v\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029"
_SENTENCE_ENDS = tuple(".!?…:;")
_CLOSING = "\"'”»’)]"  # marks that may stand behind the end of a sentence
PROSE_CHARACTERS = 90  # a line as long as this is text, not a heading: few sentences of news are shorter
# The end of a sentence within a line; "V. Name" is none.
TWO_SENTENCES = re.compile(r"\w{3}[.!?…] +[^\W\d_]")
_TWO_SENTENCES_WORDS = 7
_COLUMNS = "    "  # what parts the names and numbers at the head of a printed page
# A column of text that was wrapped by a program: its full lines end within so many characters of one another.
_WRAP_CHARACTERS = (24, 130)
_WRAP_RAGGED = 22
# Of the lines of a wrapped paragraph so many begin with a small letter, for they are within a sentence.
_SMALL_SHARE = 0.4
_HEADING_CHARACTERS = 12
# A line below a title that says whose the article is, in small letters: "by Ada Crow", "от Северный курьер".
_WHOSE = re.compile(r"(?:by|from|via|posted|published|updated|от|автор|müəllif|mənbə|yazan|kaynak)\b:?\s+[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Line:
    """A line without the white space around it; `blank_before` counts the blank lines above."""

    span: Span
    text: str  # as a person reads it
    blank_before: int
    reason: str = ""  # why it is dropped, or ""
    kept: bool = False  # whether it is kept whatever it looks like
    indent: int = 0  # characters of white space before it

    def drop(self, reason: str) -> Line:
        if self.reason or self.kept or not reason:
            return self
        return Line(self.span, self.text, self.blank_before, reason, self.kept, self.indent)  # replace() is far slower


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that are one paragraph, or a line that stands by itself."""

    lines: tuple[Line, ...]
    text: str = field(init=False)  # not a property, nor is the next: they are asked for dozens of times
    reason: str = field(init=False)  # of its first line

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", " ".join([line.text for line in self.lines]))
        object.__setattr__(self, "reason", self.lines[0].reason)

    @property
    def blank_before(self) -> int:
        return self.lines[0].blank_before


def read_lines(text: str, span: Span) -> Iterator[Line]:
    """The lines of a piece of a source's text that are not blank, in order."""
    start, blank = span.start, 0
    for raw in _BREAK.split(span.of(text)):
        stripped = _stripped(raw)
        if stripped:
            begin = start + raw.index(stripped)
            yield Line(Span(begin, begin + len(stripped)), stripped, blank, indent=begin - start)
            blank = 0
        else:
            blank += 1
        start += len(raw) + 1


def line_texts(text: str) -> Iterator[str]:
    """The texts of the lines that `read_lines` finds in a whole text, several times as fast."""
    return filter(None, map(_stripped, _BREAK.split(text)))


def _stripped(raw: str) -> str:
    """A line without the white space around it; "" if there is nothing else."""
    stripped = raw.strip(_AROUND)
    return stripped if stripped.strip() else ""


def small_letters(text: str) -> str:
    """A line or a pattern in small letters, as many as before: what `re.IGNORECASE` takes for equal is, i and ı too."""
    return text.replace("İ", "i").lower().replace("ı", "i")


def is_text(text: str) -> bool:
    """Whether a line is text of an article by its length, or because it is two sentences: a title is one at most."""
    if len(text) >= PROSE_CHARACTERS:
        return len(text) >= 2 * PROSE_CHARACTERS or _COLUMNS not in text
    two = is_sentence(text) and len(text.split()) >= _TWO_SENTENCES_WORDS and bool(TWO_SENTENCES.search(text))
    return two and _COLUMNS not in text


def is_sentence(text: str) -> bool:
    """Whether a text ends as a sentence does."""
    return text.rstrip(_CLOSING).endswith(_SENTENCE_ENDS)


def blocks(lines: Sequence[Line]) -> list[Block]:
    """Lines as blocks: those of a paragraph that was wrapped at a column are one, any other line is one by itself."""
    return list(each_block(lines))


def each_block(lines: Sequence[Line]) -> Iterator[Block]:
    """The same one by one, for who wants only the first."""
    i = 0
    while i < len(lines):
        end = i + 1
        while end < len(lines) and lines[end].blank_before == 0 and not lines[end].reason:
            end += 1
        for first, last in pairwise((*_paragraphs(lines, i, end), end)):
            start = _wrapped_from(lines, first, last)
            yield from _headings(lines[first:start])
            if start < last:
                yield Block(tuple(lines[start:last]))
        i = end


def _paragraphs(lines: Sequence[Line], first: int, end: int) -> Iterator[int]:
    """The first line, and those up to `end` that stand in where other lines of the column do not."""
    yield first
    margin = min(line.indent for line in lines[first:end])
    if all(line.indent == margin for line in lines[first:end]):
        return
    opening = [i for i in range(first + 1, end) if lines[i].indent > margin]
    if 2 * len(opening) < end - first and not any(lines[i].text[0].islower() for i in opening):
        yield from opening


def _headings(lines: Sequence[Line]) -> Iterator[Block]:
    """Lines that are no paragraph, each by itself unless the next goes on with a small letter, as long titles do."""
    heading: list[Line] = []
    for line in lines:
        if heading and not (_goes_on(heading[-1]) and _is_rest(line)):
            yield Block(tuple(heading))
            heading = []
        heading.append(line)
    if heading:
        yield Block(tuple(heading))


def _goes_on(line: Line) -> bool:
    """Whether a line of a heading, by its length and its end, could go on in the next."""
    text = line.text
    fits = _HEADING_CHARACTERS <= len(text) < PROSE_CHARACTERS
    return fits and not line.reason and text[-1].isalpha() and " " in text


def _is_rest(line: Line) -> bool:
    """Whether a line begins with a word in small letters, and no blank line is above it."""
    text = line.text
    if not text[0].islower() or not text[1:2].isalpha() or line.blank_before:
        return False
    return not _says_whose(text)


def _says_whose(text: str) -> bool:
    whose = _WHOSE.match(text)
    return whose is not None and text[whose.end() - 1].isupper()


def _wrapped_from(lines: Sequence[Line], first: int, end: int) -> int:
    """The first line of those up to `end` from which on they are a wrapped paragraph, `end` if there is none."""
    last = lines[end - 1].text
    start = end
    if last[0].islower() and _says_whose(last) and (not is_sentence(last) or any(map(str.isdigit, last))):
        return end
    shortest = longest = len(lines[end - 2].text)
    goes_on = False
    small = 0  # lines that begin as no sentence does
    # From the end upwards, each line is looked at once: a file may be one paragraph of many thousands of lines.
    for i in range(end - 2, first - 1, -1):
        text = lines[i].text
        shortest, longest = min(shortest, len(text)), max(longest, len(text))
        if shortest < _WRAP_CHARACTERS[0] or longest > _WRAP_CHARACTERS[1] or longest - shortest > _WRAP_RAGGED:
            break
        is_open = not is_sentence(text)
        goes_on = goes_on or is_open
        small += lines[i + 1].text[0].islower()
        # The last line of a paragraph is as long as it happens to be.
        if goes_on and not lines[i].reason and len(last) <= longest + 3 and _SMALL_SHARE * (end - 1 - i) <= small:
            start = i
    return start
