"""Measures loudness, its range and true peaks by EBU R 128, with FFmpeg's ``ebur128`` filter."""

from __future__ import annotations

import math
from collections import defaultdict

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.filter.graph import Graph
from numpy.typing import NDArray

from phonoscope.audio.samples import Block, Samples
from phonoscope.audio.speakers import Speakers, loudness_weights, mono_shares

_MOST_CHANNELS = 64
"""The limit of FFmpeg's resampler, which finds the true peak."""
_LOWEST_RATE_HZ = 4_000
"""The K-weighting's shelf begins at 1.7 kHz."""
_GATE_LUFS = -70.0
_CEILING_LUFS = 10.0
_MOMENTARY_S, _SHORT_TERM_S = 0.4, 3.0
_PEAK_GAIN = 1000.0
"""The filter gives peaks to three decimals; a gain keeps those of quiet recordings exact."""
_QUIETEST_PEAK = 1e-6


class Loudness:
    """Measures the loudness and the true peak of a recording.

    Each channel counts as ITU-R BS.1770 weights its speaker; a mono recording counts as one speaker (3 dB less than the
    same signal from two). Channels whose speakers are not known are folded to mono for the loudness, and ``warnings``
    says so; true peaks are always those of the channels.
    """

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.speakers: Speakers = ()
        self._form: tuple[int, Speakers] | None = None
        self._weights: NDArray[np.float32] | None = None
        self._loudness: _Filter | None = None
        self._peak: _Filter | None = None
        self._changed = False
        self._measured_s = 0.0
        self._sample_peaks: NDArray[np.float32] = np.zeros(0, dtype=np.float32)

    @property
    def integrated_lufs(self) -> float | None:
        """The loudness in LUFS; ``None`` when nothing is above the gate at -70 LUFS, or for less than 400 ms."""
        return _above_gate(self._loudness.last["I"]) if self._loudness else None

    @property
    def momentary_max_lufs(self) -> float | None:
        """The highest loudness of 400 ms; ``None`` as ``integrated_lufs``."""
        return self._highest("M", _MOMENTARY_S)

    @property
    def short_term_max_lufs(self) -> float | None:
        """The highest loudness of 3 s; ``None`` also for less than 3 s."""
        return self._highest("S", _SHORT_TERM_S)

    @property
    def range_lu(self) -> float | None:
        """The loudness range (EBU Tech 3342) in LU; ``None`` as ``short_term_max_lufs``."""
        return self._loudness.last["LRA"] if self._loudness and self.short_term_max_lufs is not None else None

    @property
    def true_peaks_dbfs(self) -> list[float | None]:
        """The true peak of each channel in decibels above full scale (dBTP); ``None`` below -120."""
        peaks = self._sample_peaks.astype(np.float64)
        for channel in range(len(peaks) if self._peak else 0):
            between = self._peak.last[f"true_peaks_ch{channel}"] if self._peak else 0.0
            peaks[channel] = max(peaks[channel], between / _PEAK_GAIN)
        return [20.0 * math.log10(peak) if peak >= _QUIETEST_PEAK else None for peak in peaks]

    @property
    def true_peak_dbfs(self) -> float | None:
        """The true peak of the highest channel."""
        return max((peak for peak in self.true_peaks_dbfs if peak is not None), default=None)

    def add(self, block: Block) -> None:
        form = (block.sample_rate_hz, block.speakers)
        if self._form is None:
            self._form = form
            self._start(*form)
        if form != self._form:
            self._changed = True
            return
        self._measured_s += block.samples.shape[1] / block.sample_rate_hz
        self._sample_peaks = np.maximum(self._sample_peaks, np.abs(block.samples).max(axis=1))
        if self._loudness:
            self._loudness.feed(self._weighted(block.samples))
        if self._peak:
            self._peak.feed(block.samples * np.float32(_PEAK_GAIN))

    def finish(self) -> None:
        """Ends the measurement; ``warnings`` is complete after it."""
        if self._form is None:
            return
        rate, speakers = self._form
        if self._peak:
            self._peak.feed(np.zeros((len(speakers), rate // 4), dtype=np.float32))
        texts = {
            f"loudness_lufs is that of the {len(speakers)} channels folded to mono": self._weights is None,
            "loudness_lufs and true_peak_dbfs end where the rate or the channels change": self._changed,
            "true_peak_dbfs is that of the samples, not between them": not self._peak,
            "loudness_lufs needs a sampling rate of at least 4 kHz": not self._loudness,
            "loudness_lufs needs at least 0.4 s": self._measured_s < _MOMENTARY_S,
            "loudness_lufs is at least this: the scale ends here": (self.integrated_lufs or 0.0) >= _CEILING_LUFS,
        }
        self.warnings += [text for text, holds in texts.items() if holds]

    def _start(self, sample_rate_hz: int, speakers: Speakers) -> None:
        self.speakers = speakers
        self._weights = loudness_weights(speakers)
        self._sample_peaks = np.zeros(len(speakers), dtype=np.float32)
        if sample_rate_hz >= _LOWEST_RATE_HZ:
            self._loudness = _Filter("metadata=1", sample_rate_hz, 1 if self._weights is None else len(speakers))
            if len(speakers) <= _MOST_CHANNELS:
                self._peak = _Filter("metadata=1:peak=true", sample_rate_hz, len(speakers))

    def _weighted(self, samples: Samples) -> Samples:
        if self._weights is None:
            folded: Samples = (mono_shares(self.speakers) @ samples)[None].astype(np.float32)
            return folded
        weighted: Samples = samples * np.sqrt(self._weights)[:, None]
        return weighted

    def _highest(self, name: str, least_s: float) -> float | None:
        reached = self._loudness is not None and self._measured_s >= least_s
        return _above_gate(self._loudness.highest[name]) if self._loudness and reached else None


def _above_gate(lufs: float) -> float | None:
    return lufs if lufs > _GATE_LUFS else None


class _Filter:
    """An ``ebur128`` filter without weights of channels, which reports ten times a second.

    Attributes:
        last: the values that it reported last.
        highest: the highest momentary (``M``) and short-term (``S``) loudness.
    """

    def __init__(self, options: str, sample_rate_hz: int, channels: int) -> None:
        self.last: defaultdict[str, float] = defaultdict(float, I=_GATE_LUFS)
        self.highest = {"M": _GATE_LUFS, "S": _GATE_LUFS}
        self._rate = sample_rate_hz
        # A layout of no order: the filter would weight speakers itself, and takes no two of a name.
        self._layout = f"{channels} channels"
        self._graph = Graph()
        self._graph.threads = 1
        source = self._graph.add_abuffer(sample_rate=sample_rate_hz, format="dbl", layout=self._layout)
        meter = self._graph.add("ebur128", options)
        self._graph.link_nodes(source, meter, self._graph.add("abuffersink")).configure()

    def feed(self, samples: Samples) -> None:
        packed = np.ascontiguousarray(samples.T, dtype=np.float64).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, format="dbl", layout=self._layout)
        frame.sample_rate = self._rate
        self._graph.push(frame)
        while True:
            try:
                self._note(self._graph.pull().metadata)
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    def _note(self, metadata: dict[str, str]) -> None:
        self.last.update({name.removeprefix("lavfi.r128."): float(value) for name, value in metadata.items()})
        for name in self.highest:
            self.highest[name] = max(self.highest[name], self.last.get(name, _GATE_LUFS))
