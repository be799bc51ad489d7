"""Why a task has no result."""

from __future__ import annotations

from phonoscope.errors.base import PhonoscopeError


class TaskFailed(PhonoscopeError):
    """The task failed."""

    retryable = True


class WorkerLost(TaskFailed):
    """The worker died during the task."""


class TimedOut(TaskFailed):
    """The task exceeded its time limit."""


class OutOfMemory(TaskFailed):
    """The task needed more memory than the worker has."""


class DiskFull(TaskFailed):
    """The task needed more disk space than the worker has."""


class InvalidResult(TaskFailed):
    """The task's result is not valid."""


class OutdatedResult(TaskFailed):
    """The result was stored by another version of the service and cannot be read."""

    status = 410
    retryable = False


class UnsupportedTask(TaskFailed):
    """The worker's release does not support the task."""


class UnstorableResult(TaskFailed):
    """The task's result cannot be stored."""

    retryable = False


class OutdatedTeaching(TaskFailed):
    """What was taught from was erased or changed meanwhile."""
