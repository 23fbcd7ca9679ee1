"""Documents to passages: exact places, no word lost, nothing longer than allowed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.clean import clean
from index.embed import Embedder, HashingEmbedder
from index.errors import SettingsError
from index.folder import Index
from index.passages import Chunking, passage_dates, passage_sentences, split_passages
from index.read import MEDIA_BY_SUFFIX, file_hash, read_source
from index.sentences import split_sentences
from index.values import Document, Media, Passage, Source, Span, Spelling

COUNT = HashingEmbedder().count_tokens  # words


def source_of(text: str, name: str = "a.txt") -> Source:
    media = MEDIA_BY_SUFFIX[Path(name).suffix]
    spelling = Spelling.JSON if media is Media.JSONL else Spelling.PLAIN
    return Source(name, media, file_hash(text.encode()), text, spelling=spelling)


def passages_of(source: Source, chunking: Chunking, count: Callable[[list[str]], list[int]] = COUNT) -> list[Passage]:
    documents = clean(source).documents
    return [p for d in documents for p in split_passages(d, source, chunking=chunking, count_tokens=count)]


def numbered(sentences: int, words: int = 8) -> str:
    return " ".join(
        f"Sentence {i} has " + " ".join(f"w{i}x{j}" for j in range(words - 3)) + "." for i in range(sentences)
    )


PARAGRAPHS = st.lists(
    st.one_of(
        st.integers(1, 12).map(numbered),
        st.sampled_from(
            [
                "1 Share",
                "Read the whole story",
                "Heading of the part",
                "· · ·",
                "Мир. Труд! Май?",
                "x" * 90,
                "Two  spaces.  And \t a tab.",
            ]
        ),
        st.text(alphabet="abə жя.?! 😀\u00a0", max_size=200),
        st.lists(st.sampled_from(["word", "слово", "söz", "3.5", "a"]), min_size=60, max_size=90).map(" ".join),
    ),
    min_size=1,
    max_size=8,
)
CHUNKINGS = st.builds(Chunking, max_tokens=st.integers(16, 60), overlap_sentences=st.integers(0, 3))


@settings(max_examples=150)
@given(paragraphs=PARAGRAPHS, gap=st.sampled_from(["\n", "\n\n", "\r\n"]), chunking=CHUNKINGS)
def test_passages_of_any_text(paragraphs: list[str], gap: str, chunking: Chunking) -> None:
    source = source_of(gap.join(paragraphs))
    cleaned = clean(source)
    for document in cleaned.documents:
        passages = split_passages(document, source, chunking=chunking, count_tokens=COUNT)
        covered = [False] * len(source.text)
        for passage in passages:
            assert passage.text == passage.span.of(source.text)
            assert passage.readable == passage.text == passage.text.strip() != ""
            assert passage.id == f"{document.id}:{passage.span.start}-{passage.span.end}"
            assert COUNT([passage.readable])[0] <= chunking.max_tokens
            assert any(b.start <= passage.span.start and passage.span.end <= b.end for b in document.body)
            assert not any(passage.span.overlap(dropped.span) for dropped in cleaned.dropped)
            covered[passage.span.start : passage.span.end] = [True] * (passage.span.end - passage.span.start)
        for span in document.body:
            assert all(covered[i] or source.text[i].isspace() for i in range(span.start, span.end))
        assert [p.span.start for p in passages] == sorted({p.span.start for p in passages})
        assert [p.span.end for p in passages] == sorted({p.span.end for p in passages})


@given(
    texts=st.lists(
        st.text(alphabet='ab ə"\\\n\t.!😀ж/', min_size=1, max_size=120).filter(str.strip), min_size=1, max_size=3
    ),
    ascii_only=st.booleans(),
    chunking=CHUNKINGS,
)
def test_passages_of_json_lines_map_back(texts: list[str], ascii_only: bool, chunking: Chunking) -> None:
    source = source_of("\n".join(json.dumps({"text": text}, ensure_ascii=ascii_only) for text in texts), "a.jsonl")
    for document, text in zip(clean(source).documents, texts, strict=True):
        for passage in split_passages(document, source, chunking=chunking, count_tokens=COUNT):
            assert passage.span.of(source.text) == passage.text
            assert json.loads(f'"{passage.text}"') == passage.readable
            assert passage.readable in text
            for sentence in passage_sentences(passage):
                assert json.loads(f'"{sentence.span.of(source.text)}"') == sentence.text
                assert passage.readable.startswith(sentence.text, sentence.start)


def test_overlap_is_by_whole_sentences() -> None:
    source = source_of(numbered(7))
    ends = {
        Chunking(16, 0): [(0, 2), (2, 4), (4, 6), (6, 7)],
        Chunking(24, 1): [(0, 3), (2, 5), (4, 7)],
        Chunking(32, 2): [(0, 4), (2, 6), (4, 7)],
    }
    sentences = split_sentences(source.text, "en")
    for chunking, wanted in ends.items():
        spans = [p.span for p in passages_of(source, chunking)]
        assert spans == [Span(sentences[a][0], sentences[b - 1][1]) for a, b in wanted]


def test_a_sentence_too_long_is_cut_at_spaces() -> None:
    source = source_of(" ".join(f"w{i}" for i in range(100)) + ".")
    passages = passages_of(source, Chunking(20, 1))
    assert " ".join(p.text for p in passages) == source.text
    assert max(COUNT([p.text for p in passages])) <= 20


def test_a_word_too_long_is_cut_anywhere() -> None:
    source = source_of("x" * 100)
    passages = passages_of(source, Chunking(16, 0), lambda texts: [len(text) for text in texts])
    assert "".join(p.text for p in passages) == source.text
    assert max(len(p.text) for p in passages) <= 16


def test_ids_are_the_same_on_every_build(make_index: Callable[..., Index]) -> None:
    text = numbered(40)
    made = make_index({"a.txt": text})
    stored = [p.passage.id for p in made.catalog.added_since(0)]
    assert stored == [p.id for p in passages_of(source_of(text), Chunking())]
    assert len(set(stored)) == len(stored) > 1


def test_a_passage_has_its_own_language() -> None:
    english = (
        "The lighthouse has been run by a machine since the spring, and the keeper has gone home with his dog. " * 3
    )
    russian = (
        "Маяк работает сам с весны, а смотритель ушёл домой вместе со своей собакой и больше не вернётся никогда. " * 3
    )
    passages = passages_of(source_of(f"{english}\n\n{russian}"), Chunking(32, 0))
    assert [p.lang for p in passages] == ["en"] * 2 + ["ru"] * 2 or {p.lang for p in passages if "Маяк" in p.text} == {
        "ru"
    }
    assert {p.lang for p in passages if "lighthouse" in p.text and "Маяк" not in p.text} == {"en"}


def test_sentences_of_a_passage_stand_in_the_source(make_index: Callable[..., Index]) -> None:
    index = make_index({"a.txt": numbered(30), "b.jsonl": json.dumps({"text": numbered(30).replace(".", '."\n')})})
    for stored in index.catalog.added_since(0):
        source = index.source(stored.passage.source_path)
        found = passage_sentences(stored.passage)
        assert found
        for sentence in found:
            quote = sentence.span.of(source.text)
            assert sentence.text == (json.loads(f'"{quote}"') if source.media is Media.JSONL else quote)


def test_passages_of_the_bundled_model_fit(corpus: Path, e5: Embedder) -> None:
    """Tokens are counted sentence by sentence, so it is not plain that a whole passage keeps to the limit."""
    checked = 0
    for path in sorted(path for path in corpus.rglob("*") if path.is_file()):
        passages = passages_of(read_source(path.read_bytes(), path=path.name), Chunking(), e5.count_tokens)
        checked += len(passages)
        assert max(e5.count_tokens([p.readable for p in passages])) <= Chunking().max_tokens
    assert checked > 60


@pytest.mark.parametrize("values", [(15, 0), (0, 0), (100, -1)])
def test_settings_that_cannot_be(values: tuple[int, int]) -> None:
    with pytest.raises(SettingsError, match="want"):
        Chunking(*values)


def test_an_empty_body_has_no_passages() -> None:
    document = Document("d", "a.txt", "", "en", "", (Span(0, 3),), (Span(0, 3),))
    assert split_passages(document, source_of(" \n "), chunking=Chunking(), count_tokens=COUNT) == []


def test_dates_that_a_passage_names_stand_in_the_source() -> None:
    words = (
        'The keeper left on "3 May 2024". Yesterday his dog followed; the harbour master wrote it down in March 2023.'
    )
    source = source_of(json.dumps({"text": words, "date": "2024-06-10"}), "a.jsonl")
    [passage] = passages_of(source, Chunking())
    found = passage_dates(passage)
    assert [each.value for each in found] == ["2024-05-03", "2024-06-09", "2023-03"]
    assert [each.span.of(source.text) for each in found] == ["3 May 2024", "Yesterday", "March 2023"]
