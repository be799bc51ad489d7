"""Events, endpoints and couriers on the tests' own database."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from phonoscope.addresses import Allowed
from phonoscope.contract import JOB_EVENTS
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import OwnerRow
from phonoscope.db.schema.webhooks import EventRow
from phonoscope.db.webhooks.endpoints import add_webhook, put_secret
from phonoscope.ids import new_id
from phonoscope.retry import Backoff
from phonoscope.webhooks.rules import Rules
from phonoscope.webhooks.vault import Vault, new_secret
from phonoscope_courier.attempts import Attempter
from phonoscope_courier.delivery import Capacity, Courier
from phonoscope_courier.retries import RetryPolicy
from phonoscope_courier.sending import Limits, Sender

RULES = Rules(Allowed.parse("127.0.0.0/8"), http=True)
VAULT = Vault("a signing secret for tests")
SOON = RetryPolicy(Backoff(listed_s=(0.1, 0.1)))
QUICK = Limits(connect_s=10.0, total_s=20.0)
LIMIT_S = 60.0


@dataclass
class Outbox:
    """An owner with endpoints, to whom things happen."""

    database: Database
    owner_id: str = field(default_factory=lambda: f"own_{uuid4().hex}")
    secret: str = field(default_factory=new_secret)

    def __post_init__(self) -> None:
        with self.database.transaction() as session:
            session.add(OwnerRow(id=self.owner_id, name=self.owner_id))

    def endpoint(self, url: str) -> str:
        """The id of one that wants to know of jobs."""
        with self.database.transaction() as session:
            row = add_webhook(session, self.owner_id, url, JOB_EVENTS, "")
            put_secret(session, self.owner_id, row.id, VAULT.seal(self.secret), timedelta())
            return row.id

    def happen(self, type_: str = "job.succeeded", job_id: str | None = None) -> str:
        """The id of an event, as the end of a job writes it."""
        job_id = job_id or new_id("job")
        data = {"job_id": job_id, "track_id": "trk_1", "status": type_.partition(".")[2]}
        with self.database.transaction() as session:
            row = EventRow(id=new_id("evt"), owner_id=self.owner_id, job_id=job_id, type=type_, data=data)
            session.add(row)
            session.execute(text("NOTIFY phonoscope_event"))
            return row.id

    def ask(self, statement: str, **values: Any) -> list[Any]:
        """The first columns of the rows; a statement may change them too."""
        with self.database.transaction() as session:
            rows = session.connection().execute(text(statement), {"owner_id": self.owner_id} | values)
            return list(rows.scalars()) if rows.returns_rows else []

    def statuses(self) -> list[str]:
        """Of all deliveries, in the order of their events."""
        return self.ask("SELECT status FROM deliveries WHERE owner_id = :owner_id ORDER BY position, id")

    def settled(self) -> bool:
        """Whether every event has gone out and no delivery is pending."""
        waiting = "SELECT count(*) FROM events WHERE owner_id = :owner_id AND sent_out_at IS NULL"
        return self.ask(waiting) == [0] and "pending" not in self.statuses()


def free_port() -> int:
    """One on which nobody listens yet, outside the ranges from which others take theirs by themselves."""
    while True:
        port = random.randrange(30_000, 32_768)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def at(port: int, path: str = "") -> str:
    return f"http://127.0.0.1:{port}/{path}"


@contextmanager
def courier_of(
    database_url: str, capacity: Capacity | None = None, policy: RetryPolicy = SOON, limits: Limits = QUICK
) -> Iterator[Courier]:
    database = Database(database_url, pool_size=1)
    sender = Sender(RULES, limits=limits)
    yield Courier(database, Attempter(sender, VAULT, policy), capacity or Capacity(poll_s=0.1, grace_s=0.5))
    sender.close()
    database.close()


async def work(couriers: list[Courier], done: Callable[[], bool]) -> None:
    """Lets couriers deliver until it is done."""
    running = [asyncio.create_task(courier.run()) for courier in couriers]
    try:
        async with asyncio.timeout(LIMIT_S):
            while not await asyncio.to_thread(done):  # noqa: ASYNC110 - the database is asked, not a task
                await asyncio.sleep(0.05)
    finally:
        for courier in couriers:
            courier.stop()
        await asyncio.gather(*running)
