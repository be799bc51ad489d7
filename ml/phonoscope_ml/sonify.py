"""Makes a heatmap audible: filters the window by it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from phonoscope.audio.decode import Samples
from phonoscope_ml.evidence import Axes, Heat, between
from phonoscope_ml.frontends import FrontEndSettings

_OVERLAP = 4
_FULL_SCALE = 1.0


def sonify(samples: Samples, heatmap: Heat, grid: Axes, settings: FrontEndSettings) -> Samples:
    """Filters a window by its heatmap: heat 1 leaves a spot unchanged, heat 0 silences it. The phase is kept.

    Frequencies outside the spectrogram's range are silent.

    Args:
        samples: in [-1, 1] at the front end's rate; a window or less, from its start.
        heatmap: the window's own.
        settings: the front end's.

    Shape:
        - samples: ``(samples,)``; heatmap: ``(mels, frames)``, in [0, 1]
        - output: ``(samples,)``, float32 in [-1, 1]

    >>> from phonoscope_ml.evidence import axes
    >>> from phonoscope_ml.frontends import DecibelSettings
    >>> settings = DecibelSettings()
    >>> sonify(np.zeros(220_500, np.float32), np.ones((128, 126), np.float32), axes(settings), settings).shape
    (220500,)
    """
    if len(samples) == 0:
        return np.zeros(0, dtype=np.float32)
    # Finer steps than the spectrogram's, so that every sample is within several windows.
    hop = settings.n_fft // _OVERLAP
    window = torch.hann_window(settings.n_fft)
    spectrum = torch.stft(
        torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32)),
        settings.n_fft,
        hop,
        window=window,
        pad_mode="constant",
        return_complex=True,
    )
    mask = torch.from_numpy(_mask(heatmap, grid, settings, hop, spectrum.shape[1]))
    filtered = torch.istft(spectrum * mask, settings.n_fft, hop, window=window, length=len(samples)).numpy()
    return _peak_safe(filtered)


def _mask(heatmap: Heat, grid: Axes, settings: FrontEndSettings, hop: int, frames: int) -> NDArray[np.float32]:
    """Shape: ``(mels, spectrogram frames)`` to ``(n_fft // 2 + 1, frames)``."""
    hertz = np.linspace(0.0, settings.sample_rate_hz / 2, settings.n_fft // 2 + 1)
    seconds = grid.seconds_edges[0] + np.arange(frames) * hop / settings.sample_rate_hz
    in_time = between(seconds, grid.seconds, heatmap.clip(0.0, 1.0))
    mask = between(hertz, grid.hertz, in_time.T).T
    mask[(hertz < settings.f_min_hz) | (hertz > settings.f_max_hz)] = 0.0
    return mask.astype(np.float32)


def _peak_safe(samples: Samples) -> Samples:
    peak = float(np.abs(samples).max())
    return samples if peak <= _FULL_SCALE else (samples / np.float32(peak)).clip(-_FULL_SCALE, _FULL_SCALE)
