"""The key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import librosa
import numpy as np
import pytest

from phonoscope_cpu.describe import describe
from phonoscope_cpu.measure.tonality import Key, Tonality, chroma_filters
from phonoscope_training.separation.songs import read_stems

if TYPE_CHECKING:
    from tests.unit.cpu.signals import MakeChords, MakeTone, MakeWav, Signal

RATE_HZ = 22_050
_PITCHES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
A3, C4 = 57, 60
LONG_S = 0.9
MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10, 12, 10, 8, 7, 5, 3, 2, 0)
MAJOR_CHORDS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))
MINOR_CHORDS = ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7))


def _from(root: int, steps: tuple[tuple[int, ...], ...]) -> list[tuple[int, ...]]:
    return [tuple(root + step for step in chord) for chord in steps]


def _key(signal: Signal) -> Key:
    tonality = Tonality(RATE_HZ)
    for start in range(0, len(signal), RATE_HZ):
        tonality.add(signal[start : start + RATE_HZ].astype(np.float32))
    tonality.finish()
    return tonality.key


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 44_100])
def test_the_chroma_s_filters_are_librosas(rate_hz: int) -> None:
    """Another implementation gives the same weights."""
    wanted = librosa.filters.chroma(sr=rate_hz, n_fft=8_192, n_chroma=36, base_c=False)
    np.testing.assert_allclose(chroma_filters(rate_hz).T, wanted, rtol=1e-4, atol=1e-7)


@pytest.mark.long
def test_a_real_song_s_key_moves_with_its_pitch(data: Path) -> None:
    """Played three semitones higher, nine in ten excerpts of songs have a key three semitones higher."""
    if not (data / "musdb7s").exists():
        pytest.skip(f"nothing at {data / 'musdb7s'}; set PHONOSCOPE_DATA")
    moved = excerpts = 0
    for path in sorted((data / "musdb7s").glob("*.stem.mp4"))[::4]:
        mixture = read_stems(path, RATE_HZ).sum(dim=0).mean(dim=0).numpy()
        higher = librosa.resample(mixture, orig_sr=RATE_HZ, target_sr=RATE_HZ / 2.0 ** (3 / 12))
        (low, low_mode), (high, high_mode) = (str(_key(each).name).partition(" ")[::2] for each in (mixture, higher))
        excerpts += 1
        moved += low_mode == high_mode != "" and (_PITCHES.index(high) - _PITCHES.index(low)) % 12 == 3
    assert excerpts > 20
    assert moved >= 0.9 * excerpts


def test_a_minor_scale(chords: MakeChords, wav: MakeWav) -> None:
    """The natural minor scale from A, up and down, is heard as A minor and not as C major, whose notes it shares."""
    found = describe(wav(chords([(A3 + step,) for step in MINOR_SCALE])))
    assert found["key"] == "A minor"
    assert 0.0 < found["key_confidence"] <= 1.0


def test_c_major_progression(chords: MakeChords, wav: MakeWav) -> None:
    """I-IV-V-I from C is C major."""
    found = describe(wav(chords(_from(C4, MAJOR_CHORDS), LONG_S)))
    assert found["key"] == "C major"
    assert found["key_confidence"] > 0.05


@pytest.mark.parametrize(("root", "name"), [(C4 + 1, "C#"), (C4 + 3, "Eb"), (C4 + 6, "F#"), (C4 + 10, "Bb")])
def test_every_root(root: int, name: str, chords: MakeChords) -> None:
    """A progression moved by semitones moves the key's name with it, in major and in minor."""
    assert _key(chords(_from(root, MAJOR_CHORDS), LONG_S)).name == f"{name} major"
    assert _key(chords(_from(root, MINOR_CHORDS), LONG_S)).name == f"{name} minor"


@pytest.mark.parametrize("tuning", [-0.4, 0.4])
def test_another_tuning(tuning: float, chords: MakeChords) -> None:
    """A recording 40 cents off concert pitch keeps the key it is nearest to."""
    assert _key(chords(_from(C4, MAJOR_CHORDS), LONG_S, tuning)).name == "C major"


@pytest.mark.parametrize("seconds", [2, 20])
def test_noise_has_no_key(seconds: int) -> None:
    """Noise has chance peaks but no key."""
    assert _key(0.1 * np.random.default_rng(2).standard_normal(seconds * RATE_HZ)).name is None


def test_one_tone_is_no_key(tone: MakeTone) -> None:
    """One pitch alone belongs to many keys, so none is named."""
    assert _key(0.5 * tone(440.0, 3.0)).name is None


def test_no_tuning_without_a_key(tone: MakeTone) -> None:
    """Drums have a few spectral peaks, near some pitch by chance: neither key nor tuning."""
    beat = 0.5 * tone(179.5, 0.5) * np.exp(-np.arange(RATE_HZ // 2) / 4_000.0)
    drums = _key(np.tile(beat, 12))
    assert (drums.name, drums.tuning_cents, drums.runner_up) == (None, None, None)


def test_silence_has_no_key() -> None:
    """Silence has no key, with confidence 0."""
    key = _key(np.zeros(3 * RATE_HZ))
    assert key.name is None
    assert key.confidence == 0.0
