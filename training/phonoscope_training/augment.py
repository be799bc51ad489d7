"""What training does to a batch of log-mel pictures; nothing of it happens in serving."""

from __future__ import annotations

import torch
from torch import Tensor


def roll_in_time(pictures: Tensor) -> Tensor:
    """Each picture turned by its own random number of frames: where in the window a sound lies says nothing."""
    frames = pictures.shape[-1]
    shifts = torch.randint(frames, (len(pictures), 1))
    index = (torch.arange(frames) + shifts) % frames
    return pictures.gather(-1, index[:, None, None, :].expand_as(pictures))


def keep_a_part(pictures: Tensor, probability: float = 0.15, shortest: float = 0.1) -> Tensor:
    """Darkens all but one stretch of some pictures, so that short clips padded with silence are known ground."""
    batch, frames = len(pictures), pictures.shape[-1]
    lengths = torch.empty(batch, 1).uniform_(shortest, 1.0)
    lengths[torch.rand(batch, 1) > probability] = 1.0
    starts = torch.rand(batch, 1) * (1.0 - lengths)
    position = torch.linspace(0.0, 1.0, frames)
    kept = (position >= starts) & (position <= starts + lengths)
    return pictures * kept[:, None, None, :]


def spec_augment(pictures: Tensor, mels: int = 16, frames: int = 16) -> Tensor:
    """One frequency mask and one time mask each, at most so wide (Park et al., 2019, arXiv 1904.08779)."""
    return _mask(_mask(pictures, -2, mels), -1, frames)


def _mask(pictures: Tensor, dim: int, widest: int) -> Tensor:
    size = pictures.shape[dim]
    width = torch.randint(widest + 1, (len(pictures), 1))
    start = (torch.rand(len(pictures), 1) * (size - width)).long()
    position = torch.arange(size)
    kept = (position < start) | (position >= start + width)
    return pictures * (kept[:, None, None, :] if dim == -1 else kept[:, None, :, None])


def change_gain(pictures: Tensor, most: float = 0.1) -> Tensor:
    """Lifts or lowers the whole picture by up to ``most`` of its range; what falls below the floor is gone."""
    return (pictures + torch.empty(len(pictures), 1, 1, 1).uniform_(-most, most) * (pictures > 0)).clamp(0.0, 1.0)


def mixup(pictures: Tensor, targets: Tensor, alpha: float = 0.2) -> tuple[Tensor, Tensor]:
    """Convex sums of pairs (Zhang et al., 2018, arXiv 1710.09412).

    Shape:
        - targets: ``(batch, labels)``, rows summing to 1
    """
    share = torch.distributions.Beta(alpha, alpha).sample((len(pictures), 1))
    share = torch.maximum(share, 1.0 - share)
    order = torch.randperm(len(pictures))
    mixed = share[:, :, None, None] * pictures + (1.0 - share[:, :, None, None]) * pictures[order]
    return mixed, share * targets + (1.0 - share) * targets[order]
