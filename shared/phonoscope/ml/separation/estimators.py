"""A separation model ready for segments: its networks, averaged."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import torch

from phonoscope.audio.samples import Samples
from phonoscope.contract import Precision
from phonoscope.ml.separation.core import core_file
from phonoscope.ml.separation.networks import blank_network, open_model
from phonoscope.ml.separation.runners import Eager, Improving, Runner

_ON_CUDA = 8
"""Segments at once where there is room for them."""


class Ensemble:
    """One network or several, whose estimates are averaged with a share for each network and source.

    Args:
        runners: one for each network.
        shares: a row for each network, a column for each source; by default all count the same.
        batch: how many segments are computed at once.
    """

    def __init__(
        self,
        runners: Sequence[Runner],
        sources: Sequence[str],
        sample_rate_hz: int,
        segment: int,
        shares: Sequence[Sequence[float]] | None = None,
        device: torch.device | None = None,
        batch: int = 1,
    ) -> None:
        self.sources = tuple(sources)
        self.sample_rate_hz = sample_rate_hz
        self.segment = segment
        self.batch = batch
        self._runners = list(runners)
        self._device = device or torch.device("cpu")
        given = torch.tensor(shares or [[1.0] * len(self.sources)] * len(self._runners), device=self._device)
        self._shares = given / given.sum(dim=0)

    @property
    def provenance(self) -> dict[str, Any]:
        """How the stems are computed, as it stands now."""
        return {
            "device": self._device.type,
            "segment_s": self.segment / self.sample_rate_hz,
            "batch": self.batch,
            "compiled": all(runner.compiled for runner in self._runners),
        }

    @torch.inference_mode()
    def __call__(self, segments: Samples) -> Samples:
        mix = torch.from_numpy(segments).to(self._device)
        total = torch.zeros((len(mix), len(self.sources), 2, self.segment), device=self._device)
        for run, shares in zip(self._runners, self._shares, strict=True):
            if bool(shares.any()):
                total += shares[:, None, None] * run(mix)
        found: Samples = total.cpu().numpy()
        return found


def load_ensemble(folder: Path, device: torch.device, cache: Path, precision: Precision = "fast") -> Ensemble:
    """A model from its folder; on the processor its cores are compiled beside, and used as soon as they are there.

    Raises ``InvalidManifest`` or ``WeightsMismatch``.
    """
    manifest, networks = open_model(folder)
    runners: list[Runner]
    if device.type == "cpu":
        files = [core_file(cache, weights.sha256) for weights in manifest.weights]
        with torch.device("meta"):
            shell = blank_network(manifest, folder)
        runners = [Improving(network, shell, file, precision) for network, file in zip(networks, files, strict=True)]
        if not all(file.exists() for file in files):
            start_compiling(folder, cache)
    else:
        runners = [Eager(network, device, precision) for network in networks]
    batch = _ON_CUDA if device.type == "cuda" else 1
    rate_hz, segment = manifest.sample_rate_hz, manifest.segment
    return Ensemble(runners, manifest.sources, rate_hz, segment, manifest.shares, device, batch)


def start_compiling(folder: Path, cache: Path) -> None:
    """Has a process beside compile a model's cores, and waits for its end in a thread of its own.

    It is not made to step back: the sooner it ends, the sooner the waiting recordings are done.
    """
    command = [sys.executable, "-m", "phonoscope.ml.separation.core", str(folder), str(cache)]
    Thread(target=partial(subprocess.run, command, stdin=subprocess.DEVNULL, check=False), daemon=True).start()
