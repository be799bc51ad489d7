"""Opens uploaded files: the containers that are read, their names, and the audio stream that is used."""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer
from av.stream import Discard, Disposition

from phonoscope.audio.speakers import Speakers, speakers_of
from phonoscope.audio.tags import Span
from phonoscope.errors import (
    EmptyUpload,
    EncryptedRecording,
    NoAudioStream,
    NotARecording,
    UndecodableRecording,
    UnsupportedCodec,
)

# Playlists and similar formats name further files to read: only self-contained formats are opened.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,eac3,flac,flv,matroska,webm,mov,mp4,mp3,mpeg,mpegts,ogg,rf64,"
    "tta,w64,wav,wv"
)
# The library would search thousands of packets of 16-bit PCM for hidden DTS, each for 2 ms.
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "", "max_probe_packets": "1"}
_MOST_FRAME_VALUES = 1 << 23

_ENCRYPTED_TAGS = frozenset({"enca", "drms", "aavd"})
_ENCRYPTED_METADATA = frozenset({"enc_key_id", "ASF_Protection_Type"})

_RECORDINGS = (
    (0, b"RIFF", "wav"),
    (0, b"RF64", "wav"),
    (0, b"riff", "w64"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"FORM", "aiff"),
    (0, b"caff", "caf"),
    (0, b"ID3", "mp3"),
    (0, b"wvpk", "wv"),
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (4, b"ftyp", "mp4"),
    (4, b"moov", "mov"),
)
_OTHERS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"#EXTM3U", "a playlist"),
)

_AUDIO_TYPES = {
    "aac": "audio/aac",
    "ac3": "audio/ac3",
    "aiff": "audio/aiff",
    "amr": "audio/AMR",
    "ape": "audio/x-ape",
    "asf": "audio/x-ms-wma",
    "au": "audio/basic",
    "caf": "audio/x-caf",
    "dsf": "audio/x-dsf",
    "eac3": "audio/eac3",
    "flac": "audio/flac",
    "matroska": "audio/matroska",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "audio/mp4",
    "mpeg": "audio/mpeg",
    "ogg": "audio/ogg",
    "tta": "audio/x-tta",
    "w64": "audio/x-w64",
    "wav": "audio/wav",
    "webm": "audio/webm",
    "wv": "audio/x-wavpack",
    "3gp": "audio/3gpp",
}
_VIDEO_TYPES = {
    "asf": "video/x-ms-asf",
    "avi": "video/x-msvideo",
    "flv": "video/x-flv",
    "matroska": "video/matroska",
    "mov": "video/quicktime",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpegts": "video/mp2t",
    "ogg": "video/ogg",
    "webm": "video/webm",
    "3gp": "video/3gpp",
}


def open_container(file: BinaryIO, head: bytes, span: Span) -> InputContainer:
    """Opens the container in a part of the file's bytes; its name and the files it refers to are never used.

    The container's metadata includes that of tags after the part.

    Raises:
        EmptyUpload: the file has no bytes.
        NotARecording: the bytes are no known container.
        UndecodableRecording: the container's header is damaged or cut off.
    """
    if not head:
        raise EmptyUpload("the file has no bytes")
    start = 0 if head.startswith(b"ID3") else span.start
    try:
        container = av.open(_View(file, Span(start, span.end)), mode="r", options=_OPTIONS, metadata_errors="ignore")
    except (av.error.FFmpegError, ValueError) as error:
        for offset, mark, name in _RECORDINGS:
            if head[offset:].startswith(mark):
                raise UndecodableRecording(f"the {name} file's header is damaged or cut off") from error
        raise NotARecording(f"no audio container is recognised in the bytes; it is {_looks_like(head)}") from error
    total = file.seek(0, 2)
    if span.end < total and not head.startswith(b"OggS"):
        with suppress(av.error.FFmpegError, ValueError):
            whole = av.open(_View(file, Span(0, total)), mode="r", options=_OPTIONS, metadata_errors="ignore")
            container.metadata.update(whole.metadata | container.metadata)
            whole.close()
    return container


