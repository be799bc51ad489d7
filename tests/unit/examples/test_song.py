"""The song: its parts add up, it keeps its beat, and each part plays what is written."""

from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from numpy.typing import NDArray

_HOP = 441
_PARTS = ("drums", "bass", "other", "vocals")


def test_the_mixture_is_the_sum_of_its_stems(made: Path) -> None:
    """Sample for sample, in the 16 bits of the files."""
    total = sum(_integers(made / "stems" / f"{part}.flac").astype(np.int32) for part in _PARTS)
    assert np.array_equal(_integers(made / "song.flac"), total)


def test_every_stem_carries_weight(made: Path) -> None:
    """No part is lost in the mix: each holds more than 3 % of the energy of all."""
    energy = {part: float(np.mean(_integers(made / "stems" / f"{part}.flac").astype(float) ** 2)) for part in _PARTS}
    assert min(energy.values()) > 0.03 * sum(energy.values())


def test_it_is_stereo(made: Path) -> None:
    """Chords and cymbals lie wide, the bass stays in the middle."""
    assert _side_share(_integers(made / "stems" / "other.flac")) > 0.02
    assert _side_share(_integers(made / "stems" / "bass.flac")) == 0.0


def test_it_keeps_its_beat(script: ModuleType, heard: dict[str, NDArray[np.float32]]) -> None:
    """The onsets of the mixture repeat at the stated tempo more strongly than at any tempo from 95 to 130."""
    onsets = _onsets(heard["song.flac"])
    tempi = np.arange(95.0, 130.5, 0.5)
    strength = [_repeats(onsets, 60.0 / tempo * 44_100 / _HOP) for tempo in tempi]
    assert tempi[int(np.argmax(strength))] == pytest.approx(script.TEMPO_BPM, abs=0.5)


@pytest.mark.parametrize(("bar", "root_hz"), [(0, 55.0), (1, 43.65), (4, 65.41), (5, 49.0), (8, 73.42), (9, 41.2)])
def test_the_bass_plays_the_roots(
    script: ModuleType, heard: dict[str, NDArray[np.float32]], bar: int, root_hz: float
) -> None:
    """Each bar opens on its chord's root."""
    start = bar * 4 * 60.0 / script.TEMPO_BPM
    assert _pitch(heard["stems/bass.flac"], start + 0.1, start + 0.7, 30.0, 120.0) == pytest.approx(root_hz, rel=0.02)


@pytest.mark.parametrize(("beat", "hz"), [(14.2, 523.25), (16.2, 392.0), (24.2, 523.25), (36.2, 493.9), (40.5, 440.0)])
def test_the_voice_sings_the_melody(
    script: ModuleType, heard: dict[str, NDArray[np.float32]], beat: float, hz: float
) -> None:
    """Held notes are in tune within a quarter tone."""
    start = beat * 60.0 / script.TEMPO_BPM
    assert _pitch(heard["stems/vocals.flac"], start, start + 0.3, 200.0, 800.0) == pytest.approx(hz, rel=0.015)


def test_the_voice_waits_for_the_verse(script: ModuleType, heard: dict[str, NDArray[np.float32]]) -> None:
    """The two bars before the verse are without a voice."""
    vocals = heard["stems/vocals.flac"]
    assert np.abs(vocals[: int(7.8 * 60.0 / script.TEMPO_BPM * 44_100)]).max() < 1e-3
    assert np.abs(vocals).max() > 0.2


def _integers(path: Path) -> NDArray[np.int16]:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)]).T


def _side_share(samples: NDArray[np.int16]) -> float:
    left, right = samples.astype(float)
    return float(np.mean((left - right) ** 2) / np.mean((left + right) ** 2))


def _onsets(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rise of the spectrum from frame to frame, 100 a second."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1_024)[::_HOP] * np.hanning(1_024)
    levels = np.log1p(100.0 * np.abs(np.fft.rfft(frames)))
    rise = np.maximum(np.diff(levels, axis=0), 0.0).sum(axis=1)
    return np.asarray(rise - rise.mean(), dtype=np.float64)


def _repeats(onsets: NDArray[np.float64], period: float) -> float:
    """How alike the onsets are to themselves one, two and four periods later."""
    lags = [round(count * period) for count in (1, 2, 4)]
    return float(sum(np.dot(onsets[:-lag], onsets[lag:]) / (len(onsets) - lag) for lag in lags))


def _pitch(samples: NDArray[np.float32], start_s: float, end_s: float, low_hz: float, high_hz: float) -> float:
    """The pitch by autocorrelation, its peak refined by a parabola."""
    part = samples[int(start_s * 44_100) : int(end_s * 44_100)].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(part, 2 * len(part))) ** 2
    alike = np.fft.irfft(spectrum) / np.arange(2 * len(part), 0, -1)
    first, last = int(44_100 / high_hz), int(44_100 / low_hz)
    best = first + int(np.argmax(alike[first:last]))
    before, here, after = alike[best - 1 : best + 2]
    return float(44_100 / (best + 0.5 * (before - after) / (before - 2 * here + after)))
