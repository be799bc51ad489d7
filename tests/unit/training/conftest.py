"""A labelled set that anything able to learn can learn: each label lights its own band of the spectrogram."""

from __future__ import annotations

import pytest
import torch

from phonoscope_training.data import Clips

LABELS = ["high", "low", "middle"]
_BANDS = {"high": slice(34, 46), "low": slice(2, 14), "middle": slice(18, 30)}


@pytest.fixture(scope="session")
def clips() -> Clips:
    """Small spectrograms in noise, 16 of each label, in four folds; every recording is two windows."""
    generator = torch.Generator().manual_seed(4)
    targets = torch.arange(48) // 2 % len(LABELS)
    spectrograms = 0.2 * torch.rand(48, 1, 48, 40, generator=generator)
    for spectrogram, target in zip(spectrograms, targets.tolist(), strict=True):
        spectrogram[:, _BANDS[LABELS[target]]] += 0.6
    recordings = torch.arange(48) // 2
    return Clips(spectrograms, targets, torch.arange(48) // 12 + 1, recordings, recordings, LABELS)
