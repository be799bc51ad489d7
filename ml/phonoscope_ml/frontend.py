"""The front end: samples to the network's log-mel spectrogram, by the same module in training and in serving."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from math import ceil, floor
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

_LEAST_RANGE_DB = 1e-3
"""A window without contrast is dark, not a division by zero."""


@dataclass(frozen=True)
class FrontEndSettings:
    """The settings of a front end, in hertz, seconds and samples; decibels are relative to full scale mel power.

    Args:
        range_db: the distance of the floor below the peak.
        quietest_peak_db: a window whose peak is lower is measured from this level instead, so that silence stays dark
            rather than being amplified into noise.
        scaling: the level that becomes 0: the floor (``range``), or the window's quietest spot above it (``min-max``).
        frame_offset, frame_step: of the transform's frames the spectrogram keeps those at ``floor(offset + i * step)``.
        window_s, window_hop_s: the length and the hop of windows.
    """

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

    def __post_init__(self) -> None:
        positive = (
            "sample_rate_hz",
            "n_fft",
            "hop_length",
            "n_mels",
            "range_db",
            "frame_step",
            "window_s",
            "window_hop_s",
        )
        for name in positive:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0")
        if not 0.0 <= self.f_min_hz < self.f_max_hz <= self.sample_rate_hz / 2:
            raise ValueError("f_min_hz and f_max_hz must rise and lie between 0 and half the sample rate")

    @property
    def window_samples(self) -> int:
        return round(self.window_s * self.sample_rate_hz)

    @property
    def window_hop_samples(self) -> int:
        return round(self.window_hop_s * self.sample_rate_hz)

    def kept_frames(self, frames: int) -> list[int]:
        """The indices of the transform's frames that a spectrogram keeps."""
        count = max(0, ceil((frames - self.frame_offset) / self.frame_step))
        return [floor(self.frame_offset + index * self.frame_step) for index in range(count)]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Reads settings from a dict. Raises ``TypeError`` when one is unknown, ``ValueError`` when one is missing."""
        settings = cls(**values)
        missing = [field.name for field in fields(cls) if field.name not in values]
        if missing:
            raise ValueError(f"front_end lacks {', '.join(missing)}")
        return settings


class LogMel(nn.Module):
    """Power mel spectrogram in decibels below the window's own peak, scaled to [0, 1].

    Frames are centred and padded with silence. The transform is computed in double precision.

    Shape:
        - input: ``(batch, samples)``, float32 in [-1, 1] at ``sample_rate_hz``
        - output: ``(batch, 1, n_mels, frames)``, float32 in [0, 1]; the transform has ``samples // hop_length + 1``
          frames, of which the settings may keep a part

    >>> LogMel(FrontEndSettings())(torch.zeros(2, 44_100)).shape
    torch.Size([2, 1, 128, 26])
    """

    filters: Tensor
    window: Tensor

    def __init__(self, settings: FrontEndSettings) -> None:
        super().__init__()
        self.settings = settings
        self._least_power = 10.0 ** ((settings.quietest_peak_db - settings.range_db) / 10.0 - 1.0)
        self.register_buffer("window", torch.hann_window(settings.n_fft, dtype=torch.float64), persistent=False)
        self.register_buffer("filters", mel_filters(settings), persistent=False)

    def on(self, device: torch.device) -> Self:
        """The front end on a device, in double precision where the device has it (``mps`` has not)."""
        if device.type == "mps":
            self.window = self.window.float()
        return self.to(device)

    def mel_power(self, samples: Tensor) -> Tensor:
        """The mel power of every frame of the transform. Shape: ``(batch, samples)`` to ``(batch, n_mels, frames)``."""
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
