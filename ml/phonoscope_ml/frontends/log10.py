"""The front end of musicnn (Pons and Serra, 2019, arXiv 1909.06654): decimal logarithm of librosa's mel power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phonoscope.audio.mel import mel_points
from phonoscope_ml.frontends.front_end import FrontEnd, mel_filters
from phonoscope_ml.frontends.settings import FrontEndSettings
from phonoscope_ml.windows import Filling

_GAIN = 10_000.0


@dataclass(frozen=True, kw_only=True)
class Log10Settings(FrontEndSettings):
    """The settings of the decimal logarithm's front end.

    Args:
        most_frames: a spectrogram keeps so many of the transform's frames.
    """

    kind: ClassVar[str] = "log10"
    filling: ClassVar[Filling] = "repetition"

    sample_rate_hz: int = 16_000
    n_fft: int = 512
    hop_length: int = 256
    n_mels: int = 96
    f_min_hz: float = 0.0
    f_max_hz: float = 8_000.0
    most_frames: int = 187
    window_s: float = 3.0
    window_hop_s: float = 3.0

    @classmethod
    def _positive(cls) -> tuple[str, ...]:
        return (*super()._positive(), "most_frames")

    def kept_frames(self, frames: int) -> list[int]:
        return list(range(min(frames, self.most_frames)))

    def mel_points(self, count: int) -> NDArray[np.float64]:
        return mel_points(self.f_min_hz, self.f_max_hz, count)


class Log10Mel(FrontEnd):
    """Decimal logarithm of 1 + 10,000 times the mel power, from 0 up.

    Frames are centred and padded with silence.

    Shape:
        - input: ``(batch, samples)``, float32 in [-1, 1] at ``sample_rate_hz``
        - output: ``(batch, 1, n_mels, frames)``, float32, ``samples // hop_length + 1`` frames, at most ``most_frames``

    >>> Log10Mel(Log10Settings())(torch.zeros(2, 48_000)).shape
    torch.Size([2, 1, 96, 187])
    """

    settings: Log10Settings

    def __init__(self, settings: Log10Settings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("window", torch.hann_window(settings.n_fft), persistent=False)
        self.register_buffer("filters", mel_filters(settings), persistent=False)

    def mel_power(self, samples: Tensor) -> Tensor:
        spectrum = torch.stft(
            samples,
            self.settings.n_fft,
            self.settings.hop_length,
            window=self.window,
            pad_mode="constant",
            return_complex=True,
        )
        return self.filters.T @ (spectrum.real.square() + spectrum.imag.square())

    def forward(self, samples: Tensor) -> Tensor:
        levels = (_GAIN * self.mel_power(samples) + 1.0).log10()
        return levels[..., : self.settings.most_frames].unsqueeze(1)
