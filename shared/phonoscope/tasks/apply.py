"""``apply``: the owner's library labelled by a classifier of the owner's own; about no single track."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from phonoscope.errors import InvalidRequest, UnknownModel
from phonoscope.requests import Name
from phonoscope.states import Pool, TaskName
from phonoscope.tasks.spec import Cost, ModelRef, RequestContext, Subject, TaskOptions, TaskResult, TaskSpec


class ApplyOptions(TaskOptions):
    classifier: Name | None = Field(None, description="the name of your classifier; it must have been taught")


class ApplyResult(TaskResult):
    """How a classifier labelled the library, from the vectors that are kept of it."""

    task: Literal["apply"] = "apply"
    model: ModelRef = Field(description="the classifier, with the digest of the version that was applied")
    version: int
    tracks: int = Field(description="all that you have")
    changed: int = Field(description="whose labels by this classifier are others than before")
    unknown: int = Field(description="in which no label is likely enough; silent ones too")
    without_vectors: int = Field(description="which have no windows in the classifier's space: they keep their labels")


def _check(options: ApplyOptions, asked: RequestContext) -> None:
    if TaskName.APPLY not in asked.tasks:
        return
    if options.classifier is None:
        raise InvalidRequest.field("classifier", "missing")
    if options.classifier not in asked.catalogue.own:
        known = ", ".join(asked.catalogue.own) or "none"
        raise UnknownModel(
            f"no classifier of yours {options.classifier!r} that was taught; there are: {known}",
            errors=[{"field": "classifier", "message": known}],
        )


Apply = TaskSpec(
    TaskName.APPLY,
    pool=Pool.CPU,
    cost=Cost(60.0, 0.0),
    options=ApplyOptions,
    result=ApplyResult,
    alone=True,
    subject=Subject.LIBRARY,
    check=_check,
    asked_by="POST /v1/classifiers/{name}/apply",
)
