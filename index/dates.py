"""Dates in running text, and when an article was published, where its text says so.

Texts are read in a folded form of the same length, in which "İyun" and "IYUN" are one word and Azerbaijani is the same
with and without its letters ("dünən", "dunen"). Month names of en, az, ru and tr are known in every text, for archives
mix them; words such as "yesterday" and "keçən həftə" only in a text of their own language.

A value is ISO 8601 cut to what is known: "2024-05-17", "2024-05", "2024", "2024-W07"; two of a kind with "/" between
them for a range; "--12-11" or "--12" for a day or month of an unknown year, as ISO 8601:2000 and vCard write it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from index.values import Span

# A day without a year is taken to be within the three months after the publication, or else before it: what is
# announced is soon, and what is over nine months old is mostly told with its year.
_DAYS_AHEAD = 92
_DAY_LENGTH = len("2024-05-17")


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date that a text names."""

    span: Span
    value: str  # see the module; "" if it cannot be told which date this is
    alternatives: tuple[str, ...]  # both readings of 03/04/2024, and then `value` is ""; else ()
    relative: bool  # whether the value hangs on the day of publication: "yesterday", "16 февраля"


@dataclass(frozen=True, slots=True)
class Published:
    """When an article was published; both are "" if its text does not say."""

    date: str  # "2024-05-17" or "2024-05"
    read_from: str  # "date line", "byline", "last line", "dateline", "title"


# The folded form: as long as the text, so that places in it are places in the text.

_BEFORE_LOWER = (("İ", "i"), ("ı", "i"))  # İ is the one letter whose lower() is longer than itself
_AFTER_LOWER = tuple(zip("əşçöüğё’‘ʼ–—−‑\u00a0\u202f\u2009", "escougе'''----   ", strict=True))


def _fold(text: str) -> str:
    # Not str.translate: on text that is not ASCII it is several times slower than these passes.
    for letter, plain in _BEFORE_LOWER:
        text = text.replace(letter, plain)
    text = text.lower()
    for letter, plain in () if text.isascii() else _AFTER_LOWER:
        text = text.replace(letter, plain)
    return text


# What words mean. Words are folded, "_" is a space, and the longest entry that a word begins with counts.


def _meanings(*rows: str, start: int = 1) -> dict[str, int]:
    """The n-th word of every row means n, counted from `start`; "|" parts words that mean the same."""
    return {
        word.replace("_", " "): n
        for row in rows
        for n, words in enumerate(row.split(), start)
        for word in words.split("|")
    }


