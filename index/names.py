"""Names that are other words in other languages: Ermənistan, Армения, Armenia.

Folding brings together what is spelled after the ear; these are in a table: `names-cldr.tsv`, made by
`index.make_names`, and `names.tsv`, ours. A question's word is one of them if it is it with an ending of its language.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from index.fold import FoldedWord, words

NAME_LANGUAGES = ("en", "az", "ru", "tr", "uk", "de", "fr")  # the tables' columns

_TABLES = ("names-cldr.tsv", "names.tsv")
_MOST_WORDS = 4  # the longer are names that nobody uses
_SHORTEST_KEY = 4
_FEWEST_LETTERS = 3
_BUCKET = 3  # letters by which a name is looked up: no key has fewer

# All folded: "ı" is "i", "ə" is "e", "ğ" is "g", "ы" is "y".
_TURKIC = (
    "(?:l[ae]r|n?[iu]n|[sy]?[iu]|[yn]?[ae]|n?[dt][ae](?:n|k[iu])?|l[iu][kg]?|c[iuae]|y?l[ae]|d[iu]r|[iu]?m[iu]z|n[iu])"
    "{0,5}"
)
_ADJECTIVE = "(?:i|iy|y|oy|aya|ya|oe|ie|ye|ogo|omu|i?m|ym|om|i?h|yh|imi|ymi|uyu)"
_SLAVIC = f"(?:[aeiouy]{{0,3}}|[aeoi]m|y?ami|y?ah|ov|ev|{_ADJECTIVE}|(?:[aei]n|[iey]|ov|ev)?s(?:k|c|'k){_ADJECTIVE})"
_ENDINGS = {
    "en": re.compile("(?:i|n|an|ian)?s?"),
    "az": re.compile(_TURKIC),
    "tr": re.compile(_TURKIC),
    "ru": re.compile(_SLAVIC),
    "uk": re.compile(_SLAVIC),
    "de": re.compile("(?:s|n|e[nrsm]?|ern|erin(?:en)?)?"),
    "fr": re.compile("e?s?"),
}
_SLAVIC_LANGUAGES = {"ru", "uk"}
_CYRILLIC = re.compile("[\u0400-\u04ff]")


@dataclass(frozen=True, slots=True)
class FoundName:
    """Words `start` to `end` (not included) of a question name something, and what it is called in other words."""

    start: int
    end: int
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Key:
    """What the words of a name begin with, whatever their endings."""

    language: str
    row: str
    parts: tuple[str, ...]
    is_abbreviation: bool


@dataclass(frozen=True, slots=True)
class _Table:
    names: Mapping[str, Mapping[str, tuple[str, ...]]]  # row to language to names
    keys: Mapping[str, tuple[_Key, ...]]  # by the first letters


def find_names(question: Sequence[FoldedWord], languages: Collection[str]) -> list[FoundName]:
    """The names in a question, in order, with their other names in `languages`; of names in names the longest.

    A name without others there, or with none that folds to something else, is left out.
    """
    table = _table()
    found: list[FoundName] = []
    at = 0
    while at < len(question):
        keys = list(_keys_at(question, at, table))
        # "Kanada" may be Canada, or Ghana ("Qana") with an ending: what explains more letters is meant.
        size = max((_size(key) for key in keys), default=(1, 0))
        length = size[0]
        rows = dict.fromkeys(key.row for key in keys if _size(key) == size)
        asked = [word.skeleton for word in question[at : at + length]]
        others = dict.fromkeys(
            name
            for row in rows
            for language, names in table.names[row].items()
            if language in languages
            for name in names
            if [word.skeleton for word in words(name)] != asked
        )
        if others:
            found.append(FoundName(at, at + length, tuple(others)))
        at += length
    return found


def _keys_at(question: Sequence[FoldedWord], at: int, table: _Table) -> Iterator[_Key]:
    first = question[at].skeleton
    for length in range(2, _BUCKET + 1):
        for key in table.keys.get(first[:length], ()):
            here = question[at : at + len(key.parts)]
            if len(here) == len(key.parts) and all(
                _is(word, part, key) for word, part in zip(here, key.parts, strict=True)
            ):
                yield key


def is_ending(end: str, language: str) -> bool:
    """Whether folded letters after a name can be its ending in a language; in one that is not known, only none is."""
    return bool(_ENDINGS[language].fullmatch(end)) if language in _ENDINGS else not end


def _size(key: _Key) -> tuple[int, int]:
    return len(key.parts), sum(map(len, key.parts))


def _is(word: FoldedWord, part: str, key: _Key) -> bool:
    if key.is_abbreviation:
        return word.skeleton == part and word.text.isupper()
    if bool(_CYRILLIC.search(word.text)) != (key.language in _SLAVIC_LANGUAGES) or not word.skeleton.startswith(part):
        return False
    # "Рим" is Rome, but "рим…" begins many words.
    if len(part) < _SHORTEST_KEY and not word.text[:1].isupper():
        return False
    return bool(_ENDINGS[key.language].fullmatch(word.skeleton[len(part) :]))


@lru_cache(maxsize=1)
def _table() -> _Table:
    names: dict[str, dict[str, tuple[str, ...]]] = {}
    for table in _TABLES:
        lines = files("index").joinpath(table).read_text(encoding="utf-8").splitlines()
        rows = [line.split("\t") for line in lines if not line.startswith("#")]
        for code, *cells in rows:
            row = names.setdefault(code, {})
            for language, cell in zip(NAME_LANGUAGES, cells, strict=True):
                if cell:
                    row[language] = tuple(dict.fromkeys((*row.get(language, ()), *cell.split("|"))))
    keys: dict[str, list[_Key]] = {}
    for code, row in names.items():
        for language, called in row.items():
            for name in called:
                if (key := _key(language, code, name)) is not None:
                    letters = 2 if key.is_abbreviation and len(key.parts[0]) == 2 else _BUCKET
                    keys.setdefault(key.parts[0][:letters], []).append(key)
    return _Table(names, {letters: tuple(found) for letters, found in keys.items()})


def _key(language: str, row: str, name: str) -> _Key | None:
    found = words(name)
    is_abbreviation = len(found) == 1 and found[0].text.isupper()
    parts = [word.skeleton for word in found]
    if not is_abbreviation:
        parts = [_cut(part, language) for part in parts]
    fewest = 2 if is_abbreviation else _FEWEST_LETTERS
    if not parts or len(parts) > _MOST_WORDS or len(parts[0]) < fewest:
        return None
    return _Key(language, row, tuple(parts), is_abbreviation)


def _cut(skeleton: str, language: str) -> str:
    """A word of a name without what changes before an ending: "rosi" of Россия, "severn" of северная."""
    if language not in _SLAVIC_LANGUAGES:
        return skeleton
    cut = re.sub("[aeiouy]+$", "", skeleton)
    if len(cut) >= _SHORTEST_KEY:
        return cut
    return skeleton[: max(_FEWEST_LETTERS, min(len(skeleton) - 1, _SHORTEST_KEY))]
