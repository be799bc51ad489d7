"""The part of a hybrid Demucs between its two transforms, compiled once for this machine and kept.

``python -m phonoscope.ml.separation.core MODEL_FOLDER CACHE_FOLDER`` compiles all networks of a model. It takes half a
minute and a few gigabytes for a network of full size, which is why it is a process of its own.
"""

from __future__ import annotations

import fcntl
import sys
import warnings
from pathlib import Path
from typing import Any

import openvino
import torch
from demucs.htdemucs import HTDemucs
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from torch import Tensor, nn

from phonoscope.ml.separation.networks import open_model


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


def core_file(cache: Path, sha256: str) -> Path:
    """Where the compiled core of a network with these weights lies; another version of OpenVINO has its own."""
    return cache / f"{sha256[:16]}-{openvino.__version__.split('-')[0]}.xml"


def compile_cores(folder: Path, cache: Path) -> None:
    """Compiles what is not there yet. Others who do the same wait, and find it done.

    Raises ``InvalidManifest`` or ``WeightsMismatch``.
    """
    cache.mkdir(parents=True, exist_ok=True)
    manifest, networks = open_model(folder)
    for network, weights in zip(networks, manifest.weights, strict=True):
        path = core_file(cache, weights.sha256)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                _compile(network, path)


@torch.no_grad()
def _compile(network: HTDemucs, path: Path) -> None:
    segment = int(network.segment * network.samplerate)
    mix = torch.zeros(1, 2, segment)
    parts = split(network, mix)
    with warnings.catch_warnings():
        # What depends on the segment's length is meant to be fixed with it; and tracing is to be given up one day.
        warnings.simplefilter("ignore")
        decoder = TorchScriptPythonDecoder(Core(network), example_input=(mix, parts))
    front_end = FrontEndManager().load_by_framework("pytorch")
    model = front_end.convert(front_end.load(decoder))
    model.reshape({model.inputs[0]: list(mix.shape), model.inputs[1]: list(parts.shape)})
    draft = path.with_name(f"draft-{path.name}")
    openvino.save_model(model, draft, compress_to_fp16=False)
    # The weights first: whoever sees the model finds them.
    draft.with_suffix(".bin").replace(path.with_suffix(".bin"))
    draft.replace(path)


if __name__ == "__main__":
    compile_cores(Path(sys.argv[1]), Path(sys.argv[2]))
