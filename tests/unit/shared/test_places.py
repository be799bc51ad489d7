"""Owners share places fairly, whether threads or tasks wait for them."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from phonoscope.errors import TooManyRequests
from phonoscope.places import Places


def test_one_owner_cannot_hold_all() -> None:
    """Two of four places are the most for one owner; another gets one at once."""

    async def fill() -> None:
        places = Places(4, 2)
        async with places.held_by_task("a"), places.held_by_task("a"):
            third = asyncio.create_task(_hold(places, "a"))
            await asyncio.sleep(0)
            await asyncio.wait_for(_hold(places, "b"), 60)
            assert not third.done()
        await asyncio.wait_for(third, 60)

    asyncio.run(fill())


def test_threads_wait_for_each_other() -> None:
    """As tasks do."""
    places, inside, most = Places(2, 1), Counter[str](), Counter[str]()

    def take(owner: str) -> None:
        with places.held(owner):
            inside[owner] += 1
            most[owner] = max(most[owner], inside[owner])
            inside[owner] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, "aabbcc" * 20))
    assert most == {"a": 1, "b": 1, "c": 1}
    assert (places._free, dict(places._held)) == (2, {})


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
            with pytest.raises(TooManyRequests) as refused:
                await _hold(places, "a")
            other = asyncio.create_task(_hold(places, "b"))
            await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(*waiting, other), 60)
        assert (refused.value.status, refused.value.retry_after_s) == (429, 1)

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
