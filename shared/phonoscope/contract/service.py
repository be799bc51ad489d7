"""What the service says of itself."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class ModelCard(BaseModel):
    """A served model: what it knows, how well, from what data, and what it cannot do."""

    model_config = ConfigDict(extra="allow")

    name: str
    kind: str
    architecture: str
    digest: str
    embedding_dim: int
    labels: list[str]
    unknown_below: float
    metrics: dict[str, Any]
    data: str
    licence: str
    limits: list[str]


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
