"""An owner's library as a map."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from phonoscope.tasks.map import MOST_ON_MAP, MapMethod


class MapPoint(BaseModel):
    """A recording's position on the map."""

    track_id: str
    filename: str
    name: str | None = Field(None, description="that you gave it, to be shown in place of title and file name")
    title: str | None = Field(None, description="by the file's tags, to be shown in place of the file name")
    label: str | None = Field(description="what `model` recognised; without it, or for a body, the track's label")
    label_confirmed: bool = Field(False, description="whether you confirmed `label` of the whole recording")
    labels: list[str] = Field(
        description="all that `model` recognised; without it, or for a body, what you confirmed or any model recognised"
    )
    classified_by: list[str] = Field(
        default_factory=list, description="the models that have classified it, as a track says them"
    )
    classification_failed: bool = Field(
        False, description="whether no model has classified it, and the newest classification that was tried failed"
    )
    duration_s: float
    x: float = Field(ge=-1.0, le=1.0)
    y: float = Field(ge=-1.0, le=1.0)


class LabelledTracks(BaseModel):
    """How many of your recordings have a label."""

    label: str
    tracks: int


class Library(BaseModel):
    """Your library in numbers."""

    tracks: int = Field(description="all recordings")
    labels: list[LabelledTracks] = Field(description="the 100 commonest, those with most recordings first")


class Examples(BaseModel):
    """Recordings to try the service with."""

    names: list[str] = Field(description="each is at `GET /v1/examples/{name}`")


class LibraryMap(BaseModel):
    """The library on a plane: what is near sounds alike. The axes themselves mean nothing.

    A job without a track, with the task `map` alone, draws it.
    """

    model: str = Field(description="whose embeddings it is drawn from")
    drawn_at: datetime | None = Field(None, description="null before the first time")
    method: MapMethod | None = None
    trustworthiness: float | None = Field(
        None,
        description="how far neighbours on the map are neighbours by their embeddings: 1 fully, about 0.5 by chance "
        "(Venna and Kaski, 2001); null for few recordings",
    )
    missing: int = Field(
        0,
        description="embedded recordings that are not on it, were embedded again since, or by an earlier model of "
        "that name",
    )
    silent: int = Field(
        0, description="embedded recordings that are silent: they sound like nothing, and have no place on it"
    )
    job_id: str | None = Field(None, description="the job that is drawing it")
    points: list[MapPoint] = Field(default_factory=list, description=f"at most {MOST_ON_MAP:,}, the newest")


class FoundOnMap(BaseModel):
    """The recordings on a map that a search by name finds."""

    track_ids: list[str] = Field(description="the newest first")
