"""What the service says of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from phonoscope.states import Lane, Pool


class Readiness(BaseModel):
    """Whether the services behind the gateway answer."""

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
    """How full a queue is, and how fast it moves."""

    pool: Pool
    lane: Lane
    queued: int = Field(description="tasks that a worker could start")
    running: int
    oldest_s: float = Field(description="for how long the one waits that came first")
    ended_last_hour: int = Field(description="tasks computed in the last hour, by whomever asked for")
    pace: float = Field(description="seconds that work took lately for each second that was expected")
    workers: int = Field(description="live workers that serve it")


class Worker(BaseModel):
    """A worker process that has said lately that it lives."""

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
