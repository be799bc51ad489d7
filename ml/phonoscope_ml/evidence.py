"""Reads a heatmap: its evidence in seconds, hertz and words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.bands import BANDS
from phonoscope_ml.frontends import FrontEndSettings

Heat = NDArray[np.float32]
Axis = NDArray[np.float64]

_MOST = 0.5
_KILOHERTZ = 1_000.0
_MINUTE = 600
"""Tenths of a second."""
_ALIKE = 1e-5
"""Rows that differ by a smaller share of the peak differ by rounding alone."""
_SHARES_TRIED = np.arange(0.5, 1.0, 0.05)
"""Along each axis; with the largest along both, more than half of the evidence is within."""


@dataclass(frozen=True)
class Axes:
    """The frequencies of a heatmap's rows and the times of its columns.

    Shape:
        - hertz: ``(mels,)``, centres; hertz_edges: ``(mels + 1,)``, halfway between centres on the mel scale
        - seconds: ``(frames,)``, centres, from the recording's start; seconds_edges: ``(frames + 1,)``
    """

    hertz: Axis
    hertz_edges: Axis
    seconds: Axis
    seconds_edges: Axis

    def at_seconds(self, seconds: Axis, edges: Axis) -> Axes:
        """The same rows with other columns."""
        return Axes(self.hertz, self.hertz_edges, seconds, edges)


@dataclass(frozen=True)
class EvidenceBand:
    """A frequency band and its share of the evidence; the highest band has no upper end."""

    name: str
    low_hz: float
    high_hz: float | None
    share: float


@dataclass(frozen=True)
class Region:
    """The smallest rectangle that holds most of the evidence."""

    low_hz: float
    high_hz: float
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Evidence:
    """A heatmap's evidence: shares that add up to 1, or are all 0 without evidence; then there is no region."""

    bands: list[EvidenceBand]
    region: Region | None
    reading: str


def axes(settings: FrontEndSettings, start_s: float = 0.0) -> Axes:
    """The axes of a window's spectrogram.

    Args:
        settings: the front end's.
        start_s: the window's start in its recording, in seconds.
    """
    hertz = settings.mel_points(2 * settings.n_mels + 3)
    seconds = settings.frame_seconds()
    return Axes(
        hertz=hertz[2:-2:2],
        hertz_edges=hertz[1:-1:2],
        seconds=start_s + seconds,
        seconds_edges=start_s + _between(seconds, 0.0, settings.window_s),
    )


def read_evidence(heatmap: Heat, grid: Axes, label: str, *, silent: bool = False) -> Evidence:
    """Reads a heatmap's evidence.

    Args:
        grid: the axes of its rows and columns.
        label: the label that the evidence is for.
        silent: the audio is silent, so that its heatmap is no evidence.

    Shape:
        - heatmap: ``(mels, frames)``, from 0 up

    >>> from phonoscope_ml.frontends import DecibelSettings
    >>> read_evidence(np.zeros((128, 126)), axes(DecibelSettings()), "dog").reading
    'There is no evidence for *dog*.'
    """
    if silent:
        heatmap = np.zeros_like(heatmap)
    alike = _same_in_all_bands(heatmap)
    region = _region(heatmap, grid, alike=alike)
    return Evidence(_bands(heatmap, grid), region, _sentence(region, grid, label, silent=silent, alike=alike))


def between(points: Axis, known: Axis, values: Heat) -> Heat:
    """Interpolates linearly between columns; constant before the first and after the last.

    Shape:
        - points: ``(wanted,)``; known: ``(columns,)``, rising; values: ``(rows, columns)``
        - output: ``(rows, wanted)``
    """
    if len(known) == 1:
        return np.repeat(values, len(points), axis=1)
    right = np.searchsorted(known, points).clip(1, len(known) - 1)
    left = right - 1
    weight = ((points - known[left]) / (known[right] - known[left])).clip(0.0, 1.0)
    mixed: Heat = values[:, left] * (1.0 - weight) + values[:, right] * weight
    return mixed


def _between(centres: Axis, first: float, last: float) -> Axis:
    edges = np.concatenate([[first], (centres[1:] + centres[:-1]) / 2, [last]])
    return np.maximum.accumulate(edges)


