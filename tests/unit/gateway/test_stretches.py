"""Stretches that the gateway has decoded: each once, so many at a time, and only so many kept."""

from __future__ import annotations

import asyncio
import io
import tracemalloc
import wave
from functools import partial
from threading import Barrier, Event, Lock
from typing import Any

import numpy as np
import pytest

from phonoscope.audio.mel_power import WINDOWS, frame_size
from phonoscope.audio.pyramid import spectrogram_finest
from phonoscope.audio.stretch import StoredRecording, Stretch
from phonoscope.errors import TooManyTiles
from phonoscope_gateway import stretches
from phonoscope_gateway.stretches import Stretches


def stretch(start: int = 0, samples: int = 8) -> Stretch:
    return Stretch(start, np.zeros(samples, dtype=np.float32))


def name(part: Any) -> bytes:
    return str(part.start).encode()


class Decoder:
    """Decodes when it may, and counts."""

    def __init__(self) -> None:
        self.go, self.two = Event(), Event()
        self.calls: list[int] = []
        self.most = self._now = 0
        self._lock = Lock()

    def __call__(self, number: int) -> Stretch:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.calls.append(number)
            if self._now == 2:
                self.two.set()
        self.go.wait(30.0)
        with self._lock:
            self._now -= 1
        return stretch(number)


def test_a_part_is_decoded_once_for_all_who_ask() -> None:
    """Those who ask meanwhile get the same one, and those who ask later too."""
    decode, kept = Decoder(), Stretches()

    async def ask() -> None:
        asked = [asyncio.create_task(kept.drawn("own_1", "one", partial(decode, 1), name)) for _ in range(6)]
        await asyncio.sleep(0)
        decode.go.set()
        assert await asyncio.gather(*asked) == [b"1"] * 6
        assert await kept.drawn("own_1", "one", partial(decode, 2), name) == b"1"

    asyncio.run(ask())
    assert decode.calls == [1]


def test_an_owner_decodes_two_at_a_time_and_64_wait() -> None:
    """One more is refused; another owner's is decoded all the same."""
    decode, kept = Decoder(), Stretches()

    async def ask() -> None:
        own = [asyncio.create_task(kept.drawn("own_1", at, partial(decode, at), name)) for at in range(66)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyTiles):
            await kept.drawn("own_1", 66, partial(decode, 66), name)
        assert await kept.drawn("own_2", "theirs", stretch, name) == b"0"
        assert await asyncio.to_thread(decode.two.wait, 30.0)
        decode.go.set()
        assert await asyncio.gather(*own) == [str(at).encode() for at in range(66)]

    asyncio.run(ask())
    assert decode.most == 2


def test_an_owner_has_two_drawn_at_a_time() -> None:
    """Also of what is decoded already; another owner's is drawn meanwhile."""
    draw, kept = Decoder(), Stretches()

    def drawing(part: Stretch) -> bytes:
        return name(draw(part.start))

    async def ask() -> None:
        assert await kept.drawn("own_1", "one", stretch, name) == b"0"
        own = [asyncio.create_task(kept.drawn("own_1", "one", stretch, drawing)) for _ in range(12)]
        assert await asyncio.to_thread(draw.two.wait, 30.0)
        assert await kept.drawn("own_2", "theirs", stretch, name) == b"0"
        draw.go.set()
        assert await asyncio.gather(*own) == [b"0"] * 12

    asyncio.run(ask())
    assert draw.most == 2


def test_only_so_many_bytes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were asked for last; none that is larger than all of them may be."""
    monkeypatch.setattr(stretches, "_MOST_BYTES", 3 * stretch().size_bytes)
    decode, kept = Decoder(), Stretches()
    decode.go.set()

    async def ask(*numbers: int) -> None:
        for number in numbers:
            await kept.drawn("own_1", number, partial(decode, number), name)

    asyncio.run(ask(0, 1, 2, 0, 3, 0, 2, 3))
    assert decode.calls == [0, 1, 2, 3]
    asyncio.run(ask(1))
    assert decode.calls == [0, 1, 2, 3, 1]
    monkeypatch.setattr(stretches, "_MOST_BYTES", stretch().size_bytes - 1)
    asyncio.run(ask(7, 7))
    assert decode.calls[-2:] == [7, 7]


def test_what_cannot_be_decoded_is_tried_again() -> None:
    """A failure is its own request's, and holds nobody up."""
    kept, both = Stretches(), Barrier(2)

    def fail() -> Stretch:
        both.wait(30.0)
        raise LookupError

    async def ask() -> None:
        asked = (kept.drawn("own_1", key, fail, name) for key in "ab")
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(each) for each in found] == [LookupError, LookupError]
        assert await kept.drawn("own_1", "a", stretch, name) == b"0"

    asyncio.run(ask())


def test_tiles_at_192_khz_take_little_memory_however_many_are_asked_for() -> None:
    """Of six channels, for 24 requests of an owner and one of another: no more than the three at work at once take."""
    rate_hz, channels, hop_level = 192_000, 6, spectrogram_finest(192_000, frame_size(192_000) // 2) - 1
    samples = 256 * 4**hop_level
    data = _wav(rate_hz, channels, samples)
    alone, many = (_peak_bytes(data, rate_hz, channels, hop_level, count) for count in (0, 24))
    assert alone < 2 * samples * channels * 4
    assert _peak_bytes(data, rate_hz, channels, hop_level, 0, WINDOWS[0]) < 2 * samples * channels * 4
    assert many < 3 * alone + (8 << 20)


def _peak_bytes(data: bytes, rate_hz: int, channels: int, level: int, count: int, window: int | None = None) -> int:
    """The most memory that so many columns of one owner, all different ones, and one of another's take."""
    kept = Stretches()
    samples = len(data) // channels // 2

    def columns(at: int) -> Any:
        recording = StoredRecording(io.BytesIO(data), "own", 0, rate_hz, samples, channels, True, 0)
        return recording.columns(level, at, at + 200, window)

    async def ask() -> None:
        own = [kept.drawn("own_1", at, partial(columns, at), np.ndarray.tobytes) for at in range(count)]
        other = kept.drawn("own_2", "theirs", partial(columns, 0), np.ndarray.tobytes)
        found = await asyncio.gather(*own, other)
        assert {len(each) for each in found} == {200 * 128}

    tracemalloc.start()
    asyncio.run(ask())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _wav(rate_hz: int, channels: int, samples: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(2)
        written.setframerate(rate_hz)
        written.writeframes(np.random.default_rng(1).integers(-999, 999, samples * channels, "<i2").tobytes())
    return file.getvalue()
