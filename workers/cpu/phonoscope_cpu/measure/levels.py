"""Measures the shares of silence and of clipping in a recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.samples import Block

_SILENCE_DBFS = -60.0
_STRETCH_S = 0.05
_RUN = 3
_FULL_SCALE = 1.0 - 2.0**-15
_FULL_SCALES = {
    "pcm_u8": 1.0 - 2.0**-7,
    "pcm_s8": 1.0 - 2.0**-7,
    "pcm_mulaw": 32_124 / 2**15,
    "pcm_alaw": 32_256 / 2**15,
}
"""The largest value of codecs whose full scale is below that of 16 bits."""


class SilenceAndClipping:
    """Measures the share of time that is silent and the share of samples that are clipped.

    A stretch of 50 ms is silent when every channel's RMS is below -60 dBFS. A sample is clipped when it is in a run of
    at least three at or above the codec's full scale, since a single sample may reach it without clipping.
    """

    def __init__(self, codec: str) -> None:
        self._full_scale = _FULL_SCALES.get(codec, _FULL_SCALE)
        self._samples = self._clipped = 0
        self._heard_s = self._silent_s = 0.0

    @property
    def silence_share(self) -> float:
        """The share of time that is silent, in [0, 1]; 1 for a recording without samples."""
        return self._silent_s / self._heard_s if self._heard_s else 1.0

    @property
    def clipping_share(self) -> float:
        """The share of samples that are clipped, over all channels, in [0, 1]."""
        return self._clipped / self._samples if self._samples else 0.0

    def add(self, block: Block) -> None:
        self._samples += block.samples.size
        self._clipped += _in_runs(np.abs(block.samples) >= self._full_scale)
        length = max(1, round(_STRETCH_S * block.sample_rate_hz))
        starts = np.arange(0, block.samples.shape[1], length)
        lengths = np.diff(starts, append=block.samples.shape[1])
        energy = np.add.reduceat(np.square(block.samples, dtype=np.float64), starts, axis=1).max(axis=0)
        silent = energy < lengths * 10.0 ** (_SILENCE_DBFS / 10.0)
        self._heard_s += block.samples.shape[1] / block.sample_rate_hz
        self._silent_s += float(lengths[silent].sum()) / block.sample_rate_hz

    def finish(self) -> None:
        """Does nothing: no samples are buffered."""


def _in_runs(hot: NDArray[np.bool_]) -> int:
    """The number of samples in runs of three or more along the last axis."""
    if hot.shape[-1] < _RUN or not hot.any():
        return 0
    middle = hot[..., :-2] & hot[..., 1:-1] & hot[..., 2:]
    runs = np.zeros_like(hot)
    for shift in range(_RUN):
        runs[..., shift : shift + middle.shape[-1]] |= middle
    return int(runs.sum())
