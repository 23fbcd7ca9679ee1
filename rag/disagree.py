"""Where the evidence says two things: other numbers, other times, or yes and no, for what is asked.

Sentences are compared only if both are about what the question is about: they have its names, each of its words is met
by one of theirs (by token vectors, so across languages), they tell of the same days, and neither is a supposition. Or
their articles are: news name a thing once, and go on in other words. Then those have the names, meet the words, and
appeared within days of each other, and the sentence is the one of them that answers likeliest. What cannot be told for
sure is taken for no disagreement: a wrong one costs a reader more than one that is not shown.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import product

import numpy as np
from numpy.typing import NDArray

from index.dates import find_dates
from index.fold import FoldedWord, fold_word, words
from index.language import detect_language
from index.names import NAME_LANGUAGES, find_names
from index.values import Passage, Span
from rag.choose import is_asking, match_words
from rag.expect import Expected, any_of
from rag.facts import Quoted, is_common, missing_names
from rag.quantity import COUNT, Quantity, find_quantities, kind_of_unit
from rag.read import Candidate, Draft, DraftStatement, QuotedSpan
from rag.reply import Conflict
from rag.spans import Asked, answer_spans, understand
from rag.when import Period, days_of
from rag.yes_no import first_clause, is_supposed, says_yes

# How well each word of the question must be met by a word of a sentence, in its own language and in another, and there
# all of them together: "killed" has .18 with "injured", what is there .45 and more in most. Of 148 questions of
# xquad-en-pool for a number or time 57 have a sentence in another language that is compared, with .28 for each word 42.
_MET, _MET_ABROAD, _MET_ABROAD_MEAN = 0.43, 0.2, 0.35
# The same of what an article says as a whole, on average. A sentence of it that has most of the words itself, but not
# one of them, speaks of another thing in the same way: "340 containers were on the ship", asked for sailors.
_ARTICLE_MET, _ARTICLE_MET_ABROAD = 0.35, 0.24
_MOST_MET, _MOST_MET_ABROAD = 0.5, 0.45
_NOT_MET, _NOT_MET_ABROAD = 0.4, 0.15
_SHORTEST_WORD = 3
_FORMS_OF_A_NAME = 5  # letters that all forms of it begin with
_SPELT_LIKE = 0.7  # "rudnom" and "rudny" are .73 alike, "kurgalom" and "kurkal" .77
_IN_WORDS = 0.5  # strength of a number that is written in words
_SURE_KIND = 0.75  # of an amount of money where one is asked for, of years where an age is
_STRONGER = 0.1  # than the next number that a sentence has, so that it is clear which is meant
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_MOST_TIMES = 2  # that a sentence names; with more nobody can tell by form which is meant
# Two that are told of at other times than this may be two events, where a sentence does not say when.
_SAME_DAYS = 31
_SOON, _EDITIONS_APART = 120, 180
_MOST_STATEMENTS = 3  # of a side
# Who said it is no part of what was said.
_ATTRIBUTION = re.compile(
    r"\A(?:according to|по (?:словам|данным|сообщению|информации|мнению|подсчётам|подсчетам|оценке))[^,]{0,80},"
    r"|\A[^,]{0,80}(?:sözlərinə|məlumatına|məlumata|bildirdiyinə|hesablamalarına|göre|görə),?"
    r"|,?\s*(?:according to|как (?:сообщил|заявил|сказал)|(?:сообщил|заявил|сказал)\w*)[^,.]{0,80}(?=[.,]|\Z)"
    r"|,\s*[^,]{0,60}\s(?:said|says|told|reported|dedi|deyib|bildirib|söyledi)\b[^,.]{0,40}(?=[.,]|\Z)"
    r"|\A[^,]{0,60}\s(?:said|says|reported|сообщил\w*|заявил\w*|сказал\w*)(?:\s(?:that|on \w+))?,?\s",
    re.IGNORECASE,
)
_PEOPLE = any_of("people|person_|men|nefer_|adam_|insan_|kisi_|celovek_|lyud_|lud_")
# What a question calls that which is missing: "what time", "nə vaxt". An answer has it, and not the word for it.
_KIND = any_of("time|year|date|day|month|number|vaht_|zaman_|il_|gun_|tarih_|god_|den|cisl_|vrem_|mesyac_|sayi")
# Stands beside a name in one text and not in the other.
_SETTLEMENT = any_of("city|town|vilage|seher_|kend_|rayon_|gorod_|dere?vn_|sel[oae]|posel_|koy_|kasab_")


@dataclass(frozen=True, slots=True)
class ConflictSide:
    """Sentences that say one thing, to be grounded; the likeliest first."""

    says: str  # the words of the first that say it, or "yes" or "no"
    date: str  # of the newest of them, ISO 8601, or ""
    statements: tuple[DraftStatement, ...]


@dataclass(frozen=True, slots=True)
class FoundConflict:
    """What the evidence says differently, newest first."""

    about: Conflict
    sides: tuple[ConflictSide, ...]


@dataclass(frozen=True, slots=True)
class _Times:
    values: tuple[str, ...]  # as `index.dates` writes them


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a sentence answers, as far as can be told by form."""

    candidate: Candidate
    answer: Quantity | _Times | bool
    said: tuple[Span, ...]  # the words of the sentence that say it
    times: tuple[str, ...]  # other times that it names
    is_by_itself: bool  # whether the sentence is about what is asked, and not only its article

    @property
    def passage(self) -> Passage:
        return self.candidate.passage

    @property
    def text(self) -> str:
        return self.candidate.text


