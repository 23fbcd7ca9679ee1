"""What a statement states that can be compared with a quote by form: its numbers, its dates, its names.

None of this says that a statement follows from a quote. It says when it cannot: a number, a day or a name that stands
nowhere in the words that are to prove it was changed or made up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from index.dates import FoundDate, find_dates, is_weekday
from index.fold import FoldedWord, fold_word, stem_word, words
from index.names import NAME_LANGUAGES, find_names, is_ending
from index.values import Span
from rag.budget import count_tokens
from rag.numbers import find_numbers

# By what "yesterday" is counted where nobody knows when a text was published: the same for a statement and its quotes.
_SOME_DAY = "2001-06-13"
_WORD = re.compile(r"[^\W_]+")
# "U.S." is one name, "Friday's" is Friday.
_DOTTED = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_POSSESSIVE = re.compile(r"['’ʼ](?:s|m|ve|re|d|ll|t)\b")
# Before it a sentence or a line of speech begins, so that a capital says nothing.
_OPENING = re.compile(r"(?:\A|[.!?…:;]|\n)[\s\"'“”„«»‘’(\[–—-]*\Z")
_LONGEST_OPENING = 40  # characters of it: looked for from the beginning, a long text takes the square of its length
_VOWELS = re.compile("[aeiouy]")
# How alike two words must be to be one name in two spellings; only across languages, and not of short ones.
_ALIKE = 0.82
_SHORTEST_ALIKE = 5
_ALIKE_VOWELS = 0.6  # where all consonants are the same


def _folded(words: str) -> frozenset[str]:
    return frozenset(map(fold_word, words.split()))


# Ordinary words that are written large within a sentence, mostly in English, and words of every kind that begin one.
_TITLES = _folded("""
    president vice prime minister ministers ministry foreign defence defense interior finance health education
    justice affairs secretary general governor mayor chancellor king queen prince princess pope bishop judge
    court supreme constitutional parliament senate congress council assembly government cabinet state states
    republic federation union commission committee party department office agency bank central national
    international university institute school college hospital museum theatre theater library church cathedral
    embassy police army navy air force forces military colonel captain sergeant professor doctor dr mr mrs ms
    sir lord lady saint st street avenue square park river lake sea ocean mount island islands north south east
    west northern southern eastern western city town village district region province county house world cup
    league championship olympic games war i god internet prezident nazir nazirlik baş vəzir xarici işlər daxili
    müdafiə səhiyyə təhsil məclis şura hökumət partiya birlik respublika dövlət mərkəzi universitet akademik
    doktor şəhər rayon kənd küçə президент премьер министр министерство совет верховный суд федерация республика
    партия союз комиссия государственный центральный банк университет город область район cumhurbaşkanı başbakan
    bakan bakanlığı meclis mahkeme üniversite belediye
""")
_OPENERS = _folded("""
    the a an this that these those it its he she they we you i his her their our your my there here who what
    when where why how which while after before during since until because although though if as at by for from
    in into of on over under with without within to about according however meanwhile instead also both each
    every all some many most more few several one two no not only and or but so then thus yes bu o onlar biz siz
    mən sən onun onların bizim həmin belə bunun buna bundan bunu orada burada kim nə niyə nəyə necə harada hansı
    sonra əvvəl çünki amma ancaq lakin və ya isə ki üçün görə hər bütün bəzi çox az daha yalnız həm də bir iki
    xeyr bəli əgər artıq indi это этот эта эти тот та те он она оно они мы вы я его её ее их наш ваш мой там
    здесь тут кто что когда где почему как какой пока после до во время с со из за при потому поскольку хотя
    если в на по о об от для без у к ко и или но а так также однако тем все всё каждый некоторые многие
    большинство более только не ни да нет один два уже сейчас şu ben sen ve veya ama fakat ancak çünkü için göre
    tüm bazı çok sadece hem
