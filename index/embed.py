"""Texts to vectors: the bundled model, any sentence-transformers model, or hashes for tests."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from index import e5
from index.errors import ModelError
from index.fold import folded_words, folded_words_at
from index.said import said
from index.tokens import MEAN_TEXTS, TokenCodec, TokenVectors

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

Floats = NDArray[np.float32]
T = TypeVar("T")

BUNDLED = "e5-small"
# The same weights in float32 under torch. Its vectors are near those of BUNDLED (cosine 0.995), and not the same.
ON_TORCH = "e5-small-torch"
HASHING = "hashing"

_NICER = 5  # of 19: a third of the time that another thread gets where there is too little for both

# Without their prefix E5 models lose several points; sentence-transformers knows prompts only for models that
# ship them, and E5's do not.
_E5_NAME = re.compile(r"(?:^|[/_-])e5(?:[/_-]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """What must be equal for vectors to be comparable. Written into every index."""

    name: str
    weights_hash: str  # of the weights, or of what stands for them
    dimension: int
    query_prefix: str
    passage_prefix: str


@dataclass(frozen=True, slots=True)
class EmbeddedPassage:
    """What one pass of the encoder makes of a text."""

    vector: Floats  # (dimension,), of length 1
    tokens: bytes  # its token vectors, packed


class Embedder(Protocol):
    """Texts to vectors of length 1. The same text gives the same vector, whatever it is embedded with."""

    @property
    def identity(self) -> EmbedderIdentity: ...

    def embed_passages(self, texts: list[str]) -> Iterator[Floats]:
        """One (dimension,) float32 vector of length 1 for each text, in order, as they are ready."""
        ...

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        """What `embed_passages` gives, and `passage_tokens` packed by `codec` with it, for the price of one.

        An embedder that can work beside its caller begins at once, and goes on while nobody takes what it has made.
        """
        ...

    def embed_query(self, text: str) -> Floats:
        """A (dimension,) float32 vector of length 1."""
        ...

    def query_tokens(self, text: str) -> TokenVectors: ...

    def passage_tokens(self, texts: list[str]) -> list[TokenVectors]: ...

    def count_tokens(self, texts: list[str]) -> list[int]:
        """How many tokens of this model each text has, special tokens left out."""
        ...


def unit(vectors: Floats) -> Floats:
    """The same directions with length 1; a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def load_embedder(
    name: str = BUNDLED, *, threads: int = 0, report: Callable[[str], None] = lambda message: None
) -> Embedder:
    """The embedder called `name`: "e5-small", the same model under torch as "e5-small-torch", "hashing", or any
    sentence-transformers model by hub name or folder.

    "e5-small" embeds on so many `threads`, 0 for one a core; the others as torch and numpy are told to, those under
    torch on a GPU where it finds one. `report` is told what takes long or is not as asked. Raises ModelError.
    """
    match name:
        case "e5-small" | "e5-small-torch":
            weights, cache = e5.packaged_weights(), e5.cache_directory()
            if weights is None:
                other = (
                    "the package {package}, which holds the default model, has no build for this platform; "
                    "using {name} instead, downloaded once, slower and 0.5 GB"
                )
                report(said("model_downloaded", other, package=e5.PACKAGE, name=e5.HUB_NAME))
                return SentenceTransformersEmbedder(e5.HUB_NAME)
            if name == ON_TORCH:
                return SentenceTransformersEmbedder(str(e5.unpack_float32(weights, cache, report)), named=ON_TORCH)
            return BundledE5(e5.unpack(weights, cache, report), threads=threads)
        case "hashing":
            return HashingEmbedder()
        case _:
            return SentenceTransformersEmbedder(name)


def fit_token_codec(embedder: Embedder) -> TokenCodec:
    """How the token vectors of an embedder are packed where nothing says so yet."""
    return TokenCodec.fitted(embedder.passage_tokens(list(MEAN_TEXTS)))


class Ahead(Iterator[T]):
    """What threads make, in order. What nobody can ask for any more is not begun."""

    def __init__(self, futures: Iterable[Future[T]]) -> None:
        self._futures = deque(futures)

    def __next__(self) -> T:
        if not self._futures:
            raise StopIteration
        return self._futures.popleft().result()

    def close(self) -> None:
        """Begin no more of it."""
        for future in self._futures:
            future.cancel()
        self._futures.clear()

    __del__ = close

    def is_done(self) -> bool:
        """Whether nobody would wait for any of it."""
        return all(future.done() for future in self._futures)


def give_way() -> None:
    """Let this thread have what time others leave: those that read files, write the index and answer questions."""
    if sys.platform == "linux":  # elsewhere threads have no priority of their own
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICER)


