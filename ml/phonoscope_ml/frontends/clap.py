"""The front end of CLAP (Wu et al., 2023, arXiv 2211.06687): decibels of librosa's mel power."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from phonoscope.audio.mel import mel_points
from phonoscope_ml.frontends.front_end import FrontEnd, mel_filters
from phonoscope_ml.frontends.settings import FrontEndSettings
from phonoscope_ml.windows import Filling

_FLOOR = 1e-10


@dataclass(frozen=True, kw_only=True)
class ClapSettings(FrontEndSettings):
    """The settings of CLAP's front end, as ``ClapFeatureExtractor`` has them with ``rand_trunc`` and ``repeatpad``.

    It begins at 50 Hz and scales by no level of its own: what lies below hearing need not be removed before.
    """

    kind: ClassVar[str] = "clap"
    filling: ClassVar[Filling] = "whole repetitions"
    filtered: ClassVar[bool] = False

    sample_rate_hz: int = 48_000
    n_fft: int = 1_024
    hop_length: int = 480
    n_mels: int = 64
    f_min_hz: float = 50.0
    f_max_hz: float = 14_000.0
    window_s: float = 10.0
    window_hop_s: float = 10.0

    @property
    def silence(self) -> float:
        return 10.0 * log10(_FLOOR)

    def mel_points(self, count: int) -> NDArray[np.float64]:
        return mel_points(self.f_min_hz, self.f_max_hz, count)


class ClapLogMel(FrontEnd):
    """Mel power in decibels of full scale, from -100 dB up.

    Frames are centred and padded by reflection; silence follows what is shorter than a frame. The transform is computed
    in double precision.

    Shape:
        - input: ``(batch, samples)``, float32 in [-1, 1] at ``sample_rate_hz``
        - output: ``(batch, 1, n_mels, frames)``, float32, ``samples // hop_length + 1`` frames

    >>> ClapLogMel(ClapSettings())(torch.zeros(2, 480_000)).shape
    torch.Size([2, 1, 64, 1001])
    """

    settings: ClapSettings

    def __init__(self, settings: ClapSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("window", torch.hann_window(settings.n_fft, dtype=torch.float64), persistent=False)
        self.register_buffer("filters", mel_filters(settings), persistent=False)

    def mel_power(self, samples: Tensor) -> Tensor:
        n_fft, frames = self.settings.n_fft, self.settings.frames(samples.shape[1])
        samples = functional.pad(samples, (0, max(0, n_fft - samples.shape[1]))).to(self.window.dtype)
        spectrum = torch.stft(
            samples, n_fft, self.settings.hop_length, window=self.window, pad_mode="reflect", return_complex=True
        )[..., :frames]
        power = spectrum.real.square() + spectrum.imag.square()
        return self.filters.T @ power.to(self.filters.dtype)

    def forward(self, samples: Tensor) -> Tensor:
        return 10.0 * self.mel_power(samples).clamp_min(_FLOOR).log10().unsqueeze(1)
