"""The environmental sounds: each does what its source does in the world."""

from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

_STEP = 441


@pytest.mark.parametrize(("file", "ticks_per_s"), [("clock_wall.mp3", 2.0), ("clock_tall.wav", 1.0)])
def test_clocks_keep_time(heard: dict[str, NDArray[np.float32]], file: str, ticks_per_s: float) -> None:
    """Ticks follow each other evenly: their times fit a straight line of the stated rate within 5 ms."""
    levels = _levels(heard[file])
    period = round(100 / ticks_per_s)
    ticks = np.array([at + np.argmax(levels[at : at + period]) for at in range(0, len(levels) - period + 1, period)])
    assert np.diff(ticks) / 100 == pytest.approx(1 / ticks_per_s, abs=0.02)


@pytest.mark.parametrize(("file", "blades_per_s"), [("helicopter_near.m4a", 18.0), ("helicopter_far.mp3", 21.0)])
def test_helicopters_beat_with_their_blades(
    heard: dict[str, NDArray[np.float32]], file: str, blades_per_s: float
) -> None:
    """The strongest modulation of the sound between 5 and 30 a second is the passing of the blades."""
    levels = np.sqrt(_levels(heard[file]))
    spectrum = np.abs(np.fft.rfft((levels - levels.mean()) * np.hanning(len(levels))))
    hz = np.fft.rfftfreq(len(levels), _STEP / 44_100)
    heard_hz = hz[(hz > 5) & (hz < 30)][np.argmax(spectrum[(hz > 5) & (hz < 30)])]
    assert heard_hz == pytest.approx(blades_per_s, rel=0.06)


@pytest.mark.parametrize("file", ["rain_garden.wav", "rain_roof.flac"])
def test_rain_is_steady_and_wide(heard: dict[str, NDArray[np.float32]], file: str) -> None:
    """Rain never stops, and its treble is nearly as strong as its middle."""
    levels = _levels(heard[file])
    assert levels.min() > 0.1 * np.median(levels)
    assert _band(heard[file], 4_000, 8_000) > 0.3 * _band(heard[file], 1_000, 2_000)


def test_waves_swell(heard: dict[str, NDArray[np.float32]]) -> None:
    """A calm sea rises and falls by more than 6 dB within seconds."""
    slow = _levels(heard["sea_calm.opus"])[:500].reshape(-1, 50).mean(axis=1)
    assert slow.max() > 4 * slow.min()


def test_a_fire_crackles(heard: dict[str, NDArray[np.float32]]) -> None:
    """Crackles are rare and far above the flames' steady noise."""
    levels = _levels(heard["fire.flac"])
    assert np.percentile(levels, 99) > 10 * np.median(levels)


def test_the_chainsaw_revs(heard: dict[str, NDArray[np.float32]]) -> None:
    """The engine idles near 53 firings a second and cuts near 163."""
    assert _pitch(heard["chainsaw.mp3"], 0.05, 0.38) == pytest.approx(53.0, rel=0.06)
    assert _pitch(heard["chainsaw.mp3"], 1.9, 2.2, 110, 260) == pytest.approx(162.0, rel=0.06)


def test_dogs_bark_and_are_silent(heard: dict[str, NDArray[np.float32]]) -> None:
    """Four barks each, with quiet between the two pairs; the small dog's voice is higher."""
    for file, start_s in (("dog_large.flac", 1.7), ("dog_small.m4a", 1.4)):
        levels = _levels(heard[file])
        loud = levels > 0.05 * levels.max()
        assert np.sum(np.diff(loud.astype(int)) == 1) >= 4, file
        assert levels[int(start_s * 100) : int(start_s * 100) + 30].max() < 1e-3 * levels.max(), file
    assert _centre(heard["dog_small.m4a"]) > 1.2 * _centre(heard["dog_large.flac"])


def test_the_baby_wails_in_arcs(heard: dict[str, NDArray[np.float32]]) -> None:
    """The pitch of a wail is near 500 Hz at its height and lower at its end."""
    high, end = _pitch(heard["baby.opus"], 2.0, 2.3, 300, 700), _pitch(heard["baby.opus"], 2.82, 2.9, 300, 700)
    assert high == pytest.approx(515.0, rel=0.05)
    assert end < 0.92 * high


def test_the_rooster_ends_low(heard: dict[str, NDArray[np.float32]]) -> None:
    """The last syllable of the crow sinks by more than a fifth."""
    assert _pitch(heard["rooster.ogg"], 2.4, 2.5, 350, 1_000) < _pitch(heard["rooster.ogg"], 1.0, 1.1, 350, 1_000) / 1.3


def test_a_sneeze_bursts(heard: dict[str, NDArray[np.float32]]) -> None:
    """The burst comes at once, a second in, and is brighter than the breath before it."""
    sneeze = heard["sneeze.wav"]
    burst = int(np.argmax(_levels(sneeze)))
    assert 98 <= burst <= 106
    assert _centre(sneeze[44_100:50_000]) > 2 * _centre(sneeze[26_000:40_000])


def test_variants_are_not_copies(script: ModuleType, heard: dict[str, NDArray[np.float32]]) -> None:
    """Two recordings of a kind share no waveform: their strongest correlation at any shift stays below a half."""
    files = sorted(script.LABELS)
    pairs = [(a, b) for a in files for b in files if a < b and script.LABELS[a] == script.LABELS[b]]
    assert len(pairs) == 5
    for first, second in pairs:
        assert _likeness(heard[first], heard[second]) < 0.5, (first, second)


def _levels(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean power, 100 a second."""
    frames = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP).astype(np.float64)
    return np.asarray(np.mean(frames**2, axis=1))


def _band(samples: NDArray[np.float32], low_hz: float, high_hz: float) -> float:
    hz = np.fft.rfftfreq(len(samples), 1 / 44_100)
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float(power[(hz >= low_hz) & (hz < high_hz)].sum())


def _centre(samples: NDArray[np.float32]) -> float:
    """The spectrum's centre of gravity in hertz."""
    hz = np.fft.rfftfreq(len(samples), 1 / 44_100)
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float((hz * power).sum() / power.sum())


def _pitch(
    samples: NDArray[np.float32], start_s: float, end_s: float, low_hz: float = 40.0, high_hz: float = 90.0
) -> float:
    """The pitch by autocorrelation."""
    part = samples[int(start_s * 44_100) : int(end_s * 44_100)].astype(np.float64)
    alike = np.fft.irfft(np.abs(np.fft.rfft(part, 2 * len(part))) ** 2)
    first, last = int(44_100 / high_hz), int(44_100 / low_hz)
    return float(44_100 / (first + int(np.argmax(alike[first:last]))))


def _likeness(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    size = 1 << 19
    crossed = np.fft.irfft(np.fft.rfft(first, size) * np.conj(np.fft.rfft(second, size)), size)
    return float(np.abs(crossed).max() / np.sqrt(np.sum(first**2) * np.sum(second**2)))
