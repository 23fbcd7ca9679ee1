"""Which words of a sentence may be what a question asks for: numbers, times, names, causes, as they look.

What stands in the question itself is no answer to it, in whatever script: "who met Pashinyan" is not answered by
"Пашинян".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from index.fold import fold_word, folded_words_at
from index.fold import words as fold_words
from index.names import find_names
from index.values import Span
from rag.expect import NUMBER_WORD, TIME_WORD, Expected, any_of, expected

_LEAST_STRENGTH = 0.75  # of words that are shown as the answer
_ALIKE = 0.21  # less in strength than the strongest
_QUOTED_WORDS = 5  # of a name in quotation marks; what is longer was said
_MOST_ALIKE = {Expected.NUMBER: 2, Expected.TIME: 1, Expected.PERSON: 2, Expected.NAME: 1, Expected.REASON: 1}
_NAME_LANGUAGES = ("en", "az", "ru", "tr")
_SHARED_LETTERS = 4  # words that begin with as many equal letters are forms of one


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question wants, as far as its words tell."""

    form: Expected
    kind: str  # of a number or time: "money", "share", "age", "year", "clock", or "" for any
    unit: str  # folded: "trees" of "how many trees", or ""
    known: tuple[str, ...]  # folded words of the question and other words for its names


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """Words that may answer; the better they look the nearer `strength` is to 1."""

    span: Span  # of the sentence
    strength: float


def folded_set(table: str) -> frozenset[str]:
    """The folded words of a table."""
    return frozenset(table.split())


_WORD = re.compile(r"\w(?:[\w\u0300-\u036f]|[-’'.](?=\w))*")
_NUMERAL = re.compile(r"[-−+]?\d+(?:[.,\u00a0\u202f ]\d{3}(?!\d))*(?:[.,:/–-]\d+)*")
_YEAR = re.compile(r"(?:1[0-9]{3}|20[0-9]{2})\Z")
_YEARS = re.compile(r"(?:1\d|20)\d\d[-–]\d{2,4}\Z")
_CLOCK = re.compile(r"\d{1,2}[:.]\d\d\Z")
_MONEY = any_of(
    "dolar_", "evro_", "avro_", "euro_", "manat_", "rubl_", "pound_", "lira_", "funt_", "sterlin_", "usd", "azn",
    "grivn_", "yen_", "yuan_", "penc_", "cent_", "rupe_", "sum", "tenge", "tl", "kopee_", "gepi_", "kepik_",
)  # fmt: skip
_SHARE = any_of(
    "percent_", "per", "faiz_", "procent_", "yuzde_", "half", "third", "polovin_", "yarisi_", "quarter_", "cetvert_",
    "tret_", "dolya", "pct",
)  # fmt: skip
_AGE = any_of("year_", "yas_", "yil_", "let", "god_", "old", "aged", "yaslinda", "vozrast_", "letn_", "il_")
_SCALE = re.compile(
    r"(?:hundred|thousand|milion|bilion|trilion|min|milyon|milyard|tysyac|miliard|mln|mlrd|tys|bin)[a-z]*"
)
_SIGNS_OF_MONEY = tuple("$€£₼₽₺¥₴")
_NEXT_WORD = re.compile(r"\s?(\w+)")
_NEAR = 60  # characters after a number that say what it counts

_NO_NUMBER = frozenset(("one", "bir", "min", "may", "single"))  # though they may be
_MONTH = any_of(
    "yanvar_|fevral_|mart_|aprel_|iyun_|iyul_|avgust_|sentyabr_|oktyabr_|noyabr_|dekabr_|maya?|january|february|march|"
    "april|june|july|august|september|october|november|december|ocak|subat|nisan_|mayis_|haziran_|temuz_|agustos_|"
    "eylul_|ekim_|kasim_|aralik_"
)

