"""Bytes of a text file to text: by its mark, as UTF-8, or by the encoding that its letters speak for."""

from __future__ import annotations

import codecs
import unicodedata
from dataclasses import dataclass

from index.errors import ReadError
from index.escapes import misread_share
from index.said import said
from index.values import Spelling

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What the press of the region was written in before UTF-8; the order decides between equals.
_OLDER = ("cp1251", "cp1254", "koi8_r", "cp866", "cp1252")
# A file with fewer damaged bytes than this share is UTF-8 that was cut or spliced, not another encoding.
_DAMAGED_SHARE = 0.001
_FEWEST_DAMAGED = 3
# Of the letters beyond ASCII. Letters that follow each other as misread Latin ones do are words of no language; misread
# Cyrillic shares pairs with Russian ("Рё" in "Рёбра"), up to one letter in twenty of a sentence made for it.
_MISREAD_SHARE = {
    Spelling.MISREAD_CP1252: 0.02,
    Spelling.MISREAD_CP1254: 0.02,
    Spelling.MISREAD_CP1251: 0.2,
}
_SAMPLE = 20_000  # bytes or characters


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file as text, and what was made of its bytes."""

    text: str
    encoding: str
    problems: tuple[str, ...]

    @property
    def spelling(self) -> Spelling:
        """Whether UTF-8 was once read as something else and saved so; found anew each time, in up to a millisecond."""
        return Spelling.PLAIN if self.encoding in _OLDER else _spelling(self.text)


def decode(data: bytes, path: str) -> Decoded:
    """The text of a file. A byte order mark of UTF-8 stays in it; newlines stay as they are. Raises ReadError."""
    if encoding := next((name for mark, name in _MARKS if data.startswith(mark)), ""):
        return _marked(data, encoding, path)
    if (place := data.find(b"\x00")) >= 0:
        if wide := _unmarked_utf16(data):
            return _marked(data, wide, path)
        binary = "{file}: byte {place} is zero, so this is not text but a binary file; rename it to what it is"
        raise ReadError(said("binary", binary, file=path, place=place))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(data, path, error)
    return Decoded(text, "utf-8", ())


def _marked(data: bytes, encoding: str, path: str) -> Decoded:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        other = "{file}: byte {place} is not {encoding}, which the file says it is; fetch it again"
        raise ReadError(
            said("encoding_wrong", other, file=path, place=error.start, encoding=encoding.upper())
        ) from error
    if (place := text.find("\x00")) >= 0:
        binary = "{file}: character {place} is zero, so this is not text but a binary file; rename it to what it is"
        raise ReadError(said("binary", binary, file=path, place=place))
    return Decoded(text, encoding, ())


def _unmarked_utf16(data: bytes) -> str:
    """UTF-16 without a mark shows as zeros in every other byte of its spaces and Latin letters."""
    sample = data[:_SAMPLE]
    if len(sample) % 2 or not sample:
        return ""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    for name, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if zeros > 0.05 * half and not others and _is_text(sample.decode(name, "replace")):
            return name
    return ""


def _is_text(text: str) -> bool:
    """Whether every character is one that a text may hold: none is unassigned, private, half of a pair, a control."""
    return all(c in "\t\n\v\f\r" or unicodedata.category(c) not in ("Cc", "Cn", "Co", "Cs") for c in set(text))


def _not_utf8(data: bytes, path: str, error: UnicodeDecodeError) -> Decoded:
    line = data.count(b"\n", 0, error.start) + 1
    text = data.decode("utf-8", "replace")
    damaged = text.count("\N{REPLACEMENT CHARACTER}") - data.count("\N{REPLACEMENT CHARACTER}".encode())
    beyond_ascii = sum(byte > 0x7F for byte in data)
    if damaged <= max(_FEWEST_DAMAGED, _DAMAGED_SHARE * len(data)) and damaged * 10 <= beyond_ascii:
        told = said(
            "letters_damaged",
            "{file}:{line}: byte {place} (0x{byte:02x}) is damaged, {count} in all; they are shown as "
            "\N{REPLACEMENT CHARACTER} and the rest was read; fetch the file again if they matter",
            file=path,
            line=line,
            place=error.start,
            byte=data[error.start],
            count=damaged,
        )
        return Decoded(text, "utf-8", (told,))
    if encoding := _guess(data):
        return Decoded(data.decode(encoding), encoding, ())
    raise ReadError(
        said(
            "encoding_unknown",
            "{file}:{line}: byte {place} (0x{byte:02x}) is not UTF-8, nor is the file in an encoding that can be told; "
            "convert it, if Cyrillic or Turkic perhaps: iconv -f CP1251 (or CP1254) -t UTF-8 {file}",
            file=path,
            line=line,
            place=error.start,
            byte=data[error.start],
        )
    )


def _guess(data: bytes) -> str:
    """The older encoding in which the bytes are words, or "" if in none."""
    from charset_normalizer import from_bytes

    sample = data[:_SAMPLE]
    best = from_bytes(sample, cp_isolation=list(_OLDER), threshold=0.2, preemptive_behaviour=False).best()
    if best is None:
        return ""
    for name in (best.encoding, *_OLDER):
        try:
            data.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    return ""


def _spelling(text: str) -> Spelling:
    """Whether UTF-8 was once read as something else and saved so, which nobody meant to."""
    if text.isascii():
        return Spelling.PLAIN
    middle = max(0, len(text) // 2 - _SAMPLE // 2)
    sample = text if len(text) <= 3 * _SAMPLE else text[:_SAMPLE] + text[middle : middle + _SAMPLE] + text[-_SAMPLE:]
    shares = {spelling: misread_share(sample, spelling) for spelling in _MISREAD_SHARE}
    best = max(shares, key=lambda spelling: shares[spelling])  # of equals the first, which is the most usual
    return best if shares[best] >= _MISREAD_SHARE[best] else Spelling.PLAIN
