"""A model of natural language inference says whether a statement follows from its quotes, if one is named.

Nothing of this kind is shipped or used by default: no package holds one that knows Azerbaijani.
"""

from __future__ import annotations

from index.embed import parameters_hash
from index.errors import ModelError
from rag.cross import cross_scores, load_cross_encoder
from rag.support import Judged, Levels, Stated

# Where most such models are about right by themselves. `dragoman eval support --nli NAME` measures what they are worth
# with a model.
_LEVELS = Levels(supported=0.9, partly=0.5)


class NliSupport:
    """Any sentence-transformers `CrossEncoder` that tells entailment of a pair, on GPU where torch finds one."""

    def __init__(self, name: str) -> None:
        """Load a model from a folder, or by its name from huggingface.co, once. Code that comes with it is not run.

        Raises ModelError if it cannot be loaded or has no label for entailment.
        """
        model = load_cross_encoder(
            name,
            what="NLI model",
            wanted="a cross-encoder for natural language inference",
            option="--nli",
        )
        found: dict[int, str] = getattr(model.config, "id2label", None) or {}
        labels = {int(i): str(label).lower() for i, label in found.items()}
        entails = [i for i, label in labels.items() if label.startswith("entail")]
        if len(entails) != 1 or model.num_labels < 2:
            raise ModelError(
                f"NLI model {name!r}: its labels are {', '.join(labels.values()) or 'none'}; want one that is "
                "entailment, among others"
            )
        self.name = name
        self.weights_hash = parameters_hash(model)
        self.levels = _LEVELS
        self._entails = entails[0]
        self._model = model

    def judge(self, stated: Stated) -> Judged:
        """By the model's probability that all quotes together entail the statement. Raises ModelError."""
        premise = " ".join(quote.text for quote in stated.quotes)
        pairs = [(premise, stated.text)]
        shares = cross_scores(self._model, pairs, called=f"NLI model {self.name!r}", apply_softmax=True)
        score = float(shares[0, self._entails])
        return Judged(score, _LEVELS.of(score))


def load_nli(name: str) -> NliSupport:
    """The NLI model of this name. Raises ModelError."""
    return NliSupport(name)
