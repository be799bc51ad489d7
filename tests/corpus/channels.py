"""Channels: loudness and downmixes by speakers from any container, channels that cancel, offsets that nobody hears."""

from __future__ import annotations

import io
import re
import struct
import tempfile
import wave
from collections.abc import Callable
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from av.audio.layout import AudioLayout
from numpy.typing import NDArray

from phonoscope.audio.decode import Recording
from phonoscope_cpu.describe import describe
from phonoscope_ml.audible import audible
from tests.corpus.case import Case, Value, encoded, ffmpeg

_SECTION = "Channels"
_RATE_HZ = 48_000
_TENTH = 0.1

_LAYOUTS = ("mono", "stereo", "2.1", "3.0", "4.0", "quad", "5.0", "5.1", "5.1(side)", "6.1", "7.0", "7.1", "7.1(wide)")
_CONTAINERS = {
    "AIFF": ("aiff", "pcm_s16be"),
    "CAF": ("caf", "pcm_s16le"),
    "MOV": ("mov", "pcm_s16le"),
    "MKV": ("mka", "pcm_s16le"),
    "AVI": ("avi", "pcm_s16le"),
    "W64": ("w64", "pcm_s16le"),
    "AU": ("au", "pcm_s16be"),
    "FLAC": ("flac", "flac"),
    "FLAC in MKV": ("mkv", "flac"),
    "ALAC in MP4": ("m4a", "alac"),
    "ALAC in CAF": ("caf", "alac"),
    "TTA": ("tta", "tta"),
    "WavPack": ("wv", "wavpack"),
    "Opus": ("opus", "libopus"),
    "Vorbis": ("ogg", "libvorbis"),
    "AAC": ("m4a", "aac"),
    "AC-3": ("ac3", "ac3"),
}


def _gains(layout: str) -> list[float]:
    """A gain for each channel, no two alike."""
    return [round(0.3 * 0.85**index, 4) for index in range(AudioLayout(layout).nb_channels)]


def _noise(
    folder: Path,
    *,
    layout: str,
    suffix: str = "wav",
    codec: str = "pcm_f32le",
    gains: tuple[float, ...] = (),
    seconds: float = 1.0,
) -> Path:
    """Noise from every speaker of a layout, as loud as its gain says; the second half is 12 dB quieter."""
    path = folder / f"noise.{suffix}"
    shares = "|".join(f"c{index}={gain}*c0" for index, gain in enumerate(gains or _gains(layout)))
    quieter = f"volume=if(lt(t\\,{seconds / 2})\\,1\\,0.25):eval=frame"
    source = f"anoisesrc=d={seconds}:r={_RATE_HZ}:c=pink:seed=3"
    made = ("-f", "lavfi", "-i", source, "-af", f"{quieter},pan={layout}|{shares}", "-c:a", codec)
    path.write_bytes(encoded(path.name, *made))
    return path


def _plain(folder: Path, *, channels: int) -> Path:
    """A WAV file that names no speakers."""
    noise = np.random.default_rng(channels).standard_normal((_RATE_HZ, channels))
    path = folder / "plain.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes((2_000 * noise * 0.85 ** np.arange(channels)).astype("<i2").tobytes())
    return path


def _reordered(folder: Path) -> Path:
    """A CAF file whose channels are right, centre, left; the centre alone sounds."""
    right, centre, left = 2, 3, 1
    samples = np.zeros((_RATE_HZ, 3))
    samples[:, 1] = 0.25 * np.random.default_rng(0).standard_normal(_RATE_HZ)
    order = b"".join(struct.pack(">IIfff", label, 0, 0, 0, 0) for label in (right, centre, left))
    layout, sound = (
        struct.pack(">III", 0, 0, 3) + order,
        bytes(4) + (samples * 2**15).clip(-(2**15), 2**15 - 1).astype(">i2").tobytes(),
    )
    chunks = {
        b"desc": struct.pack(">d4sIIIII", float(_RATE_HZ), b"lpcm", 0, 6, 1, 3, 16),
        b"chan": layout,
        b"data": sound,
    }
    path = folder / "order.caf"
    path.write_bytes(
        b"caff"
        + struct.pack(">HH", 1, 0)
        + b"".join(name + struct.pack(">q", len(body)) + body for name, body in chunks.items())
    )
    return path


@cache
def _song(seconds: float = 2.0) -> NDArray[np.float32]:
    """Something with bass and treble that is no tone."""
    noise = np.random.default_rng(1).standard_normal(int(seconds * _RATE_HZ))
    low = np.convolve(noise, np.hanning(200) / 100.0, "same")
    return (0.1 * (low + 0.1 * noise)).astype(np.float32)