_MONEY_ASKED = any_of(
    "cost_", "price_", "pay", "paid", "vort", "salary", "budget_", "spend_", "spent", "money", "fe", "kiymet_",
    "necey_", "pul_", "maas_", "budce_", "odey_", "fiyat_", "butce_", "stoi_", "stois_", "cena", "cenu", "ceny",
    "plat_", "zarplat_", "byudzet_", "deneg", "turnover", "bail", "invest_", "hercle_", "oboyd_", "oboslos_",
)  # fmt: skip
_SHARE_ASKED = any_of("percent_", "share", "proportion", "faiz_", "procent_", "dolya", "dolyu", "yuzde_", "hise_")
_AGE_ASKED = any_of("hov old", "age", "nece yas_", "kac yas_", "yas_ nece", "skolko (bylo )?let", "vozrast_")
_YEAR_ASKED = any_of(
    "(vhat|vhic) year", "hansi il_", "hangi yil_", "nece_ il(de|in|den)", "kako[mg]_ god_", "kaci yil_"
)
_CLOCK_ASKED = any_of("vhat time", "saat nece_", "saat kac_", "vo skolko", "v kotoro_ casu")
_UNIT_ASKED = re.compile(
    r"(?:hov many|nece|kac|skolko|ne keder|vhat number of)(?: (?:more|other|of|the|dif[a-z]+|new))* ([a-z]{3,})"
)
# As they are folded; a cause follows or goes before.
_SURE_REASON = any_of(
    "because", "due to", "oving to", "so (as|that)", "in order to", "as a result( of)?", "thanks to", "reason_",
    "caused( by)?", "cause_", "on acount of", "motiv_", "cunki", "cunku", "ona gore", "buna gore", "bu sebebden",
    "sebeb_", "neticesinde", "[a-z]+(digindan|dugundan|dinden|dindan|dugu icin|digi icin|diyi ucun)",
    "[a-z]+(mak|mek|mag) ([a-z]+ )?(ucun|icin)", "[a-z]+(mamak|memek) (ucun|icin)", "meksed_", "yuzunden",
    "neden(ile|i|ler)_", "dolayi", "potomu", "poskolku", "tak kak", "iz za", "ctoby", "ctob", "vsledstvie",
    "blagodarya", "v svyazi", "pricin_", "v rezultate", "dlya togo", "vyzva_",
)  # fmt: skip
_MAYBE_REASON = any_of(
    "since", "therefore", "so", "to avoid", "to prevent", "to protect", "to make", "blame_", "folovi_", "after", "for",
    "gore", "ucun", "icin", "deye", "die", "niyete", "amacila", "acikla_", "poetomu", "ved", "obyasn_", "vinovat_",
    "dlya", "ottogo",
)  # fmt: skip
_CLAUSE = re.compile(r"[^\W\d_][:—–] ?[^\W\d_]")
_PLACE_BEFORE = folded_set(
    """
    in at near from to into of on around outside inside through tovards v vo na iz s ot pod u okolo bliz do za
    """
)
_PLACE_ENDING = re.compile(r"[a-z]{2,}(?:[dt][ae](?:n|ki)?|[yn]?[ae]|nin|nun|un)\Z")
_PLACE_WORD = any_of(
    "city|tovn|vilage|street|river|mountain|island|province|region|district|university|airport|"
    "border|coast|lake|sea|country|museum|hospital|park|bridge|building|room|hal|square|valey|hil",
    "seher_|kend_|kuce_|rayon_|cay_|dag_|ada_|vilayet_|bolge_|hava limani_|serhed_|sahil_|gol_|deniz_|olke_|muzey_|"
    "park_|korpu_|bina_|otag_|meydan_|dere_|ev_|evi_|nehir_|il(ce|ces)_|koy_|sinir_|hastane_",
    "gorod_|dere?vn_|sel[oae]|ulic_|rek[aieu]|gor[aeyu]|ostrov_|oblast_|kra[yei]_|aeroport_|granic_|bereg_|ozer_|"
    "mor[eya]|stran[aeyu]|muze_|bolnic_|most_|zdani_|komnat_|zal_|plosad_|dolin_|holm_|sklad_|poselk?_|fabrik_|zavod_",
)  # fmt: skip
_IN_NAMES = folded_set(
    """
    of the de da del van von der al el bin ibn la le und and for du
    """
)
_QUOTED = re.compile(r"[\"“«„]([^\"“”«»„]{2,60})[\"”»“]")
_FIRST_WORDS = folded_set(
    """
    the a an in on at by for from vith to of and but or if vhen vhile as it its this that these those he se they ve i
    you his her their our after before during since although hovever also there here some many most one acording not
    no so such both al despite under over about first last later today yesterday meanvhile another other each every
    bu o ki da de bir bunu onun ona onlar hemin lakin ama eger indi sonra evel daha cunki hec habele belke biz men
    sen v na oni ono eto etot eti po za iz k s u ob pri posle do esli kogda kak cto tak tam odnako takze ego ee ih
    dlya ze pervy vse mnogie bez ese uze ancak fakat icin gibi kadar
    """
)


@lru_cache(maxsize=64)  # reading, doubting and comparing ask for the same
def understand(question: str) -> Asked:
    """What a question asks for."""
    found = fold_words(question)
    folded = " ".join(word.skeleton for word in found)
    form = expected(question)
    kind = ""
    if form is Expected.NUMBER:
        kinds = (("age", _AGE_ASKED), ("share", _SHARE_ASKED), ("money", _MONEY_ASKED))
        kind = next((name for name, pattern in kinds if pattern.search(folded)), "")
    elif form is Expected.TIME:
        kinds = (("year", _YEAR_ASKED), ("clock", _CLOCK_ASKED))
        kind = next((name for name, pattern in kinds if pattern.search(folded)), "")
    unit = _UNIT_ASKED.search(folded) if form is Expected.NUMBER else None
    others = (
        word.skeleton
        for name in find_names(found, _NAME_LANGUAGES)
        for other in name.others
        for word in fold_words(other)
    )
    known = tuple(dict.fromkeys((*(word.skeleton for word in found), *others)))
    return Asked(form, kind, unit.group(1) if unit else "", known)


