"""CLAP's front end is that of ``transformers``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import ClapFeatureExtractor

from phonoscope.audio.samples import Samples
from phonoscope_ml.frontends import ClapSettings, build_front_end
from phonoscope_ml.windows import cut_windows

RATE_HZ = 48_000


def extractor() -> ClapFeatureExtractor:
    """With the settings of ``laion/larger_clap_general``'s ``preprocessor_config.json``."""
    return ClapFeatureExtractor(
        feature_size=64,
        sampling_rate=RATE_HZ,
        hop_length=480,
        fft_window_size=1_024,
        max_length_s=10,
        frequency_min=50,
        frequency_max=14_000,
        truncation="rand_trunc",
        padding="repeatpad",
    )


def music(samples: int) -> Samples:
    """Tones, noise and a pause of exact silence."""
    seconds = np.arange(samples) / RATE_HZ
    tones = 0.3 * np.sin(2 * np.pi * 440.0 * seconds) + 0.1 * np.sin(2 * np.pi * 9_000.0 * seconds)
    noise = 0.01 * np.random.default_rng(0).standard_normal(samples)
    return ((tones + noise) * (seconds % 2.0 < 1.5)).astype(np.float32)


def tone(samples: int) -> Samples:
    """A tone whose bands beside it are nearly empty."""
    return (0.9 * np.sin(2 * np.pi * 1_000.0 * np.arange(samples) / RATE_HZ)).astype(np.float32)


def silence(samples: int) -> Samples:
    return np.zeros(samples, dtype=np.float32)


@pytest.mark.parametrize("sound", [music, tone, silence])
@pytest.mark.parametrize("samples", [480_000, 479_999, 250_000, 158_400, 1_000, 1])
def test_a_window_has_the_spectrogram_of_transformers(sound: Callable[[int], Samples], samples: int) -> None:
    """Also of a recording shorter than a window, which is repeated as often as it fits and then followed by silence."""
    settings, recording = ClapSettings(), sound(samples)
    wanted = extractor()(recording, sampling_rate=RATE_HZ, return_tensors="np")["input_features"][0, 0]
    (window,) = cut_windows(
        [recording], RATE_HZ, settings.window_samples, settings.window_hop_samples, settings.filling
    )
    found = build_front_end(settings)(torch.from_numpy(window.samples)[None])[0, 0].T.numpy()
    assert found.shape == wanted.shape == (1_001, 64)
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    assert np.abs(found - wanted).mean() < 1e-5