def find_conflicts(question: str, draft: Draft, named: Sequence[Period] = ()) -> list[FoundConflict]:
    """What sentences of the evidence say otherwise than a statement of the draft does.

    `named` are the periods that the question names: what tells of others is left aside.
    """
    asked = understand(question)
    if asked.form not in _ABOUT:
        return []
    lang = detect_language(question)
    places = {(quote.passage.source_path, quote.span) for said in draft.statements for quote in said.quotes}
    claims = list(_claims(question, asked, draft, named, asked_in=lang))
    shown = [claim for claim in claims if (claim.passage.source_path, claim.candidate.sentence.span) in places]
    found: list[FoundConflict] = []
    used: list[_Claim] = []
    for claim in shown:
        rivals = [other for other in claims if other not in used and _conflict(question, claim, other)]
        if claim in used or not rivals:
            continue
        agreeing = [other for other in claims if other not in rivals and other is not claim and _agree(claim, other)]
        groups = [[claim, *agreeing]]
        for rival in rivals:
            group = next((group for group in groups[1:] if all(_agree(rival, other) for other in group)), None)
            if group is None:
                groups.append([rival])
            else:
                group.append(rival)
        used += [claim for group in groups for claim in group]
        sides = sorted((_side(group) for group in groups), key=lambda side: side.date, reverse=True)
        found.append(FoundConflict(_ABOUT[asked.form], tuple(sides)))
    return found


_ABOUT = {Expected.NUMBER: Conflict.NUMBER, Expected.TIME: Conflict.TIME, Expected.YES_NO: Conflict.YES_NO}


def _side(group: Sequence[_Claim]) -> ConflictSide:
    first = group[0]
    says = {True: "yes", False: "no"}[first.answer] if isinstance(first.answer, bool) else _said(first)
    statements = tuple(
        DraftStatement(claim.text, (QuotedSpan(claim.passage, claim.candidate.sentence.span),), claim.said, 0.0)
        for claim in group[:_MOST_STATEMENTS]
    )
    return ConflictSide(says, max(claim.passage.date for claim in group[:_MOST_STATEMENTS]), statements)


def _said(claim: _Claim) -> str:
    return " … ".join(span.of(claim.text) for span in claim.said)


# What a sentence is about


def _claims(question: str, asked: Asked, draft: Draft, named: Sequence[Period], *, asked_in: str) -> Iterator[_Claim]:
    """What the candidates answer that are about what is asked, the likeliest first; of an article that is, its best."""
    words_asked, matched = match_words(question, draft.tokens, draft.matches.centred)
    telling = [i for i, word in enumerate(words_asked) if _is_telling(word)]
    met = matched[:, telling]
    counted = [i for i, word in enumerate(telling) if fold_word(words_asked[word]) == asked.unit]
    by_themselves = set(_about(question, draft, met, asked_in=asked_in))
    articles = set(_in_articles_about(question, draft, met, counted, asked_in=asked_in))
    seen = {draft.candidates[i].passage.document_id for i in by_themselves}
    for i in sorted(by_themselves | articles, key=lambda i: -draft.shares[i]):
        candidate, is_by_itself = draft.candidates[i], i in by_themselves
        if not is_by_itself and candidate.passage.document_id in seen:
            continue
        if claim := _claim(asked, candidate, named, asked_in=asked_in, is_by_itself=is_by_itself):
            seen.add(candidate.passage.document_id)
            yield claim


