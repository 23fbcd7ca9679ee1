"""The quantities of a text: numbers with what they count, how exactly, and by what time, so that two can be compared.

"6.4 kilometres" is "6,400 metres"; "more than 300" is 312, and so may be "about 300"; 900 euros a month and 900 euros a
year are no two answers to one question.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from index.fold import folded_words
from index.values import Span
from rag.expect import any_of
from rag.numbers import FoundNumber, find_numbers

COUNT = "count"  # of things without a unit of measure

# Folded beginnings of words that are units, what they measure, and how many of its first unit they are. The longest
# counts. Of squares and cubes the side is as other lengths are, so they have a name of their own.
_UNITS: dict[str, tuple[str, float]] = {
    "metr": ("length", 1.0), "meter": ("length", 1.0), "m": ("length", 1.0), "kilomet": ("length", 1e3),
    "km": ("length", 1e3), "mil": ("length", 1609.0), "mile": ("length", 1609.0), "santimet": ("length", 0.01),
    "centimet": ("length", 0.01), "sm": ("length", 0.01), "cm": ("length", 0.01),
    "hectar": ("area", 1e4), "hektar": ("area", 1e4), "gektar": ("area", 1e4), "ga": ("area", 1e4), "ha": ("area", 1e4),
    "ton": ("mass", 1e3), "kilogram": ("mass", 1.0), "kilo": ("mass", 1.0), "kg": ("mass", 1.0),
    "gram": ("mass", 1e-3), "litr": ("volume", 1.0), "liter": ("volume", 1.0),
    "second": ("time", 1.0), "sekund": ("time", 1.0), "saniye": ("time", 1.0), "minut": ("time", 60.0),
    "dakika": ("time", 60.0), "dekike": ("time", 60.0), "hour": ("time", 3600.0), "saat": ("time", 3600.0),
    "cas": ("time", 3600.0), "cas[aou]v?": ("time", 3600.0),
    "day": ("days", 1.0), "gun": ("days", 1.0), "den": ("days", 1.0), "dn": ("days", 1.0), "vek": ("days", 7.0),
    "veek": ("days", 7.0), "hefte": ("days", 7.0), "hafta": ("days", 7.0), "nedel": ("days", 7.0),
    "month": ("years", 1 / 12), "ay": ("years", 1 / 12), "mesyac": ("years", 1 / 12), "year": ("years", 1.0),
    "il": ("years", 1.0), "yil": ("years", 1.0), "yas": ("years", 1.0), "let": ("years", 1.0), "god": ("years", 1.0),
    "dolar": ("dollars", 1.0), "usd": ("dollars", 1.0), "euro": ("euros", 1.0), "evro": ("euros", 1.0),
    "avro": ("euros", 1.0), "manat": ("manats", 1.0), "azn": ("manats", 1.0), "rubl": ("roubles", 1.0),
    "rub": ("roubles", 1.0), "rouble": ("roubles", 1.0), "ruble": ("roubles", 1.0), "lira": ("liras", 1.0),
    "lire": ("liras", 1.0), "tl": ("liras", 1.0), "pound": ("pounds", 1.0), "funt": ("pounds", 1.0),
    "sterlin": ("pounds", 1.0), "cent": ("cents", 1.0), "percent": ("share", 1.0), "faiz": ("share", 1.0),
    "procent": ("share", 1.0), "yuzde": ("share", 1.0), "megavat": ("power", 1e6), "kilovat": ("power", 1e3),
    "vat": ("power", 1.0), "degre": ("degrees", 1.0), "derece": ("degrees", 1.0), "gradus": ("degrees", 1.0),
}  # fmt: skip
# Endings that a unit may have: of number and case.
_UNIT = re.compile(
    r"(" + "|".join(sorted(_UNITS, key=len, reverse=True)) + r")"
    r"(?:e?s|re?s?|o[vm]|[aeiyu]|a[hm]i?|ami|y[aeu]|ah?|l[ae]r\w*|d[ae]n?|di?r|n?in|in[de]{0,2}n?|ik|lik|l[iu]k|es|na|n)?\Z"
)
_SIGNS = {"$": "dollars", "€": "euros", "£": "pounds", "₼": "manats", "₽": "roubles", "₺": "liras", "%": "share"}
_SQUARE = any_of("square", "kvadrat_", "kv", "sq", "metrekare", "kilometrekare")
_CUBIC = any_of("cubic", "kub_", "kubiceskih_")

# Words near a number, folded, that make it less exact.
_ABOUT = any_of(
    "about", "around", "aproximately", "rougly", "some", "circa", "nearly", "almost", "close to", "teh?minen",
    "tahminen", "yakin", "yaklasik", "civarinda", "ceresi", "tekriben", "kadar", "keder", "okolo", "primerno",
    "priblizitelno", "pocti", "poryadka", "az kala", "neredeyse", "or so", "just under", "just over",
)  # fmt: skip
_AT_LEAST = any_of(
    "more than", "over", "at least", "upvards of", "no fever than", "no les than", "exce?ed_", "azi", "en azi", "en az",
    "cok", "coh", "artik", "fazla", "bole?", "bol[es][ei]", "svyse", "ne mene?", "ne mense", "kak minimum", "minimum",
    "za", "ustun_", "asan", "asib",
)  # fmt: skip
_AT_MOST = any_of("up to|les than|fever than|under|at most|mene?|mense|do|az|daha az|nihayet")
_RISEN_TO = re.compile(r"\b(?:vyros|uvelic|podn|vozros|dos|sniz|upal|sokrat|dov)[a-z]* do\b")
_MORE = any_of("another", "more", "further", "aditional", "daha", "eshe", "ese", "elave", "dopolnitelno", "se")
_BY = any_of("by", "na")
_RANK = any_of(
    "[a-z]+(?:inci|uncu|nci|ncu)_",
    "first|second|third|fourth|fifth|sihth|[a-z]+th",
    "perv_|vtor_|treti?_|cetvert(?:y|o|a|u)_|pyat(?:y|o|a|u)_",
)
_RANK_ENDING = re.compile(
    r"(?:st|nd|rd|th)\b|-?(?:cı|ci|cu|cü|ıncı|inci|uncu|üncü|nci|ncı|й|я|е|го|му)\b", re.IGNORECASE
)
_PART = any_of(
    r"half (?:a|of)|quarter (?:of )?an?|quarter of\Z", r"(?:cetvert|polovin_|pol|yarim|yari|ceyrek|dortte|dordde)\Z"
)
# Endings that Turkic languages join to a number: "17-dən" has no days in it.
_CASE = re.compile(r"\A[-'’](?:[dt][əae]n?|n?[ıiuü]n|[yn]?[əaeıiuü]|s[iıuü]|[dt][ıiuü]r)\b", re.IGNORECASE)
_OF_A_HUNDRED = any_of(r"yuzde\Z")  # stands before its number
_RATE = {
    "second": any_of("(?:a|per|every|each) second", "v sekundu", "saniyede"),
    "minute": any_of("(?:a|per|every|each) minute", "v minutu", "dekikede", "dakikada"),
    "hour": any_of("(?:an?|per|every|each) hour", "hourly", "v cas", "saatda", "saatta"),
    "day": any_of("(?:a|per|every|each) day", "daily", "v den", "v sutki", "ejednevno", "gunde", "gundelik", "gunluk"),
    "week": any_of("(?:a|per|every|each) ve?ek", "vekly", "v nedelyu", "ejenedelno", "heftede", "heftelik", "haftada"),
    "month": any_of("(?:a|per|every|each) month", "monthly", "v mesyac", "ejemesyacn_", "ayda", "aylik", "mesyacn_"),
    "year": any_of(
        "(?:a|per|every|each) year", "yearly", "anual_", "v god", "ejegodn_", "ilde", "ilik", "yilda", "yilik", "godov_"
    ),
    "each": any_of(
        "per (?:person|capita|head|kilo_|square_|ton_|liter_|litre_)", "(?:nefer|adam|kisi) basina", "na celoveka",
        "na dusu",
    ),
}  # fmt: skip
_BEFORE, _AFTER = 28, 42  # characters around a number that say how it is meant

# How near "about" is, and how far "more than" goes.
_ABOUT_SHARE, _FAR_MORE = 0.12, 1.6
# Two numbers of which one is the other, rounded, are no two answers; 20 is not what one says for 23, 300 for 312 is.
_ROUNDED_SHARE = 0.05
_LEAST_ROUNDED = 100


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of a text and what it is the number of, as far as can be told by form."""

    span: Span  # of the number
    value: float  # in the first unit of its kind: metres, kilograms
    low: float  # between these it may be, if it is said to be about, more or less
    high: float
    kind: str  # "length", "dollars", "share", …, or COUNT
    per: str  # "month" of "900 a month", "" of a number by itself
    is_change: bool  # "rose by 10", "another 10": of what is added
    following: tuple[str, ...]  # the words after it, folded

    def comparable(self, other: Quantity) -> bool:
        """Whether both may be the number of one thing."""
        return (self.kind, self.per, self.is_change) == (other.kind, other.per, other.is_change)

    def agrees(self, other: Quantity) -> bool:
        """Whether both may be true of one thing: they are the same, rounded the same, or one is not said exactly."""
        if self.low <= other.high and other.low <= self.high:
            return True
        return _rounds_to(self.value, other.value) or _rounds_to(other.value, self.value)


