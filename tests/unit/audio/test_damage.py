"""Damaged recordings are analysed as far as they go, and say so."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonoscope.errors import UndecodableRecording

if TYPE_CHECKING:
    from tests.unit.audio.maker import Maker

CUT = ["mp3", "flac", "wav-s16", "wav-f32", "rf64", "w64", "aiff", "caf", "au", "wavpack", "tta", "webm", "mkv-flac"]
MARKED = ["ogg-vorbis", "opus", "ogg-flac"]
INDEXED_BEHIND = ["m4a", "alac"]


@pytest.mark.parametrize("name", CUT)
def test_a_cut_is_told(name: str, make: Maker) -> None:
    """Half a file is heard for as long as it lasts; probe and decoder warn with the same words and both lengths."""
    data = make.recording(name, 4.0, 2)
    found, decoded = make.examine(data[: len(data) // 2]), make.decode(data[: len(data) // 2], 16_000)
    assert 1.0 < found.duration_s < 2.6
    assert decoded.decoded_s == pytest.approx(found.duration_s, abs=0.05)
    assert len(decoded.samples) / 16_000 == pytest.approx(decoded.decoded_s, abs=0.001)
    assert found.warnings == decoded.warnings
    (warning,) = found.warnings
    assert f"{found.duration_s:.2f} s of the 4." in warning
    assert make.pitch_and_level(decoded.samples, 16_000)[0] == pytest.approx(make.pitch_hz, abs=0.5)


@pytest.mark.parametrize("name", MARKED)
def test_a_cut_ogg_is_told(name: str, make: Maker) -> None:
    """An Ogg file declares no length but marks its end: where the mark is missing, the cut is told."""
    data = make.recording(name, 4.0, 2)
    found = make.examine(data[: len(data) // 2])
    assert 0.5 < found.duration_s < 3.5
    assert found.warnings
    assert found.warnings == make.decode(data[: len(data) // 2], 16_000).warnings


@pytest.mark.parametrize("name", INDEXED_BEHIND)
def test_a_cut_that_loses_the_index(name: str, make: Maker) -> None:
    """An MP4 whose index lies at its end cannot be read when cut; the answer knows it for an MP4."""
    data = make.recording(name, 2.0)
    with pytest.raises(UndecodableRecording, match="mp4 file's header is damaged or cut off"):
        make.examine(data[: len(data) // 2])


@pytest.mark.parametrize("name", ["adts", "mp3-no-xing", "webm-live", "amr"])
def test_a_cut_that_nothing_tells(name: str, make: Maker) -> None:
    """Formats that state no length are heard to the cut without an error, and nothing is made up about the rest."""
    data = make.recording(name, 2.0)
    found = make.examine(data[: len(data) // 2])
    assert 0.5 < found.duration_s < 1.6
    assert not any("declares" in warning for warning in found.warnings)


def test_a_cut_live_mp4(make: Maker) -> None:
    """An MP4 in fragments is heard to the last whole one, and what its last index promises beyond is told."""
    data = make.recording("mp4-fragmented", 2.0)
    found = make.examine(data[: len(data) // 2])
    assert 0.5 < found.duration_s < 1.6
    assert found.warnings


def test_an_mp3_of_varying_rate_without_count(make: Maker) -> None:
    """A duration that is but guessed from the file's size is never held against a recording."""
    kind = make.formats["mp3-no-xing"]
    quiet = np.zeros((1, 96_000))
    loud = np.random.default_rng(1).uniform(-0.5, 0.5, (1, 96_000))
    data = make.encode(kind, np.concatenate([quiet, loud], axis=1), codec_options={"q": "0", "compression_level": "9"})
    found = make.examine(data)
    assert found.duration_s == pytest.approx(4.0, abs=0.1)
    assert found.warnings == []


@pytest.mark.parametrize(
    ("name", "lost_s"), [("mp3", 0.3), ("flac", 0.3), ("adts", 0.3), ("m4a", 0.3), ("opus", 1.1), ("ogg-vorbis", 1.1)]
)
def test_a_hole_is_passed_over(name: str, lost_s: float, make: Maker) -> None:
    """Zeros in the middle cost their neighbourhood only; what comes before and behind is heard, and it is told."""
    data = make.recording(name, 4.0, 2)
    middle = len(data) // 2
    decoded = make.decode(data[:middle] + bytes(1500) + data[middle + 1500 :], 16_000)
    assert decoded.warnings
    assert 4.0 - lost_s < decoded.decoded_s < 4.1
    for part in (decoded.samples[:16_000], decoded.samples[-16_000:]):
        assert make.pitch_and_level(part, 16_000)[0] == pytest.approx(make.pitch_hz, abs=0.5)


def test_a_hole_in_webm(make: Maker) -> None:
    """A hole in a WebM file costs no more than the clusters of five seconds that it touches."""
    data = make.recording("webm", 16.0)
    middle = len(data) // 2
    decoded = make.decode(data[:middle] + bytes(1500) + data[middle + 1500 :], 16_000)
    assert decoded.warnings
    assert decoded.decoded_s > 10.0


@pytest.mark.parametrize("claimed", [160_000, 2**31, 2**32 - 2])
def test_a_wav_that_claims_more(claimed: int, make: Maker) -> None:
    """A WAV that claims more than there is gives what there is, and a warning."""
    found = make.examine(make.wav(bytes(16_000), claimed=claimed))
    assert found.duration_s == 1.0
    assert f"1.00 s of the {claimed / 16_000:.2f} s" in found.warnings[0]


@pytest.mark.parametrize("claimed", [0, 2**32 - 1])
def test_a_wav_that_was_never_finished(claimed: int, make: Maker) -> None:
    """A recorder that was stopped hard, or writes into a pipe, leaves no size: all is read, nothing is warned of."""
    found = make.examine(make.wav(bytes(16_000), claimed=claimed))
    assert (found.duration_s, found.warnings) == (1.0, [])


def test_a_wav_that_claims_fewer(make: Maker) -> None:
    """A WAV that claims a tenth gives that tenth, and the rest is mentioned; ordinary chunks after it are not."""
    found = make.examine(make.wav(bytes(16_000), claimed=1_600))
    assert found.duration_s == 0.1
    assert "14400 bytes after" in found.warnings[0]
    tags = b"LIST" + struct.pack("<I", 24) + b"INFOINAM" + struct.pack("<I", 12) + b"a good title"
    assert make.examine(make.wav(bytes(16_000)) + tags).warnings == []


def test_an_rf64_with_sizes_of_64_bits(make: Maker) -> None:
    """RF64 keeps its sizes in a chunk of their own; they are believed over the 32-bit ones."""
    data = bytearray(make.recording("rf64", 2.0))
    assert data[:4] == b"RF64"
    assert make.examine(bytes(data)).warnings == []
    where = data.index(b"ds64") + 16
    struct.pack_into("<Q", data, where, 96_000 * 1000)
    assert "of the 1000.00 s" in make.examine(bytes(data)).warnings[0]
