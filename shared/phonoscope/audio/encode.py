"""Samples to a file that any player plays, by PyAV (which carries FFmpeg)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import BinaryIO, NamedTuple, cast

import av
import numpy as np
from av import AudioStream

from phonoscope.audio.samples import Samples

_PER_FRAME = 4_096
_STEPS = 32_768


class Format(NamedTuple):
    """A container, its codec, and what it is called."""

    container: str
    codec: str
    media_type: str


FLAC = Format("flac", "flac", "audio/flac")


def encode(blocks: Iterable[Samples], target: BinaryIO, sample_rate_hz: int, form: Format = FLAC) -> None:
    """Writes mono samples in 16 bits, rounded, in constant memory.

    Args:
        blocks: float32 in [-1, 1], of any length; what lies beyond is held at full scale.
        target: is written from where it stands, and has to be able to go back (FLAC states the length up front).

    Shape:
        - blocks: ``(samples,)`` each
    """
    with av.open(target, "w", form.container) as container:
        stream = cast(AudioStream, container.add_stream(form.codec, sample_rate_hz, layout="mono", format="s16"))
        written = 0
        for block in blocks:
            for start in range(0, len(block), _PER_FRAME):
                part = block[start : start + _PER_FRAME]
                whole = np.rint(part * _STEPS).clip(-_STEPS, _STEPS - 1).astype(np.int16)
                frame = av.AudioFrame.from_ndarray(whole[None], format="s16", layout="mono")
                frame.sample_rate, frame.pts = sample_rate_hz, written
                frame.time_base = Fraction(1, sample_rate_hz)
                container.mux(stream.encode(frame))
                written += len(part)
        container.mux(stream.encode(None))
