"""Regularised linear classifiers on standardised features (multinomial logistic regression)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_ITERATIONS = 80
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True)
class Linear:
    """A linear layer. Shape: ``weight (labels, features)``, ``bias (labels,)``."""

    weight: Tensor
    bias: Tensor

    def logits(self, features: Tensor) -> Tensor:
        """Logits of features. Shape: ``(recordings, features)`` to ``(recordings, labels)``."""
        return features.to(self.weight.dtype) @ self.weight.T + self.bias


def fit_linear(features: Tensor, targets: Tensor, labels: int, decay: float, start: Linear | None = None) -> Linear:
    """Minimises the cross entropy plus ``decay`` times the squared weights on standardised features, by L-BFGS.

    It starts at zero and is computed in double precision: the result depends on nothing random. The standardisation is
    part of the layer that it returns.

    Args:
        targets: indices of labels.
        decay: above 0; the larger it is, the smaller the weights are.
        start: a layer that it starts at instead of zero; the decay then counts the weights' difference from it.

    Shape:
        - features: ``(recordings, features)``; targets: ``(recordings,)``
    """
    wide = features.double()
    mean, spread = wide.mean(0), wide.std(0)
    spread = spread.clamp_min(_LEAST_SPREAD * spread.mean())
    standard = (wide - mean) / spread
    origin = torch.zeros(labels, wide.shape[1], dtype=torch.float64) if start is None else start.weight * spread
    weight = origin.clone().requires_grad_()
    bias = (torch.zeros(labels).double() if start is None else start.logits(mean)).requires_grad_()
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=_ITERATIONS, history_size=10, tolerance_grad=1e-6, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        entropy = functional.cross_entropy(standard @ weight.T + bias, targets)
        value: Tensor = entropy + decay * (weight - origin).square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    scaled = weight.detach() / spread
    return Linear(scaled, bias.detach() - scaled @ mean)