""")
_DAYS_AND_MONTHS = _folded("""
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december
""")


@dataclass(frozen=True, slots=True)
class Quoted:
    """Words of a source, and by what to read them."""

    text: str
    lang: str  # BCP 47
    date: str  # on which it was published, ISO 8601, or ""


@dataclass(frozen=True, slots=True)
class Compared:
    """The facts of one kind that a statement states, and those that its quotes have not, as it writes them."""

    stated: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComparedFacts:
    """What of a statement can be compared with its quotes by form."""

    dates: Compared
    numbers: Compared  # those that are no part of a date which the quotes have
    names: Compared


def compare_facts(statement: str, quotes: Sequence[Quoted], *, lang: str, context: str = "") -> ComparedFacts:
    """The dates, numbers and names of a statement in language `lang`, compared with those of its quotes.

    A name is a word with a capital that is not the first of its sentence; the first, too, unless it is known to be an
    ordinary word: because it is a frequent one, or because `context` (the question, the passages) writes it small.
    """
    dates = _dates(statement, lang, quotes)
    held = [found.span for found in dates if found.is_held]
    wrong = [found.span for found in dates if not found.is_held]
    return ComparedFacts(
        Compared(len(dates), tuple(span.of(statement) for span in wrong)),
        _numbers(statement, lang, quotes, held),
        _compared_names(statement, lang, quotes, context, wrong + held),
    )


def unsupported(statement: str, quotes: Sequence[Quoted], *, lang: str, context: str = "") -> list[str]:
    """What a statement in language `lang` states and no quote does: dates, numbers and names; see `compare_facts`."""
    found = compare_facts(statement, quotes, lang=lang, context=context)
    # A date of which the quotes have the number, as in a year that is written in words elsewhere, is not missing twice.
    numbers = (number for number in found.numbers.missing if not any(number in date for date in found.dates.missing))
    return [*found.dates.missing, *numbers, *found.names.missing]


def missing_names(text: str, quotes: Sequence[Quoted], *, lang: str, context: str = "") -> list[str]:
    """The names in a text of language `lang` that no quote has, as it writes them; see `unsupported`."""
    dates = [found.span for found in find_dates(text, lang=lang)]
    return list(_compared_names(text, lang, quotes, context, dates).missing)


def is_common(word: FoldedWord) -> bool:
    """Whether a word is one that begins sentences about anything: "the", "после", "bunun"."""
    return word.skeleton in _OPENERS


# Dates


@dataclass(frozen=True, slots=True)
class _Date:
    span: Span
    is_held: bool


def _dates(statement: str, lang: str, quotes: Sequence[Quoted]) -> list[_Date]:
    days = {quote.date or _SOME_DAY for quote in quotes}
    of_quotes = {
        day: [
            value
            for quote in quotes
            if (quote.date or _SOME_DAY) == day
            for found in find_dates(quote.text, lang=quote.lang, published=day)
            for value in _values(found)
        ]
        + [value for quote in quotes for value in _weekdays(quote, day)]
        for day in days
    }
    spans: dict[Span, bool] = {}
    for day, held in of_quotes.items():
        for found in find_dates(statement, lang=lang, published=day):
            fits = any(_fits(value, other) for value in _values(found) for other in held)
            spans[found.span] = spans.get(found.span, False) or fits
    return [_Date(span, is_held) for span, is_held in spans.items()]


def _weekdays(quote: Quoted, day: str) -> Iterator[str]:
    """The days of the week that a quote names in passing: "a boy was hurt Saturday while he swam"."""
    for word in filter(is_weekday, _WORD.findall(quote.text)):
        for found in find_dates(f"on {word}" if quote.lang == "en" else word, lang=quote.lang, published=day):
            yield from _values(found)


def _values(found: FoundDate) -> tuple[str, ...]:
    return found.alternatives or ((found.value,) if found.value else ())


def _fits(stated: str, quoted: str) -> bool:
    """Whether a quote that has one date proves the other, which may be less exact."""
    if "/" in stated:
        return stated == quoted or all(_fits(end, quoted) for end in stated.split("/"))
    if stated == quoted or quoted.startswith(f"{stated}-"):
        return True
    if stated.startswith("--"):
        return quoted.endswith(stated[1:])
    return "/" in quoted and any(_fits(stated, end) for end in quoted.split("/"))


# Numbers


def _numbers(statement: str, lang: str, quotes: Sequence[Quoted], held: Sequence[Span]) -> Compared:
    stated = [found for found in find_numbers(statement, lang=lang) if not any(found.span.overlap(s) for s in held)]
    if not stated:
        return Compared(0, ())
    quoted = {
        value for quote in quotes for found in find_numbers(quote.text, lang=quote.lang) for value in found.values
    }
    missing = tuple(found.span.of(statement) for found in stated if found.values[0] not in quoted)
    return Compared(len(stated), missing)


# Names


def _compared_names(
    statement: str, lang: str, quotes: Sequence[Quoted], context: str, dates: Sequence[Span]
) -> Compared:
    quoted = [(word, quote.lang) for quote in quotes for word in words(_joined(quote.text))]
    stated = _joined(statement)
    small = {fold_word(word) for word in _WORD.findall(context) if word[:1].islower()}
    small |= {word.skeleton for word, _ in quoted if word.text[:1].islower()}
    large = {fold_word(word) for word in _large_within(context)}
    called = _other_names(stated)
    large |= {fold_word(word) for word in called}
    names = list(_names(stated, small, large, [] if stated != statement else dates))
    missing = [
        name.text
        for name in names
        if not any(
            _same(name, lang, other, its)
            # What has a name of its own in each language is not told by how it sounds.
            or (name.text not in called and lang != its and _sounds_like(name, other))
            for other, its in quoted
        )
        and not any(_called(other, quoted) for other in called.get(name.text, ()))
    ]
    return Compared(len(names), tuple(missing))


def _joined(text: str) -> str:
    """The text without characters that nobody sees, and with letters of one form: what they hide is compared, too."""
    seen = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return _DOTTED.sub(lambda dotted: dotted.group().replace(".", ""), _POSSESSIVE.sub("", seen))


def _names(text: str, small: set[str], large: set[str], dates: Sequence[Span]) -> Iterator[FoldedWord]:
    for match in _WORD.finditer(text):
        word = match.group()
        skeleton = fold_word(word)
        if not skeleton or any(span.start <= match.start() < span.end for span in dates) or word.isdigit():
            continue
        if _is_name(word, skeleton, _opens(text, match.start()), small, large):
            yield FoldedWord(word, skeleton)


def _is_name(word: str, skeleton: str, is_first: bool, small: set[str], large: set[str]) -> bool:
    if skeleton in _DAYS_AND_MONTHS or is_weekday(word) or word[0].isdigit() or len(word) == 1:
        return False  # dates are told by what they mean
    if not word[0].isupper():
        # Written small to be taken for an ordinary word.
        return len(skeleton) > 3 and (skeleton in large and skeleton not in small)
    if is_first:
        return skeleton not in _OPENERS and (skeleton in large or (skeleton not in small and not _is_usual(word)))
    return skeleton not in _TITLES and skeleton not in _OPENERS


def _large_within(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text):
        if match.group()[0].isupper() and not _opens(text, match.start()):
            yield match.group()


def _opens(text: str, place: int) -> bool:
    """Whether a sentence begins at a place."""
    return _OPENING.search(text, max(0, place - _LONGEST_OPENING), place) is not None


def _is_usual(word: str) -> bool:
    """Whether a word is more usual without its capital: it takes an encoding fewer tokens, and not many."""
    small, large = count_tokens(f" {word.lower()}"), count_tokens(f" {word}")
    return small == 1 or (small == 2 and large > 2)


def _same(one: FoldedWord, one_lang: str, other: FoldedWord, other_lang: str) -> bool:
    """Whether two words are one name, each with an ending of its language or none."""
    if one.skeleton == other.skeleton:
        return True
    if stem_word(one.text) == stem_word(other.text) != "":
        return True
    short, (long, lang) = (
        (one, (other, other_lang)) if len(one.skeleton) < len(other.skeleton) else (other, (one, one_lang))
    )
    if len(short.skeleton) > 2 and long.skeleton.startswith(short.skeleton):
        return is_ending(long.skeleton[len(short.skeleton) :], lang)
    return False


def _sounds_like(name: FoldedWord, other: FoldedWord) -> bool:
    return other.text[0].isupper() and _alike(_sounds(name), _sounds(other))


def _sounds(word: FoldedWord) -> str:
    """A folded word as it sounds, roughly: each alphabet writes Jones, Cromwell and Wade in a way of its own."""
    bare = _SEMIVOWEL.sub("v", word.skeleton.replace("gh", "").replace("dj", "c").replace("dz", "z"))
    # Гусейнов is Hüseynov.
    return bare[:1].replace("g", "h").translate(_SOUND) + bare[1:].translate(_SOUND).replace("h", "")


_SEMIVOWEL = re.compile("^u(?=[aeio])")
_SOUND = str.maketrans("kqjzw", "cccsv")


def _alike(one: str, other: str) -> bool:
    other, one = sorted((one, other), key=len)
    if one[:1] != other[:1] and not (_VOWELS.match(one) and _VOWELS.match(other)):  # Aliyev, Əliyev
        return False
    # The longer may have an ending.
    hard = [_VOWELS.sub("", word) for word in (one, other, one[: len(other) + 1])]
    likeness = SequenceMatcher(None, one[: len(other) + 1], other, autojunk=False).ratio()
    if len(hard[1]) > 1 and hard[1] in (hard[0], hard[2]):
        return likeness >= _ALIKE_VOWELS
    return len(other) >= _SHORTEST_ALIKE and likeness >= _ALIKE


def _other_names(text: str) -> dict[str, list[list[str]]]:
    """For each word that names something, alone or with its neighbours, what that is called in other languages."""
    found = words(text)
    called: dict[str, list[list[str]]] = {}
    for name in find_names(found, set(NAME_LANGUAGES)):
        others = [[word.skeleton for word in words(other)] for other in name.others]
        for word in found[name.start : name.end]:
            called.setdefault(word.text, []).extend(others)
    return called


def _called(name: Sequence[str], quoted: Iterable[tuple[FoldedWord, str]]) -> bool:
    """Whether words of the quotes are this name, each with an ending or none."""
    quoted = list(quoted)
    return any(
        all(
            _has_ending(word.skeleton, part, lang)
            for (word, lang), part in zip(quoted[i : i + len(name)], name, strict=True)
        )
        for i in range(len(quoted) - len(name) + 1)
    )


def _has_ending(word: str, part: str, lang: str) -> bool:
    cut = _cut(part) if lang in ("ru", "uk") else part
    return word.startswith(cut) and is_ending(word[len(cut) :], lang)


def _cut(skeleton: str) -> str:
    cut = re.sub("[aeiouy]+$", "", skeleton)
    return cut if len(cut) > 2 else skeleton
