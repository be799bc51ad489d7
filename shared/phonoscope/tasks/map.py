"""``map``: the owner's library on a plane, where similar tracks are near each other; about no single track."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from phonoscope.requests import Name
from phonoscope.states import Pool, TaskName
from phonoscope.tasks.spec import Cost, RequestContext, Subject, TaskOptions, TaskResult, TaskSpec, Writes

MOST_ON_MAP = 10_000
MapMethod: TypeAlias = Literal["umap", "pca"]


class MapOptions(TaskOptions):
    model: Name | None = Field(None, description="whose embeddings to draw from; the general ones when left out")


class MapResult(TaskResult):
    """How the map was drawn; ``GET /v1/map`` has its points."""

    task: Literal["map"] = "map"
    method: MapMethod
    tracks: int
    trustworthiness: float | None
    model: str


def _complete(options: MapOptions, asked: RequestContext) -> MapOptions:
    """By the name of the space, under which its points are kept."""
    return options.model_copy(update={"model": asked.catalogue.spaces(options.model or asked.default_model)[0].model})


def _check(options: MapOptions, asked: RequestContext) -> None:
    if options.model is not None:
        asked.catalogue.spaces(options.model)


Map = TaskSpec(
    TaskName.MAP,
    pool=Pool.CPU,
    cost=Cost(30.0, 0.0),
    options=MapOptions,
    result=MapResult,
    subject=Subject.LIBRARY,
    writes=frozenset({Writes.MAP}),
    complete=_complete,
    check=_check,
)