def answer_spans(asked: Asked, sentence: str) -> list[AnswerSpan]:
    """The words of a sentence that may be the answer, the likeliest first; none for a form that cannot be told."""
    match asked.form:
        case Expected.NUMBER:
            found = _numbers(asked, sentence)
        case Expected.TIME:
            found = _times(asked, sentence)
        case Expected.REASON:
            found = _reasons(sentence)
        case Expected.PERSON | Expected.PLACE | Expected.NAME:
            found = _names(asked, sentence)
        case Expected.ANY | Expected.YES_NO:
            found = iter(())
    return sorted(found, key=lambda each: (-each.strength, each.span.start))


def answering(asked: Asked, sentence: str) -> tuple[Span, ...]:
    """The words of a sentence that answer, or none if that would be a guess.

    On 672 questions of XQuAD and SQuAD whose sentence is right, a time that stands alone in it has a token F1 of .98
    with the answer, a number .79, a person .68, another name .42, a cause .34, a place .28; and the first of two times
    .29, of two numbers .45, of two persons .74, of two names .33. The whole sentence has .12 to .30.
    How many alike are allowed was chosen by these. Where something is then shown, it has .51, the whole sentence .15.
    """
    found = answer_spans(asked, sentence)
    if asked.form is Expected.TIME:
        found = _joined(found, sentence)
    likely = [each for each in found if each.strength >= max(_LEAST_STRENGTH, found[0].strength - _ALIKE)]
    return (likely[0].span,) if 0 < len(likely) <= _MOST_ALIKE.get(asked.form, 0) else ()


def _joined(found: list[AnswerSpan], sentence: str) -> list[AnswerSpan]:
    """Spans with no more than a blank or comma between them as one: "October", "1972"."""
    joined: list[AnswerSpan] = []
    for each in sorted(found, key=lambda each: each.span.start):
        last = joined[-1] if joined else None
        if last is not None and not sentence[last.span.end : each.span.start].strip(" ,"):
            span = Span(last.span.start, max(last.span.end, each.span.end))
            joined[-1] = AnswerSpan(span, max(last.strength, each.strength))
        else:
            joined.append(each)
    return sorted(joined, key=lambda each: (-each.strength, each.span.start))


def is_known(word: str, asked: Asked) -> bool:
    """Whether a folded word is one of the question's, its ending aside."""
    if word in asked.known:
        return True
    n = max(_SHARED_LETTERS, len(word) - 3)
    return len(word) >= _SHARED_LETTERS and any(len(k) >= _SHARED_LETTERS and k[:n] == word[:n] for k in asked.known)


def _numbers(asked: Asked, sentence: str) -> Iterator[AnswerSpan]:
    numerals = list(_NUMERAL.finditer(sentence))
    for found in numerals:
        if fold_word(found.group()) in asked.known:
            continue
        after = sentence[found.end() :]
        following = [word.skeleton for word in fold_words(after[:_NEAR])]
        end = found.end()
        if (scale := _NEXT_WORD.match(after)) and _SCALE.fullmatch(fold_word(scale.group(1))):
            end += scale.end()
        yield AnswerSpan(Span(found.start(), end), _number_strength(asked, sentence, found, following))
    if numerals:
        return
    for found in _WORD.finditer(sentence):
        word = fold_word(found.group())
        if word not in _NO_NUMBER and word not in asked.known and NUMBER_WORD.fullmatch(word):
            yield AnswerSpan(Span(*found.span()), 0.5)


