"""Mono keeps what all channels have: nothing cancels, and what does not cancel stays as it is."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from av.audio.layout import AudioLayout
from numpy.typing import NDArray

from phonoscope.audio.decode import Recording
from phonoscope.audio.downmix import MonoDownmix
from phonoscope.audio.samples import Block, mono
from phonoscope.audio.speakers import Speakers, mono_shares, speakers_of

RATE_HZ = 8_000
STEREO = ("FL", "FR")
Signal = NDArray[np.floating]


def music(seconds: float, seed: int = 0) -> Signal:
    """Noise with more bass than treble, louder and quieter."""
    noise = np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ))
    time_s = np.arange(len(noise)) / RATE_HZ
    return np.convolve(noise, np.hanning(16) / 8.0, "same") * (0.15 + 0.1 * np.sin(3.0 * time_s))


def mixed(channels: Signal, speakers: Speakers = STEREO, block: int = RATE_HZ) -> tuple[Signal, MonoDownmix]:
    downmix = MonoDownmix()
    starts = range(0, channels.shape[1], block)
    blocks = [Block(channels[:, at : at + block].astype(np.float32), speakers, RATE_HZ) for at in starts]
    found = [samples for each in blocks for samples, _ in downmix(each)] + [samples for samples, _ in downmix.flush()]
    return np.concatenate(found), downmix


def likeness(one: Signal, other: Signal) -> float:
    return abs(float(np.corrcoef(one, other)[0, 1]))


@pytest.mark.parametrize("wide", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("block", [777, RATE_HZ, 100 * RATE_HZ])
def test_ordinary_stereo_is_the_mean_to_the_bit(wide: float, block: int) -> None:
    """However wide: from one sound in both channels to two sounds that have nothing in common."""
    middle, left, right = (music(50.0, seed) for seed in range(3))
    channels = np.stack([middle + wide * (left - middle), middle + wide * (right - middle)]).astype(np.float32)
    found, downmix = mixed(channels, block=block)
    np.testing.assert_array_equal(found, mono(channels))
    assert not downmix.warnings


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4", "f8"])
def test_every_sample_type_is_mixed(kind: str) -> None:
    """Inverted or not, and by the same scale."""
    scale = {"u1": 127.0, "i2": 2.0**15, "i4": 2.0**31, "f4": 1.0, "f8": 1.0}[kind]
    samples = (scale * np.stack([music(1.0), -music(1.0)]) + (128 if kind == "u1" else 0)).astype(kind)
    downmix = MonoDownmix()
    parts = [*downmix(Block(samples, STEREO, RATE_HZ)), *downmix.flush()]
    np.testing.assert_allclose(np.concatenate([part for part, _ in parts]), music(1.0), atol=0.01)


SHARES: dict[str, list[tuple[float, ...]]] = {
    "stereo": [(1, -1), (-1, 1), (1, -0.5), (-0.4, 1)],
    "2.1": [(1, -1, 0)],
    "3.0": [(-0.7, -0.7, 1), (1, -1, 0)],
    "quad": [(1, -1, 1, -1), (1, 1, -1.4, -1.4)],
    "5.1": [(1, -1, 0, 0, 0, 0), (0, 0, 0, 0, 1, -1), (1, -1, 0, 1, 0.5, -0.5), (1, 1, -1.4, 0, 0, 0)],
    "7.1": [(1, -1, 0, 0, 1, -1, 1, -1)],
    "12 channels": [(1, -1) * 6],
}


@pytest.mark.parametrize(("layout", "shares"), [(name, one) for name, all_ in SHARES.items() for one in all_])
def test_channels_that_cancel_are_heard(layout: str, shares: tuple[float, ...]) -> None:
    """At no less than half the level of one of them, in any layout, and a warning says so."""
    sound = music(6.0)
    found, downmix = mixed(np.array(shares)[:, None] * sound, speakers_of(AudioLayout(layout)))
    assert likeness(found, sound) > 0.999
    assert found.std() > 0.5 * sound.std()
    assert downmix.cancelled_s == pytest.approx(6.0)
    assert "cancel" in downmix.warnings[0]


def test_a_part_of_the_recording_that_cancels_is_heard() -> None:
    """In its place, without a step, and the rest is the mean to the bit."""
    sound = music(60.0)
    polarity = np.ones(len(sound))
    polarity[20 * RATE_HZ : 40 * RATE_HZ] = -1.0
    channels = np.stack([sound, polarity * sound])
    found, downmix = mixed(channels)
    assert likeness(found, sound) > 0.995
    assert np.abs(np.diff(found)).max() <= 1.2 * np.abs(np.diff(sound)).max()
    for rest in (slice(0, 19 * RATE_HZ), slice(41 * RATE_HZ, None)):
        np.testing.assert_array_equal(found[rest], mono(channels[:, rest].astype(np.float32)))
    assert downmix.first_s == pytest.approx(20.0, abs=0.5)
    assert downmix.cancelled_s == pytest.approx(20.0, abs=1.0)


def test_blocks_do_not_matter() -> None:
    """The same comes out however the recording is cut, where channels cancel too."""
    sound = music(30.0)
    channels = np.stack([sound, np.where(np.arange(len(sound)) < 10 * RATE_HZ, 1.0, -0.8) * sound])
    whole, _ = mixed(channels, block=len(sound))
    for block in (1_001, RATE_HZ, 9 * RATE_HZ):
        np.testing.assert_array_equal(mixed(channels, block=block)[0], whole)


def test_wide_music_with_a_channel_inverted_is_itself() -> None:
    """What its channels do not have in common does not hide what they have."""
    middle, left, right = (music(45.0, seed) for seed in range(3))
    left, right = middle + 0.5 * left, middle + 0.5 * right
    found, downmix = mixed(np.stack([left, -right]))
    assert likeness(found, (left + right) / 2) > 0.99
    assert downmix.warnings


def test_treble_alone_that_cancels_is_heard() -> None:
    """No polarity keeps both bass and treble: one channel is taken."""
    treble = 0.1 * np.random.default_rng(0).standard_normal(6 * RATE_HZ)
    low = 0.3 * np.sin(2 * np.pi * 100.0 * np.arange(len(treble)) / RATE_HZ)
    sound = low + treble
    found, downmix = mixed(np.stack([sound, 0.9 * (low - treble)]))
    assert likeness(found, sound) > 0.99
    assert downmix.warnings


def test_low_frequency_effects_count_where_nothing_else_sounds() -> None:
    """They are not part of a downmix, unless nothing else is there."""
    sound = music(3.0)
    silent = np.zeros_like(sound)
    others = [sound, sound, silent, 3.0 * music(3.0, 1), silent, silent]
    found, downmix = mixed(np.stack(others), speakers_of(AudioLayout("5.1")))
    np.testing.assert_allclose(found, sound, atol=1e-6)
    assert not downmix.warnings
    alone, _ = mixed(np.stack([silent, silent, silent, sound, silent, silent]), speakers_of(AudioLayout("5.1")))
    assert likeness(alone, sound) > 0.999


def test_a_channel_that_is_late_only_combs() -> None:
    """Nothing is lost by much, and nothing changes."""
    sound = music(6.0)
    channels = np.stack([sound, np.roll(sound, 40)]).astype(np.float32)
    np.testing.assert_array_equal(mixed(channels)[0], mono(channels))


def test_offsets_that_cancel_do_not_count() -> None:
    """They are nothing to hear: what is in both channels is summed."""
    sound = 0.1 * music(6.0)
    channels = np.stack([sound + 0.3, sound - 0.3]).astype(np.float32)
    found, downmix = mixed(channels)
    np.testing.assert_array_equal(found, mono(channels))
    assert not downmix.warnings


@pytest.mark.parametrize("samples", [1, 2, 3, 4_000, 4_001, 7_999])
def test_nothing_is_lost_of_short_recordings(samples: int) -> None:
    """As many samples come out as go in, of one channel and of two."""
    assert len(mixed(np.ones((2, samples)))[0]) == samples
    assert len(mixed(np.stack([np.ones(samples), -np.ones(samples)]))[0]) == samples
    assert len(mixed(np.ones((1, samples)), ("FC",))[0]) == samples


def test_forms_that_change_are_mixed_one_after_another() -> None:
    """Another rate or other speakers in the middle lose nothing."""
    downmix = MonoDownmix()
    sound = music(1.0)
    forms = [(2, STEREO, 8_000), (1, ("FC",), 8_000), (2, STEREO, 4_000), (2, ("FC", "LFE"), 4_000)]
    blocks = [Block(np.stack([sound] * count).astype(np.float32), names, rate) for count, names, rate in forms]
    found = [part for block in blocks for part in downmix(block)] + list(downmix.flush())
    lengths = {rate: sum(len(samples) for samples, each in found if each == rate) for rate in (8_000, 4_000)}
    assert lengths == {8_000: 2 * RATE_HZ, 4_000: 2 * RATE_HZ}


def test_a_real_song_is_not_changed(data: Path) -> None:
    """Its mono is the mean of its channels to the bit."""
    path = data / "songs" / "Kevin_MacLeod_-_Vibe_Ace.ogg"
    content = path.read_bytes()
    with Recording(io.BytesIO(content)) as recording:
        plain = np.concatenate([mono(block.channels) for block in recording.blocks()])
    with Recording(io.BytesIO(content)) as recording:
        found = np.concatenate(list(recording.mono(recording.sample_rate_hz)))
        assert not recording.warnings
    np.testing.assert_array_equal(found, plain)


def test_shares_follow_the_speakers() -> None:
    """A stereo pair counts a half each, the centre as in stereo, low frequencies nothing; unknown ones all the same."""
    assert mono_shares(STEREO).tolist() == [0.5, 0.5]
    np.testing.assert_allclose(mono_shares(speakers_of(AudioLayout("3.1"))), [0.5, 0.5, 0.5**0.5, 0.0], rtol=1e-6)
    assert mono_shares(("NONE",) * 5).tolist() == [0.2] * 5
