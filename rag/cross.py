"""Cross-encoders of sentence-transformers, which read two texts together: loaded by name, and asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


def load_cross_encoder(name: str, *, what: str, wanted: str, option: str) -> CrossEncoder:
    """Load a model from a folder, or by its name from huggingface.co, once. Code that comes with it is not run.

    `what` it is for, what is `wanted` and the `option` that named it are for the message. Raises ModelError.
    """
    from sentence_transformers import CrossEncoder

    try:
        return CrossEncoder(name, trust_remote_code=False)
    except Exception as error:  # the hub, the disk and the model's own format each raise their own kinds
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(
            f"{what} {name!r}: {first_line}; give a folder with {wanted}, or its name on huggingface.co (the first "
            f"time it is downloaded), or leave {option} away"
        ) from error


def cross_scores(model: CrossEncoder, pairs: list[tuple[str, str]], *, called: str, **options: Any) -> NDArray[Any]:
    """(pairs,) or (pairs, labels): what the model gives each pair, as float64. Raises ModelError if it is no number."""
    scores = np.asarray(model.predict(pairs, show_progress_bar=False, **options), np.float64)
    if not np.isfinite(scores).all():
        raise ModelError(f"{called}: it gives scores that are no numbers; choose another")
    return scores
