"""One run of a recording's audio stream through demuxer and decoder: a whole file, or one of joined ones."""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO, Final, NamedTuple, TypeAlias

import av
import av.error
from av.audio.frame import AudioFrame
from av.codec.context import Flags2
from av.container import InputContainer

from phonoscope.audio.axis import Axis, Clock, Sound
from phonoscope.audio.chains import begins_again
from phonoscope.audio.containers import (
    audio_stream,
    check_audio,
    container_name,
    declared_speakers,
    has_video,
    open_container,
)
from phonoscope.audio.delays import delay_s, delays_frames
from phonoscope.audio.entries import SETTLED_AFTER_S, Way, checksum, way_into
from phonoscope.audio.formats import media_type
from phonoscope.audio.headers import Header
from phonoscope.audio.points import START, SeekPoint
from phonoscope.audio.samples import piece_of
from phonoscope.audio.speakers import Speakers, settled, speakers_of
from phonoscope.audio.tags import Span
from phonoscope.errors import EncryptedRecording, UndecodableRecording

Packet: TypeAlias = "av.Packet[av.AudioStream]"

_STAMPED = frozenset(
    {"matroska", "webm", "mov", "mp4", "3gp", "mpegts", "mpeg", "flv", "asf", "ogg", "nut", "rm", "wtv"}
)
_FROM_ZERO = frozenset({"matroska", "webm", "mov", "mp4", "3gp", "ogg"})
_LASTS_FROM_ZERO = frozenset({"matroska", "webm", "ogg"})
_LONGEST_LEAD_S = 60.0
_ONE_TICK_S = 0.001
_CLOCKLESS = frozenset({"rm"})
_LEAPING = frozenset({"mpegts", "mpeg"})
_ENDS_STATED = frozenset({"mov", "mp4", "3gp"})
_KNOW_THEIR_END = frozenset({"alac", "flac"})
_STATED_BY_STREAM = frozenset({"ape", "au", "dsf", "flac", "mov", "mp4", "3gp", "ogg", "tta", "wv"})
_STATED_BY_FILE = frozenset({"matroska", "webm", "flv"})
_LOCKABLE = frozenset({"mov", "mp4", "3gp", "mpegts"})
_TAGS = (b"ID3", b"TAG", b"APE")
_HOPELESS_ERRORS = 3
WALKED = frozenset({"mp3", "aac"})
"""Containers without an index: packets are read up to a time, and not decoded."""
_CUT: Final = "skip_samples"
_SYNC = 0xFF
_SKIPPED = struct.Struct("<II")
_MARK_BYTES = 7


def _adts_rate(frame: bytes) -> int | None:
    """The index of the rate in the header of an AAC frame (ISO 14496-3, 1.A.2.2)."""
    return frame[2] >> 2 & 0xF if len(frame) == _MARK_BYTES and frame[0] == _SYNC else None


def _loas_rate(frame: bytes) -> int | None:
    """The index of the rate in a frame that has a configuration (ISO 14496-3, 1.7.3)."""
    bits = int.from_bytes(frame[3:], "big")
    return bits >> 7 & 0xF if len(frame) == _MARK_BYTES and not bits >> 30 else None


_RATE_MARKS = {"aac": _adts_rate, "loas": _loas_rate}


@dataclass
class Findings:
    """What was found in a recording so far: samples by rate and channels, and damage."""

    decoded: Counter[tuple[int, int]] = field(default_factory=Counter)
    damaged: int = 0
    first_damage_s: float = 0.0

    @property
    def decoded_s(self) -> float:
        """The duration of the decoded samples in seconds; gaps do not count."""
        return sum(samples / rate for (rate, _), samples in self.decoded.items())

    def note_damage(self) -> None:
        if not self.damaged:
            self.first_damage_s = self.decoded_s
        self.damaged += 1


class Pace(NamedTuple):
    """What packets gave where they were decoded.

    Args:
        usual_s: the seconds of most packets.
        stretch: the seconds decoded for each second stated.
        constant: whether nearly all packets had the same length.
    """

    usual_s: float
    stretch: float
    constant: bool


