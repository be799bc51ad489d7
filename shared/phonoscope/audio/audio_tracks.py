"""A file's audio tracks: what they are, and which one is read when nobody chooses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from math import isfinite
from typing import Any

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.stream import Disposition

from phonoscope.audio.containers import counted_channels, look_into
from phonoscope.audio.facts import MOST_AUDIO_TRACKS, AudioTrack
from phonoscope.audio.samples import Block, channel_samples
from phonoscope.audio.tag_texts import clean

_LOOK_S = 60.0
_LOOK_PACKETS = 10_000
_SILENT = 1e-4
_GENERIC_NAME = re.compile(r"handler|media|^(mono|stereo|sound|audio)$", re.IGNORECASE)
_CLOCK = re.compile(r"([0-9]{1,4}):([0-9]{2}):([0-9]{2}(?:\.[0-9]+)?)")


def audio_tracks(streams: Sequence[av.AudioStream], read: AudioTrack) -> list[AudioTrack]:
    """What the file says of its audio tracks, at most 64.

    Args:
        read: what was measured of the one that is read, whose decoder is in use.
    """
    described = [read if index == read.index else _describe(index, stream) for index, stream in enumerate(streams)]
    return described[:MOST_AUDIO_TRACKS]


def preferred(streams: Iterable[av.AudioStream]) -> list[int]:
    """The indices of the streams that can be decoded, those that the file marks as default first."""
    decodable = [(index, stream) for index, stream in enumerate(streams) if stream.codec_context is not None]
    return [index for index, stream in sorted(decodable, key=lambda each: not is_default(each[1]))]


def is_default(stream: av.AudioStream) -> bool:
    """Whether the file marks an audio track to be played when nobody chooses."""
    return bool(stream.disposition & Disposition.default)


def name_and_language(stream: av.AudioStream) -> dict[str, str | None]:
    """The ``title`` and the ``language`` that the file gives an audio track."""
    said = stream.metadata
    title, language = clean(said.get("title") or said.get("handler_name")), clean(said.get("language"))
    generic = title is not None and _GENERIC_NAME.search(title)
    return {"title": None if generic else title, "language": None if language == "und" else language}


def first_with_sound(container: InputContainer, order: Sequence[int]) -> int | None:
    """The first of these audio tracks in whose first minute something is louder than -80 dB of full scale.

    The look ends after 10,000 packets of all tracks. ``None`` where all of that is silent.

    Args:
        container: one that nothing was read from.
    """
    look_into(container, order)
    streams = {index: container.streams.audio[index] for index in order}
    of_stream = {stream.index: index for index, stream in streams.items()}
    heard: set[int] = set()
    starts_s: dict[int, float] = {}
    with suppress(av.error.FFmpegError):
        for packet in islice(container.demux(list(streams.values())), _LOOK_PACKETS):
            index = of_stream[packet.stream.index]
            starts_at_s = _start_s(packet)
            if starts_at_s - starts_s.setdefault(index, starts_at_s) > _LOOK_S:
                break
            if index not in heard and _is_loud(packet):
                heard.add(index)
                if index == order[0]:
                    break
    return next((index for index in order if index in heard), None)


def _describe(index: int, stream: av.AudioStream) -> AudioTrack:
    context = stream.codec_context
    return AudioTrack(
        index=index,
        codec=None if context is None else context.codec.canonical_name,
        sample_rate_hz=0 if context is None else context.sample_rate,
        channels=0 if context is None else counted_channels(stream),
        default=is_default(stream),
        duration_s=_duration_s(stream),
        **name_and_language(stream),
    )


def _duration_s(stream: av.AudioStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        found = float(stream.duration * stream.time_base)
        return round(found, 6) if isfinite(found) and found > 0.0 else None
    clock = _CLOCK.fullmatch(stream.metadata.get("DURATION", "")[:30])
    return None if clock is None else round(int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3]), 6)


def _start_s(packet: Any) -> float:
    if packet.pts is None or packet.time_base is None:
        return 0.0
    return float(packet.pts * packet.time_base)


def _is_loud(packet: Any) -> bool:
    with suppress(av.error.FFmpegError):
        for frame in packet.decode():
            if frame.samples and frame.layout.nb_channels:
                block = Block(channel_samples(frame), (), frame.sample_rate)
                if bool(np.abs(block.samples).max() > _SILENT):
                    return True
    return False
