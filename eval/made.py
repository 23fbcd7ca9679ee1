"""A large archive made of a small real one, so that search can be timed at sizes that nobody wants to embed.

Each made passage has two real passages of one language for parents: its text is half of the sentences of each, its
vector what an encoder that takes the mean would come near to, the mean of the parents' vectors with a little noise,
its token vectors half of each parent's. Real words, real vectors' places and spread, and no copies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.retrieval import index_corpus
from eval.sets import RetrievalSet
from index.embed import Embedder, Floats, unit
from index.errors import DataSetError
from index.folder import Index
from index.sentences import split_sentences
from index.tokens import SignVectors, TokenCodec, TokenVectors

BLOCK = 2_000  # passages that are made at a time
_NOISE = 0.15  # length of what is added to a vector of length 1; two e5 vectors of one language are some 0.5 apart
_LEAST_SHARE = 0.5  # of the first parent in the vector
_FILE = "base.json"
_ARRAYS = "base.npz"


@dataclass(frozen=True, slots=True)
class Parent:
    """A real passage."""

    lang: str
    sentences: tuple[str, ...]
    vector: Floats
    tokens: SignVectors


@dataclass(frozen=True, slots=True)
class Question:
    """A real question, encoded."""

    text: str
    vector: Floats
    tokens: TokenVectors


@dataclass(frozen=True, slots=True)
class MadePassage:
    """A passage that nobody wrote."""

    number: int  # from 0
    lang: str
    text: str
    vector: Floats  # (dimension,), as float16 holds it
    tokens: bytes


@dataclass(frozen=True, slots=True)
class MadeArchive:
    """`count` passages, always the same for the same parents, and real questions to ask of them."""

    count: int
    embedder: str
    parents: tuple[Parent, ...]
    questions: tuple[Question, ...]
    codec: TokenCodec
    seed: int = 0

    def blocks(self) -> Iterator[list[MadePassage]]:
        """The passages in order, BLOCK at a time."""
        by_lang: dict[str, list[Parent]] = {}
        for parent in self.parents:
            by_lang.setdefault(parent.lang, []).append(parent)
        for start in range(0, self.count, BLOCK):
            random = np.random.default_rng([self.seed, start])
            yield [self._make(number, by_lang, random) for number in range(start, min(start + BLOCK, self.count))]

    def _make(self, number: int, by_lang: dict[str, list[Parent]], random: np.random.Generator) -> MadePassage:
        first = self.parents[random.integers(len(self.parents))]
        second = by_lang[first.lang][random.integers(len(by_lang[first.lang]))]
        share = random.uniform(_LEAST_SHARE, 1.0)
        noise = random.standard_normal(len(first.vector)).astype(np.float32)
        parts = (share * first.vector, (1 - share) * second.vector)
        mixed = unit(np.add(*parts, dtype=np.float32)) + np.multiply(_NOISE, unit(noise), dtype=np.float32)
        sentences = [sentence for parent in (first, second) for sentence in _half(parent.sentences, random)]
        return MadePassage(
            number=number,
            lang=first.lang,
            # With its number, for an index embeds each text once, and all of these have vectors of their own.
            text=" ".join([*(sentences[i] for i in random.permutation(len(sentences))), f"[{number}]"]),
            vector=unit(mixed).astype(np.float16).astype(np.float32),
            tokens=_packed(_half_of_tokens(first.tokens, random), _half_of_tokens(second.tokens, random)),
        )

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        written = {
            "count": self.count,
            "embedder": self.embedder,
            "seed": self.seed,
            "parents": [[parent.lang, parent.sentences] for parent in self.parents],
            "questions": [[question.text, question.tokens.tokens] for question in self.questions],
        }
        (folder / _FILE).write_text(json.dumps(written), encoding="utf-8")
        packed = [_packed(parent.tokens) for parent in self.parents]
        np.savez(
            folder / _ARRAYS,
            parents=np.array([parent.vector for parent in self.parents]),
            packed=np.frombuffer(b"".join(packed), np.uint8),
            lengths=np.array([len(each) for each in packed]),
            questions=np.array([question.vector for question in self.questions]),
            tokens=np.concatenate([question.tokens.vectors for question in self.questions]),
            starts=np.concatenate([question.tokens.starts for question in self.questions]),
            mean=self.codec.mean,
        )

    @classmethod
    def load(cls, folder: Path) -> MadeArchive:
        """Read what `save` wrote."""
        written = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        with np.load(folder / _ARRAYS) as arrays:
            codec = TokenCodec(arrays["mean"])
            packed, ends = arrays["packed"].tobytes(), np.cumsum(arrays["lengths"]).tolist()
            parents = tuple(
                Parent(lang, tuple(sentences), vector, codec.unpack(packed[end - length : end]))
                for (lang, sentences), vector, length, end in zip(
                    written["parents"], arrays["parents"], arrays["lengths"].tolist(), ends, strict=True
                )
            )
            questions, begin = [], 0
            vectors, starts = arrays["tokens"], arrays["starts"]
            for (text, tokens), vector in zip(written["questions"], arrays["questions"], strict=True):
                end = begin + len(tokens)
                questions.append(
                    Question(text, vector, TokenVectors(tuple(tokens), vectors[begin:end], starts[begin:end]))
                )
                begin = end
        return cls(written["count"], written["embedder"], parents, tuple(questions), codec, written["seed"])


def make_archive(sets: Sequence[RetrievalSet], embedder: Embedder, *, count: int, questions: int) -> MadeArchive:
    """An archive of `count` passages out of the corpora of `sets`, with at most `questions` of their queries.

    Raises DataSetError if there is nothing to make it of.
    """
    parents: list[Parent] = []
    codec = None
    for each in sets:
        with Index.open(index_corpus(each, embedder)) as index:
            codec = index.token_codec
            stored = list(index.catalog.added_since(0))
            tokens = index.token_vectors(passage.key for passage in stored)
            vectors = index.catalog.vectors()
        for passage in stored:
            text, lang = passage.passage.readable, passage.passage.lang
            sentences = tuple(text[start:end] for start, end in split_sentences(text, lang))
            if sentences and len(tokens[passage.key]):
                parents.append(Parent(lang, sentences, vectors[passage.key].astype(np.float32), tokens[passage.key]))
    asked = [query.text for each in sets for query in each.judged]
    if codec is None or not parents or not asked:
        raise DataSetError("there are no passages or no questions to make an archive of; name a set that has both")
    chosen = np.random.default_rng(0).permutation(len(asked))[:questions]
    encoded = tuple(
        Question(asked[i], embedder.embed_query(asked[i]), embedder.query_tokens(asked[i])) for i in chosen.tolist()
    )
    return MadeArchive(count, embedder.identity.name, tuple(parents), encoded, codec)


def _half(sentences: tuple[str, ...], random: np.random.Generator) -> list[str]:
    kept = random.permutation(len(sentences))[: max(1, len(sentences) // 2)]
    return [sentences[i] for i in kept.tolist()]


def _half_of_tokens(tokens: SignVectors, random: np.random.Generator) -> SignVectors:
    size = max(1, len(tokens) // 2)
    start = int(random.integers(len(tokens) - size + 1))
    chosen = np.zeros(len(tokens), bool)
    chosen[start : start + size] = True
    return tokens.rows(chosen)


def _packed(*parts: SignVectors) -> bytes:
    """The tokens of several texts one after another, as `TokenCodec.pack` writes them."""
    fields: tuple[list[NDArray[np.generic]], ...] = (
        [part.names.astype("<u4") for part in parts],
        [part.starts.astype("<u4") for part in parts],
        [part.scales.astype("<f2") for part in parts],
        [part.signs for part in parts],
    )
    return b"".join(array.tobytes() for field in fields for array in field)
