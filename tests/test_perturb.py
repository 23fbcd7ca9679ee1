from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import nDCG

from eval.perturb import (
    PERTURBATIONS,
    SOFT_HYPHEN,
    Perturbation,
    Target,
    entities,
    lower,
    mojibake_cp1251,
    mojibake_cp1252,
    perturb,
    robustness,
    soft_hyphens,
    to_cyrillic,
    to_latin,
    typos,
    upper,
    without_diacritics,
    without_spaces_between_sentences,
)
from eval.sets import CorpusDocument, Query, RetrievalSet
from eval.systems import make_system
from index.embed import Embedder
from index.fold import folded_words
from index.tokens import TokenCodec

AZ = "Bakı 2022-ci ildə Şuşada 15 məktəb tikdi; İlham Əliyev 3,5 milyon manat ayırdı. Işıq gəldi."
RU = "Пашинян не поехал в Москву 23 ноября 2022 года. Ещё 15 делегаций приехали, сообщил Щёлоков."
EN = "In 2022 the port of Baku handled 15.3 million tons. Officials said it would grow by 4%."
TEXTS = st.one_of(
    st.sampled_from([AZ, RU, EN, ""]),
    st.text(st.sampled_from("abgiIİıəƏşŞöğ ёйщПи.,!?&<>\"' 0123456789"), max_size=60),
)


def digits(text: str) -> list[str]:
    return re.findall(r"[0-9]", text)


@given(TEXTS, st.sampled_from(PERTURBATIONS), st.integers(0, 3))
def test_perturbations_are_deterministic_and_leave_digits(text: str, perturbation: Perturbation, seed: int) -> None:
    once = perturbation.function(text, seed)
    perturbation.function("something else in between", seed)
    assert perturbation.function(text, seed) == once
    # An entity brings digits of its own; read as HTML they are letters again.
    assert digits(html.unescape(once) if perturbation.function is entities else once) == digits(text)


@pytest.mark.parametrize("perturbation", PERTURBATIONS, ids=lambda p: p.label)
def test_each_changes_some_text(perturbation: Perturbation) -> None:
    assert any(perturbation.function(text, 7) != text for text in (AZ, RU, EN))


def test_labels_are_names() -> None:
    assert len({perturbation.label for perturbation in PERTURBATIONS}) == len(PERTURBATIONS)


def test_letters_without_marks() -> None:
    assert without_diacritics(AZ, 0) == (
        "Baki 2022-ci ilde Susada 15 mekteb tikdi; Ilham Eliyev 3,5 milyon manat ayirdi. Isiq geldi."
    )
    assert without_diacritics("мой ёж", 0) == "мой еж"
    decomposed = unicodedata.normalize("NFD", "Şuşa")
    assert without_diacritics(decomposed, 0) == "Susa"


def test_transliteration_of_questions() -> None:
    assert to_latin("Щёлоков, Юлия и Хачатрян", 0) == "Shchelokov, Iuliia i Khachatrian"
    assert to_latin(AZ, 0) == AZ
    assert to_cyrillic("Gəncə, Qarabağ və Ağdam; işıq", 0) == "Ҝәнҹә, Гарабағ вә Ағдам; ишыг"
    assert to_cyrillic(EN, 0) == EN
    assert to_cyrillic(RU, 0) == RU


def test_names_fold_to_one_skeleton_in_both_scripts() -> None:
    # Passports write я as "ia" and the skeleton as "ya": one letter of eight is another.
    assert (folded_words(to_latin("Пашинян", 0)), folded_words("Пашинян")) == (["pasinian"], ["pasinyan"])
    assert folded_words(to_latin("Путин", 0)) == folded_words("Путин")


def test_case_of_the_turkic_i() -> None:
    assert upper("İclas nə vaxt idi, kim gəldi", 0) == "İCLAS NƏ VAXT İDİ, KİM GƏLDİ"
    assert lower("Işıq və İlham", 0) == "ışıq və ilham"
    assert upper("when is it", 0) == "WHEN IS IT"
    assert lower("Is It In Istanbul, he asked the officials", 0) == "is it in istanbul, he asked the officials"


def test_typos_come_at_their_rate_and_keep_words_apart() -> None:
    text = " ".join(["government", "министерство", "hökumətinin", "1234567890"] * 200)
    spoilt = typos(text, 7)
    words, spoilt_words = text.split(), spoilt.split()
    assert len(spoilt_words) == len(words)
    wrong = sum(a != b for a, b in zip(words, spoilt_words, strict=True))
    assert 0.25 < wrong / 600 < 0.55  # about ten places in a word, one in twenty each
    assert spoilt_words[3::4] == ["1234567890"] * 200
    for a, b in zip(words, spoilt_words, strict=True):
        assert len(a) - 3 <= len(b) <= len(a)
        assert not set(b) - set(a)
    assert typos(text, 8) != spoilt


def test_entities_read_as_html_give_the_text_back() -> None:
    assert "&#601;" in entities(AZ, 0)
    for text in (AZ, RU, EN, 'a & b < c > "d"'):
        assert html.unescape(entities(text, 0)) == text
        assert entities(text, 0).isascii()


def test_mojibake_is_what_the_wrong_decoder_gives() -> None:
    assert mojibake_cp1251("Москва", 0) == "РњРѕСЃРєРІР°"
    assert mojibake_cp1252("Şuşa", 0) == "ÅžuÅŸa"
    assert mojibake_cp1252("ё", 0) == "Ñ‘"
    assert "\ufffd" in mojibake_cp1252("Эссе об эпохе", 0) + mojibake_cp1252("Нет", 0)  # partly lost
    assert mojibake_cp1251(EN, 0) == EN