def _in_articles_about(
    question: str, draft: Draft, met: NDArray[np.float64], counted: Sequence[int], *, asked_in: str
) -> Iterator[int]:
    """Those of the draft's candidates whose articles are about what a question with names is about.

    `met` says of (candidates, words) how well each telling word is met; `counted` are those words that are counted.
    """
    if not met.shape[1] or not _unnamed(question, [Quoted("", asked_in, "")], lang=asked_in):
        return
    rows: dict[str, list[int]] = {}
    for row, candidate in enumerate(draft.candidates):
        rows.setdefault(candidate.passage.document_id, []).append(row)
    for its in rows.values():
        passages = dict.fromkeys(draft.candidates[row].passage for row in its)  # in order: the first has the language
        told = [Quoted(f"{passage.title}\n{passage.readable}", passage.lang, passage.date) for passage in passages]
        abroad = told[0].lang != asked_in
        if met[its].max(axis=0).mean() < (_ARTICLE_MET_ABROAD if abroad else _ARTICLE_MET):
            continue
        if _stand_alone(_unnamed(question, told, lang=asked_in), question):
            continue
        most, least = (_MOST_MET_ABROAD, _NOT_MET_ABROAD) if abroad else (_MOST_MET, _NOT_MET)
        for row, own in zip(its, met[its], strict=True):
            of_another_thing = (own.min() < least and own.mean() >= most) or any(own[counted] < least)
            if not of_another_thing and not is_supposed(draft.candidates[row].text, lang=told[0].lang):
                yield row


def _stand_alone(missing: Sequence[str], text: str) -> list[str]:
    """Those of the missing names that are no part of one of several words, of which others are there.

    "Baldera Havalimanı" is "Baldera airport".
    """
    names = [word for word in words(text) if word.text[0].isupper()]
    return [name for name in missing if not _has_neighbour(name, names, missing, text)]


def _has_neighbour(name: str, names: Sequence[FoldedWord], missing: Sequence[str], text: str) -> bool:
    at = [i for i, word in enumerate(names) if word.text == name]
    near = [names[j] for i in at for j in (i - 1, i + 1) if 0 <= j < len(names)]
    return any(
        word.text not in missing and re.search(rf"{re.escape(a)}\W?\w{{0,5}} {re.escape(b)}", text)
        for word in near
        for a, b in ((name, word.text), (word.text, name))
    )


def _about(question: str, draft: Draft, met: NDArray[np.float64], *, asked_in: str) -> Iterator[int]:
    """Those of the draft's candidates that are about what the question is about."""
    for row, (candidate, own) in enumerate(zip(draft.candidates, met, strict=True)):
        least, mean = (_MET, _MET) if candidate.passage.lang == asked_in else (_MET_ABROAD, _MET_ABROAD_MEAN)
        if len(own) and (own.min() < least or own.mean() < mean):
            continue
        if _has_names(question, asked_in, candidate) and not is_supposed(candidate.text, lang=candidate.passage.lang):
            yield row


def _has_names(question: str, lang: str, candidate: Candidate) -> bool:
    """Whether a sentence has the names of the question; what stands before it may, if it names nobody else."""
    passage = candidate.passage

    def missing(text: str) -> bool:
        return bool(_unnamed(question, [Quoted(text, passage.lang, passage.date)], lang=lang))

    if not missing(f"{passage.title}\n{candidate.text}"):
        return True
    asked = Quoted(question, lang, "")
    others = _unnamed(_stated(candidate.text), [asked], lang=passage.lang, context=passage.readable)
    return not others and not missing(_so_far(candidate))


def _unnamed(text: str, quotes: Sequence[Quoted], *, lang: str, context: str = "") -> list[str]:
    """The names in a text that no quote has; one in another language may spell them in its own way."""
    missing = [name for name in missing_names(text, quotes, lang=lang, context=context) if not is_asking(name)]
    abroad = [word for quote in quotes if quote.lang != lang for word in words(quote.text) if word.text[0].isupper()]
    said = words(text)
    # Of those the name in each language is known: Iran is not Iraq, however it is spelt.
    known = {word.text for name in find_names(said, NAME_LANGUAGES) for word in said[name.start : name.end]}
    return [
        name
        for name in missing
        if name in known or not any(_is_spelt_like(fold_word(name), word.skeleton) for word in abroad)
    ]


