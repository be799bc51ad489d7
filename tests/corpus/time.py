"""Time stamps, durations, tags at the ends and joined files."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.decode import Recording
from phonoscope.audio.examine import examine
from tests.corpus.case import Case, encoded, ffmpeg
from tests.unit.audio.stamps import Stamp, paused, restamped

_SECTION = "Time"
_RATE_HZ = 48_000
_LOUD = 0.2
_DURATION, _ONSET, _TOLD = "duration, s", "last tone starts, s", "warnings"
_FRAME_S, _ONE_FRAME_S, _ALIGNED_S = 0.05, 0.025, 0.02
_BEEPS = f"aevalsrc='0.5*sin(6283*t)*lt(mod(t,1),0.5)':s={_RATE_HZ}"
_LONGER_S = 12.0
"""More than the probe decodes."""


def _beeps(folder: Path, name: str, *arguments: str, lasts_s: float = 2.0) -> Path:
    """In each second half a second of tone."""
    path = folder / name
    path.write_bytes(encoded(name, "-f", "lavfi", "-i", f"{_BEEPS}:d={lasts_s}", "-ac", "1", *arguments))
    return path


def _stamped(source: str, muxer: str, stamp: Stamp, video_s: float = 0.0) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / f"stamped.{muxer}"
        path.write_bytes(restamped(_beeps(folder, source).read_bytes(), muxer, stamp, video_s=video_s))
        return path

    return make


def _encoded(name: str, *arguments: str) -> Callable[[Path], Path]:
    return lambda folder: _beeps(folder, name, *arguments)


def _late(name: str, *arguments: str) -> Callable[[Path], Path]:
    """Beside 3.5 s of black pictures."""
    codec = {"flv": "flv1", "wma": "wmv2", "nut": "mpeg4"}.get(name.rpartition(".")[2], "mpeg2video")

    def make(folder: Path) -> Path:
        path = folder / f"late-{name}"
        pictures = ("-f", "lavfi", "-i", "color=d=3.5:s=64x64:r=25", "-itsoffset", "1.5")
        ffmpeg(*pictures, "-i", _beeps(folder, "b.wav"), "-map", "0", "-map", "1", *arguments, "-c:v", codec, path)
        return path

    return make


def _edited(name: str, *arguments: str) -> Callable[[Path], Path]:
    """Two seconds, of which an edit list plays a part."""

    def make(folder: Path) -> Path:
        path = folder / f"edited-{name}"
        ffmpeg(*arguments, "-i", _beeps(folder, name), "-c", "copy", path)
        return path

    return make


def _followed(name: str, tail: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = _beeps(folder, name)
        path.write_bytes(path.read_bytes() + tail)
        return path

    return make


def _chained(*kinds: tuple[str, ...]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        links = [_beeps(folder, f"{index}.ogg", *kind).read_bytes() for index, kind in enumerate(kinds)]
        path = folder / "chain.ogg"
        path.write_bytes(b"".join(links))
        return path

    return make


def _joined(name: str, *arguments: str, other: tuple[str, ...] = ()) -> Callable[[Path], Path]:
    """A recording and another one, made with ``other`` arguments too."""

    def make(folder: Path) -> Path:
        first = _beeps(folder, name, *arguments).read_bytes()
        path = _beeps(folder, name, *arguments, *other)
        path.write_bytes(first + path.read_bytes())
        return path

    return make


def _always(value: float | str | bool) -> Callable[[Path], float | str | bool]:
    return lambda _: value


def _probed_s(path: Path) -> float:
    with path.open("rb") as file:
        return examine(file, max_duration_s=3_600.0).duration_s


def _decoded(path: Path) -> NDArray[np.float32]:
    with path.open("rb") as file, Recording(file) as recording:
        return np.concatenate(list(recording.mono(_RATE_HZ)))


def _by_ffmpeg(path: Path, placed: str = "aresample=async=1:first_pts=0") -> NDArray[np.float32]:
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-af", placed]
    command += ["-f", "f32le", "-ac", "1", "-ar", str(_RATE_HZ), "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout, "<f4")


def _last_onset_s(samples: NDArray[np.float32]) -> float:
    """Where the last tone of more than 0.3 s starts."""
    step = _RATE_HZ // 200
    loud = np.abs(samples[: len(samples) // step * step]).reshape(-1, step).max(axis=1) > _LOUD
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]]))).reshape(-1, 2)
    starts = [start for start, end in edges if end - start > 60]
    return float(starts[-1]) / 200


def _told(path: Path) -> str:
    return "; ".join(examine(io.BytesIO(path.read_bytes()), max_duration_s=3_600.0).warnings) or "none"


def _onset(name: str, make: Callable[[Path], Path], starts_s: float | None = None) -> Case:
    """The place of the last tone; by ffmpeg where the input's maker does not say."""
    by_ffmpeg = lambda path: _last_onset_s(_by_ffmpeg(path))  # noqa: E731 - one of two references
    reference = by_ffmpeg if starts_s is None else _always(starts_s)
    ours = lambda path: _last_onset_s(_decoded(path))  # noqa: E731
    return Case(_SECTION, name, _ONSET, make, reference, ours, _ALIGNED_S + 0.01, needs_ffmpeg=True)


