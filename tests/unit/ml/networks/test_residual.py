"""The residual networks: shapes, blocks, and independence of everything but the spectrogram."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from phonoscope_ml.networks import EMBEDDING_DIM, AudioResNet
from phonoscope_ml.networks.residual import ResidualBlock

BLOCKS = {"resnet18": [2, 2, 2, 2], "resnet34": [3, 4, 6, 3]}
CHANNELS = [64, 128, 256, 512]


@pytest.fixture(scope="module", params=sorted(BLOCKS))
def network(request: pytest.FixtureRequest) -> AudioResNet:
    """A network of each architecture, its residual branches awake, in evaluation mode."""
    torch.manual_seed(1)
    network = AudioResNet(request.param, labels=10, dropout=0.5)
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            nn.init.ones_(module.bn2.weight)
    return network.eval().requires_grad_(False)


def spectrograms(count: int, mels: int = 64, frames: int = 51) -> torch.Tensor:
    return torch.rand(count, 1, mels, frames, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("architecture", sorted(BLOCKS))
def test_layers_have_their_blocks_and_channels(architecture: str) -> None:
    """Blocks and channels are those of the paper: 3-4-6-3 for 34 layers, 64-128-256-512 channels."""
    network = AudioResNet(architecture, labels=10)
    layers = [getattr(network, name) for name in network.depths.layers]
    assert [len(layer) for layer in layers] == BLOCKS[architecture]
    for layer, channels in zip(layers, CHANNELS, strict=True):
        assert {block.conv2.out_channels for block in layer} == {channels}
    weighted = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert sum("shortcut" not in name for name in weighted) == int(architecture.removeprefix("resnet"))


def test_outputs_have_the_promised_shapes(network: AudioResNet) -> None:
    """Logits by label, 512 numbers, and maps that halve from depth to depth."""
    output = network(spectrograms(3, mels=128, frames=126))
    assert output.logits.shape == (3, 10)
    assert output.embedding.shape == (3, EMBEDDING_DIM)
    assert {name: tuple(one.shape) for name, one in output.maps.items()} == {
        "conv1": (3, 64, 64, 63),
        "layer1": (3, 64, 32, 32),
        "layer2": (3, 128, 16, 16),
        "layer3": (3, 256, 8, 8),
        "layer4": (3, 512, 4, 4),
    }


def test_the_embedding_is_what_the_logits_are_made_from(network: AudioResNet) -> None:
    """The embedding is the mean of the last map, and the last layer applied to it gives the logits."""
    output = network(spectrograms(2))
    torch.testing.assert_close(output.embedding, output.maps["layer4"].mean(dim=(2, 3)))
    torch.testing.assert_close(output.logits, network.fc(output.embedding))


@pytest.mark.parametrize("frames", [1, 26, 126, 300])
def test_a_picture_may_have_any_length(network: AudioResNet, frames: int) -> None:
    """Short and long spectrograms alike give finite numbers of the same shape."""
    output = network(spectrograms(1, frames=frames))
    assert output.embedding.shape == (1, EMBEDDING_DIM)
    assert output.logits.isfinite().all()


def test_pictures_of_a_batch_do_not_see_each_other(network: AudioResNet) -> None:
    """In evaluation mode a spectrogram's logits are the same alone and among others."""
    batch = spectrograms(4)
    together = network(batch).logits
    alone = torch.cat([network(one[None]).logits for one in batch])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)
    assert all((first - second).abs().max() > 1e-3 for first, second in pairwise(together))


def test_nothing_is_kept_between_calls(network: AudioResNet) -> None:
    """A call leaves no trace: the same spectrogram gives the same output after any other, and no buffer has changed."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first = network(spectrograms(1))
    network(spectrograms(3) * 5)
    again = network(spectrograms(1))
    torch.testing.assert_close(first, again, rtol=0.0, atol=0.0)
    torch.testing.assert_close(before, network.state_dict(), rtol=0.0, atol=0.0)


def test_a_fresh_block_is_its_shortcut() -> None:
    """Residual branches start at zero, so that a deep network begins as a shallow one."""
    block = ResidualBlock(64, 64, 1).eval()
    network = AudioResNet("resnet18", labels=2)
    fresh = network.layer1[0].eval()  # type: ignore[index, union-attr]
    x = torch.rand(1, 64, 8, 8)
    torch.testing.assert_close(fresh(x), x)
    assert not torch.allclose(block(x), x)


def test_an_unknown_architecture_is_refused() -> None:
    """The error names what was asked for and what there is."""
    with pytest.raises(ValueError, match="'resnet50'; known: resnet18, resnet34"):
        AudioResNet("resnet50", labels=10)
