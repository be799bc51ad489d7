"""Explains a model's label: the evidence of a recording's windows, joined to one heatmap of a span."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from phonoscope.audio.samples import Samples
from phonoscope.catalogue.architectures import Method
from phonoscope_ml.attribution import Heatmaps
from phonoscope_ml.evidence import Axes, Evidence, Heat, axes, between, read_evidence
from phonoscope_ml.frontends import FrontEndSettings
from phonoscope_ml.heads import HeadedNetwork
from phonoscope_ml.networks import Network
from phonoscope_ml.recorder import EvidenceRecorder
from phonoscope_ml.registry import Model
from phonoscope_ml.sonify import sonify
from phonoscope_ml.trust import Trust, measure_trust
from phonoscope_ml.windows import Window

_EDGE = 1e-3
"""The weight of a window's first and last frame where windows overlap."""


@dataclass(frozen=True)
class WindowEvidence:
    """The evidence for a label in one window.

    Args:
        network: with the logits of the model's head in this window.
        index: the window's index in ``heatmaps``.

    Shape:
        - heat: ``(mels, frames)``, float32 in [0, 1]; zeros where the window is silent
        - spectrogram: ``(1, mels, frames)``
    """

    network: Network
    window: Window
    probability: float
    heat: Heat
    spectrogram: torch.Tensor
    heatmaps: Heatmaps
    index: int


@dataclass(frozen=True)
class Explanation:
    """The evidence for one label in a span of a recording.

    Where windows overlap the joined heatmap is the mean of theirs, each weighted by the label's probability in it and
    by the spot's distance from its middle. It ends with the recording, though the last window may reach further.

    Shape:
        - heatmap: ``(mels, columns)``, float32 in [0, 1], 1 at the strongest spot; zeros without evidence
        - samples: ``(samples,)``, the span, mono at the model's rate
    """

    model: Model
    label: str
    parts: list[WindowEvidence]
    heatmap: Heat
    grid: Axes
    samples: Samples

    @property
    def span_s(self) -> tuple[float, float]:
        return float(self.grid.seconds_edges[0]), float(self.grid.seconds_edges[-1])

    @property
    def cell_s(self) -> float:
        """The seconds of one cell of the layer, before the heatmap is smoothed."""
        heatmaps = self.parts[0].heatmaps
        stride: float = heatmaps.values.shape[-1] / heatmaps.raw.shape[-1]
        return self.model.front_end.settings.frame_s * stride

    @property
    def cell_bands(self) -> int:
        """How many bands the layer tells apart."""
        return int(self.parts[0].heatmaps.raw.shape[-2])

    @property
    def silent(self) -> bool:
        return all(part.window.silent for part in self.parts)

    @property
    def strongest(self) -> WindowEvidence:
        """The window with the highest probability of the label; a silent one only when all are silent."""
        return max(self.parts, key=lambda part: (not part.window.silent, part.probability))

    @cached_property
    def evidence(self) -> Evidence:
        return read_evidence(self.heatmap, self.grid, self.label, silent=self.silent)

    def read_part(self, part: WindowEvidence) -> Evidence:
        """The evidence of one window, up to the recording's end."""
        heat, grid = _cropped(part, self.model.front_end.settings, *_span(part.window))
        return read_evidence(heat, grid, self.label, silent=part.window.silent)

    def sonify(self) -> Samples:
        """The span's samples filtered by the heatmap, in [-1, 1]. Shape: as ``samples``."""
        return sonify(self.samples, self.heatmap, self.grid, self.model.front_end.settings)

    def trust(self) -> Trust | None:
        """Measures how faithful the strongest window's heatmap is; ``None`` in silence."""
        part = self.strongest
        if part.window.silent:
            return None
        silence = self.model.front_end.settings.silence
        return measure_trust(part.network, part.spectrogram, part.heatmaps, part.index, silence=silence)


