"""One Latin skeleton for all scripts, and the terms that lexical search counts.

Paşinyan, Пашинян and Pashinyan fold to "pasinyan". The terms of a text are its folded words and the character
4-grams of those: on az, en and ru questions 4-grams alone do as well as words with a stemmer, which
Azerbaijani lacks, and they survive its endings.
"""

from __future__ import annotations

import re
from functools import lru_cache

from anyascii import anyascii

GRAM_LENGTH = 4

_WORD = re.compile(r"[\w\u0300-\u036f]+")
_NOT_SKELETON = re.compile(r"[^a-z0-9]")
_DOUBLED = re.compile(r"([a-z])\1")
# anyascii gives "e" too, but only since one of its releases: the letter is too common here to hang on that.
_SCHWA = str.maketrans("əӘәƏ", "eeee")
# What one language writes with one letter another writes with two: ş, ш, sh; ç, ч, ch; x, х, kh; j, ж, zh.
_DIGRAPHS = (
    ("sh", "s"), ("ch", "c"), ("zh", "j"), ("kh", "h"), ("ts", "c"), ("ph", "f"),
    ("x", "h"), ("w", "v"), ("q", "k"), ("iy", "i"), ("yy", "y"),
)  # fmt: skip


@lru_cache(maxsize=200_000)
def fold_word(word: str) -> str:
    """The skeleton of one word: lower-case a to z and digits, or "" if nothing of it is left.

    >>> [fold_word(word) for word in ("Paşinyan", "Пашинян", "Pashinyan")]
    ['pasinyan', 'pasinyan', 'pasinyan']
    """
    # lower() is safe only here, after transliteration: before it, "I" would become "i", which in az is "ı".
    skeleton = anyascii(word.translate(_SCHWA)).lower()
    for digraph, letter in _DIGRAPHS:
        skeleton = skeleton.replace(digraph, letter)
    return _DOUBLED.sub(r"\1", _NOT_SKELETON.sub("", skeleton))


def folded_words(text: str) -> list[str]:
    """The words of a text, folded, in order."""
    return [skeleton for word in _WORD.findall(text) if (skeleton := fold_word(word))]


def folded_words_at(text: str) -> list[tuple[int, str]]:
    """The words of a text, folded, each with the code point where it begins."""
    return [(match.start(), skeleton) for match in _WORD.finditer(text) if (skeleton := fold_word(match.group()))]


def terms(text: str) -> list[str]:
    """The lexical terms of a text: "=word" for each folded word, and its 4-grams; a short word is its own gram.

    >>> terms("Путин Putin")
    ['=putin', 'puti', 'utin', '=putin', 'puti', 'utin']
    """
    found = []
    for word in folded_words(text):
        found.append(f"={word}")
        if len(word) <= GRAM_LENGTH:
            found.append(word)
        else:
            found.extend(word[i : i + GRAM_LENGTH] for i in range(len(word) - GRAM_LENGTH + 1))
    return found
