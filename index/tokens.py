"""Token vectors of passages, packed to one bit a dimension, for late interaction.

One vector for a passage says what it is about; one for each of its tokens lets a question be compared with it word by
word. They come out of the same pass of the encoder that gives the passage's vector, and are kept: what is left for a
question is to encode itself. A vector is kept as the signs of its coordinates, after the mean of all tokens is taken
away and the rest turned so that no coordinate weighs more than another, and one scale. That is 58 bytes a token with
its place and name, 6 kB a passage of 107 tokens, where float32 takes 165 kB.

On five dev sets (ntrex-qa en-az, az-en, ru-mixed, az-az, xquad en-ru) reranking by these gives nDCG@10 .903; by two
bits a dimension .902, by 128 principal components in 4 bits .891 to .914 by whose components they are, by whole vectors
.905, by signs of coordinates that were not turned .892. Without reranking it is .857.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Raise this when packing changes: an index keeps what it was built with.
PACKING_VERSION = 1
# Tokens that are unpacked at once: as many as stay in a core's cache, and make a product small enough for the kernels
# that need no preparation.
_TOKENS_AT_ONCE = 64
_SIGNS_OF_BYTE = 2 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32) - 1

# What the mean of all tokens is taken from. Any everyday text in the languages of the archive will do: the vectors of a
# model share most of what they have in common with every text.
MEAN_TEXTS = (
    "The council met on Tuesday to discuss the new bridge, but no decision was made.",
    "Farmers say that prices have doubled since last year because of the drought.",
    "She was born in a small village, studied medicine in the capital and became a surgeon.",
    "The bank will open 12 branches by 2027, its director told reporters.",
    "Rescue workers found two people alive under the rubble of the factory.",
    "Our team lost the final 3:1, although it had been the better side for an hour.",
    "Scientists measured the water of the lake and found less salt than they had expected.",
    "The president signed the law, and the opposition called it a mistake.",
    "Şura çərşənbə axşamı yeni körpünü müzakirə etmək üçün toplaşdı, amma qərar qəbul olunmadı.",
    "Fermerlər deyirlər ki, quraqlığa görə qiymətlər keçən ildən bəri iki dəfə artıb.",
    "O, kiçik bir kənddə anadan olub, paytaxtda tibb təhsili alıb və cərrah olub.",
    "Bankın direktoru jurnalistlərə bildirib ki, 2027-ci ilə qədər 12 filial açılacaq.",
    "Xilasedicilər fabrikin dağıntıları altından iki nəfəri sağ çıxarıblar.",
    "Komandamız bir saat daha yaxşı oynasa da, finalda 3:1 hesabı ilə məğlub oldu.",
    "Alimlər gölün suyunu ölçüb, gözlədiklərindən az duz tapıblar.",
    "Prezident qanunu imzaladı, müxalifət isə bunu səhv adlandırdı.",
    "Совет собрался во вторник, чтобы обсудить новый мост, но решения не принял.",
    "Фермеры говорят, что из-за засухи цены с прошлого года выросли вдвое.",
    "Она родилась в маленькой деревне, училась на врача в столице и стала хирургом.",
    "К 2027 году банк откроет 12 отделений, сообщил журналистам его директор.",
    "Спасатели нашли под обломками завода двух живых людей.",
    "Наша команда проиграла финал 3:1, хотя целый час играла лучше.",
    "Учёные измерили воду озера и нашли в ней меньше соли, чем ожидали.",
    "Президент подписал закон, а оппозиция назвала его ошибкой.",
    "Meclis salı günü yeni köprüyü görüşmek için toplandı, ama bir karar çıkmadı.",
    "Çiftçiler kuraklık yüzünden fiyatların geçen yıldan beri iki katına çıktığını söylüyor.",
    "Küçük bir köyde doğdu, başkentte tıp okudu ve cerrah oldu.",
    "Bankanın müdürü gazetecilere 2027'ye kadar 12 şube açılacağını söyledi.",
    "Kurtarma ekipleri fabrikanın enkazı altında iki kişiyi sağ buldu.",
    "Takımımız bir saat boyunca daha iyi oynamasına rağmen finali 3:1 kaybetti.",
    "Bilim insanları gölün suyunu ölçtü ve beklediklerinden daha az tuz buldu.",
    "Cumhurbaşkanı yasayı imzaladı, muhalefet bunu bir hata olarak nitelendirdi.",
)


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """A text as one vector a token, special tokens and prefix left out."""

    tokens: tuple[str, ...]
    vectors: Floats  # (tokens, dimension), rows of length 1
    starts: NDArray[np.int32]  # (tokens,): where each begins in the text, in code points


@dataclass(frozen=True, slots=True)
class SignVectors:
    """Token vectors as they are kept: the direction of each, one bit a dimension."""

    names: NDArray[np.uint32]  # (tokens,): `token_name` of each
    starts: NDArray[np.uint32]  # (tokens,): where each begins in the text, in code points
    scales: Floats  # (tokens,): the mean absolute value of a coordinate
    signs: NDArray[np.uint8]  # (tokens, dimension / 8), eight signs a byte; a bit that is set means +

    def __len__(self) -> int:
        return len(self.names)

    def rows(self, chosen: NDArray[np.bool_] | slice) -> SignVectors:
        """Those tokens alone."""
        return SignVectors(self.names[chosen], self.starts[chosen], self.scales[chosen], self.signs[chosen])


@dataclass(frozen=True, slots=True)
class TokenCodec:
    """How the token vectors of an index are packed: the mean of all tokens of its model."""

    mean: Floats  # (dimension,)

    @classmethod
    def fitted(cls, texts: Sequence[TokenVectors]) -> TokenCodec:
        """The codec of a model, from what it makes of MEAN_TEXTS."""
        return cls(np.concatenate([text.vectors for text in texts]).mean(axis=0).astype(np.float32))

    def turned(self, vectors: Floats) -> Floats:
        """(…, dimension) vectors without the mean, turned as kept ones were before they lost all but their signs.

        Within rounding: by a product, which is quicker than the sums and differences that `pack` takes.
        """
        return (vectors - self.mean).astype(np.float32) @ _rotation(len(self.mean))

    def pack(self, text: TokenVectors) -> bytes:
        """The token vectors of a text as `unpack` reads them; tokens without a letter or digit are left out.

        Punctuation matches punctuation, whatever it stands between: without it the right passage is first more often.
        """
        kept = np.array([any(map(str.isalnum, token)) for token in text.tokens], bool)
        turned = _turn((text.vectors[kept] - self.mean).astype(np.float32))
        names = np.array([token_name(token) for token in text.tokens], np.uint32)[kept]
        scales = np.abs(turned).mean(axis=1) if len(turned) else np.zeros(0)
        parts = (names.astype("<u4"), text.starts[kept].astype("<u4"), scales.astype("<f2"), np.packbits(turned > 0, 1))
        return b"".join(part.tobytes() for part in parts)

    def unpack(self, packed: bytes) -> SignVectors:
        """What `pack` packed. Raises ValueError for anything else."""
        bytes_of_signs = -(-len(self.mean) // 8)
        count, rest = divmod(len(packed), 10 + bytes_of_signs)
        if rest:
            raise ValueError(f"{len(packed)} bytes are no token vectors of {len(self.mean)} dimensions")
        return SignVectors(
            np.frombuffer(packed, "<u4", count),
            np.frombuffer(packed, "<u4", count, 4 * count),
            np.frombuffer(packed, "<f2", count, 8 * count).astype(np.float32),
            np.frombuffer(packed, np.uint8, count * bytes_of_signs, 10 * count).reshape(count, bytes_of_signs),
        )


def token_name(token: str) -> int:
    """What stands for a token where only equality is asked."""
    return zlib.crc32(token.encode())


def inner_products(kept: SignVectors, turned: Floats) -> Floats:
    """(tokens, n): the inner product of each kept vector with each of `turned`, (n, dimension)."""
    columns = np.ascontiguousarray(turned.T)
    products = np.empty((len(kept), len(turned)), np.float32)
    for block, signs in _unpacked(kept, len(columns)):
        np.matmul(signs, columns, out=products[block])
    products *= kept.scales[:, None]
    return products


def summed(kept: SignVectors, dimension: int) -> Floats:
    """(dimension,): the sum of the kept vectors."""
    total = np.zeros(dimension, np.float32)
    for block, signs in _unpacked(kept, dimension):
        total += kept.scales[block] @ signs
    return total


def _unpacked(kept: SignVectors, dimension: int) -> Iterator[tuple[slice, Floats]]:
    """The signs, 1 or -1, of some tokens at a time, (some, dimension), and where those stand."""
    for start in range(0, len(kept), _TOKENS_AT_ONCE):
        block = slice(start, start + _TOKENS_AT_ONCE)
        # A table of bytes is quicker than unpacking bits and making them floats.
        signs = _SIGNS_OF_BYTE.take(kept.signs[block], axis=0)
        yield block, signs.reshape(len(signs), -1)[:, :dimension]


def joined(parts: Sequence[SignVectors]) -> SignVectors:
    """The tokens of several texts, one after another; there must be a text."""
    return SignVectors(
        np.concatenate([part.names for part in parts]),
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.scales for part in parts]),
        np.concatenate([part.signs for part in parts]),
    )


def _turn(vectors: Floats) -> Floats:
    """The vectors turned by a fixed rotation that mixes all coordinates: signs flipped, Hadamard, shuffled, again.

    The way of Ailon and Chazelle, The Fast Johnson-Lindenstrauss Transform, SIAM Journal on Computing 2009, in blocks
    as long as the dimension's power of two. Sums and differences alone, in one order: it is the same on every machine.
    """
    dimension = vectors.shape[-1]
    block = dimension & -dimension
    # A coordinate of all vectors is a row, so that each sum runs along memory.
    rows = np.ascontiguousarray(vectors.T)
    for flips, order in _flips_and_orders(dimension):
        rows = (rows * flips[:, None])[order]
        mixed = np.empty_like(rows)
        width = 1
        while width < block:
            pairs = rows.reshape(dimension // (2 * width), 2, width, len(vectors))
            into = mixed.reshape(pairs.shape)
            np.add(pairs[:, 0], pairs[:, 1], out=into[:, 0])
            np.subtract(pairs[:, 0], pairs[:, 1], out=into[:, 1])
            rows, mixed = mixed, rows
            width *= 2
        rows = (rows / np.sqrt(block)).astype(np.float32)
    # Not a view: sums of float32 along a vector depend on how it lies in memory.
    return np.ascontiguousarray(rows.T)


@lru_cache(maxsize=8)
def _rotation(dimension: int) -> Floats:
    """What `_turn` does as a matrix to multiply with from the right."""
    return _turn(np.eye(dimension, dtype=np.float32))


@lru_cache(maxsize=8)
def _flips_and_orders(dimension: int) -> tuple[tuple[Floats, NDArray[np.int64]], ...]:
    # CRC-32 of a number is as good as chance here, and no version of a library changes it.
    def chance(use: str) -> list[int]:
        return [zlib.crc32(f"{use} {i}".encode()) for i in range(dimension)]

    return tuple(
        (
            np.array([1.0 if number & 0x800 else -1.0 for number in chance(f"flip {turn}")], np.float32),
            np.argsort(np.array(chance(f"order {turn}"), np.int64), kind="stable"),
        )
        for turn in range(2)
    )
