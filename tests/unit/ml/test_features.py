"""What each depth sees, taken from the very maps of the pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from phonoscope.errors import UnknownLayer
from phonoscope_ml.attribution import Attribution
from phonoscope_ml.features import FeatureTap, summarise
from phonoscope_ml.registry import Model


def test_the_five_depths_come_with_their_shapes(model: Model) -> None:
    """Mean and strongest 16 of every depth, for every window, with the maps' own numbers."""
    with torch.inference_mode(), FeatureTap(model.network) as tap:
        output = model.network(torch.rand(2, 1, 128, 126))
        found = tap.features(output)
    assert [one.name for one in found] == list(model.network.depths.depths)
    assert [one.shape for one in found] == [(64, 64, 63), (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]
    for one in found:
        maps = output.maps[one.name].numpy()
        assert one.mean.shape == (2, *one.shape[1:])
        assert one.strongest.shape == (2, 16, *one.shape[1:])
        assert np.allclose(one.mean, maps.mean(axis=1), atol=1e-6)
        for window in range(2):
            assert np.array_equal(one.strongest[window], maps[window, one.channels[window]])


def test_the_strongest_channels_are_the_strongest() -> None:
    """By mean activation, the highest first, found for each window by itself."""
    levels = torch.stack([torch.arange(40.0), torch.arange(40.0).flip(0)])
    found = summarise("layer1", levels[:, :, None, None].expand(2, 40, 3, 5))
    assert found.shape == (40, 3, 5)
    assert found.channels[0].tolist() == list(range(39, 23, -1))
    assert found.channels[1].tolist() == list(range(16))
    assert (found.strongest[:, 0] == 39.0).all()
    assert (found.mean == 19.5).all()


def test_fewer_channels_than_sixteen_are_all_shown() -> None:
    """A narrow layer is no error."""
    assert summarise("narrow", torch.rand(1, 3, 2, 2)).channels.shape == (1, 3)


def test_a_depth_s_last_block_is_the_depth(model: Model) -> None:
    """Blocks are asked for by name, in any order, and give what the network computed there."""
    with torch.inference_mode(), FeatureTap(model.network, ["layer3.1", "layer1.0", "layer3"]) as tap:
        last, first, whole = tap.features(model.network(torch.rand(1, 1, 64, 64)))
    assert [last.name, first.name, whole.name] == ["layer3.1", "layer1.0", "layer3"]
    assert np.array_equal(last.mean, whole.mean)
    assert first.shape == (64, 16, 16)


def test_one_pass_gives_heatmaps_and_features(model: Model) -> None:
    """Attribution and tap share it: what is tapped carries no graph and does not disturb the heatmap."""
    spectrograms = torch.rand(1, 1, 64, 64)
    with Attribution(model.network, "layer3") as attribution:
        alone = attribution.heatmaps(attribution(spectrograms)).values
    with Attribution(model.network, "layer3") as attribution, FeatureTap(model.network, ["layer4.0", "layer4"]) as tap:
        output = attribution(spectrograms)
        found = tap.features(output)
        together = attribution.heatmaps(output).values
    assert [one.name for one in found] == ["layer4.0", "layer4"]
    assert np.array_equal(alone, together)


@pytest.mark.parametrize("layer", ["layer5", "layer3.2", "layer3.1.conv1", "fc", "conv1.0", ""])
def test_a_layer_that_does_not_exist_is_refused_with_those_that_do(model: Model, layer: str) -> None:
    """Before any pass, naming depths and blocks; a thinner network has fewer blocks."""
    with pytest.raises(UnknownLayer, match=r"there are conv1, layer1, layer1\.0, layer1\.1, layer2, ") as at:
        FeatureTap(model.network, ["conv1", layer])
    assert at.value.status == 422
    assert layer not in model.network.depths.names


def test_hooks_are_removed_after_an_error(model: Model) -> None:
    """Whatever happens inside, nothing is left on the network, and nothing is held by the tap."""
    tap = FeatureTap(model.network, ["layer1.0", "layer2.0"])
    with pytest.raises(RuntimeError, match="5 channels"), tap:
        model.network(torch.rand(1, 5, 32, 32))
    assert not any(module._forward_hooks for module in model.network.modules())
    assert not tap._outputs


def test_silence_gives_numbers(model: Model) -> None:
    """No NaN in any depth of a dark spectrogram."""
    with torch.inference_mode(), FeatureTap(model.network) as tap:
        found = tap.features(model.network(torch.zeros(1, 1, 32, 41)))
    assert all(np.isfinite(one.mean).all() and np.isfinite(one.strongest).all() for one in found)
