"""What tasks are expected to cost decides their lane and their limit."""

from __future__ import annotations

import pytest

from phonoscope.costs import cost_s, queues_of, time_limit_s
from phonoscope.states import Lane, Pool, TaskName, TaskQueue

HOUR_S = 3600.0


@pytest.mark.parametrize("task", TaskName)
def test_nothing_is_free_and_longer_costs_no_less(task: TaskName) -> None:
    """A turn that cost nothing would let its owner go on for ever."""
    assert 0.0 < cost_s(task, 0.0) <= cost_s(task, 10.0) <= cost_s(task, HOUR_S)


def test_a_separation_goes_alone() -> None:
    """It is long however short the recording is; what its pool does besides is not held up by it."""
    found = queues_of([TaskName.SEPARATE, TaskName.DESCRIBE, TaskName.CLASSIFY], 5.0)
    assert found == {
        TaskName.SEPARATE: TaskQueue(Pool.CPU, Lane.LONG),
        TaskName.DESCRIBE: TaskQueue(Pool.CPU, Lane.SHORT),
        TaskName.CLASSIFY: TaskQueue(Pool.GPU, Lane.SHORT),
    }


def test_a_pool_s_tasks_stay_together() -> None:
    """One pass serves them all, so they queue in one queue."""
    tasks = [TaskName.CLASSIFY, TaskName.EMBED, TaskName.EXPLAIN, TaskName.FEATURES]
    for duration_s in (0.1, 60.0, 900.0, 6 * HOUR_S):
        assert len(set(queues_of(tasks, duration_s).values())) == 1
    assert queues_of(tasks, 6 * HOUR_S)[TaskName.CLASSIFY].lane is Lane.LONG


def test_a_further_body_is_counted_where_it_runs() -> None:
    """A recording that it makes long goes to the long lane, and has the time for it whether or not it was counted."""
    minutes = 20 * 60.0
    tasks = [TaskName.CLASSIFY, TaskName.EMBED]
    assert cost_s(TaskName.EMBED, minutes, {TaskName.EMBED}) > 60.0 > cost_s(TaskName.EMBED, minutes)
    assert {queue.lane for queue in queues_of(tasks, minutes).values()} == {Lane.SHORT}
    assert {queue.lane for queue in queues_of(tasks, minutes, {TaskName.EMBED}).values()} == {Lane.LONG}
    assert time_limit_s([TaskName.EMBED], 6 * HOUR_S) > 10 * cost_s(TaskName.EMBED, 6 * HOUR_S, {TaskName.EMBED})


def test_the_limit_grows_with_the_work() -> None:
    """Minutes for a clip, and for hours of music many times what a slow machine takes."""
    assert 60.0 < time_limit_s([TaskName.CLASSIFY], 5.0) < 600.0
    assert time_limit_s([TaskName.SEPARATE], 3 * HOUR_S) > 5 * 3 * HOUR_S