def _is_spelt_like(name: str, other: str) -> bool:
    """Whether two folded words may be one name in two scripts, either with an ending."""
    length = min(len(name), len(other)) + 1
    if length <= _SHORTEST_WORD or name[0] != other[0]:
        return False
    return SequenceMatcher(None, name[:length], other[:length], autojunk=False).ratio() >= _SPELT_LIKE


def _stated(text: str) -> str:
    """A sentence without who said it."""
    return _ATTRIBUTION.sub(" ", text)


def _is_telling(word: str) -> bool:
    """Whether a word of a question says what it is about, and is no name, which is compared by its letters."""
    folded = fold_word(word)
    if len(word) < _SHORTEST_WORD or word[0].isupper() or is_asking(word) or is_common(FoldedWord(word, folded)):
        return False
    return not any(pattern.fullmatch(folded) for pattern in (_KIND, _PEOPLE, _SETTLEMENT))


def _so_far(candidate: Candidate) -> str:
    """A sentence with its article's title and what its passage says before it."""
    end = candidate.sentence.start + len(candidate.text)
    return f"{candidate.passage.title}\n{candidate.passage.readable[:end]}"


# What a sentence answers


def _claim(
    asked: Asked, candidate: Candidate, named: Sequence[Period], *, asked_in: str, is_by_itself: bool
) -> _Claim | None:
    text, passage = candidate.text, candidate.passage
    dates = [date for date in find_dates(text, lang=passage.lang, published=passage.date) if date.value]
    times = tuple(date.value for date in dates)
    if asked.form is Expected.TIME:
        first = first_clause(text)
        known = {period.value for period in named}
        only = len(dates) == 1 and not is_by_itself
        fresh = [date for date in dates if (only or date.span.overlap(first)) and date.value not in known]
        if any(not any(date.span.overlap(Span(*year.span())) for date in dates) for year in _YEAR.finditer(text)):
            return None  # it may be one that answers
        if not 0 < len(fresh) <= _MOST_TIMES:
            return None
        return _Claim(candidate, _Times(tuple(d.value for d in fresh)), tuple(d.span for d in fresh), (), is_by_itself)
    if named and times and not any(_overlap(period.value, value) for period in named for value in times):
        return None
    if asked.form is Expected.YES_NO:
        yes = says_yes(text, lang=passage.lang, asked=asked.known, asked_in=asked_in)
        return None if yes is None else _Claim(candidate, yes, (), times, is_by_itself)
    quantity = _answering(asked, text, passage.lang, [date.span for date in dates], is_by_itself=is_by_itself)
    return quantity and _Claim(candidate, quantity, (quantity.span,), times, is_by_itself)


def _answering(asked: Asked, text: str, lang: str, dates: Sequence[Span], *, is_by_itself: bool) -> Quantity | None:
    """The quantity that answers, or None if there is none or it cannot be told which."""
    spans = answer_spans(asked, text)
    known = [
        (max((each.strength for each in spans if each.span.overlap(quantity.span)), default=_IN_WORDS), quantity)
        for quantity in find_quantities(text, lang=lang, outside=dates)
        if fold_word(quantity.span.of(text)) not in asked.known and _is_kind(asked, quantity)
    ]
    known.sort(key=lambda each: -each[0])
    if not known or (len(known) > 1 and known[0][0] - known[1][0] < _STRONGER):
        return None
    strength, quantity = known[0]
    is_told = quantity.span.overlap(first_clause(text)) or (len(known) == 1 and not is_by_itself)
    is_clear = is_told and strength >= (_SURE_KIND if asked.kind else _IN_WORDS)
    return quantity if is_clear else None


def _is_kind(asked: Asked, quantity: Quantity) -> bool:
    match asked.kind:
        case "money":
            return quantity.kind.endswith("s") and quantity.kind not in ("days", "years", "degrees")
        case "share":
            return quantity.kind == "share"
        case "age":
            return quantity.kind in ("years", COUNT)
        case _ if asked.unit and (kind := kind_of_unit(asked.unit)):
            return quantity.kind == kind
        case _:
            # Of people there are so many "killed" and "workers"; what is measured in a unit is none of them.
            return not (asked.unit and _PEOPLE.search(asked.unit)) or quantity.kind == COUNT


# Whether two sentences say two things


def _conflict(question: str, one: _Claim, other: _Claim) -> bool:
    if one.passage.document_id == other.passage.document_id or not _same_time(one, other):
        return False
    if not _differ(one, other):
        return False
    if not (one.is_by_itself and other.is_by_itself) and not _of_one_event(one, other):
        return False
    return not (_own_names(one, other, question) and _own_names(other, one, question))


