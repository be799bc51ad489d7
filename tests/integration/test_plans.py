"""How PostgreSQL runs the statements of a task's life where there are many tasks: by indices, never by reading all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from phonoscope.contract import DeliveryStatus
from phonoscope.db.access.engine import Database
from phonoscope.db.access.prepared import PREPARATIONS, Prepared
from phonoscope.db.library import ended
from phonoscope.db.library.maps import newest_map
from phonoscope.db.library.tracks import list_tracks
from phonoscope.db.service import walks
from phonoscope.db.tasks import claim, create, family, finish, rollup, waiting
from phonoscope.db.webhooks import attempts, outbox
from phonoscope.db.webhooks.deliveries import list_deliveries
from phonoscope.db.webhooks.events import forget_old_events
from tests.integration.life import empty
from tests.unit.deploy.chart import jobs_queries

JOBS = 50_000
LARGE = frozenset({"tasks", "jobs", "results", "track_labels", "events", "deliveries", "attempts"})
TABLES = "owners, tracks, jobs, tasks, results, track_labels, webhooks, events, deliveries, attempts"
VALUES: dict[str, Any] = {
    **dict.fromkeys(("pool",), "gpu"),
    **dict.fromkeys(("lane",), "short"),
    **dict.fromkeys(("token", "stage", "device", "worker_id", "label"), "lease_40000"),
    **dict.fromkeys(("track_id", "subject_id"), "trk_1"),
    "owner_id": "own_1",
    "jobs": ["job_40000"],
    "tasks": ["tsk_40000_0", "tsk_40000_1"],
    "leaders": ["tsk_40000_0", "tsk_40000_1"],
    "labels": True,
    "progress": 0.5,
    "lease": timedelta(seconds=30),
    "live_within": timedelta(seconds=20),
    "outcomes": [],
    "artifacts": [],
    "timings": {},
    "points": [],
}
# Of 50,000 jobs with two tasks each the last 5,000 wait, 20 run, and one in a hundred of the others follows.
FILL = f"""
    INSERT INTO owners (id, name) SELECT 'own_' || n, 'own_' || n FROM generate_series(0, 49) AS n;
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key)
    SELECT 'trk_' || n, 'own_' || n %% 50, n, 'a', 1, 'a', 'a', 'a', 1, 1, 1, '[]', 'tracks/trk_' || n || '/original'
    FROM generate_series(0, 4999) AS n;
    INSERT INTO jobs (id, owner_id, track_id, status, options, metadata, created_at, finished_at)
    SELECT 'job_' || n, 'own_' || n %% 50, 'trk_' || n %% 5000,
           CASE WHEN n < 45000 THEN 'succeeded' WHEN n < 45020 THEN 'running' ELSE 'queued' END, '{{}}', '{{}}',
           now() - (50000 - n) * interval '50 ms',
           CASE WHEN n < 45000 THEN now() - (45000 - n) * interval '50 ms' END
    FROM generate_series(0, {JOBS - 1}) AS n;
    -- Where the table was analysed when it was just emptied, it would be read once for each task.
    ANALYZE jobs;
    INSERT INTO tasks (id, job_id, position, owner_id, name, pool, lane, status, cost_s, turn, fingerprint, source_id,
                       follows, attempt, progress, stage, timings, lease_token, lease_expires_at, started_at,
                       finished_at)
    SELECT 'tsk_' || n || '_' || k, 'job_' || n, k, 'own_' || n %% 50,
           CASE k WHEN 0 THEN 'classify' ELSE 'describe' END, CASE k WHEN 0 THEN 'gpu' ELSE 'cpu' END,
           CASE WHEN n %% 10 = 0 THEN 'long' ELSE 'short' END,
           jobs.status, 1, n, md5(n || '_' || k),
           CASE WHEN n < 45000 AND n %% 100 = 1 THEN 'tsk_' || n - 1 || '_' || k END,
           CASE WHEN n > 45020 AND n %% 100 = 1 THEN 'tsk_' || n - 1 || '_' || k END, 1, 0, '', '{{}}',
           CASE jobs.status WHEN 'running' THEN 'lease_' || n END, CASE jobs.status WHEN 'running' THEN now() END,
           CASE WHEN n < 45020 THEN jobs.created_at END, jobs.finished_at
    FROM generate_series(0, {JOBS - 1}) AS n CROSS JOIN generate_series(0, 1) AS k JOIN jobs ON jobs.id = 'job_' || n;
    INSERT INTO results (task_id, body) SELECT id, '{{}}' FROM tasks WHERE status = 'succeeded';
    INSERT INTO track_labels (track_id, model, position, labels, finished_at)
    SELECT 'trk_' || n, 'model_' || k, k, ARRAY['label_' || n / 10, 'common'], now()
    FROM generate_series(0, 4999) AS n CROSS JOIN generate_series(0, 9) AS k;
    SELECT gin_clean_pending_list('ix_track_labels_labels');
