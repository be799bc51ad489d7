"""The decibel front end: a log-mel spectrogram below the window's own peak."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phonoscope.audio.mel import mel_points
from phonoscope_ml.frontends.front_end import FrontEnd, mel_filters
from phonoscope_ml.frontends.settings import FrontEndSettings

_LEAST_RANGE_DB = 1e-3
"""A window without contrast is dark, not a division by zero."""


@dataclass(frozen=True, kw_only=True)
class DecibelSettings(FrontEndSettings):
    """The settings of the decibel front end; decibels are relative to full scale mel power.

    Args:
        range_db: the distance of the floor below the peak.
        quietest_peak_db: a window whose peak is lower is measured from this level instead, so that silence stays dark
            rather than being amplified into noise.
        scaling: the level that becomes 0: the floor (``range``), or the window's quietest spot above it (``min-max``).
        frame_offset, frame_step: of the transform's frames the spectrogram keeps those at ``floor(offset + i * step)``.
    """

    kind: ClassVar[str] = "decibels"

    sample_rate_hz: int = 44_100
    n_fft: int = 2_048
    hop_length: int = 1_764
    n_mels: int = 128
    f_min_hz: float = 20.0
    f_max_hz: float = 22_050.0
    range_db: float = 80.0
    quietest_peak_db: float = -30.0
    scaling: Literal["range", "min-max"] = "range"
    frame_offset: float = 0.0
    frame_step: float = 1.0
    window_s: float = 5.0
    window_hop_s: float = 2.5

    @classmethod
    def _positive(cls) -> tuple[str, ...]:
        return (*super()._positive(), "range_db", "frame_step")

    @property
    def frame_s(self) -> float:
        return self.frame_step * super().frame_s

    def kept_frames(self, frames: int) -> list[int]:
        count = max(0, ceil((frames - self.frame_offset) / self.frame_step))
        return [floor(self.frame_offset + index * self.frame_step) for index in range(count)]

    def mel_points(self, count: int) -> NDArray[np.float64]:
        return mel_points(self.f_min_hz, self.f_max_hz, count)


class LogMel(FrontEnd):
    """Power mel spectrogram in decibels below the window's own peak, scaled to [0, 1].

    Frames are centred and padded with silence. The transform is computed in double precision.

    Shape:
        - input: ``(batch, samples)``, float32 in [-1, 1] at ``sample_rate_hz``
        - output: ``(batch, 1, n_mels, frames)``, float32 in [0, 1]; the transform has ``samples // hop_length + 1``
          frames, of which the settings may keep a part

    >>> LogMel(DecibelSettings())(torch.zeros(2, 44_100)).shape
    torch.Size([2, 1, 128, 26])
    """

    settings: DecibelSettings

    def __init__(self, settings: DecibelSettings) -> None:
        super().__init__()
        self.settings = settings
        self._least_power = 10.0 ** ((settings.quietest_peak_db - settings.range_db) / 10.0 - 1.0)
        self.register_buffer("window", torch.hann_window(settings.n_fft, dtype=torch.float64), persistent=False)
        self.register_buffer("filters", mel_filters(settings), persistent=False)

    def mel_power(self, samples: Tensor) -> Tensor:
        # Single precision errs by a hundredth of a decibel beside loud partials; sums of powers do not.
        spectrum = torch.stft(
            samples.to(self.window.dtype),
            self.settings.n_fft,
            self.settings.hop_length,
            window=self.window,
            pad_mode="constant",
            return_complex=True,
        )
        power = spectrum.real.square() + spectrum.imag.square()
        return self.filters.T @ power.to(self.filters.dtype)

    def forward(self, samples: Tensor) -> Tensor:
        decibels = 10.0 * torch.log10(self.mel_power(samples).clamp_min(self._least_power))
        peak = decibels.amax(dim=(1, 2), keepdim=True).clamp_min(self.settings.quietest_peak_db)
        bottom = peak - self.settings.range_db
        if self.settings.scaling == "min-max":
            bottom = torch.maximum(bottom, decibels.amin(dim=(1, 2), keepdim=True))
        spectrogram = ((decibels - bottom) / (peak - bottom).clamp_min(_LEAST_RANGE_DB)).clamp(0.0, 1.0)
        return spectrogram[..., self.settings.kept_frames(spectrogram.shape[-1])].unsqueeze(1)
