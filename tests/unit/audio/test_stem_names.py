"""The names of stems in a ``.stem.mp4``."""

from __future__ import annotations

import io
import json
from typing import Any

import av
import numpy as np
import pytest

from phonoscope.audio.stem_names import stem_names
from tests.unit.audio.maker import Maker

NAMES = ["Drums", "Bass", "Synths  &\u202e Keys", "Vox"]
STEMS = {"version": 1, "mastering_dsp": {}, "stems": [{"name": name, "color": "#009E73"} for name in NAMES]}


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def _song(tracks: int = 5) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        streams: list[Any] = [output.add_stream("aac", rate=8_000, layout="mono") for _ in range(tracks)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.full((1, 1_024), 0.1, np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8_000, 0
            output.mux([*stream.encode(frame), *stream.encode(None)])
    return buffer.getvalue()


def _with_box(content: bytes, tracks: int = 5) -> bytes:
    """The song with a ``stem`` box at the end of its ``moov``, which is the last box."""
    song = _song(tracks)
    at = song.rindex(b"moov") - 4
    return song[:at] + _box(b"moov", song[at + 8 :] + _box(b"udta", _box(b"stem", content)))


def test_stems_have_their_names(make: Maker) -> None:
    """The mix comes first and has none; names are cleaned as tags are."""
    found = make.examine(_with_box(json.dumps(STEMS).encode()))
    assert [track.title for track in found.audio_tracks] == [None, "Drums", "Bass", "Synths & Keys", "Vox"]
    assert [track.title for track in make.examine(_song()).audio_tracks] == [None] * 5


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"7", b"\xff", b'{"stems": 7}', b'{"stems": {"name": "x"}}', b"[" * 60_000,
        b"{}" + bytes(70_000),
        b'{"stems": [{"name": 1}, {}, 5, null]}', b'{"stems": [{"name": "one of two"}, {"name": "two"}]}',
    ],
)  # fmt: skip
def test_a_box_that_says_nothing_names_nothing(content: bytes, make: Maker) -> None:
    """Whatever is in it, the file is read, and no track has a wrong name."""
    assert [track.title for track in make.examine(_with_box(content)).audio_tracks] == [None] * 5


@pytest.mark.parametrize(
    "data",
    [
        b"", b"moov", _box(b"moov", b""), b"\xff\xff\xff\xffmoov", b"\0\0\0\1moov" + b"\xff" * 8, b"\0\0\0\3moov" * 9,
        b"\0\0\0\0moov\0\0\0\0udta\0\0\0\0stem", _box(b"free", b"") * 5_000,
    ],
)  # fmt: skip
def test_damaged_boxes_have_no_names(data: bytes) -> None:
    assert stem_names(io.BytesIO(data)) == []