def _lasts(name: str, make: Callable[[Path], Path], duration_s: float) -> Case:
    return Case(_SECTION, name, _DURATION, make, _always(duration_s), _probed_s, _FRAME_S, needs_ffmpeg=True)


def _agrees(name: str, *arguments: str) -> Case:
    """The track's duration is that of the samples that ffmpeg decodes."""

    def make(folder: Path) -> Path:
        return _beeps(folder, *arguments, lasts_s=_LONGER_S)

    def by_ffmpeg_s(path: Path) -> float:
        return len(_by_ffmpeg(path, "anull")) / _RATE_HZ

    return Case(_SECTION, name, _DURATION, make, by_ffmpeg_s, _probed_s, _ONE_FRAME_S, needs_ffmpeg=True)


def _ends(name: str, *arguments: str) -> tuple[Case, Case]:
    """Of two joined files players play the first one; a warning says so."""
    make = _joined(*arguments)
    by_ffmpeg_s = lambda path: len(_by_ffmpeg(path, "anull")) / _RATE_HZ  # noqa: E731
    told = lambda path: "another recording is joined" in _told(path)  # noqa: E731
    return (
        Case(_SECTION, name, _DURATION, make, by_ffmpeg_s, _probed_s, _FRAME_S, needs_ffmpeg=True),
        Case(_SECTION, name, "whether a warning says so", make, _always(True), told, needs_ffmpeg=True),
    )


def _silent(name: str, make: Callable[[Path], Path]) -> Case:
    return Case(_SECTION, name, _TOLD, make, _always("none"), _told, needs_ffmpeg=True)


_ID3V1 = b"TAG" + bytes(125)
_COVER = b"\xff\xfb\x90\x64" + np.random.default_rng(1).bytes(60_000)
_APE_ITEM = len(_COVER).to_bytes(4, "little") + b"\x02\0\0\0Cover Art (Front)\0" + _COVER
_APE = (
    _APE_ITEM
    + b"APETAGEX"
    + b"".join(number.to_bytes(4, "little") for number in (2_000, len(_APE_ITEM) + 32, 1, 0))
    + bytes(8)
)
_PAUSE = paused(0.75, 2.25)
_LATE: Stamp = lambda at_s: at_s + 1.5  # noqa: E731
_FORMATS = (
    ("ALAC in CAF", "a.caf", "-c:a", "alac"),
    ("MP3", "a.mp3"),
    ("Opus in WebM", "a.webm", "-c:a", "libopus"),
    ("Opus", "a.opus"),
    ("Vorbis", "a.ogg", "-c:a", "libvorbis"),
    ("AAC in M4A", "a.m4a"),
    ("AC-3", "a.ac3"),
    ("E-AC-3", "a.eac3"),
    ("MP2", "a.mp2"),
    ("ADPCM in WAV", "a.wav", "-c:a", "adpcm_ms"),
    ("Speex", "a.spx", "-ar", "16000"),
    ("AAC in MPEG-TS", "a.ts"),
    ("AAC in Matroska", "a.mka", "-c:a", "aac"),
    ("Vorbis in WebM", "b.webm", "-c:a", "libvorbis"),
    ("FLV", "a.flv", "-ar", "44100"),
    ("AC-3 of 44.1 kHz", "b.ac3", "-ar", "44100"),
)
_WMA = (
    ("WMA 1", "v1.wma", "-c:a", "wmav1"),
    ("WMA 2", "v2.wma", "-c:a", "wmav2"),
    ("WMA of 44.1 kHz", "44.wma", "-c:a", "wmav2", "-ar", "44100"),
    ("WMA of 16 kHz", "16.wma", "-c:a", "wmav2", "-ar", "16000"),
    ("WMA in Matroska", "w.mka", "-c:a", "wmav2"),
    ("WMA in WAV", "w.wav", "-c:a", "wmav2"),
)
_STAMPED = (
    ("NUT", "p.nut", "-c:a", "pcm_s16le"),
    ("Windows TV", "p.wtv", "-c:a", "mp2"),
    ("WMA", "p.wma", "-c:a", "wmav2"),
    ("FLV", "p.flv", "-c:a", "mp3", "-ar", "44100"),
    ("MPEG", "p.mpg", "-c:a", "mp2"),
)
_PAUSED = ("-af", "asetpts='if(lt(T,0.75),PTS,PTS+1.5/TB)'")
_OTHER_RATE = ("-ar", "32000")
_PLAYED_ON = (
    ("FLAC", "a.flac"),
    ("Matroska", "a.mka", "-c:a", "flac"),
    ("AU", "a.au"),
    ("SoX", "a.sox"),
    ("IRCAM", "a.sf", "-f", "ircam"),
    ("NUT", "a.nut", "-c:a", "pcm_s16le"),
    ("RealAudio", "a.rm", "-c:a", "ac3"),
)
_ENDED = (
    ("WAV", "a.wav"),
    ("AIFF", "a.aiff"),
    ("CAF", "a.caf"),
    ("Wave64", "a.w64"),
    ("TTA", "a.tta"),
    ("WavPack", "a.wv"),
    ("VOC", "a.voc"),
    ("M4A", "a.m4a"),
    ("WMA", "a.wma", "-c:a", "wmav2"),
    ("FLV", "a.flv", "-ar", "44100"),
)

