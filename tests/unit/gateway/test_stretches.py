"""Stretches that the gateway has decoded: each once, so many at a time, and only so many kept."""

from __future__ import annotations

import asyncio
from functools import partial
from threading import Barrier, Event, Lock

import numpy as np
import pytest

from phonoscope.audio.stretch import Stretch
from phonoscope.errors import TooManyTiles
from phonoscope_gateway import stretches
from phonoscope_gateway.stretches import Stretches


def stretch(start: int = 0, samples: int = 8) -> Stretch:
    silence = np.zeros(samples, dtype=np.float32)
    return Stretch(start, silence, silence[None], 8_000)


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


def test_a_stretch_is_decoded_once_for_all_who_ask() -> None:
    """Those who ask meanwhile get the same one, and those who ask later too."""
    decode, kept = Decoder(), Stretches()

    async def ask() -> None:
        asked = [asyncio.create_task(kept.get("own_1", "one", partial(decode, 1))) for _ in range(6)]
        await asyncio.sleep(0)
        decode.go.set()
        found = await asyncio.gather(*asked)
        assert all(each is found[0] for each in found)
        assert await kept.get("own_1", "one", partial(decode, 2)) is found[0]

    asyncio.run(ask())
    assert decode.calls == [1]


def test_an_owner_decodes_two_at_a_time_and_64_wait() -> None:
    """One more is refused; another owner's is decoded all the same."""
    decode, kept = Decoder(), Stretches()

    async def ask() -> None:
        own = [asyncio.create_task(kept.get("own_1", number, partial(decode, number))) for number in range(66)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyTiles):
            await kept.get("own_1", 66, partial(decode, 66))
        assert (await kept.get("own_2", "theirs", stretch)).start == 0
        assert await asyncio.to_thread(decode.two.wait, 30.0)
        decode.go.set()
        assert [each.start for each in await asyncio.gather(*own)] == list(range(66))

    asyncio.run(ask())
    assert decode.most == 2


def test_only_so_many_bytes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were asked for last; one alone is kept however large."""
    monkeypatch.setattr(stretches, "_MOST_BYTES", 3 * stretch().size_bytes)
    decode, kept = Decoder(), Stretches()
    decode.go.set()

    async def ask(*numbers: int) -> None:
        for number in numbers:
            await kept.get("own_1", number, partial(decode, number))

    asyncio.run(ask(0, 1, 2, 0, 3, 0, 2, 3))
    assert decode.calls == [0, 1, 2, 3]
    asyncio.run(ask(1))
    assert decode.calls == [0, 1, 2, 3, 1]


def test_what_cannot_be_decoded_is_tried_again() -> None:
    """A failure is its own request's, and holds nobody up."""
    kept, both = Stretches(), Barrier(2)

    def fail() -> Stretch:
        both.wait(30.0)
        raise LookupError

    async def ask() -> None:
        found = await asyncio.gather(*(kept.get("own_1", name, fail) for name in "ab"), return_exceptions=True)
        assert [type(each) for each in found] == [LookupError, LookupError]
        assert (await kept.get("own_1", "a", stretch)).start == 0

    asyncio.run(ask())
