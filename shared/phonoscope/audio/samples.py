"""Decoded frames as arrays: every sample format and channel layout to float32 mono at one rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.plane import AudioPlane
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from phonoscope.errors import UndecodableRecording

Samples: TypeAlias = NDArray[np.float32]

LOUDEST = 32.0
HIGHEST_RATE_HZ = 1_000_000

_BLOCK_S = 1.0
_BLOCK_VALUES = 1 << 21
_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
_FULL_SCALE = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63, "f4": 1.0, "f8": 1.0}


def channel_samples(frame: AudioFrame) -> NDArray[Any]:
    """A frame's samples as the decoder left them.

    Shape:
        - output: ``(channels, samples)``, of the decoder's own type
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


def mono_samples(frame: AudioFrame) -> Samples:
    """A decoded frame as the mean of its channels.

    Shape:
        - output: ``(samples,)``, float32, full scale at 1.0; not a number and infinities kept
    """
    return _mean(channel_samples(frame))


def blocks(frames: Iterable[AudioFrame]) -> Iterator[tuple[Samples, int]]:
    """Frames as mono blocks of about a second with their rate; a change of rate, type or channels ends a block.

    Gathering first keeps a long file to few array calls. Values are finite and within [-32, 32].
    """
    held: list[NDArray[Any]] = []
    kind = (0, "", 0)
    room = 0
    for frame in frames:
        samples = channel_samples(frame)
        found = (frame.sample_rate, frame.format.name, len(samples))
        if held and (room <= 0 or found != kind):
            yield _mean(_limited(np.concatenate(held, axis=1))), kind[0]
            held = []
        if not held:
            kind, room = found, min(int(found[0] * _BLOCK_S), _BLOCK_VALUES // found[2])
        held.append(samples)
        room -= samples.shape[1]
    if held:
        yield _mean(_limited(np.concatenate(held, axis=1))), kind[0]


class Resampler:
    """Mono blocks at any rate to one rate, keeping the filter's state between blocks."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._target = sample_rate_hz
        self._source = 0
        self._given = 0
        self._last: Samples | None = None
        self._resampler: AudioResampler | None = None

    def __call__(self, samples: Samples, rate: int) -> Iterator[Samples]:
        """What is ready of the output. Raises ``UndecodableRecording`` for a rate beyond 1 MHz."""
        if rate > HIGHEST_RATE_HZ:
            raise UndecodableRecording(f"a sampling rate of {rate} Hz; the highest that can be read is 1 MHz")
        if rate != self._source:
            yield from self.flush()
            self._source = rate
            if rate != self._target:
                self._resampler = AudioResampler(format="flt", layout="mono", rate=self._target)
        self._last = samples
        if self._resampler is None:
            yield samples
            return
        frame = AudioFrame.from_ndarray(samples[None, :], format="flt", layout="mono")
        frame.sample_rate = rate
        yield from self._counted(self._resampler.resample(frame))

    def flush(self) -> Iterator[Samples]:
        """The filter's tail; one sample where so little came in that nothing came out."""
        if self._resampler is None:
            return
        yield from self._counted(self._resampler.resample(None))
        self._resampler = None
        if not self._given and self._last is not None:
            yield self._last.mean(keepdims=True)

    def _counted(self, frames: list[AudioFrame]) -> Iterator[Samples]:
        for frame in frames:
            if frame.samples:
                self._given += frame.samples
                yield frame.to_ndarray()[0].clip(-LOUDEST, LOUDEST)


def _plane(frame: AudioFrame, index: int, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    return np.frombuffer(AudioPlane(frame, index), dtype, count)  # type: ignore[call-overload,no-any-return]


def _mean(channels: NDArray[Any]) -> Samples:
    kind = channels.dtype.str[1:]
    with np.errstate(over="ignore", invalid="ignore"):
        # Packed formats come channel by channel within a sample, where a mean takes nine times as long.
        mean = np.ascontiguousarray(channels).mean(axis=0, dtype=np.float64)
        if kind == "u1":
            mean -= 128.0
        mono: Samples = (mean / _FULL_SCALE[kind]).astype(np.float32)
    return mono


def _limited(channels: NDArray[Any]) -> NDArray[Any]:
    if channels.dtype.kind != "f":
        return channels
    limited: NDArray[Any] = np.nan_to_num(channels.clip(-LOUDEST, LOUDEST), copy=False, nan=0.0)
    return limited
