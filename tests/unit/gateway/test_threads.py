"""Work that owners share threads for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event

import pytest

from phonoscope.errors import PhonoscopeError, TooManySearches, TooManyUploads
from phonoscope_gateway.threads import SharedThreads, search_threads, upload_threads


@pytest.mark.parametrize(("make", "error"), [(upload_threads, TooManyUploads), (search_threads, TooManySearches)])
def test_one_owner_leaves_threads_to_others_and_is_told_to_wait(
    make: Callable[[], SharedThreads], error: type[PhonoscopeError]
) -> None:
    """However many calls one owner makes, another's is run at once; beyond a number they are refused, for a time."""

    async def crowd() -> None:
        threads, ended = make(), Event()
        try:
            calls = [asyncio.create_task(threads.run("greedy", ended.wait)) for _ in range(200)]
            assert await asyncio.wait_for(threads.run("modest", lambda: "found"), 60) == "found"
            refused = [call.exception() for call in calls if call.done()]
        finally:
            ended.set()
        await asyncio.wait(calls)
        assert 0 < len(refused) < 200
        assert {type(each) for each in refused} == {error}
        assert all(each.status == 429 and each.retry_after_s for each in refused if isinstance(each, PhonoscopeError))

    asyncio.run(crowd())
