"""Minimises a loss over all examples at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_STEPS = 150


def minimise(parameters: list[Tensor], loss: Callable[[], Tensor]) -> None:
    """Changes the parameters in place (L-BFGS with the strong Wolfe conditions)."""
    optimizer = torch.optim.LBFGS(parameters, max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
