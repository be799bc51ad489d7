"""The whole description: its shape, odd recordings, memory."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonoscope.errors import NotARecording
from phonoscope_cpu.describe import describe

if TYPE_CHECKING:
    from tests.unit.cpu.signals import MakeTone, MakeWav

FIELDS = {
    "tempo_bpm",
    "tempo_confidence",
    "tempo_candidates",
    "metre",
    "beat_count",
    "beats_s",
    "downbeats_s",
    "key",
    "key_confidence",
    "key_runner_up",
    "tuning_cents",
    "loudness_lufs",
    "momentary_max_lufs",
    "short_term_max_lufs",
    "loudness_range_lu",
    "true_peak_dbfs",
    "true_peaks_dbfs",
    "onset_rate_hz",
    "centroid_hz",
    "bands",
    "levels",
    "silence_share",
    "clipping_share",
    "duration_s",
    "gaps",
    "warnings",
}


@pytest.mark.parametrize(
    ("rate_hz", "channels", "samples"),
    [
        (44_100, 1, 1),
        (44_100, 2, 4_410),
        (44_100, 1, 88_200),
        (48_000, 2, 96_000),
        (48_000, 5, 48_000),
        (48_000, 24, 48_000),
        (8_000, 1, 16_000),
        (192_000, 2, 192_000),
        (100, 1, 200),
    ],
)
@pytest.mark.parametrize("level", [0.0, 0.1])
def test_odd_recordings(rate_hz: int, channels: int, samples: int, level: float, wav: MakeWav) -> None:
    """Any rate, channel count and length, silent or not, gives every field with finite numbers."""
    noise = level * np.random.default_rng(4).standard_normal((channels, samples))
    found = describe(wav(noise, rate_hz))
    assert set(found) == FIELDS
    json.dumps(found, allow_nan=False)
    assert found["duration_s"] == pytest.approx(samples / rate_hz, abs=0.001)
    assert sum(band["share"] for band in found["bands"]) == pytest.approx(1.0 if level else 0.0, abs=1e-5)
    assert 0.0 <= found["tempo_confidence"] <= 1.0
    assert 0.0 <= found["key_confidence"] <= 1.0
    assert found["silence_share"] == (0.0 if level else 1.0)


def test_samples_that_are_no_numbers(wav: MakeWav) -> None:
    """Not a number, infinities and absurdly high values in a float file leave every figure finite."""
    noise = 0.1 * np.random.default_rng(5).standard_normal((2, 44_100))
    noise[0, 5], noise[1, 9], noise[1, 900], noise[0, 77] = np.nan, np.inf, 1e30, -np.inf
    json.dumps(describe(wav(noise, 44_100)), allow_nan=False)


def test_cut_recording(wav: MakeWav, tone: MakeTone) -> None:
    """A recording that ends early is described as far as it goes, and the damage is told."""
    whole = wav(0.5 * tone(440.0, 4.0), kind="<i2").read()
    found = describe(io.BytesIO(whole[: len(whole) // 2]))
    assert found["duration_s"] == pytest.approx(2.0, abs=0.01)
    assert found["warnings"]


def test_what_is_no_recording() -> None:
    """Bytes that are no recording are refused."""
    with pytest.raises(NotARecording):
        describe(io.BytesIO(b"not a recording, only words " * 100))


def test_progress(wav: MakeWav, tone: MakeTone) -> None:
    """Progress is told about once a second, in seconds that rise to the duration."""
    heard: list[float] = []
    describe(wav(tone(440.0, 5.0)), heard.append)
    assert len(heard) >= 4
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(5.0, abs=0.01)


def test_memory_does_not_grow_with_length(wav: MakeWav) -> None:
    """Five times the recording needs no more memory but for onsets and chroma, of which a minute is 200 kilobytes."""
    noise = 0.1 * np.random.default_rng(6).standard_normal(60 * 4_000)
    describe(wav(noise, 4_000))
    peaks = []
    for seconds in (12, 60):
        file = wav(noise[: seconds * 4_000], 4_000, "u1")
        tracemalloc.start()
        describe(file)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 300_000
