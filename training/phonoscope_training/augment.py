"""What training does to a batch of log-mel pictures; nothing of it happens in serving.

Pictures have the shape ``(batch, 1, mels, frames)`` and lie in [0, 1], 0 being the floor of the front end.
"""

from __future__ import annotations

from math import log1p

import torch
from torch import Tensor

from phonoscope_training.recipe import AugmentationSettings

_WORTH_SEEING = 0.75


def augment(
    pictures: Tensor, targets: Tensor, settings: AugmentationSettings, range_db: float
) -> tuple[Tensor, Tensor]:
    """Everything the recipe asks for, in the order of the functions below.

    Args:
        range_db: what a picture's 1 lies above its 0.

    Shape:
        - targets: ``(batch, labels)``, rows summing to 1
    """
    if settings.roll:
        pictures = roll_in_time(pictures)
    if settings.crop_frames:
        pictures = crop_in_time(pictures, settings.crop_frames)
    pictures = stretch_in_time(pictures, settings.stretch)
    pictures = shift_in_frequency(pictures, settings.mel_shift)
    pictures = keep_a_part(pictures, settings.keep_a_part)
    pictures = change_gain(pictures, settings.gain)
    pictures = add_noise(pictures, settings.noise)
    pictures = spec_augment(pictures, settings.frequency_mask, settings.time_mask)
    if settings.mixup_alpha and float(torch.rand(())) < settings.mixup_share:
        return mixup(
            pictures, targets, settings.mixup_alpha, as_sound_over_db=range_db if settings.mixup_as_sound else None
        )
    return pictures, targets


def roll_in_time(pictures: Tensor) -> Tensor:
    """Each picture turned by its own random number of frames: where in the window a sound lies says nothing."""
    frames = pictures.shape[-1]
    return _gather_frames(pictures, torch.randint(frames, (len(pictures), 1)), frames)


def crop_in_time(pictures: Tensor, frames: int) -> Tensor:
    """A random stretch of so many frames where the sound is; shorter pictures stay whole.

    Of all stretches those count that are at least three quarters as bright as the brightest: a crop of the silence
    beside a bark would be called a dog.
    """
    if frames >= pictures.shape[-1]:
        return pictures
    sums = pictures.mean(dim=(1, 2)).cpu().unfold(1, frames, 1).sum(dim=-1)
    worth = (sums >= _WORTH_SEEING * sums.amax(dim=1, keepdim=True)).float()
    return _gather_frames(pictures, torch.multinomial(worth, 1), frames)


def stretch_in_time(pictures: Tensor, most: float) -> Tensor:
    """Each picture slower or faster by a random factor, up to ``1 + most``, about a random frame; edges repeat."""
    if not most:
        return pictures
    batch, frames = len(pictures), pictures.shape[-1]
    factors = torch.exp(torch.empty(batch, 1).uniform_(-1.0, 1.0) * log1p(most))
    still = torch.rand(batch, 1) * (frames - 1)
    source = ((torch.arange(frames) - still) * factors + still).clamp(0.0, frames - 1.0)
    below = source.floor().long().clamp_max(frames - 2)
    share = (source - below)[:, None, None, :].to(pictures.device)
    return (1.0 - share) * _take_frames(pictures, below) + share * _take_frames(pictures, below + 1)


def shift_in_frequency(pictures: Tensor, most: int) -> Tensor:
    """Each picture up or down by at most so many bands; the outermost band fills what comes free."""
    if not most:
        return pictures
    bands = pictures.shape[-2]
    shifts = torch.randint(-most, most + 1, (len(pictures), 1))
    index = (torch.arange(bands) + shifts).clamp(0, bands - 1).to(pictures.device)
    return pictures.gather(-2, index[:, None, :, None].expand(-1, 1, -1, pictures.shape[-1]))


def keep_a_part(pictures: Tensor, probability: float, shortest: float = 0.1) -> Tensor:
    """Darkens all but one stretch of some pictures, so that short clips padded with silence are known ground."""
    if not probability:
        return pictures
    batch, frames = len(pictures), pictures.shape[-1]
    lengths = torch.empty(batch, 1).uniform_(shortest, 1.0)
    lengths[torch.rand(batch, 1) > probability] = 1.0
    starts = torch.rand(batch, 1) * (1.0 - lengths)
    position = torch.linspace(0.0, 1.0, frames)
    kept = (position >= starts) & (position <= starts + lengths)
    return pictures * kept[:, None, None, :].to(pictures.device)


def change_gain(pictures: Tensor, most: float) -> Tensor:
    """Lifts or lowers the whole picture by up to ``most`` of its range; what falls below the floor is gone."""
    if not most:
        return pictures
    change = torch.empty(len(pictures), 1, 1, 1).uniform_(-most, most).to(pictures.device)
    return (pictures + change * (pictures > 0)).clamp(0.0, 1.0)


def add_noise(pictures: Tensor, most: float) -> Tensor:
    """Gaussian noise, of a deviation between 0 and ``most`` for each picture, on all but the floor."""
    if not most:
        return pictures
    deviation = torch.rand(len(pictures), 1, 1, 1).to(pictures.device) * most
    return (pictures + deviation * torch.randn_like(pictures) * (pictures > 0)).clamp(0.0, 1.0)


def spec_augment(pictures: Tensor, mels: int, frames: int) -> Tensor:
    """One frequency mask and one time mask each, at most so wide (Park et al., 2019, arXiv 1904.08779)."""
    return _mask(_mask(pictures, -2, mels), -1, frames)


def mixup(
    pictures: Tensor, targets: Tensor, alpha: float, as_sound_over_db: float | None = None
) -> tuple[Tensor, Tensor]:
    """Convex sums of pairs, with shares from β(alpha, alpha) (Zhang et al., 2018, arXiv 1710.09412).

    Args:
        as_sound_over_db: adds powers, as sounds that are heard together do (Tokozume et al., 2018, arXiv 1711.10282),
            of pictures that span so many decibels; otherwise the pictures' values are added.
    """
    share = torch.distributions.Beta(alpha, alpha).sample((len(pictures), 1)).to(pictures.device)
    share = torch.maximum(share, 1.0 - share)
    order = torch.randperm(len(pictures), device=pictures.device)
    weight, others = share[:, :, None, None], pictures[order]
    if as_sound_over_db is None:
        mixed = weight * pictures + (1.0 - weight) * others
    else:
        bels = as_sound_over_db / 10.0
        power = weight.square() * 10.0 ** (bels * pictures) + (1.0 - weight).square() * 10.0 ** (bels * others)
        mixed = (torch.log10(power) / bels).clamp(0.0, 1.0)
    return mixed, share * targets + (1.0 - share) * targets[order]


def _gather_frames(pictures: Tensor, starts: Tensor, frames: int) -> Tensor:
    return _take_frames(pictures, (torch.arange(frames) + starts) % pictures.shape[-1])


def _take_frames(pictures: Tensor, index: Tensor) -> Tensor:
    return pictures.gather(-1, index.to(pictures.device)[:, None, None, :].expand(-1, 1, pictures.shape[-2], -1))


def _mask(pictures: Tensor, dim: int, widest: int) -> Tensor:
    if not widest:
        return pictures
    size = pictures.shape[dim]
    width = torch.randint(min(widest, size) + 1, (len(pictures), 1))
    start = (torch.rand(len(pictures), 1) * (size - width)).long()
    position = torch.arange(size)
    kept = ((position < start) | (position >= start + width)).to(pictures.device)
    return pictures * (kept[:, None, None, :] if dim == -1 else kept[:, None, :, None])