def find_quantities(text: str, *, lang: str, outside: Sequence[Span] = ()) -> list[Quantity]:
    """The quantities of a text in order, but for those within some spans, such as its dates."""
    return [
        _quantity(text, found)
        for found in find_numbers(text, lang=lang)
        if not any(found.span.overlap(span) for span in outside)
        and not _is_part_of_word(text, found.span)
        and not _is_rank_or_part(text, found.span)
    ]


def _is_rank_or_part(text: str, span: Span) -> bool:
    """Whether a number says which of several, "ikinci", or of what a part is meant, "четверть миллиона"."""
    word = " ".join(folded_words(text[span.start : span.end]))
    before = folded_words(text[max(0, span.start - _BEFORE) : span.start])[-2:]
    return bool(_RANK.fullmatch(word) or _RANK_ENDING.match(text, span.end) or _PART.search(" ".join(before)))


def _is_part_of_word(text: str, span: Span) -> bool:
    before, after = text[span.start - 1 : span.start], text[span.end : span.end + 2]
    # "F-16", "B52", "10:30", "3-2"; and "42-year-old" is no part of one.
    return bool(re.search(r"[\w-]\Z", before) or re.match(r"[:/–]\d|-\d", after))


def _quantity(text: str, found: FoundNumber) -> Quantity:
    span = found.span
    before = re.split(r"[.;:!?]\s|,\s", text[max(0, span.start - _BEFORE) : span.start])[-1]
    after = _CASE.sub("", re.split(r"[.;:!?]\s|,\s", text[span.end : span.end + _AFTER])[0])
    preceding, following = folded_words(before), folded_words(after)
    kind, factor = _unit(before, after, following)
    value = found.values[0] * factor
    near_before, near_after = " ".join(preceding[-3:]), " ".join(following[:4])
    low, high = _bounds(value, near_before, near_after)
    around = " ".join([*preceding[-4:], *following])
    return Quantity(
        span=span,
        value=value,
        low=low,
        high=high,
        kind=kind,
        per=next((name for name, pattern in _RATE.items() if pattern.search(around)), ""),
        is_change=_is_change(preceding, following),
        following=tuple(following[:5]),
    )


