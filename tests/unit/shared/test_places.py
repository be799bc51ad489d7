"""Owners share places fairly, whether threads or tasks wait for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from phonoscope.errors import TooManyUploads
from phonoscope.places import Places


@contextmanager
def _thread(places: Places, owner: str, order: list[str]) -> Iterator[threading.Thread]:
    """A thread that takes a place and gives it back."""

    def take() -> None:
        with places.held(owner):
            order.append(owner)

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(60)


def test_one_owner_cannot_hold_all() -> None:
    """Two of four places are the most for one owner; another gets one at once."""
    places, order = Places(4, 2), list[str]()
    with places.held("a"), places.held("a"), _thread(places, "a", order) as third:
        with places.held("b"):
            assert third.is_alive()
        assert order == []
    assert order == ["a"]


def test_owners_take_turns() -> None:
    """Whoever waits with many requests lets those with one pass."""
    places, order = Places(1, 1), list[str]()

    async def take(owner: str) -> None:
        async with places.held_by_task(owner):
            order.append(owner)

    async def run() -> None:
        async with places.held_by_task("x"):
            waiting = [asyncio.create_task(take(owner)) for owner in ("a", "a", "a", "b", "c")]
            await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(*waiting), 60)

    asyncio.run(run())
    assert order == ["a", "b", "c", "a", "a"]


def test_a_queue_has_an_end() -> None:
    """An owner with too many waiting requests is told to come back; others are not."""

    async def fill() -> None:
        places = Places(1, 1, most_waiting=2)
        async with places.held_by_task("a"):
            waiting = [asyncio.create_task(_hold(places, "a")) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(TooManyUploads) as refused:
                await _hold(places, "a")
            other = asyncio.create_task(_hold(places, "b"))
            await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(*waiting, other), 60)
        assert (refused.value.status, refused.value.retry_after_s) == (429, 5)

    asyncio.run(fill())


def test_a_request_that_is_cancelled_leaves_no_gap() -> None:
    """Whether it waits or has its place already, its place is free afterwards."""

    async def cancel() -> None:
        places = Places(1, 1)
        async with places.held_by_task("a"):
            waiting = asyncio.create_task(_hold(places, "b"))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            late = asyncio.create_task(_hold(places, "c"))
            await asyncio.sleep(0)
        late.cancel()
        await asyncio.wait([late])
        await asyncio.wait_for(_hold(places, "d"), 60)
        assert (places._free, dict(places._held), dict(places._waiting)) == (1, {}, {})

    asyncio.run(cancel())


async def _hold(places: Places, owner: str) -> None:
    async with places.held_by_task(owner):
        pass
