"""Tiles of six hours: of every level, wherever, for a few bytes of the file."""

from __future__ import annotations

import asyncio
import io
import tracemalloc
import wave
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from phonoscope.audio.confined import ConfinedRecording
from phonoscope.audio.decode import Recording
from phonoscope.audio.pyramid import EXTREMES, OUTLINE, Pyramid, PyramidWriter, extremes_of
from phonoscope.errors import InvalidRequest, OutdatedResult
from phonoscope_gateway.pictures.levels import HEARD_MORE_S, HEARD_S, Source, levels
from phonoscope_gateway.stretches import Stretches
from tests.unit.audio.maker import Format, Maker

RATE_HZ, SAMPLES, MARK = 500, 6 * 3_600 * 500, 21_000 * 500 + 123


class Stored:
    """Objects in memory; counts the bytes that are read."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects
        self.fetched_bytes = 0

    def read_bytes(self, key: str, offset: int, size: int) -> bytes:
        self.fetched_bytes += size
        return self._objects[key][offset : offset + size]


@pytest.fixture(scope="module")
def objects() -> dict[str, bytes]:
    """Six hours of silence with a mark, and what `describe` keeps of it."""
    samples = np.full(SAMPLES, 128, dtype=np.uint8)
    samples[MARK] = 255
    recording, outline = io.BytesIO(), io.BytesIO()
    with wave.open(recording, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    writer = PyramidWriter(outline, EXTREMES)
    writer.add(extremes_of(((samples - 128.0) / 128.0).astype(np.float32), 64))
    writer.finish(3, SAMPLES, RATE_HZ)
    return {"recording": recording.getvalue(), "outline": outline.getvalue()}


@pytest.fixture(scope="module")
def in_matroska(objects: dict[str, bytes]) -> dict[str, bytes]:
    """The same in Matroska, with the points that a pass over it notes."""
    samples = np.frombuffer(objects["recording"], np.uint8)[-SAMPLES:][None]
    kind = Format("matroska", "pcm_u8", "matroska", "audio/matroska", rate_hz=RATE_HZ)
    data = Maker().encode(kind, samples, at_once=500)
    with ConfinedRecording(io.BytesIO(data), "own_1", 0, noted=True) as recording:
        assert sum(block.channels.shape[1] for block in recording.blocks()) == SAMPLES
    assert recording.points is not None
    return objects | {"recording": data, "points": recording.points.pack()}


def source(objects: dict[str, bytes], **changes: Any) -> tuple[Source, Stored]:
    """By the points, where there are any."""
    store = Stored(objects)
    points = SimpleNamespace(object_key="points", size_bytes=len(objects["points"])) if "points" in objects else None
    facts = {"container": "wav", "codec": "pcm_u8", "warnings": [], "size_bytes": len(objects["recording"])}
    owned = {"id": "trk_1", "owner_id": "own_1", "object_key": "recording", "channels": 1, "audio_track": 0}
    track = SimpleNamespace(**owned | facts | changes, audio_tracks=[])
    row = SimpleNamespace(id="art_1", kind=OUTLINE, object_key="outline")
    state = SimpleNamespace(store=store, stretches=Stretches())
    pyramid = Pyramid.unpack(objects["outline"][: Pyramid.HEADER.size])
    return Source(cast("Any", state), cast("Any", row), cast("Any", track), pyramid, None, cast("Any", points)), store


def drawn(found: Source, level: int, number: int) -> NDArray[np.float16]:
    content = asyncio.run(found.tile(level, number, "own_1"))
    assert len(content) <= 128 + 4 * 4_096
    items: NDArray[np.float16] = np.load(io.BytesIO(content))
    return items


def test_a_part_is_drawn_for_whoever_asks(objects: dict[str, bytes]) -> None:
    """Whoever has a shared link takes none of its owner's places."""
    found, _ = source(objects)
    asked: list[str] = []

    async def draw(whose: str, *_: Any) -> bytes:
        asked.append(whose)
        return b""

    shown = cast("Any", found.state.stretches)
    shown.drawn = draw
    asyncio.run(found.tile(0, 0, "shr_1"))
    assert asked == ["shr_1"]


