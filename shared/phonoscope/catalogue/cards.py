"""Model cards: what a model recognises, its figures, its data, its licence and its limits."""

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
    """A model that classifies and embeds: its labels, figures, data and limits."""

    embedding_dim: int
    labels: list[str]
    unknown_below: float


class StemModelCard(_Card):
    """A model that separates recordings: its stems, figures, data and limits."""

    sources: list[str] = Field(description="the stems it gives")
    sample_rate_hz: int
    segment_s: str = Field(description="the length of a segment in seconds, as a fraction such as `39/5`")


AnyModelCard: TypeAlias = ModelCard | StemModelCard
