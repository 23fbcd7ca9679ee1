"""Whether a sentence says that what is asked is so, or that it is not, as far as form tells in en, az, ru and tr.

Only its first clause counts: "passed the law, but it is not known when it takes effect" says yes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.fold import FoldedWord, words
from index.values import Span
from rag.expect import any_of

_SHARED_LETTERS = 4  # words that begin with as many equal letters are forms of one
_REACH = 3  # words after a negation within which what is negated stands
# What begins another clause. Unfolded, for commas count.
_NEXT_CLAUSE = re.compile(
    r"[;:—–]|,?\s(?:but|although|though|because|which|who|while|whereas|since|until|unless|если|хотя|но|однако|"
    r"потому|который|которая|которое|которые|чтобы|пока|amma|lakin|ancaq|çünki|baxmayaraq|fakat|ama|ancak|oysa|halbuki|çünkü)\s"
    r"|,\s(?:it|he|she|they|so|and|а|и|что|ki|və|ve|hansı)\s",
    re.IGNORECASE,
)


def _set(table: str) -> frozenset[str]:
    return frozenset(table.split())


_NOT = {
    "en": _set("not no never neither nor none nobody without refused failed declined denied denies"),
    "ru": _set("не нет никогда ни никто без отказался отказалась отказалось отказались опроверг опровергла опровергли"),
}  # fmt: skip
_SHORTENED = re.compile(r"\w+n['’]t\b", re.IGNORECASE)
# A verb that is negated, folded: getmedi, edilmeyib, olmamis, gelmiyor, acilmadi, gitmez.
_NEGATED_VERB = re.compile(
    r"(?P<stem>[a-z]{2,}?)(?:m[ae](?:y[ae]c[ae][kg]|y[ie]b|mis|mus|di|du|dan|den|z|y[ie]r|kd[ae]dir|lidir|sin)|miyor|muyor|mir|mur|mayib|meyib)"
    r"(?:di|du|dir|dur|ler|lar|lerdi|sin|siz|am|em|im|k|ik|uz)*\Z"
)
# Words that only look like one.
_NOT_VERBS = frozenset(("temir", "tamir", "emir", "demir", "amir", "komur", "omur", "kadir"))
_NEGATING = frozenset(("deyil", "degil", "yoh", "yok", "yohdur", "yoktur", "hec"))
_IF = "[a-z]{2,}(?:s[ae]yd[iu]|[aeiou]rs[ae]|[ae]bilerdi|[ae]bilirdi)"  # çıxsaydı, yükselirse, ölebilirdi
_SUPPOSED = {
    "en": any_of(
        "if", "vould", "could", "might", "may (?:be|have|not)", "unless", "vhether", "perhaps", "maybe", "posibly",
        "alegedly", "plans? to", "vants? to", "hopes? to", "ought to", "rumou?r_",
    ),
    "ru": any_of(
        "esli", "by", "vozmojno", "mojet byt", "mogli", "mog", "mogla", "budto", "yakoby", "planiru_", "hocet", "sluh_",
    ),
    "az": any_of(_IF, "eger", "ola biler", "bilerdi", "guya", "olsaydi", "planlasdir_", "ehtimal_"),
    "tr": any_of(_IF, "eger", "olabilir", "sozde", "olsaydi", "sayet", "planl_", "ihtimal_"),
}  # fmt: skip


def is_negation(word: FoldedWord) -> bool:
    """Whether a word turns what is said into its contrary, in any of the languages: "not", "нет", "etmədi"."""
    plain = word.text.lower()
    return (
        any(plain in each for each in _NOT.values()) or word.skeleton in _NEGATING or bool(_negated_verb(word.skeleton))
    )


def is_supposed(text: str, *, lang: str) -> bool:
    """Whether a sentence tells what may be, or would be, and not what is."""
    return lang in _SUPPOSED and bool(_SUPPOSED[lang].search(" ".join(word.skeleton for word in words(text))))


def says_yes(text: str, *, lang: str, asked: Sequence[str], asked_in: str) -> bool | None:
    """Whether the first clause of a sentence says so, or not; None if it negates something that `asked` does not ask.

    `asked` are the folded words of the question, `asked_in` its language. A sentence in that must negate one of them;
    of one in another language it is taken for granted.
    """
    found = words(_SHORTENED.sub(" not ", first_clause(text).of(text)))
    negated = list(_negated([word.skeleton for word in found], [word.text.lower() for word in found], lang))
    if not negated:
        return True
    if len(negated) > 1:
        return None
    is_asked = lang != asked_in or any(_alike(word, other) for word in negated[0] for other in asked)
    return False if is_asked else None


def first_clause(text: str) -> Span:
    """What of a sentence comes before "but", "which", "если", …; all of it where there is no such word."""
    begin = len(text) - len(text.lstrip())
    ends = (found.start() for found in _NEXT_CLAUSE.finditer(text, begin + 1))
    return Span(begin, next(ends, len(text)))


def _negated_verb(word: str) -> re.Match[str] | None:
    return None if word in _NOT_VERBS else _NEGATED_VERB.match(word)


def _negated(folded: Sequence[str], plain: Sequence[str], lang: str) -> list[list[str]]:
    """For each negation the words that it may negate, folded."""
    if lang in _NOT:
        return [list(folded[i + 1 : i + 1 + _REACH]) for i, word in enumerate(plain) if word in _NOT[lang]]
    if lang in ("az", "tr"):
        found = []
        for i, word in enumerate(folded):
            if match := _negated_verb(word):
                found.append([match["stem"], *folded[max(0, i - 1) : i]])
            elif word in _NEGATING and word != "hec":
                found.append(list(folded[max(0, i - _REACH) : i]))
        return found
    return []


def _alike(one: str, other: str) -> bool:
    n = min(len(one), len(other))
    if n < _SHARED_LETTERS:
        return one == other and n > 1
    return one[:_SHARED_LETTERS] == other[:_SHARED_LETTERS]