def _any_of(words: Mapping[str, int]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


def _meaning(table: Mapping[str, int], word: str) -> int:
    return next(table[word[:length]] for length in range(len(word), 0, -1) if word[:length] in table)


_MONTHS = _meanings(
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "yan fev mar apr may iyun|iyn iyul|iyl avq|avgust sen okt noy dek",
    "oca sub mar nis may haz tem agu eyl eki kas ara",
    "янв фев мар апр май|мая|мае|маю июн июл авг сен окт ноя дек",
    "січ лют берез квіт трав черв лип серп верес жовт листопад груд",  # uk, of which nothing else is known here
    "_ _ _ _ мај ијун ијул _ _ _ нојабр _",  # Azerbaijani in Cyrillic letters, where it is not as in Russian
)
_WEEKDAYS = _meanings(
    "monday tuesday wednesday thursday friday saturday sunday",
    "понедельник вторник сред четверг пятниц суббот воскресень",
    "bazar_ertesi cersenbe_axsami cersenbe cume_axsami cume senbe bazar",
    "pazartesi sali carsamba persembe cuma cumartesi pazar",
    start=0,
)
_NEAR = _meanings(
    "last this next",
    "прошл|минувш эт|нынешн|текущ следующ|будущ",
    "kecen|kechen|oten bu|cari gelen|novbeti",
    "gecen|gectigimiz bu|icinde gelecek|onumuzdeki",
    start=-1,
)
_UNITS = _meanings(
    "day week month year", "день|дня|дней недел месяц год|лет", "gun hefte ay il", "gun hafta ay yil|sene"
)
_DAY, _WEEK, _MONTH = 1, 2, 3  # and 4 is a year
_DAY_WORDS = {
    "en": _meanings("day_before_yesterday yesterday|last_night today|tonight|this_morning|this_evening tomorrow "
                    "day_after_tomorrow", start=-2),
    "ru": _meanings("позавчера вчера|вчерашн сегодня|сегодняшн завтра|завтрашн послезавтра", start=-2),
    "az": _meanings("sragagun|siragagun dunen bu_gun|bugun|bu_seher|bu_axsam sabah birisi_gun|birigun", start=-2),
    "tr": _meanings("evvelsi_gun|onceki_gun dun bugun|bu_sabah|bu_aksam yarin obur_gun", start=-2),
}  # fmt: skip
_NUMBERS = {
    "en": _meanings("one|a|an two three four five six seven eight nine ten eleven twelve"),
    "ru": _meanings("один|одну|одна два|две три четыре пять шесть семь восемь девять десять одиннадцать двенадцать"),
    "az": _meanings("bir iki uc dord bes alti yeddi sekkiz doqquz on on_bir on_iki"),
    "tr": _meanings("bir iki uc dort bes alti yedi sekiz dokuz on on_bir on_iki"),
}
_TENS = {
    "en": {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50},
    "ru": {"двадцать": 20, "тридцать": 30, "сорок": 40, "пятьдесят": 50},
    "az": {"iyirmi": 20, "otuz": 30, "qirx": 40, "elli": 50},
    "tr": {"yirmi": 20, "otuz": 30, "kirk": 40, "elli": 50},
}
_ROMAN = _meanings("i ii iii iv v vi vii viii ix x xi xii")  # months, as in 6.XII.2023
# Too short to be a month on their own: "ara" is a gap, "5-dək" is "until 5".
_ONLY_WITH_A_YEAR = frozenset(_meanings("oca sub nis haz tem agu eyl eki kas ara yan fev avq sen okt noy dek iyn iyl"))
_ALSO_VERBS = frozenset({"may", "march", "mar"})

# How words are written.

_S = r"(?:[ \t]{1,2}|[ \t]?\r?\n[ \t]?)"  # bounded, so that no run of blanks is walked twice
_END = r"(?![^\W\d])"  # no letter follows; a digit may, in text that lost its spaces
_Y = r"(?:1[5-9][0-9]{2}|20[0-9]{2})"
_CASE = r"(?:'?(?:[iu]n?(?:d[ae](?:n|ki)?|[ae])?|[dt][ae](?:n|ki)?|[ae](?:d[ae]k)?))?"  # Turkic endings
_MONTH_NAME = (
    r"(?:(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?|"
    rf"(?:yanvar|fevral|mart|aprel|may(?:is)?|iyun|iyul|av[qg]ust|senty?abr|okty?abr|noyabr|dekabr|oca[kg]|subat|nisan|"
    rf"haziran|temmuz|agustos|eylul|ekim|kasim|arali[kg]){_CASE}|"
    r"oca|sub|nis|haz|tem|agu|eyl|eki|kas|ara|yan|fev|avq|sen|okt|noy|dek|iyn|iyl|"
    r"ма(?:[йяею]|ем)|(?:январ|феврал|март|апрел|июн|июл|август|сентябр|октябр|ноябр|декабр)(?:[ьяеюау]|ем|ом)?|"
    r"(?:мај|ијун|ијул|сентјабр|октјабр|нојабр)(?:ын|ун|да|дан|ында|унда)?|"
    r"(?:січ|берез|квіт|трав|черв|лип|серп|верес|жовт|груд)(?:ень|ня|ні|нем)|лют(?:ий|ого|ому)|листопад(?:а|і|ом)?|"
    rf"янв|февр?|мар|апр|авг|сент?|окт|нояб?|дек){_END})"
)
_WEEKDAY = (
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|понедельник[ауе]?|вторник[ауе]?|сред[аыу]|четверг[ауе]?|"
    r"пятниц[аыуе]|суббот[аыуе]|воскресень[еяю]|bazar ertesi|cersenbe(?: axsami)?|cume(?: axsami)?|senbe|bazar|"
    rf"pazartesi|sali|carsamba|persembe|cuma(?:rtesi)?|pazar){_END}"
)
_ANY_WEEKDAY = rf"(?:{_WEEKDAY}(?: gunu)?|(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun|пн|вт|ср|чт|пт|сб|вс){_END}\.?)"
# "2023-cü il", "2023 года", "2023 yılında": words that make a number a year.
_YEAR_WORD = (
    rf"(?:[- ]?(?:c[iu] )?il(?:in|d[ae]n?|e|dek|deki|inde)?{_END}|[ ]?г\.|"
    rf"(?:-(?:го|м|му|й))?{_S}год(?:а|у|ом|е)?{_END}|{_S}року{_END}|{_S}(?:yil|sene)(?:i(?:n(?:in|d[ae]n?|[ae])?)?)?{_END})"
)
_ORDINAL = r"(?:st|nd|rd|th|-?(?:го|е|ое))?"
_NUMBER_END = rf"(?:[-'][a-z]{{1,5}}|{_ORDINAL})(?![\w%]|[.,:][0-9])"
_TO = rf"(?:{_S}?-{_S}?|{_S}(?:to|through|until|till|по|do){_S})"
# Nouns that make the number before them a count: "on 5 May 2000 people came".
_COUNTED = (
    r"(?:people|persons|men|women|soldiers|houses|homes|families|dollars|euros|manats?|tons|tonnes|percent|per|km|"
    r"человек|рублей|тонн|домов|семей|nefer|manat|ton|ev|aile|kisi|lira)\b"
)


_NUMERIC = (
    rf"(?P<y1>{_Y})(?P<s1>[-/.])(?P<m1>[0-9]{{1,2}})(?P=s1)(?P<d1>[0-9]{{1,2}})(?![0-9]|[./][0-9])|"
    r"(?:(?P<from2>[0-9]{1,2})-)?(?P<d2>[0-9]{1,2})(?P<s2>[./-]) ?(?P<m2>[0-9]{1,2})(?P=s2) ?"
    rf"(?P<y2>{_Y}|[0-9]{{2}})(?![0-9]|[./][0-9])|"
    r"(?<![^\n])(?P<y3>(?:19|20)[0-9]{2})(?P<m3>[0-9]{2})(?P<d3>[0-9]{2})(?![^\r\n])|"
    rf"(?P<d4>[0-9]{{1,2}})(?P<s4>[./ -])(?P<m4>{_any_of(_ROMAN)})(?P=s4)(?P<y4>{_Y})(?![0-9]|[./][0-9])"
)
_DAY_MONTH = (
    rf"(?P<da>[0-9]{{1,2}}){_ORDINAL}(?:{_TO}(?P<db>[0-9]{{1,2}}){_ORDINAL})?"
    rf"(?:{_S}|[-/.] ?)?(?:(?:day{_S})?of{_S})?(?P<ma>{_MONTH_NAME})(?!{_S}[0-9]{{1,2}},{_S}{_Y})"
)
_MONTH_DAY = (
    rf"(?P<mb>{_MONTH_NAME})(?P<ayi>{_S}ayi(?:n(?:d[ae]n?|in|a)?)?{_END})?"
    rf"(?:\.?{_S}(?:the{_S})?(?P<dc>[0-9]{{1,2}}){_NUMBER_END}"
    rf"(?:(?:{_TO}|(?<=d[ae]n){_S})(?P<dd>[0-9]{{1,2}}){_NUMBER_END})?)?"
)
_YEARS = (
    rf"(?:(?<=\bfrom )|(?<=\bbetween )|(?<=\bс ))(?P<yc>{_Y}){_S}(?:to|and|по){_S}(?P<yd>{_Y})"
    rf"(?:{_YEAR_WORD})?(?![\w%])|"
    rf"(?P<ye>{_Y}) ?- ?(?P<yf>{_Y})(?![0-9%]|[-/.,][0-9])"
    rf"(?:[- ]c[iu]{_S}iller[a-z]{{0,4}}|{_S}год(?:ы|ов|ах|ам){_END}|{_YEAR_WORD})?"
)
_PAGES = r"(?:,? pp? [0-9, -]+)?"  # of a paper, at the end of a line: "3 Mar 05 p 1, 3"


@dataclass(frozen=True, slots=True)
class _Grammar:
    """The patterns of one language, for folded text; `_NEVER` where it has none."""

    near: str  # last, this, next
    period: str  # week, month, year
    ago: str  # "three days ago"; NUMBER stands for its numbers
    year_cue: str  # what makes the number before it a year, beside the words of `_YEAR_WORD`
    month_after: str  # words after which a month alone is a time
    month_form: str  # forms of a month, or a month and a word, which are a time
    weekday_after: str  # words after which a weekday is a day


_NEVER = r"(?!)"
_UNKNOWN = _Grammar(_NEVER, _NEVER, _NEVER, _NEVER, _NEVER, _NEVER, _NEVER)
_TURKIC_AGO = rf"(?P<number>NUMBER){_S}(?P<unit>UNITS){_S}(?:bundan{_S})?(?:WORDS){_END}"
# What stands before an English year, looked for from behind its four digits.
_YEAR_AFTER = "|".join(
    rf"(?<=\b{word}....)"
    for word in (
        "in ", "since ", "until ", "till ", "by ", "during ", "before ", "after ", "from ", "year ", "early ", "late ",
        "mid[ -]", "end of ", "start of ", "beginning of ", "middle of ", "rest of ", "half of ", "quarter of ",
        "spring of ", "summer of ", "autumn of ", "fall of ", "winter of ",
    )
)  # fmt: skip
_GRAMMARS = {
    "en": _Grammar(
        near=r"(?<!\bthe )(?:last|this|next)",
        period=r"(?:week|month|year)(?:'?s)?",
        ago=rf"(?P<number>NUMBER){_S}(?P<unit>(?:day|week|month|year)s?){_S}ago",
        year_cue=rf"(?:{_YEAR_AFTER})(?![\w%-]|[,.:/][0-9]|{_S}{_COUNTED})",
        month_after=r"\b(?:in|since|until|till|by|during|late|early|from|between|mid|(?:end|start|middle) of)[ -]",
        month_form=_NEVER,
        weekday_after=r"\b(?:on|since|until|till|by|from|before|after|said|late|early) ",
    ),
    "ru": _Grammar(
        # "прошла" and "прошли" are verbs, "прошлых" is many
        near=r"(?:(?:прошл|минувш|нынешн|текущ|следующ|будущ)(?:[оыие][йм]|[ое]е|[ое]го|[ое]му|[юу]ю|[ая]я)|"
        r"эт(?:а|о[тмй]|ого|ому|у|им))",
        period=r"(?:недел(?:[яюие]|ей)|месяц(?:а|е|у|ем)?|год(?:а|у|ом|е)?)",
        ago=rf"(?:(?P<number>NUMBER){_S}(?P<unit>день|дня|дней|недел[июья]|месяц(?:а|ев)?|год(?:а|ов)?|лет)"
        rf"|(?P<one>неделю|месяц|год)){_S}назад",
        year_cue=r"(?<=\bв ....)-м\b",
        month_after=r"\b(?:в|во|с|со|до|к|по) ",
        month_form=_NEVER,
        weekday_after=r"\b(?:в|во|до|к|с|со|на) ",
    ),
    "az": _Grammar(
        near=r"(?:ke(?:c|ch)en|oten|bu|cari|gelen|novbeti)",
        period=r"(?:hefte|ay|il)(?:n?in|[dt][ae](?:n|ki)?|y?[ae]|ki|si)?",
        ago=_TURKIC_AGO.replace("UNITS", "gun|hefte|ay|il").replace("WORDS", "evvel|once|qabaq"),
        year_cue=_NEVER,
        month_after=_NEVER,
        month_form=r".*(?:d[ae](?:n|ki)?| ayi\w*)",
        weekday_after=_NEVER,
    ),
    "tr": _Grammar(
        near=r"(?:gecen|gectigimiz|bu|gelecek|onumuzdeki)",
        period=r"(?:hafta|ay|yil|sene)(?:n?in|[dt][ae](?:n|ki)?|y?[ae]|ki|si)?",
        ago=_TURKIC_AGO.replace("UNITS", "gun|hafta|ay|yil|sene").replace("WORDS", "once|evvel"),
        year_cue=r"'(?:[dt][ae](?:n|ki)?|y?[ae]|n?[iu]n|[iu])\b",
        month_after=_NEVER,
        # ocakta, aralıkta and ekimde are also "on the stove", "in the gap" and "at the sowing"
        month_form=r"(?!oca|ara|eki)[^']*[dt][ae](?:n|ki)?|.*(?:'[dt][ae]n?| ayi\w*)",
        weekday_after=_NEVER,
    ),
}


@cache
def _pattern(lang: str) -> re.Pattern[str]:
    """Everything that is a date by its form in a folded text; what it finds may still be none."""
    grammar = _GRAMMARS.get(lang, _UNKNOWN)
    near, days, ago = grammar.near, _NEVER, _NEVER
    if lang in _GRAMMARS:
        tens, ones = _any_of(_TENS[lang]), _any_of(_NUMBERS[lang])
        ago = grammar.ago.replace("NUMBER", rf"[0-9]{{1,3}}|(?:(?:{tens})[ -])?(?:{ones})|{tens}")
        days = rf"(?:{_any_of(_DAY_WORDS[lang])})(?:(?<=шн)[а-я]{{2,3}}|'s|k[iu])?"
    # A year, or a word for one, may stand before or after a day and a month.
    named = (
        rf"(?:(?P<yb>{_Y})(?:{_YEAR_WORD}|(?<![^\n]....)|(?<=, ....)),?{_S}|"
        rf"(?P<nearb>{near})(?:{_S}(?P<unitb>(?:il|yil)(?:in|d[ae])?{_END}))?{_S})?"
        rf"(?:{_DAY_MONTH}|{_MONTH_DAY})"
        rf"(?:\.?,?(?:{_S}(?:of{_S})?|['/-])?(?P<ya>{_Y})(?![0-9%]|[,.][0-9]|{_S}{_COUNTED})"
        rf"(?:{_YEAR_WORD}|'[a-z]{{1,4}}{_END})?|"
        rf"[ -]'?(?P<yz>[0-9]{{2}})(?={_PAGES}\Z)|"
        rf",?{_S}(?:of{_S})?(?P<neara>{near}){_S}(?P<unita>year|год[ау]?){_END})?"
    )
    return re.compile(
        r"(?<!\d[.,:/])(?:"
        rf"(?:{_ANY_WEEKDAY},?{_S})?(?:{_NUMERIC}|{named})(?:,? \(?{_ANY_WEEKDAY}\)?)?|"
        rf"{_YEARS}|(?P<yg>{_Y})(?:{_YEAR_WORD}|{grammar.year_cue})|"
        rf"(?P<word>{days}){_END}|"
        rf"(?P<near>{near}){_S}(?P<period>{grammar.period}){_END}|"
        rf"{ago}|"
        rf"(?:(?P<neard>{near}){_S})?(?P<weekday>{_WEEKDAY})(?P<gunu> gun(?:u|leri){_END})?)"
    )


@cache
def _start(lang: str) -> re.Pattern[str]:
    """The character before each place of a folded text at which a date may begin.

    A search for it skips from word to word; tried at every place of a text, `_pattern` would be the slowest step of
    reading.
    """
    words = {word[:3] for word in (*_MONTHS, *_WEEKDAYS, "пн", "вт", "ср", "чт", "пт", "сб", "вс")}
    if lang in _GRAMMARS:
        near = _GRAMMARS[lang].near
        words |= {word for word in _NEAR if re.match(near, f"{word}ом" if lang == "ru" else word)}
        words |= {*_DAY_WORDS[lang], *(f"{word} " for word in (*_NUMBERS[lang], *_TENS[lang]))}
        words |= {"неделю", "год ", "месяц "} if lang == "ru" else set()
    branches: dict[str, list[str]] = {}
    for word in sorted(words):
        branches.setdefault(word[0], []).append(word[1:].replace(" ", r"[\s-]"))
    begins = "|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in branches.items())
    return re.compile(rf"\W(?=[0-9]|{begins})")


@cache
def _before(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{words})\Z")


# From a match to a value


def _iso(year: int, month: int = 0, day: int = 0) -> str:
    """ISO 8601 of what is known (0 is not); "" if there is no such day."""
    try:
        dt.date(year or 2000, month or 1, day or 1)  # 2000, for it has a 29 February
    except ValueError:
        return ""
    return "-".join([f"{year:04}" if year else "-", *(f"{part:02}" for part in (month, day) if part)])


def _pair(first: str, last: str) -> str:
    """A range; "" unless both are dates of one precision, the first before the last."""
    if not (first and last):
        return ""
    if first.startswith("--") and not last.startswith("--"):
        first = _with_year(first, int(last[:4]), last)
    return f"{first}/{last}" if len(first) == len(last) and first < last else ""


def _with_year(yearless: str, year: int, last: str) -> str:
    """`yearless` in that year, or the one before if it would come after `last`."""
    dated = f"{year:04}{yearless[1:]}"
    return dated if dated <= last else f"{year - 1:04}{yearless[1:]}"


@dataclass(frozen=True, slots=True)
class _Reader:
    """What one text's matches mean."""

    text: str
    folded: str
    lang: str
    day: dt.date | None  # of publication

    def read(self, match: re.Match[str]) -> FoundDate | None:
        """The date of a match, its year not yet supplied if it has none; None if it is no date."""
        got = {name: value for name, value in match.groupdict().items() if value}
        span = Span(*match.span())
        if "m4" in got:  # 6.XII.2023
            written = self.text[match.start("m4") : match.end("m4")]
            value = _iso(int(got["y4"]), _ROMAN[got["m4"]], int(got["d4"])) if written.isupper() else ""
            return _explicit(span, value)
        if "m1" in got or "m2" in got or "m3" in got:
            return self._numeric(span, got)
        if "ma" in got or "mb" in got:
            return self._named(match, span, got)
        for first, last in (("yc", "yd"), ("ye", "yf")):
            if first in got:
                return _explicit(span, _pair(got[first], got[last]))
        if "yg" in got:
            return _explicit(span, got["yg"])
        if "weekday" in got:
            return self._weekday(match, span, got)
        if self._is_name(span):
            return None
        return FoundDate(span, self._moved(got) if self.day else "", (), relative=True)

    def _numeric(self, span: Span, got: dict[str, str]) -> FoundDate | None:
        if "m2" not in got:
            n = "1" if "m1" in got else "3"
            return _explicit(span, _iso(int(got[f"y{n}"]), int(got[f"m{n}"]), int(got[f"d{n}"])))
        one, two, year = int(got["d2"]), int(got["m2"]), int(got["y2"])
        dotted = got["s2"] == "."
        if len(got["y2"]) == 2:
            # "12.05.24" is a day where days are dotted; in English it is as often a version.
            if not (dotted and self.lang in ("az", "ru", "tr") and len(got["d2"]) == len(got["m2"]) == 2):
                return None
            year = _century(year)
        day_first, month_first = _iso(year, two, one), _iso(year, one, two)
        if dotted or self.lang in ("az", "ru", "tr"):
            if "from2" in got:
                day_first = _pair(_iso(year, two, int(got["from2"])), day_first)
            return _explicit(span, day_first)
        if day_first and month_first and day_first != month_first:
            return FoundDate(span, "", (day_first, month_first), relative=False)
        return _explicit(span, day_first or month_first)

    def _named(self, match: re.Match[str], span: Span, got: dict[str, str]) -> FoundDate | None:
        name = got.get("ma") or got["mb"]
        month = _meaning(_MONTHS, name)
        day, last_day = int(got.get("da") or got.get("dc") or 0), int(got.get("db") or got.get("dd") or 0)
        if ("da" in got or "dc" in got) and not day:
            return None
        year = int(got.get("ya") or got.get("yb") or 0)
        if "yz" in got and "da" in got and not year:
            year = _century(int(got["yz"]))
        near = got.get("neara") or got.get("nearb")
        if not year and not near and not self._is_month(match, name, alone=not day, got=got):
            return None
        if near and self.day is None:
            return FoundDate(span, "", (), relative=True)
        if near and self.day:
            offset = _meaning(_NEAR, near)
            if "unita" in got or "unitb" in got:
                year = self.day.year + offset
            else:  # "last May" is the nearest before this month, "next May" the nearest after it
                year = self.day.year + (offset if (month - self.day.month) * offset <= 0 else 0)
        value = _iso(year, month, day)
        if last_day:
            last = _iso(year, month, last_day)
            value = _pair(value, last)
            if not value and "db" in got:  # "page 12 - 5 May": the first number is none of the date's
                span, value = Span(match.start("db"), span.end), last
        return FoundDate(span, value, (), relative=bool(near) or not year) if value else None

    def _is_month(self, match: re.Match[str], name: str, *, alone: bool, got: dict[str, str]) -> bool:
        """Whether the name of a month that has no year by it is one."""
        place = match.start("ma") if "ma" in got else match.start("mb")
        if name in _ONLY_WITH_A_YEAR:
            return False
        if name in _ALSO_VERBS and self.lang not in ("az", "ru", "tr") and not self.text[place].isupper():
            return False
        if not alone:
            return True
        grammar = _GRAMMARS.get(self.lang, _UNKNOWN)
        before = _before(grammar.month_after).search(self.folded, max(0, place - 12), place)
        return bool(before or re.fullmatch(grammar.month_form, name + (got.get("ayi") or "")))

    def _weekday(self, match: re.Match[str], span: Span, got: dict[str, str]) -> FoundDate | None:
        """A weekday is the nearest of its name that is past or the same day, if nothing else is said."""
        name = got["weekday"]
        grammar = _GRAMMARS.get(self.lang, _UNKNOWN)
        before = _before(grammar.weekday_after).search(self.folded, max(0, span.start - 12), span.start)
        if not (before or "neard" in got or "gunu" in got or " " in name):
            return None
        if self.day is None:
            return FoundDate(span, "", (), relative=True)
        back = (self.day.weekday() - _meaning(_WEEKDAYS, name)) % 7
        match _meaning(_NEAR, got["neard"]) if "neard" in got else None:
            case -1:
                back = back or 7
            case 0:  # of this week, Monday to Sunday
                back = self.day.weekday() - _meaning(_WEEKDAYS, name)
            case 1:
                back -= 7
        return FoundDate(span, _shifted(self.day, -back), (), relative=True)

    def _is_name(self, span: Span) -> bool:
        """Whether a word such as "Today" is written as a name: "USA Today", the newspaper «Сегодня»."""
        words, before = span.of(self.text), self.text[max(0, span.start - 2) : span.start]
        if not words[0].isupper() or (len(words) > 1 and words.isupper()):
            return False
        quoted = before[-1:] in tuple("\"«“„'") and self.text[span.end : span.end + 1] in tuple("\"»”“'")
        return quoted or (len(before) == 2 and before[0].isalpha() and before[1] == " ")

    def _moved(self, got: dict[str, str]) -> str:
        """The value of words that count from the day of publication."""
        assert self.day
        if "word" in got:
            return _shifted(self.day, _meaning(_DAY_WORDS[self.lang], got["word"]))
        if "period" in got:
            return _shifted(self.day, _meaning(_NEAR, got["near"]), _meaning(_UNITS, got["period"]))
        words = (got.get("number") or "1").replace("-", " ")
        count = int(words) if words.isdigit() else self._counted(words)
        return _shifted(self.day, -count, _meaning(_UNITS, got.get("unit") or got["one"]))

    def _counted(self, words: str) -> int:
        ones, tens = _NUMBERS[self.lang], _TENS[self.lang]
        if words in ones:
            return ones[words]
        ten, _, one = words.partition(" ")
        return tens[ten] + ones.get(one, 0)


def _century(year: int) -> int:
    """A year of two digits as POSIX reads it."""
    return year + (2000 if year < 69 else 1900)


def _explicit(span: Span, value: str) -> FoundDate | None:
    return FoundDate(span, value, (), relative=False) if value else None


def _shifted(day: dt.date, count: int, unit: int = _DAY) -> str:
    """The day, week, month or year so many of these after `day`; "" if it is out of the calendar."""
    try:
        if unit == _DAY:
            return (day + dt.timedelta(days=count)).isoformat()
        if unit == _WEEK:
            year, week, _ = (day + dt.timedelta(weeks=count)).isocalendar()
            return f"{year:04}-W{week:02}"
        months = day.year * 12 + day.month - 1 + (count if unit == _MONTH else 12 * count)
        return dt.date(months // 12, months % 12 + 1, 1).isoformat()[: 7 if unit == _MONTH else 4]
    except (ValueError, OverflowError):
        return ""


# What joins two dates to a range: a dash, "to", or in Azerbaijani and Turkish the ending of the first.
_JOINT = re.compile(r".{3}(?: ?- ?|\s(?:to|until|till|through|по|до)\s)|.?[dt][ae]n\s", re.DOTALL)
_BETWEEN = re.compile(r"\bbetween $")


def find_dates(text: str, *, lang: str, published: str = "") -> list[FoundDate]:
    """The dates that a text names, in order, none overlapping.

    `lang` is the text's BCP 47 tag. `published` is an ISO 8601 day; a month or "" tells nothing. From it come the
    values of relative words and the years of days and months that have none: the year that puts them not more than 92
    days after the publication, and less than a year before that. A weekday is the last of its name, or the same day.
    17.05.2024 is read day first; 03/04/2024 so in az, ru and tr, and in other languages both ways.

    >>> [found.value for found in find_dates("Dünən və 11 dekabr", lang="az", published="2024-01-05")]
    ['2024-01-04', '2023-12-11']
    """
    folded = _fold(text)
    day = dt.date.fromisoformat(published) if len(published) == _DAY_LENGTH else None
    reader = _Reader(text, folded, lang, day)
    found: list[FoundDate] = []
    was_named = False
    pattern, end = _pattern(lang), 0
    for before in _start(lang).finditer(f" {folded}"):
        start = before.start()  # of the date in `folded`, which is one character shorter
        match = pattern.match(folded, start) if start >= end else None
        if not match:
            continue
        if not (date := reader.read(match)):
            # 30 February 2024 is no day, and not the month in it either.
            end = match.end() if match["ya"] else end
            continue
        end = match.end()
        is_named = bool(match["ma"] or match["mb"] or match["d1"] or match["d2"])
        if was_named and is_named and (joined := _join(folded, found[-1], date)):
            found[-1] = joined
        else:
            found.append(date)
        was_named = is_named
    return [
        replace(date, value=_completed(date.value, day)) if day and date.value[:2] == "--" else date for date in found
    ]


def _join(folded: str, first: FoundDate, last: FoundDate) -> FoundDate | None:
    """The range from one date to the next, if the words between them say that it is one."""
    start, end = first.span.end, last.span.start
    if end - start > 10 or not first.value or not last.value or "/" in first.value + last.value:
        return None
    between = _BETWEEN.search(folded, max(0, first.span.start - 8), first.span.start) and folded[start:end] == " and "
    if not between and not _JOINT.fullmatch(folded[max(0, start - 3) : end]):
        return None
    value = _pair(first.value, last.value)
    return FoundDate(Span(first.span.start, last.span.end), value, (), last.relative) if value else None


def _completed(yearless: str, day: dt.date) -> str:
    """A value that begins with "--", in the year that the day of publication suggests."""
    first, slash, last = yearless.partition("/")
    until = (day + dt.timedelta(days=min(_DAYS_AHEAD, (dt.date.max - day).days))).isoformat()
    whole = next(
        (
            dated
            for year in range(int(until[:4]), max(0, int(until[:4]) - 9), -1)
            if (dated := f"{year:04}{(last or first)[1:]}") <= until and _exists(dated)
        ),
        "",
    )
    if not whole:
        return yearless
    return _with_year(first, int(whole[:4]), whole) + slash + whole if slash else whole


def _exists(dated: str) -> bool:
    return bool(_iso(*map(int, dated.split("-"))))


# When an article was published

_EARLY_LINES = 5  # the title and four more
_DATE_LINE_CHARACTERS = 100
_OPENING_CHARACTERS = 60
_METADATA_CHARACTERS = 100
_OTHER_WORDS = 4  # names of a place, a paper or a writer beside the date
_BYLINE_WORDS = 8
# Folded words that stand by a date and say nothing more.
_LABEL = re.compile(
    r"\b(?:publish\w*|publication|posted|updated?|modified|created|added|issued|released|last|date[ds]?|on|at|in|by|of|"
    r"the|time|mins?|minutes?|read|views?|comments?|shares?|am|pm|et|est|edt|gmt|utc|bst|cet|msk|"
    r"staff|admin|editors?|редакци\w*|redaksiya|editor|printed|from|site|saved|retrieved|отпечатан\w*|сайта|с|kaydedil\w*|saxlan\w*|"
    r"опубликован\w*|обновлен\w*|дата|публикаци\w*|создан\w*|изменен\w*|добавлен\w*|время|в|от|г|года?|мск|"
    r"просмотр\w*|комментари\w*|derc|edil\w*|tarixi?|saat|yenilen\w*|yayimlan\w*|paylasil\w*|elave|olun\w*|baxis\w*|"
    rf"oxun\w*|serh\w*|il|yayin\w*|tarihi?|guncelle\w*|son|ekle\w*|giris|okun\w*|yorum\w*|{_ANY_WEEKDAY})(?!\w)"
)
_BY = re.compile(r"\W*(?:(?:written |posted )?by|автор|muellif|yazar|yazan|metn)\b")
# When a text was changed, it had been published before; when somebody printed or saved it, nobody knows how long.
_CHANGED = re.compile(r"updat|modif|обновл|измен|yenilen|guncelle")
_KEPT = re.compile(
    r"\b(?:printed (?:on|from|at)|saved|retrieved|accessed|load-date|captured?|exported|downloaded)\b|"
    r"экспорт|отпечатан|распечатан|сохранен|выгружен|скачан|дата обращ|cap (?:olun|edil)|saxlan|endirilib|yazdiril|"
    r"kaydedil|erisim|indirildi|disa aktar"
)
_AGO_WORDS = ("yesterday", "today", "вчера", "сегодня", "dün", "dun", "bu gün", "bu gun", "bugün", "bugun")
_AGO_LINE = re.compile(
    r"(?:(?:yesterday|today|вчера|сегодня|dunen|bu gun|dun|bugun)\b|"
    r"[0-9]{1,2} ?(?:(?:minute|min|hour|hr|h|day|d|week|w|month)s? ago|"
    r"(?:минут\w*|мин\.?|час\w*|ч\.?|дн\w*|день|недел\w*|месяц\w*) назад|"
    r"(?:deqiqe|deq\.?|dakika|dk\.?|saat|sa\.?|gun|hefte|hafta|ay) (?:evvel|once|qabaq)))"
    r"(?:,? ?(?:at |в |saat )?[0-9]{1,2}[:.][0-9]{2})?(?: *[|/,-] *[^.!?]{2,40}| *· *[^.!?]{2,40})?"
)
_HEADING_CHARACTERS = 40
_DIGIT = re.compile("[0-9]")
_WEEKDAYS_ALONE = re.compile(rf"\b(?:{_ANY_WEEKDAY}|г|года?|il)(?!\w)")
_HOURS_AGO = re.compile(
    r"\b[0-9]{1,2} ?(?:(?:minutes?|mins?|hours?|hrs?|h) ago|(?:минут\w*|мин\.?|час\w*|ч\.?) назад|"
    r"(?:deqiqe|deq\.?|dakika|dk\.?|saat|sa\.?) (?:evvel|once|qabaq))(?!\w)"
)
# Before a day on which something begins or ends, and nothing is published.
_FROM_OR_TO = re.compile(r"\b(?:from|since|until|till|by|before|after|с|со|до|к|ко|по|после)\s+\Z")
_ADDRESS_DAY = re.compile(r"/((?:19|20)\d\d)[/-]?(\d\d)[/-]?(\d\d)(?=[/_-])")
# What may be a year, behind a day or not: to look for dates takes far longer.
_YEAR = re.compile(r"[0-9.](?:(?<=[0-9])[0-9]{3}|(?<=\.)\s?[0-9]{2})")
_SHORT_YEAR = re.compile(rf"[^\W\d_][ -]'?[0-9]{{2}}{_PAGES}\Z")
_SOURCE = re.compile(r"(?:\w+ )?(?:source|menbe|источник|kaynak)(?: \w+)?\s*:")
_NAME = re.compile(r"[^\W\d_]{2,}")
_QUOTED = re.compile('«[^»]{1,40}»|“[^”]{1,40}”|„[^“”]{1,40}[“”]|"[^"]{1,40}"')
# A date that a comma, dash or bar parts from what stands by it, as in "September 2023, Council press desk".
_SET_OFF = re.compile(r"\s*(?:[,|·•/]|[-–—]\s)\s*(?P<name>[^\W\d_a-zа-я][^.!?:;]*)|")
_SET_OFF_CHARACTERS = 60
_DAY_OR_MONTH = re.compile(r"\d{4}-\d{2}(?:-\d{2})?")


@dataclass(frozen=True, slots=True)
class _DateLine:
    """What a line says that is hardly more than a date; `date` is "" for any other line."""

    date: str
    bare: bool  # whether the line has no word that is neither the date nor usual beside one
    byline: bool
    changed: bool  # whether it says when the text was changed, and not when it was published
    kept: bool  # or when it was printed or saved


_NO_DATE_LINE = _DateLine("", bare=False, byline=False, changed=False, kept=False)


def _date_line(line: str, lang: str) -> _DateLine:
    if len(line) > _DATE_LINE_CHARACTERS or not (_YEAR.search(line) or _ends_with_year(line)):
        return _NO_DATE_LINE
    return _read_date_line(line, lang)


def _ends_with_year(line: str) -> bool:
    """Whether a line may end with a year of two digits, and the pages of a paper."""
    return line[-1:].isdigit() and _SHORT_YEAR.search(line) is not None


@lru_cache(maxsize=1 << 10)  # a line of an article's head is asked about many times
def _read_date_line(line: str, lang: str) -> _DateLine:
    dates = [found for found in find_dates(line, lang=lang) if _is_told(found)]
    if not dates:
        return _NO_DATE_LINE
    folded, rest = _fold(line), line
    for span in (*(found.span for found in dates), *(Span(*label.span()) for label in _LABEL.finditer(folded))):
        rest = rest[: span.start] + " " * (span.end - span.start) + rest[span.end :]
    words, byline = _NAME.findall(rest), bool(_BY.match(folded) or _SOURCE.match(folded))
    # What stands by a date is names, and those have capitals or quotation marks; a sentence has other words too.
    small = any(word.islower() for word in _NAME.findall(_QUOTED.sub("", rest))) and not _is_set_off(line, dates)
    if len(words) > (_BYLINE_WORDS if byline else _OTHER_WORDS) or (small and not byline):
        return _NO_DATE_LINE
    ends = [0, *(found.span.end for found in dates)]
    before = [folded[end : found.span.start] for found, end in zip(dates, ends, strict=False)]
    told = [(found, _CHANGED.search(text), _KEPT.search(text)) for found, text in zip(dates, before, strict=True)]
    # What says when it was published, or else changed, or else kept.
    best, changed, kept = min(told, key=lambda one: (one[2] is not None, one[1] is not None))
    return _DateLine(best.value, not words, byline, changed=changed is not None, kept=kept is not None)


def _is_set_off(line: str, dates: list[FoundDate]) -> bool:
    """Whether a short line begins with its only date, or ends with it, and a mark parts it from the rest."""
    if len(dates) > 1 or len(line) > _SET_OFF_CHARACTERS:
        return False
    span = dates[0].span
    after = line[span.end :].strip()
    before = line[: span.start].strip()
    if not before:
        return bool(_SET_OFF.fullmatch(after))
    return not after and before[:1].isupper() and before[-1] in ",|·•/–—" and not re.search(r"[.!?:;]", before)


def _is_told(found: FoundDate) -> bool:
    """Whether it is one day, or one month, of a year that the text names."""
    return not found.relative and bool(_DAY_OR_MONTH.fullmatch(found.value))


def _opening_day(line: str, lang: str) -> str:
    """The day that the first words of a line name, or ""."""
    opening = line[: _OPENING_CHARACTERS + 20]
    for found in find_dates(opening, lang=lang) if _YEAR.search(opening) else ():
        if _is_told(found) and len(found.value) == _DAY_LENGTH:
            before = _fold(opening[: found.span.start])
            said = not (_FROM_OR_TO.search(before) or _KEPT.search(before))
            return found.value if said and found.span.start <= _OPENING_CHARACTERS else ""
    return ""


def publication(lines: list[str], *, lang: str = "") -> Published:
    """When an article says it was published, and which place says so.

    `lines` are the non-blank lines of the article, title first; `lang` is their BCP 47 tag, if it is known. A day
    named in the middle of a story is the story's, not the paper's, so only these places are asked, in this order: an
    early line that is hardly more than a date, such a last line, the opening words of the body, and the title. A day
    without a year, as in "BAKU, March 4", is no answer, nor is 03/04/2024 where it can be read both ways. What was
    updated counts for published if nothing else does; when it was printed or saved never does.
    """
    title, body = (lines[:1], lines[1:2]) if len(lines) > 1 else ([], lines)
    early = [_date_line(line, lang) for line in lines[:_EARLY_LINES]]
    if title and not early[0].bare:
        del early[0]
    said = [(line, "byline" if line.byline else "date line") for line in early]
    if len(lines) > _EARLY_LINES:
        said.append((_date_line(lines[-1], lang), "last line"))
    said = [one for one in said if one[0].date and not one[0].kept]
    for line, place in sorted(said, key=lambda one: one[0].changed):
        return Published(line.date, place)
    for line, place in (*((line, "dateline") for line in body), *((line, "title") for line in title)):
        if day := _opening_day(line, lang):
            return Published(day, place)
    return Published("", "")


def day_by(line: str, *, lang: str, reference: str) -> str:
    """The day that a short line says without its year or by how long ago it was, as seen from a `reference`, or "".

    The reference is a day, or only a month or a year: that tells no more than the year of such a line.

    >>> day_by("Monday, 6 November", lang="en", reference="2017-11")
    '2017-11-06'
    >>> day_by("Dün 16:45", lang="tr", reference="2025-03-18")
    '2025-03-17'
    """
    if not reference or len(line) > _SET_OFF_CHARACTERS:
        return ""
    published = reference if len(reference) == _DAY_LENGTH else ""
    for tongue in dict.fromkeys((lang, "en")):
        if published and (ago := _HOURS_AGO.search(_fold(line))):
            span, value = Span(*ago.span()), published
        else:
            found = [date for date in find_dates(line, lang=tongue, published=published) if date.value]
            if len(found) != 1 or not found[0].relative:
                continue
            span, value = found[0].span, found[0].value
        value = f"{reference[:4]}{value[1:]}" if value.startswith("--") else value
        if len(value) == _DAY_LENGTH and _exists(value) and _is_bare(line, span):
            return value
    return ""


def is_ago_line(line: str) -> bool:
    """Whether a line says how long ago something was written, and at most by whom: "Dün 16:45 / Ada Kara"."""
    if len(line) > _SET_OFF_CHARACTERS or not (line[:1].isdigit() or line[:9].lower().startswith(_AGO_WORDS)):
        return False
    return _AGO_LINE.fullmatch(_fold(line)) is not None


def is_day_heading(line: str) -> bool:
    """Whether a line is a day of a month, with its year or without, and nothing else but perhaps the weekday."""
    if len(line) > _HEADING_CHARACTERS or not _DIGIT.search(line):
        return False
    found = find_dates(line, lang="")
    if len(found) != 1 or len(found[0].value.removeprefix("-")) not in (len("-12-11"), _DAY_LENGTH):
        return False
    rest = line[: found[0].span.start] + line[found[0].span.end :]
    return not _DIGIT.search(rest) and not _NAME.search(_WEEKDAYS_ALONE.sub("", _fold(rest)))


def _is_bare(line: str, span: Span) -> bool:
    """Whether a line has little beside a date, and that no words of a sentence."""
    rest = line[: span.start] + " " * (span.end - span.start) + line[span.end :]
    for label in _LABEL.finditer(_fold(rest)):
        rest = rest[: label.start()] + " " * (label.end() - label.start()) + rest[label.end() :]
    words = _NAME.findall(rest)
    return len(words) <= _OTHER_WORDS and not any(word.islower() for word in words)


def publication_date(lines: list[str]) -> str:
    """ISO 8601 day of `publication`, or "" if there is none or no more than a month."""
    date = publication(lines).date
    return date if len(date) == _DAY_LENGTH else ""


def is_date_line(line: str) -> bool:
    """Whether a line says on which day or in which month, and hardly anything else."""
    return bool(_date_line(line, "").date)


def is_weekday(text: str) -> bool:
    """Whether a text is the name of a day of the week."""
    return bool(re.fullmatch(_WEEKDAY, _fold(text)))


def tells_keeping(line: str) -> bool:
    """Whether a line has words that say when a text was printed or saved."""
    return bool(_KEPT.search(_fold(line)))


def is_later_line(line: str) -> bool:
    """Whether a line that says a day says when a text was changed, printed or saved."""
    # First what most lines lack: to look for dates in every line of a page costs more.
    folded = _fold(line)
    if not (_CHANGED.search(folded) or _KEPT.search(folded)):
        return False
    found = _date_line(line, "")
    return found.changed or found.kept


def address_day(text: str) -> str:
    """The day that the address of a page names, as in "site.example/2022/11/21/title", or ""."""
    found = (_iso(*map(int, match.groups())) for match in _ADDRESS_DAY.finditer(text))
    return next(filter(None, found), "")


def stated_date(value: str) -> str:
    """The date in a field of metadata: the day as `iso_day` finds it, or else the month, or ""."""
    if re.fullmatch(r"[0-9]{10}(?:[0-9]{3})?", value):  # seconds or milliseconds since 1970
        return dt.datetime.fromtimestamp(int(value[:10]), dt.UTC).date().isoformat()
    if re.fullmatch(r"[0-9]{4}-(?:0[1-9]|1[0-2])", value):
        return value
    found = find_dates(value[:_METADATA_CHARACTERS], lang="")
    months = [each.value for each in found if _is_told(each)]
    weeks = [_common_month(each.value) for each in found if not each.relative]
    return iso_day(value) or next(filter(None, months + weeks), "")


def _common_month(value: str) -> str:
    """The month in which a range of days is, or ""."""
    first, _, last = value.partition("/")
    return first[:7] if len(last) == _DAY_LENGTH and first[:7] == last[:7] else ""


@lru_cache(maxsize=1 << 10)  # many rows and messages have the same
def iso_day(value: str) -> str:
    """The first day in a metadata value such as "2024-05-17T18:05:00+04:00" or "17.05.2024", or ""."""
    days = (found.value for found in find_dates(value[:_METADATA_CHARACTERS], lang="") if _is_told(found))
    return next((day for day in days if len(day) == _DAY_LENGTH), "")
