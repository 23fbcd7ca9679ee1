"""How the texts of a file lie among its other lines, and whether an article begins between two of them.

A gap is what stands between two texts. Whether an article begins in it, and with which line, is told by weighing
evidence (`standing.toml`): what the gap looks like by itself, whether it is like other gaps and unlike paragraphs that
follow one another, and whether it looks as the head of the first article does.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise

from index.furniture import END_MARK, LISTED, MARK, NUMBER, SLUG, STORY_END, TIME, entry_of
from index.heading import is_byline
from index.language import detect_language
from index.lines import TWO_SENTENCES, Block, is_sentence, is_text
from index.standing import (
    INSERTED,
    TitlePlace,
    TitleTexts,
    company_odds,
    is_dated,
    is_likely,
    spread,
    stems,
    title_odds,
    title_spread,
)
from index.values import UNDETERMINED

TITLE_CHARACTERS = 150
HEAD_BLOCKS = 4  # between a title and its text: date, author, a line of description, a share bar
_TITLE_CHARACTERS = (8, TITLE_CHARACTERS)
_TITLE_WORDS = (2, 22)
_LEAST_TITLE = -3.0  # the logarithm of the odds
_ITEM_WORDS = 6
_NEAR_TEXTS = 3
_SHAPE_CHARACTERS = 80
_LANGUAGE_CHARACTERS = 300  # of a text, which tell its language
_SHORT_CHARACTERS, _LONG_CHARACTERS = 90, 300
_MOST_ODDS = 6.0
_MOST_SHARED = 0.4  # of the words of two texts; few of one article have more in common
_RECURRENT = "line of every article"
_NONE: frozenset[int] = frozenset()
_BETWEEN = ("between articles", "end of story", "end mark", "separator")
# What is said of each article.
_OF_ARTICLES = frozenset(("counter", "share bar", "age", "tags", "updated", "end mark", NUMBER, SLUG))
# Under such a heading every paragraph is a piece of news by itself.
_BRIEFS = re.compile(
    r"(.{1,20} )?(in brief|briefs|briefly|qısa( xəbərlər)?|qısaca|коротко( о разном)?|вкратце|kısa kısa|kısaca)",
    re.IGNORECASE,
)
# Under such a line the times of day part the entries of one article, which else are those of a ticker.
_LIVE = re.compile(
    r"\b(live(blog)?|as it happened|canlı|dəqiqə[- ]dəqiqə|anbean|dakika dakika|онлайн|хроника|как это было)\b",
    re.IGNORECASE,
)
# A text that begins with a day in figures, or with a place in capitals, perhaps a day and an agency, and a dash.
_DATELINE = re.compile(
    r"\W?(\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4})\b|"
    r"[^\W\d_a-zа-яёəıöüğşç]{3,}\b[^.!?]{0,60}(\.? [-–—]|/\.?) "
)
_RULE = re.compile(r"[^\w\s]{2,}|([^\w\s]\s?){3,}")
_TIME = re.compile(r"\W?\d{1,2}[:.]\d\d\W?")  # of the day
_ADDRESS = re.compile(r"(https?://|www\.)\S+")
# Fields in a row, with the space behind each: "Tone: neutral. Reach: 14,000."
_FIELD = re.compile(r"(?:\A|(?<=[.;,|] ))[^\W\d_][^\W\d_ ]*(?: [^\W\d_]+)?:(?= )")


@dataclass(frozen=True, slots=True)
class Gap:
    """What stands between two texts, or above the first or below the last: blocks `start` to `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Title:
    """The likeliest title of a gap, -1 if none can be, and between what the logarithm of its odds lies."""

    at: int
    least: float
    most: float


class Layout:
    """What the blocks of a file say of one another."""

    def __init__(self, found: Sequence[Block]) -> None:
        ruled = sum(_is_rule(block) for block in found) > 1
        self.found = found
        self._languages: dict[int, str] = {}
        self._known_titles: dict[Gap, _Title] = {}
        self._odds: dict[Gap, dict[int, float]] = {}  # of each block that may be the title, without the texts around
        self.texts = [
            i
            for i, block in enumerate(found)
            if (is_prose(block) and not _is_long_title(found, i)) or (ruled and _is_item(block))
        ]
        self.gaps = [Gap(above + 1, below) for above, below in pairwise((-1, *self.texts, len(found)))]
        self.keys = _recurrent(found)
        first, last = self._keys_in(self.gaps[0]), self._keys_in(self.gaps[-1])
        inner = [key for gap in self.gaps[1:-1] for key in self._keys_in(gap)]
        self.of_heads, self.of_tails = (first - last) & set(inner), (last - first) & set(inner)
        self.recurrent = first | last
        self._edges = [{key for key in keys if key[0] != "="} for keys in (first, last)]
        self._gaps_with = Counter(inner)
        apart = Counter(found[gap.end].blank_before for gap in self.gaps[1:-1] if gap.start == gap.end)
        self.between_paragraphs = max(apart, key=apart.__getitem__, default=0)

    def _keys_in(self, gap: Gap) -> set[str]:
        return {key for i in range(gap.start, gap.end) if (key := self.keys[i])}

    @property
    def ends_stories(self) -> bool:
        """Whether the file itself says below each article that it ends there."""
        return any(STORY_END.fullmatch(line.text) for block in self.found for line in block.lines)

    def shared(self, gap: Gap) -> bool:
        """Whether lines of the gap are of a make with some above the first text or below the last."""
        return any(key in self.recurrent and key[0] != "=" for key in self._keys_in(gap))

    def without_recurrent(self) -> list[Block]:
        """The blocks; what recurs in heads and tails and is neither a date nor an author is no text."""
        return [
            Block(tuple(line.drop(_RECURRENT) for line in block.lines))
            if key[:1] in ("#", "=") and key in self.recurrent
            else block
            for block, key in zip(self.found, self.keys, strict=True)
        ]

    def parted(self, gap: Gap) -> int:
        """The block below the last mark in a gap that parts articles, or its start."""
        marks = (i for i in range(gap.start, gap.end) if _parts(self.found[i]) and not self._underlines(i))
        return max((i + 1 for i in marks if gap.start or not _is_rule(self.found[i])), default=gap.start)

    def _underlines(self, i: int) -> bool:
        """Whether a rule is the line under a title and parts nothing."""
        above = self.found[i - 1] if i else None
        return (
            above is not None
            and _is_rule(self.found[i])
            and (i == 1 or above.blank_before > 0)
            and not self.found[i].blank_before
            and is_title_like(above.text)
            and not is_sentence(above.text)
        )

    def head(self, gap: Gap) -> Gap:
        """The part of a gap that is the head of what follows, if an article begins in it."""
        start = self.parted(gap)
        if start > gap.start:
            return Gap(start, gap.end)
        tails = [i + 1 for i in range(start, gap.end) if self.keys[i] in self.of_tails]
        return Gap(max(tails, default=start), gap.end)

    def title(self, head: Gap) -> int:
        """The block of a head that is likely to be the title of the text below, -1 if none is."""
        return self._title(head).at if self._is_titled(head) else -1

    def _is_titled(self, head: Gap) -> bool:
        title = self._title(head)
        return title.least > _LEAST_TITLE or (
            title.most > _LEAST_TITLE and self._weighed_title(head).most > _LEAST_TITLE
        )

    def _title(self, head: Gap) -> _Title:
        """The likeliest title, its odds no nearer than they are known without a look at the texts around."""
        if head not in self._known_titles:
            candidates = self.candidates(head)
            place = self.title_place(head) if candidates else None
            odds = self._odds[head] = {i: title_odds(place, i) for i in candidates if place}
            best = max(odds, key=odds.__getitem__, default=-1)
            least, most = title_spread() if odds else (0.0, 0.0)
            at_best = odds.get(best, -_MOST_ODDS)
            self._known_titles[head] = _Title(best, at_best + least, at_best + most)
            if any(its + most > at_best + least for i, its in odds.items() if i != best):
                return self._weighed_title(head)
        return self._known_titles[head]

    def _weighed_title(self, head: Gap) -> _Title:
        """The same by all evidence."""
        title = self._title(head)
        if title.least < title.most:
            texts = self.title_texts(head)
            odds = {i: told + company_odds(self.found[i], texts) for i, told in self._odds[head].items()}
            best = max(odds, key=odds.__getitem__)
            title = self._known_titles[head] = _Title(best, odds[best], odds[best])
        return title

    def candidates(self, gap: Gap) -> list[int]:
        """The blocks of a gap that may be a title."""
        found = self.found
        return [
            i
            for i in range(gap.start, gap.end)
            if not found[i].reason
            and len(found[i].text) <= TITLE_CHARACTERS
            and not self.keys[i]
            and not is_dated(found[i].text)
            and not _goes_on_below(found[i].text)
            and not _BRIEFS.fullmatch(found[i].text)
        ]

    def title_place(self, gap: Gap) -> TitlePlace:
        """A gap as that by which titles are told."""
        head = self.found[gap.start : gap.end]
        free = [i for i, block in enumerate(head, start=gap.start) if not block.reason]
        return TitlePlace(
            self.found,
            gap.start,
            gap.end,
            self.keys,
            self.between_paragraphs,
            free=free,
            most_blank=max((block.blank_before for block in (*head, *self.found[gap.end : gap.end + 1])), default=0),
            listed=frozenset(i for i in free if self._is_listed(i)) if self._listed else _NONE,
        )

    def title_texts(self, gap: Gap) -> TitleTexts:
        """What the lines of a gap are compared with."""
        above, below = self._near(gap)
        return TitleTexts(above, below, self._language(gap.end) if gap.end < len(self.found) else UNDETERMINED)

    def _near(self, gap: Gap) -> tuple[frozenset[str], frozenset[str]]:
        """The stems of the texts right above a gap, and of those right below."""
        at = bisect_left(self.texts, gap.end)
        return self._stems(self.texts[max(0, at - _NEAR_TEXTS) : at]), self._stems(self.texts[at : at + _NEAR_TEXTS])

    def _stems(self, texts: Sequence[int]) -> frozenset[str]:
        return frozenset().union(*(stems(self.found[i].text) for i in texts))

    def _language(self, i: int) -> str:
        if i not in self._languages:
            self._languages[i] = detect_language(self.found[i].text[:_LANGUAGE_CHARACTERS])
        return self._languages[i]

    # Where articles begin

    def begins(self, head: Gap, title: int) -> int:
        """The block with which the article begins whose head and title these are."""
        heads = [i for i in range(head.start, head.end) if self.keys[i] in self.of_heads]
        at = min([*heads, title if title >= 0 else head.end])
        if head.start and at - head.start <= HEAD_BLOCKS and _parts(self.found[head.start - 1]):
            return head.start  # what stands right below a mark is of the article below, its day and paper, too
        lead = self._lead(head, at)
        return lead if at - lead <= HEAD_BLOCKS // 2 else at

    def _lead(self, head: Gap, title: int) -> int:
        """The uppermost line from which on there is no blank line down to the title."""
        at = title
        while at > head.start and not self.found[at].blank_before and not self.found[at - 1].reason:
            at -= 1
        return at if self.found[at].blank_before or not at else title

    def begins_article(self, gap: Gap) -> bool:
        """Whether an article begins in an inner gap."""
        return self.is_brief or (self.may_begin(gap) and self._likely_begins(gap))

    def _likely_begins(self, gap: Gap) -> bool:
        title = self._title(self.head(gap))
        ranges = {
            "title": (_share(title.least), _share(title.most)),
            "shared": (0, _MOST_SHARED),
            "other language": (0, 1),
        }
        return is_likely("beginning", self._standing(gap), (spread("beginning", ranges), partial(self._company, gap)))

    @cached_property
    def is_brief(self) -> bool:
        """Whether a heading says that every paragraph is an article."""
        return any(_BRIEFS.fullmatch(block.text) for block in self.found[:HEAD_BLOCKS])

    @cached_property
    def _is_live(self) -> bool:
        """Whether a line above the first text says that what follows was told as it happened."""
        return any(_LIVE.search(block.text) for block in self.found[: self.gaps[0].end])

    def may_begin(self, gap: Gap) -> bool:
        """Whether there is anything about an inner gap that paragraphs of an article do not have between them."""
        below = self.found[gap.end]
        return gap.start < gap.end or below.blank_before > self.between_paragraphs or has_dateline(below.text)

    def beginning_evidence(self, gap: Gap) -> dict[str, float]:
        """What there is to tell whether an article begins in an inner gap."""
        return self._standing(gap) | self._company(gap)

    def _company(self, gap: Gap) -> dict[str, float]:
        """What the lines around a gap have in common: the rest of its evidence, which costs most."""
        languages = {self._language(gap.start - 1), self._language(gap.end)}
        stems_above, stems_below = self._near(gap)
        shared = len(stems_above & stems_below) / max(1, min(len(stems_above), len(stems_below)))
        return {
            "title": _share(self._weighed_title(self.head(gap)).most),
            "shared": min(shared, _MOST_SHARED),
            "other language": len(languages) > 1 and UNDETERMINED not in languages,
        }

    def _standing(self, gap: Gap) -> dict[str, float]:
        """What a gap tells by what is in it, and by what other gaps are like."""
        found = self.found
        head = self.head(gap)
        title, is_titled, below = self._title(head).at, self._is_titled(head), found[gap.end]
        inside = found[gap.start : gap.end]
        reasons = [block.reason for block in inside]
        keys, blank = self._keys_in(gap), self._most_blank[gap]
        ruled = self._ruled > 1 and any(map(_is_rule, inside))
        free = len(reasons) - sum(map(bool, reasons))
        is_first_titled, first_kinds = self._first
        kinds = self._kinds(gap)
        asks = title >= 0 and found[title].text.endswith("?")
        timed = any(_TIME.fullmatch(block.text) for block in inside)
        none_titled = not is_titled and not is_first_titled
        return {
            "untitled": not is_titled,
            "title is a question": asks,
            "title is a question, more blank": asks and blank > self.between_paragraphs,
            "more blank above title than below": title >= 0
            and found[title].blank_before > found[min(title + 1, gap.end)].blank_before,
            "rule": any(map(_is_rule, inside)),
            "one of several rules": ruled,
            "mark": self.parted(gap) > gap.start,
            "as at the edges": self.shared(gap),
            "as at the edges, titled": self.shared(gap) and is_titled,
            "just as at an edge": bool(keys) and keys in self._edges,
            "as at the edges, none titled": self.shared(gap) and none_titled,
            "time": timed,
            "time, live": timed and self._is_live,
            "time, under the first title": timed and not is_titled and is_first_titled,
            "time, none titled": timed and none_titled,
            "as other gaps": any(self._gaps_with[key] > 1 for key in keys),
            "others are marked": self._some_marked and not self._is_marked(gap),
            "lines of the edges, titled": is_titled and any(key[0] == "=" and key in self.recurrent for key in keys),
            "title is listed": title >= 0 and self._is_listed(title),
            "late day": not is_titled and self._is_late_day(gap),
            "inserted": any(reason in INSERTED for reason in reasons),
            "only inserted": bool(reasons) and all(reason in INSERTED for reason in reasons),
            "one line": free == 1 and not keys,
            "dated": any(is_dated(block.text) for block in inside),
            "dateline": has_dateline(below.text),
            "dateline as above": has_dateline(below.text) and has_dateline(found[self.texts[0]].text),
            "blank": blank > 0,
            "more blank": blank > self.between_paragraphs,
            "more blank than most": blank > self.between_paragraphs and 2 * self._as_blank(blank) <= len(self.gaps),
            "short below": len(below.text) < _SHORT_CHARACTERS and not ruled,
            "long below": len(below.text) > _LONG_CHARACTERS,
            "head as first": kinds is not None and kinds == first_kinds,
            "first untitled": not is_first_titled,
        }

    @cached_property
    def _listed(self) -> frozenset[str]:
        return frozenset(entry_of(block.text) for block in self.found if block.reason == LISTED) - {""}

    def _is_listed(self, i: int) -> bool:
        """Whether a block stands in a table of contents above, too."""
        return bool(self._listed) and entry_of(self.found[i].text) in self._listed

    def _is_late_day(self, gap: Gap) -> bool:
        """Whether the only day of the article above stands in the gap: between its first paragraph and the others."""
        at = bisect_left(self.texts, gap.end) - 1
        above = self.gaps[at]
        return self._has_day(gap) and not self._has_day(above) and (at == 0 or self._is_titled(self.head(above)))

    def _has_day(self, gap: Gap) -> bool:
        return any(is_dated(self.found[i].text) for i in range(gap.start, gap.end))

    @cached_property
    def _first(self) -> tuple[bool, tuple[str, ...] | None]:
        """Whether there is a title above the first text, and what stands between the likeliest and the text."""
        return self._is_titled(self.head(self.gaps[0])), self._kinds(self.gaps[0])

    def _is_marked(self, gap: Gap) -> bool:
        return self.shared(gap) or self.parted(gap) > gap.start

    @cached_property
    def _some_marked(self) -> bool:
        return any(map(self._is_marked, self.gaps[1:-1]))

    @cached_property
    def _ruled(self) -> int:
        """In how many gaps there are rules."""
        return sum(any(map(_is_rule, self.found[gap.start : gap.end])) for gap in self.gaps[1:-1])

    @cached_property
    def _most_blank(self) -> dict[Gap, int]:
        """The most blank lines that stand together in each gap but the edges."""
        inner = self.gaps[1:-1]
        return {gap: max(block.blank_before for block in self.found[gap.start : gap.end + 1]) for gap in inner}

    def _as_blank(self, blank: int) -> int:
        """How many gaps have so many blank lines or more."""
        return len(self._sorted_blanks) - bisect_left(self._sorted_blanks, blank)

    @cached_property
    def _sorted_blanks(self) -> list[int]:
        return sorted(self._most_blank.values())

    def _kinds(self, gap: Gap) -> tuple[str, ...] | None:
        """What stands between the title of a gap and the text below, None without a title."""
        title = self._title(self.head(gap)).at
        if title < 0:
            return None
        spaced = "blank" if self.found[title + 1].blank_before else ""
        return (spaced, *map(self._kind, range(title + 1, gap.end)))

    def _kind(self, i: int) -> str:
        block = self.found[i]
        if reason := block.reason:
            return reason
        return "author" if is_byline(block.text) else "date" if is_dated(block.text) else self.keys[i][:1]


def _share(odds: float) -> float:
    """Odds of a title as evidence, from -1 to 1."""
    return max(_LEAST_TITLE, min(-_LEAST_TITLE, odds)) / -_LEAST_TITLE


def is_prose(block: Block) -> bool:
    """Whether a block is text of an article, not a line of its head."""
    return not block.reason and is_text(block.text)


def is_title_like(text: str) -> bool:
    """Whether a line could be a title by its length, not being a date or the name of an author."""
    return (
        _TITLE_CHARACTERS[0] <= len(text) <= _TITLE_CHARACTERS[1]
        and _TITLE_WORDS[0] <= len(text.split()) <= _TITLE_WORDS[1]
        and not is_dated(text)
    )


def has_dateline(text: str) -> bool:
    """Whether a text begins with a day in figures, or with a place in capitals and what parts it from the text."""
    return bool(_DATELINE.match(text))


def _is_long_title(found: Sequence[Block], i: int) -> bool:
    """Whether a line as long as text is the title of the text below it."""
    text = found[i].text
    stands_off = i == 0 or found[i].blank_before > 0 or bool(found[i - 1].reason)
    if is_sentence(text) or not is_title_like(text) or not stands_off:
        return False
    below = next((block for block in found[i + 1 : i + 1 + HEAD_BLOCKS] if is_prose(block)), None)
    return below is not None and not below.text[0].islower()


def _goes_on_below(text: str) -> bool:
    """Whether a line is the first of a paragraph: it has the end of a sentence in it, and not at its own end."""
    return bool(TWO_SENTENCES.search(text)) and not is_sentence(text)


def _recurrent(found: Sequence[Block]) -> list[str]:
    """For each block what is the same in all lines of its kind, if lines of its kind say of an article when it was
    published, how often it was read and so on, or if there are several of them; else ""."""
    shapes = [_shape(block) for block in found]
    counts = Counter(shapes)
    return [shape if shape and (shape[0] == "@" or counts[shape] > 1) else "" for shape in shapes]


def _shape(block: Block) -> str:
    """What a line has in common with others of its kind; "=" before what must be the very same, "" for text."""
    text, reason = block.text, block.reason
    if reason in INSERTED or len(text) > _SHAPE_CHARACTERS or _is_rule(block):
        return ""
    if reason in _OF_ARTICLES:
        return f"@{reason}"
    if is_dated(text):
        return "@byline" if is_byline(text) else "@date"
    if is_sentence(text) and not reason:
        labels = _FIELD.findall(text)
        return f"#{' '.join(labels)}" if len(labels) > 1 and text.startswith(labels[0]) else ""
    text = _ADDRESS.sub("0", text)
    shape = re.sub(r"\d+", "0", text.casefold())
    if shape != text.casefold() or not text[0].isalnum():
        capitals = re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", lambda m: "A" if m[0].isupper() else m[0], text))
        return f"#{capitals}"
    return f"={shape}"


def _is_rule(block: Block) -> bool:
    return block.reason == "separator" and bool(_RULE.fullmatch(block.text))


def _is_item(block: Block) -> bool:
    """Whether a sentence between rules is an article of one line."""
    return not block.reason and is_sentence(block.text) and len(block.text.split()) >= _ITEM_WORDS


def _parts(block: Block) -> bool:
    text, reason = block.text, block.reason
    marked = reason in _BETWEEN and bool(MARK.fullmatch(text) or END_MARK.fullmatch(text))
    return marked or reason in (NUMBER, SLUG, TIME) or _is_rule(block)
