"""Makes `names-cldr.tsv`, the names of places and peoples in several languages, from the Unicode CLDR.

    python -m index.make_names > index/names-cldr.tsv

It reads the CLDR as Babel carries it, which trafilatura brings along; nothing else here needs Babel. The table is
shipped instead, so that an index is searched alike whatever version of Babel is there, and read sooner than Babel's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import cast

from babel import Locale

from index.fold import folded_words
from index.names import NAME_LANGUAGES

_CONTINENTS = {"002", "142", "150", "003", "005", "143"}
_NO_PLACES = {"XA", "XB", "ZZ", "EZ", "QO", "UM"}
# Countries with a language of their own: in most of ours its name is the adjective of the country, too.
_LANGUAGE_OF = {
    "AL": "sq", "AM": "hy", "AZ": "az", "BG": "bg", "BY": "be", "CN": "zh", "CZ": "cs", "DE": "de", "DK": "da",
    "EE": "et", "ES": "es", "FI": "fi", "FR": "fr", "GB": "en", "GE": "ka", "GR": "el", "HU": "hu", "IL": "he",
    "IR": "fa", "IS": "is", "IT": "it", "JP": "ja", "KG": "ky", "KR": "ko", "KZ": "kk", "LT": "lt", "LV": "lv",
    "MK": "mk", "MN": "mn", "NL": "nl", "NO": "nb", "PL": "pl", "PT": "pt", "RO": "ro", "RU": "ru", "SE": "sv",
    "TH": "th", "TJ": "tg", "TM": "tk", "TR": "tr", "UA": "uk", "UZ": "uz", "VN": "vi",
}  # fmt: skip

Row = dict[str, list[str]]  # language to names


def rows() -> Mapping[str, Row]:
    """The names by CLDR code: territories with their language, and cities that time zones are called after."""
    found: dict[str, Row] = {}
    for language in NAME_LANGUAGES:
        locale = Locale.parse(language)
        for code, name in locale.territories.items():
            if (code.isalpha() and code not in _NO_PLACES) or code in _CONTINENTS:
                found.setdefault(code, {}).setdefault(language, []).append(_plain(name))
        for code, spoken in _LANGUAGE_OF.items():
            found[code][language].append(locale.languages[spoken])
    cities = {language: _cities(Locale.parse(language)) for language in NAME_LANGUAGES}
    for zone in {zone for named in cities.values() for zone in named}:
        # Where a language names no city its name is as in the zone.
        plain = zone.rpartition("/")[2].replace("_", " ")
        found[zone] = {language: [named.get(zone, plain)] for language, named in cities.items()}
    return {code: row for code, row in found.items() if _differ(row)}


def _cities(locale: Locale) -> dict[str, str]:
    """The city of each time zone that is called after one."""
    zones = cast(Mapping[str, Mapping[str, str]], locale.time_zones)
    return {zone: names["city"] for zone, names in zones.items() if "city" in names and zone.count("/") == 1}


def _plain(name: str) -> str:
    """A name without what CLDR adds in brackets, with a plain apostrophe."""
    return name.partition("(")[0].strip().replace("’", "'")


def _differ(row: Row) -> bool:
    """Whether folding alone does not make all of them one."""
    return len({" ".join(folded_words(name)) for names in row.values() for name in names}) > 1


HEAD = f"""\
# Names of territories, of languages (which are adjectives of their countries) and of cities, from the Unicode Common
# Locale Data Repository, https://cldr.unicode.org, as Babel carries it. Unicode License v3, see names-cldr.LICENSE;
# Copyright © 2004-2025 Unicode, Inc. Made by: python -m index.make_names
# Code, then {" ".join(NAME_LANGUAGES)}, divided by tabs; names of one language by |.
"""


def table() -> str:
    """The text of `names-cldr.tsv`."""
    lines = (
        "\t".join((code, *("|".join(dict.fromkeys(row.get(language, []))) for language in NAME_LANGUAGES)))
        for code, row in sorted(rows().items())
    )
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(table().encode())
