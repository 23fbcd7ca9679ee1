"""Copies give way to the best of them, and no article fills the list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.folder import Index
from index.values import Passage, ScoredPassage, Span, Spelling
from rag.assistant import Assistant
from rag.retrieve import LexicalRetriever
from rag.select import Selected, collapse, spread

TEXT = "the keeper of the northern lighthouse went home with his old dog after forty years of service by the sea"
OTHER_TEXT = "prices of apples and pears doubled since last autumn because of a long drought in the whole valley"
WORDS, OTHER = TEXT.split(), OTHER_TEXT.split()


def found(document: str, score: float, text: str, start: int = 0) -> Selected:
    span = Span(start, start + len(text))
    place = f"{document}:{span.start}-{span.end}"
    passage = Passage(place, document, f"{document}.txt", span, text, text, Spelling.PLAIN, "en", "", "")
    return Selected(ScoredPassage(passage, score, 0.0, 0.0))


def documents(selected: list[Selected]) -> list[str]:
    return [each.hit.passage.document_id for each in selected]


COPIES = {"a": "a", "b": "a", "c": "a", "x": "x"}


def test_the_best_of_copies_stays_and_names_the_others() -> None:
    selected = collapse(
        [found("a", 0.5, TEXT), found("b", 0.9, TEXT), found("c", 0.4, TEXT), found("x", 0.6, TEXT)], COPIES
    )
    assert documents(selected) == ["b", "x"]  # x says the same but is no copy: a quotation, or a report of one form
    assert [copy.document_id for copy in selected[0].hit.also] == ["a", "c"]
    assert selected[1].hit.also == ()


def test_among_equals_the_representative_stays() -> None:
    assert documents(collapse([found("b", 0.5, TEXT), found("a", 0.5, TEXT)], {"a": "a", "b": "a"})) == ["a"]
    assert documents(collapse([found("b", 0.5, TEXT), found("a", 0.5, TEXT)], {"a": "b", "b": "b"})) == ["b"]


def test_what_a_copy_says_more_is_kept() -> None:
    half = " ".join(WORDS[10:] + OTHER[:10])
    assert documents(collapse([found("a", 0.5, TEXT), found("b", 0.4, half)], COPIES)) == ["a", "b"]
    # Once both halves are in the list it says nothing more, and stands with the one that has more of it.
    three = [found("a", 0.5, TEXT), found("a", 0.45, OTHER_TEXT, start=200), found("b", 0.4, half)]
    selected = collapse(three, COPIES)
    assert [(each.hit.passage.span.start, len(each.hit.also)) for each in selected] == [(0, 0), (200, 1)]


def test_passages_of_one_document_are_no_copies_of_each_other() -> None:
    assert len(collapse([found("a", 0.5, TEXT), found("a", 0.4, TEXT, start=500)], COPIES)) == 2


def test_the_third_passage_of_an_article_gives_way_to_what_is_close() -> None:
    listed = [found("a", score, TEXT, start=i * 200) for i, score in enumerate([0.9, 0.8, 0.7, 0.69])]
    listed += [found("x", 0.68, OTHER_TEXT), found("y", 0.4, OTHER_TEXT)]
    parted = spread(listed, {"a": "a", "x": "x", "y": "y"})
    assert documents(parted) == ["a", "a", "x", "a", "a", "y"]
    assert [each.listed.score for each in parted] == pytest.approx([0.9, 0.8, 0.68, 0.65, 0.64, 0.4])
    assert [each.hit.score for each in parted] == [0.9, 0.8, 0.68, 0.7, 0.69, 0.4]
    assert [each.moves for each in parted[3:5]] == [
        ("passage 3 of its article: -0.05",), ("passage 4 of its article: -0.05",)
    ]  # fmt: skip


HITS = st.lists(
    st.tuples(st.sampled_from("abcx"), st.sampled_from([0.1, 0.2, 0.3]), st.integers(0, 12), st.integers(3, 8)),
    max_size=12,
    unique_by=lambda each: (each[0], each[2], each[3]),
)


@given(HITS, st.randoms(use_true_random=False))
def test_nothing_is_lost_and_order_does_not_matter(hits: list[tuple[str, float, int, int]], chance: object) -> None:
    made = [found(d, score, " ".join(WORDS[first : first + n]), start=first * 10) for d, score, first, n in hits]
    selected = spread(collapse(made, COPIES), COPIES)
    shown = [each.hit.passage.id for each in selected]
    also = [copy.id for each in selected for copy in each.hit.also]
    assert sorted(shown + also) == sorted(each.hit.passage.id for each in made)
    assert [each.listed.score for each in selected] == sorted((each.listed.score for each in selected), reverse=True)
    shuffled = list(made)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert spread(collapse(shuffled, COPIES), COPIES) == selected


@pytest.mark.parametrize("copies", [3, 150])
def test_copies_do_not_keep_others_out_of_the_list(make_index: Callable[..., Index], copies: int) -> None:
    release = "The harbour of Sahilkend opens its new pier in June, says its keeper, after years of work on it. " * 3
    files = {f"copy-{i:03}.txt": f"The new pier\n\n5 May 2024\n\n{release}\n" for i in range(copies)}
    files |= {
        f"other-{i}.txt": f"News of day {i}\n\nOf the pier and {OTHER[i]} they speak all day.\n" for i in range(4)
    }
    index = make_index(files)
    assistant = Assistant(index, retriever=LexicalRetriever(index))
    hits = assistant.search("who keeps the new pier of the harbour?", k=5)
    assert len(hits) == 5
    assert sum(hit.passage.source_path.startswith("copy") for hit in hits) == 1
    listed = next(hit for hit in hits if hit.also)
    assert len(listed.also) == copies - 1
    assert assistant.search("who keeps the new pier of the harbour?", k=2) == hits[:2]
