"""How likely a line of an article is furniture: by how it is made, where it stands, and what it shares with the text.

A weighted sum of evidence, none of which decides by itself; `standing.toml` has the weights and says how they were
fitted.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from index.dates import is_date_line
from index.heading import signature
from index.language import detect_language
from index.lines import PROSE_CHARACTERS, Block, is_sentence
from index.values import UNDETERMINED

MOST_CHARACTERS = 300  # of a line that can be furniture; what is longer is text
_STEM = 5  # letters that forms of a word share, mostly
_LANGUAGE_BLOCKS = 6
_WORD = re.compile(r"[^\W\d_]+")
_TWO_SENTENCES = re.compile(r"\w{3}[.!?…] +[^\W\d_]")
_ADDRESS = re.compile(r"https?:|www\.|\S@\S|\w\.(com|org|net|info|az|ru|tr|uk|io|invalid)\b", re.IGNORECASE)
_SIGN = re.compile(r"[|»→•©▶►■☰*←✉☎✆♥❤]|\s/\s")
_LABEL = re.compile(r"[^:.!?«»“”]{2,30}:\s")
_TABLE = tomllib.loads(files("index").joinpath("standing.toml").read_text(encoding="utf-8"))
WEIGHTS: Mapping[str, float] = _TABLE["line"]
# How words begin that pages say of themselves: "subscribe", "fotoğraf", "редактор".
_OF_PAGES = frozenset(stem for stems in _TABLE["of_pages"].values() for stem in stems)
_LONGEST = max(map(len, _OF_PAGES))


@dataclass(frozen=True, slots=True)
class Place:
    """An article among the blocks of its file: those from `start` to `end`, its title at `titled` or -1."""

    found: Sequence[Block]
    start: int
    end: int
    titled: int
    keys: Sequence[str]  # of each block of the file, what lines of its kind share if there are several


def likely_furniture(place: Place) -> set[int]:
    """The blocks of an article that are more likely furniture than text, of those that have no reason yet."""
    return {
        i
        for i, evidence in line_evidence(place).items()
        if WEIGHTS["bias"] + sum(WEIGHTS[name] * value for name, value in evidence.items()) > 0
    }


def line_evidence(place: Place) -> dict[int, dict[str, float]]:
    """For each block of an article that may be furniture or text, what there is to tell, most of it from 0 to 1."""
    found, start, end = place.found, place.start, place.end
    blocks = range(start, end)
    asked = [
        i
        for i in blocks
        if not found[i].lines[0].reason and i != place.titled and len(found[i].text) <= MOST_CHARACTERS
    ]
    long = [i for i in blocks if not found[i].lines[0].reason and len(found[i].text) >= PROSE_CHARACTERS]
    first, last = (long[0], long[-1]) if long else (end, start - 1)
    lang = detect_language(" ".join(found[i].text for i in long[:_LANGUAGE_BLOCKS])) if long else UNDETERMINED
    stems = {i: _stems(found[i].text) for i in blocks if not found[i].lines[0].reason} if asked else {}
    shared = Counter(stem for its in stems.values() for stem in its)
    apart = [found[i].blank_before for i in long]
    usual = max(apart, key=apart.count, default=0)
    evidence: dict[int, dict[str, float]] = {}
    for i in asked:
        block = found[i]
        above = found[i - 1] if i > start else None
        below = found[i + 1] if i + 1 < end else None
        own = stems[i]
        known = sum(shared[stem] > 1 for stem in own) / max(1, len(own))
        evidence[i] = _made(block.text) | {
            "other language": lang != UNDETERMINED and detect_language(block.text) not in (UNDETERMINED, lang),
            "above all text": i < first,
            "above the title": i < place.titled,
            "within the text": first < i < last,
            "right below the text": bool(long) and i == last + 1,
            "below the text": min(4, i - last) / 4 if long and i > last else 0,
            "set off": block.blank_before > usual,
            "blank above": block.blank_before > 0,
            "blank below": below is None or below.blank_before > 0,
            "below furniture": above is not None and bool(above.lines[0].reason),
            "above furniture": below is not None and bool(below.lines[0].reason),
            "goes on": above is not None and not above.lines[0].reason and above.text[-1].isalpha() and i - 1 > first,
            "recurs": bool(place.keys[i]),
            "of no known word": bool(own) and not known,
            "known words": known,
            "in the last article": end == len(found),
            "in the first article": start == 0,
        }
    return evidence


@lru_cache(maxsize=1 << 10)
def _made(text: str) -> dict[str, float]:
    """What a line by itself tells."""
    words = text.split()
    letters = [word for word in words if word[0].isalpha()]
    of_pages = sum(map(_is_of_pages, _WORD.findall(text.replace("İ", "i").lower())))
    return {
        "length": len(text) / 100,
        "as long as text": len(text) >= PROSE_CHARACTERS,
        "as long as a paragraph": len(text) >= 150,
        "sentence": is_sentence(text),
        "two sentences": bool(_TWO_SENTENCES.search(text)),
        "open": text.endswith(("…", "...")),
        "under four words": len(words) < 4,
        "under seven words": len(words) < 7,
        "digits": sum(map(str.isdigit, text)) / len(text),
        "address": bool(_ADDRESS.search(text)),
        "sign": bool(_SIGN.search(text)),
        "label": bool(_LABEL.match(text)),
        "capitals": sum(word[0].isupper() for word in letters) / max(1, len(letters)),
        "all capitals": text.isupper(),
        "small letter first": text[0].islower(),
        "item": text[0] in "-–—•*",
        "quote": text[0] in '«“"„',
        "date": is_date_line(text),
        "name": bool(signature(text)[0]),
        "words of pages": min(of_pages, 3),
        "share of words of pages": of_pages / len(words),
    }


def _is_of_pages(word: str) -> bool:
    return any(word[:length] in _OF_PAGES for length in range(3, min(len(word), _LONGEST) + 1))


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _WORD.findall(text.casefold()) if len(word) > 3}
