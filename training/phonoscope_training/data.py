"""ESC-layout folders (``meta.csv`` + ``audio/``) as log-mel pictures held in memory."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from phonoscope.audio.decode import Recording
from phonoscope.ml.frontend import FrontEndSettings, LogMel


@dataclass(frozen=True)
class Clips:
    """A labelled set.

    Shape:
        - pictures: ``(clips, 1, mels, frames)``, float32 in [0, 1]
        - targets: ``(clips,)``, int64 indices into ``labels``
        - folds: ``(clips,)``, int64; clips cut from one recording share a fold
    """

    pictures: Tensor
    targets: Tensor
    folds: Tensor
    labels: list[str]

    def part(self, chosen: Tensor) -> Clips:
        return Clips(self.pictures[chosen], self.targets[chosen], self.folds[chosen], self.labels)


def load_esc(folder: Path, settings: FrontEndSettings) -> Clips:
    """Every clip that ``meta.csv`` names, through the decoder and front end that serving uses."""
    with (folder / "meta.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = sorted({row["category"] for row in rows})
    front_end = LogMel(settings)
    pictures = []
    with torch.inference_mode():
        for row in rows:
            samples = load_window(folder / "audio" / row["filename"], settings)
            pictures.append(front_end(samples[None])[0])
    return Clips(
        pictures=torch.stack(pictures).clone(),
        targets=torch.tensor([labels.index(row["category"]) for row in rows]),
        folds=torch.tensor([int(row["fold"]) for row in rows]),
        labels=labels,
    )


def load_window(path: Path, settings: FrontEndSettings) -> Tensor:
    """The first window of a recording, padded with silence behind."""
    with path.open("rb") as file, Recording(file) as recording:
        samples = np.concatenate(list(recording.mono(settings.sample_rate_hz)))[: settings.window_samples]
    window = torch.zeros(settings.window_samples)
    window[: len(samples)] = torch.from_numpy(samples)
    return window