def test_spaces_after_full_stops() -> None:
    assert without_spaces_between_sentences(AZ, 0).endswith("ayırdı.Işıq gəldi.")
    assert without_spaces_between_sentences("In 2022. 15 came. He left", 0) == "In 2022. 15 came.He left"


def test_soft_hyphens_can_be_taken_out_again() -> None:
    for text in (AZ, RU, EN):
        spoilt = soft_hyphens(text, 7)
        assert SOFT_HYPHEN in spoilt
        assert spoilt.replace(SOFT_HYPHEN, "") == text
    assert soft_hyphens("short 1234567", 7) == "short 1234567"


@pytest.fixture
def small_set() -> RetrievalSet:
    texts = {
        "a": "The gas pipeline to Georgia was closed for repairs, officials said in the evening of that day.",
        "b": "The chess tournament of Sheki ended with a victory of the youngest player of the whole country.",
        "c": "The lighthouse keeper handed over his keys after many years of night watches by the cold sea.",
    }
    return RetrievalSet(
        "small",
        tuple(CorpusDocument(id_, "", text) for id_, text in texts.items()),
        (Query("q1", "gas pipeline closed"), Query("q2", "chess tournament victory"), Query("q3", "not judged")),
        {"q1": {"a": 1}, "q2": {"b": 1}},
        "ab" * 32,
    )


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_CACHE", str(tmp_path / "cache"))


def test_perturbing_keeps_ids_and_judgments(small_set: RetrievalSet) -> None:
    loud = Perturbation("upper case", Target.QUESTIONS, upper)
    spoilt, changed = perturb(small_set, loud)
    assert changed == 2  # of the two that are judged
    assert [query.id for query in spoilt.queries] == ["q1", "q2", "q3"]
    assert spoilt.queries[0].text == "GAS PIPELINE CLOSED"
    assert (spoilt.corpus, spoilt.qrels) == (small_set.corpus, small_set.qrels)
    spoilt, changed = perturb(small_set, replace(loud, target=Target.DOCUMENTS))
    assert changed == 3
    assert spoilt.queries == small_set.queries
    assert [document.id for document in spoilt.corpus] == ["a", "b", "c"]


def test_the_drop_of_a_perturbation_that_destroys_everything(small_set: RetrievalSet, hashing: Embedder) -> None:
    def destroy(text: str, seed: int) -> str:
        return "zzzz" if text.startswith("gas") else text

    def destroy_documents(text: str, seed: int) -> str:
        return "zzzz yyyy xxxx." if text else ""

    report = robustness(
        small_set,
        hashing,
        lambda index: make_system("bm25", index),
        measures=(nDCG @ 10,),
        perturbations=(
            Perturbation("gone", Target.QUESTIONS, destroy),
            Perturbation("gone", Target.DOCUMENTS, destroy_documents),
            Perturbation("Latin", Target.QUESTIONS, to_latin),
        ),
    )
    one, all_ = report.drops
    assert (one.perturbation, one.changed, one.plain, one.perturbed) == ("questions: gone", 1, 1.0, 0.5)
    assert (one.difference.value, one.difference.low, one.difference.high) == (-0.5, -1.0, 0.0)
    assert (all_.perturbation, all_.changed, all_.perturbed, all_.difference.value) == ("documents: gone", 3, 0.0, -1.0)
    assert report.without_effect == ("questions: Latin",)
    lines = report.to_markdown().splitlines()
    assert lines[4].startswith("| documents: gone | 3 | 1.000 | 0.000 | -1.000 ")  # the largest loss first
    assert "Nothing to change here: questions: Latin." in lines


def test_robustness_runs_every_perturbation(small_set: RetrievalSet, hashing: Embedder) -> None:
    heard: list[str] = []

    def hear(label: str, done: int) -> None:
        heard.append(label)

    report = robustness(small_set, hashing, lambda index: make_system("full", index), on_query=hear)
    measured = {drop.perturbation for drop in report.drops}
    assert measured | set(report.without_effect) == {perturbation.label for perturbation in PERTURBATIONS}
    assert set(heard) == measured | {""}
    by_label = {(drop.perturbation, drop.measure): drop for drop in report.drops}
    assert by_label["questions: upper case", "nDCG@10"].difference.value == 0.0  # folding takes case away


def test_embeddings_are_not_made_twice(small_set: RetrievalSet, hashing: Embedder, tmp_path: Path) -> None:
    from eval.embeddings import CachedEmbedder

    class Counting:
        identity = hashing.identity
        asked = 0

        def embed_passages(self, texts: list[str]) -> Iterator[object]:
            self.asked += len(texts)
            return hashing.embed_passages(texts)

        def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[object]:
            self.asked += len(texts)
            return hashing.embed_and_pack(texts, codec)

        def __getattr__(self, name: str) -> object:
            return getattr(hashing, name)

    inner = Counting()
    with CachedEmbedder(inner, file=tmp_path / "e.sqlite") as cached:  # type: ignore[arg-type]
        first = robustness(small_set, cached, lambda index: make_system("dense", index))
        asked = inner.asked
        assert robustness(small_set, cached, lambda index: make_system("dense", index)) == first
    assert inner.asked == asked > 0
