"""An embedder that is loaded when something is to be embedded, and not for a run that finds nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from index.embed import EmbeddedPassage, Embedder, EmbedderIdentity, Floats
from index.errors import IndexMismatch
from index.tokens import TokenCodec, TokenVectors


class DeferredEmbedder:
    """The embedder that the index in `folder` was built with, loaded when it is first asked for more than its identity.

    If what `load` gives then is another, IndexMismatch is raised.
    """

    def __init__(self, folder: Path, identity: EmbedderIdentity, load: Callable[[], Embedder]) -> None:
        self.identity = identity
        self._folder = folder
        self._load = load
        self._loaded: Embedder | None = None

    def embed_passages(self, texts: list[str]) -> Iterator[Floats]:
        return self._embedder.embed_passages(texts)

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        return self._embedder.embed_and_pack(texts, codec)

    def embed_query(self, text: str) -> Floats:
        return self._embedder.embed_query(text)

    def query_tokens(self, text: str) -> TokenVectors:
        return self._embedder.query_tokens(text)

    def passage_tokens(self, texts: list[str]) -> list[TokenVectors]:
        return self._embedder.passage_tokens(texts)

    def count_tokens(self, texts: list[str]) -> list[int]:
        return self._embedder.count_tokens(texts)

    @property
    def _embedder(self) -> Embedder:
        if self._loaded is None:
            loaded = self._load()
            check_same(self._folder, self.identity, loaded.identity)
            self._loaded = loaded
        return self._loaded


def check_same(folder: Path, built: EmbedderIdentity, asked: EmbedderIdentity) -> None:
    """Raise IndexMismatch unless the index in `folder` was `built` with the embedder that is asked for."""
    if built == asked:
        return
    if built.name != asked.name:
        difference = f"index has {built.name!r}, this run wants {asked.name!r}"
    else:
        difference = (
            f"index has {built.name!r} of {_sketch(built.weights_hash)}, here it is {_sketch(asked.weights_hash)}"
        )
    raise IndexMismatch(
        f"{folder}: built with another embedder: {difference}; use the index's own, or ingest into another folder: "
        f"dragoman ingest ... --index OTHER --embedder {asked.name}"
    )


def _sketch(weights_hash: str) -> str:
    return f"weights {weights_hash[:12]}"
