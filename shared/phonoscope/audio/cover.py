"""A file's cover as a small JPEG: decoded and encoded again, so that no byte of a stranger's image is served."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import av
import av.error
from av.codec import CodecContext
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

MOST_PIXELS = 512
"""The longer side of a cover is at most as long."""
MOST_BYTES = 300_000

_CODECS = frozenset({"mjpeg", "png", "bmp", "gif", "webp"})
_MOST_SOURCE_PIXELS = 1 << 24
_MOST_SOURCE_BYTES = 16 << 20
_FRONT = "Cover (front)"
_QUALITY = {"qmin": "4", "qmax": "4"}
_PIXELS = "yuvj420p"


def has_picture(container: InputContainer) -> bool:
    """Whether the container holds a picture that belongs to the recording."""
    return any(_is_picture(stream) for stream in container.streams.video)


def read_cover(container: InputContainer) -> bytes | None:
    """The front cover, else the first picture, as a JPEG of at most 512 by 512 pixels; ``None`` without a readable one.

    Pictures of more than 16 million pixels or 16 MiB are left out.
    """
    pictures = [stream for stream in container.streams.video if _is_picture(stream)]
    for picture in sorted(pictures, key=lambda stream: stream.metadata.get("comment") != _FRONT):
        with suppress(av.error.FFmpegError, ValueError, MemoryError):
            frame = _decoded(container, picture)
            if frame is not None:
                return _encoded(frame)
    return None


def _is_picture(stream: VideoStream) -> bool:
    known = stream.codec_context is not None and stream.codec_context.name in _CODECS
    return known and bool(stream.disposition & Disposition.attached_pic)


def _decoded(container: InputContainer, picture: VideoStream) -> VideoFrame | None:
    for stream in container.streams:
        stream.discard = Discard.none if stream.index == picture.index else Discard.all
    picture.codec_context.thread_type, picture.codec_context.thread_count = "NONE", 1
    picture.codec_context.options = {"max_pixels": str(_MOST_SOURCE_PIXELS)}
    packet = next(container.demux(picture), None)
    if packet is None or packet.size > _MOST_SOURCE_BYTES:
        return None
    frames = picture.codec_context.decode(packet) or picture.codec_context.decode(None)
    return frames[0] if frames else None


def _encoded(frame: VideoFrame) -> bytes | None:
    shrunk = min(1.0, MOST_PIXELS / max(frame.width, frame.height))
    width, height = (max(1, round(side * shrunk)) for side in (frame.width, frame.height))
    encoder = CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, _PIXELS
    encoder.thread_type, encoder.thread_count = "NONE", 1
    encoder.time_base, encoder.options = Fraction(1), _QUALITY
    # The sandbox starts no threads.
    small = frame.reformat(width, height, _PIXELS, threads=1)
    small.pts = 0
    content = b"".join(bytes(packet) for packet in [*encoder.encode(small), *encoder.encode(None)])
    return content if len(content) <= MOST_BYTES else None
