"""Which audio of a file is read: formats, tags around it, and one audio track of several."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from phonoscope.audio.decode import Recording
from phonoscope.audio.examine import examine
from phonoscope.audio.facts import Tags
from tests.corpus.case import Case, encoded
from tests.corpus.handmade import HANDMADE, PITCH_HZ
from tests.corpus.tagged import ape, id3, id3v1, png

Arguments = tuple[str, ...]

_SINE = ("-f", "lavfi", "-i", "sine=frequency=1000:duration=1:sample_rate=48000")
_LOW_HZ = 400.0
_LOW = ("-f", "lavfi", "-i", "sine=frequency=400:duration=1:sample_rate=48000")
_SILENCE = ("-f", "lavfi", "-t", "1", "-i", "anullsrc=sample_rate=48000:channel_layout=mono")
_RATE_HZ = 44_100

_BY_FFMPEG: dict[str, Arguments] = {
    "DTS (.dts)": ("-c:a", "dca", "-strict", "-2", "-f", "dts"),
    "TrueHD (.thd)": ("-c:a", "truehd", "-strict", "-2", "-f", "truehd"),
    "MLP (.mlp)": ("-c:a", "mlp", "-strict", "-2", "-f", "mlp"),
    "AC-3 (.ac3)": ("-f", "ac3"),
    "E-AC-3 (.eac3)": ("-f", "eac3"),
    "AC-3 over S/PDIF (.spdif)": ("-c:a", "ac3", "-f", "spdif"),
    "MPEG layer 2 (.mp2)": ("-f", "mp2"),
    "Wave64 (.w64)": ("-f", "w64"),
    "Creative Voice (.voc)": ("-f", "voc"),
    "IRCAM (.sf)": ("-f", "ircam", "-c:a", "pcm_f32le"),
    "SoX (.sox)": ("-f", "sox"),
    "AIFF-C, little-endian (.aifc)": ("-f", "aiff", "-c:a", "pcm_s16le"),
    "AU, mu-law (.au)": ("-f", "au", "-c:a", "pcm_mulaw", "-ar", "8000"),
    "CAF, ALAC (.caf)": ("-f", "caf", "-c:a", "alac"),
    "Matroska audio (.mka)": ("-f", "matroska", "-c:a", "flac"),
    "Ogg FLAC (.oga)": ("-f", "ogg", "-c:a", "flac"),
    "Ogg Opus (.opus)": ("-f", "ogg", "-c:a", "libopus"),
    "AAC in LOAS (.loas)": ("-f", "latm", "-c:a", "aac"),
    "Windows Media (.wma)": ("-f", "asf", "-c:a", "wmav2"),
    "RealAudio (.rm)": ("-f", "rm", "-c:a", "ac3"),
    "SMAF (.mmf)": ("-f", "mmf", "-ar", "8000", "-ac", "1"),
    "CRI ADX (.adx)": ("-f", "adx"),
    "AST (.ast)": ("-f", "ast"),
    "MXF (.mxf)": ("-f", "mxf_opatom", "-c:a", "pcm_s16le"),
    "GXF (.gxf)": ("-f", "gxf", "-c:a", "pcm_s16le"),
    "NUT (.nut)": ("-f", "nut", "-c:a", "pcm_s16le"),
    "Windows TV (.wtv)": ("-f", "wtv", "-c:a", "mp2"),
    "WAV, MS ADPCM": ("-f", "wav", "-c:a", "adpcm_ms"),
    "WAV, MP3 inside": ("-f", "wav", "-c:a", "mp3"),
    "WAV, IMA ADPCM": ("-f", "wav", "-c:a", "adpcm_ima_wav"),
    "WAV, Yamaha ADPCM": ("-f", "wav", "-c:a", "adpcm_yamaha"),
    "WAV, G.722": ("-f", "wav", "-c:a", "g722", "-ar", "16000"),
    "WAV, G.723.1": ("-f", "wav", "-c:a", "g723_1", "-ar", "8000", "-b:a", "6300"),
    "WAV, G.726": ("-f", "wav", "-c:a", "g726", "-ar", "8000"),
    "WAV, GSM": ("-f", "wav", "-c:a", "libgsm_ms", "-ar", "8000"),
    "WAV, AC-3 inside": ("-f", "wav", "-c:a", "ac3"),
    "WAV, DTS inside": ("-f", "wav", "-c:a", "dca", "-strict", "-2"),
    "WAV, DFPWM": ("-f", "wav", "-c:a", "dfpwm"),
    "AIFF-C, QuickTime ADPCM": ("-f", "aiff", "-c:a", "adpcm_ima_qt", "-ar", "44100"),
    "Opus in MP4": ("-f", "mp4", "-c:a", "libopus"),
    "Opus in CAF": ("-f", "caf", "-c:a", "libopus"),
    "Opus in MPEG-TS": ("-f", "mpegts", "-c:a", "libopus"),
    "FLAC in MP4": ("-f", "mp4", "-c:a", "flac", "-strict", "-2"),
    "TrueHD in MP4": ("-f", "mp4", "-c:a", "truehd", "-strict", "-2"),
    "SMPTE 302M in MPEG-TS": ("-f", "mpegts", "-c:a", "s302m", "-strict", "-2", "-ac", "2"),
    "PCM of a DVD": ("-f", "vob", "-c:a", "pcm_dvd"),
    "Nellymoser in FLV": ("-f", "flv", "-c:a", "nellymoser", "-ar", "22050"),
    "ADPCM in FLV": ("-f", "flv", "-c:a", "adpcm_swf", "-ar", "44100"),
    "RealAudio 1 (.ra)": ("-f", "rm", "-c:a", "real_144", "-ar", "8000"),
}
_LARGE_TAG = {
    "FLAC": ("-f", "flac"),
    "AAC (ADTS)": ("-f", "adts"),
    "WAV": ("-f", "wav"),
    "AIFF": ("-f", "aiff"),
    "CAF": ("-f", "caf"),
    "TTA": ("-f", "tta"),
    "WavPack": ("-f", "wv"),
    "Ogg Opus": ("-f", "ogg", "-c:a", "libopus"),
    "MP4": ("-f", "ipod"),
    "AC-3": ("-f", "ac3"),
    "MP3": ("-f", "mp3", "-id3v2_version", "0"),
}
_COVER_BYTES = 2_000_000


def made(folder: Path, *arguments: str) -> Path:
    """A file that ffmpeg writes."""
    path = folder / "made"
    path.write_bytes(encoded(path.name, *arguments))
    return path


def written(content: bytes, folder: Path) -> Path:
    """A file with this content."""
    path = folder / "written"
    path.write_bytes(content)
    return path


def pitch_hz(path: Path, audio_track: int | None = None) -> float:
    """The strongest frequency of the mono decode, in hertz."""
    with path.open("rb") as file, Recording(file, audio_track) as recording:
        samples = np.concatenate([*recording.mono(_RATE_HZ)])
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 20))
    return float(spectrum.argmax() * _RATE_HZ / (1 << 20))


def tags_of(path: Path) -> Tags:
    """The tags that a probe finds."""
    return examine(io.BytesIO(path.read_bytes()), max_duration_s=60.0).tags


def _by_hand(make: Callable[[], bytes], folder: Path) -> Path:
    return written(make(), folder)


def _by_ffmpeg(arguments: Arguments, folder: Path) -> Path:
    return made(folder, *_SINE, *arguments)


def _after_tag(arguments: Arguments, tag: bytes, folder: Path) -> Path:
    plain = made(folder, *_SINE, *arguments)
    return written(tag + plain.read_bytes(), folder)


def _before_tag(arguments: Arguments, tag: bytes, folder: Path) -> Path:
    plain = made(folder, *_SINE, *arguments)
    return written(plain.read_bytes() + tag, folder)


def two_tracks(muxer: Arguments, dispositions: Arguments, first: Arguments, folder: Path) -> Path:
    """Two audio tracks: the given one and one of 1 kHz."""
    return made(folder, *first, *_SINE, "-map", "0", "-map", "1", *_flags(dispositions), *muxer)


def _flags(dispositions: Arguments) -> list[str]:
    return [part for index, flag in enumerate(dispositions) for part in (f"-disposition:a:{index}", flag)]


def _pitch(
    section: str, name: str, make: Callable[[Path], Path], reference_hz: float, *, needs_ffmpeg: bool = False
) -> Case:
    return Case(section, name, "pitch, Hz", make, lambda _: reference_hz, pitch_hz, 2.0, needs_ffmpeg)


def _artist(name: str, make: Callable[[Path], Path]) -> Case:
    return Case("Tags", name, "artist", make, lambda _: "Björk", lambda path: tags_of(path).artist, needs_ffmpeg=True)


def _tag_cases() -> list[Case]:
    titled = ("-metadata", "title=Ça ira", "-metadata", "artist=Björk", "-metadata", "album=Début")
    by_ffmpeg = {
        "Vorbis comments in FLAC": ("-f", "flac"),
        "Vorbis comments in Ogg": ("-f", "ogg", "-c:a", "libopus"),
        "MP4's ilst": ("-f", "ipod"),
        "Matroska": ("-f", "matroska", "-c:a", "flac"),
        "ASF": ("-f", "asf", "-c:a", "wmav2"),
        "RIFF INFO": ("-f", "wav"),
        "APEv2 in WavPack": ("-f", "wv"),
        "ID3 in MP3": ("-f", "mp3"),
        "ID3 in AIFF": ("-f", "aiff", "-write_id3v2", "1"),
    }
    cases = [_artist(name, partial(_by_ffmpeg, (*titled, *arguments))) for name, arguments in by_ffmpeg.items()]
    mp3 = _LARGE_TAG["MP3"] + ("-write_id3v1", "0")
    at_end = {
        "APEv2 after MP3": ape([("Artist", "Björk".encode())]),
        "ID3v1 after MP3, Latin-1": id3v1("Ça ira".encode("latin-1"), "Björk".encode("latin-1"), 3),
        "APEv2 and ID3v1 after MP3": ape([("Artist", "Björk".encode())]) + id3v1(b"", b"Bj", 3),
    }
    for name, tag in at_end.items():
        cases.append(_artist(name, partial(_before_tag, mp3, tag)))
    for encoding in ("latin-1", "utf-16", "utf-16-be", "utf-8"):
        tag = id3([("TPE1", "Björk")], encoding=encoding)
        for kind in ("FLAC", "AAC (ADTS)"):
            made_so = partial(_after_tag, _LARGE_TAG[kind], tag)
            cases.append(_artist(f"ID3 in {encoding} before {kind}", made_so))
    return cases


def _track_cases() -> list[Case]:
    mkv, mp4, ts = ("-f", "matroska", "-c:a", "flac"), ("-f", "mp4", "-c:a", "aac"), ("-f", "mpegts", "-c:a", "mp2")
    inputs = (
        ("Matroska, the second one is the default", _LOW, mkv, ("0", "default"), PITCH_HZ),
        ("Matroska, no default", _LOW, mkv, ("0", "0"), _LOW_HZ),
        ("Matroska, a silent first one", _SILENCE, mkv, ("default", "0"), PITCH_HZ),
        ("MP4, the second one is the default", _LOW, mp4, ("0", "default"), PITCH_HZ),
        ("MP4, both are", _LOW, mp4, ("default", "default"), _LOW_HZ),
        ("MP4, a silent first one", _SILENCE, mp4, ("default", "0"), PITCH_HZ),
        ("MPEG-TS", _LOW, ts, ("0", "0"), _LOW_HZ),
        ("MPEG-TS, a silent first one", _SILENCE, ts, ("0", "0"), PITCH_HZ),
        ("AVI", _LOW, ("-f", "avi", "-c:a", "mp3"), ("0", "0"), _LOW_HZ),
    )
    return [
        _pitch("Several audio tracks", name, partial(two_tracks, muxer, flags, first), reference_hz, needs_ffmpeg=True)
        for name, first, muxer, flags, reference_hz in inputs
    ]


def _cases() -> list[Case]:
    formats = "Formats"
    cases = [
        _pitch(formats, name, partial(_by_ffmpeg, arguments), PITCH_HZ, needs_ffmpeg=True)
        for name, arguments in _BY_FFMPEG.items()
    ]
    cases += [_pitch(formats, name, partial(_by_hand, make), PITCH_HZ) for name, (make, *_) in HANDMADE.items()]
    around = "Tags before the audio"
    tags = {
        "a tag of 2 MB": id3([("TIT2", "Ça ira")], cover=png(4, 4) + bytes(_COVER_BYTES)),
        "two tags, one with a footer": id3(padding=3_000) + id3([("TIT2", "Ça ira")], footer=True),
        "a tag and zeros": id3() + bytes(900),
    }
    for name, tag in tags.items():
        cases += [
            _pitch(around, f"{kind} after {name}", partial(_after_tag, arguments, tag), PITCH_HZ, needs_ffmpeg=True)
            for kind, arguments in _LARGE_TAG.items()
            if len(tag) > _COVER_BYTES or kind in {"FLAC", "AAC (ADTS)", "MP3"}
        ]
    return [*cases, *_tag_cases(), *_track_cases()]


CASES: tuple[Case, ...] = tuple(_cases())
