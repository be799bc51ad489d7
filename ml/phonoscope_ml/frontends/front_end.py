"""What all front ends have in common as modules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import torch
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from phonoscope_ml.frontends.settings import FrontEndSettings


class FrontEnd(nn.Module):
    """From samples to the spectrogram that a network takes, by the same module in training and in serving.

    Shape:
        - input: ``(batch, samples)``, float32 in [-1, 1] at ``sample_rate_hz``
        - output: ``(batch, 1, n_mels, frames)``, float32
    """

    settings: FrontEndSettings
    filters: Tensor
    window: Tensor

    def on(self, device: torch.device) -> Self:
        """The front end on a device, in double precision where it uses it and the device has it (``mps`` has not)."""
        if device.type == "mps":
            self.window = self.window.float()
        return self.to(device)

    def mel_power(self, samples: Tensor) -> Tensor:
        """The mel power of every frame of the transform. Shape: ``(batch, samples)`` to ``(batch, n_mels, frames)``."""
        raise NotImplementedError


def mel_filters(settings: FrontEndSettings) -> Tensor:
    """Triangular filters of equal area on Slaney's mel scale, over the bins of the transform.

    Shape:
        - output: ``(n_fft // 2 + 1, n_mels)``, float32
    """
    bins = settings.n_fft // 2 + 1
    with _double_precision():
        # torchaudio halves the rate as an integer: at twice the rate, odd ones keep their half hertz.
        filters: Tensor = melscale_fbanks(
            n_freqs=2 * bins - 1,
            f_min=settings.f_min_hz,
            f_max=settings.f_max_hz,
            n_mels=settings.n_mels,
            sample_rate=2 * settings.sample_rate_hz,
            norm="slaney",
            mel_scale="slaney",
        )
    return filters[:bins].float()


@contextmanager
def _double_precision() -> Iterator[None]:
    """Sets torch's default type to float64 for a function without a type argument: float32 errs by 0.1 % there."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)
