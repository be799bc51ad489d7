"""Compares the life of a job in a database that holds millions of ended jobs with that in an empty one, in turn.

Both databases are on one PostgreSQL server. A job is created, with a look into the ledger, claimed, and ended, and what
it leaves for two webhooks is delivered, by the functions that gateway, workers and couriers call. Then ended jobs and
old events are forgotten; then the same lives are lived while the pruner goes on. Prints tables for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TypeVar

import psutil
from common import machine, servers
from sqlalchemy import make_url, text

from phonoscope.contract import DeliveryStatus
from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from phonoscope.db.library.ended import LEAST_KEPT, forget_ended
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.walks import ENDED, continue_walk, save_position
from phonoscope.db.tasks.claim import claim_next
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.db.webhooks.attempts import Attempted, record
from phonoscope.db.webhooks.events import forget_old_events
from phonoscope.db.webhooks.outbox import claim, fan_out
from phonoscope.ids import new_id
from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool, TaskName, TaskQueue
from phonoscope.storage import ObjectStore
from phonoscope.work import CacheKey, Outcome
from phonoscope_courier.pruning import Pruner

OWNERS, TRACKS, ENDPOINTS = 1_000, 100_000, 2
AT_ONCE = TRACKS
"""Jobs that are added by one statement, which may change no track's results twice."""
STEPS = ("create", "claim", "end", "deliver")
DAY_S = 86_400

Result = TypeVar("Result")

_LIBRARY = f"""
    INSERT INTO owners (id, name) SELECT 'own_' || n, 'own_' || n FROM generate_series(0, {OWNERS - 1}) AS n;
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key)
    SELECT 'trk_' || n, 'own_' || n % {OWNERS}, n, 'a', 1, 'a', 'a', 'a', 1, 1, 1, '[]', 'tracks/' || n
    FROM generate_series(0, {TRACKS - 1}) AS n;
    INSERT INTO webhooks (id, owner_id, url, events)
    SELECT 'whk_' || n || '_' || k, 'own_' || n, 'https://example.org/' || n || k, '["job.succeeded"]'
    FROM generate_series(0, {OWNERS - 1}) AS n CROSS JOIN generate_series(0, {ENDPOINTS - 1}) AS k
"""
_NUMBERS = "generate_series(CAST(:first AS int), :last) AS n"
_TWICE = f"{_NUMBERS} CROSS JOIN generate_series(0, 1) AS k"
_AT = "now() - (1e8 - n) * interval '50 ms'"
# Ids are random as real ones are, so that indexes grow as real ones do.
_JOB, _TASK = "'job_' || md5('' || n)", "'tsk_' || md5(n || '_' || k)"
_EVENT, _DELIVERY = "'evt_' || md5('' || n)", "'dlv_' || md5(n || '_' || k)"
_OWNER, _TRACK = f"'own_' || n % {OWNERS}", f"'trk_' || n % {TRACKS}"
_NAME = "CASE k WHEN 0 THEN 'classify' ELSE 'describe' END"
_ENDED = f"""
    SET LOCAL session_replication_role = replica;
    INSERT INTO jobs (id, owner_id, track_id, status, options, metadata, created_at, finished_at)
    SELECT {_JOB}, {_OWNER}, {_TRACK}, 'succeeded', '{{}}', '{{}}', {_AT}, {_AT} FROM {_NUMBERS};
    INSERT INTO tasks (id, job_id, position, owner_id, name, pool, lane, status, cost_s, turn, fingerprint, attempt,
                       progress, stage, timings, started_at, finished_at)
    SELECT {_TASK}, {_JOB}, k, {_OWNER}, {_NAME}, CASE k WHEN 0 THEN 'gpu' ELSE 'cpu' END, 'short', 'succeeded', 1, n,
           md5('print' || n || k), 1, 1, 'done', '{{"model_s": 0.1}}', {_AT}, {_AT} FROM {_TWICE};
    INSERT INTO results (task_id, body)
    SELECT {_TASK}, '{{"top": [{{"label": "dog", "probability": 0.9}}]}}' FROM {_TWICE};
    INSERT INTO track_results (track_id, task, model, variant, task_id, produced_by, finished_at)
    SELECT {_TRACK}, {_NAME}, CASE k WHEN 0 THEN 'model' ELSE '' END, '', {_TASK}, {_TASK}, {_AT} FROM {_TWICE}
    ON CONFLICT (track_id, task, model, variant) DO UPDATE
    SET task_id = excluded.task_id, produced_by = excluded.produced_by, finished_at = excluded.finished_at;
    INSERT INTO events (id, owner_id, job_id, type, data, created_at, sent_out_at)
    SELECT {_EVENT}, {_OWNER}, {_JOB}, 'job.succeeded',
           jsonb_build_object('job_id', {_JOB}, 'track_id', {_TRACK}, 'status', 'succeeded'), {_AT}, {_AT}
    FROM {_NUMBERS};
    INSERT INTO deliveries (id, owner_id, webhook_id, event_id, job_id, position, status, tries, due_at, created_at,
                            ended_at)
    SELECT {_DELIVERY}, {_OWNER}, 'whk_' || n % {OWNERS} || '_' || k, {_EVENT}, {_JOB}, n,
           CASE n % 100 WHEN 0 THEN 'dead' ELSE 'delivered' END, 1, {_AT}, {_AT}, {_AT} FROM {_TWICE};
    INSERT INTO attempts (delivery_id, started_at, duration_s, address, status_code)
    SELECT {_DELIVERY}, {_AT}, 0.1, '192.0.2.1', 200 FROM {_TWICE}
"""


