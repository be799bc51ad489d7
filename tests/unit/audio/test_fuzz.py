"""Whatever bytes come: samples that are numbers, or a typed error; never another exception, never a crash."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phonoscope.audio.decode import Recording
from phonoscope.audio.examine import examine
from phonoscope.errors import RecordingError
from tests.corpus.handmade import HANDMADE
from tests.corpus.tagged import ape, id3, png

if TYPE_CHECKING:
    from tests.unit.audio.maker import Maker

FAMILIES = ["wav-s16", "wav-f32", "rf64", "w64", "aiff", "caf", "au", "flac", "mp3", "ogg-vorbis", "opus", "ogg-flac"]
FAMILIES += ["adts", "m4a", "mp4-fragmented", "alac", "webm", "webm-live", "mkv-flac", "wavpack", "tta", "ac3"]
FAMILIES += ["eac3", "mp2", "loas", "spdif", "voc", "ircam", "sox", "mmf", "adx", "ast", "rm", "nut", "wtv"]
MARKS = [b"MAC ", b"MPCK", b"MP+\x07", b"tBaK", b"ajkg\x02", b"NIST_1A\n   1024\n", b"DTSHDHDR"]
MARKS += [b"Creative Voice File\x1a", b".RMF\0\0\0\x12", b"\x7f\xfe\x80\x01", b"FRM8", b"QLCM", b"\xf8\x72\x6f\xba"]
MARKS += [b"\x06\x0e\x2b\x34\x02\x05\x01\x01"]
LONGEST_S = 600.0
ENOUGH_BLOCKS = 700

places = st.one_of(st.integers(0, 255), st.integers(0, 2**16))
changes = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), places, st.integers(0, 7)),
        st.tuples(st.just("set"), places, st.sampled_from([0, 0x7F, 0x80, 0xFF])),
        st.tuples(st.just("fill"), places, st.sampled_from([0, 0x7F, 0xFF])),
        st.tuples(st.just("cut"), places, st.just(0)),
        st.tuples(st.just("drop"), places, st.integers(1, 64)),
        st.tuples(st.just("repeat"), places, st.integers(1, 64)),
    ),
    min_size=1,
    max_size=5,
)
gentle = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("name", FAMILIES)
@gentle
@given(changes=changes)
def test_damage_of_any_kind(name: str, make: Maker, changes: list[tuple[str, int, int]]) -> None:
    """A valid file with bits flipped, bytes lost, repeated or overwritten, or its end cut off, is read or refused."""
    _must_be_read_or_refused(_changed(make.recording(name, 0.2), changes))


@gentle
@given(
    head=st.sampled_from([b"", b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\x1aE\xdf\xa3", b"FORM", *MARKS]),
    rest=st.binary(),
)
def test_any_bytes(head: bytes, rest: bytes) -> None:
    """Arbitrary bytes behind a known mark, or none, are read or refused."""
    _must_be_read_or_refused(head + rest)


@pytest.mark.parametrize("name", HANDMADE)
@gentle
@given(changes=changes)
def test_damage_of_formats_by_hand(name: str, changes: list[tuple[str, int, int]]) -> None:
    """Formats that no encoder at hand writes are read or refused as well."""
    _must_be_read_or_refused(_changed(_by_hand(name), changes))


@pytest.mark.parametrize("tag", ["id3", "ape"])
@gentle
@given(changes=changes)
def test_damage_of_tags(tag: str, make: Maker, changes: list[tuple[str, int, int]]) -> None:
    """Tags and covers with any damage, around a good recording."""
    around = {"id3": id3([("TIT2", "Title"), ("TPE1", "Artist")], cover=png(4, 4)), "ape": ape([("Title", b"Title")])}
    damaged = _changed(around[tag], changes)
    content = make.recording("flac", 0.2)
    _must_be_read_or_refused(damaged + content if tag == "id3" else content + damaged)


@cache
def _by_hand(name: str) -> bytes:
    return HANDMADE[name][0]()


def _changed(data: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    changed = bytearray(data)
    for kind, place, value in changes:
        at = place % max(1, len(changed))
        if kind == "cut":
            del changed[at:]
        elif kind == "drop":
            del changed[at : at + value]
        elif kind == "repeat":
            changed[at:at] = changed[at : at + value]
        elif kind == "fill":
            changed[at : at + 4] = bytes([value]) * len(changed[at : at + 4])
        elif changed:
            changed[at] = value if kind == "set" else changed[at] ^ 1 << value
    return bytes(changed)


def _must_be_read_or_refused(data: bytes) -> None:
    try:
        found = examine(io.BytesIO(data), max_duration_s=LONGEST_S)
        assert 0 < found.duration_s <= LONGEST_S
        assert found.sample_rate_hz > 0
        assert found.channels > 0
    except RecordingError as error:
        assert error.detail  # noqa: PT017 - either answer will do
        assert error.status in {415, 422}  # noqa: PT017
    try:
        with Recording(io.BytesIO(data)) as recording:
            for block, _ in zip(recording.mono(16_000), range(ENOUGH_BLOCKS), strict=False):
                assert np.isfinite(block).all()
    except RecordingError as error:
        assert error.detail  # noqa: PT017
