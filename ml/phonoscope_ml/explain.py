"""Why a model hears a label in a recording: the evidence of its windows, joined to one picture of a stretch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from phonoscope.audio.samples import Samples
from phonoscope.catalogue.architectures import Method
from phonoscope_ml.attribution import Heatmaps
from phonoscope_ml.audition import audition
from phonoscope_ml.evidence import Axes, Evidence, Heat, axes, between, read_evidence
from phonoscope_ml.frontend import FrontEndSettings
from phonoscope_ml.recorder import Witness
from phonoscope_ml.registry import Model
from phonoscope_ml.trust import Trust, measure_trust
from phonoscope_ml.windows import Window

_EDGE = 1e-3
"""What the first and last frame of a window still count where windows overlap."""


@dataclass(frozen=True)
class Witnessed:
    """One window's evidence.

    Shape:
        - heat: ``(mels, frames)``, float32 in [0, 1]; zeros where the window is silent
        - picture: ``(1, mels, frames)``
    """

    window: Window
    probability: float
    heat: Heat
    picture: torch.Tensor
    heatmaps: Heatmaps
    index: int


@dataclass(frozen=True)
class Explanation:
    """The evidence for one label in a stretch of a recording.

    Where windows overlap the joined heatmap is the mean of theirs, each weighed by the label's probability in it and
    by how near its middle the spot lies; it ends where the recording does, though the last window may reach further.

    Shape:
        - heatmap: ``(mels, columns)``, float32 in [0, 1], 1 at the strongest spot; zeros without evidence
        - samples: ``(samples,)``, the stretch, mono at the model's rate
    """

    model: Model
    label: str
    parts: list[Witnessed]
    heatmap: Heat
    grid: Axes
    samples: Samples

    @property
    def span_s(self) -> tuple[float, float]:
        return float(self.grid.seconds_edges[0]), float(self.grid.seconds_edges[-1])

    @property
    def silent(self) -> bool:
        return all(part.window.silent for part in self.parts)

    @property
    def strongest(self) -> Witnessed:
        """The window with the highest probability of the label; a silent one only where there is no other."""
        return max(self.parts, key=lambda part: (not part.window.silent, part.probability))

    @cached_property
    def evidence(self) -> Evidence:
        return read_evidence(self.heatmap, self.grid, self.label, silent=self.silent)

    def read_part(self, part: Witnessed) -> Evidence:
        """One window's evidence by itself, up to the recording's end."""
        heat, grid = _cropped(part, self.model.front_end.settings, *_span(part.window))
        return read_evidence(heat, grid, self.label, silent=part.window.silent)

    def listen(self) -> Samples:
        """The stretch as loud as the evidence is strong. Shape: as ``samples``, in [-1, 1]."""
        return audition(self.samples, self.heatmap, self.grid, self.model.front_end.settings)

    def trust(self) -> Trust | None:
        """How far the strongest window's heatmap can be believed; ``None`` in silence."""
        part = self.strongest
        if part.window.silent:
            return None
        return measure_trust(self.model.network, part.picture, part.heatmaps, part.index)


def explain(witness: Witness, label: str, method: Method) -> Explanation:
    """Explains what a witness kept, inside its ``with`` block.

    Raises:
        UnknownLabel: the model has no such label.
        InvalidRequest: the stretch asked for lies behind the recording's end.
    """
    model = witness.model
    index = model.manifest.label_index(label)
    parts = []
    for sight in witness.sights(index):
        heatmaps = witness.heatmaps(sight, index, method)
        chances = sight.chances(index)
        for place in sight.places:
            window = sight.windows[place]
            heat = np.zeros_like(heatmaps.values[place]) if window.silent else heatmaps.values[place]
            parts.append(Witnessed(window, chances[place], heat, sight.pictures[place], heatmaps, place))
    start_s = max(parts[0].window.start_s, witness.span_s[0] if witness.span_s else 0.0)
    end_s = min(parts[-1].window.end_s, witness.span_s[1] if witness.span_s else np.inf)
    heatmap, grid = _joined(parts, model.front_end.settings, start_s, end_s)
    samples = _samples(parts, model.front_end.settings.sample_rate_hz, start_s, end_s)
    return Explanation(model, label, parts, heatmap, grid, samples)


def _span(window: Window) -> tuple[float, float]:
    return window.start_s, window.end_s


def _joined(parts: list[Witnessed], settings: FrontEndSettings, start_s: float, end_s: float) -> tuple[Heat, Axes]:
    if len(parts) == 1:
        return _cropped(parts[0], settings, start_s, end_s)
    step_s = settings.frame_step * settings.hop_length / settings.sample_rate_hz
    edges = np.linspace(start_s, end_s, max(1, round((end_s - start_s) / step_s)) + 1)
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


def _cropped(part: Witnessed, settings: FrontEndSettings, start_s: float, end_s: float) -> tuple[Heat, Axes]:
    """A window's own heatmap, less what lies outside the stretch."""
    grid = axes(settings, part.window.start_s)
    inside = (grid.seconds_edges[:-1] < end_s) & (grid.seconds_edges[1:] > start_s)
    edges = grid.seconds_edges[np.append(inside, [False]) | np.append([False], inside)].clip(start_s, end_s)
    return _scaled(part.heat[:, inside]), grid.at_seconds(grid.seconds[inside].clip(start_s, end_s), edges)


def _samples(parts: list[Witnessed], rate_hz: int, start_s: float, end_s: float) -> Samples:
    origin = round(parts[0].window.start_s * rate_hz)
    whole = np.zeros(round(parts[-1].window.end_s * rate_hz) - origin, dtype=np.float32)
    for part in parts:
        at = round(part.window.start_s * rate_hz) - origin
        whole[at : at + len(part.window.samples)] = part.window.samples[: len(whole) - at]
    return whole[round(start_s * rate_hz) - origin : round(end_s * rate_hz) - origin]


def _scaled(heat: NDArray[np.floating]) -> Heat:
    peak = float(heat.max(initial=0.0))
    return (heat / peak if peak > 0.0 else heat).astype(np.float32)