@dataclass(frozen=True)
class Batches:
    """How long each batch of one kind took, in seconds, at how many rows all of them looked, and how many they erased.

    ``cpu_s`` is the processor time of PostgreSQL's process, which other work beside it does not change much.
    """

    seconds: list[float]
    rows: int
    erased: int
    cpu_s: float


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as kept:
        settings = kept.enter_context(servers(Path(scratch) / "stack"))
        url = settings.database_url.get_secret_value()
        databases = {name: kept.enter_context(_database(url, name)) for name in ("empty", "full")}
        full = databases["full"]
        filled_s, _ = _timed(lambda: _fill(full, arguments.jobs))
        size = full.retrying(lambda session: session.scalar(text("SELECT pg_database_size('full')")))
        print(
            f"{arguments.jobs:,} ended jobs of two tasks and {ENDPOINTS} deliveries, {(size or 0) / 1e9:.1f} GB, "
            f"filled in {filled_s:.0f} s; {arguments.rounds} rounds, {machine()}\n"
        )
        _print(_lives(databases, arguments))
        for name, batches in _forgetting(full, arguments).items():
            _print_batches(name, batches)
        with _pruning(_of(settings, "full")):
            took = _lives(databases, arguments)
        print("\nWhile the pruner goes on:\n")
        _print(took)


def _lives(databases: Mapping[str, Database], arguments: argparse.Namespace) -> dict[tuple[str, str], list[float]]:
    """The seconds of each step in each database, of many jobs."""
    took: dict[tuple[str, str], list[float]] = {(name, step): [] for name in databases for step in STEPS}
    for number in range(-arguments.warm_up, arguments.rounds):
        for name, database in databases.items():
            for step, seconds in _life(database, number % TRACKS).items():
                if number >= 0:
                    took[name, step].append(seconds)
    return took


def _of(settings: Settings, database: str) -> Settings:
    url = make_url(settings.database_url.get_secret_value()).set(database=database)
    return settings.model_copy(
        update={"database_url": type(settings.database_url)(url.render_as_string(hide_password=False))}
    )


@contextmanager
def _pruning(settings: Settings) -> Iterator[None]:
    """Has the pruner forget jobs that ended more than a day ago, and old events, at its own pace."""
    own, stopped = settings.model_copy(update={"job_retention_days": 1.0}), Event()
    database = Database(own.database_url.get_secret_value(), pool_size=1)
    pruner = Pruner(database, ObjectStore(own), own)
    thread = Thread(target=pruner.prune, args=(stopped, DAY_S))
    thread.start()
    try:
        yield
        had_more = thread.is_alive()
        print(f"\n{'The pruner had more to do.' if had_more else 'THE PRUNER HAD NOTHING LEFT: too few jobs.'}")
    finally:
        stopped.set()
        thread.join()
        database.close()


@contextmanager
def _database(server: str, name: str) -> Iterator[Database]:
    """A migrated database of this name, with owners and tracks."""
    administration = Database(server, pool_size=1)
    with administration.autocommit() as session:
        session.execute(text(f'CREATE DATABASE "{name}"'))
    administration.close()
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    migrate(url)
    database = Database(url, pool_size=1)
    with database.transaction() as session:
        session.execute(text(_LIBRARY))
    with database.autocommit() as session:
        session.execute(text("VACUUM ANALYZE"))
    yield database
    database.close()


def _fill(database: Database, jobs: int) -> None:
    for first in range(0, jobs, AT_ONCE):
        with database.transaction() as session:
            session.execute(text(_ENDED), {"first": first, "last": min(jobs, first + AT_ONCE) - 1})
    with database.autocommit() as session:
        session.execute(text("VACUUM ANALYZE"))
        session.execute(text("CHECKPOINT"))


def _life(database: Database, number: int) -> dict[str, float]:
    """The seconds that each step of one job's life takes."""
    track_id, took = f"trk_{number}", {}
    ledger = {TaskName.CLASSIFY: CacheKey(new_id("print"), frozenset({"sha256:model"}))}
    with database.transaction() as session:
        track = session.get_one(TrackRow, track_id)
    took["create"], _ = _timed(
        lambda: database.retrying(
            lambda session: create_job(session, track, [TaskName.CLASSIFY], {}, {}, ledger=ledger)
        )
    )
    queue = TaskQueue(Pool.GPU, Lane.SHORT)
    took["claim"], claim = _timed(lambda: database.retrying(lambda session: claim_next(session, queue, "cpu", "gpu@a")))
    assert claim is not None
    outcomes = {TaskName.CLASSIFY: Outcome({"top": []}, model_name="model", model_digest="sha256:model")}
    took["end"], ended = _timed(
        lambda: database.retrying(lambda session: end_tasks(session, claim, outcomes, {"model_s": 0.1}))
    )
    assert ended is not None
    took["deliver"], delivered = _timed(lambda: _deliver(database))
    assert delivered == ENDPOINTS
    return took


