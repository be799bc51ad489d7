"""Resampling obeys physics, and streaming in blocks changes nothing."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from av.audio.layout import AudioLayout

from phonoscope.audio import samples as samples_module
from phonoscope.audio.decode import Recording
from phonoscope.audio.samples import Block, Resampler, channel_samples, mono, stereo
from phonoscope.audio.speakers import speakers_of

if TYPE_CHECKING:
    from tests.unit.audio.maker import Maker

RATES = [(8_000, 44_100), (22_050, 32_000), (44_100, 16_000), (48_000, 44_100), (96_000, 44_100), (192_000, 32_000)]


@pytest.mark.parametrize(("source_hz", "target_hz"), RATES)
def test_a_tone_keeps_pitch_and_level(source_hz: int, target_hz: int, make: Maker) -> None:
    """A tone below both Nyquist frequencies is the same tone at the new rate, and lasts as long."""
    data = make.encode(make.formats["wav-f32"], make.tone(source_hz, 1.0), rate_hz=source_hz)
    decoded = make.decode(data, target_hz)
    pitch_hz, level = make.pitch_and_level(decoded.samples, target_hz)
    assert pitch_hz == pytest.approx(make.pitch_hz, abs=0.1)
    assert level == pytest.approx(make.level, rel=0.005)
    assert len(decoded.samples) == pytest.approx(target_hz, abs=1)


@pytest.mark.parametrize(("source_hz", "target_hz", "pitch_hz"), [(48_000, 16_000, 11_000.0), (192_000, 32_000, 24e3)])
def test_a_tone_above_the_new_nyquist_dies(source_hz: int, target_hz: int, pitch_hz: float, make: Maker) -> None:
    """What the new rate cannot carry is gone by more than 60 dB, not folded back."""
    data = make.encode(make.formats["wav-f32"], make.tone(source_hz, 1.0, 1, pitch_hz), rate_hz=source_hz)
    middle = make.decode(data, target_hz).samples[target_hz // 4 : -target_hz // 4]
    assert 20 * np.log10(np.abs(middle).max() / make.level) < -60


@pytest.mark.parametrize("name", ["wav-s16", "flac", "mp3", "opus", "m4a"])
@pytest.mark.parametrize("target_hz", [16_000, 48_000])
def test_blocks_do_not_matter(name: str, target_hz: int, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same samples come out whether they are gathered by hundredths of a second or all at once."""
    data = make.recording(name, 1.5)
    usual = make.decode(data, target_hz).samples
    monkeypatch.setattr(samples_module, "_BLOCK_S", 0.01)
    small = make.decode(data, target_hz).samples
    monkeypatch.setattr(samples_module, "_BLOCK_S", 1e6)
    whole = make.decode(data, target_hz).samples
    np.testing.assert_array_equal(small, whole)
    np.testing.assert_array_equal(usual, whole)


def test_blocks_are_small_and_plain(make: Maker) -> None:
    """Blocks hold about a second of float32 that their reader may write into."""
    with Recording(io.BytesIO(make.recording("flac", 3.0))) as recording:
        blocks = list(recording.mono(48_000))
    assert len(blocks) >= 3
    assert max(len(block) for block in blocks) < 1.2 * 48_000
    assert all(block.dtype == np.float32 and block.ndim == 1 and block.flags.writeable for block in blocks)


def test_pieces_can_be_taken_one_by_one(make: Maker) -> None:
    """``pieces`` with ``mono`` gives what ``mono`` gives at the recording's own rate."""
    data = make.recording("mp3", 1.0, 2)
    with Recording(io.BytesIO(data)) as recording:
        frames = [mono(piece.channels) for piece in recording.pieces()]
    np.testing.assert_array_equal(np.concatenate(frames), make.decode(data, 48_000).samples)


@pytest.mark.parametrize("kind", ["u8", "u8p", "s16", "s16p", "s32", "s32p", "flt", "fltp", "dbl", "dblp"])
def test_every_sample_type_has_the_same_scale(kind: str) -> None:
    """Half of full scale is 0.5 in each type, packed or planar, and channels are not mixed up."""
    dtype = {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}[kind.removesuffix("p")]
    half = {"u1": 192, "i2": 2**14, "i4": 2**30, "f4": 0.5, "f8": 0.5}[dtype]
    zero = 128 if dtype == "u1" else 0
    pairs = np.array([[half, zero, half], [half, zero, zero]], dtype)
    array = pairs if kind.endswith("p") else np.ascontiguousarray(pairs.T.reshape(1, -1))
    frame = av.AudioFrame.from_ndarray(array, format=kind, layout="stereo")
    np.testing.assert_array_equal(mono(channel_samples(frame)), np.array([0.5, 0.0, 0.25], np.float32))


@pytest.mark.parametrize(
    ("layout", "left", "right"),
    [
        ("mono", [1.0], [1.0]),
        ("stereo", [1.0, 0.0], [0.0, 1.0]),
        ("3.0", [1.0, 0.0, 0.71], [0.0, 1.0, 0.71]),
        ("5.1", [1.0, 0.0, 0.71, 0.0, 0.71, 0.0], [0.0, 1.0, 0.71, 0.0, 0.0, 0.71]),
        ("4 channels", [0.5, 0.0, 0.5, 0.0], [0.0, 0.5, 0.0, 0.5]),
    ],
)
def test_channels_are_folded_to_left_and_right(layout: str, left: list[float], right: list[float]) -> None:
    """Each channel by itself comes out where its place says, and as loud."""
    channels = np.eye(len(left), dtype=np.float32)
    folded = stereo(Block(channels, speakers_of(AudioLayout(layout)), 44_100))
    assert folded.dtype == np.float32
    np.testing.assert_allclose(folded, [left, right], atol=0.003)


@pytest.mark.parametrize("layout", ["22.2", "hexadecagonal", "24 channels"])
def test_any_layout_can_be_folded(layout: str) -> None:
    """Both sides hear something, and the same of a sound that is everywhere."""
    speakers = speakers_of(AudioLayout(layout))
    folded = stereo(Block(np.full((len(speakers), 3), 2**14, np.int16), speakers, 44_100))
    assert folded.shape == (2, 3)
    np.testing.assert_allclose(folded[0], folded[1], rtol=1e-6)
    assert (folded > 0.4).all()


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_a_stereo_recording_keeps_its_sides(make: Maker, rate_hz: int) -> None:
    """As many samples as in mono; left and right are not mixed up, and their mean is what mono gives."""
    data = make.recording("flac", 1.5, 2)
    with Recording(io.BytesIO(data)) as recording:
        sides = np.concatenate(list(recording.stereo(rate_hz)), axis=1)
    wanted = make.decode(data, rate_hz).samples
    assert sides.shape == (2, len(wanted))
    np.testing.assert_allclose(sides.mean(axis=0), wanted, atol=2e-4)


def test_a_low_rate_is_resampled_piece_by_piece() -> None:
    """A few samples of a file can be hours."""
    resample = Resampler(22_050, "mono")
    pieces = [*resample(np.full((1, 400), 0.5, dtype=np.float32), 1), *resample.flush()]
    assert sum(piece.shape[1] for piece in pieces) == pytest.approx(400 * 22_050, rel=0.1)
    assert max(piece.shape[1] for piece in pieces) < 4 << 20
