"""What windows, evidence and drawing need of every front end: its mel scale, its frames and its silence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from phonoscope_ml.evidence import axes
from phonoscope_ml.frontends import (
    DecibelSettings,
    FrontEndSettings,
    KaldiSettings,
    Log10Settings,
    build_front_end,
    read_settings,
)

EVERY_KIND = pytest.mark.parametrize(
    "settings", [DecibelSettings(), KaldiSettings(), Log10Settings()], ids=lambda settings: settings.kind
)


@EVERY_KIND
@pytest.mark.parametrize("hertz", [500.0, 2_000.0, 5_000.0])
def test_a_tone_is_brightest_in_the_band_of_its_frequency(settings: FrontEndSettings, hertz: float) -> None:
    """By the edges that evidence is read with, and in the frames of its time."""
    seconds = torch.arange(settings.window_samples) / settings.sample_rate_hz
    tone = 0.5 * torch.sin(2 * torch.pi * hertz * seconds) * ((seconds > 1.0) & (seconds < 2.0))
    seen, grid = build_front_end(settings)(tone[None])[0, 0], axes(settings)
    row = int(seen.mean(dim=1).argmax())
    assert grid.hertz_edges[max(row - 1, 0)] <= hertz <= grid.hertz_edges[row + 2]
    bright = grid.seconds[(seen[row] > seen[row].max() - 0.1).numpy()]
    assert 0.9 < bright.min() < 1.1
    assert 1.9 < bright.max() < 2.1


@EVERY_KIND
def test_axes_fit_the_spectrogram(settings: FrontEndSettings) -> None:
    """A row for each band, a column for each frame; silence is what the settings say."""
    seen = build_front_end(settings)(torch.zeros(1, settings.window_samples))
    grid = axes(settings)
    assert seen.shape == (1, 1, len(grid.hertz), len(grid.seconds))
    np.testing.assert_allclose(seen.numpy(), settings.silence, atol=1e-5)


@EVERY_KIND
@pytest.mark.parametrize("samples", [1, 2, 15, 300, 1_000, 5_000])
def test_a_recording_of_any_length_has_a_spectrogram(settings: FrontEndSettings, samples: int) -> None:
    """With as many frames as the settings say, also below a frame's length."""
    power = build_front_end(settings).mel_power(torch.ones(1, samples))
    assert power.shape == (1, settings.n_mels, settings.frames(samples))
    assert power.isfinite().all()


@EVERY_KIND
def test_settings_are_read_back_by_their_kind(settings: FrontEndSettings) -> None:
    """As a manifest has them; without a kind they are those of the decibel front end."""
    assert read_settings(settings.as_dict()) == settings
    with pytest.raises(ValueError, match="unknown kind 'bark'; known: decibels, kaldi, log10"):
        read_settings(settings.as_dict() | {"kind": "bark"})
    with pytest.raises(ValueError, match="front_end lacks n_mels"):
        read_settings({name: value for name, value in settings.as_dict().items() if name != "n_mels"})


def test_settings_without_a_kind_are_decibels() -> None:
    """Manifests that were written before there were kinds."""
    values = {name: value for name, value in DecibelSettings().as_dict().items() if name != "kind"}
    assert read_settings(values) == DecibelSettings()
