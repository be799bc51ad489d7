"""Compares the life of a job in a database that holds millions of ended jobs with that in an empty one, in turn.

Both databases are on one PostgreSQL server. A job is created, with a look into the ledger, claimed, and ended, by the
functions that gateway and workers call. Afterwards ended jobs are forgotten. Prints tables for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from common import machine, servers
from sqlalchemy import make_url, text

from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from phonoscope.db.library.ended import LEAST_KEPT, forget_ended
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.tasks.claim import claim_next
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.ids import new_id
from phonoscope.states import Lane, Pool, TaskName, TaskQueue
from phonoscope.work import CacheKey, Outcome

OWNERS, TRACKS = 1_000, 100_000
AT_ONCE = 100_000
BATCH = 200
STEPS = ("create", "claim", "end")

Result = TypeVar("Result")

_LIBRARY = f"""
    INSERT INTO owners (id, name) SELECT 'own_' || n, 'own_' || n FROM generate_series(0, {OWNERS - 1}) AS n;
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key)
    SELECT 'trk_' || n, 'own_' || n % {OWNERS}, n, 'a', 1, 'a', 'a', 'a', 1, 1, 1, '[]', 'tracks/' || n
    FROM generate_series(0, {TRACKS - 1}) AS n
"""
# Ids are random as real ones are, so that indexes grow as real ones do.
_ENDED = f"""
    SET LOCAL session_replication_role = replica;
    INSERT INTO jobs (id, owner_id, track_id, status, options, metadata, created_at, finished_at)
    SELECT 'job_' || md5('' || n), 'own_' || n % {OWNERS}, 'trk_' || n % {TRACKS}, 'succeeded', '{{}}', '{{}}',
           now() - (1e8 - n) * interval '50 ms', now() - (1e8 - n) * interval '50 ms'
    FROM generate_series(CAST(:first AS int), :last) AS n;
    INSERT INTO tasks (id, job_id, position, owner_id, name, pool, lane, status, cost_s, turn, fingerprint, attempt,
                       progress, stage, timings, started_at, finished_at)
    SELECT 'tsk_' || md5(n || '_' || k), 'job_' || md5('' || n), k, 'own_' || n % {OWNERS},
           CASE k WHEN 0 THEN 'classify' ELSE 'describe' END, CASE k WHEN 0 THEN 'gpu' ELSE 'cpu' END, 'short',
           'succeeded', 1, n, md5('print' || n || k), 1, 1, 'done', '{{"model_s": 0.1}}',
           now() - (1e8 - n) * interval '50 ms', now() - (1e8 - n) * interval '50 ms'
    FROM generate_series(CAST(:first AS int), :last) AS n CROSS JOIN generate_series(0, 1) AS k;
    INSERT INTO results (task_id, body)
    SELECT 'tsk_' || md5(n || '_' || k), '{{"top": [{{"label": "dog", "probability": 0.9}}]}}'
    FROM generate_series(CAST(:first AS int), :last) AS n CROSS JOIN generate_series(0, 1) AS k
"""


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as kept:
        settings = kept.enter_context(servers(Path(scratch) / "stack"))
        url = settings.database_url.get_secret_value()
        databases = {name: kept.enter_context(_database(url, name)) for name in ("empty", "full")}
        began = time.perf_counter()
        _fill(databases["full"], arguments.jobs)
        filled_s = time.perf_counter() - began
        took: dict[tuple[str, str], list[float]] = {(name, step): [] for name in databases for step in STEPS}
        for number in range(-arguments.warm_up, arguments.rounds):
            for name, database in databases.items():
                for step, seconds in _life(database, number % TRACKS).items():
                    if number >= 0:
                        took[name, step].append(seconds)
        size = databases["full"].retrying(lambda session: session.scalar(text("SELECT pg_database_size('full')")))
        forgetting = [_timed(lambda: _forget(databases["full"])) for _ in range(arguments.batches)]
    _print(took, arguments, filled_s, size or 0)
    _print_forgetting(forgetting)


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
    return took


def _forget(database: Database) -> int:
    """Looks at one batch of tasks that ended more than a day ago; returns how many jobs were forgotten."""
    forgotten = database.retrying(lambda session: forget_ended(session, LEAST_KEPT, BATCH))
    return 0 if forgotten is None else forgotten.jobs


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    before = time.perf_counter()
    found = work()
    return time.perf_counter() - before, found


def _print(
    took: dict[tuple[str, str], list[float]], arguments: argparse.Namespace, filled_s: float, size_bytes: int
) -> None:
    print(
        f"{arguments.jobs:,} ended jobs with two tasks each, {size_bytes / 1e9:.1f} GB, filled in {filled_s:.0f} s; "
        f"{arguments.rounds} rounds, {machine()}\n"
    )
    print("| | empty, p50 | full, p50 | ratio | empty, p95 | full, p95 | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for step in STEPS:
        cells = []
        for share in (50, 95):
            empty, full = (1e3 * statistics.quantiles(took[name, step], n=100)[share - 1] for name in ("empty", "full"))
            cells += [f"{empty:.2f} ms", f"{full:.2f} ms", f"{full / empty:.2f}"]
        print(f"| {step} | {' | '.join(cells)} |")


def _print_forgetting(batches: list[tuple[float, int]]) -> None:
    seconds, jobs = [taken for taken, _ in batches], sum(count for _, count in batches)
    p50, p95 = (1e3 * statistics.quantiles(seconds, n=100)[share - 1] for share in (50, 95))
    rate = jobs / sum(seconds)
    print(f"\n{jobs:,} jobs were forgotten in {len(batches)} batches of {BATCH} tasks, {rate:,.0f} a second;")
    print(f"a batch took {p50:.0f} ms, p95 {p95:.0f} ms")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2_500_000)
    parser.add_argument("--rounds", type=int, default=2_000)
    parser.add_argument("--warm-up", type=int, default=100)
    parser.add_argument("--batches", type=int, default=200, help="of forgetting, afterwards")
    return parser.parse_args()


if __name__ == "__main__":
    main()