def test_every_level_has_the_mark_for_a_few_bytes(objects: dict[str, bytes]) -> None:
    """From six hours in one tile to single samples: a tile is 16 kB, and finer ones cost an eighth of the file."""
    found, store = source(objects)
    facts = levels(found)
    assert facts.detail_end_s == facts.duration_s == 6 * 3_600.0
    assert [each.level for each in facts.levels] == list(range(7))
    assert facts.levels[-1].tiles == 1
    for each in facts.levels:
        number, place = divmod(MARK // 4**each.level, facts.tile_items)
        store.fetched_bytes = 0
        assert np.flatnonzero(drawn(found, each.level, number)[:, 1] > 0.5).tolist() == [place], each.level
        assert store.fetched_bytes < len(objects["recording"]) / 8
    assert len(drawn(found, 0, facts.levels[0].tiles - 1)) == SAMPLES % 4_096


def test_points_lead_to_every_sample(in_matroska: dict[str, bytes]) -> None:
    """In a container that leads nowhere itself, of any size; without points it ends after 15 minutes."""
    found, store = source(in_matroska, container="matroska", size_bytes=len(in_matroska["recording"]))
    assert levels(found).detail_end_s == 6 * 3_600.0
    number, place = divmod(MARK, levels(found).tile_items)
    store.fetched_bytes = 0
    assert np.flatnonzero(drawn(found, 0, number)[:, 1] > 0.5).tolist() == [place]
    assert store.fetched_bytes < len(in_matroska["recording"]) / 2
    assert len(drawn(found, 0, found.pyramid.tiles(0) - 1)) == SAMPLES % 4_096
    large, _ = source(in_matroska, container="matroska", size_bytes=1 << 40)
    assert levels(large).detail_end_s == 6 * 3_600.0
    without, _ = source({key: each for key, each in in_matroska.items() if key != "points"}, container="matroska")
    assert levels(without).detail_end_s == 900.0


def test_points_that_cannot_be_read(in_matroska: dict[str, bytes]) -> None:
    """They are said to be outdated, and no part is made up."""
    found, _ = source(in_matroska | {"points": in_matroska["points"][:-1]}, container="matroska")
    with pytest.raises(OutdatedResult, match="points"):
        drawn(found, 0, 0)


def test_late_sound_has_the_mark_where_it_is(objects: dict[str, bytes]) -> None:
    """Of six hours, for a few bytes of the file; the last part ends with the recording, and there is none after it."""
    found, store = source(objects)
    store.fetched_bytes = 0
    number, place = divmod(MARK, HEARD_S * RATE_HZ)
    content = asyncio.run(found.sound(number, "own_1"))
    assert store.fetched_bytes < len(objects["recording"]) / 8
    heard = _decoded(content)
    assert heard.shape == (2, round((HEARD_S + HEARD_MORE_S) * RATE_HZ))
    assert [np.flatnonzero(channel > 0.5).tolist() for channel in heard] == [[place], [place]]
    last = 6 * 3_600 // HEARD_S - 1
    assert _decoded(asyncio.run(found.sound(last, "own_1"))).shape == (2, HEARD_S * RATE_HZ)
    found.check_sound(last)
    with pytest.raises(InvalidRequest):
        found.check_sound(last + 1)


def at_a_high_rate(rate_hz: int) -> dict[str, bytes]:
    """31 s of silence in stereo."""
    recording, outline = io.BytesIO(), io.BytesIO()
    with wave.open(recording, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(bytes(4 * 31 * rate_hz))
    writer = PyramidWriter(outline, EXTREMES)
    writer.add(np.zeros((-(-31 * rate_hz // 64), 2), dtype=np.float16))
    writer.finish(3, 31 * rate_hz, rate_hz)
    return {"recording": recording.getvalue(), "outline": outline.getvalue()}


def test_sound_of_a_high_rate_takes_little_memory() -> None:
    """It is encoded piece by piece, and not kept beside the tiles."""
    found, store = source(at_a_high_rate(192_000), channels=2, codec="pcm_s16le")
    found.check_sound(0)
    tracemalloc.start()
    content = asyncio.run(found.sound(0, "own_1"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert _decoded(content).shape == (2, round((HEARD_S + HEARD_MORE_S) * 192_000))
    assert peak < 24 << 20
    once = store.fetched_bytes
    asyncio.run(found.sound(0, "own_1"))
    assert store.fetched_bytes == 2 * once


def test_sound_above_384_khz_is_refused() -> None:
    """Its parts would be large without end."""
    source(at_a_high_rate(384_000), channels=2, codec="pcm_s16le")[0].check_sound(0)
    with pytest.raises(InvalidRequest, match="384,000"):
        source(at_a_high_rate(384_001), channels=2, codec="pcm_s16le")[0].check_sound(0)


def _decoded(content: bytes) -> NDArray[np.float32]:
    with Recording(io.BytesIO(content)) as recording:
        return np.concatenate([block.samples for block in recording.blocks()], axis=1)


@pytest.mark.parametrize(
    ("changes", "end_s"),
    [
        ({"container": "webm", "codec": "opus"}, 900.0),
        ({"container": "webm", "codec": "opus", "size_bytes": 257 << 20}, 0.0),
        ({"container": "flac", "codec": "flac", "warnings": ["damaged from 3.00 s on"]}, 900.0),
        ({"container": "mp3", "codec": "mp3"}, 21_600.0),
        ({"container": "mp3", "codec": "mp3", "size_bytes": 1 << 30}, 10_800.0),
        ({"size_bytes": 2 << 30}, 21_600.0),
    ],
)
def test_levels_say_how_far_detail_reaches(objects: dict[str, bytes], changes: dict[str, Any], end_s: float) -> None:
    """As far as is cheap in this format; a finer tile after that is refused by its field, a kept one is not."""
    found, _ = source(objects, **changes)
    assert levels(found).detail_end_s == end_s
    last = found.pyramid.tiles(0) - 1
    if end_s < 6 * 3_600.0:
        with pytest.raises(InvalidRequest):
            found.span(0, last)
        with pytest.raises(InvalidRequest):
            found.check_sound(int(end_s) // HEARD_S)
    if end_s:
        found.check_sound(int(end_s) // HEARD_S - 1)
    found.span(3, found.pyramid.tiles(3) - 1)
