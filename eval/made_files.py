"""Files made of the articles, the furniture and the heads of others, laid out anew.

The files of a few authors show few of the ways in which articles can be parted. Each file here has a style of its own,
chosen at random: how many lines are blank where, what stands above titles, below them and between articles, whether
there are titles at all. Where its articles begin is known, so that weights can be fitted to it.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from eval.figures import SEED
from eval.reading import GoldArticle, GoldFile
from index.dates import is_date_line

_LANGUAGES = ("en", "az", "ru", "tr")
_FEWEST_CHARACTERS = 100  # of the text of an article
_FURNITURE_CHARACTERS, _HEAD_CHARACTERS = 160, 60
_DIGITS = re.compile(r"\d+")
_SENTENCE = re.compile(r"(?<=[.!?]) +")
_NUMBERINGS = ("{}.", "{}", "[{}]", "#{}", "({})", "№ {}")
_RULES = ("* * *", "***", "———", "~~~~~", "#", "• • •", "§", "-" * 20, "=" * 40, "_" * 12, "--")
_DATELINES = ("{place}, {date} ({outlet}) - ", "{place}. {date}. {outlet} - ", "{place} — ", "{date} - ", "{date}. ")
_HEADS = (
    (),
    (),
    ("date",),
    ("date",),
    ("author",),
    ("author", "date"),
    ("date", "author"),
    ("known",),
    ("lines", "date"),
)
_TITLES = ("", "upper", "number", "bullet", "quotes", "stop", "asks")
_SIGNATURES = ("", "", "", "", "author", "outlet", "known", "date")
# What stands above titles.
_ABOVE = ((), (), (), (), (), ("date",), ("author",), ("time",), ("lines",), ("lines", "date"))
_ABOVE_TEXTS = ((), ("date",), ("date",), ("time",), ("known",), ("author", "date"))  # without titles
_TWO_LANGUAGES = 0.15  # of the files
_LIVE = ("LIVE", "Liveblog", "CANLI", "Canlı", "Онлайн", "ХРОНИКА")


@dataclass(frozen=True, slots=True)
class _Pieces:
    """What files of one language can be made of."""

    articles: list[GoldArticle] = field(default_factory=list)
    furniture: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)


def lay_out(golds: Sequence[GoldFile], count: int) -> Iterator[tuple[str, GoldFile]]:
    """So many texts with what should be read from each; the same for the same files."""
    pieces = _pieces(golds)
    languages = [lang for lang in _LANGUAGES if pieces[lang].articles]
    for number in range(count if languages else 0):
        rng = random.Random(f"{SEED} {number}")  # noqa: S311 - no secrets
        chosen = pieces[rng.choice(languages)]
        if rng.random() < _TWO_LANGUAGES:
            chosen = replace(chosen, articles=chosen.articles + pieces[rng.choice(languages)].articles)
        yield _File(chosen, rng).made(f"made {number}.txt")


def _pieces(golds: Sequence[GoldFile]) -> dict[str, _Pieces]:
    pieces: dict[str, _Pieces] = defaultdict(_Pieces)
    for gold in golds:
        for article in gold.articles:
            if sum(map(len, article.paragraphs)) >= _FEWEST_CHARACTERS:
                pieces[article.lang[:2]].articles.append(article)
        its = pieces[gold.lang]
        its.furniture.extend(_short(gold.furniture, _FURNITURE_CHARACTERS))
        its.heads.extend(_short(gold.optional, _HEAD_CHARACTERS))
    return pieces


def _short(texts: Sequence[str], most: int) -> Iterator[str]:
    return (" ".join(text.split()) for text in texts if len(text) <= most)


class _File:
    """One file in one style."""

    def __init__(self, pieces: _Pieces, rng: random.Random) -> None:
        self._pieces, self._rng = pieces, rng
        self._text = ""
        self._articles: list[GoldArticle] = []
        self._furniture: list[str] = []
        self._optional: list[str] = []

    def made(self, name: str) -> tuple[str, GoldFile]:
        rng = self._rng
        count = rng.choices((1, 2, 3, 4, 5, 7), (4, 2, 3, 2, 1, 1))[0]
        style = _Style(rng, several=count > 1)
        between = self._some_furniture(4)
        below_titles = self._some_furniture(3)
        if rng.random() < (0.5 if style.titled else 0.15):
            self._put_furniture(self._some_furniture(6), 0)
        if style.live:
            self._put_furniture([rng.choice(_LIVE)], 0)
        for number in range(1, count + 1):
            gap = (rng.choice((0, 1, 2)) if number == 1 else style.blank_between) if self._text else 0
            gap = self._part(style, between, number, gap)
            self._put_article(style, rng.choice(self._pieces.articles), below_titles, number, gap)
        if style.parted == "lines":
            self._put_furniture(between, rng.choice((0, style.blank_within)))
        if rng.random() < 0.5:
            self._put_furniture(self._some_furniture(8), rng.choice((0, 1, 1, 2)))
        gold = GoldFile(
            name, "made", "dev", tuple(self._articles), (), tuple(self._furniture), tuple(filter(None, self._optional))
        )
        return self._text, gold

    def _put(self, text: str, blank: int) -> None:
        self._text += "\n" * (blank + 1 if self._text else 0) + text

    def _put_furniture(self, texts: Sequence[str], blank: int) -> None:
        for text in texts:
            # The same on each page, but for what is counted.
            shown = _DIGITS.sub(lambda _: str(self._rng.randint(1, 999)), text)
            self._put(shown, blank)
            self._furniture.append(shown)
            blank = int(self._rng.random() < 0.15)

    def _some_furniture(self, most: int) -> list[str]:
        known = self._pieces.furniture
        made = (
            self._words(2, 4),
            self._words(1, 1),
            f"{self._words(1, 2)}: {self._words(1, 2)}",
            f"{self._words(1, 1)}: 5{self._rng.choice((' | ', ', ', '   '))}{self._words(1, 1)}: 12",
            self._headline(),
        )
        count = self._rng.randint(1, most)
        return [self._rng.choice(known if known and self._rng.random() < 0.7 else made) for _ in range(count)]

    def _part(self, style: _Style, between: Sequence[str], number: int, gap: int) -> int:
        """Put what parts articles above one; how many lines are blank below that."""
        match style.parted:
            case "rule" if number > 1:
                self._put(style.rule, self._rng.choice((0, style.blank_within)))
                return self._rng.choice((0, style.blank_between))
            case "number":
                self._put(style.numbering.format(number), gap)
                return self._rng.choice((0, 0, gap))
            case "lines" if number > 1:
                self._put_furniture(between, self._rng.choice((0, style.blank_within)))
        return gap

    def _put_article(
        self, style: _Style, article: GoldArticle, below_title: Sequence[str], number: int, gap: int
    ) -> None:
        rng = self._rng
        titled = bool(style.titled and article.title)
        if rng.random() < style.rubrics:
            self._put_furniture([self._words(1, 2).upper()], gap)
            gap = rng.choice((0, style.blank_in_head))
        gap = self._put_head(style.above, below_title, gap, style.blank_in_head)
        if titled:
            if style.timed:
                time = self._time()
                self._put(f"{time}  {style.title(article.title, number)}", gap)
                self._optional.append(time)
            else:
                self._put(style.title(article.title, number), gap)
            gap = style.blank_in_head
        gap = self._put_head(style.head, below_title, gap, style.blank_in_head)
        paragraphs = self._paragraphs(style, article)
        blank = max(style.blank_within, gap) if titled or style.head else gap
        for i, paragraph in enumerate(paragraphs):
            if i and style.interrupted and rng.random() < 0.35:
                self._put_furniture(self._some_furniture(1), style.blank_within)
            if style.live and rng.random() < 0.7:
                self._put_optional(self._time(), blank)
                blank = style.blank_in_head
            self._put(paragraph, blank)
            blank = style.blank_within
        if style.signed:
            self._put_optional(self._head_line(style.signed), rng.choice((0, 0, style.blank_within)))
        title = style.title(article.title, number) if titled else ""
        self._articles.append(GoldArticle(title, article.lang, "", "", "", tuple(paragraphs)))

    def _put_head(self, parts: Sequence[str], lines: Sequence[str], gap: int, gap_within: int) -> int:
        """Put what stands above or below titles; how many lines are blank below it."""
        for part in parts:
            if part == "lines":
                self._put_furniture(lines, gap)
            else:
                self._put_optional(self._head_line(part), gap)
            gap = gap_within
        return gap

    def _put_optional(self, text: str, blank: int) -> None:
        self._put(text, blank)
        self._optional.append(text)

    def _paragraphs(self, style: _Style, article: GoldArticle) -> list[str]:
        rng = self._rng
        found = [" ".join(text.split()) for text in article.paragraphs]
        if style.short:
            found = found[: rng.randint(1, 2)]
        if style.one_sentence:
            found = _SENTENCE.split(found[0])[:1]
        if style.split:
            found = [sentence for text in found for sentence in _SENTENCE.split(text)]
        if style.headed and len(found) > 1:
            at = rng.randrange(1, len(found))
            found[at:at] = [self._words(1, 4) + rng.choice(("", "", "?"))]
        if style.listed:
            found += [f"{rng.choice('-•—')} {self._words(2, 4)}" for _ in range(rng.randint(2, 4))]
        if style.dateline:
            place, outlet = self._words(1, 1), self._words(1, 1)
            opening = style.dateline.format(place=place.upper(), date=self._date(), outlet=outlet)
            self._optional.append(opening)
            found[0] = opening + found[0]
        return found

    def _head_line(self, kind: str) -> str:
        """Who wrote something, or when, or for whom."""
        known = [text for text in self._pieces.heads if kind == "known" or is_date_line(text)]
        match kind:
            case "author" | "outlet":
                names = [getattr(article, kind) for article in self._pieces.articles if getattr(article, kind)]
                return self._rng.choice(names) if names else self._words(2, 2)
            case "time":
                return self._time()
            case _:
                return self._rng.choice(known) if known and self._rng.random() < 0.6 else self._date()

    def _date(self) -> str:
        day, month, year = self._rng.randint(1, 28), self._rng.randint(1, 12), self._rng.randint(1995, 2025)
        return self._rng.choice((f"{day:02}.{month:02}.{year}", f"{year}-{month:02}-{day:02}", f"{day}/{month}/{year}"))

    def _time(self) -> str:
        return f"{self._rng.randint(0, 23):02}:{self._rng.randint(0, 59):02}"

    def _headline(self) -> str:
        return self._rng.choice(self._pieces.articles).title or self._words(3, 6)

    def _words(self, fewest: int, most: int) -> str:
        """Some longer words of an article, the first with a capital."""
        words = " ".join(self._rng.choice(self._pieces.articles).paragraphs).split()
        long = [word for word in words if word.isalpha() and len(word) > 4] or words
        return " ".join(self._rng.choices(long, k=self._rng.randint(fewest, most))).capitalize()


class _Style:
    """What is the same for all articles of a file."""

    def __init__(self, rng: random.Random, *, several: bool) -> None:
        self.blank_within = rng.choices((0, 1, 2), (5, 4, 1))[0]
        self.blank_between = rng.choices((0, 1, 2, 3), (3, 4, 3, 2))[0]
        self.blank_in_head = rng.choices((0, 1), (3, 2))[0]
        self.titled = rng.random() < 0.75
        self.parted = rng.choices(("", "rule", "number", "lines"), (8, 3, 2, 3))[0] if several else ""
        self.rule, self.numbering = rng.choice(_RULES), rng.choice(_NUMBERINGS)
        self.head: Sequence[str] = rng.choice(_HEADS) if self.titled else ()
        self.above: Sequence[str] = rng.choice(_ABOVE if self.titled else _ABOVE_TEXTS) if several else ()
        self.timed = several and not self.above and rng.random() < 0.08  # 19:42  Title
        self.live = not several and rng.random() < 0.2
        self.rubrics = rng.choice((0.0, 0.0, 0.0, 0.3)) if several else 0.0
        self.signed = rng.choice(_SIGNATURES)
        self.dateline = rng.choice(_DATELINES) if rng.random() < 0.2 else ""
        self.short, self.split = rng.random() < 0.25, rng.random() < 0.1
        self.interrupted, self.headed = rng.random() < 0.2, rng.random() < 0.25
        self.listed = rng.random() < 0.1
        self.one_sentence = rng.random() < 0.08
        if self.one_sentence or not self.titled:
            # Without titles there is mostly something else that tells.
            self.parted = rng.choice((self.parted, "rule", "lines", "number")) if several else ""
        self._made_up = rng.choices(
            ("", "upper", "number", "bullet", "quotes", "stop", "asks"), (12, 3, 1, 1, 1, 1, 1)
        )[0]
        if self.headed or not (self.titled or self.parted or self.dateline or self.above):
            # What nobody could tell is not to be learned.
            self.blank_between = max(self.blank_between, self.blank_within + 1)

    def title(self, title: str, number: int) -> str:
        match self._made_up:
            case "upper":
                return title.upper()
            case "number":
                return f"{number}. {title}"
            case "bullet":
                return f"• {title}"
            case "quotes":
                return f"«{title}»"
            case "stop":
                return title.rstrip(".?!") + "."
            case "asks":
                return title.rstrip(".?!") + "?"
            case _:
                return title