def _is_change(preceding: Sequence[str], following: Sequence[str]) -> bool:
    if _BY.search(" ".join(preceding[-1:])):
        return True
    added = _MORE.search(" ".join([*preceding[-1:], "|", *following[:1]]))
    return bool(added) and not _AT_LEAST.search(" ".join(preceding[-3:]))


def _unit(before: str, after: str, following: Sequence[str]) -> tuple[str, float]:
    for sign, kind in _SIGNS.items():
        if before.rstrip().endswith(sign) or after.lstrip().startswith(sign):
            return kind, 1.0
    if _OF_A_HUNDRED.search(" ".join(folded_words(before)[-1:])):
        return "share", 1.0
    near = " ".join(following[:2])
    for word in following[:2]:
        if match := _UNIT.match(word):
            kind, factor = _UNITS.get(match[1], ("time", 3600.0))
            if kind == "length" and _SQUARE.search(near):
                return "area", factor**2
            if kind == "length" and _CUBIC.search(near):
                return "volume", 1e3 * factor**3
            return kind, factor
    return COUNT, 1.0


def kind_of_unit(word: str) -> str:
    """What a folded word measures if it is a unit: "length" for "metrov"; "" for other words."""
    match = _UNIT.match(word)
    return _UNITS.get(match[1], ("time", 3600.0))[0] if match else ""


def _bounds(value: float, before: str, after: str) -> tuple[float, float]:
    low, high = value, value
    if _ABOUT.search(before) or _ABOUT.search(" ".join(after.split()[:2])):
        low, high = value * (1 - _ABOUT_SHARE), value * (1 + _ABOUT_SHARE)
    # Turkic languages say it after the number: "300-dən çox"
    elif _AT_LEAST.search(before) or _AT_LEAST.search(" ".join(after.split()[:2])):
        high = value * _FAR_MORE
    elif _AT_MOST.search(before) and not _RISEN_TO.search(before):
        low = 0.0
    return low, high


def _rounds_to(exact: float, rounded: float) -> bool:
    if abs(exact - rounded) > _ROUNDED_SHARE * max(abs(exact), abs(rounded)):
        return False
    digits = f"{rounded:.12g}".rstrip("0").rstrip(".").replace(".", "").lstrip("-0")
    significant = len(digits.rstrip("0")) or 1
    if abs(rounded) < _LEAST_ROUNDED and rounded == int(rounded):
        return False
    return math.isclose(float(f"{exact:.{significant}g}"), rounded)
