"""Tempo and onsets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.signal import resample

from phonoscope_cpu.describe import describe
from phonoscope_cpu.measure.rhythm import Rhythm

if TYPE_CHECKING:
    from tests.unit.cpu.signals import MakeClicks, MakeTone, MakeWav, Signal

RATE_HZ = 22_050


def _rhythm(signal: Signal, block: int = RATE_HZ) -> Rhythm:
    rhythm = Rhythm(RATE_HZ)
    for start in range(0, len(signal), block):
        rhythm.add(signal[start : start + block].astype(np.float32))
    rhythm.finish()
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


def test_silence_has_neither() -> None:
    """Silence has no onset and no tempo, and nothing divides by zero."""
    rhythm = _rhythm(np.zeros(5 * RATE_HZ))
    assert rhythm.onsets == 0
    assert rhythm.tempo.bpm is None
    assert rhythm.tempo.confidence == 0.0


def _bars(bpm: float, metre: str, seconds: float = 14.0) -> Signal:
    """A low thump on each bar, a snap on the beats that answer it, and a tick on each division."""
    beats, divisions, snaps = {
        "4/4": (4, 2, (1, 3)),
        "3/4": (3, 2, (1, 2)),
        "6/8": (2, 3, (1,)),
        "5/4": (5, 2, (2, 4)),
    }[metre]
    rng = np.random.default_rng(5)
    t = np.arange(round(0.1 * RATE_HZ)) / RATE_HZ
    thump, snap = (
        np.sin(2.0 * np.pi * 70.0 * t) * np.exp(-t / 0.04),
        0.4 * rng.standard_normal(len(t)) * np.exp(-t / 0.03),
    )
    tick = 0.3 * np.sin(2.0 * np.pi * 6_000.0 * t) * np.exp(-t / 0.008)
    signal = np.zeros(round((seconds + 0.2) * RATE_HZ))
    for index in range(int(seconds * bpm / 60.0 * divisions)):
        beat, division = divmod(index, divisions)
        at = round(index * 60.0 / bpm / divisions * RATE_HZ)
        for sound, played in ((tick, True), (thump, beat % beats == 0), (snap, beat % beats in snaps)):
            if played and (division == 0 or sound is tick):
                signal[at : at + len(sound)] += sound
    return 0.3 * signal


@pytest.mark.parametrize(
    ("metre", "bpm"),
    [
        ("4/4", 96.0),
        ("4/4", 126.0),
        ("3/4", 90.0),
        ("3/4", 172.0),
        ("3/4", 190.0),
        ("3/4", 210.0),
        ("5/4", 120.0),
        *(("6/8", bpm) for bpm in (56.0, 60.0, 66.0, 72.0, 80.0)),
    ],
)
def test_the_beat_of_a_metre(metre: str, bpm: float) -> None:
    """Tempo and metre are those played: six eighths are never three beats, nor is a waltz beaten across its bars."""
    tempo = _rhythm(_bars(bpm, metre)).tempo
    assert tempo.bpm == pytest.approx(bpm, rel=0.015)
    assert tempo.metre in (metre, None)
    assert tempo.candidates[0].bpm == pytest.approx(bpm, rel=0.02)
    strengths = [each.strength for each in tempo.candidates]
    assert strengths[1:] == sorted(strengths[1:], reverse=True)
    assert all(0.0 < each <= 1.0 for each in strengths)


@pytest.mark.parametrize(
    ("metre", "bpm"), [("4/4", 96.0), ("4/4", 126.0), ("3/4", 110.0), ("6/8", 60.0), ("5/4", 120.0)]
)
def test_a_clear_metre_is_named(metre: str, bpm: float) -> None:
    """Where bars are as clear as this, their metre is named."""
    assert _rhythm(_bars(bpm, metre)).tempo.metre == metre


@pytest.mark.parametrize(("metre", "beats"), [("4/4", 4), ("3/4", 3), ("6/8", 2)])
def test_beats_and_bars_are_where_they_were_played(metre: str, beats: int) -> None:
    """Nine in ten beats and first beats are found within 50 ms, and as few are found where none is."""
    bpm = 66.0 if metre == "6/8" else 110.0
    found = _rhythm(_bars(bpm, metre)).tempo.beats
    known = np.arange(0.0, 14.0, 60.0 / bpm)
    for times, wanted in ((found.beats_s, known), (found.downbeats_s, known[::beats])):
        apart = np.abs(times[:, None] - wanted)
        assert np.mean(apart.min(axis=0) < 0.05) > 0.9
        assert np.mean(apart.min(axis=1) < 0.05) > 0.9
    assert set(found.downbeats_s) <= set(found.beats_s)


@pytest.mark.parametrize(("metre", "bpm"), [("4/4", 112.0), ("3/4", 104.0), ("6/8", 72.0)])
def test_the_tempo_follows_the_speed_under_noise(metre: str, bpm: float) -> None:
    """Where noise hides most of its onsets, music of 7 s has a tempo, and at each speed the same level."""
    clear = _bars(bpm, metre, 7.0)[: 7 * RATE_HZ]
    noise = np.random.default_rng(9).standard_normal(len(clear))
    signal = 0.5 * clear / np.abs(clear).max() + 0.1 * noise
    for speed in (1.0, 0.93, 1.06):
        found = _rhythm(resample(signal, round(len(signal) / speed))).tempo.bpm
        assert found == pytest.approx(speed * bpm, rel=0.02)


def test_a_tempo_that_changes_is_followed() -> None:
    """When a recording goes on at another tempo, so do its beats."""
    signal = np.concatenate([_bars(100.0, "4/4", 36.0)[: 36 * RATE_HZ], _bars(140.0, "4/4", 36.0)])
    beats_s = _rhythm(signal).tempo.beats.beats_s
    slow, fast = (np.diff(beats_s[(beats_s > start) & (beats_s < start + 20.0)]) for start in (5.0, 46.0))
    assert np.median(slow) == pytest.approx(0.6, abs=0.02)
    assert np.median(fast) == pytest.approx(60.0 / 140.0, abs=0.02)


def test_there_are_no_beats_where_there_is_no_beat() -> None:
    """A pulse between two stretches of noise has the beats of its own stretch only."""
    noise = 0.01 * np.random.default_rng(6).standard_normal(30 * RATE_HZ)
    pulse = _bars(120.0, "4/4", 30.0)
    found = _rhythm(np.concatenate([noise, pulse, noise])).tempo
    assert found.bpm == pytest.approx(120.0, abs=1.0)
    assert np.mean((found.beats.beats_s > 29.0) & (found.beats.beats_s < 61.0)) > 0.85
    assert 45 < len(found.beats.beats_s) < 80


def _tones(seconds: float, *hertz: float) -> Signal:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    signal: Signal = 0.1 * np.sum([np.sin(2.0 * np.pi * hz * time_s) for hz in hertz], axis=0)
    return signal


def _gliding(seconds: float, hz: Signal) -> Signal:
    return 0.3 * np.sin(2.0 * np.pi * np.cumsum(hz[: round(seconds * RATE_HZ)]) / RATE_HZ)


def _beatless(name: str) -> Signal:
    time_s, rng = np.arange(12 * RATE_HZ) / RATE_HZ, np.random.default_rng(7)
    chord = _tones(12.0, 220.0, 277.18, 329.63, 440.0)
    noise = 0.1 * rng.standard_normal(len(time_s))
    scattered = np.zeros(len(time_s))
    for at in rng.integers(0, len(time_s) - 600, 60):
        scattered[at : at + 600] += rng.uniform(0.1, 0.5) * rng.standard_normal(600) * np.exp(-np.arange(600) / 150.0)
    single = np.zeros(len(time_s))
    single[5 * RATE_HZ : 5 * RATE_HZ + 200] = 0.5
    found: Signal = {
        "hum at 50 Hz": _tones(12.0, 50.0, 100.0, 150.0),
        "hum at 60 Hz": _tones(12.0, 60.0, 120.0, 180.0, 240.0),
        "held chord": chord,
        "detuned chord": _tones(12.0, 220.0, 221.5, 277.2, 279.0, 329.6, 331.9),
        "dying chord": chord * np.exp(-time_s / 3.0),
        "swells of 2 s": chord * np.sin(np.pi * time_s / 2.0) ** 2,
        "swells of 4 s": chord * np.sin(np.pi * time_s / 4.0) ** 2,
        "swells of noise": noise * np.sin(np.pi * time_s / 3.0) ** 2,
        "swells of noise of 1 s": noise * np.sin(np.pi * time_s) ** 2,
        "tremolo": chord * (1.0 + 0.5 * np.sin(2.0 * np.pi * 5.0 * time_s)),
        "vibrato": _gliding(12.0, 440.0 + 12.0 * np.sin(2.0 * np.pi * 6.0 * time_s)),
        "siren": _gliding(12.0, 800.0 + 400.0 * np.sin(np.pi * time_s)),
        "sweep": _gliding(12.0, 50.0 * 200.0 ** (time_s / 12.0)),
        "noise": noise,
        "drops at random": scattered,
        "one click": single,
    }[name]
    return found


@pytest.mark.parametrize(
    "name",
    [
        "hum at 50 Hz",
        "hum at 60 Hz",
        "held chord",
        "detuned chord",
        "dying chord",
        "swells of 2 s",
        "swells of 4 s",
        "swells of noise",
        "swells of noise of 1 s",
        "tremolo",
        "vibrato",
        "siren",
        "sweep",
        "noise",
        "drops at random",
        "one click",
    ],
)
def test_what_has_no_beat_has_no_tempo(name: str) -> None:
    """Without onsets, or with onsets at random, there is neither tempo, metre nor beat."""
    tempo = _rhythm(_beatless(name)).tempo
    assert (tempo.bpm, tempo.confidence, tempo.metre, tempo.candidates) == (None, 0.0, None, ())
    assert len(tempo.beats.beats_s) == len(tempo.beats.downbeats_s) == 0