def _written(
    folder: Path, *, shares: tuple[float, ...], layout: str, change: Callable[[Any], Any] = lambda x: x
) -> Path:
    """The song from every speaker, with these shares."""
    samples = change(np.array(shares, dtype=np.float32)[:, None] * _song())
    raw, path = folder / "raw.f32", folder / "song.wav"
    raw.write_bytes(samples.T.astype("<f4").tobytes())
    channels = len(shares)
    source = ("-f", "f32le", "-ar", str(_RATE_HZ), "-ac", str(channels), "-i", raw)
    mapped = "|".join(f"c{index}=c{index}" for index in range(channels))
    ffmpeg(*source, "-af", f"pan={layout}|{mapped}", "-c:a", "pcm_f32le", path)
    return path


def _ebur128(path: Path) -> str:
    return _ebur128_of(path.name, path.read_bytes())


@lru_cache(maxsize=1)
def _ebur128_of(name: str, content: bytes) -> str:
    """What ffmpeg measures; several cases in turn want values of one input."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return ffmpeg("-i", path, "-af", "ebur128=peak=true", "-f", "null", "-")


def _summary(name: str, path: Path) -> Value:
    found = re.search(rf"{name}:\s+(\S+)", _ebur128(path).split("Summary:")[1])
    assert found is not None
    return float(found[1])


def _running(name: str, least_s: float, path: Path) -> Value:
    """The highest of the values that the filter reports ten times a second."""
    values = re.findall(rf"t: *(\S+) .*\b{name}: *(\S+)", _ebur128(path))
    return max(float(value) for at_s, value in values if float(at_s) >= least_s)


def _peak(channel: int, path: Path) -> Value:
    (*_, last) = (line for line in _ebur128(path).splitlines() if " TPK:" in line)
    return float(last.split(" TPK:")[1].split()[channel])


@lru_cache(maxsize=1)
def _description(content: bytes) -> dict[str, Any]:
    return describe(io.BytesIO(content))


def _described(field: str, path: Path) -> Value:
    found: Value = _description(path.read_bytes())[field]
    return found


def _described_peak(channel: int, path: Path) -> Value:
    found: Value = _description(path.read_bytes())["true_peaks_dbfs"][channel]["peak_dbfs"]
    return found


def _level_db(samples: NDArray[Any]) -> float:
    return float(10.0 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def _side(side: int, path: Path) -> Value:
    with path.open("rb") as file, Recording(file) as recording:
        return _level_db(np.concatenate(list(recording.stereo(_RATE_HZ)), axis=1)[side])


def _ffmpeg_side(side: int, path: Path) -> Value:
    out = path.with_suffix(".stereo.f32")
    ffmpeg("-i", path, "-af", "aformat=channel_layouts=stereo", "-f", "f32le", "-c:a", "pcm_f32le", out)
    return _level_db(np.frombuffer(out.read_bytes(), "<f4").reshape(-1, 2)[:, side])


def _mono(path: Path) -> NDArray[np.float32]:
    with path.open("rb") as file, Recording(file) as recording:
        return np.concatenate(list(recording.mono(_RATE_HZ)))


def _likeness(path: Path) -> Value:
    """The correlation of what is heard in mono with the song, whatever its polarity."""
    return abs(float(np.corrcoef(_mono(path), _song())[0, 1]))


def _warned(path: Path) -> Value:
    with path.open("rb") as file, Recording(file) as recording:
        list(recording.mono(_RATE_HZ))
        return any("cancel" in warning for warning in recording.warnings)


def _heard_db(path: Path) -> Value:
    return _level_db(np.concatenate(list(audible([_mono(path)], _RATE_HZ))))


def _loudness(name: str, make: Callable[[Path], Path]) -> Case:
    value = "integrated loudness, LUFS"
    return Case(_SECTION, name, value, make, partial(_summary, "I"), partial(_described, "loudness_lufs"), _TENTH, True)


def _downmixes(layout: str) -> tuple[Case, ...]:
    make = partial(_noise, layout=layout)
    return tuple(
        Case(
            _SECTION,
            f"{layout} in WAV",
            f"{name} of its stereo, dB",
            make,
            partial(_ffmpeg_side, side),
            partial(_side, side),
            0.05,
            True,
        )
        for side, name in enumerate(("left", "right"))
    )


def _kept(
    name: str, shares: tuple[float, ...], layout: str, change: Callable[[Any], Any] = lambda x: x
) -> tuple[Case, ...]:
    make = partial(_written, shares=shares, layout=layout, change=change)
    return (
        Case(_SECTION, name, "likeness of its mono to the song", make, lambda _: 1.0, _likeness, 0.01, True),
        Case(_SECTION, name, "whether a warning says so", make, lambda _: True, _warned, needs_ffmpeg=True),
    )


def _second_half_inverted(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    half = samples.shape[1] // 2
    return np.concatenate([samples[:, :half], samples[:, half:] * np.array([[1.0], [-1.0]])], axis=1)


def _inaudible(name: str, added: Callable[[NDArray[np.float64]], Any]) -> Case:
    time_s = np.arange(len(_song())) / _RATE_HZ
    make = partial(_written, shares=(1.0,), layout="mono", change=lambda samples: 0.03 * samples + added(time_s))
    return Case(
        _SECTION, f"a quiet sound with {name}", "level of what networks hear, dB", make,
        lambda _: _level_db(0.03 * _song()), _heard_db, 0.6, True,
    )  # fmt: skip


_LEVELS = partial(_noise, layout="5.1", seconds=8.0)

CASES: tuple[Case, ...] = (
    *(_loudness(f"{layout} in WAV", partial(_noise, layout=layout)) for layout in _LAYOUTS),
    *(
        _loudness(f"5.1 in {name}", partial(_noise, layout="5.1", suffix=suffix, codec=codec))
        for name, (suffix, codec) in _CONTAINERS.items()
    ),
    _loudness("7.1 in FLAC", partial(_noise, layout="7.1", suffix="flac", codec="flac")),
    *(_loudness(f"{channels} channels in plain WAV", partial(_plain, channels=channels)) for channels in range(3, 9)),
    *(case for layout in ("3.0", "quad", "5.0", "5.1", "6.1", "7.1", "7.1(wide)") for case in _downmixes(layout)),
    Case(_SECTION, "CAF with the order right, centre, left; the centre alone", "left of its stereo, dB", _reordered,
         lambda _: 20.0 * float(np.log10(0.25)) - 3.0103, partial(_side, 0), _TENTH),
    Case(_SECTION, "CAF with the order right, centre, left; the centre alone", "right of its stereo, dB", _reordered,
         lambda _: 20.0 * float(np.log10(0.25)) - 3.0103, partial(_side, 1), _TENTH),
    Case(_SECTION, "5.1, loud then quiet", "highest momentary loudness, LUFS", _LEVELS, partial(_running, "M", 0.4),
         partial(_described, "momentary_max_lufs"), _TENTH, True),
    Case(_SECTION, "5.1, loud then quiet", "highest short-term loudness, LUFS", _LEVELS, partial(_running, "S", 3.0),
         partial(_described, "short_term_max_lufs"), _TENTH, True),
    Case(_SECTION, "5.1, loud then quiet", "loudness range, LU", _LEVELS, partial(_summary, "LRA"),
         partial(_described, "loudness_range_lu"), _TENTH, True),
    *(
        Case(_SECTION, "5.1, loud then quiet", f"true peak of channel {channel + 1}, dBFS", _LEVELS,
             partial(_peak, channel), partial(_described_peak, channel), _TENTH, True)
        for channel in (0, 3, 5)
    ),
    *_kept("stereo, the right channel inverted", (1.0, -1.0), "stereo"),
    *_kept("stereo, the left channel inverted and half as loud", (-0.5, 1.0), "stereo"),
    *_kept("stereo, the right channel inverted from the middle on", (1.0, 1.0), "stereo", _second_half_inverted),
    *_kept("5.1, front right inverted", (1.0, -1.0, 0.0, 0.0, 0.0, 0.0), "5.1"),
    *_kept("5.1, left and right cancel the centre", (-0.7, -0.7, 1.0, 0.0, 0.0, 0.0), "5.1"),
    *_kept("quad, every other channel inverted", (1.0, -1.0, 1.0, -1.0), "quad"),
    Case(_SECTION, "stereo, the right channel 20 ms late", "whether a warning says so",
         partial(_written, shares=(1.0, 1.0), layout="stereo",
                 change=lambda samples: np.stack([samples[0], np.roll(samples[1], 960)])),
         lambda _: False, _warned, needs_ffmpeg=True),
    _inaudible("an offset", lambda _: 0.01),
    _inaudible("an offset that jumps", lambda time_s: np.where(time_s < 1.0, 0.002, -0.002)),
    _inaudible("a drift of 0.5 Hz", lambda time_s: 0.01 * np.cos(np.pi * time_s)),
    _inaudible("rumble at 8 Hz", lambda time_s: 0.01 * np.sin(16.0 * np.pi * time_s)),
)  # fmt: skip
"""Every layout, container and fault of channels."""
