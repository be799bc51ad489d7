"""Asks the services that the gateway needs, for its readiness."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from math import inf
from typing import TypeAlias

from anyio import CapacityLimiter, to_thread

from phonoscope.errors import Unavailable

Ping: TypeAlias = Callable[[], object]
"""Returns when the service answers, else raises ``Unavailable``."""

OK = "ok"
_KEPT_S = 1.0
_ANSWER_S = 5.0


class Pings:
    """The answers of services, at most a second old.

    Each is asked in a thread that nothing else uses, and once at a time: one that hangs holds its own thread, and no
    request longer than ``_ANSWER_S``.
    """

    def __init__(self, pings: Mapping[str, Ping]) -> None:
        self._pings = pings
        self._threads = CapacityLimiter(len(pings))
        self._asking: dict[str, asyncio.Task[str]] = {}
        self._answers: dict[str, str] = {}
        self._answered_at = -inf

    async def answers(self) -> dict[str, str]:
        """``ok``, or what is wrong, for each service."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._answered_at > _KEPT_S:
            asking = {name: self._ask(name, ping) for name, ping in self._pings.items()}
            await asyncio.wait(asking.values(), timeout=_ANSWER_S)
            self._answers = {
                name: task.result() if task.done() else f"no answer within {_ANSWER_S:.0f} s"
                for name, task in asking.items()
            }
            self._answered_at = loop.time()
        return self._answers

    def _ask(self, name: str, ping: Ping) -> asyncio.Task[str]:
        task = self._asking.get(name)
        if task is None or task.done():
            task = self._asking[name] = asyncio.create_task(self._answer(ping), name=f"ping-{name}")
        return task

    async def _answer(self, ping: Ping) -> str:
        try:
            await to_thread.run_sync(ping, limiter=self._threads)
        except Unavailable as error:
            return error.detail
        return OK