class BundledE5:
    """multilingual-e5-small under ONNX Runtime, a text a thread, on so many `threads` or else one a core."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        # One for all batches: what is given while another is being made waits, and the threads do not. Sentences that a
        # question is compared with have their own, which wait for no batch.
        self._batches = ThreadPoolExecutor(threads or os.cpu_count(), "embed", give_way)
        self._asked = ThreadPoolExecutor(threads or os.cpu_count(), "ask")
        self._encoder = e5.Encoder(folder)
        self.identity = EmbedderIdentity(
            name=BUNDLED,
            weights_hash=f"{e5.WEIGHTS_SHA256}-v{e5.UNPACKED_VERSION}",
            dimension=e5_dimension(self._encoder),
            query_prefix="query: ",
            passage_prefix="passage: ",
        )
        prefixes = (self.identity.query_prefix, self.identity.passage_prefix)
        # One question is asked for its vector by the retriever, and for its tokens by the reranker and the reader.
        self._query_pass = lru_cache(maxsize=1)(self._encode_query)
        # The space at a prefix's end becomes part of the text's first token.
        encodings = self._encoder.tokenize([prefix.rstrip() for prefix in prefixes])
        self._prefix_tokens = {
            prefix: len(encoding.ids) - 1  # "<s>" stays counted, "</s>" does not
            for prefix, encoding in zip(prefixes, encodings, strict=True)
        }

    def embed_passages(self, texts: list[str]) -> Iterator[Floats]:
        return self._each(self._batches, texts, self.identity.passage_prefix, lambda each: self._embed(each.ids))

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        def one(encoding: e5.Tokenized) -> EmbeddedPassage:
            vectors = self._encoder.token_vectors(encoding.ids)
            return EmbeddedPassage(unit(vectors.mean(axis=0)), codec.pack(self._tokens(encoding, vectors, prefix)))

        prefix = self.identity.passage_prefix
        return self._each(self._batches, texts, prefix, one)

    def embed_query(self, text: str) -> Floats:
        return unit(self._query_pass(text)[1].mean(axis=0))

    def query_tokens(self, text: str) -> TokenVectors:
        return self._tokens(*self._query_pass(text), self.identity.query_prefix)

    def passage_tokens(self, texts: list[str]) -> list[TokenVectors]:
        def one(encoding: e5.Tokenized) -> TokenVectors:
            return self._tokens(encoding, self._encoder.token_vectors(encoding.ids), prefix)

        prefix = self.identity.passage_prefix
        return list(self._each(self._asked, texts, prefix, one))

    def count_tokens(self, texts: list[str]) -> list[int]:
        return self._encoder.count_tokens(texts)

    def _embed(self, ids: list[int]) -> Floats:
        return unit(self._encoder.token_vectors(ids).mean(axis=0))

    def _encode_query(self, text: str) -> tuple[e5.Tokenized, Floats]:
        encoding = self._encoder.tokenize([self.identity.query_prefix + text])[0]
        return encoding, self._encoder.token_vectors(encoding.ids)

    def _tokens(self, encoding: e5.Tokenized, vectors: Floats, prefix: str) -> TokenVectors:
        skip = self._prefix_tokens[prefix]
        id_to_token = self._encoder.tokenizer.id_to_token
        return TokenVectors(
            tuple(id_to_token(i) or "" for i in encoding.ids[skip:-1]),
            unit(vectors[skip:-1]),
            np.maximum(np.array(encoding.starts[skip:-1], np.int32) - len(prefix), 0),
        )

    def _each(
        self, pool: ThreadPoolExecutor, texts: list[str], prefix: str, work: Callable[[e5.Tokenized], T]
    ) -> Iterator[T]:
        """`work` of each text, in order, a text a thread; begun at once."""
        encodings = self._encoder.tokenize([prefix + text for text in texts])
        return Ahead(pool.submit(work, encoding) for encoding in encodings)


def e5_dimension(encoder: e5.Encoder) -> int:
    """How long the vectors are."""
    return int(encoder.token_vectors([0, 2]).shape[1])


class SentenceTransformersEmbedder:
    """Any sentence-transformers model, on GPU where torch finds one. Raises ModelError if it cannot be loaded.

    `named` is what the index calls it, if not by the hub name or folder that it is loaded from.
    """

    def __init__(self, name: str, *, named: str = "") -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ModelError(
                f"the model {name!r} needs sentence-transformers ({error}); run: pip install 'dragoman[models]'"
            ) from error
        try:
            self.model: SentenceTransformer = SentenceTransformer(name, trust_remote_code=False)
        except Exception as error:  # the hub, the disk and the model's own format each raise their own kinds
            first_line = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelError(
                f"embedding model {name!r}: {first_line}; give a folder, a name on huggingface.co, or {BUNDLED!r}"
            ) from error
        if not getattr(self.model.tokenizer, "is_fast", False):
            raise ModelError(
                f"embedding model {name!r}: its tokenizer cannot say where in a text a token stands; choose a model "
                "with a fast tokenizer (a tokenizer.json)"
            )
        self._batch = batch_size(self.model.device.type)
        prompts = self.model.prompts
        e5_like = bool(_E5_NAME.search(named or str(name)))
        dimension = self.model.get_embedding_dimension()
        if dimension is None:
            raise ModelError(f"embedding model {name!r} does not say how long its vectors are; choose another")
        self.identity = EmbedderIdentity(
            name=named or name,
            weights_hash=parameters_hash(self.model),
            dimension=dimension,
            query_prefix=prompts.get("query") or ("query: " if e5_like else ""),
            passage_prefix=prompts.get("passage") or prompts.get("document") or ("passage: " if e5_like else ""),
        )

    def embed_passages(self, texts: list[str]) -> Iterator[Floats]:
        step = 2 * self._batch
        for i in range(0, len(texts), step):
            yield from self._encode([self.identity.passage_prefix + text for text in texts[i : i + step]])

    def embed_query(self, text: str) -> Floats:
        return self._encode([self.identity.query_prefix + text])[0]

    def query_tokens(self, text: str) -> TokenVectors:
        return self._tokens([text], self.identity.query_prefix)[0]

    def passage_tokens(self, texts: list[str]) -> list[TokenVectors]:
        return self._tokens(texts, self.identity.passage_prefix)

    def count_tokens(self, texts: list[str]) -> list[int]:
        return [len(ids) for ids in self.model.tokenizer(texts, add_special_tokens=False)["input_ids"]]

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        step = 2 * self._batch
        for i in range(0, len(texts), step):
            prefix, some = self.identity.passage_prefix, texts[i : i + step]
            outputs: Any = self.model.encode(
                [prefix + text for text in some],
                prompt="",
                output_value=None,
                batch_size=self._batch,
                show_progress_bar=False,
            )
            for text, output in zip(some, outputs, strict=True):
                vector = unit(np.asarray(output["sentence_embedding"].cpu(), np.float32))
                tokens = self._named(text, prefix, output["token_embeddings"].cpu())
                yield EmbeddedPassage(vector, codec.pack(tokens))

    def _encode(self, texts: list[str]) -> Floats:
        vectors = self.model.encode(texts, prompt="", batch_size=self._batch, show_progress_bar=False)
        return unit(np.asarray(vectors, np.float32))

    def _tokens(self, texts: list[str], prefix: str) -> list[TokenVectors]:
        outputs = self.model.encode(
            [prefix + text for text in texts], prompt="", output_value="token_embeddings", show_progress_bar=False
        )
        return [self._named(text, prefix, vectors.cpu()) for text, vectors in zip(texts, outputs, strict=True)]

    def _named(self, text: str, prefix: str, vectors: Any) -> TokenVectors:
        """The (tokens, dimension) vectors of a text with the names and places of its tokens."""
        tokenizer = self.model.tokenizer
        skip = len(tokenizer(prefix.rstrip(), add_special_tokens=False)["input_ids"]) if prefix else 0
        special = set(tokenizer.all_special_ids)
        encoding = tokenizer(
            prefix + text, truncation=True, max_length=self.model.max_seq_length, return_offsets_mapping=True
        )
        ids = encoding["input_ids"]
        keep = [i for i, token in enumerate(ids[: len(vectors)]) if token not in special][skip:]
        starts = np.array([encoding["offset_mapping"][i][0] for i in keep], np.int32) - len(prefix)
        names = tokenizer.convert_ids_to_tokens([ids[i] for i in keep])
        return TokenVectors(tuple(names), unit(np.asarray(vectors, np.float32)[keep]), np.maximum(starts, 0))


def batch_size(device: str) -> int:
    """How many texts torch is given at once on a kind of device, such as "cpu" or "cuda".

    On a processor more gain nothing, and sentence-transformers takes as many by default. A batch for a GPU is half of
    what a run commits at a time; it has never been tried on one.
    """
    return 32 if device == "cpu" else 128


def parameters_hash(model: SentenceTransformer | CrossEncoder) -> str:
    """SHA-256 over the names and values of all parameters."""
    digest = hashlib.sha256()
    for name, values in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(values.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()


class HashingEmbedder:
    """Vectors out of nothing but the letters: each folded word has a fixed random direction. For tests.

    Texts that share words are near, others are not, and it costs no model. It knows no language.
    """

    identity = EmbedderIdentity(
        name=HASHING, weights_hash="hashing-1", dimension=64, query_prefix="", passage_prefix=""
    )

    def embed_passages(self, texts: list[str]) -> Iterator[Floats]:
        for text in texts:
            yield self.embed_query(text)

    def embed_query(self, text: str) -> Floats:
        words = folded_words(text)
        total = np.sum([self._direction(word) for word in words], axis=0) if words else np.zeros(64)
        return unit(np.asarray(total, np.float32))

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        for text in texts:
            yield EmbeddedPassage(self.embed_query(text), codec.pack(self.query_tokens(text)))

    def query_tokens(self, text: str) -> TokenVectors:
        found = [(word, place) for place, word in folded_words_at(text)]
        vectors = np.array([self._direction(word) for word, _ in found], np.float32).reshape(-1, 64)
        starts = np.array([place for _, place in found], np.int32)
        return TokenVectors(tuple(word for word, _ in found), unit(vectors), starts)

    def passage_tokens(self, texts: list[str]) -> list[TokenVectors]:
        return [self.query_tokens(text) for text in texts]

    def count_tokens(self, texts: list[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    @staticmethod
    @lru_cache(maxsize=1 << 14)
    def _direction(word: str) -> Floats:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
        return np.random.default_rng(seed).standard_normal(64).astype(np.float32)
