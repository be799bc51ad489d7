"""What readiness is told, whatever the services do."""

from __future__ import annotations

import asyncio
import threading
from time import monotonic

import pytest
from anyio import to_thread

from phonoscope.errors import StoreUnavailable
from phonoscope_gateway import pings
from phonoscope_gateway.pings import Pings


class _Service:
    """Counts how often it was asked; answers when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.free = threading.Event()

    def ping(self) -> None:
        self.asked += 1
        self.free.wait(30)


def down() -> None:
    raise StoreUnavailable("the object store does not answer")


def test_each_service_is_asked_for_itself() -> None:
    """One that is down is told in its own words, beside those that answer."""
    answers = asyncio.run(Pings({"database": lambda: None, "store": down}).answers())
    assert answers == {"database": "ok", "store": "the object store does not answer"}


def test_many_who_ask_are_one() -> None:
    """However many ask at once, or within a second, each service is asked once; later again."""
    service = _Service()
    service.free.set()
    asked = Pings({"database": service.ping})

    async def go() -> None:
        await asyncio.gather(*(asked.answers() for _ in range(200)))
        assert service.asked == 1
        await asyncio.sleep(1.1)
        await asked.answers()
        assert service.asked == 2

    asyncio.run(go())


def test_a_service_that_hangs_holds_one_thread_and_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said not to answer, is not asked again before it does, and its neighbours answer beside it."""
    monkeypatch.setattr(pings, "_ANSWER_S", 2.0)
    monkeypatch.setattr(pings, "_KEPT_S", 0.0)
    service = _Service()
    asked = Pings({"database": service.ping, "broker": lambda: None})

    async def go() -> None:
        for _ in range(3):
            assert await asked.answers() == {"database": "no answer within 2 s", "broker": "ok"}
        assert service.asked == 1
        service.free.set()
        while (await asked.answers())["database"] != "ok":
            pass

    asyncio.run(go())


def test_it_needs_none_of_the_threads_for_requests() -> None:
    """All of them may be taken: the answer comes at once."""
    busy = threading.Event()

    async def go() -> float:
        work = [asyncio.create_task(to_thread.run_sync(busy.wait, 30)) for _ in range(60)]
        await asyncio.sleep(0.3)
        started = monotonic()
        assert await Pings({"database": lambda: None}).answers() == {"database": "ok"}
        took = monotonic() - started
        busy.set()
        await asyncio.gather(*work)
        return took

    assert asyncio.run(go()) < 10.0
