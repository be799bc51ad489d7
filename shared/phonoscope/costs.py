"""What tasks will take, before anybody has run them: for fair turns, lanes, estimates and time limits."""

from __future__ import annotations

from collections.abc import Collection

from phonoscope.states import Lane, Place, TaskName

_SECONDS = {
    TaskName.CLASSIFY: (0.2, 0.02),
    TaskName.EMBED: (0.0, 0.0),
    TaskName.EXPLAIN: (1.0, 0.03),
    TaskName.FEATURES: (1.0, 0.01),
    TaskName.DESCRIBE: (0.2, 0.03),
    TaskName.SEPARATE: (5.0, 1.0),
    TaskName.MIXDOWN: (0.5, 0.03),
    TaskName.MAP: (30.0, 0.0),
}
"""Of each task on a machine without a GPU: what every run takes, and what each second of the recording adds."""

_LONG_FROM_S = 60.0
_LIMIT_LEAST_S = 120.0
_LIMIT_TIMES = 10.0


def cost_s(task: TaskName, duration_s: float) -> float:
    """An estimate in seconds of a worker's time; never zero, so that no owner's turn costs nothing."""
    fixed, each = _SECONDS[task]
    return max(0.01, fixed + each * duration_s)


def places(tasks: Collection[TaskName], duration_s: float) -> dict[TaskName, Place]:
    """Where each of a job's tasks queues. A pool's tasks stay together, for one pass; a separation goes alone."""
    found: dict[TaskName, Place] = {}
    for task in tasks:
        beside = [other for other in tasks if other.pool is task.pool and other is not TaskName.SEPARATE]
        total_s = sum(cost_s(other, duration_s) for other in beside)
        is_long = task is TaskName.SEPARATE or total_s > _LONG_FROM_S
        found[task] = Place(task.pool, Lane.LONG if is_long else Lane.SHORT)
    return found


def time_limit_s(tasks: Collection[TaskName], duration_s: float) -> float:
    """After which an attempt at these tasks is given up: many times what they take on a slow machine."""
    return _LIMIT_LEAST_S + _LIMIT_TIMES * sum(cost_s(task, duration_s) for task in tasks)
