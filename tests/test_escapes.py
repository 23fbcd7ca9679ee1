"""What a person reads and how the file spells it: each character has its place, and what is whole is not repaired."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from index.decode import decode
from index.embed import Embedder
from index.escapes import misread_share, view
from index.folder import Index
from index.ingest import ingest
from index.sentences import split_sentences
from index.values import Span, Spelling

MISREAD = {
    Spelling.MISREAD_CP1252: "cp1252",
    Spelling.MISREAD_CP1251: "cp1251",
    Spelling.MISREAD_CP1254: "cp1254",
}
LETTERS = {
    "en": "abcdefghijklmnopqrstuvwxyz",
    "az": "abcçdeəfgğhxıijkqlmnoöprsştuüvyz",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "tr": "abcçdefgğhıijklmnoöprsştuüvyz",
}
MARKS = "  .,!?;:-–—«»“”‘’…()№%0123456789\n"
TEXTS = st.sampled_from(sorted(LETTERS)).flatmap(
    lambda lang: st.text(LETTERS[lang] + LETTERS[lang].upper().replace("I", "Iİ") + MARKS, min_size=1, max_size=300)
)
SPELLINGS = st.sampled_from(sorted(MISREAD))
STORY = {
    "az": "Sahilkənddəki mayak yazdan bəri gözətçisiz işləyir. Qoca gözətçi evinə qayıdıb! İndi işığa maşın baxır.",
    "ru": "Маяк в Сахилькенде с весны работает без смотрителя. Старый смотритель уехал домой. За светом следит машина.",
    "tr": "Deniz feneri bahardan beri bekçisiz çalışıyor. Yaşlı bekçi evine döndü. Artık ışığa bir makine bakıyor.",
    "en": "The lighthouse’s keeper “has gone home” – with his dog. A machine runs it now. It costs £5 a day…",
}


def misread(text: str, encoding: str) -> str:
    """UTF-8 decoded as a single-byte encoding, as web browsers do it: bytes without a character are controls."""
    letters = []
    for byte in text.encode():
        try:
            letters.append(bytes([byte]).decode(encoding))
        except UnicodeDecodeError:
            letters.append(chr(byte))
    return "".join(letters)


@given(text=TEXTS, spelling=SPELLINGS)
def test_what_was_misread_is_read_again(text: str, spelling: Spelling) -> None:
    source = misread(text, MISREAD[spelling])
    seen = view(source, Span(0, len(source)), spelling)
    assert seen.text == text
    for i, letter in enumerate(text):
        assert seen.span(i, i + 1).of(source) == misread(letter, MISREAD[spelling])


@given(text=TEXTS, spelling=SPELLINGS, before=st.text(max_size=5))
def test_sentences_of_the_view_are_cited_where_they_stand(text: str, spelling: Spelling, before: str) -> None:
    piece = misread(text, MISREAD[spelling])
    source = before + piece + " end"
    seen = view(source, Span(len(before), len(before) + len(piece)), spelling)
    for start, end in split_sentences(seen.text, "en"):
        span = seen.span(start, end)
        assert span.of(source) == misread(text[start:end], MISREAD[spelling])


@pytest.mark.parametrize("lang", STORY)
@pytest.mark.parametrize("encoding", MISREAD.values())
def test_a_misread_file_is_known_and_read(lang: str, encoding: str) -> None:
    source = misread(STORY[lang], encoding)
    decoded = decode(source.encode(), "a.txt")
    assert decoded.text == source  # never rewritten
    assert view(source, Span(0, len(source)), decoded.spelling).text == STORY[lang]


WORDS = [word for story in STORY.values() for word in story.split()] + [
    "«Рёбра»,",
    "Сёмга",
    "Рёв",
    "ТАСС",
    "«МГУ»",
    "«Её»",
    "Çox",
    "№5",
]
WHOLE = st.lists(
    st.sampled_from(WORDS).flatmap(lambda word: st.sampled_from([word, word.upper(), word.title()])), min_size=1
).map(" ".join)


@given(text=WHOLE)
@example("Рёв мотора, Рёбра Адама, «Рё»: Сёмга, Сёстры, Рё.")
@example("Ёлка. РЁБРА И СЁМГА. «Её» – Рёк…")
@example("Ət, çay, GÖZƏL İŞ — “Ağ” ‘Ça’…")
def test_text_that_was_never_misread_stays_as_it_is(text: str) -> None:
    assert decode(text.encode(), "a.txt").spelling is Spelling.PLAIN


def test_no_file_of_the_sample_was_misread(corpus: Path) -> None:
    for file in corpus.rglob("*"):
        if file.suffix in (".txt", ".md", ".jsonl"):
            assert decode(file.read_bytes(), file.name).spelling is Spelling.PLAIN


@given(text=st.text(), spelling=SPELLINGS)
def test_any_text_has_a_view_whose_places_are_in_order(text: str, spelling: Spelling) -> None:
    seen = view(text, Span(0, len(text)), spelling)
    assert seen.starts is not None
    assert len(seen.starts) == len(seen.text) + 1
    assert list(seen.starts) == sorted(set(seen.starts))
    assert (seen.starts[0], seen.starts[-1]) == (0, len(text))
    assert 0.0 <= misread_share(text, spelling) <= 1.0


@given(text=st.text(st.characters(codec="utf-8")))
def test_json_is_read_as_json_reads_it(text: str) -> None:
    for ascii_only in (True, False):
        source = json.dumps(text, ensure_ascii=ascii_only)
        seen = view(source, Span(1, len(source) - 1), Spelling.JSON)
        assert seen.text == text
        for i, letter in enumerate(text):
            assert json.loads(f'"{seen.span(i, i + 1).of(source)}"') == letter


def test_passages_of_a_misread_file_are_those_of_the_whole_one(
    tmp_path: Path, hashing: Embedder, write: Callable[..., Path]
) -> None:
    text = "Sahilkənddə mayak\n\n" + STORY["az"]
    docs = write(tmp_path / "docs", {"whole.txt": text, "misread.txt": misread(text, "cp1252")})
    assert ingest([docs], tmp_path / "i", embedder=hashing).failures == []
    with Index.open(tmp_path / "i") as index:
        whole, other = (
            [stored.passage for stored in index.catalog.added_since(0) if stored.passage.source_path == path]
            for path in ("whole.txt", "misread.txt")
        )
        source = index.source("misread.txt")
    assert [passage.readable for passage in other] == [passage.readable for passage in whole]
    assert [passage.span.of(source.text) for passage in other] == [misread(p.text, "cp1252") for p in whole]
    assert {passage.lang for passage in other} == {"az"}
