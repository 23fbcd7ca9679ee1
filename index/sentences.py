"""Sentence boundaries in en, az, ru, tr and their neighbours, and in text whose full stops lost their spaces.

The sentencex library does the bulk. Three things that it does not know are put right here, each because it
was met in real files: no space after a full stop ("partners.Why"), Russian and Azerbaijani abbreviations
("т. е.", "г.", "və s."), and lines that end without a stop, which are headings.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import regex

# A full stop, question or exclamation mark stuck to the next sentence. Two letters or digits must stand before it,
# so that "U.S.Army" and "т.Е" hold together, and a small letter after the capital, so that "file.TXT" does.
_STUCK = regex.compile(r"(?<=[\p{L}\p{N}]{2}[.!?…]+[”\"»)]*)(?=[“\"«(]?\p{Lu}[\p{Ll}’'])")
# Initials and dates are no ends of sentences: "А. Мамедов", "5 мая 2024 г. в Баку".
_ABBREVIATIONS = (
    "т.е. т.д. т.п. т.к. т.н. г. гг. в. вв. руб. коп. млн. млрд. тыс. ул. им. проф. акад. стр. см. др. "
    "mln. mlrd. min. prof. akad. dos. məs. səh. küç. c. b.e.ə. vb. örn. bkz. "
    "Mr. Mrs. Ms. Dr. Prof. St. No. Nos. Gen. Col. Sen. Rep. Gov. vs. e.g. i.e. approx. Jan. Feb. Mar. Apr. "
    "Jun. Jul. Aug. Sep. Sept. Oct. Nov. Dec."
)
# Of these it cannot be told by form whether the sentence goes on, so the next word decides: a capital ends it.
_SOMETIMES_LAST = frozenset(
    [
        "т.д.",
        "т.п.",
        "г.",
        "гг.",
        "в.",
        "вв.",
        "руб.",
        "коп.",
        "млн.",
        "млрд.",
        "тыс.",
        "др.",
        "mln.",
        "mlrd.",
        "min.",
        "c.",
        "b.e.ə.",
        "vb.",
    ]
)
_NEVER_LAST = frozenset(_ABBREVIATIONS.split()) - _SOMETIMES_LAST
_SPACED_ABBREVIATION = regex.compile(r"\b(т)\.\s+(е|д|п|к|н)\.\s*\Z")
_INITIAL = regex.compile(r"(?:\A|[\s(«“\"])\p{Lu}\.\s*\Z")
_LAST_WORD = regex.compile(r"[\p{L}.\p{M}]+\Z")
_GOES_ON = regex.compile(r"[\s\"”»)]*(?:[-–—]\s*)?\p{Ll}|[\s]*[,;:]")

_LOOK_AHEAD = 40  # characters of the next sentence that decide whether it is one
_WRAPPED_LINE_CHARACTERS = (35, 130)
_GOES_ON_BELOW = regex.compile(r"\r?\n[ \t]*\p{Ll}")
_TERMINAL = regex.compile(r"[.!?…:;][\"”»)\]]*\Z")


def split_sentences(text: str, lang: str) -> list[tuple[int, int]]:
    """Start and end of each sentence of `text`, in order, white space around them left out.

    A line break ends a sentence, as after a heading or a list item, unless the text's lines are wrapped;
    there only a blank line does.
    """
    sentences: list[tuple[int, int]] = []
    for start, end in _blocks(text):
        sentences.extend((start + a, start + b) for a, b in _block_sentences(text[start:end], lang))
    return sentences


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    wrapped = _is_wrapped(text)
    separator = r"\n\s*\n|\f" if wrapped else r"[\n\f\u2028\u2029]+"
    start = 0
    for match in regex.finditer(separator, text):
        # One broken line in a text that is not wrapped throughout: it goes on with a small letter.
        if (
            not wrapped
            and _GOES_ON_BELOW.match(text, match.start())
            and not _TERMINAL.search(text[start : match.start()].rstrip())
        ):
            continue
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _is_wrapped(text: str) -> bool:
    """Whether most lines end where a column ended, and not a thought."""
    lines = [line.strip() for line in text.split("\n")]
    followed = [line for line, after in pairwise(lines) if line and after]
    if len(followed) < 3:
        return False
    shortest, longest = _WRAPPED_LINE_CHARACTERS
    broken = sum(shortest <= len(line) <= longest and not _TERMINAL.search(line) for line in followed)
    return broken * 2 > len(followed)


def _block_sentences(block: str, lang: str) -> Iterator[tuple[int, int]]:
    from sentencex import get_sentence_boundaries  # pyright: ignore[reportAttributeAccessIssue] - compiled, untyped

    # A line break inside a wrapped paragraph is a space; replacing it keeps every offset.
    flat = block.replace("\n", " ")
    cuts = {0, len(flat)}
    # The library may cut at the "…" inside a sentence but never inside a word, so its cuts are candidates.
    cuts.update(boundary["end_index"] for boundary in get_sentence_boundaries(lang, flat))
    cuts.update(match.start() for match in _STUCK.finditer(flat))
    ordered = sorted(cut for cut in cuts if cut <= len(flat))
    start = 0
    for cut in ordered[1:]:
        if cut < len(flat) and _continues(flat[start:cut], flat[cut : cut + _LOOK_AHEAD]):
            continue
        sentence = flat[start:cut]
        if words := sentence.strip():
            begin = start + sentence.index(words)
            yield begin, begin + len(words)
        start = cut


def _continues(before: str, after: str) -> bool:
    """Whether the sentence that `before` began goes on in `after`."""
    if not before.strip():
        return True
    if _GOES_ON.match(after):
        return True
    if not after.strip(' "”»)]'):  # closing marks only
        return True
    head = before.rstrip()
    if not head.endswith("."):
        return False
    if _INITIAL.search(before) or (_SPACED_ABBREVIATION.search(before) and after.lstrip()[:1].islower()):
        return True
    word = _LAST_WORD.search(head)
    last = word.group() if word else ""
    if last in _NEVER_LAST:
        return True
    return last in _SOMETIMES_LAST and not after.lstrip(' "“«(—–-')[:1].isupper()
