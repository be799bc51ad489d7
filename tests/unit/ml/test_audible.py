"""Networks hear nothing below 20 Hz, and everything above as it is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from phonoscope_ml.audible import audible

Signal = NDArray[np.float64]


def heard(signal: Signal, rate_hz: int, block: int | None = None) -> NDArray[np.float32]:
    block = block or rate_hz
    blocks = (signal[at : at + block].astype(np.float32) for at in range(0, len(signal), block))
    return np.concatenate(list(audible(blocks, rate_hz)))


def seconds(duration_s: float, rate_hz: int) -> Signal:
    return np.arange(int(duration_s * rate_hz)) / rate_hz


def level_db(samples: NDArray[np.floating]) -> float:
    return float(10.0 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


@pytest.mark.parametrize("rate_hz", [16_000, 32_000, 44_100])
@pytest.mark.parametrize(("hertz", "lowest_db", "highest_db"), [
    (0.5, -200.0, -90.0), (8.0, -200.0, -55.0), (12.0, -200.0, -30.0), (15.0, -200.0, -18.0),
    (25.0, -0.5, 0.1), (31.0, -0.1, 0.1), (100.0, -0.02, 0.02), (5_000.0, -0.01, 0.01),
])  # fmt: skip
def test_a_tone_is_kept_or_gone(rate_hz: int, hertz: float, lowest_db: float, highest_db: float) -> None:
    """What is well below 20 Hz is gone at every rate; bass is not touched."""
    tone = 0.5 * np.sin(2 * np.pi * hertz * seconds(6.0, rate_hz))
    late = slice(3 * rate_hz, None)
    assert lowest_db <= level_db(heard(tone, rate_hz)[late]) - level_db(tone[late]) <= highest_db


@pytest.mark.parametrize("offset", [0.9, 0.01, -0.3])
def test_an_offset_is_gone_from_the_start(offset: float) -> None:
    """It does not begin with a thump, with a sound or without."""
    sound = 0.01 * np.sin(2 * np.pi * 440.0 * seconds(1.0, 16_000))
    assert np.abs(heard(np.full(16_000, offset), 16_000)).max() < 1e-5
    found = heard(sound + offset, 16_000)
    assert np.abs(found).max() < 0.012 + 0.01 * abs(offset)
    assert level_db(found) == pytest.approx(level_db(sound), abs=0.3)


def test_a_drift_leaves_the_sound() -> None:
    """A slow wave ten times as strong as the sound adds nothing to hear."""
    time_s = seconds(5.0, 16_000)
    sound = 0.001 * np.random.default_rng(0).standard_normal(len(time_s))
    found = heard(sound + 0.01 * np.cos(np.pi * time_s), 16_000)
    assert level_db(found) == pytest.approx(level_db(sound), abs=0.5)


@pytest.mark.parametrize("block", [1, 100, 4_001])
def test_blocks_change_little(block: int) -> None:
    """The filter goes on from block to block; only its start takes the first one."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(6_000)
    whole = heard(noise, 8_000)
    np.testing.assert_allclose(heard(noise, 8_000, block)[4_000:], whole[4_000:], atol=1e-3)


def test_silence_stays_as_it_is() -> None:
    """Digital silence after a sound is digital silence within a block: a filter's decay is no sound."""
    sound = 0.5 * np.sin(2 * np.pi * 30.0 * seconds(1.03, 8_000))
    found = heard(np.concatenate([sound, np.zeros(3 * 8_000)]), 8_000)
    assert not found[-2 * 8_000 :].any()
    faint = (np.abs(found[len(sound) :]) >= 1e-4).nonzero()[0]
    assert len(faint) == 0


def test_an_hour_of_silence_after_a_sound_costs_nothing() -> None:
    """No filter runs on ever smaller numbers: the same silent blocks come out."""
    silence = np.zeros(8_000, dtype=np.float32)
    tone = np.sin(2 * np.pi * 440.0 * seconds(1.0, 8_000)).astype(np.float32)
    assert all(not block.any() for block in list(audible([tone, *[silence] * 100], 8_000))[1:])


def test_empty_blocks_and_single_samples() -> None:
    """As many samples come out as go in."""
    empty, one = np.zeros(0, dtype=np.float32), np.ones(1, dtype=np.float32)
    assert sum(len(block) for block in audible([empty, one, empty, one], 8_000)) == 2
