"""The same answer as Demucs gives, in a stream."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from demucs.api import Separator
from demucs.apply import BagOfModels
from demucs.htdemucs import HTDemucs

from phonoscope.audio.samples import Samples
from phonoscope_ml.separation.adaptive import AdaptiveEstimator
from phonoscope_ml.separation.ensemble import Ensemble
from phonoscope_ml.separation.memory import Plan
from phonoscope_ml.separation.runners import Eager
from phonoscope_ml.separation.stream import measure, separate
from tests.separators import SOURCES, network

RATE_HZ = 44_100


def music(length: int, seed: int = 1) -> Samples:
    """Tones that come and go in noise, different on both sides, off centre by a little."""
    time_s = np.arange(length) / RATE_HZ
    tones = [np.sin(2 * np.pi * hertz * time_s) * (np.sin(3.0 * time_s + hertz) > 0.0) for hertz in (110.0, 440.0)]
    generator = np.random.default_rng(seed)
    sides = 0.2 * np.array([tones[0] + 0.5 * tones[1], 0.5 * tones[0] + tones[1]]) + 0.01
    return (sides + 0.05 * generator.standard_normal((2, length))).astype(np.float32)


def ensemble(*networks: HTDemucs, shares: list[list[float]] | None = None, batch: int = 1) -> AdaptiveEstimator:
    """An estimator of these networks on the processor."""
    device = torch.device("cpu")
    shape = SimpleNamespace(sources=SOURCES, sample_rate_hz=RATE_HZ, segment=int(networks[0].segment * RATE_HZ))
    together = Ensemble([Eager(one, device) for one in networks], SOURCES, shares)
    return AdaptiveEstimator(shape, lambda _: together, Plan(device, batch))


def streamed(estimate: AdaptiveEstimator, samples: Samples, *, skip_silence: bool = False) -> Samples:
    """Through blocks of odd length."""
    blocks = [samples[:, start : start + 7_001] for start in range(0, samples.shape[1], 7_001)]
    return np.concatenate(list(separate(estimate, blocks, measure(blocks), skip_silence=skip_silence)), axis=-1)


def by_demucs(model: HTDemucs | BagOfModels, samples: Samples) -> Samples:
    """Demucs' own separator, without shifts."""
    separator = Separator.__new__(Separator)
    separator._model, separator._samplerate, separator._audio_channels = model, RATE_HZ, 2
    separator.update_parameter(
        device="cpu", shifts=0, overlap=0.25, split=True, segment=None, jobs=0, progress=False, callback=None,
        callback_arg=None,
    )  # fmt: skip
    _, stems = separator.separate_tensor(torch.from_numpy(samples))
    return np.stack([stems[name].numpy() for name in SOURCES])


def difference_db(found: Samples, wanted: Samples) -> float:
    return float(10.0 * np.log10(np.mean((found - wanted) ** 2) / np.mean(wanted**2)))


@pytest.mark.parametrize("length", [100, 9_000, 22_050, 22_051, 55_000, 132_300])
def test_stems_are_those_of_demucs(small: HTDemucs, length: int) -> None:
    """To -80 dB and far beyond, for lengths under, at and over a segment."""
    samples = music(length)
    found, wanted = streamed(ensemble(small), samples), by_demucs(small, samples)
    assert found.shape == wanted.shape == (4, 2, length)
    assert difference_db(found, wanted) < -110.0


@pytest.mark.long
def test_a_full_size_network_agrees() -> None:
    """The shape of ``htdemucs`` with random weights, 42 M parameters, and one segment of 7.8 s; the tests of small
    networks compare how segments are joined.
    """
    full = network(channels=48, bottom_channels=512, t_layers=5, t_heads=8, segment=Fraction(39, 5))
    assert sum(parameter.numel() for parameter in full.parameters()) > 41e6
    samples = music(5 * RATE_HZ)
    assert difference_db(streamed(ensemble(full), samples), by_demucs(full, samples)) < -80.0


def test_several_networks_are_averaged_as_demucs_does() -> None:
    """By a weight for each network and source; a network that counts for nothing is not asked."""
    networks = [network(seed) for seed in (1, 2)]
    weights = [[1.0, 0.0, 1.0, 2.0], [1.0, 1.0, 0.0, 1.0]]
    samples = music(40_000)
    wanted = by_demucs(BagOfModels([*networks], weights), samples)
    assert difference_db(streamed(ensemble(*networks, shares=weights), samples), wanted) < -110.0


def test_batches_change_nothing(small: HTDemucs) -> None:
    """They are for speed alone."""
    samples = music(90_000)
    one, three = streamed(ensemble(small), samples), streamed(ensemble(small, batch=3), samples)
    assert difference_db(three, one) < -100.0


def test_digital_silence_is_skipped(small: HTDemucs) -> None:
    """A segment of zeros is silence in every stem and is not computed; the sound around it is not touched."""
    samples = music(200_000)
    samples[:, 60_000:140_000] = 0.0
    found, whole = streamed(ensemble(small), samples, skip_silence=True), streamed(ensemble(small), samples)
    assert not found[..., 90_000:110_000].any()
    np.testing.assert_array_equal(found[..., :40_000], whole[..., :40_000])
    np.testing.assert_array_equal(found[..., 170_000:], whole[..., 170_000:])


def test_a_silent_recording_is_silent_in_every_stem(small: HTDemucs) -> None:
    """Nothing is divided by nothing."""
    found = streamed(ensemble(small), np.zeros((2, 30_000), np.float32), skip_silence=True)
    assert found.shape == (4, 2, 30_000)
    assert not found.any()


@pytest.mark.parametrize("length", [1, 2, 441])
def test_the_shortest_recordings_have_stems(small: HTDemucs, length: int) -> None:
    """Of their own length, and numbers."""
    found = streamed(ensemble(small), music(length))
    assert found.shape == (4, 2, length)
    assert np.isfinite(found).all()


def test_what_is_far_too_loud_is_taken_as_it_is(small: HTDemucs) -> None:
    """Stems scale with the recording."""
    samples = music(30_000)
    np.testing.assert_allclose(
        streamed(ensemble(small), 20.0 * samples), 20.0 * streamed(ensemble(small), samples), rtol=1e-2, atol=1e-3
    )


def test_progress_is_told_and_can_end_it(small: HTDemucs) -> None:
    """True shares of the recording, rising to 1; what the listener raises comes out."""
    told: list[float] = []
    samples = music(4 * 16_537)
    list(separate(ensemble(small), [samples], measure([samples]), told.append))
    assert told == pytest.approx([0.25, 0.5, 0.75, 1.0])

    def stop(share: float) -> None:
        if share > 0.4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(separate(ensemble(small), [samples], measure([samples]), stop))
