"""Encodes samples to common file formats, with PyAV (which includes FFmpeg), in constant memory."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self, cast

import av
import av.error
import numpy as np
from av import AudioStream
from av.audio.frame import AudioFrame

from phonoscope.audio.samples import Samples

_PER_FRAME = 4_096
_LAYOUTS = {1: "mono", 2: "stereo"}


class Format(NamedTuple):
    """A container, its codec and their names; ``rate_hz`` is set for a codec with a fixed rate."""

    container: str
    codec: str
    samples: str
    media_type: str
    suffix: str
    bit_rate: int | None = None
    rate_hz: int | None = None


FORMATS = {
    "flac": Format("flac", "flac", "s16", "audio/flac", ".flac"),
    "wav": Format("wav", "pcm_s16le", "s16", "audio/wav", ".wav"),
    "wav24": Format("wav", "pcm_s24le", "s32", "audio/wav", ".wav"),
    "wav32f": Format("wav", "pcm_f32le", "flt", "audio/wav", ".wav"),
    "mp3": Format("mp3", "libmp3lame", "fltp", "audio/mpeg", ".mp3", bit_rate=256_000),
    "opus": Format("ogg", "libopus", "flt", "audio/ogg", ".opus", bit_rate=160_000, rate_hz=48_000),
}
"""The formats by name. Samples beyond full scale are clipped, except in ``wav32f``."""
FLAC = FORMATS["flac"]


class Encoder:
    """Encodes a file; it is complete at the end of the ``with`` block.

    Args:
        target: the file, written from its present position; it must be seekable, since most formats state the length at
            the start.

    >>> import io
    >>> with Encoder(file := io.BytesIO(), 44_100, channels=2) as encoder:
    ...     encoder.write(np.zeros((2, 44_100), dtype=np.float32))
    >>> file.getvalue()[:4]
    b'fLaC'
    """

    def __init__(self, target: BinaryIO, sample_rate_hz: int, channels: int, form: Format = FLAC) -> None:
        self._rate_hz = sample_rate_hz
        self._layout = _LAYOUTS[channels]
        self._written = 0
        self._container = av.open(target, "w", form.container)
        rate_hz = form.rate_hz or sample_rate_hz
        stream = self._container.add_stream(form.codec, rate_hz, layout=self._layout, format=form.samples)
        self._stream = cast(AudioStream, stream)
        if form.bit_rate is not None:
            self._stream.bit_rate = form.bit_rate

    def write(self, samples: Samples) -> None:
        """Adds samples. Shape: ``(channels, samples)``, float32 in [-1, 1]."""
        for start in range(0, samples.shape[1], _PER_FRAME):
            part = np.ascontiguousarray(samples[:, start : start + _PER_FRAME])
            frame = AudioFrame.from_ndarray(part, format="fltp", layout=self._layout)
            frame.sample_rate, frame.pts = self._rate_hz, self._written
            frame.time_base = Fraction(1, self._rate_hz)
            self._container.mux(self._stream.encode(frame))
            self._written += part.shape[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._abandon()
            return
        try:
            self._container.mux(self._stream.encode(None))
        except BaseException:
            self._abandon()
            raise
        self._container.close()

    def _abandon(self) -> None:
        # After a failed write the file's end cannot be written either; the first error is raised.
        with suppress(av.error.FFmpegError, OSError):
            self._container.close()