def _number_strength(asked: Asked, sentence: str, numeral: re.Match[str], following: list[str]) -> float:
    before, after = sentence[: numeral.start()].rstrip(), sentence[numeral.end() :].lstrip()
    money = before.endswith(_SIGNS_OF_MONEY) or after.startswith(_SIGNS_OF_MONEY) or _near(_MONEY, following[:3])
    last = [word.skeleton for word in fold_words(before[-_NEAR // 4 :])][-1:]
    share = after.startswith("%") or _near(_SHARE, following[:2]) or _near(_SHARE, last)
    match asked.kind:
        case "money":
            strength = 1.0 if money else 0.4
        case "share":
            strength = 1.0 if share else 0.4
        case "age":
            strength = 1.0 if _near(_AGE, following[:4]) or after.startswith("-") else 0.5
        case _ if asked.unit and any(_alike(asked.unit, word) for word in following[:4]):
            strength = 1.0
        case _:
            strength = 0.6 if money or share else 0.8
    dated = bool(_YEAR.match(numeral.group())) and not money and not share
    return min(strength, 0.3) if dated or _near(_MONTH, following[:1]) else strength


def _near(pattern: re.Pattern[str], words: list[str]) -> bool:
    return bool(pattern.search(" ".join(words)))


def _times(asked: Asked, sentence: str) -> Iterator[AnswerSpan]:
    for found in _NUMERAL.finditer(sentence):
        text = found.group()
        if fold_word(text) in asked.known:
            continue
        following = [word.skeleton for word in fold_words(sentence[found.end() : found.end() + _NEAR])][:1]
        if _CLOCK.match(text):
            strength = 1.0 if asked.kind == "clock" else 0.6
        elif _YEAR.match(text) or _YEARS.match(text):
            strength = {"clock": 0.2, "year": 1.0}.get(asked.kind, 0.9)
        elif _near(_MONTH, following):
            strength = 0.6 if asked.kind else 1.0
        else:
            strength = 0.3
        yield AnswerSpan(Span(*found.span()), strength)
    for found in _WORD.finditer(sentence):
        word = fold_word(found.group())
        if word and TIME_WORD.fullmatch(word) and not is_known(word, asked):
            yield AnswerSpan(Span(*found.span()), 0.4 if asked.kind else 0.7)


def _reasons(sentence: str) -> Iterator[AnswerSpan]:
    at, starts, folded = 0, dict[int, int](), list[str]()
    for place, word in folded_words_at(sentence):
        starts[at] = place
        folded.append(word)
        at += len(word) + 1
    for pattern, strength in ((_SURE_REASON, 1.0), (_MAYBE_REASON, 0.6)):
        for found in pattern.finditer(" ".join(folded)):
            yield AnswerSpan(Span(starts[found.start()], len(sentence)), strength)
    for found in _CLAUSE.finditer(sentence):
        yield AnswerSpan(Span(found.end() - 1, len(sentence)), 0.5)


def _names(asked: Asked, sentence: str) -> Iterator[AnswerSpan]:
    """Runs of capitalised words, and what stands in quotation marks, of which one word at least is new."""
    found = list(_WORD.finditer(sentence))
    folded = [fold_word(word.group()) for word in found]
    capital = [word.group()[0].isupper() for word in found]
    quotes = _QUOTED.finditer(sentence) if asked.form is Expected.NAME else ()
    quoted = [Span(*place.span(1)) for place in quotes if len(place.group(1).split()) <= _QUOTED_WORDS]
    shouting = sum(capital) > 0.6 * len(found) and len(found) > 4
    i = 0
    while i < len(found):
        if not capital[i] or (i == 0 and folded[0] in _FIRST_WORDS):
            i += 1
            continue
        j = i + 1
        while j < len(found) and (
            (capital[j] and not re.search(r"[.!?;:,()]", sentence[found[j - 1].end() : found[j].start()]))
            or (folded[j] in _IN_NAMES and j + 1 < len(found) and capital[j + 1])
        ):
            j += 1
        run = Span(found[i].start(), found[j - 1].end())
        is_quoted = any(run.overlap(place) for place in quoted)
        new = [] if is_quoted else [w for w in folded[i:j] if w and w not in _IN_NAMES and not is_known(w, asked)]
        if new:
            strength = _name_strength(asked, sentence, found, folded, i, j)
            if i == 0 and j == 1:
                strength *= 0.6  # it may be a capital only because it is first
            if len(new) < j - i:
                strength *= 0.8
            yield AnswerSpan(run, strength * (0.5 if shouting else 1.0))
        i = j
    for place in quoted:
        if any(not is_known(word.skeleton, asked) for word in fold_words(place.of(sentence))):
            yield AnswerSpan(place, 0.9)
    if asked.form is Expected.PLACE:
        for word, skeleton in zip(found, folded, strict=True):
            if (
                skeleton
                and word.group()[0].islower()
                and _PLACE_WORD.fullmatch(skeleton)
                and not is_known(skeleton, asked)
            ):
                yield AnswerSpan(Span(*word.span()), 0.4)


def _name_strength(asked: Asked, sentence: str, found: list[re.Match[str]], folded: list[str], i: int, j: int) -> float:
    length = j - i
    if asked.form is Expected.PERSON:
        return 1.0 if 2 <= length <= 4 else 0.6
    if asked.form is Expected.PLACE:
        before = folded[i - 1] if i else ""
        last = folded[j - 1]
        placed = before in _PLACE_BEFORE or bool(_PLACE_ENDING.match(last) and len(last) > 5)
        return 1.0 if placed else 0.5
    return 0.8


def _alike(one: str, other: str) -> bool:
    n = max(_SHARED_LETTERS, min(len(one), len(other)) - 3)
    return one == other or (min(len(one), len(other)) >= _SHARED_LETTERS and one[:n] == other[:n])
