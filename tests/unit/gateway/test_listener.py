"""Who is woken by what."""

from __future__ import annotations

import asyncio

from phonoscope_gateway.listener import JobListener
from phonoscope_gateway.openapi import nowhere


def test_each_is_woken_by_what_it_waits_for() -> None:
    """A job's end wakes everybody who waits for it, its progress those alone who asked for that."""

    async def go() -> None:
        listener = JobListener(nowhere().database_url.get_secret_value())
        with (
            listener.waiting_for("job_1") as end,
            listener.waiting_for("job_1", progress=True) as change,
            listener.waiting_for("job_2", progress=True) as other,
        ):
            listener._wake({"job_1", "job_3"}, progress=True)
            assert [event.is_set() for event in (end, change, other)] == [False, True, False]
            change.clear()
            listener._wake({"job_1"})
            assert [event.is_set() for event in (end, change, other)] == [True, True, False]
            listener._wake_all()
            assert other.is_set()
        assert listener._waiters == {}

    asyncio.run(go())


def test_waiters_need_no_database() -> None:
    """While it is away the listener tries again, and whoever waits stays undisturbed until they give up."""

    async def go() -> None:
        listener = JobListener(nowhere().database_url.get_secret_value())
        async with listener.listening():
            with listener.waiting_for("job_1") as woken:
                await asyncio.sleep(0.1)
                assert not woken.is_set()

    asyncio.run(go())
