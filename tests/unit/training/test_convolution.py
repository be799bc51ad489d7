"""The other way to a convolution's gradients leads to the same place."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from phonoscope_ml.networks import AudioResNet
from phonoscope_training.convolution import speed_up_convolutions


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(4, 5), (7, 3), (1, 1)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_are_those_of_the_plain_convolution(
    stride: int, size: tuple[int, int], layout: torch.memory_format
) -> None:
    """To the input and to the weights, for every stride, size and layout."""
    torch.manual_seed(1)
    plain = nn.Conv2d(256, 24, 3, stride, 1, bias=False)
    plain.weight.data = plain.weight.data.to(memory_format=layout)
    quick = deepcopy(plain)
    speed_up_convolutions(quick)
    spectrograms = torch.randn(3, 256, *size).to(memory_format=layout)
    found = []
    for module in (plain, quick):
        x = spectrograms.clone().requires_grad_()
        module(x).square().sum().backward()
        assert module.weight.grad is not None
        found.append((x.grad, module.weight.grad))
    for mine, wanted in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-4, atol=1e-4)


def test_mixed_precision_reaches_the_weights() -> None:
    """Under autocast the product is made in bfloat16 and the gradient arrives in the weights' own type."""
    torch.manual_seed(1)
    plain = nn.Conv2d(256, 256, 3, 1, 1, bias=False)
    quick = deepcopy(plain)
    speed_up_convolutions(quick)
    spectrograms = torch.randn(4, 256, 8, 8)
    for module in (plain, quick):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = module(spectrograms)
        assert output.dtype == torch.bfloat16
        output.float().square().mean().backward()
    assert plain.weight.grad is not None
    assert quick.weight.grad is not None
    assert quick.weight.grad.dtype == torch.float32
    likeness = torch.nn.functional.cosine_similarity(plain.weight.grad.flatten(), quick.weight.grad.flatten(), dim=0)
    assert likeness > 0.999


def test_only_wide_convolutions_are_changed() -> None:
    """And neither weights nor outputs of the network."""
    torch.manual_seed(1)
    network = AudioResNet("resnet18", labels=4).eval()
    spectrograms = torch.rand(2, 1, 64, 64)
    wanted, names = network(spectrograms).logits, list(network.state_dict())
    speed_up_convolutions(network)
    torch.testing.assert_close(network(spectrograms).logits, wanted, rtol=0.0, atol=0.0)
    assert list(network.state_dict()) == names
    changed = [name for name, module in network.named_modules() if "_conv_forward" in vars(module)]
    assert changed == [
        "layer3.0.conv2",
        "layer3.1.conv1",
        "layer3.1.conv2",
        "layer4.0.conv1",
        "layer4.0.conv2",
        "layer4.1.conv1",
        "layer4.1.conv2",
    ]
    assert not any("_conv_forward" in vars(module) for module in AudioResNet("resnet18", labels=4).modules())