"""
# Every other job has two events, one a minute: 6,800 are older than they are kept, 200 are new, 800 deliveries are due.
FILL_WEBHOOKS = f"""
    INSERT INTO webhooks (id, owner_id, url, one_off, events, enabled)
    SELECT 'whk_' || n, 'own_' || n, 'https://example.org/' || n, false, '["job.succeeded"]', true
    FROM generate_series(0, 49) AS n;
    INSERT INTO events (id, owner_id, job_id, type, data, created_at, sent_out_at)
    SELECT 'evt_' || n, 'own_' || (n | 1) %% 50, 'job_' || (n | 1), 'job.succeeded', '{{}}',
           now() - (50000 - n) * interval '1 minute', CASE WHEN n < 49800 THEN now() END
    FROM generate_series(0, {JOBS - 1}) AS n;
    ANALYZE webhooks, events;
    INSERT INTO deliveries (id, owner_id, webhook_id, event_id, job_id, position, status, tries, due_at, created_at,
                            ended_at)
    SELECT replace(id, 'evt', 'dlv'), owner_id, replace(owner_id, 'own', 'whk'), id, job_id, position,
           CASE WHEN position < newest - 999 THEN 'delivered' ELSE 'pending' END, 1, created_at, created_at,
           CASE WHEN position < newest - 999 THEN created_at END
    FROM events, (SELECT max(position) AS newest FROM events) AS last WHERE sent_out_at IS NOT NULL;
    ANALYZE deliveries;
    INSERT INTO attempts (delivery_id, started_at, duration_s, status_code)
    SELECT id, created_at, 0.1, 200 FROM deliveries WHERE status = 'delivered';
"""


@pytest.fixture(scope="module")
def busy(database_url: str) -> Iterator[Database]:
    """A database with 100,000 tasks and 50,000 events."""
    database = Database(database_url, pool_size=1)
    empty(database)
    with database.transaction() as session:
        session.connection().exec_driver_sql(f"{FILL} {FILL_WEBHOOKS} ANALYZE {TABLES}")
    yield database
    empty(database)
    with database.autocommit() as session:
        session.connection().exec_driver_sql(f"ANALYZE {TABLES}")
    database.close()


def scanned(plan: Mapping[str, Any]) -> set[str]:
    """The large tables that a plan reads from one end to the other."""
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return (own & LARGE).union(*(scanned(part) for part in plan.get("Plans", [])))


def explained(session: Session, statement: str, values: Mapping[str, Any]) -> set[str]:
    """What a statement would scan."""
    rows = session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", dict(values))
    return scanned(rows.scalar_one()[0]["Plan"])


@contextmanager
def sent(session: Session) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent meanwhile, with their values."""
    statements: list[tuple[str, Any]] = []
    listen = lambda _conn, _cursor, statement, values, *_: statements.append((statement, values))  # noqa: E731
    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", listen)
    yield statements
    event.remove(engine, "before_cursor_execute", listen)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(
    "prepared",
    {
        "claim": claim._CLAIM,
        "renew": claim._RENEW,
        "end": finish._WHOLE,
        "end with stems": finish._WITH_STEMS,
        "end of a map": finish._WITH_MAP,
        "lock a family": family._LOCK_FAMILY,
        "settle": rollup._RELEASE_AND_SETTLE,
        "turn": create._TURN,
        "ahead": waiting._AHEAD,
    }.items(),
    ids=lambda each: each[0],
)
def test_prepared_statements_use_indices(busy: Database, prepared: tuple[str, Prepared], mode: str) -> None:
    """With the plan for given values, and with the one for any, which a connection comes to after five times."""
    statements = prepared[1]
    values = VALUES | {name: json.dumps(VALUES[name]) for name in statements._json}
    with busy.transaction() as session:
        session.execute(text(f"SET LOCAL plan_cache_mode = {mode}"))
        session.connection().exec_driver_sql("SELECT 1", None, {PREPARATIONS: statements._preparations})
        found = {call: explained(session, call, values) for call in statements._calls.split(";")}
    assert {call: tables for call, tables in found.items() if tables} == {}


@pytest.mark.parametrize("pool", ["gpu-worker", "gpu-long-worker", "cpu-worker", "cpu-short-worker"])
def test_what_scales_workers_reads_no_whole_table(busy: Database, pool: str) -> None:
    """KEDA asks it every few seconds, for each pool: of 5,000 jobs that wait it reads as many as change the answer."""
    with busy.transaction() as session:
        statement = jobs_queries()[pool]
        rows = session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
        plan = rows.scalar_one()[0]["Plan"]
    assert not scanned(plan)
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 1_000


