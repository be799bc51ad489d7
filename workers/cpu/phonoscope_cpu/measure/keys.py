"""Finds the key of a sequence of chroma: from its pitches, its chords and its bass."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

Chroma = NDArray[np.float64]

PITCHES = ("A", "Bb", "B", "C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab")
MODES = ("major", "minor")

# Krumhansl and Kessler (1982): how well each pitch class, from the tonic up, fits the key.
_PROFILES = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)
_TRIADS = ((0, 4, 7), (0, 3, 7))
_FOURTH, _FIFTH, _SEVENTH = 5, 7, 11

_FILE = "key.json"
_SHARPNESS = 10.0
_EDGE_S = 1.0
_CADENCE_FRAMES = 2
_TEMPERATURE = 2.0


@dataclass(frozen=True)
class KeyCandidate:
    """A key such as ``A minor``, and how likely it is among all, in [0, 1]."""

    name: str
    strength: float


def likeliest_keys(features: NDArray[np.float64]) -> list[KeyCandidate]:
    """All 24 keys, the likeliest first.

    A key's score is a weighted sum of its ``key_features``; the weights were fitted to synthesised progressions, so
    that scores are log likelihoods up to a constant.

    Shape:
        - features: ``(2, 12, 14)``
    """
    weights, bias = _weights()
    scores = np.einsum("mtf,mf->mt", features, weights) + bias[:, None]
    shares = np.exp((scores - scores.max()) / _TEMPERATURE)
    shares /= shares.sum()
    found = [
        KeyCandidate(f"{pitch} {mode}", float(share))
        for mode, row in zip(MODES, shares, strict=True)
        for pitch, share in zip(PITCHES, row, strict=True)
    ]
    return sorted(found, key=lambda each: each.strength, reverse=True)


def likeness(chroma: Chroma) -> NDArray[np.float64]:
    """The Pearson correlation of each key's Krumhansl-Kessler profile with a chroma from A up.

    Shape:
        - chroma: ``(12,)``
        - output: ``(2, 12)``, major and minor, by tonic
    """
    return np.array(
        [[np.corrcoef(np.roll(profile, tonic), chroma)[0, 1] for tonic in range(12)] for profile in _PROFILES]
    )


def key_features(chroma: Chroma, bass: Chroma, hop_s: float) -> NDArray[np.float64]:
    """What speaks for each key.

    In this order: the likeness of its profile; fifth and fourth in the bass; its tonic, dominant and subdominant
    triad; its tonic triad at the start and at the end; its tonic in the bass there; tonic, fifth and leading note
    among all pitches; how often its dominant leads to its tonic. Relative keys share all notes, but neither triads'
    roles nor what a piece starts, ends and cadences on.

    Shape:
        - chroma, bass: ``(frames, 12)``, at least 0, from A up; at least one frame
        - output: ``(2, 12, 14)``: mode, tonic, feature
    """
    levelled, low = by_strongest(chroma), by_strongest(bass)
    triads = _triads(_smoothed(np.sqrt(levelled)))
    edge = max(1, round(_EDGE_S / hop_s))
    mean, mean_low, mean_triads = levelled.mean(axis=0), low.mean(axis=0), triads.mean(axis=0)
    pitch, start, end = mean / mean.max(), slice(None, edge), slice(-edge, None)
    like, dominant = likeness(mean), _up(triads[:, 0], _FIFTH)
    out = []
    for mode in range(2):
        tonic = triads[:, mode]
        leads = dominant[:-_CADENCE_FRAMES] * tonic[_CADENCE_FRAMES:]
        out.append(
            [
                like[mode],
                _up(mean_low, _FIFTH),
                _up(mean_low, _FOURTH),
                mean_triads[mode],
                _up(mean_triads[0], _FIFTH),
                _up(mean_triads[mode], _FOURTH),
                tonic[start].mean(axis=0),
                tonic[end].mean(axis=0),
                low[start].mean(axis=0),
                low[end].mean(axis=0),
                pitch,
                _up(pitch, _FIFTH),
                _up(pitch, _SEVENTH),
                leads.sum(axis=0) / len(triads),
            ]
        )
    return np.moveaxis(np.array(out), 1, 2)


def by_strongest(chroma: NDArray[Any]) -> NDArray[Any]:
    """Each frame scaled to its strongest pitch, so that loud frames weigh no more."""
    found: NDArray[Any] = chroma / (chroma.max(axis=1, keepdims=True) + 1e-12)
    return found


@cache
def _weights() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The weights of the features by mode, ``(2, features)``, and the modes' biases."""
    kept = json.loads((files("phonoscope_cpu.measure") / _FILE).read_text())
    return np.array([kept[mode]["weights"] for mode in MODES]), np.array([kept[mode]["bias"] for mode in MODES])


def _triads(chroma: Chroma) -> NDArray[np.float64]:
    """How much each frame is like each major and minor triad, of all of them: ``(frames, 2, 12)``."""
    shapes = np.zeros((2, 12, 12))
    for mode, steps in enumerate(_TRIADS):
        for root in range(12):
            shapes[mode, root, [(root + step) % 12 for step in steps]] = 1.0
    alike = _SHARPNESS * np.einsum("fp,mrp->fmr", _centred(chroma), _centred(shapes))
    weights = np.exp(alike - alike.max(axis=(1, 2), keepdims=True))
    found: NDArray[np.float64] = weights / weights.sum(axis=(1, 2), keepdims=True)
    return found


def _centred(chroma: Chroma) -> Chroma:
    """With mean 0 and length 1 over the last axis."""
    centred = chroma - chroma.mean(axis=-1, keepdims=True)
    found: Chroma = centred / (np.linalg.norm(centred, axis=-1, keepdims=True) + 1e-9)
    return found


def _smoothed(chroma: Chroma) -> Chroma:
    """The mean of three frames."""
    padded = np.pad(chroma, ((1, 1), (0, 0)), mode="edge")
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3.0


def _up(values: NDArray[np.float64], semitones: int) -> NDArray[np.float64]:
    """By tonic, the value of the pitch some semitones above it; the last axis is pitches."""
    return np.roll(values, -semitones, axis=-1)
