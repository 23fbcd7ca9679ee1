"""How likely a line is furniture, or a title: by how it is made, where it stands, and what it shares with the text.

A weighted sum of evidence, none of which decides by itself. `standing.toml` has the weights, for these and for where
articles begin (`layout`); `dragoman eval fit-standing` fits them.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from importlib.resources import files
from itertools import accumulate
from operator import itemgetter

from index.dates import find_dates, is_ago_line, is_date_line, is_day_heading
from index.heading import is_byline, signature
from index.language import detect_language
from index.lines import PROSE_CHARACTERS, TWO_SENTENCES, Block, is_sentence
from index.values import UNDETERMINED
from index.wording import read_words, wording

MOST_CHARACTERS = 300  # of a line that can be furniture; what is longer is text
ASIDE_CHARACTERS = 500  # of a piece that can be no article
_DAY_CHARACTERS = 30
# Furniture that stands within an article as often as at its end.
INSERTED = frozenset(("advertisement", "caption", "picture", "link", "read more", "table of contents", "widget"))
_ITEM = "-–—•*"
_FENCE = re.compile(r"#{2,6} ")  # of a heading in Markdown
_SHORT_CHARACTERS = 60
_PRINT_CHARACTERS = 50
# Every digit in the sense of `str.isdigit`, superscripts and their like too, and a few characters that are none.
_DIGIT = re.compile("[\\d\xb2\xb3\xb9\u1369-\u1371\u19da\u2070-\u2793\U00010a40-\U0001f10a]")
_STEM = re.compile(r"([^\W\d_]{4,5})[^\W\d_]*")  # the letters that forms of a word share, mostly
_STEM_CHARACTERS = 400
_LANGUAGE_BLOCKS = 6
# An address, and a sign of a page. Each begins with a set of characters, to which `re` skips several times as fast as
# to one of several patterns; what may stand before them is looked at then.
_ADDRESS = re.compile(
    r"[:.@](?:(?<=http:)|(?<=https:)|(?<=www\.)|(?<=\S@)\S|(?<=\w\.)(?:com|org|net|info|az|ru|tr|uk|io|invalid)\b)",
    re.IGNORECASE,
)
_SIGN = re.compile(r"[|»→•©▶►■☰*←✉☎✆♥❤/](?:(?<!/)|(?<=\s/)\s)")
_LABEL = re.compile(r"[^:.!?«»“”]{2,30}:\s")


def _read(name: str) -> str:
    return files("index").joinpath(name).read_text(encoding="utf-8")


_TEXT = _read("standing.toml")
Ranges = Mapping[str, tuple[float, float]]
Spread = tuple[float, float]  # the least and the most that some evidence adds
_MOST_OF_PAGES = 3
# Between what the evidence lies that takes a look at every word of a line.
_SLOW: Ranges = {
    **dict.fromkeys(("two sentences", "address", "sign", "label", "capitals", "date", "name"), (0.0, 1.0)),
    "words of pages": (0.0, _MOST_OF_PAGES),
    "share of words of pages": (0.0, 1.0),
}
# Between what the evidence lies that compares a line with others.
_COMPANY: Ranges = dict.fromkeys(("other language", "of no known word", "known words"), (0.0, 1.0))
_TITLE_COMPANY: Ranges = dict.fromkeys(
    ("shared below", "shared above", "only below", "none below", "other language"), (0.0, 1.0)
)
KINDS = ("line", "title", "beginning", "aside")
Weights = Mapping[str, Mapping[str, float]]  # by kind, then by the name of the evidence, "bias", or a word


def read_weights(table: str) -> dict[str, Mapping[str, float]]:
    """The weights in the text of a file such as `standing.toml`."""
    content = tomllib.loads(table)
    return {kind: content[kind] for kind in KINDS}


WORDS = "words"  # the kind of the weights of words, which are in a file of their own
SHIPPED = read_weights(_TEXT) | {WORDS: read_words(_read("wording.toml"))}
_in_use: ContextVar[Weights] = ContextVar("weights", default=SHIPPED)


def _beginning_with(stems: Iterable[str]) -> re.Pattern[str]:
    """What is no letter before a word in small letters that begins with one of `stems`."""
    by_letter: defaultdict[str, list[str]] = defaultdict(list)
    for stem in sorted(stems):
        by_letter[stem[0]].append(stem[1:])
    # In two halves, for `re` tries the letters one by one, and a set of them at once.
    branches = [(first, f"{first}(?:{'|'.join(rest)})") for first, rest in by_letter.items()]
    halves = branches[: len(branches) // 2], branches[len(branches) // 2 :]
    begins = "|".join(
        f"(?=[{''.join(first for first, _ in half)}])(?:{'|'.join(branch for _, branch in half)})" for half in halves
    )
    return re.compile(rf"[\W\d_](?:{begins})")  # not a look behind a letter: `re` would ask that of each character


# How words begin that pages say of themselves: "subscribe", "fotoğraf", "редактор".
_OF_PAGES = _beginning_with({stem for stems in tomllib.loads(_TEXT)["of_pages"].values() for stem in stems})


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
    lines, found = _Lines(place), set[int]()
    slow, company = spread("line", _SLOW), spread("line", _COMPANY)
    for i in lines.asked:
        evidence = quick_shape(place.found[i].text) | lines.standing(i)
        further = (slow, partial(slow_shape, place.found[i].text)), (company, partial(lines.company, i))
        # The items of a list go together.
        if i - 1 in found if evidence["item below item"] else is_likely("line", evidence, *further):
            found.add(i)
    return found


def is_likely(
    kind: str, evidence: Mapping[str, float], *further: tuple[Spread, Callable[[], Mapping[str, float]]]
) -> bool:
    """Whether the odds by all evidence are above one.

    Each `further` evidence costs more to find out than what is before it. It is asked only if it may decide: its spread
    says what it adds at least and at most.
    """
    told = weighed(kind, evidence)
    for i, (_, find) in enumerate(further):
        if told + sum(most for (_, most), _ in further[i:]) <= 0:
            return False
        if told + sum(least for (least, _), _ in further[i:]) > 0:
            return True
        told += _summed(kind, find())
    return told > 0


@contextmanager
def using(weights: Weights) -> Iterator[None]:
    """Weigh by other weights than those that are shipped, to measure them."""
    token = _in_use.set(weights)
    try:
        yield
    finally:
        _in_use.reset(token)


def weighed(kind: str, evidence: Mapping[str, float]) -> float:
    """The logarithm of the odds that a line is furniture ("line") or a title ("title"), that an article begins in a gap
    ("beginning"), or that what was cut is no article ("aside")."""
    return _in_use.get()[kind]["bias"] + _summed(kind, evidence)


def spread(kind: str, ranges: Ranges) -> Spread:
    """The least and the most that evidence between these values adds to the logarithm of the odds."""
    weights = _in_use.get()[kind]
    ends = [(weights.get(name, 0) * low, weights.get(name, 0) * high) for name, (low, high) in ranges.items()]
    return sum(map(min, ends)), sum(map(max, ends))


def _summed(kind: str, evidence: Mapping[str, float]) -> float:
    weights = _in_use.get()[kind]
    return sum(weights.get(name, 0) * value for name, value in evidence.items() if value)


def _words() -> Mapping[str, float]:
    return _in_use.get().get(WORDS, {})


def line_evidence(place: Place) -> dict[int, dict[str, float]]:
    """For each block of an article that may be furniture or text, what there is to tell, most of it from 0 to 1."""
    lines = _Lines(place)
    return {i: line_shape(place.found[i].text) | lines.standing(i) | lines.company(i) for i in lines.asked}


class _Lines:
    """The lines of an article of which it is asked whether they are furniture."""

    def __init__(self, place: Place) -> None:
        self._place = place
        found, start, end = place.found, place.start, place.end
        self._free = [i for i in range(start, end) if not found[i].reason]
        self._long = [i for i in self._free if len(found[i].text) >= PROSE_CHARACTERS]
        self._first, self._last = (self._long[0], self._long[-1]) if self._long else (end, start - 1)
        self._list = self._list_below()
        self.asked = [i for i in self._free if self._is_asked(i)]  # in order

    def _list_below(self) -> range:
        """The items right below the text, if nothing about the first of them is of a page: they are of the text."""
        found, start, end = self._place.found, self._last + 1, self._place.end
        first = found[start] if start < end else None
        if not self._long or first is None or first.text[0] not in _ITEM or _is_inserted(first.text):
            return range(0)
        return range(start, next((i for i in range(start, end) if found[i].text[0] not in _ITEM), end))

    def _is_asked(self, i: int) -> bool:
        text = self._place.found[i].text
        return (
            i != self._place.titled
            and len(text) <= MOST_CHARACTERS
            and (bool(self._long) or not is_sentence(text))
            and not (i < self._first and is_date_line(text))  # it says when, whatever it looks like
            and not (i in self._list or _FENCE.match(text))
            and not (self._first < i < self._last and not _is_inserted(text))
            and not (text[0].islower() and _is_open(_nearest_above(self._place.found, self._place.start, i)))  # goes on
        )

    def standing(self, i: int) -> dict[str, float]:
        """What a line tells by where it stands and which words it has."""
        found, start, end = self._place.found, self._place.start, self._place.end
        first, last = self._first, self._last
        loose = self._loose_above[max(0, i - last - 1)]
        block = found[i]
        above = found[i - 1] if i > start else None
        below = found[i + 1] if i + 1 < end else None
        return {
            "above all text": i < first,
            "above the title": i < self._place.titled,
            "within the text": first < i < last,
            "right below the text": bool(self._long) and i > last and not loose,
            "below the text": bool(self._long) and i > last,
            "far below the text": min(4, loose) / 4,
            "item below item": above is not None and block.text[0] in _ITEM and above.text[0] in _ITEM,
            "set off": block.blank_before > self._usual,
            "blank above": block.blank_before > 0,
            "blank below": below is None or below.blank_before > 0,
            "below furniture": above is not None and bool(above.reason),
            "above furniture": below is not None and bool(below.reason),
            "short sentence far below": loose > 0 and is_sentence(block.text) and len(block.text) < _SHORT_CHARACTERS,
            "goes on": i > first and above is not None and _is_open(above.text),
            "recurs": bool(self._place.keys[i]),
            "wording": wording(block.text, _words()),
            "in the last article": end == len(found),
            "in the first article": start == 0,
        }

    def company(self, i: int) -> dict[str, float]:
        """What a line has in common with the rest of its article, all of it from 0 to 1: its names are `_COMPANY`."""
        text = self._place.found[i].text
        own = stems(text)
        known = len(own & self._shared) / max(1, len(own))
        is_other = self._lang != UNDETERMINED and detect_language(text) not in (UNDETERMINED, self._lang)
        return dict(zip(_COMPANY, (is_other, bool(own) and not known, known), strict=True))

    @cached_property
    def _lang(self) -> str:
        texts = [self._place.found[i].text for i in self._long[:_LANGUAGE_BLOCKS]]
        return detect_language("\n".join(texts)) if texts else UNDETERMINED

    @cached_property
    def _shared(self) -> set[str]:
        """The stems that several blocks have."""
        seen: set[str] = set()
        shared: set[str] = set()
        for i in self._free:
            its = stems(self._place.found[i].text)
            shared |= seen & its
            seen |= its
        return shared

    @cached_property
    def _usual(self) -> int:
        """The blank lines between paragraphs."""
        apart = Counter(self._place.found[i].blank_before for i in self._long)
        return max(apart, key=apart.__getitem__, default=0)

    @cached_property
    def _loose_above(self) -> list[int]:
        """How many blocks that are no sentence there are above each block below the text."""
        return [0, *accumulate(map(_is_loose, self._place.found[self._last + 1 : self._place.end]))]


@dataclass(frozen=True, slots=True)
class TitlePlace:
    """The blocks `start` to `end` of a file, above a text that block `end` begins, where its title may be."""

    found: Sequence[Block]
    start: int
    end: int
    keys: Sequence[str]  # as of a place
    usual: int  # the blank lines between paragraphs
    free: Sequence[int]  # the blocks of the head without a reason, in order
    most_blank: int  # the most blank lines above one of its blocks, or above the text
    listed: frozenset[int]  # its blocks that a table of contents above names


@dataclass(frozen=True, slots=True)
class TitleTexts:
    """The texts around a head, with which its lines are compared."""

    above: frozenset[str]  # the stems of those above the head
    below: frozenset[str]
    lang: str  # of the text below


def title_evidence(head: TitlePlace, texts: TitleTexts, i: int) -> dict[str, float]:
    """What there is to tell whether a block of a head is its title."""
    return title_standing(head, i) | title_company(head.found[i], texts)


def title_standing(head: TitlePlace, i: int) -> dict[str, float]:
    """What a block of a head tells by how it is made and where it stands."""
    found, start, end = head.found, head.start, head.end
    block = found[i]
    below_it = len(head.free) - bisect_right(head.free, i)
    above = found[i - 1] if i > start else None
    below = found[i + 1] if i + 1 < end else None
    words = block.text.split()
    return line_shape(block.text) | {
        "question": block.text[-1] in "?!",
        "one word": len(words) < 2,
        "two words": len(words) < 3,
        "next to text": i + 1 == end,
        "lines below": min(3, below_it) / 3,
        "first": list(head.free[:1]) == [i],
        "alone": len(head.free) == 1,
        "blank above": block.blank_before > 0,
        "most blank above": block.blank_before == head.most_blank > 0,
        "blank below": i + 1 < len(found) and found[i + 1].blank_before > 0,
        "set off": block.blank_before > max(1, head.usual),
        "date below": below is not None and is_dated(below.text),
        "date above": above is not None and is_dated(above.text),
        "below furniture": above is not None and bool(above.reason),
        "above furniture": below is not None and bool(below.reason),
        "recurs": bool(head.keys[i]),
        "listed": i in head.listed,
        "first line": i == 0,
        "wording": wording(block.text, _words()),
    }


def title_company(block: Block, texts: TitleTexts) -> dict[str, float]:
    """What a block has in common with the texts around it, all of it from 0 to 1."""
    own = stems(block.text)
    is_other = texts.lang != UNDETERMINED and detect_language(block.text) not in (UNDETERMINED, texts.lang)
    shared_below, shared_above = (len(own & near) / max(1, len(own)) for near in (texts.below, texts.above))
    only_below = bool(own & (texts.below - texts.above))
    told = (shared_below, shared_above, only_below, not own & texts.below, is_other)
    return dict(zip(_TITLE_COMPANY, told, strict=True))


def title_odds(head: TitlePlace, i: int) -> float:
    """The logarithm of the odds that a block is the title, by all but the texts around it."""
    return weighed("title", title_standing(head, i))


def title_spread() -> Spread:
    """What the texts around a block add to them at least and at most."""
    return spread("title", _TITLE_COMPANY)


def company_odds(block: Block, texts: TitleTexts) -> float:
    """What they do add."""
    return _summed("title", title_company(block, texts))


@dataclass(frozen=True, slots=True)
class Piece:
    """What was cut out of a file, as it is without the lines that were dropped."""

    title: str  # or ""
    texts: tuple[str, ...]  # what else is left of it
    keys: frozenset[str]  # what lines of it, dropped or not, share with others of the file

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts))


class Pieces:
    """All that was cut out of a file, in order."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        lengths = sorted(piece.characters for piece in pieces)
        self._usual, self._longest = lengths[len(lengths) // 2], lengths[-1]
        sharing = Counter(key for piece in pieces for key in piece.keys)
        self._sharing = {key: times for key, times in sharing.items() if 2 * times >= len(pieces)}
        self._titled = sum(bool(piece.title) for piece in pieces)

    def may_be_aside(self, i: int) -> bool:
        """Whether a piece is so short that it may be no article; the longest is one."""
        return self._pieces[i].characters <= min(ASIDE_CHARACTERS, self._longest - 1)

    def aside_evidence(self, i: int) -> dict[str, float]:
        """What there is to tell whether a piece is no article but what a paper says of itself, such as a greeting."""
        piece, others = self._pieces[i], len(self._pieces) - 1
        text = " ".join(piece.texts)
        words = wording(text, _words())
        usual_keys = {key for key, times in self._sharing.items() if 2 * (times - (key in piece.keys)) > others}
        return {
            "length": piece.characters / ASIDE_CHARACTERS,
            "length among others": min(1.0, piece.characters / max(1, self._usual)),
            "as long as text": any(len(part) >= PROSE_CHARACTERS for part in piece.texts),
            "one line": len(piece.texts) == 1,
            "first": i == 0,
            "last": i == others,
            "titled": bool(piece.title),
            "untitled among titled": not piece.title and 2 * self._titled > others,
            "lacks what others have": bool(usual_keys) and not usual_keys & piece.keys,
            "has what others have": bool(usual_keys & piece.keys),
            "wording": words,
            "words of pages": min(3, _words_of_pages(text)),
            "digits": _digits(text) / max(1, len(text)),
            "share of no sentences": sum(not is_sentence(part) for part in piece.texts) / max(1, len(piece.texts)),
        }


def line_shape(text: str) -> dict[str, float]:
    """What a line by itself tells of whether it is furniture, its words left out but for a few."""
    return quick_shape(text) | slow_shape(text)


@lru_cache(maxsize=1 << 10)  # a line above a text is asked whether it is its title, and then whether it is furniture
def quick_shape(text: str) -> dict[str, float]:
    """The part of its shape that is told by its length, its ends and how many words it has."""
    words = len(text.split())
    return {
        "length": len(text) / 100,
        "as long as text": len(text) >= PROSE_CHARACTERS,
        "as long as a paragraph": len(text) >= 150,
        "sentence": is_sentence(text),
        "open": text.endswith(("…", "...")),
        "under four words": words < 4,
        "under seven words": words < 7,
        "digit first": text[0].isdigit(),
        "comma": text.endswith(","),
        "digits": _digits(text) / len(text),
        "all capitals": text.isupper(),
        "small letter first": text[0].islower(),
        "item": text[0] in _ITEM,
        "quote": text[0] in '«“"„',
    }


@lru_cache(maxsize=1 << 10)
def slow_shape(text: str) -> dict[str, float]:
    """The rest of its shape, between what `_SLOW` says."""
    words = text.split()
    initials = [*filter(str.isalpha, map(itemgetter(0), words))]
    of_pages = _words_of_pages(text)
    found = (
        TWO_SENTENCES.search(text) is not None,
        _ADDRESS.search(text) is not None,
        _SIGN.search(text) is not None,
        _LABEL.match(text) is not None,
        sum(map(str.isupper, initials)) / max(1, len(initials)),
        is_date_line(text),
        bool(signature(text)[0]),
        min(of_pages, _MOST_OF_PAGES),
        of_pages / len(words),
    )
    return dict(zip(_SLOW, found, strict=True))


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text)) if _DIGIT.search(text) else 0  # most lines have none


