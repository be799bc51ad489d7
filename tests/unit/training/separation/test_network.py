"""The network in training against the one that is served."""

from __future__ import annotations

import pytest
import torch
from demucs.htdemucs import HTDemucs

from phonoscope_training.separation.network import (
    count_parameters,
    inverse_spectrogram,
    served_network,
    training_network,
)
from phonoscope_training.separation.recipe import SeparationRecipe


@pytest.mark.parametrize("length", [4_000, 4_001, 3_967])
def test_the_inverse_transform_is_demucs_own(recipe: SeparationRecipe, length: int) -> None:
    """Samples and gradients of random spectrograms, for lengths that are whole hops and others."""
    network = training_network(recipe.network)
    hop = recipe.network.nfft // 4
    spectrum = torch.randn(2, 4, 2, 2 * hop, -(-length // hop), dtype=torch.complex64, requires_grad=True)
    ours, theirs = inverse_spectrogram(spectrum, hop, length), HTDemucs._ispec(network, spectrum, length)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    wanted = torch.randn_like(ours)
    gradients = [torch.autograd.grad(sound, spectrum, wanted)[0] for sound in (ours, theirs)]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-5, atol=1e-5)


def test_spectrograms_of_another_length_are_refused() -> None:
    """A frame too few would shift everything after it."""
    with pytest.raises(ValueError, match="3 frames do not fit 512 samples"):
        inverse_spectrogram(torch.zeros(1, 256, 3, dtype=torch.complex64), 128, 512)


def test_training_and_serving_compute_the_same(recipe: SeparationRecipe) -> None:
    """The weights of one fit the other, and give the same stems of a segment."""
    torch.manual_seed(3)
    trained = training_network(recipe.network)
    served = served_network(recipe.network, trained.state_dict())
    mixture = torch.randn(1, 2, recipe.network.samples)
    with torch.no_grad():
        torch.testing.assert_close(trained.eval()(mixture), served(mixture), rtol=1e-4, atol=1e-5)


def test_its_size_is_counted(recipe: SeparationRecipe) -> None:
    """Every learned number once."""
    network = training_network(recipe.network)
    assert count_parameters(network) == sum(value.numel() for value in network.state_dict().values())
