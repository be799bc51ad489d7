"""Decibels of hand-made signals."""

from __future__ import annotations

import pytest
import torch
from demucs.htdemucs import HTDemucs

from phonoscope_training.separation.evaluate import frame_sdrs, score, sdr, separate
from phonoscope_training.separation.network import served_network, training_network
from phonoscope_training.separation.recipe import SeparationRecipe
from phonoscope_training.separation.songs import SOURCES, Song
from tests.unit.training.separation.tones import stems_of


@pytest.mark.parametrize(("error", "decibels"), [(1.0, 0.0), (0.1, 20.0), (0.01, 40.0), (10.0, -20.0)])
def test_sdr_is_the_ratio_of_powers(error: float, decibels: float) -> None:
    """An error of a tenth of the signal is 20 dB; silence for an estimate is 0 dB."""
    signal = torch.randn(2, 1_000, generator=torch.Generator().manual_seed(1))
    assert float(sdr(signal, signal * (1.0 + error))) == pytest.approx(decibels, abs=1e-3)
    assert float(sdr(signal, torch.zeros(2, 1_000))) == pytest.approx(0.0, abs=1e-3)


def test_both_channels_count_together() -> None:
    """A channel that is lost costs what it weighs."""
    signal = torch.ones(2, 100)
    half = torch.stack([torch.ones(100), torch.zeros(100)])
    assert float(sdr(signal, half)) == pytest.approx(3.01, abs=0.01)


def test_frames_in_which_nothing_is_heard_do_not_count() -> None:
    """Nor does what is left at the end."""
    signal = torch.ones(2, 350)
    signal[:, 100:200] = 1e-5
    estimate = signal.clone()
    estimate[:, :100] *= 0.9
    estimate[:, 200:300] *= 0.0
    frames = frame_sdrs(signal, estimate, 100)
    torch.testing.assert_close(frames, torch.tensor([20.0, 0.0]), rtol=0.0, atol=1e-3)


def test_separation_takes_recordings_of_any_length(recipe: SeparationRecipe) -> None:
    """Shorter than a segment, and of several: as many samples as came in, and nothing but numbers."""
    network = served_network(recipe.network, training_network(recipe.network).state_dict())
    for samples in (1_000, recipe.network.samples, 3_333):
        stems = separate(network, torch.randn(2, samples))
        assert stems.shape == (4, 2, samples)
        assert stems.isfinite().all()


def test_scores_of_a_network_that_says_nothing(recipe: SeparationRecipe) -> None:
    """0 dB, which is better than the mixture by what the others are louder; a silent stem counts for nothing."""
    network = served_network(recipe.network, training_network(recipe.network).state_dict())
    quiet, stems = stems_of(1), stems_of(2)
    quiet[3] = 0.0
    figures = score(_silenced(network), [Song("quiet", quiet), Song("full", stems)])
    assert figures["sdr_median"] == pytest.approx(dict.fromkeys(SOURCES, 0.0), abs=0.01)
    assert figures["songs_heard"] == {"drums": 2, "bass": 2, "other": 2, "vocals": 1}
    others = stems.sum(0) - stems[3]
    expected = -10.0 * torch.log10(stems[3].square().sum() / others.square().sum())
    assert figures["improvement"]["vocals"] == pytest.approx(float(expected), abs=0.01)


def _silenced(network: HTDemucs) -> HTDemucs:
    network.register_forward_hook(lambda _module, _inputs, output: torch.zeros_like(output))
    return network
