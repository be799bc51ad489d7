"""The front end of EfficientAT's networks (Schmid, Koutini and Widmer, 2023, arXiv 2211.04772): Kaldi's log mel."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, log1p
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torchaudio.compliance.kaldi import get_mel_banks

from phonoscope_ml.frontends.front_end import FrontEnd
from phonoscope_ml.frontends.settings import FrontEndSettings

_FLOOR = 1e-5
_SHIFT, _SCALE = 4.5, 5.0
_KNEE_HZ = 700.0
"""Of Kaldi's mel scale, 1127 ln(1 + f / 700)."""


@dataclass(frozen=True, kw_only=True)
class KaldiSettings(FrontEndSettings):
    """The settings of the Kaldi front end.

    Args:
        win_length: the length of the Hann window within ``n_fft``, in samples.
        pre_emphasis: the share of each sample that is taken from the next one.
    """

    kind: ClassVar[str] = "kaldi"

    sample_rate_hz: int = 32_000
    n_fft: int = 1_024
    hop_length: int = 320
    n_mels: int = 128
    f_min_hz: float = 0.0
    f_max_hz: float = 15_000.0
    win_length: int = 800
    pre_emphasis: float = 0.97
    window_s: float = 5.0
    window_hop_s: float = 2.5

    @classmethod
    def _positive(cls) -> tuple[str, ...]:
        return (*super()._positive(), "win_length")

    @property
    def silence(self) -> float:
        return (log(_FLOOR) + _SHIFT) / _SCALE

    def frames(self, samples: int) -> int:
        # Pre-emphasis takes one sample.
        return super().frames(samples - 1)

    def mel_points(self, count: int) -> NDArray[np.float64]:
        low, high = (log1p(hertz / _KNEE_HZ) for hertz in (self.f_min_hz, self.f_max_hz))
        hertz: NDArray[np.float64] = _KNEE_HZ * np.expm1(np.linspace(low, high, count))
        return hertz


class KaldiLogMel(FrontEnd):
    """Natural logarithm of the mel power after pre-emphasis, shifted and scaled to about [-1.4, 2].

    Frames are centred and padded by reflection; silence follows what is shorter than a frame.

    Shape:
        - input: ``(batch, samples)``, float32 in [-1, 1] at ``sample_rate_hz``
        - output: ``(batch, 1, n_mels, frames)``, float32, ``(samples - 1) // hop_length + 1`` frames

    >>> KaldiLogMel(KaldiSettings())(torch.zeros(2, 160_000)).shape
    torch.Size([2, 1, 128, 500])
    """

    settings: KaldiSettings

    def __init__(self, settings: KaldiSettings) -> None:
        super().__init__()
        self.settings = settings
        # No jitter of the filters, as in evaluation; the bank has no column for the Nyquist bin.
        banks, _ = get_mel_banks(
            settings.n_mels,
            settings.n_fft,
            settings.sample_rate_hz,
            settings.f_min_hz,
            settings.f_max_hz,
            vtln_low=100.0,
            vtln_high=-500.0,
            vtln_warp_factor=1.0,
        )
        self.register_buffer("window", torch.hann_window(settings.win_length, periodic=False), persistent=False)
        self.register_buffer("filters", functional.pad(banks, (0, 1)), persistent=False)

    def mel_power(self, samples: Tensor) -> Tensor:
        frames = self.settings.frames(samples.shape[1])
        samples = functional.pad(samples, (0, max(0, self.settings.n_fft - samples.shape[1])))
        emphasised = samples[:, 1:] - self.settings.pre_emphasis * samples[:, :-1]
        n_fft, length = self.settings.n_fft, self.settings.win_length
        # A frame has the samples under the window alone, as if zeros followed and did not surround them: that turns
        # the spectrum's phase and leaves its power, and takes half the time of `torch.stft`.
        before = n_fft // 2 - (n_fft - length) // 2
        padded = functional.pad(emphasised[:, None], (before, length - before), mode="reflect")[:, 0]
        spectrum = torch.fft.rfft(padded.unfold(1, length, self.settings.hop_length) * self.window, n_fft)
        power = spectrum.real.square() + spectrum.imag.square()
        mel_power: Tensor = self.filters @ power.transpose(1, 2)[..., :frames]
        return mel_power

    def forward(self, samples: Tensor) -> Tensor:
        levels = (self.mel_power(samples) + _FLOOR).log()
        return ((levels + _SHIFT) / _SCALE).unsqueeze(1)
