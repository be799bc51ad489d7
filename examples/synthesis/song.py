"""A short disco song in A minor at 112 beats a minute, and the four parts that add up to it exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .drums import drum_part
from .filters import convolved, room
from .harmony import bass_part, pad_part, pluck_part
from .signal import RATE_HZ, Samples, count, generator
from .singer import Note, sung

TEMPO_BPM = 112.0
BEAT = round(60.0 / TEMPO_BPM * RATE_HZ)
PARTS = ("drums", "bass", "other", "vocals")

_BARS = ("light", "light-fill", "verse", "verse", "verse", "verse-fill", "chorus", "chorus", "chorus", "chorus-fill")
_CHORDS = {
    "Am": (57, 60, 64, 67),
    "F": (53, 57, 60, 64),
    "C": (55, 60, 64, 67),
    "G": (55, 59, 62, 67),
    "Dm": (57, 60, 62, 65),
    "E7": (56, 59, 62, 64),
    "A": (57, 60, 64, 69),
}
_ROOTS = {"Am": 33, "F": 29, "C": 36, "G": 31, "Dm": 38, "E7": 28, "A": 33}
_PROGRESSION = ("Am", "F", "Am", "F", "C", "G", "F", "C", "Dm", "E7", "A")
_RING_S = 2.4

_MELODY = (
    *(Note(8.0, 0.5, 69, "la"), Note(8.5, 0.5, 71, "na"), Note(9.0, 1.0, 72, "shi"), Note(10.0, 0.5, 71, "no")),
    *(Note(10.5, 0.5, 69, "la"), Note(11.0, 1.0, 64, "mi"), Note(12.0, 1.0, 65, "so"), Note(13.0, 0.5, 67, "le")),
    *(Note(13.5, 0.5, 69, "ma"), Note(14.0, 1.6, 72, "ta"), Note(16.0, 1.5, 67, "no"), Note(17.5, 0.5, 69, "le")),
    *(Note(18.0, 0.5, 67, "la"), Note(18.5, 0.5, 64, "ne"), Note(19.0, 0.9, 64, "mi"), Note(20.0, 0.5, 62, "su")),
    *(Note(20.5, 0.5, 64, "na"), Note(21.0, 0.5, 67, "lo"), Note(21.5, 1.8, 71, "ma")),
    *(Note(24.0, 1.5, 72, "o"), Note(25.5, 0.5, 72, "le"), Note(26.0, 1.0, 76, "la"), Note(27.0, 1.0, 74, "no")),
    *(Note(28.0, 1.5, 72, "ma"), Note(29.5, 0.5, 71, "ne"), Note(30.0, 1.7, 67, "lu"), Note(32.0, 0.5, 69, "ta")),
    *(Note(32.5, 0.5, 71, "la"), Note(33.0, 1.0, 72, "she"), Note(34.0, 1.0, 74, "na"), Note(35.0, 1.0, 72, "lo")),
    *(Note(36.0, 1.5, 71, "me"), Note(37.5, 0.5, 72, "la"), Note(38.0, 1.0, 71, "no"), Note(39.0, 1.0, 68, "si")),
    Note(40.0, 3.0, 69, "la"),
)
_PEAK = 0.9
_FULL_SCALE = 32_767


def song() -> tuple[NDArray[np.int16], dict[str, NDArray[np.int16]]]:
    """The mixture and its parts by name; the mixture is their sum, sample for sample.

    Shape:
        - output: ``(2, samples)`` each, 16-bit, peak of the mixture at 0.9 of full scale
    """
    parts = _parts(generator("song"))
    scale = _PEAK * _FULL_SCALE / np.abs(sum(parts.values())).max()
    stems = {name: np.round(part * scale).astype(np.int16) for name, part in parts.items()}
    return np.sum(list(stems.values()), axis=0, dtype=np.int16), stems


def _parts(rng: np.random.Generator) -> dict[str, Samples]:
    samples = 4 * BEAT * len(_BARS) + count(_RING_S)
    hall = room(rng, 1.1, channels=2, distance_s=0.02)
    chords = tuple(_CHORDS[name] for name in _PROGRESSION)
    drums = drum_part(rng, _BARS, BEAT // 4, samples)
    bass = bass_part(tuple(_ROOTS[name] for name in _PROGRESSION), BEAT, samples)
    other = 0.4 * pad_part(chords, BEAT, samples) + 0.15 * pluck_part(chords, BEAT, samples)
    voice = np.tile(sung(rng, _MELODY, BEAT, samples), (2, 1))
    dry = {
        "drums": (0.93 * drums, 0.0),
        "bass": (0.42 * bass, 0.0),
        "other": (other, 0.16),
        "vocals": (0.6 * voice, 0.16),
    }
    return {
        name: _fading(part + send * convolved(part.mean(axis=0), hall) if send else part)
        for name, (part, send) in dry.items()
    }


def _fading(part: Samples) -> Samples:
    """The last second taken down to silence."""
    part[:, -RATE_HZ:] *= np.linspace(1.0, 0.0, RATE_HZ)
    return part
