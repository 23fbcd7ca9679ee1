"""A cross-encoder in the last word on the best passages: it reads the question and a passage together.

Nothing of this kind is shipped or used by default: no package holds one that knows Azerbaijani.
"""

from __future__ import annotations

from index.embed import parameters_hash
from index.errors import ModelError
from rag.cross import cross_scores, load_cross_encoder

# A passage that is not among so many is not read with the question.
CROSS_ENCODED = 20


class CrossEncoderReranker:
    """Any sentence-transformers `CrossEncoder` that gives a pair one score, on GPU where torch finds one.

    For a question with 20 passages of 200 tokens a model of the shape of ms-marco-MiniLM-L6 takes 1.7 seconds of one
    core, one of the shape of xlm-roberta-base 12, whatever it learned (measured with random weights), in batches of 1,
    4 or 20 alike.
    """

    def __init__(self, name: str) -> None:
        """Load a model from a folder, or by its name from huggingface.co, once. Code that comes with it is not run.

        Raises ModelError if it cannot be loaded or is no cross-encoder.
        """
        model = load_cross_encoder(name, what="reranking model", wanted="a cross-encoder", option="--reranker")
        if model.num_labels != 1:
            raise _no_cross_encoder(name, f"it gives {model.num_labels} scores for a pair; want one")
        # Any encoder loads, with random weights where a score should come from, and only a table in the log tells.
        architecture = next(iter(getattr(model.config, "architectures", None) or [""]))
        if len(model) == 1 and not architecture.endswith("ForSequenceClassification"):
            raise _no_cross_encoder(name, f"it is a {architecture or 'model'} without weights that score a pair")
        self.name = name
        self.weights_hash = parameters_hash(model)
        self._model = model

    def scores(self, question: str, texts: list[str]) -> list[float]:
        """The model's own score of each text with the question, the higher the better. Raises ModelError."""
        if not texts:
            return []
        pairs = [(question, text) for text in texts]
        scores = cross_scores(self._model, pairs, called=f"reranking model {self.name!r}")
        return [float(score) for score in scores]


def load_reranker(name: str) -> CrossEncoderReranker | None:
    """The cross-encoder of this name, none for "". Raises ModelError."""
    return CrossEncoderReranker(name) if name else None


def _no_cross_encoder(name: str, found: str) -> ModelError:
    return ModelError(
        f"reranking model {name!r}: {found}; choose a cross-encoder for ranking, such as those named cross-encoder/ms-…"
    )
