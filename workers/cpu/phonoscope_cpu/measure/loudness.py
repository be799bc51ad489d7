"""Measures loudness and true peak by EBU R 128, with FFmpeg's ``ebur128`` filter."""

from __future__ import annotations

import math

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.filter.graph import Graph

from phonoscope.audio.samples import Block, Samples

_WEIGHTED_LAYOUTS = frozenset({"mono", "stereo", "3.0", "quad", "quad(side)", "5.0", "5.0(side)", "5.1", "5.1(side)"})
"""Channel layouts to whose speakers ITU-R BS.1770 gives weights."""
_MOST_CHANNELS = 64
"""The limit of FFmpeg's resampler, which finds the true peak."""
_LOWEST_RATE_HZ = 4_000
"""The K-weighting's shelf begins at 1.7 kHz."""
_GATE_LUFS = -70.0
_CEILING_LUFS = 10.0
_SHORTEST_S = 0.4
_PEAK_GAIN = 1000.0
"""The filter gives peaks to three decimals; a gain keeps those of quiet recordings exact."""
_QUIETEST_PEAK = 1e-6


class Loudness:
    """Measures the integrated loudness and the true peak of a recording.

    A mono recording counts as one speaker (3 dB less than the same signal from two). Layouts for which ITU-R BS.1770
    has no weights are folded to mono for the loudness, and ``warnings`` says so; the true peak is always that of the
    highest channel.
    """

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._form: tuple[int, int] | None = None
        self._loudness: _Filter | None = None
        self._peak: _Filter | None = None
        self._folded = self._changed = False
        self._measured_s = self._sample_peak = 0.0

    @property
    def integrated_lufs(self) -> float | None:
        """The loudness in LUFS; ``None`` when nothing is above the gate at -70 LUFS, or for less than 400 ms."""
        lufs = self._loudness.found("lavfi.r128.I", _GATE_LUFS) if self._loudness else _GATE_LUFS
        return lufs if lufs > _GATE_LUFS else None

    @property
    def true_peak_dbfs(self) -> float | None:
        """The true peak in decibels above full scale (dBTP); ``None`` below -120."""
        between = self._peak.found("lavfi.r128.true_peak", 0.0) / _PEAK_GAIN if self._peak else 0.0
        peak = max(between, self._sample_peak)
        return 20.0 * math.log10(peak) if peak >= _QUIETEST_PEAK else None

    def add(self, block: Block) -> None:
        form = (block.sample_rate_hz, len(block.samples))
        if self._form is None:
            self._form = form
            self._start(*form, block.layout)
        if form != self._form:
            self._changed = True
            return
        self._measured_s += block.samples.shape[1] / block.sample_rate_hz
        self._sample_peak = max(self._sample_peak, float(np.abs(block.samples).max()))
        if self._loudness:
            self._loudness.feed(block.samples.mean(axis=0, keepdims=True) if self._folded else block.samples)
        if self._peak:
            self._peak.feed(block.samples * np.float32(_PEAK_GAIN))

    def finish(self) -> None:
        """Ends the measurement; ``warnings`` is complete after it."""
        if self._form is None:
            return
        rate, channels = self._form
        if self._peak:
            self._peak.feed(np.zeros((channels, rate // 4), dtype=np.float32))
        texts = {
            f"loudness_lufs is that of the {channels} channels folded to mono": self._folded,
            "loudness_lufs and true_peak_dbfs end where the rate or the channels change": self._changed,
            "true_peak_dbfs is that of the samples, not between them": not self._peak,
            "loudness_lufs needs a sampling rate of at least 4 kHz": not self._loudness,
            "loudness_lufs needs at least 0.4 s": self._measured_s < _SHORTEST_S,
            "loudness_lufs is at least this: the scale ends here": (self.integrated_lufs or 0.0) >= _CEILING_LUFS,
        }
        self.warnings += [text for text, holds in texts.items() if holds]

    def _start(self, sample_rate_hz: int, channels: int, layout: str) -> None:
        layout = {1: "mono", 2: "stereo"}.get(channels, layout)
        self._folded = layout not in _WEIGHTED_LAYOUTS
        if sample_rate_hz >= _LOWEST_RATE_HZ:
            self._loudness = _Filter("metadata=1", sample_rate_hz, "mono" if self._folded else layout)
            if channels <= _MOST_CHANNELS:
                self._peak = _Filter("metadata=1:peak=true", sample_rate_hz, layout)


class _Filter:
    """An ``ebur128`` filter, which reports ten times a second."""

    def __init__(self, options: str, sample_rate_hz: int, layout: str) -> None:
        self._metadata: dict[str, str] = {}
        self._rate = sample_rate_hz
        self._layout = layout
        self._graph = Graph()
        self._graph.threads = 1
        source = self._graph.add_abuffer(sample_rate=sample_rate_hz, format="dbl", layout=layout)
        meter = self._graph.add("ebur128", options)
        self._graph.link_nodes(source, meter, self._graph.add("abuffersink")).configure()

    def found(self, name: str, otherwise: float) -> float:
        return float(self._metadata.get(name, otherwise))

    def feed(self, samples: Samples) -> None:
        packed = np.ascontiguousarray(samples.T, dtype=np.float64).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, format="dbl", layout=self._layout)
        frame.sample_rate = self._rate
        self._graph.push(frame)
        while True:
            try:
                self._metadata = self._graph.pull().metadata or self._metadata
            except (av.error.BlockingIOError, av.error.EOFError):
                return