def is_dated(text: str) -> bool:
    """Whether a line says hardly more than when, or by whom, something was written."""
    return is_date_line(text) or _is_day(text) or is_byline(text) or is_ago_line(text)


def _is_day(text: str) -> bool:
    """Whether a line is a day without its year, and perhaps a time."""
    if len(text) > _DAY_CHARACTERS or not _DIGIT.search(text):
        return False
    if text[0].isdigit() or text[-1].isdigit():
        found = find_dates(text, lang="")
        return bool(found) and sum(map(str.isalpha, text[: found[0].span.start] + text[found[0].span.end :])) == 0
    return is_day_heading(text)


def _is_inserted(text: str) -> bool:
    """Whether a line within a text has something of a page about it: it may be a heading otherwise."""
    told = _LABEL.match(text) or _SIGN.search(text) or _ADDRESS.search(text)
    return told is not None or _words_of_pages(text) > 0


def _is_loose(block: Block) -> bool:
    """Whether a block is no sentence, nor something that stands within articles, too."""
    reason = block.reason
    return reason not in INSERTED if reason else not is_sentence(block.text)


def _nearest_above(found: Sequence[Block], start: int, i: int) -> str:
    """The text of the next block up to `start` that is no furniture, "" if there is none."""
    return next((found[j].text for j in range(i - 1, start - 1, -1) if not found[j].reason), "")


def _is_open(text: str) -> bool:
    """Whether a text as long as a line of print ends within a sentence."""
    return len(text) >= _PRINT_CHARACTERS and not is_sentence(text)


@lru_cache(maxsize=1 << 10)  # of a line that may be furniture it is asked again for its shape
def _words_of_pages(text: str) -> int:
    """How many words of a line pages say of themselves."""
    return len(_OF_PAGES.findall(_words_of(text)))


def _words_of(text: str) -> str:
    """A text in small letters in which each word has something before it."""
    return " " + text.replace("İ", "i").lower()  # which lower() makes two letters of


@lru_cache(maxsize=1 << 12)  # of the texts of a file each is asked for once more when its articles are cut
def stems(text: str) -> frozenset[str]:
    """How the longer words of a text begin, or of the beginning of a long one."""
    return frozenset(_STEM.findall(text[:_STEM_CHARACTERS].casefold()))
