"""A mobile network with its normalisation folded into the convolutions gives the same outputs."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn

from phonoscope_ml.networks import MobileNet
from phonoscope_ml.networks.mobilenet import NormalisedConv
from tests.unit.ml.published import mn04, references


def test_folding_changes_no_output_of_the_published_network() -> None:
    """Within 1e-4 of the largest number at every depth; no normalisation is left."""
    plain = mn04()
    folded = deepcopy(plain)
    folded.fold()
    x = torch.from_numpy(references("mn04_reference.npz")["mel_0"])[None, None]
    with torch.inference_mode():
        wanted, found = plain(x), folded(x)
    pairs = [(found.logits, wanted.logits), (found.features, wanted.features)]
    pairs += [(found.maps[name], wanted.maps[name]) for name in plain.depths.depths]
    for given, expected in pairs:
        assert (given - expected).abs().max() < 1e-4 * expected.abs().max()
    assert not [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d)]
    assert [module for module in plain.modules() if isinstance(module, nn.BatchNorm2d)]


def test_folding_uses_the_statistics_that_were_learned() -> None:
    """Of a network whose statistics are not those of fresh weights; a second time changes nothing."""
    network = MobileNet(labels=3)
    x = torch.randn(4, 1, 64, 50, generator=torch.Generator().manual_seed(1))
    network(3.0 * x + 1.0)
    network = network.eval()
    wanted = network(x).logits
    for _ in range(2):
        network.fold()
        torch.testing.assert_close(network(x).logits, wanted, rtol=1e-4, atol=1e-5)
    assert all(module.conv.bias is not None for module in network.modules() if isinstance(module, NormalisedConv))
