"""Writes synthesised recordings, in the layout of ``source = "folders"``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from phonoscope.audio.encode import FLAC, Encoder
from phonoscope_training.errors import InvalidDataset
from phonoscope_training.synthesis.scenes import LABELS, scene
from phonoscope_training.synthesis.sources import RATE_HZ


def write_all(folder: Path, each: int, seed: int = 1) -> Iterator[int]:
    """Writes ``<label>/<number>.flac``, ``each`` for every label; yields the number of files written after each label.

    The same seed gives the same files, whatever the number of CPU cores.

    Raises ``InvalidDataset`` when the folder is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InvalidDataset(f"{folder} is not empty")
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        for number, _ in enumerate(processes.map(partial(_write_label, folder, each, seed), LABELS), start=1):
            yield number * each


def _write_label(folder: Path, each: int, seed: int, label: str) -> None:
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number in range(each):
        rng = np.random.default_rng([seed, LABELS.index(label), number])
        samples = scene(label, rng).astype(np.float32)
        path = folder / label / f"{number:04}{FLAC.suffix}"
        with path.open("wb") as file, Encoder(file, RATE_HZ, channels=1) as encoder:
            encoder.write(samples[None])
