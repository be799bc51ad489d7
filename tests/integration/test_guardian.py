"""A worker's guardian beside a real broker."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.settings import Settings
from phonoscope.states import Pool, Status
from phonoscope_worker import guardian as module
from phonoscope_worker.guardian import Guardian
from phonoscope_worker.heartbeat import worker_id
from phonoscope_worker.set_up import ChildSetUp
from tests.integration.life import claimed, empty, new_job, new_track, read
from tests.support import Recorded
from tests.unit.worker.test_guardian import CeleryWorker, status_of_check


@pytest.mark.parametrize(("after_s", "status"), [(0.0, 1), (60.0, 0)])
def test_a_worker_whose_child_does_not_come_ends(
    server_settings: Settings, monkeypatch: pytest.MonkeyPatch, after_s: float, status: int
) -> None:
    """With the status of a failure, so that another one is started; not before its time is over."""
    monkeypatch.setattr(module, "CHILDLESS_AFTER_S", after_s)
    guardian = Guardian(Pool.CPU, server_settings, ChildSetUp(), lambda: None)
    guardian.children.attach(CeleryWorker())
    assert status_of_check(guardian) == status


def test_the_tasks_of_a_dead_child_are_handed_back(
    database: Database, server_settings: Settings, recorded: Recorded
) -> None:
    """At once and with an attempt counted; the loss is counted as found by the guardian. Another's task stays."""
    empty(database)
    lost, kept = (new_job(database, new_track(database)) for _ in range(2))
    dead, other = (worker_id(Pool.GPU, socket.gethostname(), pid) for pid in (2**22 + 1, 2**22 + 2))
    assert {claimed(database, worker_id=name).job_id for name in (dead, other)} == {lost.id, kept.id}
    with database.transaction() as session:
        held = session.scalar(text("SELECT job_id FROM tasks WHERE worker_id = :dead LIMIT 1"), {"dead": dead})
    Guardian(Pool.GPU, server_settings, ChildSetUp(), lambda: None)._handle_dead_child(2**22 + 1)
    states = {read(database, job).id: read(database, job).status for job in (lost, kept)}
    assert states.pop(held) is Status.QUEUED
    assert list(states.values()) == [Status.RUNNING]
    assert recorded("lease_losses_total", found_by="guardian") == 1
    empty(database)
