"""Converts decoded frames of any sample format and channel layout to float32 arrays, mono or stereo, at one rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.plane import AudioPlane
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from phonoscope.audio.speakers import Speakers, stereo_shares
from phonoscope.errors import UndecodableRecording

Samples: TypeAlias = NDArray[np.float32]

LOUDEST = 32.0
HIGHEST_RATE_HZ = 1_000_000

_BLOCK_S = 1.0
_BLOCK_VALUES = 1 << 21
_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
_FULL_SCALE = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63, "f4": 1.0, "f8": 1.0}


def piece_of(frame: AudioFrame, speakers: Speakers) -> Joined:
    """A frame's samples, unchanged, with their rate and speakers."""
    return Joined(channel_samples(frame), speakers, frame.sample_rate)


def channel_samples(frame: AudioFrame) -> NDArray[Any]:
    """A frame's samples, unchanged.

    Shape:
        - output: ``(channels, samples)``, of the decoder's type
    """
    channels = frame.layout.nb_channels
    dtype = np.dtype(_DTYPES[frame.format.name.removesuffix("p")])
    if not frame.format.is_planar:
        return _plane(frame, 0, dtype, frame.samples * channels).reshape(-1, channels).T
    # Not frame.planes nor frame.to_ndarray(): from eight planes on they read past the frame's pointers.
    samples = np.empty((channels, frame.samples), dtype)
    for channel in range(channels):
        samples[channel] = _plane(frame, channel, dtype, frame.samples)
    return samples


@dataclass(frozen=True)
class Block:
    """Consecutive samples with one rate, type and speakers; non-finite ones are replaced, and all are within [-32, 32].

    Shape:
        - channels: ``(channels, samples)``, of the decoder's own type
    """

    channels: NDArray[Any]
    speakers: Speakers
    sample_rate_hz: int

    @cached_property
    def samples(self) -> Samples:
        """The channels as float32.

        Shape:
            - output: ``(channels, samples)``, float32, full scale at 1.0, finite and within [-32, 32]
        """
        wide = np.float64 if self.channels.dtype == np.float64 else np.float32
        return _at_full_scale(np.ascontiguousarray(self.channels, dtype=wide), self.channels.dtype)


class Joined(NamedTuple):
    """Consecutive samples as the decoder gave them, infinities included.

    Shape:
        - channels: ``(channels, samples)``, of the decoder's own type
    """

    channels: NDArray[Any]
    speakers: Speakers
    sample_rate_hz: int


def joined(pieces: Iterable[Joined]) -> Iterator[Joined]:
    """Joins pieces to ones of about a second; a change of rate, type or speakers ends one.

    Joining first means few array operations for a long file.
    """
    held: list[NDArray[Any]] = []
    kind: tuple[int, str, Speakers] = (0, "", ())
    room = 0
    for channels, speakers, rate in pieces:
        found = (rate, channels.dtype.str, speakers)
        if held and (room <= 0 or found != kind):
            yield Joined(np.concatenate(held, axis=1), kind[2], kind[0])
            held = []
        if not held:
            kind, room = found, min(int(rate * _BLOCK_S), _BLOCK_VALUES // len(channels))
        held.append(channels)
        room -= channels.shape[1]
    if held:
        yield Joined(np.concatenate(held, axis=1), kind[2], kind[0])


def silence(samples: int, like: Joined) -> Iterator[Joined]:
    """Silence with a piece's rate, type and speakers, in pieces of at most a second."""
    channels = len(like.channels)
    most = max(1, min(int(like.sample_rate_hz * _BLOCK_S), _BLOCK_VALUES // channels))
    zero = 128 if like.channels.dtype.kind == "u" else 0
    for start in range(0, samples, most):
        empty = np.full((channels, min(most, samples - start)), zero, like.channels.dtype)
        yield Joined(empty, like.speakers, like.sample_rate_hz)


def limited(piece: Joined) -> Block:
    """A piece whose samples are finite and within [-32, 32]."""
    channels = piece.channels
    if channels.dtype.kind == "f":
        channels = np.nan_to_num(channels.clip(-LOUDEST, LOUDEST), copy=False, nan=0.0)
    return Block(channels, piece.speakers, piece.sample_rate_hz)


def blocks(pieces: Iterable[Joined]) -> Iterator[Block]:
    """Joins pieces to blocks of about a second; a change of rate, type or speakers ends a block."""
    return map(limited, joined(pieces))


def mono(channels: NDArray[Any]) -> Samples:
    """The mean of the channels.

    Shape:
        - output: ``(samples,)``, float32, full scale at 1.0; not a number and infinities kept
    """
    with np.errstate(over="ignore", invalid="ignore"):
        # In packed formats the channels are interleaved, where a mean takes nine times as long.
        return _at_full_scale(np.ascontiguousarray(channels).mean(axis=0, dtype=np.float64), channels.dtype)


def stereo(block: Block) -> Samples:
    """Mixes a block down to left and right, by ``stereo_shares``.

    Shape:
        - output: ``(2, samples)``, float32, full scale at 1.0, clipped to [-32, 32]
    """
    mixed: Samples = stereo_shares(block.speakers) @ block.samples
    return mixed.clip(-LOUDEST, LOUDEST)


class Resampler:
    """Resamples blocks of any rate to one rate; the filter's state is kept between blocks.

    Shape:
        - input and output: ``(channels, samples)``, one channel or two
    """

    def __init__(self, sample_rate_hz: int, layout: Literal["mono", "stereo"]) -> None:
        self._target = sample_rate_hz
        self._layout = layout
        self._source = 0
        self._given = 0
        self._last: Samples | None = None
        self._resampler: AudioResampler | None = None

    def __call__(self, samples: Samples, rate: int) -> Iterator[Samples]:
        """The output samples that are ready. Raises ``UndecodableRecording`` for a rate above 1 MHz."""
        if rate > HIGHEST_RATE_HZ:
            raise UndecodableRecording(f"a sampling rate of {rate} Hz; the highest that can be read is 1 MHz")
        if rate != self._source:
            yield from self.flush()
            self._source = rate
            if rate != self._target:
                self._resampler = AudioResampler(format="fltp", layout=self._layout, rate=self._target)
        self._last = samples
        if self._resampler is None:
            yield samples
            return
        most = max(1, _BLOCK_VALUES * rate // self._target)
        for start in range(0, samples.shape[1], most):
            part = np.ascontiguousarray(samples[:, start : start + most])
            frame = AudioFrame.from_ndarray(part, format="fltp", layout=self._layout)
            frame.sample_rate = rate
            yield from self._counted(self._resampler.resample(frame))

    def flush(self) -> Iterator[Samples]:
        """The last output samples; one sample when the input was too short for any."""
        if self._resampler is None:
            return
        yield from self._counted(self._resampler.resample(None))
        self._resampler = None
        if not self._given and self._last is not None:
            yield self._last.mean(axis=1, keepdims=True)

    def _counted(self, frames: list[AudioFrame]) -> Iterator[Samples]:
        for frame in frames:
            if frame.samples:
                self._given += frame.samples
                yield channel_samples(frame).clip(-LOUDEST, LOUDEST)


def _plane(frame: AudioFrame, index: int, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    return np.frombuffer(AudioPlane(frame, index), dtype, count)  # type: ignore[call-overload,no-any-return]


def _at_full_scale(samples: NDArray[np.floating], kind: np.dtype[Any]) -> Samples:
    if kind.kind == "u":
        samples = samples - 128.0
    return (samples / _FULL_SCALE[kind.str[1:]]).astype(np.float32, copy=False)
