"""Parts of a recording as ``describe`` measures them: samples to be drawn or heard, columns for a spectrogram."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

import numpy as np

from phonoscope.audio.confined import ConfinedRecording
from phonoscope.audio.downmix import MonoDownmix, context_samples, hop_samples
from phonoscope.audio.framing import AtRate, Place, at_rate
from phonoscope.audio.mel_power import MelAnalysis, frame_size
from phonoscope.audio.part import WALKED
from phonoscope.audio.partial_file import PartialFile
from phonoscope.audio.points import SeekPoint, SeekPoints
from phonoscope.audio.pyramid import FACTOR, Items, extremes_of
from phonoscope.audio.samples import Block, Samples, stereo
from phonoscope.audio.speakers import Speakers
from phonoscope.audio.spectrogram import MelLevels, quantised
from phonoscope.errors import UndecodableRecording

_COUNTED = frozenset({"wav", "w64", "aiff", "caf"})
_INDEXED = frozenset({"flac", "ogg", "mp4", "mov", "3gp", "au", "wv", "tta"})
_SAME_S = 0.1
_SLAB_VALUES = 1 << 20
_MOST_RUNS = 128
"""Of joined recordings that are decoded for one part."""


def leads_anywhere(container: str, codec: str, warnings: Iterable[str]) -> bool:
    """Whether any part of a recording can be decoded to the sample without all that is before it.

    In Matroska and WebM times are milliseconds, others have none; where something was lost, bytes say nothing of times.
    """
    if container in _COUNTED and codec.startswith("pcm_"):
        return True
    return container in _INDEXED | WALKED and not list(warnings)


@dataclass(frozen=True)
class Stretch:
    """Consecutive samples of a recording, mixed down by ``MonoDownmix``.

    Shape:
        - mono: ``(samples,)``

    Args:
        start: the position of the first one.
    """

    start: int
    mono: Samples

    @property
    def size_bytes(self) -> int:
        return self.mono.nbytes

    def extremes(self, level: int, first: int, last: int) -> Items:
        """An outline's items, from ``first`` up to ``last``. Shape: ``(items, 2)``."""
        width = FACTOR**level
        return extremes_of(self.mono[first * width - self.start : last * width - self.start], width)