CASES: tuple[Case, ...] = (
    _onset("browser's recording (WebM, Opus) with a pause of 1.5 s", _stamped("a.webm", "webm", _PAUSE), 2.5),
    _onset("MP4 with a pause of 1.5 s", _stamped("a.m4a", "mp4", _PAUSE)),
    _onset("Matroska, FLAC, with a pause of 1.5 s", _stamped("a.flac", "matroska", _PAUSE), 2.5),
    _onset("MPEG-TS with a pause of 1.5 s", _stamped("a.aac", "mpegts", _PAUSE)),
    _onset("MP4 video whose sound starts at 1.5 s", _stamped("a.m4a", "mp4", _LATE, 3.5)),
    _onset("WebM video whose sound starts at 1.5 s", _stamped("a.webm", "webm", _LATE, 3.5), 2.5),
    _onset("MPEG-TS that starts at 1.4 s", _encoded("a.ts")),
    _onset("M4A whose edit list skips 0.61 s", _edited("a.m4a", "-ss", "0.61")),
    _onset("priming of AAC in M4A", _encoded("a.m4a"), 1.0),
    _onset("priming of MP3", _encoded("a.mp3"), 1.0),
    _onset("pre-skip of Opus", _encoded("a.opus"), 1.0),
    *(
        case
        for name, *arguments in _WMA
        for case in (
            _onset(f"priming of {name}", _encoded(*arguments), 1.0),
            _lasts(f"priming of {name}", _encoded(*arguments), 2.0),
        )
    ),
    *(_onset(f"{name} with a pause of 1.5 s", _encoded(*arguments, *_PAUSED), 2.5) for name, *arguments in _STAMPED),
    *(_onset(f"{name} video whose sound starts at 1.5 s", _late(*arguments), 2.5) for name, *arguments in _STAMPED),
    _lasts("MP3 with a cover of 60 kB in an APE tag at its end", _followed("a.mp3", _APE), 2.0),
    _silent("MP3 with a cover of 60 kB in an APE tag at its end", _followed("a.mp3", _APE)),
    _lasts("AAC (ADTS) with an APE and an ID3v1 tag at its end", _followed("a.aac", _APE + _ID3V1), 2.03),
    _silent("FLAC with an APE and an ID3v1 tag at its end", _followed("a.flac", _APE + _ID3V1)),
    _lasts(
        "chained Ogg: Vorbis mono of 44.1 kHz, then stereo of 48 kHz",
        _chained(("-c:a", "libvorbis", "-ar", "44100"), ("-c:a", "libvorbis", "-ac", "2")),
        4.0,
    ),
    _lasts("chained Ogg: Opus mono, then stereo", _chained(("-c:a", "libopus"), ("-c:a", "libopus", "-ac", "2")), 4.0),
    _lasts("chained Ogg: Opus, then FLAC", _chained(("-c:a", "libopus"), ("-c:a", "flac")), 4.0),
    _lasts("two MP3s joined", _joined("a.mp3"), 4.07),
    _silent(
        "RealAudio 1, whose time stamps stand still", _encoded("1.ra", "-f", "rm", "-c:a", "real_144", "-ar", "8000")
    ),
    _silent("two MP3s joined", _joined("a.mp3")),
    *(
        _onset(f"{name} joined, of 48 kHz and of 32 kHz", _joined(*arguments, other=_OTHER_RATE), 3.0)
        for name, *arguments in _PLAYED_ON
    ),
    *(case for name, *arguments in _ENDED for case in _ends(f"{name} joined", *arguments)),
    *(_agrees(*arguments) for arguments in _FORMATS),
)
