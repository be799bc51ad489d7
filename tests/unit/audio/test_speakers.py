"""What a channel counts follows from its speaker alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from av.audio.layout import AudioLayout

from phonoscope.audio.decode import Recording
from phonoscope.audio.speakers import Speakers, loudness_weights, settled, speakers_of, stereo_shares
from tests.unit.audio.maker import Maker

FFMPEG_LAYOUTS = [
    "mono",
    "stereo",
    "2.1",
    "3.0",
    "3.0(back)",
    "4.0",
    "quad",
    "quad(side)",
    "3.1",
    "5.0",
    "5.0(side)",
    "4.1",
    "5.1",
    "5.1(side)",
    "6.0",
    "6.0(front)",
    "hexagonal",
    "6.1",
    "6.1(back)",
    "6.1(front)",
    "7.0",
    "7.0(front)",
    "7.1",
    "7.1(wide)",
    "7.1(wide-side)",
    "5.1.2",
    "octagonal",
    "7.1.4",
    "hexadecagonal",
    "downmix",
    "22.2",
]
OTHER_SIDE = {"FLC": "FRC", "FRC": "FLC"}


def mirrored(name: str) -> str:
    """The speaker on the other side, or in the middle the same."""
    return OTHER_SIDE.get(name, name[:-1] + {"L": "R", "R": "L"}.get(name[-1], name[-1]))


@pytest.mark.parametrize("layout", FFMPEG_LAYOUTS)
def test_every_layout_is_even(layout: str) -> None:
    """Left and right are mirror images; every speaker but those of low frequencies counts."""
    speakers = speakers_of(AudioLayout(layout))
    left, right = stereo_shares(speakers)
    for index, name in enumerate(speakers):
        assert left[index] == right[speakers.index(mirrored(name))], name
    low = np.array([name.startswith("LFE") for name in speakers])
    assert (((left + right) > 0) == ~low).all()
    weights = loudness_weights(speakers)
    assert weights is not None
    assert ((weights > 0) == ~low).all()


@pytest.mark.parametrize(
    ("name", "left", "right", "weight"),
    [
        ("FL", 1.0, 0.0, 1.0),
        ("FLC", 1.0, 0.0, 1.0),
        ("FRC", 0.0, 1.0, 1.0),
        ("FC", 0.7071, 0.7071, 1.0),
        ("LFE", 0.0, 0.0, 0.0),
        ("LFE2", 0.0, 0.0, 0.0),
        ("SL", 0.7071, 0.0, 1.41),
        ("BR", 0.0, 0.7071, 1.41),
        ("BC", 0.5, 0.5, 1.41),
        ("TFR", 0.0, 0.7071, 1.0),
        ("TC", 0.5, 0.5, 1.0),
    ],
)
def test_a_speaker_counts_as_documented(name: str, left: float, right: float, weight: float) -> None:
    """Wherever it is in the file."""
    for speakers in ((name, "WL"), ("WR", name)):
        index = speakers.index(name)
        weights = loudness_weights(speakers)
        assert weights is not None
        assert weights[index] == pytest.approx(weight)
        assert stereo_shares(speakers)[:, index] == pytest.approx([left, right], abs=1e-4)


def test_a_single_channel_is_heard_whatever_its_name() -> None:
    """On both sides, with a weight of one: also low frequencies alone, or the right one alone."""
    for name in ("FC", "FR", "LFE", "NONE"):
        assert stereo_shares((name,)).tolist() == [[1.0], [1.0]]
        assert loudness_weights((name,)) == pytest.approx(1.0)


UNKNOWN: Speakers = ("NONE", "NONE")


def test_the_decoder_counts_before_the_container() -> None:
    """And the container before the default; beyond eight channels nothing is guessed."""
    assert settled(("FC", "LFE"), ("FR", "FL")) == ("FC", "LFE")
    assert settled(UNKNOWN, ("FR", "FL")) == ("FR", "FL")
    assert settled(UNKNOWN, ("FR", "FL", "FC")) == settled(UNKNOWN, UNKNOWN) == ("FL", "FR")
    assert settled(("NONE",) * 9, ()) == ("NONE",) * 9


def test_ambisonics_are_heard_from_the_sides() -> None:
    """Left and right mirror each other; the first channel is what both have."""
    left, right = stereo_shares(speakers_of(AudioLayout("ambisonic 1")))
    np.testing.assert_allclose(left, [0.7071, 0.7071, 0.0, 0.0], atol=1e-4)
    np.testing.assert_allclose(right, [0.7071, -0.7071, 0.0, 0.0], atol=1e-4)
    assert loudness_weights(speakers_of(AudioLayout("ambisonic 1"))) is None


@pytest.mark.parametrize(
    "name", ["wav-s16", "w64", "aiff", "caf", "flac", "alac", "tta", "wavpack", "opus", "m4a", "ac3"]
)
def test_the_container_does_not_matter(name: str) -> None:
    """The centre of 5.1 is heard as loud on both sides from any of them, and is the centre."""
    make = Maker()
    kind = make.formats[name]
    samples = np.zeros((6, kind.rate_hz // 2))
    samples[2] = make.tone(kind.rate_hz, 0.5)[0]
    data = make.encode(kind, samples)
    with Recording(io.BytesIO(data)) as recording:
        assert next(iter(recording.blocks())).speakers[:4] == ("FL", "FR", "FC", "LFE")
    with Recording(io.BytesIO(data)) as recording:
        sides = np.concatenate(list(recording.stereo(kind.rate_hz)), axis=1)
    for side in sides:
        assert make.pitch_and_level(side, kind.rate_hz)[1] == pytest.approx(0.7071 * make.level, rel=0.03)
