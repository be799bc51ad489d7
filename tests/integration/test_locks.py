"""What happens at once to tasks that others follow: nothing is refused by a deadlock, and every job ends once.

Two operations run while a third transaction holds a row that they need, each such row in turn. The first stops where it
needs that row, with all that it has locked by then; the second comes to its own stop; then the row is let go.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from queue import SimpleQueue
from time import sleep
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.library.erase import delete_track
from phonoscope.db.schema.tables import JobRow, TrackRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.service.workers import beat_worker
from phonoscope.db.tasks.cancel import cancel_job
from phonoscope.db.tasks.claim import renew_lease
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.db.tasks.requeue import MAX_ATTEMPTS, hand_back
from phonoscope.errors import JobEnded, NotFound, WorkerLost
from phonoscope.states import Lane, Pool, Status, TaskName
from phonoscope.work import CacheKey, Claim, Outcome
from phonoscope_worker.guardian import _take_back
from tests.integration.life import BOTH, claimed, empty, events_of, new_job, new_track

KNOWN = {TaskName.CLASSIFY: "a", TaskName.EMBED: "b"}
LEDGER = {name: CacheKey(print_, frozenset({"d"})) for name, print_ in KNOWN.items()}
OUTCOMES = {name: Outcome({"a": 1, "unknown": False, "top": [{"label": "dog"}]}, None, "m", "d") for name in BOTH}
BLOCKED = text("SELECT cardinality(pg_blocking_pids(:process)) > 0")


@dataclass(frozen=True)
class Family:
    """A job that runs, another that follows both of its tasks, and the track of both."""

    track: TrackRow
    leader: JobRow
    follower: JobRow
    claim: Claim

    @property
    def rows(self) -> list[tuple[str, str]]:
        """One of each kind that the operations lock, as table and id."""
        tasks = [("tasks", job.tasks[0].id) for job in (self.leader, self.follower)]
        return [*tasks, ("jobs", self.leader.id), ("tracks", self.track.id)]

    def end(self, session: Session) -> None:
        end_tasks(session, self.claim, OUTCOMES, {})

    def cancel(self, session: Session) -> None:
        cancel_job(session, self.track.owner_id, self.leader.id)

    def hand_back(self, session: Session) -> None:
        """After the last attempt: the tasks fail, and those that follow them."""
        hand_back(session, [self.claim.token], WorkerLost("gone"))

    def delete(self, session: Session) -> None:
        delete_track(session, Actor(self.track.owner_id), self.track.id)

    def cancel_follower(self, session: Session) -> None:
        cancel_job(session, self.track.owner_id, self.follower.id)

    def renew(self, session: Session) -> None:
        renew_lease(session, self.claim.token, 0.5, "listening")

    def beat(self, session: Session) -> None:
        """As a worker's heartbeat does."""
        beat_worker(session, "worker", Pool.GPU, list(Lane), "host", "cpu")
        self.renew(session)

    def take_back(self, session: Session) -> None:
        """As a worker's parent does once the worker was told to stop."""
        _take_back(session, "worker", WorkerLost("stopped"), counts=False)

    def ask(self, session: Session) -> None:
        """For the same once more."""
        create_job(session, self.track, BOTH, {}, {}, ledger=LEDGER)


Operation = Callable[[Family, Session], None]
ENDING: list[Operation] = [Family.end, Family.cancel, Family.hand_back, Family.delete]
OTHERS: list[Operation] = [Family.cancel_follower, Family.renew, Family.ask]


def made(database: Database, monkeypatch: pytest.MonkeyPatch, *, followers_first: bool) -> Family:
    """With the followers' ids before, or after, those of the tasks that they follow."""
    empty(database)
    track, jobs = new_track(database), []
    for number in (1, 0) if followers_first else (0, 1):
        monkeypatch.setattr("phonoscope.db.tasks.create.new_id", lambda kind, n=number: f"{kind}_{n}{uuid4().hex}")
        jobs.append(new_job(database, track, known_by=KNOWN))
    monkeypatch.undo()
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET attempt = :most"), {"most": MAX_ATTEMPTS - 1})
    leader, follower = jobs
    return Family(track, leader, follower, claimed(database))


def started(database: Database, pool: ThreadPoolExecutor, family: Family, operation: Operation) -> Future[None]:
    """An operation in a transaction of its own, once it waits for a lock or has ended."""
    processes: SimpleQueue[int] = SimpleQueue()

    def run() -> None:
        with suppress(JobEnded, NotFound, IntegrityError), database.transaction() as session:
            processes.put(session.scalar(text("SELECT pg_backend_pid()")) or 0)
            operation(family, session)

    running, process = pool.submit(run), processes.get(timeout=20)
    while not running.done():
        with database.autocommit() as session:
            if session.scalar(BLOCKED, {"process": process}):
                break
        sleep(0.002)
    return running


def run_both(database: Database, family: Family, row: tuple[str, str], first: Operation, second: Operation) -> None:
    """The second starts while the first waits for the row."""
    table, id_ = row
    with ThreadPoolExecutor(2) as pool:
        with database.transaction() as session:
            session.execute(text(f"SELECT id FROM {table} WHERE id = :id FOR UPDATE"), {"id": id_})
            running = [started(database, pool, family, operation) for operation in (first, second)]
        for each in running:
            each.result(timeout=60)


def check(database: Database, family: Family) -> None:
    """What has ended has been told once, and what has not can go on."""
    for job in (family.leader, family.follower):
        with database.transaction() as session:
            row = session.get(JobRow, job.id)
            open_ = row is not None and not row.status.ended
            stuck = text(
                "SELECT count(*) FROM tasks AS own LEFT JOIN tasks AS leader ON leader.id = own.follows "
                "WHERE own.job_id = :id AND own.follows IS NOT NULL AND coalesce(leader.finished_at IS NOT NULL, true)"
            )
            assert session.scalar(stuck, {"id": job.id}) == 0
        assert len(events_of(database, job)) == (0 if open_ else 1)
        if row is not None:
            assert row.status is not Status.RUNNING


@pytest.mark.long
@pytest.mark.parametrize(
    ("first", "second", "followers_first"),
    [*product(ENDING, ENDING, [False, True]), *product(ENDING, OTHERS, [True])],
    ids=lambda operation: getattr(operation, "__name__", None),
)
def test_no_two_are_in_each_others_way(
    database: Database, monkeypatch: pytest.MonkeyPatch, first: Operation, second: Operation, followers_first: bool
) -> None:
    """Each waits for the other, or goes on, whichever row holds the first one up."""
    for number in range(4):
        family = made(database, monkeypatch, followers_first=followers_first)
        run_both(database, family, family.rows[number], first, second)
        check(database, family)


@pytest.mark.parametrize("beat_first", [False, True])
def test_a_heartbeat_and_its_worker_s_parent_are_not_in_each_others_way(
    database: Database, monkeypatch: pytest.MonkeyPatch, beat_first: bool
) -> None:
    """A worker that is told to stop still beats when its tasks are taken from it."""
    family = made(database, monkeypatch, followers_first=False)
    with database.transaction() as session:
        family.beat(session)
    operations = [Family.take_back, Family.beat]
    first, second = operations[::-1] if beat_first else operations
    run_both(database, family, family.rows[0], first, second)
    with database.transaction() as session:
        session.execute(text("DELETE FROM workers"))
