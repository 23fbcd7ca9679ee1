"""How much the words of a line are those in which pages speak of themselves and to their readers, and articles do not.

"Subscribe to our newsletter" and "Мнение редакции может не совпадать" are told by their words alone, wherever they
stand. `wording.toml` has a weight for how words begin; `dragoman eval fit-standing` fits them.
"""

from __future__ import annotations

import math
import re
import textwrap
import tomllib
from collections import defaultdict
from collections.abc import Mapping

from index.lines import small_letters

_BEGINNING = re.compile(r"([^\W\d_]{1,5})[^\W\d_]*")  # of a word, the letters that its forms share, mostly


def beginnings(text: str) -> set[str]:
    """How the words of a line begin, in small letters."""
    return set(_BEGINNING.findall(small_letters(text)))


def wording(text: str, words: Mapping[str, float]) -> float:
    """The sum of the weights of a line's words, over the root of how many they are; 0 for a line without any.

    The root, because a word of many says less than one of few, and several say more than one.
    """
    found = beginnings(text)
    return sum(filter(None, map(words.get, found))) / math.sqrt(max(1, len(found)))


def read_words(table: str) -> dict[str, float]:
    """The weights in the text of a file such as `wording.toml`, by how words begin."""
    return {word: float(weight) for weight, words in tomllib.loads(table)["words"].items() for word in words}


def words_text(words: Mapping[str, float]) -> str:
    """The weights as TOML: for each weight the words that have it, the largest first."""
    by_weight: defaultdict[float, list[str]] = defaultdict(list)
    for word, weight in words.items():
        by_weight[weight].append(word)
    rows = []
    for weight in sorted(by_weight, reverse=True):
        quoted = ", ".join(f'"{word}"' for word in sorted(by_weight[weight]))
        lines = textwrap.wrap(quoted, 116, initial_indent="    ", subsequent_indent="    ")
        rows += [f'"{weight:.1f}" = [', *lines, "]"]
    return "\n".join(["[words]", *rows, ""])
