"""What kind of thing a question asks for, and whether a sentence holds one.

Only what can be told by form in every language of the archive: numbers and times. "How many …" is not answered
by a sentence without a number, however near its subject.
"""

from __future__ import annotations

import re
from enum import StrEnum

from index.fold import folded_words


class Expected(StrEnum):
    """The form that an answer must have."""

    ANY = "any"
    NUMBER = "number"
    TIME = "time"


def _any_of(*phrases: str) -> re.Pattern[str]:
    """A pattern for folded text; "_" stands for an ending."""
    return re.compile("|".join(rf"(?:^| ){phrase}(?: |$)".replace("_", "[a-z]*") for phrase in phrases))


# Folded, as `index.fold` folds: "nə qədər" is "ne keder", "сколько" is "skolko".
_NUMBER = _any_of(
    "hov (many|muc|old|long|far|tal|high|hig|deep|dep|large|big|fast|often|heavy)",
    "vhat (share|percent_|number|proportion)", "(vhat|hov).* cost_", "(the|vhat|at vhat) (price|age)", "price (of|per)",
    "ne keder_", "nece faiz_", "necenci_", "kac_", "ne kadar_",
    "skolko", "skolki_", "kaka_ (dolya|cast|suma|cena)", "kako_ (procent|vozrast)", "pocem", "vo cto oboyd_",
)  # fmt: skip
# "neçə" (how many) and "necə" (how) are one word once folded.
_NUMBER_UNFOLDED = re.compile(r"\bneçə", re.IGNORECASE)
_TIME = _any_of(
    "vhen", "vhat (year|day|date|time|month)", "vhic (year|day|month)",
    "ne vaht_", "haci?an_", "hansi (il|gun|tarih|ay)(de|da)?", "ne zaman", "hangi (yil|gun|tarih|ay)_",
    "kogda", "v kako[mi] (godu|mesyace)", "kako_ cisl_", "vo skolko", "v kotoro_ casu",
)  # fmt: skip

_DIGIT = re.compile(r"\d")
_NUMBER_WORD = _any_of(
    "one|tvo|thre|four|five|six|seven|eight|nine|ten|tvelve|dozen_|tventy|thirty|forty|fifty|sihty|hundred_|"
    "thousand_|milion_|bilion_|half|tvice|third_|quarter_|single",
    "bir|iki_|uc|dord_|bes|alti|yedi_|sekiz_|dokuz_|iyirmi_|otuz_|kirh|eli|yuz_|min|milyon_|milyard_|yarisi_",
    "odin|odna|dva|dve|tri|cetyre|pyat|sest|sem|vosem|devyat|desyat_|dvadcat_|tridcat_|sorok|sto|dvesti|tysyac_|"
    "milion_|miliard_|polovin_|tret|cetvert",
)  # fmt: skip
_TIME_WORD = _any_of(
    "january|february|march|april|may|june|july|august|september|october|november|december|monday|tuesday|vednesday|"
    "thursday|friday|saturday|sunday|yesterday|today|tomorov|spring|sumer|autumn|vinter|midnight|noon|veek_|month_",
    "yanvar_|fevral_|mart_|aprel_|may_|iyun_|iyul_|avgust_|avkust_|sentyabr_|oktyabr_|noyabr_|dekabr_|dunen|bugun|"
    "sabah|bazar_|cersenbe_|cume_|senbe_|yaz_|yay_|payiz_|kis_|hefte_",
    "yanvar_|fevral_|mart_|aprel_|ma[yei]_?|iyun_|iyul_|avgust_|sentyabr_|oktyabr_|noyabr_|dekabr_|vcera|segodnya|"
    "zavtra|ponedelnik_|vtornik_|sred_|cetverg_|pyatnic_|subot_|voskresen_|vesn_|letom|osen_|zim_|nedel_",
)  # fmt: skip


def expected(question: str) -> Expected:
    """What form of answer a question asks for, in en, az, ru or tr.

    >>> [expected(q).value for q in ("How many people?", "Nə vaxt gəldi?", "Сколько домов?", "Kim gəldi?")]
    ['number', 'time', 'number', 'any']
    """
    folded = " ".join(folded_words(question))
    if _TIME.search(folded):
        return Expected.TIME
    number = _NUMBER.search(folded) or _NUMBER_UNFOLDED.search(question)
    return Expected.NUMBER if number else Expected.ANY


def holds(form: Expected, sentence: str) -> bool:
    """Whether a sentence holds what was asked for; a digit will do for either."""
    if form is Expected.ANY or _DIGIT.search(sentence):
        return True
    folded = " ".join(folded_words(sentence))
    words = _NUMBER_WORD if form is Expected.NUMBER else _TIME_WORD
    return bool(words.search(folded))
