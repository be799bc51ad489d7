"""The mel scale, against librosa."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from phonoscope.audio.mel import hertz_to_mel, mel_points, mel_to_hertz


def test_the_scale_is_slaneys() -> None:
    """Another implementation gives the same mel from nothing up to above hearing, and the way back leads back."""
    hertz = np.linspace(0.0, 30_000.0, 1_001)
    np.testing.assert_allclose(hertz_to_mel(hertz), librosa.hz_to_mel(hertz), atol=1e-9)
    np.testing.assert_allclose(mel_to_hertz(hertz_to_mel(hertz)), hertz, atol=1e-8)


def test_points_are_evenly_spaced_in_mel() -> None:
    """From one end to the other, both among them."""
    points = mel_points(20.0, 8_000.0, 17)
    assert points[[0, -1]] == pytest.approx([20.0, 8_000.0])
    steps = np.diff(hertz_to_mel(points))
    assert steps == pytest.approx(np.full(16, steps[0]))