def _deliver(database: Database) -> int:
    """What a courier does for the events of a job besides sending them; returns how many deliveries there were."""
    database.retrying(fan_out)
    held = database.retrying(lambda session: claim(session, 400, each=8, lease=timedelta(seconds=40)))
    attempts = [
        Attempted(
            each.delivery_id,
            each.webhook_id,
            each.token,
            datetime.now(UTC),
            0.1,
            DeliveryStatus.DELIVERED,
            "192.0.2.1",
            200,
        )
        for each in held
    ]
    database.retrying(lambda session: record(session, attempts, timedelta(days=5)))
    return len(held)


def _forgetting(database: Database, arguments: argparse.Namespace) -> dict[str, Batches]:
    """Batches of jobs that go, of jobs that stay, since recordings show them, and of events."""
    newest = timedelta(milliseconds=50) * (10**8 - arguments.jobs + min(arguments.jobs, TRACKS))
    found = {}
    for size in arguments.sizes:
        _go_to(database, None)
        found[f"jobs that go, {size} tasks at once"] = _forget(database, size, arguments.batches)
        _go_to(database, newest)
        found[f"jobs that stay, {size} tasks at once"] = _forget(database, size, arguments.batches)
    _go_to(database, None)
    with _spent(database) as cpu_s:
        took = [
            _timed(lambda: database.retrying(lambda session: forget_old_events(session, 1000)))
            for _ in range(arguments.batches)
        ]
    gone = sum(count for _, count in took)
    events = Batches([taken for taken, _ in took], gone, gone, sum(cpu_s))
    return found | {"events with their deliveries, 1,000 at once": events}


def _go_to(database: Database, age: timedelta | None) -> None:
    """Has the walk over ended tasks go on with those that ended so long ago, or begin."""
    with database.transaction() as session:
        at = session.scalar(text("SELECT now() - CAST(:age AS interval)"), {"age": age}) if age is not None else None
        continue_walk(session, ENDED, timedelta(0))
        save_position(session, ENDED, "" if at is None else f"{at.isoformat()} ")
        session.execute(text("UPDATE walks SET went_on_at = '-infinity'"))


def _forget(database: Database, size: int, batches: int) -> Batches:
    """Looks at so many tasks at once of those that ended more than a day ago."""
    with _spent(database) as cpu_s:
        took = [
            _timed(lambda: database.retrying(lambda session: forget_ended(session, LEAST_KEPT, size)))
            for _ in range(batches)
        ]
    done = [(seconds, forgotten.jobs) for seconds, forgotten in took if forgotten is not None]
    return Batches([seconds for seconds, _ in done], size * len(done), sum(count for _, count in done), sum(cpu_s))


@contextmanager
def _spent(database: Database) -> Iterator[list[float]]:
    """The processor time of the server's process of this database's one connection, in seconds, at the end."""
    process = psutil.Process(database.retrying(lambda session: session.scalar(text("SELECT pg_backend_pid()"))))
    spent: list[float] = []
    before = process.cpu_times()
    yield spent
    after = process.cpu_times()
    spent.append(after.user + after.system - before.user - before.system)


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    before = time.perf_counter()
    found = work()
    return time.perf_counter() - before, found


def _print(took: Mapping[tuple[str, str], list[float]]) -> None:
    print("| | empty, p50 | full, p50 | ratio | empty, p95 | full, p95 | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for step in STEPS:
        cells = []
        for share in (50, 95):
            empty, full = (1e3 * statistics.quantiles(took[name, step], n=100)[share - 1] for name in ("empty", "full"))
            cells += [f"{empty:.2f} ms", f"{full:.2f} ms", f"{full / empty:.2f}"]
        print(f"| {step} | {' | '.join(cells)} |")


def _print_batches(name: str, batches: Batches) -> None:
    p50, p95 = (1e3 * statistics.quantiles(batches.seconds, n=100)[share - 1] for share in (50, 95))
    count, pace = len(batches.seconds), batches.rows / sum(batches.seconds)
    print(f"\n{name}: {count} batches erased {batches.erased:,}; a batch took {p50:.0f} ms, p95 {p95:.0f} ms;")
    print(f"{pace:,.0f} a second, {pace / 2 * DAY_S / 1e6:,.0f} million a day with as much rest;")
    print(f"{1e3 * batches.cpu_s / count:.1f} ms of a core a batch, {batches.rows / batches.cpu_s:,.0f} a core-second")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2_500_000)
    parser.add_argument("--rounds", type=int, default=2_000)
    parser.add_argument("--warm-up", type=int, default=100)
    parser.add_argument("--batches", type=int, default=200, help="of forgetting, of each kind and size")
    parser.add_argument("--sizes", type=int, nargs="+", default=[500], help="tasks at which a batch looks")
    return parser.parse_args()


if __name__ == "__main__":
    main()
