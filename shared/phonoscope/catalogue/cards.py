"""Model cards: what a model knows, how well, from what data, under which licence, and what it cannot do."""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field


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
