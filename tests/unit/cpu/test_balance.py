"""Bands and centroid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from phonoscope_cpu.describe import describe

if TYPE_CHECKING:
    from tests.unit.cpu.signals import MakeTone, MakeWav

RATE_HZ = 44_100


def _shares(found: dict[str, Any]) -> dict[str, float]:
    return {band["name"]: band["share"] for band in found["bands"]}


@pytest.mark.parametrize(
    ("frequency_hz", "name"),
    [
        (40.0, "sub-bass"),
        (100.0, "bass"),
        (350.0, "low-mid"),
        (1_000.0, "mid"),
        (3_000.0, "high-mid"),
        (5_000.0, "presence"),
        (12_000.0, "brilliance"),
    ],
)
def test_tone_lies_in_its_band(frequency_hz: float, name: str, tone: MakeTone, wav: MakeWav) -> None:
    """A pure tone has at least 95 % of its energy in its band, and its centroid at its pitch."""
    found = describe(wav(0.5 * tone(frequency_hz, 3.0, RATE_HZ), RATE_HZ))
    assert _shares(found)[name] >= 0.95
    assert found["centroid_hz"] == pytest.approx(frequency_hz, rel=0.02)


def test_bands_are_the_promised_ones(wav: MakeWav) -> None:
    """Seven bands without gaps from 20 Hz up, the topmost open."""
    bands = describe(wav(np.ones(4)))["bands"]
    assert [band["low_hz"] for band in bands] == [20.0, 60.0, 250.0, 500.0, 2_000.0, 4_000.0, 6_000.0]
    assert [band["high_hz"] for band in bands] == [60.0, 250.0, 500.0, 2_000.0, 4_000.0, 6_000.0, None]


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 192_000])
def test_white_noise_spreads_by_width(rate_hz: int, wav: MakeWav) -> None:
    """White noise has energy in proportion to each band's width, up to half the rate, and shares add to 1."""
    found = describe(wav(0.1 * np.random.default_rng(3).standard_normal(4 * rate_hz), rate_hz))
    edges_hz = np.array([20.0, 60.0, 250.0, 500.0, 2_000.0, 4_000.0, 6_000.0, np.inf]).clip(max=rate_hz / 2)
    expected = np.diff(edges_hz) / (rate_hz / 2 - 20.0)
    shares = np.array(list(_shares(found).values()))
    np.testing.assert_allclose(shares, expected, atol=0.02)
    assert shares.sum() == pytest.approx(1.0, abs=1e-5)
    assert found["centroid_hz"] == pytest.approx(rate_hz / 4, rel=0.05)


def test_opposed_channels_do_not_cancel(tone: MakeTone, wav: MakeWav) -> None:
    """Energy is summed over the channels, so that stereo in opposite phase is not silence."""
    low, high = 0.5 * tone(100.0, 2.0, RATE_HZ), 0.5 * tone(1_000.0, 2.0, RATE_HZ)
    shares = _shares(describe(wav(np.stack([low + high, high - low]), RATE_HZ)))
    assert shares["bass"] == pytest.approx(0.5, abs=0.01)
    assert shares["mid"] == pytest.approx(0.5, abs=0.01)


def test_what_is_below_20_hz_does_not_count(tone: MakeTone, wav: MakeWav) -> None:
    """Rumble and an offset, ten times as strong as the tone, leave the shares to the tone."""
    signal = 0.05 * tone(1_000.0, 5.0, RATE_HZ) + 0.5 * tone(5.0, 5.0, RATE_HZ) + 0.2
    fade = np.minimum(1.0, np.arange(len(signal)) / RATE_HZ)
    assert _shares(describe(wav(signal * fade * fade[::-1], RATE_HZ)))["mid"] > 0.95


def test_silence_shares_nothing(wav: MakeWav) -> None:
    """Silence has zeros, no centroid, and says so."""
    found = describe(wav(np.zeros(RATE_HZ), RATE_HZ))
    assert set(_shares(found).values()) == {0.0}
    assert found["centroid_hz"] is None
    assert any(warning.startswith("silence") for warning in found["warnings"])
