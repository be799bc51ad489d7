"""Tempograms of autocorrelations that are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from phonoscope_cpu.measure.onsets import KINDS, Onsets, Values
from phonoscope_cpu.measure.tempogram import best_octave, grouped_pulses, tempogram, tempos_bpm

RATE_HZ = 86.0
DURATION_S = 12.0
LAGS = 430


def _repeats(peaks: dict[float, float]) -> Values:
    """One window that repeats after each of these seconds by so much."""
    lags_s = np.arange(LAGS) / RATE_HZ
    found = sum(
        height * np.exp(-0.5 * np.square((lags_s - at_s) / 0.02)) for at_s, height in ({0.0: 1.0} | peaks).items()
    )
    return np.broadcast_to(np.asarray(found, dtype=np.float32), (1, KINDS, LAGS))


def _pulses(bpm: float, heights: list[float]) -> Values:
    """A window that repeats after each pulse, by the heights in turn."""
    period_s = 60.0 / bpm
    return _repeats({count * period_s: heights[(count - 1) % len(heights)] for count in range(1, int(5.0 / period_s))})


def _tempo(repeats: Values) -> float:
    tempo = tempogram(repeats, RATE_HZ, DURATION_S).argmax(axis=1)
    return float(tempos_bpm()[best_octave(repeats, RATE_HZ, DURATION_S, tempo)[0]])


@pytest.mark.parametrize("bpm", [84.0, 100.0, 126.0, 140.0])
@pytest.mark.parametrize("heights", [[1.0], [0.4, 1.0], [0.3, 0.5, 0.3, 1.0]])
def test_pulses_in_pairs_are_beats(bpm: float, heights: list[float]) -> None:
    """The tempo is that of pulses well between 79 and 158 BPM, alone or in pairs of pairs."""
    assert _tempo(_pulses(bpm, heights)) == pytest.approx(bpm, rel=0.01)


@pytest.mark.parametrize("speed", [0.93, 1.05, 1.09])
def test_the_tempo_is_faster_by_as_much_as_the_music(speed: float) -> None:
    """What is played faster keeps its level: pulses of 96 BPM with off-beats never change to half or to 3/2."""
    heights = [0.25, 0.5, 0.2, 1.0]
    slow, fast = (_tempo(_pulses(192.0 * factor, heights)) for factor in (1.0, speed))
    assert fast / slow == pytest.approx(speed, rel=0.01)


@pytest.mark.parametrize("size", [3, 5])
def test_pulses_in_threes_and_fives(size: int) -> None:
    """Pulses that repeat after three or five, and less after other numbers, are grouped so; pairs are not."""
    sizes, tempo = grouped_pulses(_pulses(180.0, [0.3] * (size - 1) + [1.0]), RATE_HZ)
    assert sizes[0] == size
    assert tempos_bpm()[tempo[0]] == pytest.approx(180.0, rel=0.02)
    assert grouped_pulses(_pulses(180.0, [0.3, 1.0]), RATE_HZ)[0][0] == 0


def test_beats_in_three_are_not_doubled() -> None:
    """Beats of 60 BPM with thirds stay; with halves they are as well 120."""
    thirds = {count / 3: 1.0 if count % 3 == 0 else 0.3 for count in range(1, 15)}
    halves = {count / 2: 1.0 if count % 2 == 0 else 0.6 for count in range(1, 10)}
    start = np.array([np.abs(tempos_bpm() - 60.0).argmin()])
    for peaks, bpm in ((thirds, 60.0), (halves, 120.0)):
        found = best_octave(_repeats(peaks), RATE_HZ, DURATION_S, start)
        assert tempos_bpm()[found[0]] == pytest.approx(bpm, rel=0.02)


def _clicks(times_s: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
    found = np.zeros(13 * 22_050, dtype=np.float32)
    for at in (22_050 * times_s).astype(int):
        found[at : at + 400] += rng.standard_normal(400) * np.exp(-np.arange(400) / 100.0)
    return found


def test_chance_is_how_much_clicks_at_random_repeat() -> None:
    """The autocorrelation of clicks at random is around 0 by ``chance``; that of even ones is many times that."""
    ratios = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        for times_s in (np.sort(rng.uniform(0.0, 12.5, 40)), np.arange(0.0, 12.5, 0.4)):
            onsets = Onsets(22_050)
            onsets.add(_clicks(times_s, rng))
            onsets.finish()
            lags = onsets.repeats[0, -1, round(0.4 * onsets.rate_hz) : round(4.0 * onsets.rate_hz)]
            ratios.append([lags.std() / onsets.chance[0, 0], lags.max() / onsets.chance[0, 0]])
    random, even = np.array(ratios[::2]), np.array(ratios[1::2])
    assert 0.7 < random[:, 0].mean() < 1.4
    assert even[:, 1].min() > 8.0
