"""Decodes recordings of any format to float32 samples, as a stream, with PyAV (which includes FFmpeg)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Self

import av
import av.error
from av.audio.frame import AudioFrame
from av.container import InputContainer

from phonoscope.audio.audio_tracks import audio_tracks, first_with_sound, is_default, name_and_language, preferred
from phonoscope.audio.containers import audio_stream, check_audio, container_name, has_video, open_container
from phonoscope.audio.cover import has_picture
from phonoscope.audio.facts import AudioTrack
from phonoscope.audio.formats import media_type
from phonoscope.audio.headers import read_header
from phonoscope.audio.outer_tags import without_tags
from phonoscope.audio.samples import Block, Samples, blocks
from phonoscope.audio.source import BlockSource
from phonoscope.errors import EncryptedRecording, NoSuchAudioTrack

__all__ = ["Recording", "Samples"]

_STATED_BY_STREAM = frozenset({"ape", "au", "dsf", "flac", "mov", "mp4", "3gp", "ogg", "tta", "wv"})
_STATED_BY_FILE = frozenset({"matroska", "webm", "flv"})
_LOCKABLE = frozenset({"mov", "mp4", "3gp", "mpegts"})
_HOPELESS_ERRORS = 3
_CUT_TOLERANCE_S = 0.1
_CUT_TOLERANCE = 0.005


class Recording(BlockSource):
    """A recording, opened for one pass over one of its audio tracks.

    That is the one that the file marks as default, else its first, unless it is silent where it begins and another one
    is not. Damaged packets are skipped; after the pass, ``warnings`` says what was lost. ``container``, ``codec`` and
    ``media_type`` are its format; ``tick_s`` is the unit of its packets' times, in seconds. ``audio_track`` is the
    index of the one that is read, among the file's audio tracks.

    Args:
        audio_track: the audio track to read instead.

    Raises:
        EmptyUpload: the file has no bytes.
        NotARecording: the bytes are no known container.
        NoAudioStream: the container has no audio, such as a silent video.
        EncryptedRecording: the audio is encrypted.
        UnsupportedCodec: the audio's codec cannot be decoded.
        UndecodableRecording: the header is damaged or cut off.
        NoSuchAudioTrack: the file has fewer audio tracks.
    """

    def __init__(self, file: BinaryIO, audio_track: int | None = None) -> None:
        self.warnings: list[str] = []
        self._decoded: Counter[tuple[int, int]] = Counter()
        self._damaged = 0
        self._first_damage_s = 0.0
        self._file = without_tags(file)
        self._header = read_header(self._file)
        self._container = open_container(self._file, self._header.head)
        try:
            self.container = container_name(self._container, self._header.head)
            check_audio(self._container, self.container)
            self.audio_track = self._chosen() if audio_track is None else self._existing(audio_track)
            self._stream = audio_stream(self._container, self.container, self.audio_track)
        except BaseException:
            self._container.close()
            raise
        self._context = self._stream.codec_context
        self.codec = self._context.codec.canonical_name
        self.tick_s = float(self._stream.time_base or 0)
        self.media_type = media_type(self.container, video=has_video(self._container))

    def audio_tracks(self, duration_s: float) -> list[AudioTrack]:
        """All audio tracks of the file; of the one that is read with its measured ``duration_s``. To be called once."""
        read = AudioTrack(
            index=self.audio_track,
            codec=self.codec,
            sample_rate_hz=self.sample_rate_hz,
            channels=self.channels,
            default=is_default(self._stream),
            duration_s=duration_s,
            **name_and_language(self._stream),
        )
        return audio_tracks(self._container.streams.audio, read)

    @property
    def metadata(self) -> list[dict[str, str]]:
        """What the container's tags say; Ogg has them at its streams, where other formats name audio tracks."""
        whole = dict(self._container.metadata)
        return [whole, dict(self._stream.metadata)] if self.container == "ogg" else [whole]

    @property
    def has_picture(self) -> bool:
        """Whether the container holds a cover."""
        return has_picture(self._container)

    @contextmanager
    def reopened(self) -> Iterator[InputContainer]:
        """The container, opened once more; the recording must not be read meanwhile."""
        position = self._file.tell()
        with open_container(self._file, self._header.head) as container:
            yield container
        self._file.seek(position)

    @property
    def sample_rate_hz(self) -> int:
        """The rate of most of the decoded samples; before decoding, the header's."""
        return self._prevailing()[0]

    @property
    def channels(self) -> int:
        """The number of channels of most of the decoded samples; before decoding, the header's."""
        return self._prevailing()[1]

    @property
    def decoded_s(self) -> float:
        return sum(samples / rate for (rate, _), samples in self._decoded.items())

    def packets(self) -> Iterator[av.Packet[av.AudioStream]]:
        """The stream's packets, not decoded, as far as the file can be read.

        Raises:
            EncryptedRecording: a packet is encrypted.
        """
        errors = 0
        while errors < _HOPELESS_ERRORS:
            try:
                for packet in self._container.demux(self._stream):
                    errors = 0
                    self._refuse_locked(packet)
                    if packet.size:
                        yield packet
            except av.error.FFmpegError:
                errors += 1
                if errors == 1:
                    self._note_damage()
            else:
                return

    def decode(self, packet: av.Packet[av.AudioStream] | None) -> list[AudioFrame]:
        """The frames of a packet, none when it is damaged; for ``None`` the frames left in the decoder."""
        try:
            decoded = self._context.decode(packet)
        except av.error.FFmpegError:
            self._note_damage()
            return []
        frames = [frame for frame in decoded if frame.samples and frame.sample_rate]
        for frame in frames:
            self._decoded[frame.sample_rate, frame.layout.nb_channels] += frame.samples
        return frames

    def frames(self) -> Iterator[AudioFrame]:
        """Decoded frames; damaged packets are skipped.

        Raises:
            EncryptedRecording: a packet is encrypted.
        """
        for packet in self.packets():
            yield from self.decode(packet)
        yield from self.decode(None)
        self.conclude(self.decoded_s)

    def blocks(self) -> Iterator[Block]:
        return blocks(self.frames())

    def conclude(self, found_s: float) -> None:
        """Ends the pass: adds what the file lacks to ``warnings``; ``found_s`` is the duration found, in seconds."""
        stated_s = self._stated_s(found_s)
        if stated_s is not None and found_s < stated_s - max(_CUT_TOLERANCE_S, _CUT_TOLERANCE * stated_s):
            self.warnings.append(
                f"the file ends early or is damaged: {found_s:.2f} s of the {stated_s:.2f} s it declares can be read"
            )
        elif self._damaged:
            self.warnings.append(f"damaged from {self._first_damage_s:.2f} s on; parts skipped: {self._damaged}")
        elif self._header.lacks_end_mark:
            self.warnings.append(f"the file ends without its end mark: {found_s:.2f} s can be read")
        audio = self._header.audio
        if audio is not None and audio.trailing > audio.claimed:
            rest = f"the {audio.trailing} bytes after them are not audio"
            self.warnings.append(f"only {found_s:.2f} s are declared; {rest}")

    def _chosen(self) -> int:
        order = preferred(self._container.streams.audio)
        if len(order) == 1:
            return order[0]
        with self.reopened() as container:
            found = first_with_sound(container, order)
        if found is None or found == order[0]:
            return order[0]
        self.warnings.append(f"audio track {order[0]} is silent where it begins; audio track {found} is read")
        return found

    def _existing(self, index: int) -> int:
        count = len(self._container.streams.audio)
        if 0 <= index < count:
            return index
        raise NoSuchAudioTrack(f"audio track {index}; the last one of the file is {count - 1}")

    def _stated_s(self, found_s: float) -> float | None:
        audio, container, stream = self._header.audio, self._container, self._stream
        if audio is not None:
            return found_s * audio.claimed / audio.present if audio.present else None
        alone = len(container.streams) == 1
        stated = self.container in _STATED_BY_STREAM or (self.container == "mp3" and self._header.counts_frames)
        if stated and stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        if self.container in _STATED_BY_FILE and alone and container.duration is not None:
            return container.duration / av.time_base
        return None

    def _prevailing(self) -> tuple[int, int]:
        if self._decoded:
            return self._decoded.most_common(1)[0][0]
        return self._context.sample_rate, self._context.layout.nb_channels

    def _refuse_locked(self, packet: av.Packet[av.AudioStream]) -> None:
        if self.container in _LOCKABLE and packet.has_sidedata("encryption_info"):
            raise EncryptedRecording(f"the {self.codec} audio in the {self.container} file is encrypted")

    def _note_damage(self) -> None:
        if not self._damaged:
            self._first_damage_s = self.decoded_s
        self._damaged += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()
