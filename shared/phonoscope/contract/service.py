"""Health, errors, queues and workers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from phonoscope.states import Lane, Pool


class Readiness(BaseModel):
    """Whether the services that the gateway needs answer."""

    status: Literal["ready", "unavailable"]
    checks: dict[str, str] = Field(description="`ok`, or what is wrong")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    retryable: bool


class QueueDepth(BaseModel):
    """The length of a queue, and its pace."""

    pool: Pool
    lane: Lane
    queued: int = Field(description="tasks that a worker could start")
    running: int
    oldest_s: float = Field(description="how long the oldest of them has waited")
    ended_last_hour: int = Field(description="tasks computed in the last hour, of all owners")
    pace: float = Field(description="seconds that recent work took for each expected second")
    workers: int = Field(description="live workers that serve it")


class Worker(BaseModel):
    """A worker process whose heartbeat is recent."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    pool: Pool
    lanes: list[Lane]
    host: str
    device: str
    started_at: datetime
    heartbeat_at: datetime


class Queues(BaseModel):
    """All queues and all live workers."""

    queues: list[QueueDepth]
    workers: list[Worker]
