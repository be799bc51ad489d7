"""Alters recordings at random: time, band, length, mixture and level."""

from __future__ import annotations

import torch
from torch import Tensor

from phonoscope_training.sounds.settings import Alteration

_LOUDER_DB = 6.0
_LOWEST_PASS_HZ = 3_000.0
_SPLIT_HZ = 8_000.0
_MOST_SCALED = 10.0
_MIXTURE = 0.3


def alter(
    wave: Tensor, targets: Tensor, full_band: Tensor, settings: Alteration, sample_rate_hz: int
) -> tuple[Tensor, Tensor]:
    """Rolls, filters, cuts, mixes and scales recordings at random, by torch's global generator.

    Shape:
        - wave: ``(batch, samples)``; targets: ``(batch, labels)``, probabilities or zeros
        - full_band: ``(batch, samples)``, recordings whose highest band may be borrowed; their labels are not needed
        - output: the shapes of wave and targets
    """
    wave = _roll(wave)
    for share, change in ((settings.high_band, borrow_high_band), (settings.low_pass, _low_passed)):
        chosen = _chosen(wave, share)
        if chosen.any():
            wave[chosen] = change(wave[chosen], full_band[chosen], sample_rate_hz)
    ends = torch.where(_chosen(wave, settings.cut), torch.empty(len(wave)).uniform_(0.3, 0.9), 1.0) * wave.shape[1]
    wave = wave * (torch.arange(wave.shape[1]) < ends[:, None])
    wave, targets = _mix(wave, targets, _chosen(wave, settings.mix))
    gain_db = torch.empty(len(wave), 1).uniform_(-settings.gain_db, min(settings.gain_db, _LOUDER_DB))
    return wave * 10.0 ** (gain_db / 20.0), targets


def borrow_high_band(wave: Tensor, full_band: Tensor, sample_rate_hz: int) -> Tensor:
    """Replaces the band above 8 kHz by that of other recordings.

    The borrowed band is scaled by the ratio of the two recordings' energies from 4 to 8 kHz, by 20 dB at most.

    Shape:
        - wave and full_band: ``(batch, samples)``; the output has the shape of wave
    """
    own, borrowed = torch.fft.rfft(wave), torch.fft.rfft(full_band)
    split = _bin(_SPLIT_HZ, own, sample_rate_hz)
    below = slice(_bin(_SPLIT_HZ / 2, own, sample_rate_hz), split)
    ratio = own[:, below].abs().square().sum(1) / borrowed[:, below].abs().square().sum(1).clamp_min(1e-12)
    own[:, split:] = borrowed[:, split:] * ratio.sqrt().clamp_max(_MOST_SCALED)[:, None]
    mended: Tensor = torch.fft.irfft(own, n=wave.shape[1])
    return mended


def _chosen(wave: Tensor, share: float) -> Tensor:
    return torch.rand(len(wave)) < share


def _roll(wave: Tensor) -> Tensor:
    starts = torch.randint(wave.shape[1], (len(wave),)).tolist()
    return torch.stack([each.roll(start) for each, start in zip(wave, starts, strict=True)])


def _low_passed(wave: Tensor, _full_band: Tensor, sample_rate_hz: int) -> Tensor:
    """Recordings low-passed at 3 kHz to half the sample rate."""
    spectrum = torch.fft.rfft(wave)
    for each in spectrum:
        highest = torch.empty(1).uniform_(_LOWEST_PASS_HZ, sample_rate_hz / 2).item()
        each[_bin(highest, spectrum, sample_rate_hz) :] = 0.0
    passed: Tensor = torch.fft.irfft(spectrum, n=wave.shape[1])
    return passed


def _bin(frequency_hz: float, spectrum: Tensor, sample_rate_hz: int) -> int:
    return round(frequency_hz / (sample_rate_hz / 2) * (spectrum.shape[-1] - 1))


def _mix(wave: Tensor, targets: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    others = torch.randperm(len(wave))
    share = torch.where(chosen, torch.distributions.Beta(_MIXTURE, _MIXTURE).sample((len(wave),)), 1.0)
    share = torch.maximum(share, 1.0 - share)[:, None]
    return share * wave + (1.0 - share) * wave[others], share * targets + (1.0 - share) * targets[others]
