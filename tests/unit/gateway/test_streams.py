"""Open streams: counted from the first item to the last, whatever ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from phonoscope_gateway.streams import OpenStreams


class Recorded(OpenStreams):
    """Notes what would be written, in place of a database."""

    def __init__(self) -> None:
        self._open = set()
        self._closing = set()
        self.closed: list[str] = []

    def _write_open(self, owner_id: str, stream_id: str, most: int) -> None:
        pass

    def _write_closed(self, stream_id: str) -> None:
        self.closed.append(stream_id)


async def numbers() -> AsyncGenerator[int, None]:
    for number in range(3):
        yield number
        await asyncio.sleep(0)


@pytest.fixture
def streams() -> Recorded:
    return Recorded()


def test_a_stream_at_its_end_is_closed(streams: Recorded) -> None:
    async def go() -> None:
        stream_id = await streams.opened("own_1", 1)
        assert [item async for item in streams.until_closed(stream_id, numbers())] == [0, 1, 2]
        assert streams.closed == [stream_id]

    asyncio.run(go())
    assert streams._open == set()


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_stream_whose_client_leaves_is_closed(streams: Recorded, cancelled: bool) -> None:
    """Whether its generator is closed or its task cancelled; what it reads from is closed too."""
    ended = []

    async def endless() -> AsyncGenerator[int, None]:
        try:
            while True:
                yield 0
                await asyncio.sleep(0)
        finally:
            ended.append(True)

    async def read(stream_id: str) -> None:
        async with aclosing(streams.until_closed(stream_id, endless())) as items:
            async for _ in items:
                if not cancelled:
                    return

    async def go() -> None:
        stream_id = await streams.opened("own_1", 1)
        task = asyncio.create_task(read(stream_id))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(*streams._closing)
        assert streams.closed == [stream_id]

    asyncio.run(go())
    assert (streams._open, ended) == (set(), [True])


def test_a_stream_that_never_begins_is_not_renewed(streams: Recorded) -> None:
    """Its client left before the first item: it counts for a minute and no longer."""

    async def go() -> None:
        streams.until_closed(await streams.opened("own_1", 1), numbers())

    asyncio.run(go())
    assert streams._open == set()
