"""States, and a job's from those of its tasks."""

from __future__ import annotations

import inspect
from itertools import product

import pytest

from phonoscope import states
from phonoscope.states import Pool, Status, TaskName, job_status

Q, R, S, F, C = Status


@pytest.mark.parametrize(
    ("tasks", "job"),
    [
        ([Q], Q),
        ([R], R),
        ([S], S),
        ([F], F),
        ([C], C),
        ([Q, Q], Q),
        ([Q, R], R),
        ([Q, S], R),
        ([Q, F], R),
        ([Q, C], R),
        ([R, S], R),
        ([R, F], R),
        ([R, C], R),
        ([S, S], S),
        ([S, F], F),
        ([S, C], C),
        ([F, F], F),
        ([F, C], C),
        ([S, F, C], C),
        ([S, F, Q], R),
    ],
)
def test_a_job_stands_where_its_tasks_do(tasks: list[Status], job: Status) -> None:
    """It has ended when all have, and has succeeded when all have; the order of tasks does not matter."""
    assert job_status(tasks) is job
    assert job_status(tasks[::-1]) is job


@pytest.mark.parametrize("tasks", list(product(Status, repeat=3)))
def test_a_job_ends_when_its_last_task_does(tasks: tuple[Status, ...]) -> None:
    """Neither sooner nor later; and it waits only while none has been touched."""
    status = job_status(list(tasks))
    assert status.ended == all(task.ended for task in tasks)
    assert (status is Q) == (set(tasks) == {Q})
    assert (status is S) == (set(tasks) == {S})


def test_states_that_have_ended() -> None:
    """Three states are final."""
    assert [status for status in Status if status.ended] == [S, F, C]


def test_tasks_know_their_pool() -> None:
    """Networks run in the GPU pool, the rest in the other."""
    assert {name: name.pool for name in TaskName} == {
        TaskName.CLASSIFY: Pool.GPU,
        TaskName.EMBED: Pool.GPU,
        TaskName.EXPLAIN: Pool.GPU,
        TaskName.FEATURES: Pool.GPU,
        TaskName.DESCRIBE: Pool.CPU,
        TaskName.SEPARATE: Pool.CPU,
        TaskName.MIXDOWN: Pool.CPU,
    }


@pytest.mark.parametrize("kind", [Status, Pool, TaskName])
def test_every_member_has_a_word(kind: type[Status | Pool | TaskName]) -> None:
    """Each member is followed by a sentence on what it means, and travels under its own name in lower case."""
    source = inspect.getsource(getattr(states, kind.__name__))
    for member in kind:
        assert member.value == member.name.lower()
        assert f'    {member.name} = "{member.value}"\n    """' in source
