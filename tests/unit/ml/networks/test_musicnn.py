"""The network of musicnn computes in evaluation what its definition says, in another order."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from phonoscope_ml.networks.musicnn import FrequencyMaximum


def filters(mels: int, frames: int) -> FrequencyMaximum:
    """Filters with random weights, of which about half are normalised by a negative weight, and one by 0."""
    found = FrequencyMaximum(5, mels, frames)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        for value in (found.bn.weight, found.bn.bias, found.bn.running_mean, found.conv.weight, found.conv.bias):
            assert value is not None
            value.normal_()
        found.bn.weight[4] = 0.0
    return found.eval()


def defined(found: FrequencyMaximum, x: Tensor) -> Tensor:
    """A convolution, ReLU, normalisation, then the maximum."""
    y: Tensor = found.bn(functional.relu(found.conv(functional.pad(x, found.padding))))
    return y.amax(dim=2).reshape(len(x), 2, found.channels, 1, -1)


@pytest.mark.parametrize(("mels", "frames"), [(38, 7), (1, 32)])
def test_the_maximum_is_that_of_the_normalised_outputs(mels: int, frames: int) -> None:
    """Also of channels whose normalisation has a negative weight, and for a stretch without overlap of windows."""
    found, x = filters(mels, frames), torch.randn(3, 2, 96, 40, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        torch.testing.assert_close(found(x), defined(found, x), rtol=1e-5, atol=1e-5)


def test_gradients_reach_the_input() -> None:
    """The same ones as by the definition."""
    found, x = filters(38, 7), torch.randn(1, 2, 96, 20, generator=torch.Generator().manual_seed(5))
    wanted, given = (
        torch.autograd.grad(call(x).square().sum(), x)[0]
        for x, call in (
            (x.clone().requires_grad_(), lambda x: defined(found, x)),
            (x.clone().requires_grad_(), found),
        )
    )
    torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-4)