def container_name(container: InputContainer, head: bytes) -> str:
    """The container's common name, such as ``webm`` or ``mp4``; the library knows only the family."""
    name = container.format.name.split(",")[0]
    if name == "matroska":
        return "webm" if b"webm" in head[:64] else name
    if name == "mov":
        brand = container.metadata.get("major_brand", "qt")
        return "mov" if brand.startswith("qt") else "3gp" if brand.startswith("3g") else "mp4"
    return name


def media_type(name: str, *, video: bool) -> str:
    """The media type of a container by its name, with or without video."""
    first, second = (_VIDEO_TYPES, _AUDIO_TYPES) if video else (_AUDIO_TYPES, _VIDEO_TYPES)
    return first.get(name) or second.get(name) or "application/octet-stream"


def has_video(container: InputContainer) -> bool:
    """Whether the container has video; a cover image does not count."""
    return any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video)


def audio_stream(container: InputContainer, name: str) -> av.AudioStream:
    """The first audio stream that can be decoded, with its decoder set up but not open.

    Raises:
        NoAudioStream: the container has no audio, such as a silent video.
        EncryptedRecording: the audio is encrypted.
        UnsupportedCodec: the audio's codec cannot be decoded.
        UndecodableRecording: the container has no stream at all.
    """
    streams = container.streams.audio
    if not container.streams:
        raise UndecodableRecording(f"the {name} file's header is damaged or cut off")
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams}))
        raise NoAudioStream(f"the {name} file has no sound; it holds: {kinds}")
    decodable = [stream for stream in streams if stream.codec_context is not None]
    if not decodable:
        raise UnsupportedCodec(f"the audio in the {name} file has a codec that cannot be decoded")
    stream = decodable[0]
    if _tag(stream) in _ENCRYPTED_TAGS or _ENCRYPTED_METADATA & stream.metadata.keys():
        raise EncryptedRecording(f"the audio in the {name} file is encrypted")
    _set_up(container, stream)
    return stream


def declared_speakers(stream: av.AudioStream) -> Speakers:
    """The speakers of a stream's channels as its container names them, in the file's order; call it once, first of all.

    A custom channel order owns memory that the library frees once for each frame, and a first time when the order is
    read. Here its names are kept, and a layout without an order takes its place before any frame exists. An order of
    FFmpeg's own owns no memory.
    """
    context = stream.codec_context
    layout = context.layout
    if not layout.nb_channels:
        return ()
    name = layout.name
    context.layout = f"{layout.nb_channels} channels" if "channels" in name or "ambisonic" in name else name
    return speakers_of(layout)


class _View:
    """A part of a file, without a name, since the library would take a name as a hint of the format."""

    def __init__(self, file: BinaryIO, span: Span) -> None:
        self._file = file
        self._span = span
        self._position = span.start

    def read(self, size: int) -> bytes:
        self._file.seek(self._position)
        found = self._file.read(max(0, min(size, self._span.end - self._position)))
        self._position += len(found)
        return found

    def seek(self, offset: int, whence: int) -> int:
        self._position = (self._span.start, self._position, self._span.end)[whence] + offset
        if self._position < self._span.start:
            raise OSError(errno.EINVAL, "a position before the file's start")
        return self.tell()

    def tell(self) -> int:
        return self._position - self._span.start


def _tag(stream: av.AudioStream) -> str:
    try:
        return stream.codec_context.codec_tag
    except UnicodeDecodeError:
        return ""


def _set_up(container: InputContainer, stream: av.AudioStream) -> None:
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    context = stream.codec_context
    context.thread_type = "NONE"
    context.options = {"max_samples": str(_MOST_FRAME_VALUES)}


def _looks_like(head: bytes) -> str:
    for mark, what in _OTHERS:
        if head.startswith(mark):
            return what
    try:
        head.decode("ascii")
    except UnicodeDecodeError:
        return "of no known kind"
    return "text" if head.strip(b"\0") else "nothing but zeros"
