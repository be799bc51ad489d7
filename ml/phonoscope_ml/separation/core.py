"""The part of a hybrid Demucs between its two transforms, and how it is written for OpenVINO."""

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
    """What a network does to the waveform and to the parts of its spectrogram, without the transforms.

    Shape:
        - mix: ``(batch, 2, segment)``; parts: ``(batch, 4, bins, frames)``, real and imaginary of left, then right
        - output: parts of each source ``(batch, sources, 4, bins, frames)``, and waveforms
          ``(batch, sources, 2, segment)``, which are to be added up
    """

    def __init__(self, network: HTDemucs) -> None:
        super().__init__()
        self.network = network

    def forward(self, mix: Tensor, parts: Tensor) -> tuple[Tensor, Tensor]:
        kept: list[Tensor] = []

        def keep(found: Tensor, *_: Any, **__: Any) -> Tensor:
            kept.append(found)
            return torch.zeros(1, device=found.device)

        # The network is asked as ever; only its transforms hand through what they are given.
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
    """The spectrogram's parts, for the core."""
    parts: Tensor = network._magnitude(network._spec(mix))  # noqa: SLF001 - the network has no public way to its parts
    return parts


def join(network: HTDemucs, parts: Tensor, waveforms: Tensor) -> Tensor:
    """What the network would have given: the parts' inverse transform and the waveforms together."""
    spectrograms = network._mask(None, parts)  # noqa: SLF001
    stems: Tensor = waveforms + network._ispec(spectrograms, waveforms.shape[-1])  # noqa: SLF001
    return stems


@torch.no_grad()
def save_core(network: HTDemucs, graph: Path) -> None:
    """Writes a network's core for segments of its own length: the graph, and its weights in a ``.bin`` beside it."""
    mix = torch.zeros(1, 2, int(network.segment * network.samplerate))
    parts = split(network, mix)
    with warnings.catch_warnings():
        # What depends on the segment's length is meant to be fixed with it; and tracing is to be given up one day.
        warnings.simplefilter("ignore")
        # Checking the trace takes two passes more and as much memory again; that stems agree is tested.
        decoder = TorchScriptPythonDecoder(
            Core(network), example_input=(mix, parts), trace_kwargs={"check_trace": False}
        )
    front_end = FrontEndManager().load_by_framework("pytorch")
    model = front_end.convert(front_end.load(decoder))
    model.reshape({model.inputs[0]: list(mix.shape), model.inputs[1]: list(parts.shape)})
    openvino.save_model(model, graph, compress_to_fp16=False)
