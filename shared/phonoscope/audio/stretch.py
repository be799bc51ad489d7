"""The samples of a stretch of a recording, as ``describe`` measures them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.confined import ConfinedRecording
from phonoscope.audio.downmix import MonoDownmix
from phonoscope.audio.framing import at_rate
from phonoscope.audio.mel_power import MelAnalysis, frame_size
from phonoscope.audio.pyramid import FACTOR, Items, extremes_of
from phonoscope.audio.samples import Samples
from phonoscope.audio.spectrogram import quantised


@dataclass(frozen=True)
class Stretch:
    """Consecutive samples of a recording.

    Shape:
        - mono: ``(samples,)``, mixed down by ``MonoDownmix``
        - channels: ``(channels, samples)``

    Args:
        start: the position of the first one.
    """

    start: int
    mono: Samples
    channels: Samples
    sample_rate_hz: int

    @property
    def size_bytes(self) -> int:
        return self.mono.nbytes + self.channels.nbytes

    def extremes(self, level: int, first: int, last: int) -> Items:
        """An outline's items, from ``first`` up to ``last``. Shape: ``(items, 2)``."""
        width = FACTOR**level
        held = self.mono[first * width - self.start : last * width - self.start]
        return extremes_of(held, width)

    def columns(self, level: int, first: int, last: int) -> Items:
        """A spectrogram's columns, from ``first`` up to ``last``; silence where the stretch does not reach.

        Shape:
            - output: ``(columns, bands)``
        """
        hop = FACTOR**level
        around = frame_size(self.sample_rate_hz) // 2
        held = StreamBuffer(len(self.channels))
        held.append(self.channels)
        before = first * hop - self.start - around
        samples = held.between(before, last * hop - self.start + around)
        analysis = MelAnalysis(self.sample_rate_hz, len(self.channels), hop)
        skipped = around // hop
        power = analysis(samples)[skipped:]
        return quantised(power[: last - first])


def reach(sample_rate_hz: int) -> int:
    """How many samples before and after those of its columns a stretch needs."""
    return frame_size(sample_rate_hz)


def decoded_stretch(
    file: BinaryIO, owner: str, audio_track: int | None, sample_rate_hz: int, start: int, stop: int
) -> Stretch:
    """Decodes a recording from its start and keeps the samples from ``start`` up to ``stop``, fewer at its end.

    Args:
        owner: whom the recording belongs to.
        sample_rate_hz: its first sampling rate, at which positions count.

    Raises ``RecordingError`` as ``ConfinedRecording`` does.
    """
    mono, channels, downmix = _Kept(start, stop), _Kept(start, stop), MonoDownmix()
    with ConfinedRecording(file, owner, audio_track) as recording:
        for block in recording.blocks():
            channels.add(at_rate(block.samples, block.sample_rate_hz, sample_rate_hz))
            for mixed, rate_hz in downmix(block):
                mono.add(at_rate(mixed, rate_hz, sample_rate_hz))
            if mono.position >= stop:
                break
        else:
            for mixed, rate_hz in downmix.flush():
                mono.add(at_rate(mixed, rate_hz, sample_rate_hz))
    return Stretch(start, mono.joined()[0], channels.joined(), sample_rate_hz)


class _Kept:
    """Keeps the part of a stream that lies between two positions."""

    def __init__(self, start: int, stop: int) -> None:
        self._start, self._stop = start, stop
        self._parts: list[Samples] = []
        self.position = 0

    def add(self, samples: Samples) -> None:
        rows = np.atleast_2d(samples)
        first, last = (max(0, edge - self.position) for edge in (self._start, self._stop))
        self._parts.append(rows[:, first:last].copy())
        self.position += rows.shape[1]

    def joined(self) -> Samples:
        """Shape: ``(channels, samples)``, with the first part's channels, repeated or dropped to match."""
        kept = [part for part in self._parts if part.size] or [np.zeros((1, 0), dtype=np.float32)]
        return np.concatenate(list(_matched(kept)), axis=1)


def _matched(parts: list[Samples]) -> Iterable[Samples]:
    count = len(parts[0])
    return (part if len(part) == count else part[np.arange(count) % len(part)] for part in parts)
