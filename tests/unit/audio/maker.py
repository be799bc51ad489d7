"""Recordings of every format, made on the spot."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.decode import Recording
from phonoscope.audio.examine import examine
from phonoscope.audio.probe import Probe

PITCH_HZ = 1000.0
LEVEL = 0.5


class Decoded(NamedTuple):
    """What decoding a whole recording gave."""

    samples: NDArray[np.float32]
    decoded_s: float
    warnings: list[str]


@dataclass(frozen=True)
class Format:
    """A way to write a recording, and what a reader should say of it."""

    muxer: str
    codec: str
    container: str
    media_type: str
    reads_as: str = ""
    rate_hz: int = 48_000
    lossless_bits: int = 0
    delay_s: float = 0.0
    channels: int = 1
    sample_type: str = ""
    options: dict[str, str] = field(default_factory=dict)
    codec_options: dict[str, str] = field(default_factory=dict)

    @property
    def found_codec(self) -> str:
        return self.reads_as or self.codec


_LIVE = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "200000"}
_TRY = {"strict": "experimental"}

FORMATS = {
    "wav-u8": Format("wav", "pcm_u8", "wav", "audio/wav", lossless_bits=8),
    "wav-s16": Format("wav", "pcm_s16le", "wav", "audio/wav", lossless_bits=16),
    "wav-s24": Format("wav", "pcm_s24le", "wav", "audio/wav", lossless_bits=24),
    "wav-s32": Format("wav", "pcm_s32le", "wav", "audio/wav", lossless_bits=32),
    "wav-f32": Format("wav", "pcm_f32le", "wav", "audio/wav", lossless_bits=32),
    "wav-f64": Format("wav", "pcm_f64le", "wav", "audio/wav", lossless_bits=32),
    "wav-mulaw": Format("wav", "pcm_mulaw", "wav", "audio/wav", rate_hz=8_000),
    "wav-alaw": Format("wav", "pcm_alaw", "wav", "audio/wav", rate_hz=8_000),
    "rf64": Format("wav", "pcm_s16le", "wav", "audio/wav", lossless_bits=16, options={"rf64": "always"}),
    "w64": Format("w64", "pcm_s16le", "w64", "audio/x-w64", lossless_bits=16),
    "aiff": Format("aiff", "pcm_s16be", "aiff", "audio/aiff", lossless_bits=16),
    "aiff-s24": Format("aiff", "pcm_s24be", "aiff", "audio/aiff", lossless_bits=24),
    "caf": Format("caf", "pcm_s16be", "caf", "audio/x-caf", lossless_bits=16),
    "caf-alac": Format("caf", "alac", "caf", "audio/x-caf", lossless_bits=16, sample_type="s16p"),
    "au": Format("au", "pcm_s16be", "au", "audio/basic", lossless_bits=16),
    "flac": Format("flac", "flac", "flac", "audio/flac", lossless_bits=16),
    "ogg-flac": Format("ogg", "flac", "ogg", "audio/ogg", lossless_bits=16),
    "mkv-flac": Format("matroska", "flac", "matroska", "audio/matroska", lossless_bits=16),
    "alac": Format("ipod", "alac", "mp4", "audio/mp4", lossless_bits=16, sample_type="s16p"),
    "wavpack": Format("wv", "wavpack", "wv", "audio/x-wavpack", lossless_bits=16, sample_type="s16p"),
    "tta": Format("tta", "tta", "tta", "audio/x-tta", lossless_bits=16, sample_type="s16"),
    "mp3": Format("mp3", "libmp3lame", "mp3", "audio/mpeg", "mp3"),
    "mp3-no-xing": Format("mp3", "libmp3lame", "mp3", "audio/mpeg", "mp3", delay_s=0.06, options={"write_xing": "0"}),
    "ogg-vorbis": Format("ogg", "vorbis", "ogg", "audio/ogg", delay_s=0.03, channels=2, codec_options=_TRY),
    "opus": Format("ogg", "libopus", "ogg", "audio/ogg", "opus"),
    "adts": Format("adts", "aac", "aac", "audio/aac", delay_s=0.06),
    "m4a": Format("ipod", "aac", "mp4", "audio/mp4", delay_s=0.03),
    "mp4-fragmented": Format("mp4", "aac", "mp4", "audio/mp4", delay_s=0.06, options=_LIVE),
    "webm": Format("webm", "libopus", "webm", "audio/webm", "opus"),
    "webm-vorbis": Format("webm", "vorbis", "webm", "audio/webm", delay_s=0.03, channels=2, codec_options=_TRY),
    "webm-live": Format("webm", "libopus", "webm", "audio/webm", "opus", delay_s=0.03, options={"live": "1"}),
    "ac3": Format("ac3", "ac3", "ac3", "audio/ac3", delay_s=0.04),
    "eac3": Format("eac3", "eac3", "eac3", "audio/eac3", delay_s=0.04),
    "mp2": Format("mp2", "mp2", "mp3", "audio/mpeg", delay_s=0.04),
    "loas": Format("latm", "aac", "loas", "audio/x-loas", "aac_latm", delay_s=0.06),
    "spdif": Format("spdif", "ac3", "spdif", "audio/x-spdif", delay_s=0.04),
    "voc": Format("voc", "pcm_s16le", "voc", "audio/x-voc", lossless_bits=16),
    "ircam": Format("ircam", "pcm_s16le", "ircam", "audio/x-ircam", lossless_bits=16),
    "sox": Format("sox", "pcm_s32le", "sox", "audio/x-sox", lossless_bits=32),
    "mmf": Format("mmf", "adpcm_yamaha", "mmf", "audio/x-smaf", rate_hz=8_000, delay_s=0.03),
    "adx": Format("adx", "adpcm_adx", "adx", "audio/x-adx", delay_s=0.01),
    "ast": Format("ast", "pcm_s16be_planar", "ast", "audio/x-ast", lossless_bits=16),
    "rm": Format("rm", "ac3", "rm", "audio/vnd.rn-realaudio", delay_s=0.04),
    "nut": Format("nut", "pcm_s16le", "nut", "audio/x-nut", lossless_bits=16),
    "wtv": Format("wtv", "mp2", "wtv", "video/x-ms-wtv", delay_s=0.04),
    "aifc": Format("aiff", "pcm_s16le", "aiff", "audio/aiff", lossless_bits=16),
    "wma": Format("asf", "wmav2", "asf", "audio/x-ms-wma", delay_s=0.06, codec_options={"b": "96000"}),
    "amr": Format("amr", "libopencore_amrnb", "amr", "audio/AMR", "amr_nb", rate_hz=8_000, delay_s=0.03),
}
_SAMPLE_TYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}


class Maker:
    """Recordings made on the spot."""

    pitch_hz = PITCH_HZ
    level = LEVEL
    formats = FORMATS

    def tone(self, rate_hz: int, seconds: float, channels: int = 1, pitch_hz: float = PITCH_HZ) -> NDArray[np.float64]:
        """The same sine in every channel. Shape ``(channels, samples)``."""
        time_s = np.arange(round(seconds * rate_hz)) / rate_hz
        return np.tile(LEVEL * np.sin(2 * np.pi * pitch_hz * time_s), (channels, 1))

    def recording(self, name: str, seconds: float = 1.0, channels: int = 0) -> bytes:
        """A tone in one of the formats; made once."""
        return _recording(name, seconds, channels or FORMATS[name].channels)

    def encode(self, kind: Format, samples: NDArray[Any], *, at_once: int = 0, **changes: Any) -> bytes:
        """The samples, of shape ``(channels, samples)`` and full scale at 1 where they are floats, as a file.

        Args:
            at_once: how many samples are encoded at once; all of them when left out.
        """
        kind, buffer = replace(kind, **changes), io.BytesIO()
        layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}.get(len(samples), f"{len(samples)} channels")
        with av.open(buffer, "w", format=kind.muxer, options=kind.options) as output:
            stream: Any = output.add_stream(kind.codec, rate=kind.rate_hz, layout=layout, options=kind.codec_options)
            if kind.sample_type:
                stream.format = kind.sample_type
            at_once = at_once or samples.shape[1]
            for start in range(0, samples.shape[1], at_once):
                piece = samples[:, start : start + at_once]
                array, name = _interleaved(piece, stream.codec_context.format.name.removesuffix("p"))
                frame = av.AudioFrame.from_ndarray(array, format=name, layout=layout)
                frame.sample_rate, frame.pts = kind.rate_hz, start
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return buffer.getvalue()

    def wav(
        self, data: bytes, *, tag: int = 1, channels: int = 1, rate_hz: int = 8_000, bits: int = 16, claimed: int = -1
    ) -> bytes:
        """A WAV file whose header may claim another number of bytes than there are."""
        width = channels * bits // 8
        claimed = len(data) if claimed < 0 else claimed
        head = struct.pack(
            "<4sI4s4sIHHIIHH",
            b"RIFF",
            min(36 + claimed, 2**32 - 1),
            b"WAVE",
            b"fmt ",
            16,
            tag,
            channels,
            rate_hz,
            rate_hz * width,
            width,
            bits,
        )
        return head + struct.pack("<4sI", b"data", claimed) + data

    def video(self, muxer: str, *, codec: str = "mpeg4", sound: bool = False) -> bytes:
        """Ten black pictures, with or without a second of sound."""
        buffer = io.BytesIO()
        with av.open(buffer, "w", format=muxer) as output:
            pictures: Any = output.add_stream(codec, rate=10, width=32, height=32, pix_fmt="yuv420p")
            audio: Any = output.add_stream("aac", rate=48_000, layout="mono") if sound else None
            black = np.full((48, 32), 128, np.uint8)
            black[:32] = 16
            for _ in range(10):
                output.mux(pictures.encode(av.VideoFrame.from_ndarray(black, format="yuv420p")))
            output.mux(pictures.encode(None))
            if audio is not None:
                array, name = _interleaved(self.tone(48_000, 1.0), "flt")
                frame = av.AudioFrame.from_ndarray(array, format=name, layout="mono")
                frame.sample_rate = 48_000
                output.mux(audio.encode(frame))
                output.mux(audio.encode(None))
        return buffer.getvalue()

    def examine(self, data: bytes, max_duration_s: float = 3600.0) -> Probe:
        """What the probe finds, in this process."""
        return examine(io.BytesIO(data), max_duration_s=max_duration_s)

    def decode(self, data: bytes, rate_hz: int) -> Decoded:
        """The whole recording as mono."""
        with Recording(io.BytesIO(data)) as recording:
            blocks = list(recording.mono(rate_hz))
        return Decoded(np.concatenate([np.zeros(0, np.float32), *blocks]), recording.decoded_s, recording.warnings)

    def pitch_and_level(self, samples: NDArray[np.float32], rate_hz: int) -> tuple[float, float]:
        """The strongest sine's frequency in hertz and amplitude, from the middle half."""
        middle = samples[len(samples) // 4 : len(samples) * 3 // 4]
        window = np.hanning(len(middle))
        spectrum = np.abs(np.fft.rfft(middle * window, 16 * len(middle)))
        peak = int(spectrum.argmax())
        return peak * rate_hz / (16 * len(middle)), float(2 * spectrum[peak] / window.sum())


@cache
def _recording(name: str, seconds: float, channels: int) -> bytes:
    kind, make = FORMATS[name], Maker()
    return make.encode(kind, make.tone(kind.rate_hz, seconds, channels))


def _interleaved(samples: NDArray[Any], sample_format: str) -> tuple[NDArray[Any], str]:
    kind = np.dtype(_SAMPLE_TYPES[sample_format])
    if samples.dtype.kind == "f" and kind.kind != "f":
        full_scale = 2.0 ** (8 * kind.itemsize - 1) - 1
        samples = (samples * full_scale).round() + (128 if sample_format == "u8" else 0)
    return np.ascontiguousarray(samples.T.astype(kind).reshape(1, -1)), sample_format
