"""What the formats share when they put a text together: where each piece went, and what can be stored."""

from __future__ import annotations

import re

from index.values import Span

# Half of a surrogate pair is no character, and SQLite ends a string at a zero.
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
# What programs fill in where nobody did: the name of the file, of the program, of the account.
_NO_NAME = re.compile(
    r"[\W_]*|\W?(anonymous|unspecified|unknown)\W?|untitled.*|(document|slide|презентация|документ)\W*\d*|"
    r"powerpoint presentation|презентация powerpoint|microsoft \w+ - .*|"
    r".*\.(docx?|pdf|indd|qxd|rtf|od[tp]|pptx?|xlsx?|tmp|dvi|ps|html?)|"
    r"python-docx|openpyxl|(windows |microsoft office )?user|admin(istrator)?|пользователь.*|istifadəçi|kullanıcı",
    re.IGNORECASE,
)
_NEWLINES = re.compile("\r\n?")


def storable(text: str) -> str:
    """`text` with one kind of line end, and with U+FFFD in place of what no UTF-8 text can hold."""
    return _NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", _NEWLINES.sub("\n", text))


def one_line(text: str) -> str:
    """`text` as one line: a title, or a cell of a table."""
    return " ".join(storable(text).split())


def named(value: str | None) -> str:
    """A title or an author as metadata give it, or "" where they give what a program filled in."""
    name = one_line(value or "")
    return "" if _NO_NAME.fullmatch(name) else name


class TextBuilder:
    """A text that grows block by block, and says where each block went."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, block: str, *, gap: str = "\n\n") -> Span:
        """Append `block`, made storable, after `gap` unless it is the first, and say where it stands."""
        block = storable(block)
        if self._pieces:
            self._append(gap)
        start = self._length
        self._append(block)
        return Span(start, self._length)

    def text(self) -> str:
        """All that was added."""
        return "".join(self._pieces)

    def _append(self, words: str) -> None:
        self._pieces.append(words)
        self._length += len(words)
