"""Ways to run one network over segments: as it is, or compiled for this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import openvino
import torch
from demucs.htdemucs import HTDemucs
from torch import Tensor

from phonoscope.contract import Precision
from phonoscope.ml.separation.core import join, split


class Runner(Protocol):
    """Shape: ``(segments, 2, segment)`` to ``(segments, sources, 2, segment)``, on the runner's device."""

    @property
    def compiled(self) -> bool: ...

    def __call__(self, mix: Tensor) -> Tensor: ...


class Eager:
    """The network as PyTorch runs it: in half precision on CUDA when it is to be fast, else in single."""

    compiled = False

    def __init__(self, network: HTDemucs, device: torch.device, precision: Precision = "exact") -> None:
        self._network = network.to(device)
        self._device = device
        self._half = precision == "fast" and device.type == "cuda"

    def __call__(self, mix: Tensor) -> Tensor:
        with torch.autocast(self._device.type, dtype=torch.float16, enabled=self._half):
            stems: Tensor = self._network(mix)
        return stems.float()


class Compiled:
    """The network's core as OpenVINO runs it on the processor, one segment at a time.

    Args:
        shell: a network of the same shape, for its transforms; its weights are not used.
        path: what ``compile_cores`` wrote.
    """

    compiled = True

    def __init__(self, shell: HTDemucs, path: Path, precision: Precision, threads: int) -> None:
        self._shell = shell
        core = openvino.Core()
        able = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "fast" and able else "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
        }
        self._core = core.compile_model(path, "CPU", settings)

    def __call__(self, mix: Tensor) -> Tensor:
        return torch.cat([self._run(one) for one in torch.split(mix, 1)])

    def _run(self, mix: Tensor) -> Tensor:
        parts, waveforms = self._core([mix.numpy(), split(self._shell, mix).numpy()]).values()
        return join(self._shell, torch.from_numpy(parts), torch.from_numpy(waveforms))


class Improving:
    """Runs the network as it is until its compiled core is there, then that, and lets go of the network.

    Args:
        core: the file that somebody is making, or has made.
    """

    def __init__(self, network: HTDemucs, shell: HTDemucs, core: Path, precision: Precision) -> None:
        self._runner: Runner = Eager(network, torch.device("cpu"), precision)
        self._shell, self._core, self._precision = shell, core, precision

    @property
    def compiled(self) -> bool:
        return self._runner.compiled

    def __call__(self, mix: Tensor) -> Tensor:
        if not self.compiled and self._core.exists():
            self._runner = Compiled(self._shell, self._core, self._precision, torch.get_num_threads())
        return self._runner(mix)
