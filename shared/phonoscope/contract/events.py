"""The events of a job's stream, as Server-Sent Events."""

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
        """The job with its tasks' progress updated."""
        known = {task.name: task.model_dump() for task in self.tasks}
        return job.model_copy(update={"tasks": [_updated(task, known.get(task.name, {})) for task in job.tasks]})


class StatusEvent(BaseModel):
    """The status of a job or of one of its tasks has changed; a stream begins with this event."""

    id: str
    job: Job


class ProgressEvent(BaseModel):
    """A running task has made progress."""

    id: str
    progress: JobProgress


class CompletedEvent(BaseModel):
    """The job has ended; the stream closes."""

    id: str
    job: Job


JobEvent: TypeAlias = StatusEvent | ProgressEvent | CompletedEvent


def _updated(task: Task, progress: dict[str, object]) -> Task:
    return task.model_copy(update=progress)