def _bands(heatmap: Heat, grid: Axes) -> list[EvidenceBand]:
    profile = heatmap.sum(axis=1, dtype=np.float64)
    total = profile.sum()
    shares = profile / total if total > 0.0 else np.zeros_like(profile)
    low, high = grid.hertz_edges[:-1], grid.hertz_edges[1:]
    found = []
    for name, low_hz, high_hz in BANDS:
        # What is below the lowest band is counted with it, so that the shares add up to 1.
        begin, end = (0.0 if low_hz == BANDS[0].low_hz else low_hz), (np.inf if high_hz is None else high_hz)
        inside = (np.minimum(high, end) - np.maximum(low, begin)).clip(0.0) / (high - low)
        found.append(EvidenceBand(name, low_hz, high_hz, float(shares @ inside)))
    return found


def _region(heatmap: Heat, grid: Axes, *, alike: bool) -> Region | None:
    total = heatmap.sum(dtype=np.float64)
    if not total > 0.0:
        return None
    # Faint evidence all over a window widens a rectangle with equal shares along both axes far beyond a short sound.
    rows, columns = grid.hertz_edges, grid.seconds_edges
    high = [_narrowest(heatmap.sum(axis=1, dtype=np.float64), rows, share) for share in _SHARES_TRIED]
    if alike:
        high = [(0, len(heatmap))]
    long = [_narrowest(heatmap.sum(axis=0, dtype=np.float64), columns, share) for share in _SHARES_TRIED]
    _, (top, bottom), (left, right) = min(
        ((bottom - top) * (right - left), (top, bottom), (left, right))
        for top, bottom in high
        for left, right in long
        if heatmap[top:bottom, left:right].sum(dtype=np.float64) > _MOST * total
    )
    return Region(float(rows[top]), float(rows[bottom]), float(columns[left]), float(columns[right]))


def _same_in_all_bands(heatmap: Heat) -> bool:
    """Whether the evidence is over time only, as that of a layer with one row."""
    return bool(np.ptp(heatmap, axis=0).max() <= _ALIKE * heatmap.max())


def _narrowest(profile: Axis, edges: Axis, share: float) -> tuple[int, int]:
    """The fewest neighbouring cells that have a share of the evidence; of several stretches the narrowest."""
    sums = np.concatenate([[0.0], profile.cumsum()])
    ends = np.searchsorted(sums, sums[:-1] + share * sums[-1])
    starts = np.flatnonzero(ends < len(sums))
    widths = ends[starts] - starts
    best = starts[np.lexsort((edges[ends[starts]] - edges[starts], widths))[0]]
    return int(best), int(ends[best])


def _sentence(region: Region | None, grid: Axes, label: str, *, silent: bool, alike: bool) -> str:
    if silent:
        return f"There is only silence, and no evidence for *{label}*."
    if region is None:
        return f"There is no evidence for *{label}*."
    where = "in all bands alike" if alike else f"between {_hertz(region.low_hz)} and {_hertz(region.high_hz)}"
    start, end = max(region.start_s, grid.seconds_edges[0]), min(region.end_s, grid.seconds_edges[-1])
    return f"Most of the evidence for *{label}* lies {where}, at {_seconds(start, end)}."


def _seconds(start_s: float, end_s: float) -> str:
    """A stretch as a player's clock has it, in seconds alone where it ends within the first minute.

    >>> _seconds(0.3, 0.9), _seconds(81.0, 84.24), _seconds(59.97, 3_661.0)
    ('0.3–0.9 s', '1:21.0–1:24.2', '1:00.0–1:01:01.0')
    """
    tenths = round(10 * start_s), round(10 * end_s)
    if tenths[1] < _MINUTE:
        return f"{start_s:.1f}–{end_s:.1f} s"
    return "–".join(_clock(each) for each in tenths)


def _clock(tenths: int) -> str:
    minutes, rest = divmod(tenths, _MINUTE)
    hours, minutes = divmod(minutes, 60)
    front = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{front}:{rest / 10:04.1f}"


def _hertz(hertz: float) -> str:
    """A frequency with two digits, the precision of a heatmap."""
    rounded = float(f"{hertz:.2g}")
    return f"{rounded / _KILOHERTZ:g} kHz" if rounded >= _KILOHERTZ else f"{rounded:g} Hz"