def explain(recorder: EvidenceRecorder, label: str, method: Method) -> Explanation:
    """Explains a label from the recorded evidence, inside the recorder's ``with`` block.

    Raises:
        UnknownLabel: the model has no such label.
        InvalidRequest: the span starts after the recording's end.
    """
    model = recorder.model
    label_index = model.manifest.label_index(label)
    parts = []
    for batch in recorder.batches(label_index):
        heatmaps = recorder.heatmaps(batch, label_index, method)
        probabilities = batch.probabilities(label_index)
        for index in batch.indices:
            window = batch.windows[index]
            heat = np.zeros_like(heatmaps.values[index]) if window.silent else heatmaps.values[index]
            network = _for_window(batch.network, index)
            spectrogram = batch.spectrograms[index]
            parts.append(WindowEvidence(network, window, probabilities[index], heat, spectrogram, heatmaps, index))
    start_s = max(parts[0].window.start_s, recorder.span_s[0] if recorder.span_s else 0.0)
    end_s = min(parts[-1].window.end_s, recorder.span_s[1] if recorder.span_s else np.inf)
    heatmap, grid = _joined(parts, model.front_end.settings, start_s, end_s)
    samples = _samples(parts, model.front_end.settings.sample_rate_hz, start_s, end_s)
    return Explanation(model, label, parts, heatmap, grid, samples)


def _for_window(network: Network, index: int) -> Network:
    """The network for one window of a batch, with what the head's other bodies heard there."""
    if isinstance(network, HeadedNetwork) and network.context is not None:
        return network.beside(network.context[index : index + 1])
    return network


def _span(window: Window) -> tuple[float, float]:
    return window.start_s, window.end_s


def _joined(parts: list[WindowEvidence], settings: FrontEndSettings, start_s: float, end_s: float) -> tuple[Heat, Axes]:
    if len(parts) == 1:
        return _cropped(parts[0], settings, start_s, end_s)
    edges = np.linspace(start_s, end_s, max(1, round((end_s - start_s) / settings.frame_s)) + 1)
    grid = axes(settings).at_seconds((edges[1:] + edges[:-1]) / 2, edges)
    total, weights = np.zeros((settings.n_mels, len(grid.seconds))), np.zeros(len(grid.seconds))
    for part in parts:
        own = axes(settings, part.window.start_s)
        inside = np.flatnonzero((grid.seconds >= part.window.start_s) & (grid.seconds <= part.window.end_s))
        seconds = grid.seconds[inside]
        weight = _EDGE + np.sin(np.pi * (seconds - part.window.start_s) / settings.window_s) ** 2
        total[:, inside] += weight * part.probability * between(seconds, own.seconds, part.heat)
        weights[inside] += weight
    return _scaled(total / np.maximum(weights, _EDGE)), grid


def _cropped(part: WindowEvidence, settings: FrontEndSettings, start_s: float, end_s: float) -> tuple[Heat, Axes]:
    """The heatmap of one window, cut to the span."""
    grid = axes(settings, part.window.start_s)
    inside = (grid.seconds_edges[:-1] < end_s) & (grid.seconds_edges[1:] > start_s)
    edges = grid.seconds_edges[np.append(inside, [False]) | np.append([False], inside)].clip(start_s, end_s)
    return _scaled(part.heat[:, inside]), grid.at_seconds(grid.seconds[inside].clip(start_s, end_s), edges)


def _samples(parts: list[WindowEvidence], rate_hz: int, start_s: float, end_s: float) -> Samples:
    origin = round(parts[0].window.start_s * rate_hz)
    whole = np.zeros(round(parts[-1].window.end_s * rate_hz) - origin, dtype=np.float32)
    for part in parts:
        at = round(part.window.start_s * rate_hz) - origin
        whole[at : at + len(part.window.samples)] = part.window.samples[: len(whole) - at]
    return whole[round(start_s * rate_hz) - origin : round(end_s * rate_hz) - origin]


def _scaled(heat: NDArray[np.floating]) -> Heat:
    peak = float(heat.max(initial=0.0))
    return (heat / peak if peak > 0.0 else heat).astype(np.float32)
