"""``phonoscope top`` where more runs than one page of jobs shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from phonoscope.client import Client
from phonoscope.db.access.engine import Database
from phonoscope_cli.top import look
from tests.support import RunningStack, phonoscope

RUNNING = 150
_JOBS = text(
    """
    INSERT INTO jobs (id, owner_id, status, options, metadata, created_at)
    SELECT 'job_' || :name || n, (SELECT id FROM owners WHERE name = :name), 'running', '{}', '{}',
           now() - make_interval(secs => n)
    FROM generate_series(1, :number) AS n
    """
)
# The last one to be asked for is the one that has run longest.
_TASKS = text(
    """
    INSERT INTO tasks (id, job_id, position, owner_id, name, pool, lane, status, cost_s, turn, attempt, progress, stage,
                       timings, started_at)
    SELECT 'tsk_' || :name || n, 'job_' || :name || n, 0, (SELECT id FROM owners WHERE name = :name), 'classify', 'gpu',
           'long', 'running', 1, 0, 1, 0.5, 'computing', '{}', now() - make_interval(secs => :ran_s + n)
    FROM generate_series(1, :number) AS n
    """
)


@pytest.fixture(scope="module")
def database(stack: RunningStack) -> Iterator[Database]:
    """The stack's own."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    yield database
    database.close()


@pytest.fixture
def busy(stack: RunningStack, database: Database) -> Iterator[tuple[Client, str]]:
    """The client and the name of an owner for whom 150 jobs run, for hours, and of which the first ran longest."""
    name = f"busy_{uuid4().hex}"
    values = {"name": name, "number": RUNNING, "ran_s": timedelta(hours=5).total_seconds()}
    with stack.client(name) as client:
        with database.transaction() as session:
            for statement in (_JOBS, _TASKS):
                session.execute(statement, values)
        yield client, name
        with database.transaction() as session:
            session.execute(text("DELETE FROM owners WHERE name = :name"), {"name": name})


def test_what_runs_longest_is_on_the_last_page(busy: tuple[Client, str]) -> None:
    """A key sees all running tasks of its owner, the longest first."""
    client, name = busy
    seen = look(client).running
    assert [each.job_id for _, each in seen] == [f"job_{name}{n}" for n in range(RUNNING, 0, -1)]
    assert {each.owner for _, each in seen} == {None}


@pytest.mark.long
def test_the_operator_sees_those_of_all_owners(
    stack: RunningStack, database: Database, busy: tuple[Client, str]
) -> None:
    """Whose key it is does not matter then; the oldest come first, and no more is said of a recording than its job."""
    _, name = busy
    with stack.client("operator") as client:
        assert not look(client).running
        assert [each.job_id for _, each in look(client, database).running][:2] == [f"job_{name}150", f"job_{name}149"]
    elsewhere = {"PHONOSCOPE_URL": "http://127.0.0.1:9", "PHONOSCOPE_API_KEY": "psk_another_service"}
    shown = phonoscope("top", "--once", "--json", "--data-dir", stack.folder, settings=elsewhere)
    assert shown.returncode == 0, shown.stderr
    task = json.loads(shown.stdout)["tasks"][0]
    assert (task["owner"], task["job_id"], task["stage"]) == (name, f"job_{name}150", "computing")
    assert task["left_s"] == pytest.approx(task["running_s"], rel=0.1)
    assert not {"filename", "track_id", "result"} & task.keys()
    table = phonoscope("top", "--data-dir", stack.folder)
    assert name[:8] in table.stdout