class Part:
    """A run of packets with one decoder and one axis; raises as ``Recording`` does.

    ``tick_s`` is the unit of its packets' times, in seconds; ``clock`` says how they are read.

    Args:
        choose: the index of the audio track to read, of those that an opened container has.
    """

    def __init__(
        self, file: BinaryIO, header: Header, findings: Findings, choose: Callable[[InputContainer], int]
    ) -> None:
        self.file = file
        self._header = header
        self._findings = findings
        self._read_to = 0
        self.opened = open_container(file, header.head)
        try:
            self.container = container_name(self.opened, header.head)
            check_audio(self.opened, self.container)
            self.audio_track = choose(self.opened)
            self.stream = audio_stream(self.opened, self.container, self.audio_track)
            self._declared = declared_speakers(self.stream)
        except BaseException:
            self.opened.close()
            raise
        self._speakers: dict[str, Speakers] = {}
        """By the decoder's name for their layout."""
        self._context = self.stream.codec_context
        if self.container == "caf" and self._context.name in _KNOW_THEIR_END:
            # The library would cut off again what the last frame does not have.
            self._context.flags2 |= Flags2.skip_manual
        self.codec = self._context.codec.canonical_name
        if delays_frames(self.codec):
            self._context.flags2 |= Flags2.skip_manual
        self._last_pts: int | None = None
        self._sought: list[Sound] = []
        self._after_cut = False
        self.tick_s = float(self.stream.time_base or 0)
        self.media_type = media_type(self.container, video=has_video(self.opened))
        self.sample_rate_hz: int = self._context.sample_rate
        self.channels = self._context.layout.nb_channels
        self.clock = self._read_clock()
        self.axis = Axis(self.clock)

    @property
    def metadata(self) -> list[dict[str, str]]:
        """What the container's tags say, and in Ogg the audio track's."""
        whole = dict(self.opened.metadata)
        return [whole, dict(self.stream.metadata)] if self.container == "ogg" else [whole]

    @property
    def stores_floats(self) -> bool:
        """Whether samples are stored as floats, some of which may be no numbers."""
        kept = self._context.format
        return self.codec.startswith("pcm_f") or (
            self.codec == "wavpack" and bool(kept) and kept.name.startswith("flt")
        )

    def packets(self) -> Iterator[Packet]:
        """The stream's packets, not decoded, as far as the file can be read.

        Raises:
            EncryptedRecording: a packet is encrypted.
        """
        errors = 0
        while errors < _HOPELESS_ERRORS:
            try:
                for packet in self.opened.demux(self.stream):
                    errors = 0
                    self._refuse_locked(packet)
                    if packet.size:
                        self._read_to = max(self._read_to, (packet.pos or 0) + packet.size)
                        yield packet
            except av.error.FFmpegError:
                errors += 1
                if errors == 1 and not self.another_follows():
                    self._findings.note_damage()
            else:
                return

    def another_follows(self) -> bool:
        """Whether another recording begins after the packets that were read, which players do not play."""
        position = self.file.tell()
        rest = Span(self._read_to, self.file.seek(0, os.SEEK_END))
        found = bool(self._read_to) and begins_again(self.file, rest, self._header.head)
        self.file.seek(position)
        return found

    def decode(self, packet: Packet | None) -> list[Sound]:
        """The sounds of a packet, none when it is damaged; for ``None`` those left in the decoder."""
        try:
            frames = [frame for frame in self._context.decode(packet) if frame.samples and frame.sample_rate]
        except av.error.FFmpegError:
            # Between joined MP3s the library takes a tag for a packet.
            if packet is None or not bytes(packet)[:3].startswith(_TAGS):
                self._findings.note_damage()
            return []
        for frame in frames:
            self._findings.decoded[frame.sample_rate, frame.layout.nb_channels] += frame.samples
        sounds = [self._sound(frame, packet) for frame in frames]
        cut = packet is not None and not self.clock.stamped and packet.has_sidedata(_CUT)
        self._after_cut = cut or (self._after_cut and not frames)
        return sounds

    def seek(self, to_s: float) -> float | None:
        """Goes to a sound that is a little before a time, so that the decoder has settled there.

        Returns where on the axis that sound starts, in seconds; ``None`` where the container does not lead there.
        Raises ``EncryptedRecording``.
        """
        from_s = max(0.0, to_s - SETTLED_AFTER_S) + self.clock.origin_s
        packets = self.packets()
        try:
            if self.container in WALKED:
                packets = chain([next(packet for packet in packets if self._is_from(packet, from_s))], packets)
            else:
                self.opened.seek(int(from_s / self.tick_s), stream=self.stream)
                self._context.flush_buffers()
            self._sought = next(filter(None, map(self.decode, packets)), [])
        except (av.error.FFmpegError, StopIteration, ZeroDivisionError):
            return None
        if not self._sought or self._sought[0].start_s is None:
            return None
        start_s = self._sought[0].start_s - self.clock.origin_s
        self.axis = Axis(self.clock, start_s)
        return start_s if start_s <= to_s else None

    def resume(self, point: SeekPoint) -> None:
        """Has ``sounds`` begin at a point, with the axis as it was there.

        Raises ``UndecodableRecording`` where its packet is not found any more, and ``EncryptedRecording``.
        """
        known = point.clock
        self.clock = self.clock._replace(origin_s=known.origin_s, latest_s=known.latest_s, end_s=known.end_s)
        self.axis = Axis(self.clock, state=point.axis)
        if point.found == START:
            return
        with suppress(av.error.FFmpegError):
            self._enter(point.found.entry)
            for packet in self.packets():
                self._sought = self.decode(packet)
                if (packet.pos, packet.size, checksum(packet)) == point.found[2:]:
                    return
                if packet.pos is not None and packet.pos > point.found.position:
                    break
        raise UndecodableRecording("the file does not lead to this part of the recording any more")

    def _enter(self, entry: int) -> None:
        way = way_into(self.container, self.codec)
        if way is not Way.VOID:
            self.opened.seek(entry, stream=self.stream, unsupported_byte_offset=way is Way.BYTE)
            self._context.flush_buffers()

    def sounds(self) -> Iterator[Sound]:
        """All sounds; damaged packets are skipped. Raises ``EncryptedRecording``."""
        yield from self._sought
        for packet in self.packets():
            yield from self.decode(packet)
        yield from self.decode(None)

    def rate_mark(self, packet: Packet) -> int | None:
        """What a packet that carries its own rate says of it; ``None`` where packets state their right durations."""
        reader = _RATE_MARKS.get(self.container)
        return reader(bytes(memoryview(packet)[:_MARK_BYTES])) if reader else None

    def begin_again(self, packets: list[Packet]) -> None:
        """Decodes packets for nothing but the decoder's state, after others were left out."""
        self._context.flush_buffers()
        for packet in packets:
            with suppress(av.error.FFmpegError):
                self._context.decode(packet)

    def undecoded(self, packet: Packet, pace: Pace) -> list[Sound]:
        """A packet as a sound whose samples are not known; none when it is not to be heard."""
        if packet.is_discard:
            return []
        start_s = self._stamp_s(packet.pts)
        stated_s = (packet.duration or 0) * self.tick_s * pace.stretch
        # Where time stamps count, a packet may state the time until the next one instead of its own length.
        duration_s = pace.usual_s if not stated_s or (pace.constant and self.clock.stamped) else stated_s
        if packet.has_sidedata(_CUT):
            first, last = _SKIPPED.unpack(bytes(packet.get_sidedata(_CUT))[: _SKIPPED.size])
            rate_hz = self.sample_rate_hz or 1
            start_s = None if start_s is None else start_s + first / rate_hz
            duration_s = max(0.0, duration_s - (first + last) / rate_hz)
        return [Sound(start_s, duration_s)]

    def stated_s(self, found_s: float) -> float | None:
        """The duration that the file states, in seconds; an estimate does not count."""
        header, stream = self._header, self.stream
        if header.audio is not None:
            return found_s * header.audio.claimed / header.audio.present if header.audio.present else None
        if self.container == "mp3":
            return header.mp3_frames_s
        alone = len(self.opened.streams) == 1
        stated_s = None
        if self.container in _STATED_BY_STREAM and stream.duration is not None:
            stated_s = stream.duration * self.tick_s
        elif self.container in _STATED_BY_FILE and alone and self.opened.duration is not None:
            stated_s = self.opened.duration / av.time_base
        if stated_s is not None and self.container in _LASTS_FROM_ZERO:
            stated_s -= self.clock.origin_s
        return stated_s

    def close(self) -> None:
        self.opened.close()

    def _is_from(self, packet: Packet, from_s: float) -> bool:
        return packet.pts is not None and packet.pts * self.tick_s >= from_s

    def _read_clock(self) -> Clock:
        start_s = (self.opened.start_time or 0) / av.time_base
        origin_s = 0.0 if self.container in _FROM_ZERO and 0.0 < start_s <= _LONGEST_LEAD_S else start_s
        if (self.stream.start_time or 0) * self.tick_s - origin_s < _ONE_TICK_S:
            origin_s += delay_s(self.codec, self.sample_rate_hz, self._context.extradata or b"")
        latest_s = end_s = None
        if self.opened.duration is not None:
            starts_s = 0.0 if self.container in _LASTS_FROM_ZERO else start_s
            latest_s = starts_s + self.opened.duration / av.time_base - origin_s
        if self.container in _ENDS_STATED and self.stream.duration:
            end_s = ((self.stream.start_time or 0) + self.stream.duration) * self.tick_s - origin_s
        return Clock(
            origin_s,
            stamped=self.container in _STAMPED,
            latest_s=latest_s,
            leaps=self.container in _LEAPING,
            end_s=end_s,
        )

    def _stamp_s(self, pts: int | None) -> float | None:
        """In seconds; ``None`` where it repeats the one before in a container that may have no clock."""
        stands, self._last_pts = self.container in _CLOCKLESS and pts == self._last_pts, pts
        return None if pts is None or stands else pts * self.tick_s

    def _sound(self, frame: AudioFrame, packet: Packet | None) -> Sound:
        start_s, duration_s = self._stamp_s(frame.pts), frame.samples / frame.sample_rate
        return Sound(start_s, duration_s, piece_of(frame, self._speakers_of(frame)), packet, self._after_cut)

    def _speakers_of(self, frame: AudioFrame) -> Speakers:
        name = frame.layout.name
        if name not in self._speakers:
            self._speakers[name] = settled(speakers_of(frame.layout), self._declared)
        return self._speakers[name]

    def _refuse_locked(self, packet: Packet) -> None:
        if self.container in _LOCKABLE and packet.has_sidedata("encryption_info"):
            raise EncryptedRecording(f"the {self.codec} audio in the {self.container} file is encrypted")
