"""Runs one network over segments: by PyTorch, or compiled for this machine."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import openvino
import torch
from demucs.htdemucs import HTDemucs
from torch import Tensor

from phonoscope.contract import Precision
from phonoscope.logs import get_logger
from phonoscope_ml.separation import heap
from phonoscope_ml.separation.compiling import CoreFiles
from phonoscope_ml.separation.core import join, split
from phonoscope_ml.separation.memory import out_of_memory

_ATTEMPTS = 2
"""How often a core is loaded in all before a damaged one is given up."""
_log = get_logger(__name__)


class Runner(Protocol):
    """Runs a network on its device. Shape: ``(segments, 2, samples)`` to ``(segments, sources, 2, samples)``."""

    @property
    def compiled(self) -> bool: ...

    def __call__(self, mix: Tensor) -> Tensor: ...


class Eager:
    """Runs the network by PyTorch: in half precision on CUDA if ``precision`` is ``fast``, else in single precision."""

    compiled = False

    def __init__(self, network: HTDemucs, device: torch.device, precision: Precision = "exact") -> None:
        self._network = network.to(device)
        self._device = device
        self._half = precision == "fast" and device.type == "cuda"

    def __call__(self, mix: Tensor) -> Tensor:
        # A network pads shorter input to its ``segment`` and computes that.
        self._network.segment = Fraction(mix.shape[-1], self._network.samplerate)
        with torch.autocast(self._device.type, dtype=torch.float16, enabled=self._half):
            stems: Tensor = self._network(mix)
        return stems.float()


class Compiled:
    """Runs the network's core by OpenVINO on the CPU, one segment at a time.

    Args:
        shell: a network of the same shape, for its transforms; its weights are not used.
        path: the graph that ``compile_cores`` wrote.
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


class CompiledWhenReady:
    """Runs the network by PyTorch until its compiled core exists, then releases the network and runs the core.

    A damaged core is removed and compiled again. Input that is shorter than a segment is run by PyTorch.

    Args:
        load: loads the network whenever it is needed.
        shell: as for ``Compiled``.
        core: the files of the core, complete or still being written.
        compile_again: starts to compile the core in the background.
    """

    def __init__(
        self,
        load: Callable[[], HTDemucs],
        shell: HTDemucs,
        core: CoreFiles,
        compile_again: Callable[[], None],
        precision: Precision,
    ) -> None:
        self._load, self._shell, self._core, self._compile_again = load, shell, core, compile_again
        self._segment = int(shell.segment * shell.samplerate)
        self._precision = precision
        self._attempts = _ATTEMPTS
        self._eager: Eager | None = None
        self._compiled: Compiled | None = None

    @property
    def compiled(self) -> bool:
        return self._compiled is not None

    def __call__(self, mix: Tensor) -> Tensor:
        whole = mix.shape[-1] == self._segment
        if whole and self._compiled is None and self._attempts and self._core.exists:
            self._load_compiled()
        if whole and self._compiled is not None:
            try:
                return self._compiled(mix)
            except RuntimeError as error:
                self._drop_compiled(error)
        return self._run_eagerly()(mix)

    def _load_compiled(self) -> None:
        self._attempts -= 1
        self._eager = None
        try:
            if not self._core.intact:
                return self._recompile("they do not have the recorded digest")
            self._compiled = Compiled(self._shell, self._core.graph, self._precision, torch.get_num_threads())
            heap.reuse_freed()
        except RuntimeError as error:
            self._drop_compiled(error)

    def _drop_compiled(self, error: RuntimeError) -> None:
        self._compiled = None
        if out_of_memory(error):
            raise error
        self._recompile(str(error).strip())

    def _recompile(self, reason: str) -> None:
        _log.warning("separation.core_damaged", file=self._core.graph.name, reason=reason)
        self._core.remove()
        self._compile_again()

    def _run_eagerly(self) -> Eager:
        self._compiled = None
        if self._eager is None:
            # The compiler runs, or memory ran out: either way there is little memory.
            heap.free_at_once()
            self._eager = Eager(self._load(), torch.device("cpu"), self._precision)
        return self._eager
