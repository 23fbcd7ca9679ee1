"""One Latin skeleton for all scripts, and the terms that lexical search counts.

Paşinyan, Пашинян and Pashinyan fold to "pasinyan". The terms of a text are the folded stems of its words and the
character 4-grams of its folded words: stems serve English and Russian best, 4-grams Azerbaijani, which has no stemmer,
and names that differ a little from language to language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import Stemmer
from anyascii import anyascii

GRAM_LENGTH = 4

# A word of a text: letters, digits and what stands over or under them.
WORD = re.compile(r"[\w\u0300-\u036f]+")
_NOT_SKELETON = re.compile(r"[^a-z0-9]")
_DOUBLED = re.compile(r"([a-z])\1")
# anyascii gives "e" too, but only since one of its releases: the letter is too common here to hang on that.
_SCHWA = str.maketrans("əӘәƏ", "eeee")
# What one language writes with one letter another writes with two: ş, ш, sh; ç, ч, ch; x, х, kh; j, ж, zh.
_DIGRAPHS = (
    ("sh", "s"), ("ch", "c"), ("zh", "j"), ("kh", "h"), ("ts", "c"), ("ph", "f"),
    ("x", "h"), ("w", "v"), ("q", "k"), ("iy", "i"), ("yy", "y"),
)  # fmt: skip


# Of all that Snowball has: every word in Cyrillic is stemmed as Russian, every other as English, which takes little
# from words of other languages. A question's language need not be known so, and a name's stem is the same everywhere.
_ENGLISH, _RUSSIAN = Stemmer.Stemmer("english"), Stemmer.Stemmer("russian")
_STEMMERS_LOCK = Lock()  # one word at a time
_CYRILLIC = re.compile("[\u0400-\u04ff]")


@dataclass(frozen=True, slots=True)
class FoldedWord:
    """A word as it was written, and its skeleton, which is never empty."""

    text: str
    skeleton: str


@lru_cache(maxsize=200_000)
def fold_word(word: str) -> str:
    """The skeleton of one word: lower-case a to z and digits, or "" if nothing of it is left.

    >>> [fold_word(word) for word in ("Paşinyan", "Пашинян", "Pashinyan")]
    ['pasinyan', 'pasinyan', 'pasinyan']
    """
    return _skeleton(_latin(word))


@lru_cache(maxsize=200_000)
def stem_word(word: str) -> str:
    """The skeleton of a word's stem, in Russian if it is in Cyrillic, otherwise in English; "" as of `fold_word`.

    >>> [stem_word(word) for word in ("studies", "Studying", "переговорах", "Переговоры")]
    ['studi', 'studi', 'peregovor', 'peregovor']
    """
    with _STEMMERS_LOCK:
        # What the stemmers know are letters before folding; only Cyrillic may be lower-cased as it is.
        if _CYRILLIC.search(word):
            return fold_word(_RUSSIAN.stemWord(word.lower()))
        return _skeleton(_ENGLISH.stemWord(_latin(word)))


def words(text: str) -> list[FoldedWord]:
    """The words of a text in order, without those that folding leaves nothing of."""
    return [FoldedWord(word, skeleton) for word in WORD.findall(text) if (skeleton := fold_word(word))]


def folded_words(text: str) -> list[str]:
    """The words of a text, folded, in order."""
    return [skeleton for word in WORD.findall(text) if (skeleton := fold_word(word))]


def stem_term(word: FoldedWord) -> str:
    """The term of a word's stem: "~" and the stem's skeleton."""
    return f"~{stem_word(word.text) or word.skeleton}"


def grams(word: FoldedWord) -> list[str]:
    """The 4-grams of a word's skeleton; a short one is its own gram."""
    skeleton = word.skeleton
    return [skeleton[i : i + GRAM_LENGTH] for i in range(max(1, len(skeleton) - GRAM_LENGTH + 1))]


def folded_words_at(text: str) -> list[tuple[int, str]]:
    """The words of a text, folded, each with the code point where it begins."""
    return [(match.start(), skeleton) for match in WORD.finditer(text) if (skeleton := fold_word(match.group()))]


def terms(text: str) -> str:
    """The lexical terms of a text, a space between two: for each word that of its stem and its 4-grams.

    >>> terms("Путина Putin")
    '~putin puti utin tina ~putin puti utin'
    """
    return " ".join(filter(None, map(word_terms, WORD.findall(text))))


@lru_cache(maxsize=100_000)
def word_terms(word: str) -> str:
    """The terms of one word as `terms` gives them, "" if folding leaves nothing of it."""
    folded = FoldedWord(word, fold_word(word))
    return " ".join((stem_term(folded), *grams(folded))) if folded.skeleton else ""


def _latin(word: str) -> str:
    # lower() is safe only here, after transliteration: before it, "I" would become "i", which in az is "ı".
    return anyascii(word.translate(_SCHWA)).lower()


def _skeleton(latin: str) -> str:
    for digraph, letter in _DIGRAPHS:
        latin = latin.replace(digraph, letter)
    return _DOUBLED.sub(r"\1", _NOT_SKELETON.sub("", latin))
