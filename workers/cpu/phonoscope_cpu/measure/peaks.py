"""Measures a recording's outline in one pass, in constant memory."""

from __future__ import annotations

from typing import IO

import numpy as np

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.downmix import MonoDownmix
from phonoscope.audio.framing import AtRate
from phonoscope.audio.pyramid import EXTREMES, FACTOR, OUTLINE_FINEST, PyramidWriter, extremes_of
from phonoscope.audio.samples import Block, Samples
from phonoscope.audio.waveform import MOST_POINTS, Waveform

_MOST_BUCKETS = 2 * MOST_POINTS
_ITEM = FACTOR**OUTLINE_FINEST


class WaveformMeter:
    """Measures an outline of the recording, mixed down to mono by ``MonoDownmix``.

    Buckets have one sample at first. Each time there are 8,000, pairs are merged. When the sampling rate changes within
    a recording, the samples after the change are taken at the first rate.

    Args:
        file: where the outline's pyramid is written to, of which ``finish`` makes a whole file.
    """

    def __init__(self, file: IO[bytes] | None = None) -> None:
        self._pyramid = PyramidWriter(file, EXTREMES) if file is not None else None
        self._rest = StreamBuffer()
        self._low, self._high, self._energy = (np.zeros(_MOST_BUCKETS) for _ in range(3))
        self._buffer = StreamBuffer()
        self._downmix = MonoDownmix()
        self._at_rate = AtRate()
        self._buckets = self._samples = 0
        self._width = 1

    @property
    def waveform(self) -> Waveform:
        """The outline; call ``finish`` first."""
        lengths = np.full(self._buckets, self._width)
        lengths[-1:] = self._samples - self._width * (self._buckets - 1)
        low, high, energy = (values[: self._buckets] for values in (self._low, self._high, self._energy))
        return Waveform(
            low=low.astype(np.float32),
            high=high.astype(np.float32),
            rms=np.sqrt(energy / lengths).astype(np.float32),
            bucket_samples=self._width,
            samples=self._samples,
            sample_rate_hz=self._at_rate.rate_hz,
        )

    def add(self, block: Block) -> None:
        for mono, rate_hz in self._downmix(block):
            self._add(mono, rate_hz)

    def finish(self) -> None:
        """Puts the remaining samples into a last, shorter bucket."""
        for mono, rate_hz in self._downmix.flush():
            self._add(mono, rate_hz)
        if len(self._buffer):
            if self._buckets == _MOST_BUCKETS:
                self._halve()
            self._put(self._buffer.take(len(self._buffer))[None, :])
        if self._pyramid is not None and self._samples:
            self._pyramid.add(extremes_of(self._rest.take(len(self._rest)), _ITEM))
            self._pyramid.finish(OUTLINE_FINEST, self._samples, self._at_rate.rate_hz)

    def _add(self, mono: Samples, sample_rate_hz: int) -> None:
        for samples in self._at_rate(mono, sample_rate_hz):
            self._append(samples)

    def _append(self, samples: Samples) -> None:
        self._samples += len(samples)
        self._buffer.append(samples)
        if self._pyramid is not None:
            self._rest.append(samples)
            self._pyramid.add(extremes_of(self._rest.take(len(self._rest) // _ITEM * _ITEM), _ITEM))
        while len(self._buffer) >= self._width:
            self._fill()

    def _fill(self) -> None:
        if self._buckets == _MOST_BUCKETS:
            self._halve()
        count = min(len(self._buffer) // self._width, _MOST_BUCKETS - self._buckets)
        self._put(self._buffer.take(count * self._width).reshape(count, self._width))

    def _put(self, rows: Samples) -> None:
        place = slice(self._buckets, self._buckets + len(rows))
        self._low[place], self._high[place] = rows.min(axis=1), rows.max(axis=1)
        self._energy[place] = np.square(rows, dtype=np.float64).sum(axis=1)
        self._buckets += len(rows)

    def _halve(self) -> None:
        half = self._buckets // 2
        self._low[:half] = np.minimum(self._low[0::2], self._low[1::2])
        self._high[:half] = np.maximum(self._high[0::2], self._high[1::2])
        self._energy[:half] = self._energy[0::2] + self._energy[1::2]
        self._buckets, self._width = half, 2 * self._width
