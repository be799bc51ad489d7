"""Scores separated stems, in decibels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import fmean, median
from typing import Any

import torch
from demucs.apply import apply_model
from demucs.htdemucs import HTDemucs
from torch import Tensor

from phonoscope_training.separation.songs import SOURCES, Song

SILENT_RMS = 1e-3
OVERLAP = 0.25
_LEAST_ENERGY = 1e-12


def sdr(reference: Tensor, estimate: Tensor) -> Tensor:
    """The signal-to-distortion ratio ``10 log10(|s|² / |s - e|²)`` over the last two dimensions, in decibels.

    Shape:
        - input: twice ``(..., channels, samples)``
        - output: ``(...)``

    >>> round(sdr(torch.ones(1, 8), 0.9 * torch.ones(1, 8)).item(), 2)
    20.0
    """
    signal = reference.double().square().sum((-2, -1))
    distortion = (reference.double() - estimate.double()).square().sum((-2, -1))
    return 10.0 * torch.log10((signal + _LEAST_ENERGY) / (distortion + _LEAST_ENERGY)).float()


def frame_sdrs(reference: Tensor, estimate: Tensor, frame: int) -> Tensor:
    """The SDR of each full frame in which the reference is not silent.

    Shape:
        - input: twice ``(channels, samples)``
        - output: ``(frames,)``
    """
    cuts = [sound.unfold(-1, frame, frame).transpose(0, 1) for sound in (reference, estimate)]
    heard = _rms(cuts[0]) >= SILENT_RMS
    return sdr(cuts[0][heard], cuts[1][heard])


def separate(network: HTDemucs, mixture: Tensor) -> Tensor:
    """The stems of one mixture in overlapping segments, as in serving.

    Shape:
        - input: ``(2, samples)``
        - output: ``(sources, 2, samples)``
    """
    device = next(network.parameters()).device
    with torch.inference_mode():
        return apply_model(network, mixture[None].to(device), shifts=0, overlap=OVERLAP)[0].cpu()


def score(network: HTDemucs, songs: Iterable[Song]) -> dict[str, Any]:
    """The figures of songs that the network was not trained on.

    For each stem:

    - ``sdr_median``: the median over songs of the median over frames of a second (museval's way, with the plain SDR);
    - ``sdr_mean``: the mean over songs of the whole song's SDR;
    - ``improvement``: by how much that is better than the mixture's, taken for the stem.

    Stems that are silent in a song, and silent frames of others, are not counted.
    """
    medians: dict[str, list[float]] = {source: [] for source in SOURCES}
    means: dict[str, list[float]] = {source: [] for source in SOURCES}
    gains: dict[str, list[float]] = {source: [] for source in SOURCES}
    for song in songs:
        mixture = song.stems.sum(0)
        for source, stem, estimate in zip(SOURCES, song.stems, separate(network, mixture), strict=True):
            frames = frame_sdrs(stem, estimate, network.samplerate)
            if not len(frames):
                continue
            medians[source].append(float(frames.median()))
            means[source].append(float(sdr(stem, estimate)))
            gains[source].append(means[source][-1] - float(sdr(stem, mixture)))
    figures = {
        "sdr_median": _each(median, medians),
        "sdr_mean": _each(fmean, means),
        "improvement": _each(fmean, gains),
    }
    return {
        **figures,
        **{f"{name}_of_all": round(fmean(values.values()), 2) for name, values in figures.items()},
        "songs_heard": {source: len(values) for source, values in medians.items()},
    }


def _each(summary: Callable[[list[float]], float], values: dict[str, list[float]]) -> dict[str, float]:
    return {source: round(summary(heard), 2) for source, heard in values.items() if heard}


def _rms(sound: Tensor) -> Tensor:
    return sound.square().mean((-2, -1)).sqrt()
