"""Lexical search: BM25 against a plain count, names across languages, quotes, filters, a cache that is made again."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.catalog import Catalog
from index.embed import HashingEmbedder
from index.errors import IndexUnwritable
from index.fold import fold_word, folded_words, terms
from index.folder import Filters, Index
from index.ingest import GivenDocument, ingest, ingest_given
from index.lexical import LexicalIndex, Phrase, from_one_of, holds, parse_query, question_parts
from index.passages import searched_text
from index.values import Passage, Span, Spelling

K1, B = 1.2, 0.75
FILES = {
    "az.txt": "Paşinyan görüşə getmədi\n\n3 fevral 2024-cü il\n\n"
    "Baş nazir Nikol Paşinyan Moskvadakı görüşə getmədi, çünki gücsüz görünmək istəmirdi. Bakı isə yola nəzarəti "
    "əldən vermək fikrində deyil və danışıqlar gələn aya qaldı.",
    "en.txt": "The lighthouse without a keeper\n\n5 May 2024\n\n"
    "The lighthouse of Sahilkend has been run by a machine since the spring. The keeper has gone home, and nobody in "
    "the harbour of Sahilkend has seen him or his dog since then.",
    "ru.txt": "Маяк без смотрителя\n\n1 июня 2024 года\n\n"
    "Маяк Сахилкенда с весны работает сам. Смотритель ушёл домой, и больше никто в порту не видел ни его, ни собаку, "
    "хотя искали всей улицей.",
    "old.txt": "Hazelnuts are dear this year\n\n"
    "The growers of Findigli expect ten thousand tonnes of nuts. The machine that cracks them is new, and the keeper "
    "of the store says that it is louder than the lighthouse in fog.",
}
QUESTIONS = [
    "who runs the lighthouse?", "lighthouse keeper machine", "Пашинян", "Nikol Pashinyan meeting", "Маяк Сахилкенда",
    "dog", "keeper's dogs and lighthouses", "в Москве", "Москва, Moscow and Moskva", "Kremlin in Moscow",
    "Paşinyan niyə görüşə getmədi?", "harbour harbour harbour", "zzzz", "",
]  # fmt: skip


@pytest.fixture
def index(make_index: Callable[..., Index]) -> Index:
    return make_index(FILES)


def plain_bm25(catalog: Catalog, question: str) -> list[tuple[int, float]]:
    """Keys and shares, counted out. Field lengths are exact here; tantivy keeps them in a byte, exact up to 40."""
    documents = {stored.key: Counter(terms(searched_text(stored.passage)).split()) for stored in catalog.added_since(0)}
    average = sum(d.total() for d in documents.values()) / len(documents)
    parts = question_parts(parse_query(question), {"az", "en", "ru"})

    def idf(term: str) -> float:
        frequency = sum(term in d for d in documents.values())
        return math.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5))

    def saturated(term: str, d: Counter[str]) -> float:
        return d[term] * (K1 + 1) / (d[term] + K1 * (1 - B + B * d.total() / average))

    def best(weigh: Callable[[str], float]) -> float:
        return sum(
            max(sum(weight * weigh(term) for term, weight in wording.weights.items()) for wording in part.wordings)
            for part in parts
        )

    total = best(idf) * (K1 + 1)
    scores = {key: best(lambda term, d=d: idf(term) * saturated(term, d)) for key, d in documents.items()}
    return sorted(
        ((key, score / total) for key, score in scores.items() if score), key=lambda pair: (-pair[1], pair[0])
    )


@pytest.mark.parametrize("question", QUESTIONS)
def test_search_is_bm25(index: Index, question: str) -> None:
    wanted = plain_bm25(index.catalog, question)
    found = index.lexical.search(question, k=50)
    assert [hit.key for hit in found] == [key for key, _ in wanted]
    for hit, (_, share) in zip(found, wanted, strict=True):
        assert hit.share == pytest.approx(share, rel=0.06)
        assert 0 < hit.share <= 1


def names(index: Index, question: str, **filters: object) -> list[str]:
    hits = index.search_lexical(question, k=50, filters=Filters(**filters))
    stored = index.passages(hit.key for hit in hits)
    return [stored[hit.key].passage.source_path for hit in hits]


def test_names_are_found_across_scripts(index: Index) -> None:
    assert names(index, "Пашинян") == ["az.txt"]
    assert names(index, "PASHINYAN") == ["az.txt"]
    assert names(index, "Sahilkənd")[:2] == ["en.txt", "ru.txt"]
    assert names(index, "Сахилкенд")[:2] == ["en.txt", "ru.txt"]


def test_names_are_found_across_languages(index: Index) -> None:
    """Of Москва only "mosk" is in Moskvadakı, of Moscow nothing."""
    for question in ("Москва", "Москве", "Moscow", "MOSCOW", "московские власти", "Moskvanın"):
        assert names(index, question)[:1] == ["az.txt"], question
    assert names(index, "Baku")[:1] == names(index, "бакинского")[:1] == ["az.txt"]


def test_a_name_is_counted_once(index: Index) -> None:
    """An archive in many languages has many words for it, and still a passage cannot have more than all of it."""
    alone = {hit.key: hit.share for hit in index.lexical.search("Moskva", k=50)}
    again = {hit.key: hit.share for hit in index.lexical.search("Moskva moskva MOSKVA", k=50)}
    assert alone == again
    assert len(question_parts(parse_query("Moskva Moskva"), {"az", "en", "ru"})) == 1
    asked = question_parts(parse_query("Moskva və Москва"), {"az", "en", "ru", "tr", "uk", "de", "fr"})
    assert [part.wordings[0].text for part in asked] == ["Moskva", "və"]


@given(question=st.text(alphabet="abIı Мм. Moskva США", max_size=40))
def test_the_parts_of_a_question_are_its_words(question: str) -> None:
    asked = [
        word for part in question_parts(parse_query(question), {"az", "ru"}) for word in part.wordings[0].text.split()
    ]
    assert set(map(fold_word, asked)) == set(folded_words(question))


# What of a question a passage has


@pytest.mark.parametrize("question", QUESTIONS)
def test_matched_parts_add_up(index: Index, question: str) -> None:
    for hit in index.lexical.search(question, k=50):
        matched = index.lexical.explain(question, hit.key)
        assert sum(match.share for match in matched) == pytest.approx(hit.share, abs=1e-5)
        assert [match.share for match in matched] == sorted((match.share for match in matched), reverse=True)


def test_matched_parts_are_told_as_asked_and_as_found(index: Index) -> None:
    (hit,) = index.lexical.search("Московская встреча Пашиняна", k=1)
    matched = {match.asked: match.found_as for match in index.lexical.explain("Московская встреча Пашиняна", hit.key)}
    assert matched == {"Московская": "Moskva", "Пашиняна": "Пашиняна"}
    assert index.lexical.explain("zzzz", hit.key) == []
    assert index.lexical.explain("Пашинян", 999) == []


def test_filters(index: Index) -> None:
    question = "lighthouse keeper of Sahilkend, маяк, Paşinyan görüş"
    assert sorted(names(index, question)) == ["az.txt", "en.txt", "old.txt", "ru.txt"]
    assert names(index, question, languages=frozenset({"ru"})) == ["ru.txt"]
    assert sorted(names(index, question, languages=frozenset({"ru", "az"}))) == ["az.txt", "ru.txt"]
    assert names(index, question, languages=frozenset({"ka"})) == []
    assert sorted(names(index, question, since="2024-02-03")) == ["az.txt", "en.txt", "ru.txt"]
    assert sorted(names(index, question, since="2024-02-04")) == ["en.txt", "ru.txt"]
    assert sorted(names(index, question, until="2024-05-05")) == ["az.txt", "en.txt"]
    assert names(index, question, since="2024-05-05", until="2024-05-05") == ["en.txt"]
    assert names(index, question, since="2025-01-01") == []
    assert names(index, question, since="2024-01-01", languages=frozenset({"en"})) == ["en.txt"]


def test_source_filter(make_index: Callable[..., Index]) -> None:
    index = make_index(
        {"news/en.txt": FILES["en.txt"], "news/old/a.txt": FILES["old.txt"], "news.txt": FILES["ru.txt"]}
    )
    question, vector = "lighthouse, маяк", index.embedder.embed_query("lighthouse")
    cases = {
        "news": ["news/en.txt", "news/old/a.txt"],
        "news/": ["news/en.txt", "news/old/a.txt"],
        "news/old": ["news/old/a.txt"],
        "news/en.txt": ["news/en.txt"],
        "news/en.txt/": [],
        "news.txt": ["news.txt"],
        "new": [],
        "old": [],
        "": [],
    }
    for source, paths in cases.items():
        sources = frozenset({source})
        assert sorted(names(index, question, sources=sources)) == paths, source
        hits = index.search_dense(vector, k=9, filters=Filters(sources=sources))
        assert sorted(index.passages([hit.key for hit in hits])[hit.key].passage.source_path for hit in hits) == paths
        everything = (stored.passage.source_path for stored in index.catalog.added_since(0))
        assert sorted(path for path in everything if from_one_of(sources, path)) == paths
    both = frozenset({"news.txt", "news/old"})
    assert sorted(names(index, question, sources=both)) == ["news.txt", "news/old/a.txt"]
    assert names(index, question, sources=both, languages=frozenset({"ru"})) == ["news.txt"]


def test_a_filter_does_not_change_a_share(index: Index) -> None:
    everywhere = {hit.key: hit.share for hit in index.lexical.search("lighthouse keeper", k=50)}
    for hit in index.lexical.search("lighthouse keeper", k=50, languages=["en"], after="2024-01-01"):
        assert hit.share == everywhere[hit.key]


def test_k(index: Index) -> None:
    every = index.lexical.search("lighthouse keeper", k=50)
    assert len(every) == 2
    assert index.lexical.search("lighthouse keeper", k=1) == every[:1]


def test_equals_come_in_order_of_their_keys_however_the_files_were_made(tmp_path: Path) -> None:
    """tantivy orders its segments by names that are chance, so it is tried on several indexes."""
    batches = [[GivenDocument(f"{b}-{i}.txt", "", f"Keeper number {100 * b + i}") for i in range(40)] for b in range(5)]
    for name in ("a.index", "b.index", "c.index"):
        for batch in batches:
            ingest_given(batch, tmp_path / name, embedder=HashingEmbedder())
        with Index.open(tmp_path / name) as index:
            assert len(list((tmp_path / name / "lexical").glob("*.term"))) == 5
            hits = index.lexical.search("keeper", k=200)
            assert len({hit.share for hit in hits}) == 1
            assert [hit.key for hit in hits] == list(range(1, 201))
            assert index.lexical.search("keeper", k=10) == hits[:10]
            assert index.lexical.search("keeper", k=120) == hits[:120]


# Quotes


QUOTED = [
    ('"hava limanı" harada?', ["hava limanı"]),
    ("«hava limanı» və “Milli Məclis”", ["hava limanı", "Milli Məclis"]),
    ("„Die Zeit“ und ”Le Monde”", ["Die Zeit", "Le Monde"]),
    ('"oyuncaq yerinə qoyulmaq"dan narahatdır', ["oyuncaq yerinə qoyulmaq"]),
    ('("lighthouse")', ["lighthouse"]),
    ('"dog" and "dog"', ["dog"]),
    ('a pipe of 5" and one of 3" or so', []),
    ('an "unclosed quotation', []),
    ("«не закрыта", []),
    ("не открыта»", []),
    ('"" « » "…"', []),
    ("the keeper's dog isn't 'here'", []),
    ("", []),
]  # fmt: skip


@pytest.mark.parametrize(("question", "phrases"), QUOTED)
def test_phrases_are_what_is_in_quotes(question: str, phrases: list[str]) -> None:
    parsed = parse_query(question)
    assert [phrase.text for phrase in parsed.phrases] == phrases
    assert [word.skeleton for word in parsed.words] == folded_words(question)


PHRASES = [
    ('"run by a machine"', ["en.txt"]),
    ('"machine"', ["en.txt", "old.txt"]),
    ('"machines"', []),
    ('"a machine run"', []),
    ('"RUN BY" "his dog"', ["en.txt"]),
    ('"run by" "louder than"', []),
    ("«маяк без смотрителя»", ["ru.txt"]),
    ("«маяк смотрителя»", []),
    # The title's end and the text's beginning are no phrase.
    ("«без смотрителя маяк»", []),
    ("«nikol pashinyan»", ["az.txt"]),
    ('"Никол Пашинян"', ["az.txt"]),
    ("no phrase", ["az.txt", "en.txt", "old.txt", "ru.txt"]),
]


@pytest.mark.parametrize(("question", "paths"), PHRASES)
def test_phrases_must_stand_as_written(index: Index, question: str, paths: list[str]) -> None:
    phrases = parse_query(question).phrases
    everything = "lighthouse keeper of Sahilkend, маяк, Paşinyan görüş"
    assert sorted(names(index, everything, phrases=phrases)) == paths
    stored = {passage.key: passage.passage for passage in index.catalog.added_since(0)}
    keys = index.lexical.keys(phrases=phrases)
    assert keys.dtype == np.int64
    assert sorted(stored[key].source_path for key in keys.tolist()) == paths
    assert keys.tolist() == [key for key, passage in sorted(stored.items()) if holds(phrases, passage)]
    dense = index.search_dense(index.embedder.embed_query("lighthouse"), k=9, filters=Filters(phrases=phrases))
    assert sorted(stored[hit.key].source_path for hit in dense) == paths


def test_phrases_and_the_other_filters_hold_together(index: Index) -> None:
    vector = index.embedder.embed_query("lighthouse")
    machine = parse_query('"machine"').phrases
    for filters in (
        Filters(phrases=machine, languages=frozenset({"ru"})),
        Filters(phrases=machine, until="2024-01-01"),
        Filters(phrases=machine, sources=frozenset({"ru.txt"})),
    ):
        assert index.search_dense(vector, k=9, filters=filters) == []
        assert index.search_lexical("lighthouse", k=9, filters=filters) == []
    filters = Filters(phrases=machine, since="2024-05-05")
    assert len(index.search_dense(vector, k=9, filters=filters)) == 1
    assert len(index.search_lexical("lighthouse", k=9, filters=filters)) == 1


PASSAGE = Passage("d:0-1", "d", "a.txt", Span(0, 1), "a", "a", Spelling.PLAIN, "en", "", "")


@given(text=st.text(alphabet="aAəб .|", max_size=30), start=st.integers(0, 8), length=st.integers(1, 3))
def test_what_stands_in_a_text_is_held(text: str, start: int, length: int) -> None:
    skeletons = tuple(folded_words(text)[start : start + length])
    passage = dataclasses.replace(PASSAGE, readable=text)
    if skeletons:
        assert holds([Phrase("", skeletons)], passage)
        assert not holds([Phrase("", (*skeletons, "z"))], passage)


# The cache


def shares(index: Index) -> list[list[object]]:
    return [list(index.lexical.search(question, k=50)) for question in QUESTIONS]


def test_replacing_and_removing(index: Index, tmp_path: Path, hashing: object, write: Callable[..., Path]) -> None:
    docs = write(
        tmp_path / "docs",
        {"en.txt": "Another story of it\n\nNothing is told here of what was told before, but of a submarine."},
    )
    (docs / "az.txt").unlink()
    ingest([docs], tmp_path / "news.index", embedder=hashing, prune=True)
    with Index.open(tmp_path / "news.index") as again:
        assert names(again, "Paşinyan") == []
        assert names(again, "Sahilkend harbour") == ["ru.txt"]
        assert names(again, "submarine") == ["en.txt"]
        assert again.lexical._count() == again.catalog.passage_count() == 3


def test_what_is_removed_is_found_no_more_at_once(index: Index) -> None:
    index.commit([], remove=["az.txt"])
    assert names(index, "Paşinyan") == []
    assert index.lexical._count() == index.dense.count == len(index.lexical.keys()) == 3
    assert index.lexical.keys(phrases=parse_query('"nikol pashinyan"').phrases).tolist() == []


def test_what_is_removed_makes_no_word_of_the_others_too_common_to_be_found(index: Index) -> None:
    index.commit([], remove=["az.txt", "ru.txt", "old.txt"])  # "the" stands in two passages then, one of them removed
    (hit,) = index.lexical.search("the", k=50)
    assert 0 < hit.share <= 1


def test_applying_a_batch_twice_adds_nothing(index: Index) -> None:
    before = shares(index)
    index.lexical.sequence = 0
    index.lexical.catch_up(index.catalog)
    assert index.lexical._count() == 4
    assert [[hit.key for hit in hits] for hits in shares(index)] == [[hit.key for hit in hits] for hits in before]


def test_catching_up_twice_does_no_harm(index: Index, tmp_path: Path) -> None:
    """As after a kill between the commit of the terms and that of the number they have reached."""
    before = shares(index)
    state = tmp_path / "news.index" / "lexical" / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "sequence": 0}))
    with Index.open(tmp_path / "news.index") as again:
        assert again.lexical._count() == again.catalog.passage_count()
        assert [[hit.key for hit in hits] for hits in shares(again)] == [[hit.key for hit in hits] for hits in before]
        assert json.loads(state.read_text())["sequence"] == again.catalog.sequence


def replace(file: Path, data: bytes) -> None:
    """Another file by the same name: the index that is open in this process has the old one mapped into memory."""
    file.unlink()
    file.write_bytes(data)


def wreck(damage: str, folder: Path) -> None:
    segments = [
        file
        for file in sorted(folder.iterdir())
        if file.suffix in (".idx", ".store", ".term", ".fast", ".fieldnorm", ".pos")
    ]
    match damage:
        case "no folder":
            shutil.rmtree(folder)
        case "no state":
            (folder / "state.json").unlink()
        case "a state that is none":
            (folder / "state.json").write_text("[]")
        case "a broken state":
            (folder / "state.json").write_bytes(b"\xff{")
        case "another version":
            state = json.loads((folder / "state.json").read_text())
            (folder / "state.json").write_text(json.dumps({**state, "terms": 0}))
        case "another catalog":
            state = json.loads((folder / "state.json").read_text())
            (folder / "state.json").write_text(json.dumps({**state, "catalog": "other"}))
        case "a state ahead":
            state = json.loads((folder / "state.json").read_text())
            (folder / "state.json").write_text(json.dumps({**state, "sequence": 9}))
        case "no meta":
            (folder / "meta.json").unlink()
        case "a broken meta":
            (folder / "meta.json").write_text("{")
        case "no segments":
            for file in segments:
                file.unlink()
        case "empty segments":
            for file in segments:
                replace(file, b"")
        case "half segments":
            for file in segments:
                replace(file, file.read_bytes()[: file.stat().st_size // 2])
        case _:
            for file in segments:
                replace(file, b"\xff" * file.stat().st_size)


DAMAGES = [
    "no folder", "no state", "a state that is none", "a broken state", "another version", "another catalog",
    "a state ahead", "no meta", "a broken meta", "no segments", "empty segments", "half segments", "noise for segments",
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_wrong_is_made_again(index: Index, tmp_path: Path, damage: str) -> None:
    before = shares(index)
    wreck(damage, tmp_path / "news.index" / "lexical")
    with Index.open(tmp_path / "news.index") as again:
        assert shares(again) == before


@pytest.mark.parametrize("listed", [True, False])
def test_what_a_killed_writer_left_is_in_nobodys_way(index: Index, tmp_path: Path, listed: bool) -> None:
    """Killed when it had written which passages are deleted, under a name that the next writer gives, too."""
    folder = tmp_path / "news.index" / "lexical"
    before = {name: (folder / name).read_bytes() for name in ("meta.json", "state.json", ".managed.json")}
    index.commit([], remove=["az.txt"])
    assert list(folder.glob("*.del"))
    (folder / "meta.json").write_bytes(before["meta.json"])
    (folder / "state.json").write_bytes(before["state.json"])
    if not listed:  # tantivy lists what it writes before it writes it, so this is no kill but worse
        (folder / ".managed.json").write_bytes(before[".managed.json"])
    with Index.open(tmp_path / "news.index") as again:
        assert names(again, "Paşinyan") == []
        assert names(again, "Sahilkend harbour")[0] == "en.txt"
        assert again.lexical._count() == again.catalog.passage_count() == 3


def test_an_index_beside_a_writer_has_what_was_committed(index: Index, tmp_path: Path) -> None:
    reader = LexicalIndex(tmp_path / "news.index" / "lexical")
    reader.open(index.catalog, writable=False)
    assert [reader.search(question, k=50) for question in QUESTIONS] == shares(index)


def test_nothing_is_made_by_a_reader(index: Index, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "news.index" / "lexical")
    reader = LexicalIndex(tmp_path / "news.index" / "lexical")
    reader.open(index.catalog, writable=False)
    assert reader.search("lighthouse", k=5) == []
    assert not (tmp_path / "news.index" / "lexical").exists()


def test_a_cache_that_cannot_be_begun_is_told(index: Index, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("a file where the folder of the cache is to be")
    (beside := tmp_path / f".words.new.{os.getpid()}-{threading.get_ident()}").write_text("and one where it is made")
    with pytest.raises(IndexUnwritable, match="cannot be written"):
        LexicalIndex(tmp_path / "words").open(index.catalog, writable=True)
    beside.unlink()
    LexicalIndex(tmp_path / "words").open(index.catalog, writable=True)
