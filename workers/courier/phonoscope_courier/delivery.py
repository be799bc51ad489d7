"""Delivers events: claims due deliveries, attempts them and records the attempts. Several couriers may run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from phonoscope.db.access.engine import Database
from phonoscope.db.webhooks.attempts import Attempted, record
from phonoscope.db.webhooks.outbox import ClaimedDelivery, claim, fan_out, release
from phonoscope.errors import Unavailable
from phonoscope.logs import get_logger
from phonoscope_courier.attempts import Attempter
from phonoscope_courier.retries import FAILING_LIMIT

Result = TypeVar("Result")
_log = get_logger(__name__)


@dataclass(frozen=True)
class Capacity:
    """How many deliveries are in flight: in all, to endpoints whose last attempt failed, and to each endpoint.

    Deliveries of a courier that died are due again after ``lease_s`` seconds, which must exceed an attempt's limit.
    """

    all: int = 400
    failing: int = 100
    each: int = 8
    lease_s: float = 40.0
    poll_s: float = 1.0
    gather_s: float = 0.03
    grace_s: float = 3.0


class Courier:
    """Delivers events in one event loop; its database queries run in a thread."""

    def __init__(self, database: Database, attempter: Attempter, capacity: Capacity = Capacity()) -> None:
        self._database = database
        self._attempter = attempter
        self._capacity = capacity
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._in_flight: dict[asyncio.Task[Attempted], tuple[ClaimedDelivery, bool]] = {}
        self._done: list[Attempted] = []
        self._awake = asyncio.Event()
        self._stopping = False
        self._new_events = True

    def wake(self) -> None:
        """Notes that there may be new events."""
        self._new_events = True
        self._awake.set()

    def stop(self) -> None:
        """Ends ``run`` soon: deliveries in flight have ``grace_s`` seconds to end, then they are released."""
        self._stopping = True
        self._awake.set()

    async def run(self) -> None:
        """Delivers until it is stopped. An error in one round does not end the others."""
        while not self._stopping:
            self._awake.clear()
            try:
                await self._round()
            except Unavailable as error:
                _log.warning("deliveries.postponed", code=error.code)
                await asyncio.sleep(self._capacity.poll_s)
            except Exception:  # noqa: BLE001 - one bad round must not end the others
                _log.exception("deliveries.failed")
                await asyncio.sleep(self._capacity.poll_s)
            await self._rest()
        await self._end()

    async def _rest(self) -> None:
        """Waits until an attempt ends or ``wake`` is called, ``poll_s`` at most: nothing announces retries."""
        try:
            await asyncio.wait_for(self._awake.wait(), self._capacity.poll_s)
        except TimeoutError:
            self._new_events = True
        if self._in_flight and not self._stopping:
            # Other attempts end in a moment, and a query for many costs little more than for one.
            await asyncio.sleep(self._capacity.gather_s)

    async def _round(self) -> None:
        await self._record()
        if self._new_events:
            self._new_events = False
            if await self._query(self._fan_out):
                self.wake()
        for failing in (False, True):
            room = self._room(failing=failing)
            if room > 0 and not self._stopping:
                for delivery in await self._query(partial(self._claim, room, failing)):
                    self._start(delivery, failing=failing)

    def _room(self, *, failing: bool) -> int:
        taken = len(self._in_flight) + len(self._done)
        room = self._capacity.all - taken
        if failing:
            slow = sum(1 for _, failing_too in self._in_flight.values() if failing_too)
            room = min(room, self._capacity.failing - slow)
        return room

    def _start(self, delivery: ClaimedDelivery, *, failing: bool) -> None:
        task = asyncio.create_task(self._attempter.attempt(delivery))
        self._in_flight[task] = (delivery, failing)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[Attempted]) -> None:
        del self._in_flight[task]
        self._awake.set()
        # One that broke is due again once its lease has expired.
        if not task.cancelled() and task.exception() is None:
            self._done.append(task.result())

    async def _record(self) -> None:
        attempts = self._done[:]
        if not attempts:
            return
        try:
            await self._query(partial(self._write, attempts))
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - one attempt that cannot be written must not block the others
            _log.exception("deliveries.written_one_by_one")
            await self._query(partial(self._write_each, attempts))
        del self._done[: len(attempts)]

    async def _end(self) -> None:
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=self._capacity.grace_s)
        unfinished = [delivery for delivery, _ in self._in_flight.values()]
        for task in list(self._in_flight):
            task.cancel()
        try:
            await self._record()
            if unfinished:
                await self._query(partial(self._release, unfinished))
        except Unavailable as error:
            _log.warning("deliveries.left_to_others", code=error.code)
        self._thread.shutdown(wait=False)

    async def _query(self, query: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, query)

    def _fan_out(self) -> int:
        with self._database.transaction() as session:
            return fan_out(session)

    def _claim(self, room: int, failing: bool) -> list[ClaimedDelivery]:
        lease = timedelta(seconds=self._capacity.lease_s)
        with self._database.transaction() as session:
            return claim(session, room, each=self._capacity.each, lease=lease, failing=failing)

    def _write(self, attempts: list[Attempted]) -> None:
        with self._database.transaction() as session:
            disabled = record(session, attempts, FAILING_LIMIT)
        for each in disabled:
            _log.warning("webhook.disabled", webhook_id=each.webhook_id, because=each.because)

    def _write_each(self, attempts: list[Attempted]) -> None:
        for each in attempts:
            try:
                self._write([each])
            except Unavailable:
                raise
            except Exception:  # noqa: BLE001 - the delivery is due again once its lease has expired
                _log.exception("delivery.not_written", delivery_id=each.delivery_id)

    def _release(self, deliveries: list[ClaimedDelivery]) -> None:
        with self._database.transaction() as session:
            release(session, deliveries)
