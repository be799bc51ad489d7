"""Silence and clipping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonoscope_cpu.describe import describe

if TYPE_CHECKING:
    from tests.unit.cpu.signals import MakeTone, MakeWav

RATE_HZ = 44_100


@pytest.mark.parametrize("kind", ["<f4", "<i2", "u1"])
def test_clipped_sine(kind: str, tone: MakeTone, wav: MakeWav) -> None:
    """Of a sine driven 3.5 dB over full scale, the part beyond it is clipped, in every sample format."""
    driven = 1.5 * tone(441.0, 2.0, RATE_HZ)
    expected = np.mean(np.abs(driven) >= 1.0)
    found = describe(wav(driven.clip(-1.0, 1.0), RATE_HZ, kind))
    assert found["clipping_share"] == pytest.approx(expected, abs=0.01)
    assert expected == pytest.approx(0.535, abs=0.01)


@pytest.mark.parametrize("kind", ["<f4", "<i2"])
def test_full_scale_sine_is_not_clipped(kind: str, tone: MakeTone, wav: MakeWav) -> None:
    """A sine that touches full scale with single samples is whole."""
    assert describe(wav(tone(1_000.0, 2.0, RATE_HZ), RATE_HZ, kind))["clipping_share"] == 0.0


def test_one_clipped_channel(tone: MakeTone, wav: MakeWav) -> None:
    """The share is one of all channels' samples."""
    driven = (1.5 * tone(441.0, 2.0, RATE_HZ)).clip(-1.0, 1.0)
    both = describe(wav(np.stack([driven, 0.1 * driven]), RATE_HZ))["clipping_share"]
    assert both == pytest.approx(0.535 / 2.0, abs=0.01)


def test_silent_half(tone: MakeTone, wav: MakeWav) -> None:
    """A tone and as much silence: half is silent."""
    signal = np.concatenate([0.5 * tone(440.0, 1.5), np.zeros(round(1.5 * 22_050))])
    assert describe(wav(signal))["silence_share"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("decibels", "share"), [(-50.0, 0.0), (-70.0, 1.0)])
def test_threshold(decibels: float, share: float, tone: MakeTone, wav: MakeWav) -> None:
    """Silent is what lies below -60 dBFS RMS."""
    signal = 10.0 ** (decibels / 20.0) * np.sqrt(2.0) * tone(440.0, 1.0)
    assert describe(wav(signal))["silence_share"] == share


def test_one_sounding_channel_is_no_silence(tone: MakeTone, wav: MakeWav) -> None:
    """Silence is when every channel is silent."""
    signal = np.stack([0.5 * tone(440.0, 1.0), np.zeros(22_050)])
    assert describe(wav(signal))["silence_share"] == 0.0
