"""The hybrid Demucs of the ``demucs`` package, with a gradient that is fast on CPUs."""

from __future__ import annotations

from math import ceil
from typing import Any, cast

import torch
from demucs.htdemucs import HTDemucs
from torch import Tensor, nn
from torch.nn import functional

from phonoscope_training.separation.recipe import NetworkSettings
from phonoscope_training.separation.songs import SOURCES

_HANN_SQUARED_AT_QUARTER_HOPS = 1.5


def served_network(settings: NetworkSettings, weights: dict[str, Tensor]) -> HTDemucs:
    """The network as it is served, in float32 and in evaluation mode."""
    network: HTDemucs = HTDemucs(list(SOURCES), **constructor_arguments(settings))
    network.load_state_dict(weights)
    return network.eval()


def training_network(settings: NetworkSettings) -> HTDemucs:
    """A new network that accepts examples of any length; its weights fit the served network."""
    network: HTDemucs = _Trained(list(SOURCES), **constructor_arguments(settings) | {"use_train_segment": False})
    return network


def constructor_arguments(settings: NetworkSettings) -> dict[str, Any]:
    """The constructor arguments of the served network, without the names of its sources."""
    return settings.model_dump(exclude={"segment_s", "sample_rate_hz"}) | {
        "samplerate": settings.sample_rate_hz,
        "segment": settings.segment_s,
        "use_train_segment": True,
    }


class _Trained(HTDemucs):
    """HTDemucs with an inverse transform whose gradient is three times as fast."""

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _ispec(self, z: Tensor, length: int, scale: int = 0) -> Tensor:
        hop = self.hop_length // 4**scale
        return inverse_spectrogram(z, hop, length)


def inverse_spectrogram(spectrum: Tensor, hop: int, length: int) -> Tensor:
    """Samples from a spectrogram whose frames of ``4 * hop`` begin one and a half hops before the first sample.

    There, squared Hann windows add up to a constant, so one divisor serves all frames.

    Shape:
        - input: ``(..., 2 * hop, ceil(length / hop))``, complex, without the highest frequency
        - output: ``(..., length)``
    """
    *others, _, frames = spectrum.shape
    if frames != ceil(length / hop):
        raise ValueError(f"{frames} frames do not fit {length} samples")
    spectrum = functional.pad(spectrum.reshape(-1, 2 * hop, frames).transpose(1, 2), (0, 1))
    window = torch.hann_window(4 * hop, device=spectrum.device) / _HANN_SQUARED_AT_QUARTER_HOPS
    sound = cast(Tensor, _OverlapAdd.apply(torch.fft.irfft(spectrum, norm="ortho") * window, hop))  # type: ignore[no-untyped-call]
    begin = hop // 2 * 3
    return sound[:, begin : begin + length].reshape(*others, length)


class _OverlapAdd(torch.autograd.Function):
    """Adds up frames that overlap by three quarters; the gradient cuts them out again without a copy."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor, hop: int) -> Tensor:
        ctx.hop = hop
        signals, count, _ = frames.shape
        quarters = frames.view(signals, count, 4, hop)
        sound = frames.new_zeros(signals, count + 3, hop)
        for quarter in range(4):
            sound[:, quarter : quarter + count] += quarters[:, :, quarter]
        return sound.view(signals, -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0].unfold(1, 4 * ctx.hop, ctx.hop), None


def count_parameters(network: nn.Module) -> int:
    """The number of the network's parameters."""
    return sum(parameter.numel() for parameter in network.parameters())
