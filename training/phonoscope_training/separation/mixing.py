"""Draws training examples: random stretches of stems, changed at random.

Stems have the shape ``(batch, sources, 2, samples)``; their sum over the sources is the network's input.
"""

from __future__ import annotations

from math import ceil

import torch
from torch import Tensor
from torch.nn import functional
from torchaudio.functional import resample

from phonoscope_training.separation.recipe import MixingSettings
from phonoscope_training.separation.songs import Song

_SPEED_STEPS = 50
_ZERO_CROSSINGS, _ROLL_OFF = 24, 0.945
"""The resampling filter attenuates by 60 dB from 5 % above half the new rate on."""
_QUIETEST = 1e-4


def draw_examples(songs: list[Song], batch: int, samples: int, settings: MixingSettings) -> Tensor:
    """A batch of stems mixed by the recipe, each example's mixture at an RMS of 1."""
    stems = torch.stack([draw_example(songs, samples, settings) for _ in range(batch)])
    stems = change_gain(stems, settings.gain_db)
    stems = swap_channels(stems, settings.swap)
    return set_level(flip_signs(stems, settings.flip))


def draw_example(songs: list[Song], samples: int, settings: MixingSettings) -> Tensor:
    """A random stretch of a random song; with the probability ``remix``, each stem is of another song.

    Shape:
        - output: ``(sources, 2, samples)``
    """
    sources = len(songs[0].stems)
    if not _with_probability(settings.remix):
        song, speed = _one_of(songs), _speed(settings)
        return cut(song.stems, samples, speed)
    return torch.stack([cut(_one_of(songs).stems[source], samples, _speed(settings)) for source in range(sources)])


def cut(sound: Tensor, samples: int, speed: int = _SPEED_STEPS) -> Tensor:
    """A random stretch of ``sound`` at ``speed / 50`` of its speed; a stretch that is too short is padded with silence.

    Shape:
        - input: ``(..., length)``
        - output: ``(..., samples)``
    """
    needed = ceil(samples * speed / _SPEED_STEPS) + 1
    start = int(torch.randint(max(1, sound.shape[-1] - needed + 1), ()))
    stretch = sound[..., start : start + needed]
    stretch = functional.pad(stretch, (0, needed - stretch.shape[-1]))
    if speed == _SPEED_STEPS:
        return stretch[..., :samples]
    played: Tensor = resample(stretch, speed, _SPEED_STEPS, _ZERO_CROSSINGS, _ROLL_OFF)
    return played[..., :samples]


def change_gain(stems: Tensor, most_db: float) -> Tensor:
    """Makes each stem louder or softer by up to ``most_db`` decibels."""
    decibels = torch.empty(*stems.shape[:2], 1, 1).uniform_(-1.0, 1.0) * most_db
    return stems * 10.0 ** (decibels / 20.0)


def swap_channels(stems: Tensor, share: float) -> Tensor:
    """Exchanges left and right in a share of the stems."""
    chosen = torch.rand(*stems.shape[:2], 1, 1) < share
    return torch.where(chosen, stems.flip(2), stems)


def flip_signs(stems: Tensor, share: float) -> Tensor:
    """Inverts the sign of a share of the stems."""
    chosen = torch.rand(*stems.shape[:2], 1, 1) < share
    return torch.where(chosen, -stems, stems)


def set_level(stems: Tensor) -> Tensor:
    """Scales each example to a mixture RMS of 1, so that quiet songs weigh as much as loud ones; silence stays."""
    level = stems.sum(1, keepdim=True).square().mean((2, 3), keepdim=True).sqrt()
    return stems / level.clamp_min(_QUIETEST)


def _speed(settings: MixingSettings) -> int:
    most = int(settings.speed * _SPEED_STEPS)
    return _SPEED_STEPS + (int(torch.randint(-most, most + 1, ())) if _with_probability(settings.speed_share) else 0)


def _one_of(songs: list[Song]) -> Song:
    return songs[int(torch.randint(len(songs), ()))]


def _with_probability(share: float) -> bool:
    return float(torch.rand(())) < share
