"""Augments batches of log-mel spectrograms, in training only.

Pictures have the shape ``(batch, 1, mels, frames)`` and have values in [0, 1]; 0 is the front end's floor.
"""

from __future__ import annotations

from math import log1p

import torch
from torch import Tensor

from phonoscope_training.recipe import AugmentationSettings

_LEAST_BRIGHTNESS = 0.75


def augment(
    spectrograms: Tensor, targets: Tensor, settings: AugmentationSettings, range_db: float
) -> tuple[Tensor, Tensor]:
    """Applies all augmentations of the recipe, in the order of the functions below.

    Args:
        range_db: the decibels between the values 0 and 1 of a spectrogram.

    Shape:
        - targets: ``(batch, labels)``, rows summing to 1
    """
    if settings.roll:
        spectrograms = roll_in_time(spectrograms)
    if settings.crop_frames:
        spectrograms = crop_in_time(spectrograms, settings.crop_frames)
    spectrograms = stretch_in_time(spectrograms, settings.stretch)
    spectrograms = shift_in_frequency(spectrograms, settings.mel_shift)
    spectrograms = keep_a_part(spectrograms, settings.keep_a_part)
    spectrograms = change_gain(spectrograms, settings.gain)
    spectrograms = add_noise(spectrograms, settings.noise)
    spectrograms = spec_augment(spectrograms, settings.frequency_mask, settings.time_mask)
    if settings.mixup_alpha and float(torch.rand(())) < settings.mixup_share:
        return mixup(
            spectrograms, targets, settings.mixup_alpha, as_sound_over_db=range_db if settings.mixup_as_sound else None
        )
    return spectrograms, targets


def roll_in_time(spectrograms: Tensor) -> Tensor:
    """Shifts each spectrogram cyclically by a random number of frames."""
    frames = spectrograms.shape[-1]
    return _gather_frames(spectrograms, torch.randint(frames, (len(spectrograms), 1)), frames)


def crop_in_time(spectrograms: Tensor, frames: int) -> Tensor:
    """Cuts a random stretch of ``frames`` frames where the sound is; shorter spectrograms stay whole.

    Only stretches at least three quarters as bright as the brightest are drawn: a crop of the silence around a bark
    must not be labelled dog.
    """
    if frames >= spectrograms.shape[-1]:
        return spectrograms
    sums = spectrograms.mean(dim=(1, 2)).cpu().unfold(1, frames, 1).sum(dim=-1)
    worth = (sums >= _LEAST_BRIGHTNESS * sums.amax(dim=1, keepdim=True)).float()
    return _gather_frames(spectrograms, torch.multinomial(worth, 1), frames)


def stretch_in_time(spectrograms: Tensor, most: float) -> Tensor:
    """Stretches each spectrogram in time by a random factor up to ``1 + most``, around a random frame; edges repeat."""
    if not most:
        return spectrograms
    batch, frames = len(spectrograms), spectrograms.shape[-1]
    factors = torch.exp(torch.empty(batch, 1).uniform_(-1.0, 1.0) * log1p(most))
    still = torch.rand(batch, 1) * (frames - 1)
    source = ((torch.arange(frames) - still) * factors + still).clamp(0.0, frames - 1.0)
    below = source.floor().long().clamp_max(frames - 2)
    share = (source - below)[:, None, None, :].to(spectrograms.device)
    return (1.0 - share) * _take_frames(spectrograms, below) + share * _take_frames(spectrograms, below + 1)


def shift_in_frequency(spectrograms: Tensor, most: int) -> Tensor:
    """Shifts each spectrogram up or down by at most ``most`` bands; the outermost band fills the gap."""
    if not most:
        return spectrograms
    bands = spectrograms.shape[-2]
    shifts = torch.randint(-most, most + 1, (len(spectrograms), 1))
    index = (torch.arange(bands) + shifts).clamp(0, bands - 1).to(spectrograms.device)
    return spectrograms.gather(-2, index[:, None, :, None].expand(-1, 1, -1, spectrograms.shape[-1]))


