"""Jobs: requests, and their state."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, model_validator

from phonoscope.contract.metadata import Metadata
from phonoscope.contract.options import JobOptions
from phonoscope.contract.webhooks import WebAddress
from phonoscope.requests import Id, RequestModel
from phonoscope.states import Pool, Status, TaskName
from phonoscope.tasks import AnyResult, TaskSpec
from phonoscope.tasks.spec import TaskResult

Result = TypeVar("Result", bound=TaskResult)

DEFAULT_TASKS = [TaskName.CLASSIFY, TaskName.EMBED]


class JobRequest(RequestModel):
    """What to do with a track, or with the whole library: the task `map` goes alone and without a track.

    All tasks of the gpu pool use the model of ``options.classify`` and the same pass.
    """

    track_id: Id | None = Field(None, description="needed by every task but `map`")
    tasks: Annotated[
        list[Annotated[TaskName, Field(strict=False)]],
        Field(min_length=1, max_length=len(TaskName), json_schema_extra={"uniqueItems": True}),
    ] = Field(default_factory=lambda: list(DEFAULT_TASKS))
    options: JobOptions = Field(default_factory=JobOptions)
    metadata: Metadata = Field(
        default_factory=dict, description="yours, returned as it came; at most 16 KiB and 64 levels deep"
    )
    webhook_url: WebAddress | None = Field(
        None,
        description="receives the job's end as your endpoints do, signed with your default secret",
    )


class Waiting(BaseModel):
    """Why a task has not started, at this moment."""

    reason: Literal["no_worker", "queued", "retrying", "after"] = Field(
        description="`after`: another task of the same job comes first"
    )
    ahead: int = Field(
        0, description="jobs that come before in the same queue, and those that run when no worker is free"
    )
    workers: int = Field(0, description="live workers that serve this queue")
    estimate_s: float | None = Field(None, description="seconds until it starts, by what work took lately")
    after: TaskName | None = Field(None, description="the task that comes first")


class Task(BaseModel):
    """One unit of work of a job."""

    name: TaskName
    pool: Pool
    status: Status
    attempt: int
    progress: float = Field(ge=0.0, le=1.0)
    stage: str
    left_s: float | None = Field(None, description="estimate of the seconds still needed, while it runs")
    waiting: Waiting | None = None
    cached: bool = Field(False, description="whether an earlier job had the result already, or was computing it")
    device: str | None = Field(None, description="where it ran: cuda, mps or cpu")
    timings: dict[str, float] = Field(default_factory=dict, description="seconds by stage")
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: AnyResult | None = Field(None, description="an object that the task made is an `ArtifactLink` in it")
    error: dict[str, Any] | None = Field(None, description="a problem (RFC 9457) with `code`, `detail`, `retryable`")

    @model_validator(mode="before")
    @classmethod
    def _name_the_result(cls, values: Any) -> Any:
        """A result that was stored says nothing of its task."""
        if isinstance(values, dict) and isinstance(values.get("result"), dict):
            return {**values, "result": {"task": str(values.get("name")), **values["result"]}}
        return values


class Job(BaseModel):
    """What a client asked for; poll it until its status is one of succeeded, failed, cancelled."""

    id: str
    track_id: str | None = Field(description="null for the map of the library")
    audio_track: int | None = Field(
        None, description="the index of the audio track that was named; null for the track's own `audio_track`"
    )
    status: Status
    created_at: datetime
    finished_at: datetime | None
    metadata: dict[str, Any]
    options: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="what its tasks were asked with, by name; with `classify`, whose model all gpu tasks use",
    )
    tasks: list[Task]

    @property
    def recording(self) -> str:
        """The id of the track that it is about. Raises ``ValueError`` for the map of the library."""
        if self.track_id is None:
            raise ValueError(f"job {self.id!r} is about no single track")
        return self.track_id

    def task(self, name: TaskName | str) -> Task:
        """Raises ``KeyError`` when the job has no such task."""
        for task in self.tasks:
            if task.name == name:
                return task
        raise KeyError(name)

    def result(self, spec: TaskSpec[Any, Result]) -> Result:
        """What a task found: ``job.result(Classify).top[0].label``, with ``Classify`` from ``phonoscope.tasks``.

        Raises:
            KeyError: the job has no such task.
            ValueError: it has not succeeded.
        """
        task = self.task(spec.name)
        if not isinstance(task.result, spec.result):
            raise ValueError(f"job {self.id!r}: {spec.name} has no result, it is {task.status}")  # noqa: TRY004
        return task.result