@dataclass(frozen=True)
class StoredRecording:
    """A recording that parts are decoded of.

    Args:
        owner: whom it belongs to.
        audio_track: the index of the audio track.
        sample_rate_hz: its first sampling rate, at which positions count.
        samples: how many there are at that rate.
        leads_anywhere: as the function of this name says.
        most_before: how many samples before a part are decoded at most, where nothing leads there.
        points: those that ``describe`` has found; a recording that it measured before it kept them has none.
    """

    file: BinaryIO | PartialFile
    owner: str
    audio_track: int | None
    sample_rate_hz: int
    samples: int
    channels: int
    leads_anywhere: bool
    most_before: int
    points: SeekPoints | None = None

    def stretch(self, start: int, stop: int) -> Stretch:
        """The samples from ``start`` up to ``stop``, fewer at the recording's end.

        Raises:
            RecordingError: as ``ConfinedRecording`` does; ``UndecodableRecording`` also where neither points nor the
                container lead to a part that is too far from the start.
        """
        with self._from(start - self._context) as opened:
            place, blocks = _from_a_hop(*opened, self.sample_rate_hz)
            mixed = _mixed(MonoDownmix(), blocks)
            parts = [part.copy() for part in self._wanted(place, mixed, start, stop)]
        return Stretch(start, np.concatenate(parts or [np.zeros(0, dtype=np.float32)]))

    def sound(self, start: int, stop: int) -> Generator[Samples]:
        """Left and right, as by ``phonoscope.audio.samples.stereo``, in pieces; fewer at the recording's end.

        Shape:
            - pieces: ``(2, samples)``

        Raises as ``stretch`` does.
        """
        with self._from(start) as (place, blocks):
            mixed = ((stereo(block), block.sample_rate_hz) for block in blocks)
            yield from self._between(place, mixed, start, min(stop, self.samples), 2)

    def columns(self, level: int, first: int, last: int, window: int | None = None) -> MelLevels:
        """A spectrogram's columns, from ``first`` up to ``last``; silence where the recording does not reach.

        Args:
            window: samples in the window of a frame, a power of two; without one it is shorter the finer the level. Of
                columns that are longer than half of it, the mean power of frames that overlap by half.

        Shape:
            - output: ``(columns, bands)``

        Raises as ``stretch`` does.
        """
        column, around = FACTOR**level, frame_size(self.sample_rate_hz, window) // 2
        hop = min(column, window // 2) if window else column
        start, stop = first * column - around, last * column + around
        with self._from(start) as (place, blocks):
            heard = ((block.samples, block.sample_rate_hz) for block in blocks)
            pieces = self._between(place, heard, start, stop, self.channels)
            powers = _frames(pieces, self.sample_rate_hz, hop, window)
            found = _columns(powers, around // hop, column // hop)
            parts: list[MelLevels] = []
            for part in found:
                parts.append(part)
                if sum(map(len, parts)) >= last - first:
                    break
        return np.concatenate(parts)[: last - first]

    @contextmanager
    def _from(self, position: int) -> Iterator[tuple[Place, Iterator[Block]]]:
        """Blocks, and where the first one begins, which is not after the position that is asked for."""
        with ExitStack() as opened:
            yield self._by_points(position, opened) or self._by_container(position, opened)

    def _by_points(self, position: int, opened: ExitStack) -> tuple[Place, Iterator[Block]] | None:
        """``None`` where there are none, or they are found no more."""
        if self.points is None:
            return None
        point = self.points.before(position)
        with suppress(UndecodableRecording):
            first = opened.enter_context(self._at(point))
            return point.place, opened.enter_context(closing(self._runs(self.points, point, first)))
        return None

    def _by_container(self, position: int, opened: ExitStack) -> tuple[Place, Iterator[Block]]:
        wanted_s = position / self.sample_rate_hz
        if self.leads_anywhere and wanted_s > 0.0:
            with ExitStack() as tried:
                recording = tried.enter_context(ConfinedRecording(self.file, self.owner, self.audio_track, wanted_s))
                if recording.start_s <= wanted_s and self._believes(recording):
                    opened.push(tried.pop_all())
                    before = round(recording.start_s * self.sample_rate_hz)
                    return Place(before, self.sample_rate_hz, before, before), recording.blocks()
        if position > self.most_before:
            raise UndecodableRecording("the file does not lead to this part: only what is near its start is decoded")
        recording = opened.enter_context(ConfinedRecording(self.file, self.owner, self.audio_track))
        return Place(0, self.sample_rate_hz, 0, 0), recording.blocks()

    def _at(self, point: SeekPoint) -> ConfinedRecording:
        return ConfinedRecording(self.file, self.owner, self.audio_track, point=point)

    def _runs(self, points: SeekPoints, point: SeekPoint, first: ConfinedRecording) -> Generator[Block]:
        """All blocks from a point on.

        Raises ``UndecodableRecording`` where they have less than was counted, and after 128 joined recordings.
        """
        for count, (each, samples) in enumerate(points.runs(point)):
            if count == _MOST_RUNS:
                raise UndecodableRecording(f"more than {_MOST_RUNS} joined recordings have to be decoded for this part")
            left = samples
            with first if each is point else self._at(each) as recording:
                for block in recording.blocks():
                    yield _cut(block, 0, left)
                    left -= block.channels.shape[1]
                    if left <= 0:
                        break
            if left > 0:
                raise UndecodableRecording("the recording has fewer samples than were counted")

    def _believes(self, recording: ConfinedRecording) -> bool:
        """Whether it leads to the samples that ``describe`` has counted from the start: joined recordings do not."""
        if recording.container in _COUNTED | WALKED:
            return True
        lasts_s = self.samples / self.sample_rate_hz
        return recording.stated_s is not None and abs(recording.stated_s - lasts_s) < _SAME_S

    def _between(
        self, place: Place, pieces: Iterable[tuple[Samples, int]], start: int, stop: int, channels: int
    ) -> Iterator[Samples]:
        """The samples between two positions, with silence before the recording's start and after its end.

        Args:
            place: where the pieces begin, which are consecutive samples with their rates.
        """
        yield from _silence(channels, -start)
        left = stop - max(0, start)
        for part in self._wanted(place, pieces, start, stop):
            channels, left = len(part), left - part.shape[1]
            yield part
        yield from _silence(channels, left)

    def _wanted(self, place: Place, pieces: Iterable[tuple[Samples, int]], start: int, stop: int) -> Iterator[Samples]:
        """The samples between two positions."""
        wanted = AtRate(self.sample_rate_hz, place, start, stop)
        for piece, rate_hz in pieces:
            yield from wanted(piece, rate_hz)
            if wanted.position >= stop:
                return

    @property
    def _context(self) -> int:
        """How many samples before one, at most, what it is mixed to depends on, at the recording's first rate."""
        forms = {(self.sample_rate_hz, self.channels)} if self.points is None else self.points.forms
        return max(self._reach(*form) for form in forms)

    def _reach(self, rate_hz: int, channels: int) -> int:
        samples = context_samples(rate_hz, channels)
        # Where the first rate is the lower one, the edges of its samples are within others.
        return at_rate(samples, rate_hz, self.sample_rate_hz) + (rate_hz != self.sample_rate_hz) if samples else 0


def _mixed(downmix: MonoDownmix, blocks: Iterable[Block]) -> Iterator[tuple[Samples, int]]:
    for block in blocks:
        yield from downmix(block)
    yield from downmix.flush()


def _from_a_hop(place: Place, blocks: Iterator[Block], first_rate_hz: int) -> tuple[Place, Iterator[Block]]:
    """Leaves out what is before the first hop of the downmix, as far as it is mixed together with that."""
    block = next(blocks, None)
    if block is None or len(block.channels) == 1:
        return place, blocks if block is None else chain([block], blocks)
    form = _form(block)
    left = -place.in_form % hop_samples(block.sample_rate_hz, len(block.channels))
    while left and block is not None and _form(block) == form:
        count = min(left, block.channels.shape[1])
        place, left = place.after(count, first_rate_hz), left - count
        block = _cut(block, count) if count < block.channels.shape[1] else next(blocks, None)
    return place, blocks if block is None else chain([block], blocks)


def _form(block: Block) -> tuple[int, Speakers, str]:
    return block.sample_rate_hz, block.speakers, block.channels.dtype.str


def _cut(block: Block, start: int, stop: int | None = None) -> Block:
    return Block(block.channels[:, start:stop], block.speakers, block.sample_rate_hz)


def _frames(pieces: Iterable[Samples], sample_rate_hz: int, hop: int, window: int | None) -> Iterator[Samples]:
    """The power of frames as they become ready; a few are transformed at once, however long the pieces are."""
    analysis: MelAnalysis | None = None
    size = frame_size(sample_rate_hz, window)
    for piece in pieces:
        analysis = analysis or MelAnalysis(sample_rate_hz, len(piece), hop, window)
        slab = max(1, _SLAB_VALUES // size) * hop
        for start in range(0, piece.shape[1], slab):
            yield analysis(piece[:, start : start + slab])


def _columns(powers: Iterable[Samples], skipped: int, each: int) -> Iterator[MelLevels]:
    """The mean of each so many frames after those that are skipped, as a level."""
    rest: Samples | None = None
    for power in powers:
        rest = power if rest is None else np.concatenate([rest, power])
        left_out = min(skipped, len(rest))
        skipped -= left_out
        whole = left_out + (len(rest) - left_out) // each * each
        yield quantised(rest[left_out:whole].reshape(-1, each, rest.shape[1]).mean(axis=1))
        rest = rest[whole:]


def _silence(channels: int, samples: int) -> Iterator[Samples]:
    most = max(1, _SLAB_VALUES // channels)
    for start in range(0, samples, most):
        yield np.zeros((channels, min(most, samples - start)), dtype=np.float32)