def keep_a_part(spectrograms: Tensor, probability: float, shortest: float = 0.1) -> Tensor:
    """Darkens all but one stretch of some spectrograms, since short clips are padded with silence."""
    if not probability:
        return spectrograms
    batch, frames = len(spectrograms), spectrograms.shape[-1]
    lengths = torch.empty(batch, 1).uniform_(shortest, 1.0)
    lengths[torch.rand(batch, 1) > probability] = 1.0
    starts = torch.rand(batch, 1) * (1.0 - lengths)
    position = torch.linspace(0.0, 1.0, frames)
    kept = (position >= starts) & (position <= starts + lengths)
    return spectrograms * kept[:, None, None, :].to(spectrograms.device)


def change_gain(spectrograms: Tensor, most: float) -> Tensor:
    """Adds up to ``most`` to each spectrogram's values, or subtracts it; the floor stays the floor."""
    if not most:
        return spectrograms
    change = torch.empty(len(spectrograms), 1, 1, 1).uniform_(-most, most).to(spectrograms.device)
    return (spectrograms + change * (spectrograms > 0)).clamp(0.0, 1.0)


def add_noise(spectrograms: Tensor, most: float) -> Tensor:
    """Adds Gaussian noise above the floor, with a random deviation up to ``most`` for each spectrogram."""
    if not most:
        return spectrograms
    deviation = torch.rand(len(spectrograms), 1, 1, 1).to(spectrograms.device) * most
    return (spectrograms + deviation * torch.randn_like(spectrograms) * (spectrograms > 0)).clamp(0.0, 1.0)


def spec_augment(spectrograms: Tensor, mels: int, frames: int) -> Tensor:
    """Masks a band of up to ``mels`` mels and up to ``frames`` frames (Park et al., 2019, arXiv 1904.08779)."""
    return _mask(_mask(spectrograms, -2, mels), -1, frames)


def mixup(
    spectrograms: Tensor, targets: Tensor, alpha: float, as_sound_over_db: float | None = None
) -> tuple[Tensor, Tensor]:
    """Mixes pairs of spectrograms, with weights from β(alpha, alpha) (Zhang et al., 2018, arXiv 1710.09412).

    Args:
        as_sound_over_db: the decibels that the values span, to add powers, as simultaneous sounds do (Tokozume et
            al., 2018, arXiv 1711.10282); with ``None`` the values themselves are added.
    """
    share = torch.distributions.Beta(alpha, alpha).sample((len(spectrograms), 1)).to(spectrograms.device)
    share = torch.maximum(share, 1.0 - share)
    order = torch.randperm(len(spectrograms), device=spectrograms.device)
    weight, others = share[:, :, None, None], spectrograms[order]
    if as_sound_over_db is None:
        mixed = weight * spectrograms + (1.0 - weight) * others
    else:
        bels = as_sound_over_db / 10.0
        power = weight.square() * 10.0 ** (bels * spectrograms) + (1.0 - weight).square() * 10.0 ** (bels * others)
        mixed = (torch.log10(power) / bels).clamp(0.0, 1.0)
    return mixed, share * targets + (1.0 - share) * targets[order]


def _gather_frames(spectrograms: Tensor, starts: Tensor, frames: int) -> Tensor:
    return _take_frames(spectrograms, (torch.arange(frames) + starts) % spectrograms.shape[-1])


def _take_frames(spectrograms: Tensor, index: Tensor) -> Tensor:
    return spectrograms.gather(
        -1, index.to(spectrograms.device)[:, None, None, :].expand(-1, 1, spectrograms.shape[-2], -1)
    )


def _mask(spectrograms: Tensor, dim: int, widest: int) -> Tensor:
    if not widest:
        return spectrograms
    size = spectrograms.shape[dim]
    width = torch.randint(min(widest, size) + 1, (len(spectrograms), 1))
    start = (torch.rand(len(spectrograms), 1) * (size - width)).long()
    position = torch.arange(size)
    kept = ((position < start) | (position >= start + width)).to(spectrograms.device)
    return spectrograms * (kept[:, None, None, :] if dim == -1 else kept[:, None, :, None])
