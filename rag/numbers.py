"""The numbers of a text as values, however its language writes them: 1,5 milyon is полтора миллиона is 1.5 million.

A number may be read in two ways, such as 1.500; then it has both values. Numbers that are one word and mostly mean no
number are left out: one, bir, один.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from index.values import Span

# In these the comma parts thousands; in the others of the archive it is the decimal mark.
_COMMA_PARTS_THOUSANDS = {"en"}

_LITERAL = re.compile(r"\d{1,3}(?:[  \u202f'’]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*")
_TOKEN = re.compile(rf"(?P<literal>{_LITERAL.pattern})|(?P<word>[^\W\d_]+)|(?P<gap>[\s-]+)|(?P<other>.)", re.DOTALL)


def _words(table: str, *, lang: str) -> dict[tuple[str, str], float]:
    pairs = (entry.split("=") for entry in table.split())
    return {(lang, word): float(value) for words, value in pairs for word in words.split("|")}


# What a word adds to a number, what it multiplies it with, and the halves.
_UNITS = {
    **_words(
        "zero=0 "
        "two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 eleven=11 twelve=12 thirteen=13 fourteen=14 "
        "fifteen=15 sixteen=16 seventeen=17 eighteen=18 nineteen=19 twenty=20 thirty=30 forty=40 fifty=50 sixty=60 "
        "seventy=70 eighty=80 ninety=90 twice=2",
        lang="en",
    ),
    **_words(
        "sıfır=0 "
        "iki=2 üç=3 dörd=4 beş=5 altı=6 yeddi=7 səkkiz=8 doqquz=9 on=10 iyirmi=20 otuz=30 qırx=40 əlli=50 altmış=60 "
        "yetmiş=70 səksən=80 doxsan=90",
        lang="az",
    ),
    **_words(
        "sıfır=0 "
        "iki=2 üç=3 dört=4 beş=5 altı=6 yedi=7 sekiz=8 dokuz=9 on=10 yirmi=20 otuz=30 kırk=40 elli=50 altmış=60 "
        "yetmiş=70 seksen=80 doksan=90",
        lang="tr",
    ),
    **_words(
        "ноль|нуль|ноля|нуля=0 "
        "два|две|двух|двум|двумя|двое|двоих=2 три|трех|трем|тремя|трое|троих=3 четыре|четырех|четырем|четырьмя|четверо="
        "4 пять|пяти|пятью|пятеро=5 шесть|шести|шестью|шестеро=6 семь|семи|семью|семеро=7 восемь|восьми|восемью=8 "
        "девять|девяти|девятью=9 десять|десяти|десятью=10 одиннадцать|одиннадцати=11 двенадцать|двенадцати=12 "
        "тринадцать|тринадцати=13 четырнадцать|четырнадцати=14 пятнадцать|пятнадцати=15 шестнадцать|шестнадцати=16 "
        "семнадцать|семнадцати=17 восемнадцать|восемнадцати=18 девятнадцать|девятнадцати=19 двадцать|двадцати=20 "
        "тридцать|тридцати=30 сорок|сорока=40 пятьдесят|пятидесяти=50 шестьдесят|шестидесяти=60 "
        "семьдесят|семидесяти=70 "
        "восемьдесят|восьмидесяти=80 девяносто|девяноста=90 сто|ста=100 двести|двухсот=200 триста|трехсот=300 "
        "четыреста|четырехсот=400 пятьсот|пятисот=500 шестьсот|шестисот=600 семьсот|семисот=700 "
        "восемьсот|восьмисот=800 "
        "девятьсот|девятисот=900 дважды|вдвое=2 трижды|втрое=3",
        lang="ru",
    ),
}
_TIMES = {
    **_words(
        "dozen=12 hundred|hundreds=100 thousand|thousands=1e3 million|millions|mln=1e6 billion|billions|bln|bn=1e9 "
        "trillion|trillions=1e12",
        lang="en",
    ),
    **_words("yüz=100 min=1e3 milyon|mln=1e6 milyard|mlrd=1e9 trilyon=1e12", lang="az"),
    **_words("yüz=100 bin=1e3 milyon=1e6 milyar=1e9 trilyon=1e12", lang="tr"),
    **_words(
        "тыс|тысяча|тысячи|тысяч|тысячу|тысячам|тысячами|тысячах=1e3 "
        "млн|миллион|миллиона|миллионов|миллионам|миллионами|миллионах=1e6 "
        "млрд|миллиард|миллиарда|миллиардов|миллиардам|миллиардами|миллиардах=1e9 "
        "трлн|триллион|триллиона|триллионов=1e12 дюжина|дюжины|дюжин=12",
        lang="ru",
    ),
}
_HALVES = {
    **_words("half=0.5", lang="en"),
    **_words("yarım|yarı|yarısı|yarısını=0.5", lang="az"),
    **_words("buçuk|yarım|yarısı=0.5", lang="tr"),
    **_words("полтора|полторы|полутора=1.5 пол|полмиллиона|половина|половины|половину|половине=0.5", lang="ru"),
}
# Numbers only behind another: forty-one, qırx bir, сорок один.
_ONE = {("en", "one"), ("az", "bir"), ("tr", "bir")} | {
    ("ru", word) for word in ("один", "одна", "одно", "одного", "одной", "одну", "одним", "одном", "одному")
}
_JOINING = {("en", "and"), ("en", "a"), ("ru", "с")}
# A word with one of these endings is a number all the same: ikinci, ikisi, beşdən, dördü. Only of words that are long
# enough: "üçün" is "for", "ona" is "to him".
_ENDING = re.compile(r"(?:(?:[ıiuü]?nc[ıiuü])?(?:s?[ıiuü]|n?[ıiuü]n|y?[aəe]|n?[dt][aəe]n?|l[aə]r|l[ıiuü]q|ya[nş]\w*)?)")
_SHORTEST_WITH_ENDING = 4
_TURKIC_ORDINAL = re.compile(r"[ıiuü]?nc[ıiuü]\w*")
_ONE_AND_A_HALF = re.compile(r"\bbir(?= (?:yarım|buçuk)\b)")  # the one place where "bir" is no article
_ENGLISH_ORDINAL = re.compile(r"(.+?)(?:th|ths)")
_ORDINALS = _words(
    "second=2 third=3 fifth=5 eighth=8 ninth=9 twelfth=12 twentieth=20 thirtieth=30", lang="en"
) | _words(
    "второй|вторая|второе|второго|вторую=2 третий|третья|третье|третьего|третью=3 четвертый|четвертая|четвертого=4 "
    "пятый|пятая|пятого=5 шестой|шестая|шестого=6 седьмой|седьмая|седьмого=7 восьмой|восьмая|восьмого=8 "
    "девятый|девятая|девятого=9 десятый|десятая|десятого=10",
    lang="ru",
)


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """A number in a text: where it stands and the values that it may have."""

    span: Span
    values: tuple[float, ...]  # the likeliest first


@dataclass(slots=True)
class _Group:
    """A number that is being put together, word by word."""

    start: int = 0
    end: int = 0
    total: float = 0.0
    current: tuple[float, ...] = ()
    is_open: bool = False
    is_digits: bool = False

    def finish(self) -> FoundNumber:
        return FoundNumber(Span(self.start, self.end), tuple(self.total + c for c in self.current or (0.0,)))


def find_numbers(text: str, *, lang: str) -> list[FoundNumber]:
    """The numbers that a text states in digits or words, in order; `lang` is its BCP 47 tag.

    >>> [found.values[0] for found in find_numbers("1,5 milyon və on iki min", lang="az")]
    [1500000.0, 12000.0]
    >>> [found.values[0] for found in find_numbers("полтора миллиона и 12 300 человек", lang="ru")]
    [1500000.0, 12300.0]
    >>> [found.values for found in find_numbers("1.500 nəfər", lang="az")]
    [(1500.0, 1.5)]
    """
    # Character by character, so that places stay: digits of any script, and ё as е.
    plain = "".join(_plain(character) for character in text.lower().replace("i̇", "i"))
    if len(plain) != len(text):  # a letter that is longer in lower case: places are then near enough to compare with
        text = plain
    if lang in ("az", "tr"):
        plain = _ONE_AND_A_HALF.sub("1  ", plain)
    return list(_groups(plain, lang))


def _plain(character: str) -> str:
    if character == "ё":
        return "е"
    digit = unicodedata.digit(character, None)
    return character if digit is None else str(digit)


def _groups(plain: str, lang: str) -> Iterator[FoundNumber]:
    group = _Group()
    for match in _TOKEN.finditer(plain):
        if match["gap"] or (match["word"] and group.is_open and (lang, match["word"]) in _JOINING):
            continue
        before = group
        group = _grown(group, match, lang)
        if before.is_open and group is not before:
            yield before.finish()
        if not group.is_open:
            group = _Group()
    if group.is_open:
        yield group.finish()


def _grown(group: _Group, match: re.Match[str], lang: str) -> _Group:
    """The group with one more token, another group that begins with it, or one that is not open."""
    start, end = match.span()
    if match["literal"]:
        values = _literal_values(match["literal"], lang)
        if group.is_open and group.total and not group.current and values[0] < 1000:  # "3 min 200"
            group.current, group.end = values, end
            return group
        return _Group(start, end, 0.0, values, True, is_digits=True)
    word = match["word"] or ""
    kinds = {name: _meaning(table, word, lang) for name, table in _TABLES.items()}
    if (times := kinds["times"]) is not None:
        if not group.is_open:
            return _Group(start, end, *_multiplied(0.0, (1.0,), times), True)
        if not group.current:  # "five million thousand" is nothing that anybody writes
            return _Group(start, end, *_multiplied(0.0, (1.0,), times), True)
        group.total, group.current = _multiplied(group.total, group.current, times)
        group.end = end
        return group
    unit = 1.0 if group.is_open and (lang, word) in _ONE else kinds["unit"]
    if unit is not None and not (unit == 1 and (group.is_digits or not _takes((group.current or (0.0,))[0], unit))):
        if group.is_open and not group.is_digits and (not group.current or _takes(group.current[0], unit)):
            group.current = tuple(value + unit for value in group.current or (0.0,))
            group.end = end
            return group
        return _Group(start, end, 0.0, (unit,), True)
    if (half := kinds["half"]) is not None:
        if word == "полмиллиона":
            return _Group(start, end, 5e5, (), True)
        if group.is_open and group.current and half < 1:
            group.current = tuple(value + half for value in group.current)
            group.end = end
            return group
        return _Group(start, end, 0.0, (half,), True)
    return _Group()


def _multiplied(total: float, current: tuple[float, ...], times: float) -> tuple[float, tuple[float, ...]]:
    if times <= 100:
        return total, tuple(value * times for value in current)
    if len(current) == 1:
        return total + current[0] * times, ()
    return total, tuple(value * times for value in current)


def _takes(value: float, unit: float) -> bool:
    """Whether a unit may follow a value: twenty-two, two hundred and five, and not two three."""
    return (unit < 10 and value % 10 == 0) or (unit < 100 and value % 100 == 0)


def _meaning(table: Mapping[tuple[str, str], float], word: str, lang: str) -> float | None:
    if (lang, word) in table:
        return table[lang, word]
    if table is not _UNITS:
        return None
    if (lang, word) in _ORDINALS:
        return _ORDINALS[lang, word]
    if lang == "en" and (match := _ENGLISH_ORDINAL.fullmatch(word)):
        return table.get((lang, match[1]))
    if lang in ("az", "tr"):
        for length in range(len(word) - 1, 1, -1):
            endings = _ENDING if length >= _SHORTEST_WITH_ENDING else _TURKIC_ORDINAL
            if (lang, word[:length]) in table and endings.fullmatch(word[length:]):
                return table[lang, word[:length]]
    return None


_TABLES = {"times": _TIMES, "unit": _UNITS, "half": _HALVES}


def _literal_values(literal: str, lang: str) -> tuple[float, ...]:
    digits = re.sub(r"[^\d.,]", "", literal)
    marks = re.findall("[.,]", digits)
    if not marks:
        return (float(digits),)
    if len(set(marks)) == 2:  # the last one is the decimal mark
        whole, _, part = digits.rpartition(marks[-1])
        return (_number(whole, part),)
    pieces = re.split("[.,]", digits)
    if len(pieces) > 2:
        return (_number("".join(pieces), ""),)
    whole, part = pieces
    decimal, joined = _number(whole, part), _number(whole + part, "")
    if len(part) != 3 or len(whole) > 3 or whole.startswith("0") or len(digits) != len(literal):
        return (decimal,)
    if lang in _COMMA_PARTS_THOUSANDS:
        return (joined,) if marks[0] == "," else (decimal,)
    return (joined, decimal) if marks[0] == "." else (decimal, joined)


def _number(whole: str, part: str) -> float:
    return float(f"{re.sub('[.,]', '', whole) or '0'}.{part or '0'}")
