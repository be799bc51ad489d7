"""Tasks that run beside the requests."""

from __future__ import annotations

import asyncio

import pytest

from phonoscope_gateway.background import in_background


def test_the_work_lasts_as_long_as_its_context() -> None:
    """It runs beside the context, under its name, and is cancelled and awaited when the context ends."""
    seen: list[str] = []

    async def work() -> None:
        task = asyncio.current_task()
        seen.append(task.get_name() if task else "")
        try:
            await asyncio.sleep(60)
        finally:
            seen.append("ended")

    async def go() -> None:
        async with in_background(work(), "the work"):
            await asyncio.sleep(0)
            assert seen == ["the work"]
        assert seen == ["the work", "ended"]

    asyncio.run(go())


def test_what_ended_the_work_is_not_lost() -> None:
    """An error of the work is raised when the context ends, not when it happens."""
    after: list[str] = []

    async def work() -> None:
        raise LookupError("gone")

    async def go() -> None:
        async with in_background(work(), "the work"):
            await asyncio.sleep(0)
            after.append("still here")

    with pytest.raises(LookupError, match="gone"):
        asyncio.run(go())
    assert after == ["still here"]