def _of_one_event(one: _Claim, other: _Claim) -> bool:
    """Whether two articles appeared within days of each other, name a day in common if both name any, and neither has
    the other's value, too, as one that tells how it came to be another."""
    if _days_between(one.passage.date, other.passage.date) > _SAME_DAYS:
        return False
    mine, its = ([*claim.times, *_told_before(claim)] for claim in (one, other))
    if mine and its and not any(_overlap(a, b) for a, b in product(mine, its)):
        return False
    return not (_has_value(one, other) or _has_value(other, one))


def _told_before(claim: _Claim) -> list[str]:
    """The times that an article names before a sentence."""
    passage = claim.passage
    before = passage.readable[: claim.candidate.sentence.start]
    return [date.value for date in find_dates(before, lang=passage.lang, published=passage.date) if date.value]


def _has_value(one: _Claim, other: _Claim) -> bool:
    """Whether the passage of one has the number of the other."""
    if not isinstance(other.answer, Quantity):
        return False
    text, lang = one.passage.readable, one.passage.lang
    return any(other.answer.comparable(each) and other.answer.agrees(each) for each in find_quantities(text, lang=lang))


def _agree(one: _Claim, other: _Claim) -> bool:
    match one.answer, other.answer:
        case Quantity() as a, Quantity() as b:
            return a.comparable(b) and a.agrees(b) and _same_time(one, other)
        case _:
            return not _differ(one, other) and _same_time(one, other)


def _differ(one: _Claim, other: _Claim) -> bool:
    match one.answer, other.answer:
        case Quantity() as a, Quantity() as b:
            return a.comparable(b) and not a.agrees(b)
        case _Times(a), _Times(b):
            apart = not any(_overlap(x, y) for x, y in product(a, b))
            return apart and not _are_editions(one, a, other, b)
        case a, b:
            return a is not b


def _own_names(one: _Claim, other: _Claim, question: str) -> list[str]:
    """The names in one sentence that neither the other, nor what stands before it, nor the question has."""
    told = [
        Quoted(_so_far(other.candidate), other.passage.lang, other.passage.date),
        Quoted(question, detect_language(question), ""),
    ]
    context = f"{one.passage.readable}\n{other.passage.readable}"
    names = _unnamed(_stated(one.text), told, lang=one.passage.lang, context=context)
    if one.is_by_itself and other.is_by_itself:
        return names
    return [name for name in names if not _only_begins(name, one.text, context)]


def _only_begins(name: str, text: str, context: str) -> bool:
    """Whether a word has its capital from beginning a sentence, as far as can be seen: no name stands behind it."""
    first, *others = words(text)
    if name != first.text or (others and others[0].text[0].isupper()):
        return False
    return not re.search(rf"[^\W\d_][,]? {re.escape(name[:_FORMS_OF_A_NAME])}", context)


def _same_time(one: _Claim, other: _Claim) -> bool:
    """Whether what two sentences tell may have been on the same days."""
    if one.times and other.times:
        return any(_overlap(a, b) for a, b in product(one.times, other.times))
    if one.times or other.times:
        return _days_between(one.passage.date, other.passage.date) <= _SAME_DAYS
    return True


def _overlap(one: str, other: str) -> bool:
    """Whether two dates can be of one day; what is not known of them may be anything."""
    mine, its = days_of(one), days_of(other)
    if mine and its:
        return mine[0] <= its[1] and its[0] <= mine[1]
    a, b = (value.lstrip("-").split("-")[-2:] for value in (one, other))
    full = one.startswith("--") + other.startswith("--") == 2 or min(map(len, (one, other))) > len("2024-05")
    return not full or a == b


def _are_editions(one: _Claim, mine: Sequence[str], other: _Claim, its: Sequence[str]) -> bool:
    """Whether each tells of days near its own, long apart: of what happens every year, or twice."""
    if _days_between(one.passage.date, other.passage.date) < _EDITIONS_APART:
        return False
    return all(
        any(_days_between(value, claim.passage.date) <= _SOON for value in values)
        for claim, values in ((one, mine), (other, its))
    )


def _days_between(one: str, other: str) -> int:
    """How many days two dates are apart at least; very many if one is not known."""
    mine, its = days_of(one), days_of(other)
    if not mine or not its:
        return dt.timedelta.max.days
    return max((mine[0] - its[1]).days, (its[0] - mine[1]).days, 0)
