"""What the courier reads for the metrics: the queues by class of owners, late webhooks, and services that are away."""

from __future__ import annotations

import math
from threading import Event

import pytest

from phonoscope.db.access.engine import Database
from phonoscope.db.service.observed import observe
from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool, TaskName, TaskQueue
from phonoscope.waker import Waker
from phonoscope_courier.observing import Observer
from tests.integration.life import claimed, classified, empty, end, new_job, new_track
from tests.integration.outbox import Outbox
from tests.support import Recorded


def test_the_queues_are_seen_by_class_of_owners(database: Database) -> None:
    """Clips, background work, owners with more than 100 tasks and all others; none by name.

    As for claims and autoscaling, a task counts that a worker could start now: not one that waits for another, or
    for the time of its next attempt.
    """
    empty(database)
    with database.transaction() as session:
        session.connection().exec_driver_sql(
            """
            INSERT INTO owners (id, name) VALUES ('a', 'a'), ('b', 'b'), ('d', 'd');
            INSERT INTO owners (id, name, clips_of) VALUES ('c', 'c', 'a');
            INSERT INTO jobs (id, owner_id, status, options, metadata)
            SELECT 'job_' || owner || n, owner, 'queued', '{}', '{}'
            FROM unnest(ARRAY['a', 'b', 'c', 'd']) AS owner, generate_series(1, 102) AS n;
            INSERT INTO tasks (id, job_id, position, owner_id, name, pool, lane, status, cost_s, turn, attempt,
                               progress, stage, timings, queued_at)
            SELECT 'tsk_' || id, id, 0, owner_id, 'classify', 'gpu', 'short', 'queued', 1, 0, 0, 0, '', '{}',
                   now() - interval '90 s'
            FROM jobs WHERE owner_id IN ('a', 'd') OR id IN ('job_b1', 'job_b2', 'job_c1');
            UPDATE tasks SET turn = 'infinity' WHERE job_id = 'job_b2';
            UPDATE tasks SET waits_for = 'embed' WHERE job_id = 'job_a1';
            UPDATE tasks SET available_at = now() + interval '1 hour' WHERE job_id IN ('job_a2', 'job_d1')
            """
        )
        queue = TaskQueue(Pool.GPU, Lane.SHORT)
        found = observe(session)
    waiting = {
        owners: (each.tasks, round(each.oldest_s, -1)) for (its, owners), each in found.waiting.items() if its == queue
    }
    assert waiting == {"other": (101, 90), "busy": (101, 90), "background": (1, 90), "clips": (1, 90)}
    empty(database)


def test_running_tasks_are_seen(database: Database) -> None:
    """By queue, from their claim to their end."""
    empty(database)
    new_job(database, new_track(database), [TaskName.CLASSIFY])
    queue = TaskQueue(Pool.GPU, Lane.SHORT)
    held = claimed(database, queue)
    with database.transaction() as session:
        assert observe(session).running == {queue: 1}
    end(database, held, classify=classified("dog"))
    with database.transaction() as session:
        assert not observe(session).running.get(queue)
    empty(database)


def test_late_webhooks_are_seen(database: Database) -> None:
    """Events without deliveries, and deliveries that are due to an endpoint, as long as it is enabled."""
    empty(database)
    box = Outbox(database)
    box.endpoint("http://127.0.0.1:9/")
    event = box.happen()
    with database.transaction() as session:
        assert observe(session).outbox.number == 1
        session.connection().exec_driver_sql("UPDATE events SET sent_out_at = now()")
    box.ask(
        "INSERT INTO deliveries (id, owner_id, webhook_id, event_id, position, due_at) "
        "SELECT 'dlv_1', owner_id, id, :event, 1, now() - interval '100 s' FROM webhooks WHERE owner_id = :owner_id",
        event=event,
    )
    with database.transaction() as session:
        found = observe(session)
        assert (found.outbox.number, found.due.number, round(found.due.oldest_s, -2)) == (0, 1, 100)
        session.connection().exec_driver_sql("UPDATE webhooks SET enabled = false")
        assert observe(session).due == (0, 0.0)
    empty(database)


def test_a_database_that_is_away_makes_unknown_what_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scrape goes on; what was read before is not shown as if it held."""
    shown: dict[tuple[str, ...], float] = {}

    class Noting:
        on = True

        def gauge(self, name: str, value: float, *labels: str) -> None:
            shown[(name, *labels)] = value

    monkeypatch.setattr("phonoscope_courier.observing.recorder", Noting)
    away = Database("postgresql+psycopg2://nobody:nothing@127.0.0.1:9/none", pool_size=1)
    observer = Observer(away, {})
    stopped = Event()
    stopped.set()
    observer._run("database", observer.look, stopped)
    assert shown[("database_up",)] == 0
    assert math.isnan(shown[("queued", "gpu", "short", "other")])
    assert math.isnan(shown[("due_age",)])
    assert ("observed_at",) not in shown


@pytest.mark.parametrize(("answers", "up"), [(True, 1.0), (False, 0.0)])
def test_a_broker_that_is_away_is_seen(
    server_settings: Settings, database: Database, recorded: Recorded, answers: bool, up: float
) -> None:
    """By its own gauge, beside the seconds that its answer took."""
    url = server_settings.broker_url.get_secret_value() if answers else "redis://127.0.0.1:1"
    ping, stopped = Waker(url).ping, Event()
    stopped.set()
    Observer(database, {"broker": ping})._run("broker", ping, stopped)
    assert recorded("broker_up") == up
    assert math.isnan(recorded("ping_seconds", service="broker")) is not answers
