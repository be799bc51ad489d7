"""What each limit costs a request, one after another and 32 at a time.

Starts a local stack's servers. Takes from a rate in Valkey, from the same rate in PostgreSQL (as while Valkey is away),
and compares an upload and a job with their quotas; beside them a bare ``PING`` of Valkey and a bare ``SELECT 1``, which
show what the round trip alone costs. Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from uuid import uuid4

from anyio import to_thread
from common import machine, servers
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from phonoscope.db.schema.tables import OwnerRow
from phonoscope.db.service.usage import Limits, check_held, spend_upload
from phonoscope_gateway.rates import Rate, RateLimiter

AT_ONCE = 32
ENOUGH = Rate(10**9, 10.0)
LIMITS = Limits(
    uploads=10**12, upload_bytes=10**15, stored_bytes=10**15, stored_tracks=10**12, queued_audio_s=1e12,
    queued_jobs=10**12,
)  # fmt: skip


async def measured(call: Callable[[], Awaitable[object]], rounds: int, at_once: int) -> list[float]:
    """The milliseconds of each call."""
    taken: list[float] = []

    async def go() -> None:
        for _ in range(rounds // at_once):
            started = perf_counter()
            await call()
            taken.append((perf_counter() - started) * 1000)

    await asyncio.gather(*(go() for _ in range(at_once)))
    return taken


def row(name: str, *columns: list[float]) -> str:
    cells = [f"{statistics.median(taken):.2f} ms | {statistics.quantiles(taken, n=20)[-1]:.2f} ms" for taken in columns]
    return f"| {name} | {' | '.join(cells)} |"


async def run(database: Database, broker_url: str, rounds: int) -> None:
    owner_id = f"own_{uuid4().hex}"
    with database.transaction() as session:
        session.add(OwnerRow(id=owner_id, name=owner_id))
    valkey = RateLimiter(broker_url, database)
    fallback = RateLimiter("memory://", database)
    assert valkey._client is not None  # noqa: SLF001 - the bare client, for comparison
    ping = valkey._client.ping  # noqa: SLF001

    def in_database(body: Callable[[Session], object]) -> Callable[[], Awaitable[object]]:
        def go() -> None:
            with database.autocommit() as session:
                body(session)

        return lambda: to_thread.run_sync(go)

    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "`PING` of Valkey": ping,
        "a request, in Valkey": lambda: valkey.take(owner_id, ENOUGH),
        "`SELECT 1` in a thread": in_database(lambda session: session.execute(text("SELECT 1"))),
        "a request, in PostgreSQL": lambda: fallback.take(owner_id, ENOUGH),
        "an upload, of its day": in_database(lambda session: spend_upload(session, owner_id, LIMITS, 1)),
        "a track and a job, of what is there": in_database(
            lambda session: check_held(session, owner_id, LIMITS, new_bytes=1, new_job=True)
        ),
    }
    print(f"{rounds:,} of each, {machine()}\n")
    print(f"| | alone, p50 | p95 | {AT_ONCE} at a time, p50 | p95 |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, call in calls.items():
        await measured(call, 50, 1)
        print(row(name, await measured(call, rounds, 1), await measured(call, rounds, AT_ONCE)), flush=True)
    await valkey.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder, "servers")) as settings:
        url = settings.database_url.get_secret_value()
        migrate(url)
        database = Database(url, pool_size=8)
        asyncio.run(run(database, settings.broker_url.get_secret_value(), arguments.rounds))
        database.close()


if __name__ == "__main__":
    main()
