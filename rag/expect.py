"""What kind of thing a question asks for.

Only what can be told by form in every language of the archive. "How many …" is not answered by a sentence without a
number, however near its subject.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from index.fold import folded_words


class Expected(StrEnum):
    """The form that an answer must have, or is likely to have."""

    ANY = "any"
    NUMBER = "number"
    TIME = "time"
    REASON = "reason"
    PERSON = "person"
    PLACE = "place"
    NAME = "name"  # of anything: "which company", "what vaccine"; or no name but one of a kind
    YES_NO = "yes or no"


def any_of(*phrases: str) -> re.Pattern[str]:
    """A pattern for folded words with a blank between them; "_" stands for an ending."""
    return re.compile("|".join(rf"(?:(?<= )|\A)(?:{phrase})(?= |\Z)".replace("_", "[a-z]*") for phrase in phrases))


# Folded, as `index.fold` folds: "nə qədər" is "ne keder", "сколько" is "skolko".
_NUMBER = any_of(
    "hov (many|muc|old|long|far|tal|high|hig|deep|dep|large|big|fast|often|heavy)",
    "vhat (is |vas |vere |are )?(the )?(share|percent_|number|proportion|population|budget|turnover|salary|stake|"
    "score)",
    "(vhat|hov).* cost_", "(the|vhat|at vhat) (price|age)", "price (of|per)", "vhic minute",
    "ne keder_", "nece faiz_", "necenci_", "kac_", "ne kadar_",
    "skolko", "skolki_", "kak[aeiou]_ (dolya|dolyu|cast|suma|sumu|cena|cenu)", "kak[aeiou]_ (procent|vozrast|cis)_",
    "kak[aeiou]_ (byl |byla |budet )?([a-z]+oy |[a-z]+y )?(byudzet|oborot|naselenie|zarplata)", "pocem",
    "vo cto oboyd_",
)  # fmt: skip
# "neçə" (how many) and "necə" (how) are one word once folded.
_NUMBER_UNFOLDED = re.compile(r"\bneçə", re.IGNORECASE)
_TIME = any_of(
    "vhen", "vhat (year|day|date|time|month)", "vhic (year|day|month)",
    "ne vaht_", "haci?an_", "(hansi|necenci) (il|gun|tarih|ay)(de|da)?", "ne zaman",
    "(hangi|kacinci) (yil|gun|tarih|ay)_", "kac (yilind|senesind)_",
    "kogda", "v kako[mi] (godu|mesyace)", "kako(go|e) cisl_", "v kotoro_ casu",
    "vo skolko (nac|ot|budet|prib|start|zakr)_",
)  # fmt: skip
_REASON = any_of(
    "vhy", "hov come", "(vhat|for vhat|vhic) (vas |is |vere |are )?(the )?(main )?(reason|cause)_",
    "vhat (has )?caused",
    "nie", "niye", "nicin", "neye gore", "ne ucun", "neden", "ne icin", "ne sebeb_", "hansi sebeb_", "sebebi ne_",
    "pocemu", "zacem", "otcego", "iz za cego", "po kakoy pricin_", "v cem pricin_", "kakov[ai] pricin_",
)  # fmt: skip
_PERSON = any_of(
    "vho", "vhom", "vhose", "(vhat|vhic) (person|man|voman|president|minister|actor|player|author|singer|scientist)",
    "kim", "kim(e|i|in|den|de|dir|ler|lerin|lere|leri|lerden|se)", "kto", "kogo", "komu", "kem", "cey",
    "c(ya|ye|i|em|h)",
)  # fmt: skip
_A_PLACE = "(city|tovn|vilage|country|state|region|province|district|place|street|continent|island|area|capital|county)"
_PLACE = any_of(
    "vhere", f"(vhat|vhic) {_A_PLACE}",
    "hara_", "harda_", "hansi (seher|olke|kend|rayon|bolge|yer|erazi|dovlet|kuce)_",
    "nere(de|den|ye|si|dedir|nin|lerde)?", "hangi (sehir|sehr|ulke|koy|yer|bolge|eyalet|ilce)_",
    "gde", "kuda", "otkuda",
    "kak[aeiou]_ (gorod|stran|derevn|regi?on|oblast|rayon|stat|mest|selo|sele|ulic|gosudarstv|provinci)_",
)  # fmt: skip
_NAME = any_of(
    "vhat (is|vas|are|vere) the (name|title)_",
    "vhat (?!did|does|do|is|vas|are|vere|has|have|hapened|vil|can|the)[a-z]+",
    "vhic", "hansi_", "hangi_", "ne adlan_", "adi ne_",
    "kak[aeiou]_", "kotor(ogo|omu|ym|oy|aya|oe|yh|ye|y)", "kak nazyvae_", "kak zovut", "kak zvali",
)  # fmt: skip
_YES_NO_FIRST = re.compile(
    r"(?:is|are|vas|vere|do|does|did|has|have|had|can|could|vil|vould|should)(?= )|(?:pravda li|verno li)(?= )"
)
_YES_NO = any_of(
    r"\A[a-z]+ ([a-z]+ )?li",
    "var ?m[iu]_",
    "yoh ?mu_",
    r"[a-z]{3,}[mb]i?[srd]?m[iu]",
    r"[a-z]{2,} m[iu](?:y?d[iu]r?)?\Z",
)
_QUESTION_MARK = re.compile("[?؟？]")
_FORMS = (  # those whose words are also part of others' come later
    (Expected.TIME, _TIME),
    (Expected.NUMBER, _NUMBER),
    (Expected.REASON, _REASON),
    (Expected.PLACE, _PLACE),
    (Expected.PERSON, _PERSON),
    (Expected.NAME, _NAME),
)

NUMBER_WORD = any_of(
    "one|tvo|thre|four|five|six|seven|eight|nine|ten|tvelve|dozen_|tventy|thirty|forty|fifty|sihty|hundred_|"
    "thousand_|milion_|bilion_|half|tvice|third_|quarter_|single",
    "bir|iki_|uc|dord_|bes|alti|yedi_|sekiz_|dokuz_|iyirmi_|otuz_|kirh|eli|yuz_|min|milyon_|milyard_|yarisi_",
    "odin|odna|dva|dve|tri|cetyre|pyat|sest|sem|vosem|devyat|desyat_|dvadcat_|tridcat_|sorok|sto|dvesti|tysyac_|"
    "milion_|miliard_|polovin_|tret|cetvert",
)  # fmt: skip
TIME_WORD = any_of(
    "january|february|march|april|may|june|july|august|september|october|november|december|monday|tuesday|vednesday|"
    "thursday|friday|saturday|sunday|yesterday|today|tomorov|spring|sumer|autumn|vinter|midnight|noon|veek_|month_",
    "yanvar_|fevral_|mart_|aprel_|may_|iyun_|iyul_|avgust_|avkust_|sentyabr_|oktyabr_|noyabr_|dekabr_|dunen|bugun|"
    "sabah|bazar_|cersenbe_|cume_|senbe_|yaz_|yay_|payiz_|kis_|hefte_",
    "yanvar_|fevral_|mart_|aprel_|ma[yei]_?|iyun_|iyul_|avgust_|sentyabr_|oktyabr_|noyabr_|dekabr_|vcera|segodnya|"
    "zavtra|ponedelnik_|vtornik_|sred_|cetverg_|pyatnic_|subot_|voskresen_|vesn_|letom|osen_|zim_|nedel_",
)  # fmt: skip


@lru_cache(maxsize=64)
def expected(question: str) -> Expected:
    """What form of answer a question asks for, in en, az, ru or tr: that of its first word that tells.

    >>> [expected(q).value for q in ("How many people?", "Nə vaxt gəldi?", "Сколько домов?", "Kim gəldi?")]
    ['number', 'time', 'number', 'person']
    """
    folded = " ".join(folded_words(question))
    if _YES_NO_FIRST.match(folded):
        return Expected.YES_NO
    found = [(place.start(), form) for form, pattern in _FORMS if (place := pattern.search(folded))]
    if found:
        first = min(found, key=lambda each: each[0])[1]
        # "hansı ildə", "how long": the more exact of two forms that begin at one word is listed first.
        if first in (Expected.NUMBER, Expected.TIME) or not _NUMBER_UNFOLDED.search(question):
            return first
    if _NUMBER_UNFOLDED.search(question):
        return Expected.NUMBER
    return Expected.YES_NO if _YES_NO.search(folded) else Expected.ANY


def is_question(text: str) -> bool:
    """Whether something is asked, rather than said as headlines and claims say it.

    >>> [is_question(text) for text in ("who won", "Kim gəldi?", "A man who won a lottery.", "Man wins lottery")]
    [True, True, False, False]
    """
    text = text.strip()
    return bool(_QUESTION_MARK.search(text)) or not (text.endswith((".", "!")) or expected(text) is Expected.ANY)
