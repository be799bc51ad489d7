"""``teach``: a classifier of the owner's own, from labels and examples, on stored vectors; about no single track."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from phonoscope.requests import Name
from phonoscope.states import Pool, TaskName
from phonoscope.tasks.spec import Cost, Subject, TaskOptions, TaskResult, TaskSpec, Writes


class TeachOptions(TaskOptions):
    classifier: Name | None = Field(None, description="the name of the classifier that is taught")


class TeachResult(TaskResult):
    """What was taught; ``GET /v1/classifiers/{name}`` has its figures."""

    task: Literal["teach"] = "teach"
    classifier: str
    version: int
    digest: str = Field(description="of its weights, `sha256:…`")
    labels: list[str]
    method: str
    accuracy: float | None = Field(description="of recordings that it was not taught on; null where there are too few")
    accuracy_low: float | None
    accuracy_high: float | None
    examples: int = Field(description="windows")
    recordings: int
    left_out: int = Field(description="recordings without vectors")


Teach = TaskSpec(
    TaskName.TEACH,
    pool=Pool.CPU,
    cost=Cost(20.0, 0.0),
    options=TeachOptions,
    result=TeachResult,
    subject=Subject.LIBRARY,
    writes=frozenset({Writes.CLASSIFIER}),
    revision=2,
    asked_by="POST /v1/classifiers/{name}/teach",
)
