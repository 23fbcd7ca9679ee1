"""Late interaction over packed token vectors, against the same sum written out plainly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from index.embed import HashingEmbedder, unit
from index.folder import Index
from index.passages import searched_text
from index.threads import one_thread
from index.tokens import SignVectors, TokenCodec, TokenVectors, token_name
from rag.fuse import LATE_BACKGROUND, LEXICAL_BESIDE_TOKENS, QUESTION, STATEMENT, STATEMENT_DENSE, fuse, rerank
from rag.late import match_tokens, score_packed

DIMENSION = 64
PRIOR = 500
rng = np.random.default_rng(11)
CODEC = TokenCodec(rng.standard_normal(DIMENSION).astype(np.float32) / 20)
WORDS = [f"w{i}" for i in range(30)]
DIRECTIONS = rng.standard_normal((30, DIMENSION)).astype(np.float32)


def text_of(*words: int) -> TokenVectors:
    noise = rng.standard_normal((len(words), DIMENSION)).astype(np.float32) / 4
    vectors = unit(DIRECTIONS[list(words)] + noise).reshape(-1, DIMENSION)
    return TokenVectors(tuple(WORDS[word] for word in words), vectors, np.arange(len(words), dtype=np.int32))


def packed(text: TokenVectors) -> SignVectors:
    return CODEC.unpack(CODEC.pack(text))


def plainly(question: TokenVectors, texts: list[SignVectors], langs: list[str]) -> list[float]:
    """The definition, a text and a token at a time."""
    vectors = [
        (2 * np.unpackbits(text.signs, axis=1).astype(float)[:, :DIMENSION] - 1) * text.scales[:, None]
        for text in texts
    ]
    everything = np.concatenate(vectors).mean(axis=0)
    means = {}
    for lang in set(langs):
        its = np.concatenate([rows for rows, of in zip(vectors, langs, strict=True) if of == lang])
        means[lang] = (its.sum(axis=0) + PRIOR * everything) / (len(its) + PRIOR)
    asked = unit(CODEC.turned(question.vectors) - np.mean(list(means.values()), axis=0))
    present = [text for text in texts if len(text)]
    weights = []
    for token in question.tokens:
        frequency = sum(token_name(token) in text.names.tolist() for text in present)
        weights.append(max(0.1, np.log((len(present) + 1) / (frequency + 0.5))))
    scores = []
    for rows, lang in zip(vectors, langs, strict=True):
        if not len(rows):
            scores.append(0.0)
            continue
        best = (asked @ unit(rows - means[lang]).T).max(axis=1)
        scores.append(float(best @ np.array(weights)) / sum(weights))
    return scores


def test_scores_are_those_of_the_definition() -> None:
    texts = [packed(text_of(*rng.integers(0, 30, size))) for size in (9, 1, 40, 17, 3)]
    langs = ["az", "en", "az", "ru", "en"]
    question = text_of(3, 5, 5, 21)
    assert score_packed(question, texts, langs, CODEC) == pytest.approx(plainly(question, texts, langs), abs=1e-4)


def test_a_text_without_tokens_matches_nothing() -> None:
    texts = [packed(text_of(1, 2)), packed(text_of()), packed(text_of(3))]
    question = text_of(1, 3)
    scores = score_packed(question, texts, ["az", "az", "en"], CODEC)
    assert scores[1] == 0
    assert scores == pytest.approx(plainly(question, texts, ["az", "az", "en"]), abs=1e-4)
    assert score_packed(question, [], [], CODEC).tolist() == []
    assert score_packed(text_of(), texts, ["az", "az", "en"], CODEC).tolist() == [0, 0, 0]


def test_the_text_that_has_the_words_of_the_question_is_first_as_with_whole_vectors() -> None:
    for wanted in range(20):
        words = [[*range(i, i + 10)] for i in range(20)]
        texts = [text_of(*row) for row in words]
        question = text_of(*words[wanted])
        whole = match_tokens(question, texts, ["en"] * 20).scores
        kept = score_packed(question, [packed(text) for text in texts], ["en"] * 20, CODEC)
        assert np.argmax(whole) == np.argmax(kept) == wanted


def test_what_was_reranked_comes_before_what_was_not() -> None:
    dense = {1: 0.9, 2: 0.8, 3: 0.7, 4: 0.6}
    surplus = {1: 0.2, 2: 0.0, 3: 0.9, 4: 0.9}
    langs = dict.fromkeys(dense, "az")
    scores = rerank(dense, surplus, {1: 0.1, 2: 0.3}, langs, weights=QUESTION)
    usual = LATE_BACKGROUND * (0.1 + 0.3) / 2
    assert scores[1] == pytest.approx(0.1 - usual + LEXICAL_BESIDE_TOKENS * 0.2)
    assert scores[2] == pytest.approx(0.3 - usual)
    assert scores[2] > scores[1] > scores[3] > scores[4]
    assert scores[3] - scores[4] == pytest.approx(0.1)
    assert rerank(dense, surplus, {}, langs, weights=QUESTION) == fuse(dense, surplus)
    assert rerank({1: 0.9}, surplus, {1: 0.3}, langs, weights=QUESTION).keys() == {1}


def test_where_nothing_is_asked_the_cosine_of_the_passage_counts_beside_its_tokens() -> None:
    dense = {1: 0.2, 2: 0.5}
    late = {1: 0.42, 2: 0.4}
    nothing = dict.fromkeys(dense, 0.0)
    langs = dict.fromkeys(dense, "en")
    asked = rerank(dense, nothing, late, langs, weights=QUESTION)
    said = rerank(dense, nothing, late, langs, weights=STATEMENT)
    assert asked[1] > asked[2]
    assert said[2] - said[1] == pytest.approx(STATEMENT_DENSE * 0.3 - (1 - STATEMENT_DENSE) * 0.02)


def test_what_is_usual_in_a_language_counts_less() -> None:
    late = {1: 0.40, 2: 0.36, 3: 0.38, 4: 0.20}
    langs = {1: "en", 2: "en", 3: "az", 4: "az"}
    nothing = dict.fromkeys(late, 0.0)
    scores = rerank(nothing, nothing, late, langs, weights=QUESTION)
    assert scores[3] > scores[1] > scores[2] > scores[4]
    assert scores[1] - scores[2] == pytest.approx(0.04)


def test_an_index_gives_back_the_tokens_of_its_passages(make_index: Callable[..., Index]) -> None:
    with make_index(
        {"a.txt": "Gəmi limana gəldi. Yük boşaldıldı.", "b.txt": "The ship came in. It was unloaded."}
    ) as index:
        stored = list(index.catalog.added_since(0))
        kept = index.token_vectors(passage.key for passage in stored)
        for each in stored:
            words = HashingEmbedder().query_tokens(searched_text(each.passage))
            assert kept[each.key].names.tolist() == [token_name(word) for word in words.tokens]
            assert kept[each.key].starts.tolist() == words.starts.tolist()
        assert index.token_vectors([10**9]) == {}
        index.catalog.commit([], remove=["a.txt"])
        gone = [each.key for each in stored if each.passage.source_path == "a.txt"]
        assert gone and index.token_vectors(gone) == {}


def threads_of_numpy() -> list[int]:
    # Other libraries bring a BLAS of their own, which may be loaded later, and multiplies no matrix of numpy's.
    blas = [each for each in threadpool_info() if each["user_api"] == "blas"]
    return [each["num_threads"] for each in blas if "numpy" in each["filepath"]]


def test_tokens_are_compared_on_one_thread_and_others_are_left_as_they_were() -> None:
    before = threads_of_numpy()
    assert before
    with one_thread():
        assert set(threads_of_numpy()) == {1}
    assert threads_of_numpy() == before
