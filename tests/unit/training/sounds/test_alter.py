"""Alterations of recordings do to a tone what they say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from phonoscope_training.sounds import Alteration, alter
from phonoscope_training.sounds.alter import borrow_high_band

RATE_HZ = 32_000


def tone(hertz: float, level: float = 0.1, seconds: float = 1.0) -> Tensor:
    """A tone. Shape: ``(1, samples)``."""
    seconds_of = torch.arange(round(seconds * RATE_HZ)) / RATE_HZ
    samples: Tensor = level * torch.sin(2 * math.pi * hertz * seconds_of)
    return samples[None]


def level_at(wave: Tensor, hertz: float) -> Tensor:
    """The amplitude of a tone of whole periods. Shape: ``(batch, samples)`` to ``(batch,)``."""
    amplitudes: Tensor = torch.fft.rfft(wave).abs() / (wave.shape[1] / 2)
    return amplitudes[:, round(hertz * wave.shape[1] / RATE_HZ)]


def test_a_borrowed_band_replaces_what_is_above_8_khz() -> None:
    """The lower tone stays, one's own upper tone goes, and the lender's comes at the ratio of the tones below."""
    own = tone(5_000.0, 0.1) + tone(10_000.0, 0.3)
    lender = tone(6_000.0, 0.05) + tone(12_000.0, 0.02)
    mended = borrow_high_band(own, lender, RATE_HZ)
    levels = [level_at(mended, hertz).item() for hertz in (5_000.0, 6_000.0, 10_000.0, 12_000.0)]
    assert levels == pytest.approx([0.1, 0.0, 0.0, 0.04], abs=1e-4)


def test_a_low_pass_kills_a_high_tone_alone() -> None:
    """It lies between 3 kHz and half the rate: 1 kHz always passes, and 15.9 kHz hardly ever does."""
    torch.manual_seed(1)
    wave = (tone(1_000.0) + tone(15_900.0)).repeat(16, 1)
    passed, _ = alter(wave, torch.ones(16, 1), wave, Alteration(low_pass=1.0), RATE_HZ)
    assert level_at(passed, 1_000.0).min() == pytest.approx(0.1, abs=1e-3)
    assert (level_at(passed, 15_900.0) < 1e-3).sum() >= 14


def test_a_gain_is_6_db_upwards_at_most() -> None:
    """A loud recording must not be clipped by its copy."""
    torch.manual_seed(1)
    louder, _ = alter(tone(1_000.0).repeat(64, 1), torch.ones(64, 1), tone(1_000.0), Alteration(gain_db=20.0), RATE_HZ)
    gains_db = 20 * torch.log10(level_at(louder, 1_000.0) / 0.1)
    assert -20.0 <= gains_db.min() < -10.0
    assert 0.0 < gains_db.max() <= 6.01


def test_a_cut_recording_ends_in_silence() -> None:
    """Between three and nine tenths of it are left."""
    torch.manual_seed(1)
    cut, _ = alter(tone(1_000.0).repeat(16, 1), torch.ones(16, 1), tone(1_000.0), Alteration(cut=1.0), RATE_HZ)
    lengths = (cut.abs() > 1e-6).double().mean(1)
    assert lengths.min() > 0.25
    assert lengths.max() < 0.95


def test_a_mixture_has_both_labels_by_their_shares() -> None:
    """The labels' sum stays that of one recording, and the larger share is the recording's own."""
    torch.manual_seed(4)
    pitches = [500.0 + 250.0 * number for number in range(16)]
    wave, targets = torch.cat([tone(hertz) for hertz in pitches]), torch.eye(16)
    mixed, labels = alter(wave, targets, wave, Alteration(mix=1.0), RATE_HZ)
    assert torch.allclose(labels.sum(1), torch.ones(16))
    assert (labels.diagonal() >= 0.5).all()
    shares = torch.stack([level_at(mixed, hertz) for hertz in pitches], 1) / 0.1
    torch.testing.assert_close(shares, labels, atol=1e-3, rtol=1e-3)
    assert ((labels > 0.01) & (labels < 0.99)).any()


def test_no_alteration_but_the_roll_is_the_default() -> None:
    """A roll in time keeps all samples."""
    torch.manual_seed(1)
    wave = torch.rand(3, 1_000)
    rolled, _ = alter(wave, torch.ones(3, 1), wave, Alteration(), RATE_HZ)
    torch.testing.assert_close(rolled.sort(1).values, wave.sort(1).values)
    assert not torch.equal(rolled, wave)
