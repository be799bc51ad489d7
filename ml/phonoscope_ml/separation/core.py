"""The core of a hybrid Demucs, between its two transforms, and its export to OpenVINO."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import openvino
import torch
from demucs.htdemucs import HTDemucs
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from torch import Tensor, nn


class Core(nn.Module):
    """A network without its transforms: takes a waveform and the parts of its spectrogram.

    Shape:
        - mix: ``(batch, 2, segment)``; parts: ``(batch, 4, bins, frames)``, real and imaginary of left, then right
        - output: parts of each source ``(batch, sources, 4, bins, frames)``, and waveforms
          ``(batch, sources, 2, segment)``; the stem is their sum
    """

    def __init__(self, network: HTDemucs) -> None:
        super().__init__()
        self.network = network

    def forward(self, mix: Tensor, parts: Tensor) -> tuple[Tensor, Tensor]:
        kept: list[Tensor] = []

        def keep(found: Tensor, *_: Any, **__: Any) -> Tensor:
            kept.append(found)
            return torch.zeros(1, device=found.device)

        # The network runs as it is; only its transforms pass their input through.
        stand_ins = {
            "_spec": lambda waveform: waveform,
            "_magnitude": lambda _: parts,
            "_mask": lambda _, found: found,
            "_ispec": keep,
        }
        vars(self.network).update(stand_ins)
        try:
            waveforms: Tensor = self.network.forward(mix)
        finally:
            for name in stand_ins:
                del vars(self.network)[name]
        return kept[0], waveforms


def split(network: HTDemucs, mix: Tensor) -> Tensor:
    """The parts of a mixture's spectrogram, the core's second input."""
    parts: Tensor = network._magnitude(network._spec(mix))  # noqa: SLF001 - the network has no public way to its parts
    return parts


def join(network: HTDemucs, parts: Tensor, waveforms: Tensor) -> Tensor:
    """The network's output from the core's: the inverse transform of the parts plus the waveforms."""
    spectrograms = network._mask(None, parts)  # noqa: SLF001
    stems: Tensor = waveforms + network._ispec(spectrograms, waveforms.shape[-1])  # noqa: SLF001
    return stems


@torch.no_grad()
def save_core(network: HTDemucs, graph: Path) -> None:
    """Writes a network's core for segments of its length: the graph, and its weights in a ``.bin`` next to it."""
    mix = torch.zeros(1, 2, int(network.segment * network.samplerate))
    parts = split(network, mix)
    with warnings.catch_warnings():
        # The trace is fixed to the segment's length on purpose; and torch warns that tracing is deprecated.
        warnings.simplefilter("ignore")
        # Checking the trace takes two more passes and twice the memory; a test compares the stems.
        decoder = TorchScriptPythonDecoder(
            Core(network), example_input=(mix, parts), trace_kwargs={"check_trace": False}
        )
    front_end = FrontEndManager().load_by_framework("pytorch")
    model = front_end.convert(front_end.load(decoder))
    model.reshape({model.inputs[0]: list(mix.shape), model.inputs[1]: list(parts.shape)})
    openvino.save_model(model, graph, compress_to_fp16=False)
