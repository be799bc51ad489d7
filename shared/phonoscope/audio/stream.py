"""Streams a recording's decoded samples; ``confined`` has a child process call it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from phonoscope.audio.decode import Recording
from phonoscope.audio.points import NOTED, SeekPoint
from phonoscope.audio.samples import joined
from phonoscope.audio.sandbox import Message
from phonoscope.audio.trail import Trail
from phonoscope.audio.where import Where

_MOST_GAPS = 1_000


def stream_samples(file: BinaryIO, where: float, more: bytes = b"") -> Iterator[Message]:
    """The recording's format, its pieces of about a second, then its warnings and its first 1,000 gaps.

    The format says where the first piece begins, which is the recording's start where its container leads nowhere else.

    Args:
        where: a ``Where`` as a number.
        more: a ``SeekPoint`` to begin at instead, or ``NOTED`` to read from the start and tell its points at last.

    Raises ``RecordingError`` as ``Recording`` does, and ``UndecodableRecording`` where the point is not found any more.
    """
    trail = Trail() if more == NOTED else None
    point = SeekPoint.unpack(more) if more and trail is None else None
    with _opened(file, Where.unpack(where), point, trail) as (recording, start_s):
        yield (
            {
                "container": recording.container,
                "codec": recording.codec,
                "start_s": start_s,
                "stated_s": recording.stated_s,
            },
            b"",
        )
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
        points = trail.table() if trail else None
        yield {"warnings": recording.warnings, "gaps": recording.gaps[:_MOST_GAPS]}, points.pack() if points else b""


@contextmanager
def _opened(
    file: BinaryIO, where: Where, point: SeekPoint | None, trail: Trail | None
) -> Iterator[tuple[Recording, float]]:
    """The recording, and where its samples begin, in seconds."""
    if point is not None:
        with Recording(file, where.audio_track, point=point) as recording:
            recording.resume()
            yield recording, 0.0
        return
    if where.from_ms:
        with Recording(file, where.audio_track, linked=False) as recording:
            start_s = recording.seek(where.from_ms / 1000.0)
            if start_s is not None:
                yield recording, start_s
                return
    with Recording(file, where.audio_track, trail=trail) as recording:
        yield recording, 0.0
