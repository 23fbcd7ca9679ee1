"""Which language a text is in, of those that the archive may hold."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from index.values import UNDETERMINED

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# py3langid knows 97 languages; held to the ones of the region and its press it takes short Azerbaijani for
# Turkish less often, and never for Uzbek or Tatar.
LANGUAGES = ("az", "en", "ru", "tr", "ar", "de", "es", "fa", "fr", "hy", "it", "ka", "uk")

_ENOUGH_CHARACTERS = 2000  # the verdict does not change past this, and the time does
_FEWEST_LETTERS = 3


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # a third of a second

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier


def detect_language(text: str) -> str:
    """The BCP 47 tag of the language that most of `text` is in, or "und" if it has hardly a letter.

    One letter settles what statistics do not: of the languages in Latin script only Azerbaijani writes ə.
    """
    sample = text[:_ENOUGH_CHARACTERS]
    letters = [c for c in sample if c.isalpha()]
    if len(letters) < _FEWEST_LETTERS:
        return UNDETERMINED
    schwas = sum(c in "əƏ" for c in letters)
    # ə is one letter in eleven of Azerbaijani prose; a third of that share is more than a quoted name brings.
    if schwas * 33 >= len(letters):
        return "az"
    language, _ = _identifier().classify(sample)
    return str(language)
