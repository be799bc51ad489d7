"""Recordings of any format to float32 mono samples, decoded in a stream by PyAV (which carries FFmpeg)."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Self, TypeAlias

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from numpy.typing import NDArray

from phonoscope.errors import (
    EmptyUpload,
    EncryptedRecording,
    NoAudioStream,
    NotARecording,
    UndecodableRecording,
    UnsupportedCodec,
)

Samples: TypeAlias = NDArray[np.float32]

# Playlists and the like name further files and addresses to read: only formats that hold their own bytes are opened.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,eac3,flac,flv,matroska,webm,mov,mp4,mp3,mpeg,mpegts,ogg,rf64,"
    "tta,w64,wav,wv"
)
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": ""}
_ENCRYPTED_TAGS = frozenset({"enca", "drms", "aavd"})
_FULL_SCALE = {"s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63, "flt": 1.0, "dbl": 1.0}
_LOUDEST = 32.0
_BLOCK_S = 1.0
_CUT_TOLERANCE_S = 0.1


class Recording:
    """A recording opened for one pass over its first audio stream.

    Damaged packets are passed over; what was lost is told by ``warnings`` once the pass is over.

    Raises:
        EmptyUpload: there are no bytes.
        NotARecording: no known container is recognised.
        NoAudioStream: the container holds no audio (a silent video, say).
        EncryptedRecording: the audio is there but locked.
        UnsupportedCodec: the audio's codec cannot be decoded.
    """

    def __init__(self, source: BinaryIO) -> None:
        self.warnings: list[str] = []
        self.decoded_s = 0.0
        self._damaged = 0
        self._first_damage_s = 0.0
        self._container = _open(source)
        try:
            self._stream = self._audio_stream()
        except BaseException:
            self._container.close()
            raise
        self._stream.thread_type = "NONE"

    def _audio_stream(self) -> av.AudioStream:
        streams = self._container.streams.audio
        if not streams:
            kinds = sorted({stream.type or "unknown" for stream in self._container.streams}) or ["nothing"]
            raise NoAudioStream(f"a {self.container} file without sound; it holds: {', '.join(kinds)}")
        stream = streams[0]
        context = stream.codec_context
        if stream.codec_tag in _ENCRYPTED_TAGS:
            raise EncryptedRecording(f"the audio in this {self.container} file is encrypted ({stream.codec_tag})")
        if context is None:
            raise UnsupportedCodec(f"the audio in this {self.container} file has a codec that cannot be decoded")
        return stream

    @property
    def container(self) -> str:
        """The container's name, the first of its aliases: ``wav``, ``mov``, ``matroska`` …"""
        return self._container.format.name.split(",")[0]

    @property
    def codec(self) -> str:
        return self._stream.codec_context.name

    @property
    def sample_rate_hz(self) -> int:
        return self._stream.codec_context.sample_rate or 0

    @property
    def channels(self) -> int:
        return self._stream.codec_context.channels or 0

    @property
    def declared_s(self) -> float | None:
        """The duration that the header states, where it states one."""
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        return self._container.duration / av.time_base if self._container.duration else None

    def frames(self) -> Iterator[AudioFrame]:
        """Decoded frames, damaged packets passed over."""
        for packet in self._packets():
            try:
                decoded = packet.decode()
            except (av.error.FFmpegError, ValueError):
                self._note_damage()
                continue
            for frame in decoded:
                if isinstance(frame, AudioFrame) and frame.samples and frame.sample_rate:
                    self.decoded_s += frame.samples / frame.sample_rate
                    yield frame
        self._tell_damage()

    def mono(self, sample_rate_hz: int) -> Iterator[Samples]:
        """The mean of the channels, resampled; float32 blocks of about a second, values within [-32, 32].

        Raises:
            UndecodableRecording: not one sample could be decoded.
        """
        resample = _Resampler(sample_rate_hz)
        for samples, rate in _blocks(self.frames()):
            yield from resample(samples, rate)
        yield from resample.flush()
        if not self.decoded_s:
            raise UndecodableRecording(f"{self.codec} audio in a {self.container} file, but no sample can be decoded")

    def _packets(self) -> Iterator[av.Packet]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                yield next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, ValueError):
                self._note_damage()
                return

    def _note_damage(self) -> None:
        if not self._damaged:
            self._first_damage_s = self.decoded_s
        self._damaged += 1

    def _tell_damage(self) -> None:
        declared = self.declared_s
        if declared is not None and self.decoded_s < declared - max(_CUT_TOLERANCE_S, 0.01 * declared):
            self.warnings.append(
                f"the file ends early: {self.decoded_s:.1f} s of the {declared:.1f} s it declares could be decoded"
            )
        elif self._damaged:
            self.warnings.append(f"damaged from {self._first_damage_s:.1f} s on: {self._damaged} packets passed over")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._container.close()


def mono_samples(frame: AudioFrame) -> Samples:
    """A decoded frame as the mean of its channels.

    Shape:
        - output: ``(samples,)``, float32, full scale at 1.0; not a number and infinities kept
    """
    kind = frame.format.packed.name
    array = frame.to_ndarray()
    if not frame.format.is_planar:
        array = array.reshape(-1, frame.layout.nb_channels).T
    if kind == "u8":
        array = (array.astype(np.float32) - 128.0) / 128.0
    else:
        array = array / np.float32(_FULL_SCALE[kind])
    mean: Samples = array.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _open(source: BinaryIO) -> InputContainer:
    source.seek(0)
    if not source.read(1):
        raise EmptyUpload("the file has no bytes")
    source.seek(0)
    try:
        return av.open(source, mode="r", options=_OPTIONS, metadata_errors="ignore")
    except (av.error.FFmpegError, ValueError) as error:
        raise NotARecording("no audio container is recognised in the file's bytes") from error


def _blocks(frames: Iterator[AudioFrame]) -> Iterator[tuple[Samples, int]]:
    """Frames gathered to about a second, so that a long file costs few calls; a change of rate ends a block."""
    held: list[Samples] = []
    held_samples = rate = 0
    for frame in frames:
        if held and (frame.sample_rate != rate or held_samples >= rate * _BLOCK_S):
            yield np.concatenate(held), rate
            held, held_samples = [], 0
        rate = frame.sample_rate
        samples = np.nan_to_num(mono_samples(frame), nan=0.0, posinf=0.0, neginf=0.0)
        held.append(samples.clip(-_LOUDEST, _LOUDEST))
        held_samples += frame.samples
    if held:
        yield np.concatenate(held), rate


class _Resampler:
    """Mono blocks at any rate to one rate, keeping the filter's state between blocks."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._target = sample_rate_hz
        self._source = 0
        self._resampler: AudioResampler | None = None

    def __call__(self, samples: Samples, rate: int) -> Iterator[Samples]:
        if rate != self._source:
            yield from self.flush()
            self._source = rate
            if rate != self._target:
                self._resampler = AudioResampler(format="flt", layout="mono", rate=self._target)
        if self._resampler is None:
            yield samples
            return
        frame = AudioFrame.from_ndarray(samples[None, :], format="flt", layout="mono")
        frame.sample_rate = rate
        yield from _samples_of(self._resampler.resample(frame))

    def flush(self) -> Iterator[Samples]:
        if self._resampler is not None:
            yield from _samples_of(self._resampler.resample(None))
            self._resampler = None


def _samples_of(frames: list[AudioFrame]) -> Iterator[Samples]:
    for frame in frames:
        if frame.samples:
            yield frame.to_ndarray()[0]
