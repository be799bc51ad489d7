"""Spaces, what they hold, and a track's vectors in one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class SpaceState(StrEnum):
    """Whether a space is that of the model that is served, and holds all tracks that it should."""

    CURRENT = "current"
    """Served, and nothing is missing."""
    FILLING = "filling"
    """Served, and tracks are missing: until none is, searches read the space before it."""
    OLD = "old"
    """Of a model that was replaced or is no longer served."""


class ReembeddingProgress(BaseModel):
    """A reembedding: the embedding of what is missing in a space, behind all other work."""

    asked_at: datetime
    finished_at: datetime | None = Field(description="null while it is under way")
    failed: int = Field(description="tracks that it could not embed; searches leave them out from then on")


class SpaceCard(BaseModel):
    """A space, and what of yours it holds."""

    id: int
    model: str = Field(description="the body, or the model that is its own")
    digest: str = Field(description="by which it is known, `sha256:…`; vectors of other spaces are never compared")
    kind: str
    state: SpaceState
    read: bool = Field(description="whether searches read it")
    tracks: int
    windows: int = Field(description="of all tracks and stems; silent ones have no vector")
    total: int = Field(description="tracks with a vector in some space of that model")
    missing: int = Field(description="of a served space: those of them without a vector or without windows in it")
    reembedding: ReembeddingProgress | None = Field(description="the last one that was asked for")
    created_at: datetime
    recall: float | None = Field(
        description="how many of the ten nearest the index finds, of all owners; null until it was measured"
    )
    recall_sample: int | None = Field(description="searches of which that is the mean")
    recall_at: datetime | None


class Spaces(BaseModel):
    """All spaces that hold something of yours."""

    items: list[SpaceCard]


class SpaceRef(BaseModel):
    """A space by its id and its names."""

    id: int
    model: str
    digest: str


class WindowVector(BaseModel):
    """A window's unit vector."""

    position: int = Field(description="the window's number in the recording; silent ones are left out")
    start_s: float
    end_s: float
    vector: list[float] = Field(description="512 numbers, of length 1 but for their rounding to half precision")


class TrackVectors(BaseModel):
    """The vectors of a track's windows in one space."""

    track_id: str
    stem: str | None
    space: SpaceRef
    windows: list[WindowVector]
