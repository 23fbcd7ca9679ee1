"""Signals of a kind, each with its weight, to a score and to a probability."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Signals = TypeVar("_Signals", bound="DataclassInstance")
_FARTHEST = 30.0  # odds beyond it are 0 or 1 for whoever reads them, and nothing overflows


def weighted_sum(weights: _Signals, seen: _Signals) -> float:
    """The sum of all signals, dataclasses of numbers, each times its weight."""
    return math.fsum(getattr(weights, field.name) * getattr(seen, field.name) for field in fields(weights))


def probability(intercept: float, weights: _Signals, seen: _Signals) -> float:
    """Logistic regression: 1 / (1 + exp(-z)) for z the intercept and the weighted sum, 0 to 1."""
    z = intercept + weighted_sum(weights, seen)
    return 1 / (1 + math.exp(-max(-_FARTHEST, min(_FARTHEST, z))))
