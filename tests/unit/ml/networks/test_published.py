"""The networks and front ends, converted from published models, against reference outputs of these."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from phonoscope.errors import WeightsMismatch
from phonoscope_ml.conversion import mobilenet_from_efficientat, musicnn_from_published
from phonoscope_ml.frontends import KaldiLogMel, KaldiSettings, Log10Mel, Log10Settings
from tests.unit.ml.published import mn04, musicnn, musicnn_files, published, references, without_end

PATCH, HOP = 187, 93
"""Frames in a patch of musicnn, and from patch to patch, in its references."""


def assert_agrees(found: Tensor, wanted: np.ndarray) -> None:
    """Within 1e-4 of the largest number."""
    assert np.abs(found.numpy() - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("clip", range(3))
def test_mn04_gives_the_reference_s_mels_embedding_and_logits(clip: int) -> None:
    """From samples at 32 kHz to 527 logits, for recordings of five seconds."""
    reference = references("mn04_reference.npz")
    mels = KaldiLogMel(KaldiSettings())(torch.from_numpy(reference[f"samples_32k_{clip}"])[None])
    output = mn04()(mels)
    assert_agrees(mels[0, 0], reference[f"mel_{clip}"])
    assert_agrees(output.embedding[0], reference["embedding"][clip])
    assert_agrees(output.logits[0], reference["logits"][clip])
    assert torch.equal(output.features[:, 384:], output.embedding)


@pytest.mark.parametrize("clip", range(10))
def test_musicnn_gives_the_reference_s_tags_and_units(clip: int) -> None:
    """From a recording to 50 and 50 tags, and to 200 and 200 penultimate units, means over overlapping patches.

    The references were made without the end of the resampled recordings; its spectrogram was repeated to fill a patch.
    """
    reference = references("musicnn_reference.npz")
    heard = without_end(str(reference["clips"][clip]), 16_000)
    mels = Log10Mel(Log10Settings(most_frames=1_000))(heard)
    repeated = mels.repeat(1, 1, 1, -(-PATCH // mels.shape[-1]))
    output = musicnn()(torch.cat(list(repeated.unfold(3, PATCH, HOP).unbind(3))))
    tags, units = output.logits.sigmoid().mean(0).split(50), output.features.mean(0).split(200)
    for name, found, penultimate in zip(("MSD", "MTT"), tags, units, strict=True):
        assert_agrees(found, reference[f"{name}_musicnn_tags"][clip])
        assert_agrees(penultimate, reference[f"{name}_musicnn_penultimate"][clip])


def test_the_two_networks_of_musicnn_do_not_see_each_other() -> None:
    """Weights of the one change nothing in the units of the other."""
    msd, mtt = musicnn_files()
    weights = musicnn_from_published(msd, msd)
    both = musicnn_from_published(msd, mtt)
    assert all(
        torch.equal(weights[name][: len(value) // 2], value[: len(value) // 2])
        for name, value in both.items()
        if value.ndim
    )
    mels = torch.rand(1, 1, 96, 187, generator=torch.Generator().manual_seed(1))
    network = musicnn()
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    wanted = network(mels).features
    try:
        network.load_state_dict(kept | weights)
        found = network(mels).features
    finally:
        network.load_state_dict(kept)
    torch.testing.assert_close(found[:, :200], wanted[:, :200])
    torch.testing.assert_close(found[:, 200:], wanted[:, :200])


def test_another_model_s_tensors_are_refused() -> None:
    """The error names what is missing, unknown or of another shape."""
    tensors = load_file(published("efficientat_mn04_as.safetensors"))
    with pytest.raises(WeightsMismatch, match="unknown tensors: extra"):
        mobilenet_from_efficientat(tensors | {"extra": torch.zeros(1)})
    with pytest.raises(WeightsMismatch, match=r"classifier\.2\.weight has the shape"):
        mobilenet_from_efficientat(tensors | {"classifier.2.weight": torch.zeros(1)})
    del tensors["classifier.2.weight"]
    with pytest.raises(WeightsMismatch, match=r"lacks tensors: classifier\.2\.weight"):
        mobilenet_from_efficientat(tensors)


def test_a_file_of_another_length_is_refused() -> None:
    """A truncated file of musicnn is no model."""
    with pytest.raises(WeightsMismatch, match="9,465,596 bytes, not 8"):
        musicnn_from_published(bytes(8), bytes(8))
