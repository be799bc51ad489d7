"""Recordings with time stamps of a test's choice."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import av
import numpy as np

Stamp = Callable[[float], float | None]


def restamped(
    data: bytes, muxer: str, stamp: Stamp, *, video_s: float = 0.0, options: dict[str, str] | None = None
) -> bytes:
    """A recording's packets in another container, each at the time that ``stamp`` gives for its own.

    Args:
        stamp: from seconds to seconds; ``None`` leaves the packet out.
        video_s: the duration of black pictures beside the sound, from 0 s on.
    """
    buffer = io.BytesIO()
    with av.open(io.BytesIO(data), "r") as source, av.open(buffer, "w", format=muxer, options=options or {}) as output:
        pictures: Any = output.add_stream("vp8" if muxer == "webm" else "mpeg4", 10) if video_s else None
        stream: Any = output.add_stream_from_template(source.streams.audio[0])
        packets: list[Any] = []
        if pictures is not None:
            pictures.width, pictures.height, pictures.pix_fmt = 32, 32, "yuv420p"
            for _ in range(round(video_s * 10)):
                packets += pictures.encode(
                    av.VideoFrame.from_ndarray(np.full((48, 32), 16, np.uint8), format="yuv420p")
                )
            packets += pictures.encode(None)
        for packet in source.demux(audio=0):
            if not packet.size or packet.pts is None:
                continue
            tick_s = float(packet.time_base)
            at_s = stamp(packet.pts * tick_s)
            if at_s is not None:
                packet.pts = packet.dts = round(at_s / tick_s)
                packet.stream = stream
                packets.append(packet)
        for packet in sorted(packets, key=lambda packet: float((packet.dts or 0) * packet.time_base)):
            output.mux(packet)
    return buffer.getvalue()


def paused(from_s: float, to_s: float) -> Stamp:
    """Sound from ``from_s`` on follows at ``to_s``."""
    return lambda at_s: at_s if at_s < from_s else at_s + to_s - from_s
