"""A separation model on a device: the weighted mean of its networks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

import torch

from phonoscope.audio.samples import Samples
from phonoscope.catalogue import check_weights
from phonoscope.contract import Precision
from phonoscope.metrics import recorder
from phonoscope_ml.separation.compiling import cores_of, start_compiling
from phonoscope_ml.separation.memory import Plan
from phonoscope_ml.separation.networks import blank_network, load_network, open_manifest
from phonoscope_ml.separation.runners import CompiledWhenReady, Eager, Runner

_ON_CUDA = 8
"""Segments in a batch while memory suffices."""


class Ensemble:
    """One network or several; each has a weight for each source.

    Args:
        runners: one for each network.
        shares: weights, a row for each network and a column for each source; by default all are equal.

    Shape:
        - input: ``(segments, 2, samples)``, normalised
        - output: ``(segments, sources, 2, samples)``
    """

    def __init__(
        self,
        runners: Sequence[Runner],
        sources: Sequence[str],
        shares: Sequence[Sequence[float]] | None = None,
        device: torch.device | None = None,
    ) -> None:
        self._runners = list(runners)
        self._device = device or torch.device("cpu")
        given = torch.tensor(shares or [[1.0] * len(sources)] * len(self._runners), device=self._device)
        self._shares = given / given.sum(dim=0)

    @property
    def compiled(self) -> bool:
        return all(runner.compiled for runner in self._runners)

    @torch.inference_mode()
    def __call__(self, segments: Samples) -> Samples:
        began = perf_counter()
        mix = torch.from_numpy(segments).to(self._device)
        total = torch.zeros((len(mix), self._shares.shape[1], *mix.shape[1:]), device=self._device)
        for run, shares in zip(self._runners, self._shares, strict=True):
            if bool(shares.any()):
                total += shares[:, None, None] * run(mix)
        found: Samples = total.cpu().numpy()
        recorder().batch_computed("separation", self._device.type, len(segments), perf_counter() - began)
        return found


def first_plan(device: torch.device) -> Plan:
    """The plan to begin with, before memory runs out."""
    return Plan(device, _ON_CUDA if device.type == "cuda" else 1)


def load_ensemble(folder: Path, device: torch.device, cache: Path, precision: Precision = "fast") -> Ensemble:
    """Loads a model from its folder; on the CPU its cores are compiled in the background and used once complete.

    Raises ``InvalidManifest`` or ``WeightsMismatch``.
    """
    manifest = open_manifest(folder)
    check_weights(manifest, folder)
    loads = [partial(load_network, manifest, folder, index) for index in range(len(manifest.weights))]
    runners: list[Runner]
    if device.type == "cpu":
        with torch.device("meta"):
            shell = blank_network(manifest, folder)
        again = partial(start_compiling, folder, cache)
        cores = cores_of(manifest, cache)
        runners = [
            CompiledWhenReady(load, shell, core, again, precision) for load, core in zip(loads, cores, strict=True)
        ]
        if not all(core.exists for core in cores):
            again()
    else:
        runners = [Eager(load(), device, precision) for load in loads]
    return Ensemble(runners, manifest.sources, manifest.shares, device)
