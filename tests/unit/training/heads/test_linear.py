"""Linear heads: they separate what can be separated, whatever the scale of the features."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from phonoscope_training.heads.fit import relative_to_last
from phonoscope_training.heads.linear import Linear, fit_linear


@pytest.fixture(scope="module")
def blobs() -> tuple[Tensor, Tensor]:
    """Three groups of points in five dimensions, 20 of each."""
    generator = torch.Generator().manual_seed(2)
    targets = torch.arange(60) % 3
    centres = 4.0 * torch.eye(3, 5)
    return centres[targets] + torch.randn(60, 5, generator=generator), targets


def test_a_head_separates_groups(blobs: tuple[Tensor, Tensor]) -> None:
    """Points whose groups lie apart get their own label."""
    features, targets = blobs
    assert (fit_linear(features, targets, 3, 1e-3).logits(features).argmax(1) == targets).double().mean() > 0.95


def test_the_scale_of_a_feature_says_nothing(blobs: tuple[Tensor, Tensor]) -> None:
    """Features in other units, from another zero, give the same logits."""
    features, targets = blobs
    scales, shift = torch.tensor([1.0, 10.0, 0.1, 3.0, 100.0]), torch.tensor([0.0, 50.0, 0.0, -2.0, 7.0])
    changed = features * scales + shift
    plain, scaled = (fit_linear(each, targets, 3, 1e-2).logits(each) for each in (features, changed))
    torch.testing.assert_close(plain, scaled, atol=1e-4, rtol=1e-4)


def test_a_larger_decay_gives_smaller_weights(blobs: tuple[Tensor, Tensor]) -> None:
    """That is what it is for."""
    features, targets = blobs
    weights = [fit_linear(features, targets, 3, decay).weight.norm() for decay in (1e-3, 1e-2, 1e-1)]
    assert weights[0] > weights[1] > weights[2]


def test_logits_relative_to_none_keep_the_probabilities() -> None:
    """With the last logit taken as 0 the other labels' probabilities stay what they were."""
    generator = torch.Generator().manual_seed(3)
    head = Linear(torch.randn(4, 5, generator=generator).double(), torch.randn(4, generator=generator).double())
    features = torch.randn(7, 5, generator=generator)
    whole = head.logits(features).softmax(1)
    relative = torch.nn.functional.pad(relative_to_last(head).logits(features), (0, 1)).softmax(1)
    torch.testing.assert_close(whole, relative)


def test_a_head_starts_at_another_layer(blobs: tuple[Tensor, Tensor]) -> None:
    """A large decay keeps its weights, whatever the scale of the features; a small one lets go of them."""
    features, targets = blobs
    features = features * torch.tensor([1.0, 10.0, 0.1, 3.0, 100.0])
    start = Linear(torch.eye(3, 5).double(), torch.tensor([0.0, 5.0, -5.0]).double())
    kept, loose = (fit_linear(features, targets, 3, decay, start) for decay in (1e4, 1e-3))
    torch.testing.assert_close(kept.weight, start.weight, atol=1e-2, rtol=1e-2)
    assert (loose.weight - start.weight).abs().max() > 0.1
    assert (loose.logits(features).argmax(1) == targets).double().mean() > 0.95
