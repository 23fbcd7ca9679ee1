"""Which language a text is in: Azerbaijani and Turkish above all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.language import LANGUAGES, detect_language

TEXTS = [
    ("az", "Sülh sazişi imzalandı"),
    ("az", "Nikol Paşinyan Bakıya gəldi"),
    ("az", "Bakıda yağış yağır, küçələr boşdur"),
    ("az", "Bu gün hava çox istidir"),
    ("az", "Ermənistan hakimiyyəti görüşdən imtina edib. Bunun səbəbi nədir?"),
    ("az", "GÖRÜŞDƏN İMTİNA EDİLDİ"),
    ("az", "Qızılçayın sol sahilindəki kitabxana bu il oxuculara yeni bina açdı."),
    ("tr", "Bugün hava çok sıcak ve herkes denize gitti"),
    ("tr", "Türkiye Cumhurbaşkanı Ankara'da konuştu ve önemli açıklamalar yaptı"),
    ("tr", "Toplantının neden iptal edildiğini kimse bilmiyor, ama herkes bir şey söylüyor."),
    ("ru", "Армения отказалась от встречи в Москве"),
    ("ru", "Вода без перерыва: город перестал жить по графику"),
    ("en", "Armenia skipped the meeting in Moscow"),
    ("en", "The minister, Əliyev, said that the talks will resume next week in Geneva, after a pause that has been "
           "longer than anyone in the room had wished for when it began."),
    ("uk", "Міністр заявив, що переговори відновляться наступного тижня"),
]  # fmt: skip


@pytest.mark.parametrize(("lang", "text"), TEXTS, ids=[f"{lang}-{text[:20]}" for lang, text in TEXTS])
def test_languages(lang: str, text: str) -> None:
    assert detect_language(text) == lang


def test_azerbaijani_with_few_schwas() -> None:
    assert detect_language("Bu kitabı oxuyan uşaq çox ağıllı idi, onun atası bizim qonşumuz olub") == "az"


def test_an_azerbaijani_name_in_a_short_english_text() -> None:
    assert (
        detect_language("The minister, Əliyev, said that the talks will resume next week in Geneva after a pause")
        == "en"
    )


@pytest.mark.parametrize("text", ["", "12 345", "...", "—", "Ok", "5 %", "😀😀😀"])
def test_hardly_a_letter(text: str) -> None:
    assert detect_language(text) == "und"


@given(text=st.text(max_size=200))
def test_any_text_has_a_known_tag(text: str) -> None:
    assert detect_language(text) in {*LANGUAGES, "und"}


def test_the_start_of_a_long_text_decides() -> None:
    assert detect_language("Вода без перерыва. " * 200 + "The talks resume. " * 2000) == "ru"
