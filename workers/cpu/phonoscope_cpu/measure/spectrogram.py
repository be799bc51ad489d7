"""Measures a recording's mel spectrogram in one pass, in constant memory."""

from __future__ import annotations

from typing import IO

import numpy as np

from phonoscope.audio.framing import AtRate
from phonoscope.audio.mel_power import MelAnalysis
from phonoscope.audio.pyramid import FACTOR, LEVELS, PyramidWriter, spectrogram_finest
from phonoscope.audio.samples import Block, Samples
from phonoscope.audio.spectrogram import MEL_BANDS, MelSpectrogram, quantised

_MOST_COLUMNS = 4_000


class Spectrogram:
    """Measures columns of one frame each at first; each time there are more than 4,000, pairs are merged.

    A column is the mean power of its frames and of the channels. A frame lasts 40 ms, or as much longer as it takes for
    a transform's bin to be no wider than a mel band. Where the sampling rate changes within a recording, the samples
    after it are taken at the first rate.

    Args:
        file: where the spectrogram's pyramid is written to, of which ``finish`` makes a whole file.
    """

    def __init__(self, file: IO[bytes] | None = None) -> None:
        self._power = np.zeros((_MOST_COLUMNS, MEL_BANDS))
        self._frames = self._samples = 0
        self._width = 1
        self._at_rate = AtRate()
        self._analysis: MelAnalysis | None = None
        self._pyramid = _Columns(file) if file is not None else None

    @property
    def spectrogram(self) -> MelSpectrogram:
        """The spectrogram; call ``finish`` first. Raises ``ValueError`` when no block was added."""
        if self._analysis is None:
            raise ValueError("no block was added")
        columns = -(-self._frames // self._width)
        frames = np.full((columns, 1), self._width)
        frames[-1] = self._frames - self._width * (columns - 1)
        return MelSpectrogram(
            levels=np.ascontiguousarray(quantised(self._power[:columns] / frames).T),
            column_samples=self._width * self._analysis.hop,
            samples=self._samples,
            sample_rate_hz=self._analysis.sample_rate_hz,
        )

    def add(self, block: Block) -> None:
        if self._analysis is None:
            self._analysis = MelAnalysis(block.sample_rate_hz, len(block.samples))
        for samples in self._at_rate(block.samples, block.sample_rate_hz):
            self._samples += samples.shape[1]
            self._put(self._analysis(samples))

    def finish(self) -> None:
        """Measures the samples that are still buffered."""
        if self._analysis is not None:
            left = -(-self._samples // self._analysis.hop) - self._frames
            self._put(self._analysis.flush()[:left])
            if self._pyramid is not None:
                self._pyramid.finish(self._samples, self._analysis.sample_rate_hz)

    def _put(self, power: Samples) -> None:
        if self._pyramid is not None and self._analysis is not None:
            self._pyramid.add(power, self._analysis)
        while (self._frames + len(power) - 1) // self._width >= _MOST_COLUMNS:
            self._halve()
        if len(power):
            columns = (self._frames + np.arange(len(power))) // self._width
            starts = np.flatnonzero(np.diff(columns, prepend=-1))
            self._power[columns[starts]] += np.add.reduceat(power, starts, axis=0, dtype=np.float64)
            self._frames += len(power)

    def _halve(self) -> None:
        half = _MOST_COLUMNS // 2
        self._power[:half] = self._power[0::2] + self._power[1::2]
        self._power[half:] = 0.0
        self._width *= 2


class _Columns:
    """Joins frames to the columns of a pyramid's finest level."""

    def __init__(self, file: IO[bytes]) -> None:
        self._writer = PyramidWriter(file, LEVELS)
        self._finest = 0
        self._rest = np.zeros((0, MEL_BANDS), dtype=np.float32)

    def add(self, power: Samples, analysis: MelAnalysis) -> None:
        self._finest = spectrogram_finest(analysis.sample_rate_hz, analysis.hop)
        width = FACTOR**self._finest // analysis.hop
        held = np.concatenate([self._rest, power])
        whole = len(held) // width * width
        self._rest = held[whole:]
        self._writer.add(quantised(held[:whole].reshape(-1, width, MEL_BANDS).mean(axis=1)))

    def finish(self, samples: int, sample_rate_hz: int) -> None:
        if len(self._rest):
            self._writer.add(quantised(self._rest.mean(axis=0, keepdims=True)))
        self._writer.finish(self._finest, samples, sample_rate_hz)
