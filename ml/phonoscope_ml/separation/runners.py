"""Ways to run one network over segments: as it is, or compiled for this machine."""

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

_CHANCES = 2
"""How often a core is taken up, the first included, before a damaged one is left alone."""
_log = get_logger(__name__)


class Runner(Protocol):
    """Shape: ``(segments, 2, samples)`` to ``(segments, sources, 2, samples)``, on the runner's device."""

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
        # A network fills up to what it calls its segment what is shorter, and computes that.
        self._network.segment = Fraction(mix.shape[-1], self._network.samplerate)
        with torch.autocast(self._device.type, dtype=torch.float16, enabled=self._half):
            stems: Tensor = self._network(mix)
        return stems.float()


class Compiled:
    """The network's core as OpenVINO runs it on the processor, one segment at a time.

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


class Improving:
    """Runs the network as it is until its compiled core is there, then that, and lets go of the network.

    A damaged core is removed and made again; what is shorter than a segment is run by the network.

    Args:
        load: gives the network, whenever it is needed.
        shell: as for ``Compiled``.
        core: the files that somebody is making, or has made.
        compile_again: has it made again beside.
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
        self._chances = _CHANCES
        self._eager: Eager | None = None
        self._compiled: Compiled | None = None

    @property
    def compiled(self) -> bool:
        return self._compiled is not None

    def __call__(self, mix: Tensor) -> Tensor:
        whole = mix.shape[-1] == self._segment
        if whole and self._compiled is None and self._chances and self._core.there:
            self._take_up()
        if whole and self._compiled is not None:
            try:
                return self._compiled(mix)
            except RuntimeError as error:
                self._let_go(error)
        return self._as_it_is()(mix)

    def _take_up(self) -> None:
        self._chances -= 1
        self._eager = None
        try:
            if not self._core.intact:
                return self._mend("they are not what was written")
            self._compiled = Compiled(self._shell, self._core.graph, self._precision, torch.get_num_threads())
            heap.relax()
        except RuntimeError as error:
            self._let_go(error)

    def _let_go(self, error: RuntimeError) -> None:
        self._compiled = None
        if out_of_memory(error):
            raise error
        self._mend(str(error).strip())

    def _mend(self, reason: str) -> None:
        _log.warning("separation.core_damaged", file=self._core.graph.name, reason=reason)
        self._core.remove()
        self._compile_again()

    def _as_it_is(self) -> Eager:
        self._compiled = None
        if self._eager is None:
            # Beside the compiler, or for want of memory: either way there is little of it.
            heap.tighten()
            self._eager = Eager(self._load(), torch.device("cpu"), self._precision)
        return self._eager
