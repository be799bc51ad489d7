"""Tempo and onsets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonoscope_cpu.describe import describe
from phonoscope_cpu.measure.rhythm import Rhythm

if TYPE_CHECKING:
    from tests.unit.cpu.signals import MakeClicks, MakeTone, MakeWav, Signal

RATE_HZ = 22_050


def _rhythm(signal: Signal, block: int = RATE_HZ) -> Rhythm:
    rhythm = Rhythm(RATE_HZ)
    for start in range(0, len(signal), block):
        rhythm.add(signal[start : start + block].astype(np.float32))
    return rhythm


@pytest.mark.parametrize("bpm", [60.0, 90.0, 110.5, 128.0, 140.0])
def test_click_track(bpm: float, clicks: MakeClicks, wav: MakeWav) -> None:
    """A click track's tempo is found within 1 BPM, and with confidence."""
    found = describe(wav(clicks(bpm, 20.0)))
    assert found["tempo_bpm"] == pytest.approx(bpm, abs=1.0)
    assert found["tempo_confidence"] > 0.6


def test_tempo_of_a_short_loop(clicks: MakeClicks) -> None:
    """Four seconds of 128 BPM are enough."""
    assert _rhythm(clicks(128.0, 4.0)).tempo.bpm == pytest.approx(128.0, abs=1.0)


def test_off_beats_do_not_double_the_tempo(clicks: MakeClicks) -> None:
    """Quieter clicks between the beats leave the tempo where the loud ones are."""
    track = clicks(100.0, 20.0)
    off_beats = 0.1 * np.roll(track, round(0.3 * RATE_HZ))
    assert _rhythm(track + off_beats).tempo.bpm == pytest.approx(100.0, abs=1.0)


@pytest.mark.parametrize("seconds", [5, 40])
def test_noise_has_no_beat(seconds: int) -> None:
    """Steady noise has no tempo, though its envelope always repeats itself a little."""
    tempo = _rhythm(0.1 * np.random.default_rng(1).standard_normal(seconds * RATE_HZ)).tempo
    assert tempo.bpm is None
    assert 0.0 <= tempo.confidence < 0.2


def test_steady_tone_has_no_beat(tone: MakeTone) -> None:
    """A tone that only starts and ends has one onset and no tempo."""
    rhythm = _rhythm(0.5 * tone(440.0, 10.0))
    assert rhythm.tempo.bpm is None
    assert rhythm.onsets == 1


def test_onset_rate(clicks: MakeClicks, wav: MakeWav) -> None:
    """Every click counts once: at 120 BPM there are two a second, the one at the very start among them."""
    assert describe(wav(clicks(120.0, 10.0)))["onset_rate_hz"] == pytest.approx(2.0, abs=0.05)


def test_quiet_clicks_are_onsets_too(clicks: MakeClicks) -> None:
    """How many onsets are found does not depend on the level: 20 dB less gives the same count."""
    track = clicks(120.0, 10.0)
    assert _rhythm(0.1 * track).onsets == _rhythm(track).onsets == 20


def test_blocks_do_not_matter(clicks: MakeClicks) -> None:
    """The envelope is the same however the stream is cut into blocks, but for where the loudest is first heard."""
    track = clicks(120.0, 4.0)
    np.testing.assert_allclose(_rhythm(track, 999).envelope_db, _rhythm(track).envelope_db, atol=1e-3)


def test_silence_has_neither() -> None:
    """Silence has no onset and no tempo, and nothing divides by zero."""
    rhythm = _rhythm(np.zeros(5 * RATE_HZ))
    assert rhythm.onsets == 0
    assert rhythm.tempo.bpm is None
    assert rhythm.tempo.confidence == 0.0
