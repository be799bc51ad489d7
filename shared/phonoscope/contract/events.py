"""What a job's event stream tells, as Server-Sent Events."""

from __future__ import annotations

from typing import TypeAlias

from pydantic import BaseModel

from phonoscope.contract.jobs import Job, Task
from phonoscope.states import Status, TaskName


class TaskProgress(BaseModel):
    """How far a task is."""

    name: TaskName
    status: Status
    progress: float
    stage: str
    left_s: float | None = None


class JobProgress(BaseModel):
    """The data of a ``progress`` event."""

    tasks: list[TaskProgress]

    def applied_to(self, job: Job) -> Job:
        """The job with its tasks as far as this says."""
        told = {task.name: task.model_dump() for task in self.tasks}
        return job.model_copy(update={"tasks": [_updated(task, told.get(task.name, {})) for task in job.tasks]})


class StatusEvent(BaseModel):
    """A job's status, or that of one of its tasks, has changed; also how a stream begins."""

    id: str
    job: Job


class ProgressEvent(BaseModel):
    """A running task has come further."""

    id: str
    progress: JobProgress


class CompletedEvent(BaseModel):
    """The job has ended; nothing follows."""

    id: str
    job: Job


JobEvent: TypeAlias = StatusEvent | ProgressEvent | CompletedEvent


def _updated(task: Task, told: dict[str, object]) -> Task:
    return task.model_copy(update=told)