@pytest.mark.parametrize(
    "statement",
    {
        "queue depths": str(waiting._QUEUES),
        "promote": str(rollup._PROMOTE).replace(":leaders", "%(leaders)s"),
        "hand back": "SELECT id FROM tasks WHERE status = 'running' AND lease_token = ANY(%(tasks)s)",
    }.items(),
    ids=lambda each: each[0],
)
def test_other_statements_use_indices(busy: Database, statement: tuple[str, str]) -> None:
    """As they are sent."""
    with busy.transaction() as session:
        assert explained(session, statement[1], VALUES) == set()


@pytest.mark.parametrize("label", ["label_7", "common", "never heard"])
@pytest.mark.parametrize("model", [None, "model_3"])
def test_tracks_are_found_by_a_label_by_indices(busy: Database, label: str, model: str | None) -> None:
    """A rare label, one that all tracks have, and one that none has; by any model or by one."""
    with busy.transaction() as session:
        with sent(session) as statements:
            list_tracks(session, "own_1", cursor=None, limit=20, label=label, model=model)
        (statement, values) = statements[-1]
        assert "track_labels" in statement
        assert explained(session, statement, values) == set()


def test_the_newest_map_is_found_by_an_index(busy: Database) -> None:
    """Not among all tasks that have ended."""
    with busy.transaction() as session:
        with sent(session) as statements:
            newest_map(session, "own_1", "m")
        ((statement, values),) = statements
        assert explained(session, statement, values) == set()


def test_what_is_forgotten_is_found_by_indices(busy: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start of the walk and in its middle; a call reads what its tasks need, however many have ended."""
    monkeypatch.setattr(ended, "LEAST_KEPT", timedelta(0))
    with busy.transaction() as session:
        session.execute(text("DELETE FROM walks WHERE name = :name"), {"name": walks.ENDED})
        with sent(session) as statements:
            forgotten = [ended.forget_ended(session, timedelta(0), most=200) for _ in range(2)]
        assert all(each is not None and each.jobs for each in forgotten)
        found = {statement: explained(session, statement, values) for statement, values in statements}
        assert sum("FROM tasks" in statement for statement in found) >= 3
        assert {statement: tables for statement, tables in found.items() if tables} == {}
        session.rollback()


def test_webhooks_use_indices(busy: Database) -> None:
    """What makes deliveries of events, claims, records and gives them back, and forgets: beside 50,000 ended ones."""
    with busy.transaction() as session:
        with sent(session) as statements:
            assert outbox.fan_out(session) == 200
            failed, delivered, *left = outbox.claim(session, 50, each=8, lease=timedelta(seconds=30))
            outbox.claim(session, 50, each=8, lease=timedelta(seconds=30), failing=True)
            disabled = attempts.record(
                session,
                [attempt(failed, DeliveryStatus.PENDING), attempt(delivered, DeliveryStatus.DELIVERED)],
                timedelta(days=5),
            )
            assert disabled == []
            outbox.release(session, left)
            assert forget_old_events(session, 500) == 500
        assert len(left) > 10
        found = {statement: explained(session, statement, values) for statement, values in statements}
        assert sum("deliveries" in statement for statement in found) >= 5
        assert {statement: tables for statement, tables in found.items() if tables} == {}
        session.rollback()


@pytest.mark.parametrize("of", [{"webhook_id": "whk_7"}, {"job_id": "job_40007"}], ids=str)
def test_deliveries_are_listed_by_indices(busy: Database, of: dict[str, str]) -> None:
    """Those of an endpoint and those of a job, with their attempts."""
    with busy.transaction() as session:
        with sent(session) as statements:
            listed, _ = list_deliveries(session, "own_7", cursor=None, limit=20, **of)  # type: ignore[arg-type]
        assert listed
        assert all(each.attempts for each in listed if each.status == DeliveryStatus.DELIVERED)
        found = {statement: explained(session, statement, values) for statement, values in statements}
        assert {statement: tables for statement, tables in found.items() if tables} == {}


def attempt(held: outbox.ClaimedDelivery, status: DeliveryStatus) -> attempts.Attempted:
    """One that was just made."""
    return attempts.Attempted(held.delivery_id, held.webhook_id, held.token, datetime.now(UTC), 0.1, status, wait_s=5.0)


def test_the_pace_of_a_quiet_queue_reads_little(busy: Database) -> None:
    """Not the ends of all other queues of the last hour."""
    pace = waiting._PACE.format(pool="'cpu'", lane="'none'")
    with busy.transaction() as session:
        rows = session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {pace}")
        plan = rows.scalar_one()[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20
