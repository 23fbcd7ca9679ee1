"""Which language a text is in, Azerbaijani and Turkish above all, and where in an article it changes."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eval.languages import LanguageCase, language_cases, report_languages
from index.language import LANGUAGES, detect_language, language_runs
from index.values import Span

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
    ("en", "How many boats is the Göyçə Dəniz company going to sell?"),
    ("az", "Ermenistan niye imtina etdi"),
    ("az", "Gerrard-in komandasi meglub oldu"),
    ("tr", "Gerrard'in takimi maglup oldu"),
    ("az", "Нахчыванда гар јағыр"),
    ("az", "S\u0327u\u0308urlu vətəndas\u0327lar"),
    ("fa", "وزير خارجه گفت كه گفتگوها ادامه دارد"),  # with Arabic yeh and kaf, as old keyboards write it
    ("ar", "إغلاق الجسر القديم في المدينة"),
    ("hy", "Կամուրջը փակ է"),
    ("ka", "ხიდი დაკეტილია"),
    ("de", "Der Minister sagte am Montag, die Gespräche würden fortgesetzt."),
    ("fr", "Grève des boulangers à Marseille"),
    ("es", "Cierran el puente de la capital"),
    ("it", "Studenti e docenti protestano in piazza"),
    ("und", "Η γέφυρα έκλεισε"),
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
@example(text="\x00\x85 abc \ud800 def\ufffe")
def test_any_text_has_a_known_tag(text: str) -> None:
    assert detect_language(text) in {*LANGUAGES, "und"}


@given(words=st.lists(st.sampled_from([word for _, text in TEXTS for word in text.split()]) | st.text(max_size=9)))
@example(words=["İstanbul'da,", "S\u0327u\u0308urlu", "__o_o__", "ﬁﬁ"])
def test_what_has_no_white_space_is_told_word_by_word_the_same(words: list[str]) -> None:
    text = " ".join(words)
    assert detect_language(f"{text} {'.' * 41}") == detect_language(text)


def test_the_start_of_a_long_text_decides() -> None:
    assert detect_language("Вода без перерыва. " * 200 + "The talks resume. " * 2000) == "ru"


EN = (
    "The minister said on Monday that the talks would resume after the break, but not where or when they would be held."
)
AZ = "Nazir bazar ertəsi bildirib ki, danışıqlar fasilədən sonra davam edəcək, amma harada keçiriləcəyini deməyib."
AZ_ASCII = "Nazir bildirib ki, danisiqlar fasileden sonra davam edecek, amma harada kecirileceyini hele hec kim bilmir."
AZ_CYRILLIC = "Назир билдириб ки, данышыглар фасиләдән сонра давам едәҹәк, амма һарада кечириләҹәјини демәјиб."
RU = "Министр сказал, что переговоры продолжатся после перерыва, но где именно, объявлено не было."
UK = "Міністр сказав, що переговори триватимуть після перерви, але де саме, оголошено не було."
TR = "Bakan, görüşmelerin aradan sonra devam edeceğini söyledi, ancak bunun nerede yapılacağı henüz açıklanmadı."


def runs(text: str) -> list[tuple[str, str]]:
    return [(lang, span.of(text)) for span, lang in language_runs(text, Span(0, len(text)))]


@pytest.mark.parametrize(
    ("one", "a", "b", "other"),
    [
        ("en", EN, AZ, "az"), ("az", AZ, RU, "ru"), ("ru", RU, UK, "uk"), ("az", AZ, TR, "tr"), ("tr", TR, EN, "en"),
        ("en", EN, AZ_ASCII, "az"), ("ru", RU, AZ_CYRILLIC, "az"), ("tr", TR, AZ_ASCII, "az"),
    ],
)  # fmt: skip
def test_an_article_in_two_languages(one: str, a: str, b: str, other: str) -> None:
    assert runs(f"{a}\n\n{a}\n{b}\n\n{a}\n") == [(one, f"{a}\n\n{a}"), (other, b), (one, a)]


def test_runs_are_within_the_span() -> None:
    text = f"{RU}\n  {EN}\n{AZ}  \n{RU}"
    start = len(RU) + 1
    within = Span(start, start + len(EN) + len(AZ) + 4)
    assert [(lang, span.of(text)) for span, lang in language_runs(text, within)] == [("en", EN), ("az", AZ)]


def test_azerbaijani_in_two_scripts_is_one_language() -> None:
    assert runs(f"{AZ}\n{AZ_CYRILLIC}\n{AZ_ASCII}") == [("az", f"{AZ}\n{AZ_CYRILLIC}\n{AZ_ASCII}")]


@pytest.mark.parametrize(
    "line", ["Heydər Əliyev", "12 345", "Нахчыван", "Quebec, Max Baxter", "* * *", "Breaking news"]
)
def test_a_short_line_goes_with_its_neighbours(line: str) -> None:
    text = f"{line}\n{TR}\n{line}\n{TR}\n{line}"
    assert runs(text) == [("tr", text)]


def test_a_heading_in_another_script_is_in_another_language() -> None:
    heading = "Переговоры продолжатся"
    assert runs(f"{AZ}\n{heading}\n{AZ}") == [("az", AZ), ("ru", heading), ("az", AZ)]


def test_foreign_names_make_no_run() -> None:
    names = "Felix Baxter, Alexander Quinn and Xavier Roux met Məmməd Əliyev, Ələkbər Rzayev and Пашинян in the tower."
    text = f"{EN}\n{names}\n{EN}\n- Əhməd Şükürov, Gülçöhrə Həsənova\n{EN}"
    assert runs(text) == [("en", text)]


def test_nothing_to_tell() -> None:
    assert runs(" \n\n") == []
    assert runs("12\n\n34") == [("und", "12\n\n34")]


lines = st.sampled_from([EN, AZ, AZ_ASCII, AZ_CYRILLIC, RU, UK, TR, "", "  ", "Əliyev", "2022", "\t— x\r"]) | st.text()


@given(lines=st.lists(lines, max_size=8), start=st.integers(0, 300), end=st.integers(0, 300))
def test_runs_cover_what_is_not_blank_in_order(lines: list[str], start: int, end: int) -> None:
    text = "\n".join(lines)
    start, end = sorted((min(start, len(text)), max(0, len(text) - end)))
    found = language_runs(text, Span(start, end))
    spans = [Span(start, start), *(span for span, _ in found), Span(end, end)]
    for before, after in pairwise(spans):
        assert before.end <= after.start
        assert not text[before.end : after.start].strip()
    assert all(span.of(text) == span.of(text).strip() for span, _ in found)
    assert all(one != next_ for (_, one), (_, next_) in pairwise(found))
    assert {lang for _, lang in found} <= {*LANGUAGES, "und"}


@given(case=st.sampled_from(language_cases()), more=st.lists(st.sampled_from(language_cases()), max_size=12))
def test_a_text_in_one_language_is_one_run(case: LanguageCase, more: list[LanguageCase]) -> None:
    text = "\n".join([case.text, *(other.text for other in more if other.kind == case.kind)])
    assert len(runs(text)) == 1


def test_the_shipped_texts() -> None:
    cases = language_cases()
    assert {(c.kind, c.length, c.part): 0 for c in cases}.keys() == {
        (kind, length, part)
        for kind in ("en", "az", "azascii", "azcyrl", "ru", "tr", "trascii", "uk", "fa")
        for length in ("under 40", "40 and over")
        for part in ("dev", "test")
    }
    assert len({case.text for case in cases}) == len(cases) == 270
    assert all(15 <= len(case.text) <= 200 and case.lang in LANGUAGES for case in cases)


def test_languages_are_told_as_well_as_measured() -> None:
    values = {figure.name: figure.value for figure in report_languages(language_cases("dev")).figures}
    assert values["all, 40 and over"] >= 0.98
    assert values["all, under 40"] >= 0.95
    assert min(values.values()) >= 7 / 8


def test_what_was_told_wrong_is_listed() -> None:
    cases = [LanguageCase("az", "az", "dev", "a" * 39), LanguageCase("ru", "ru", "dev", "b" * 40)]
    report = report_languages(cases, lambda text: "az")
    found = json.loads(report.to_json())
    assert [(f["name"], f["value"], f["n"]) for f in found["figures"]] == [
        ("az, under 40", 1.0, 1),
        ("ru, 40 and over", 0.0, 1),
        ("all, under 40", 1.0, 1),
        ("all, 40 and over", 0.0, 1),
    ]
    assert [(c["kind"], c["told"], c["text"]) for c in found["confusions"]] == [("ru", "az", "b" * 40)]
    assert "ru taken for az: 1" in report.to_text()
