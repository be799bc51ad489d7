"""Streams a recording's decoded samples; ``confined`` has a child process call it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from phonoscope.audio.decode import Recording
from phonoscope.audio.samples import joined
from phonoscope.audio.sandbox import Message

_MOST_GAPS = 1_000


def stream_samples(file: BinaryIO, place: float) -> Iterator[Message]:
    """The recording's format, then its pieces of about a second, then its warnings and its first 1,000 gaps.

    Args:
        place: that of the audio track to read, from 1; 0 for the one that is read when nobody chooses.

    Raises ``RecordingError`` as ``Recording`` does.
    """
    with Recording(file, int(place) - 1 if place else None) as recording:
        yield {"container": recording.container, "codec": recording.codec}, b""
        for piece in joined(recording.pieces()):
            # Interleaved samples stay so: another order would cost a copy.
            interleaved = not piece.channels.flags.c_contiguous
            values = piece.channels.T if interleaved else piece.channels
            head = {
                "type": values.dtype.str,
                "shape": values.shape,
                "interleaved": interleaved,
                "speakers": piece.speakers,
                "sample_rate_hz": piece.sample_rate_hz,
            }
            yield head, values.data.cast("B")
        yield {"warnings": recording.warnings, "gaps": recording.gaps[:_MOST_GAPS]}, b""
