"""Opens uploaded files: the containers that are read, their names, and the audio stream that is used."""

from __future__ import annotations

from collections.abc import Collection
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer
from av.stream import Discard, Disposition

from phonoscope.audio.formats import READERS, name_of
from phonoscope.audio.speakers import Speakers, speakers_of
from phonoscope.errors import (
    EmptyUpload,
    EncryptedRecording,
    NoAudioStream,
    NotARecording,
    UndecodableRecording,
    UnsupportedCodec,
)

# The library would search thousands of packets of 16-bit PCM for hidden DTS, each for 2 ms.
_OPTIONS = {"format_whitelist": READERS, "protocol_whitelist": "", "max_probe_packets": "1"}
# Tags are of any encoding; bytes that are no UTF-8 are kept as surrogates.
_ANY_BYTES = "surrogateescape"
_MOST_FRAME_VALUES = 1 << 23

# Noise that depends on a packet alone, not on all before it.
_DECODER_OPTIONS = {name: {"cons_noisegen": "1"} for name in ("ac3", "eac3")}

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
    (0, b"MAC ", "ape"),
    (0, b"MPCK", "mpc8"),
    (0, b"NIST_1A", "sph"),
    (0, b"Creative Voice File", "voc"),
    (0, b"DTSHDHDR", "dtshd"),
    (0, b"tBaK", "tak"),
    (0, b"ajkg", "shn"),
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


def open_container(file: BinaryIO, head: bytes) -> InputContainer:
    """Opens the container in the file's bytes; the files it refers to are never used.

    Args:
        file: one without a name, such as a ``FilePart``: the library would take a name as a hint of the format.

    Raises:
        EmptyUpload: the file has no bytes.
        NotARecording: the bytes are no known container.
        UndecodableRecording: the container's header is damaged or cut off.
    """
    if not head:
        raise EmptyUpload("the file has no bytes")
    try:
        return av.open(file, mode="r", options=_OPTIONS, metadata_errors=_ANY_BYTES)
    except (av.error.FFmpegError, ValueError) as error:
        for offset, mark, name in _RECORDINGS:
            if head[offset:].startswith(mark):
                raise UndecodableRecording(f"the {name} file's header is damaged or cut off") from error
        raise NotARecording(f"no audio container is recognised in the bytes; it is {_looks_like(head)}") from error


def open_tags(file: BinaryIO) -> InputContainer:
    """Opens a file of ``outer_tags.tag_files``. Raises ``av.error.FFmpegError`` or ``ValueError``."""
    return av.open(file, mode="r", format="aac", options=_OPTIONS, metadata_errors=_ANY_BYTES)


def container_name(container: InputContainer, head: bytes) -> str:
    """The container's common name, such as ``webm`` or ``mp4``; the library knows only the family."""
    name = container.format.name.split(",")[0]
    if name == "matroska":
        return "webm" if b"webm" in head[:64] else name
    if name == "mov":
        brand = container.metadata.get("major_brand", "qt")
        return "mov" if brand.startswith("qt") else "3gp" if brand.startswith("3g") else "mp4"
    return name_of(name)


def has_video(container: InputContainer) -> bool:
    """Whether the container has video; a cover image does not count."""
    return any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video)


def check_audio(container: InputContainer, name: str) -> None:
    """Refuses a container without audio that can be decoded.

    Raises:
        NoAudioStream: the container has no audio, such as a silent video.
        UnsupportedCodec: the audio's codec cannot be decoded.
        UndecodableRecording: the container has no stream at all.
    """
    streams = container.streams.audio
    if not container.streams:
        raise UndecodableRecording(f"the {name} file's header is damaged or cut off")
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams}))
        raise NoAudioStream(f"the {name} file has no sound; it holds: {kinds}")
    if all(stream.codec_context is None for stream in streams):
        raise UnsupportedCodec(f"the audio in the {name} file has a codec that cannot be decoded")


def audio_stream(container: InputContainer, name: str, index: int) -> av.AudioStream:
    """One of the audio tracks, with its decoder set up but not open.

    Raises:
        EncryptedRecording: the audio is encrypted.
        UnsupportedCodec: the audio's codec cannot be decoded.
    """
    stream = container.streams.audio[index]
    if stream.codec_context is None:
        raise UnsupportedCodec(f"audio track {index} of the {name} file has a codec that cannot be decoded")
    if _tag(stream) in _ENCRYPTED_TAGS or _ENCRYPTED_METADATA & stream.metadata.keys():
        raise EncryptedRecording(f"the audio in the {name} file is encrypted")
    _set_up(container, stream)
    return stream


def counted_channels(stream: av.AudioStream) -> int:
    """The number of a stream's channels, of which it forgets the order: a custom one must not outlive the reading."""
    context = stream.codec_context
    channels = context.layout.nb_channels
    if channels:
        context.layout = f"{channels} channels"
    return channels


def look_into(container: InputContainer, indices: Collection[int]) -> None:
    """Sets up the decoders of several audio tracks, for a look at all of them; other streams are discarded."""
    streams = [container.streams.audio[index] for index in indices]
    for stream in streams:
        _set_up(container, stream)
        counted_channels(stream)
    for stream in streams:
        stream.discard = Discard.default


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
    context.options = {"max_samples": str(_MOST_FRAME_VALUES), **_DECODER_OPTIONS.get(context.name, {})}


def _looks_like(head: bytes) -> str:
    for mark, what in _OTHERS:
        if head.startswith(mark):
            return what
    try:
        head.decode("ascii")
    except UnicodeDecodeError:
        return "of no known kind"
    return "text" if head.strip(b"\0") else "nothing but zeros"
