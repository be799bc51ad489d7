"""Estimates of the time that tasks take: for fair turns, lanes, waiting times and time limits."""

from __future__ import annotations

from collections.abc import Collection

from phonoscope.states import Lane, TaskName, TaskQueue
from phonoscope.tasks import TASKS

_LONG_FROM_S = 60.0
_SHORTEST_LIMIT_S = 120.0
_LIMIT_FACTOR = 10.0


def cost_s(task: TaskName, duration_s: float, further: Collection[TaskName] = ()) -> float:
    """The estimated seconds of a worker's time; never 0, so that no owner's turn is free.

    Args:
        further: tasks that run a further body.
    """
    spec = TASKS[task]
    return spec.cost.of(duration_s) + (spec.further_cost.of(duration_s) if task in further else 0.0)


def queues_of(
    tasks: Collection[TaskName], duration_s: float, further: Collection[TaskName] = ()
) -> dict[TaskName, TaskQueue]:
    """The queue of each of a job's tasks. A pool's tasks stay together, for one pass, unless a task runs alone.

    Args:
        further: tasks that run a further body.
    """
    found: dict[TaskName, TaskQueue] = {}
    for task in tasks:
        spec = TASKS[task]
        beside = [other for other in tasks if TASKS[other].pool is spec.pool and not TASKS[other].alone]
        total_s = sum(cost_s(other, duration_s, further) for other in beside)
        is_long = spec.alone or total_s > _LONG_FROM_S
        found[task] = TaskQueue(spec.pool, Lane.LONG if is_long else Lane.SHORT)
    return found


def time_limit_s(tasks: Collection[TaskName], duration_s: float) -> float:
    """The seconds after which an attempt at these tasks is stopped: far more than they take on a slow machine.

    That counts further bodies, which are there or not.
    """
    return _SHORTEST_LIMIT_S + _LIMIT_FACTOR * sum(cost_s(task, duration_s, tasks) for task in tasks)
