"""What the service says of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from phonoscope.states import Lane, Pool


class _Card(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str
    kind: str
    architecture: str
    digest: str
    metrics: dict[str, Any]
    data: str
    licence: str
    limits: list[str]


class ModelCard(_Card):
    """A model that names what it hears: what it knows, how well, from what data, and what it cannot do."""

    embedding_dim: int
    labels: list[str]
    unknown_below: float


class StemModelCard(_Card):
    """A model that takes recordings apart: into what, how well, from what data, and what it cannot do."""

    sources: list[str] = Field(description="the stems it gives")
    sample_rate_hz: int
    segment_s: str = Field(description="what it hears at once, in seconds, as a fraction such as `39/5`")


AnyModelCard: TypeAlias = ModelCard | StemModelCard


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
