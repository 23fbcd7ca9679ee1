"""How fast passages are embedded, beside sentence-transformers on the same weights and passages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.e5 import packaged_weights, write_checkpoint
from index.embed import BUNDLED, Embedder, SentenceTransformersEmbedder, load_embedder
from index.errors import ModelError


@dataclass(frozen=True, slots=True)
class Speed:
    """Two ways to embed the same passages, timed once each."""

    passages: int
    mean_tokens: float
    ours: float  # passages a second, wall clock, all cores
    theirs: float
    cosine: float  # mean over passages, of our vectors and theirs

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.ours / self.theirs


def compare_speed(passages: list[str], scratch: Path, *, report: Callable[[str], None]) -> Speed:
    """Embed `passages` with the bundled model and with sentence-transformers (torch, float32) on its weights.

    `scratch` is an empty folder with room for 0.5 GB. Raises ModelError where the weights have no package.
    """
    weights = packaged_weights()
    if weights is None:
        raise ModelError("the bundled model has no package on this platform, so there is nothing to compare")
    ours = load_embedder(BUNDLED, report=report)
    report("writing the float32 checkpoint and loading torch")
    write_checkpoint(weights, scratch)
    theirs = SentenceTransformersEmbedder(str(scratch))
    prefixed = [ours.identity.passage_prefix + passage for passage in passages]
    report(f"embedding {len(passages)} passages twice")
    warm_up = prefixed[:8]
    _embed(ours, passages[:8])
    theirs.model.encode(warm_up)
    our_seconds, our_vectors = _timed(lambda: _embed(ours, passages))
    # Their own loop, with its own batches, which it sorts by length.
    their_seconds, their_vectors = _timed(lambda: np.asarray(theirs.model.encode(prefixed)))
    return Speed(
        passages=len(passages),
        mean_tokens=float(np.mean(ours.count_tokens(passages))),
        ours=len(passages) / our_seconds,
        theirs=len(passages) / their_seconds,
        cosine=float((our_vectors * their_vectors).sum(axis=1).mean()),
    )


def _embed(embedder: Embedder, passages: list[str]) -> np.ndarray:
    return np.array(list(embedder.embed_passages(passages)))


def _timed(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
