"""Packed token vectors: what comes back is what went in, as nearly as one bit a dimension can say it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.embed import HashingEmbedder, unit
from index.tokens import SignVectors, TokenCodec, TokenVectors, inner_products, joined, summed, token_name

DIMENSION = 96  # three blocks of 32
rng = np.random.default_rng(3)
CODEC = TokenCodec(rng.standard_normal(DIMENSION).astype(np.float32) / 10)


def text_of(*tokens: str, vectors: np.ndarray | None = None) -> TokenVectors:
    some = rng.standard_normal((len(tokens), DIMENSION)).astype(np.float32) if vectors is None else vectors
    return TokenVectors(tokens, unit(some), np.arange(len(tokens), dtype=np.int32) * 3)


def test_what_is_packed_keeps_names_places_and_directions() -> None:
    text = text_of("▁Baku", "▁is", "warm")
    kept = CODEC.unpack(CODEC.pack(text))
    assert kept.names.tolist() == [token_name(token) for token in text.tokens]
    assert kept.starts.tolist() == [0, 3, 6]
    turned = CODEC.turned(text.vectors)
    signs = 2 * np.unpackbits(kept.signs, axis=1).astype(np.float32)[:, :DIMENSION] - 1
    assert np.array_equal(signs, np.sign(turned))
    assert np.allclose(kept.scales, np.abs(turned).mean(axis=1), rtol=1e-3)


def test_tokens_without_a_letter_or_digit_are_left_out() -> None:
    kept = CODEC.unpack(CODEC.pack(text_of("▁", "▁«", "a", ".", "7")))
    assert kept.names.tolist() == [token_name("a"), token_name("7")]
    assert kept.starts.tolist() == [6, 12]


@pytest.mark.parametrize("tokens", [(), (".",)])
def test_a_text_may_have_nothing_to_keep(tokens: tuple[str, ...]) -> None:
    assert CODEC.pack(text_of(*tokens)) == b""
    assert len(CODEC.unpack(b"")) == 0


def test_a_token_takes_as_many_bytes_as_is_said() -> None:
    e5_like = TokenCodec(np.zeros(384, np.float32))
    vectors = unit(rng.standard_normal((2, 384)).astype(np.float32))
    text = TokenVectors(("a", "b"), vectors, np.zeros(2, np.int32))
    # 4 for the name, 4 for the place, 2 for the scale, 48 for the signs
    assert len(e5_like.pack(text)) == 2 * 58


@pytest.mark.parametrize("damage", [b"x", b"\0" * 21])
def test_other_bytes_are_refused(damage: bytes) -> None:
    with pytest.raises(ValueError, match="no token vectors of 96 dimensions"):
        CODEC.unpack(damage)


@given(st.integers(1, 400))
def test_turning_keeps_lengths_and_angles(dimension: int) -> None:
    codec = TokenCodec(np.zeros(dimension, np.float32))
    vectors = np.random.default_rng(dimension).standard_normal((3, dimension)).astype(np.float32)
    turned = codec.turned(vectors)
    assert np.allclose(turned @ turned.T, vectors @ vectors.T, rtol=1e-4, atol=1e-3)


def test_the_turn_is_the_same_forever() -> None:
    """What an index holds was turned when it was made: another turn today would make noise of it."""
    vectors = np.eye(12, dtype=np.float32)[:2]
    assert TokenCodec(np.zeros(12, np.float32)).turned(vectors).round(3).tolist() == TURNED


TURNED = [
    [-0.25, 0.25, -0.25, 0.25, 0.5, 0.0, 0.0, -0.5, -0.25, 0.25, 0.25, -0.25],
    [-0.25, -0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.0, 0.0, -0.5, -0.5],
]


@pytest.mark.parametrize("tokens", [1, 2, 64, 65, 200])
def test_products_and_sums_are_those_of_signs_times_scales(tokens: int) -> None:
    kept = CODEC.unpack(CODEC.pack(text_of(*("a",) * tokens)))
    rows = rng.standard_normal((3, DIMENSION)).astype(np.float32)
    vectors = (2 * np.unpackbits(kept.signs, axis=1).astype(np.float32) - 1) * kept.scales[:, None]
    assert np.allclose(inner_products(kept, rows), vectors @ rows.T, rtol=1e-4, atol=1e-4)
    assert np.allclose(summed(kept, DIMENSION), vectors.sum(axis=0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dimension", [12, 96, 384, 385])
def test_a_question_is_turned_as_what_is_kept(dimension: int) -> None:
    vectors = unit(np.random.default_rng(dimension).standard_normal((40, dimension)).astype(np.float32))
    codec = TokenCodec(np.random.default_rng(1).standard_normal(dimension).astype(np.float32) / 30)
    kept = codec.unpack(codec.pack(TokenVectors(("a",) * 40, vectors, np.zeros(40, np.int32))))
    turned = codec.turned(vectors)
    signs = np.unpackbits(kept.signs, axis=1, count=dimension) == 1
    # What rounding leaves open is next to zero.
    assert np.all((signs == (turned > 0)) | (np.abs(turned) < 1e-5))
    assert np.allclose(kept.scales, np.abs(turned).mean(axis=1), rtol=1e-3)


def test_kept_directions_are_near_the_whole_ones() -> None:
    """The signs of a vector of many even coordinates have a cosine of sqrt(2 / pi) = 0.8 with it."""
    vectors = unit(np.random.default_rng(5).standard_normal((200, 384)).astype(np.float32))
    codec = TokenCodec(np.zeros(384, np.float32))
    kept = codec.unpack(codec.pack(TokenVectors(("a",) * 200, vectors, np.zeros(200, np.int32))))
    cosines = np.diag(inner_products(kept, codec.turned(vectors))) / (kept.scales * np.sqrt(384))
    assert 0.75 < cosines.min() < cosines.mean() < 0.85


def test_rows_and_joined_texts() -> None:
    one, other = (CODEC.unpack(CODEC.pack(text_of(*tokens))) for tokens in (("a", "b"), ("c",)))
    both = joined([one, other])
    assert both.names.tolist() == [token_name(token) for token in "abc"]
    last: SignVectors = both.rows(both.names == token_name("c"))
    assert np.array_equal(last.signs, other.signs)


def test_the_mean_is_that_of_all_tokens() -> None:
    texts = HashingEmbedder().passage_tokens(["one two", "three"])
    mean = TokenCodec.fitted(texts).mean
    assert np.allclose(mean, np.concatenate([text.vectors for text in texts]).mean(axis=0))
