"""``classify``: labels, for the whole recording and window by window."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from phonoscope.states import Pool, TaskName
from phonoscope.tasks.spec import (
    Cost,
    ModelKind,
    ModelRef,
    Part,
    RequestContext,
    TaskOptions,
    TaskResult,
    TaskSpec,
    Writes,
)

MAX_TOP_K = 100


class ClassifyOptions(TaskOptions):
    model: str | None = Field(None, description="a served model's name; the service's default when left out")
    top_k: int = Field(3, ge=1, le=MAX_TOP_K, description="how many labels to name")


class Prediction(Part):
    """A label and how probable it is."""

    label: str
    probability: float = Field(description="from 0 to 1")


class ClassifiedWindow(Part):
    """The labels of a window of the recording."""

    start_s: float
    end_s: float
    top: list[Prediction]
    unknown: bool = Field(description="whether no label is likely enough")
    silent: bool


class ClassifyResult(TaskResult):
    """The labels of a recording."""

    task: Literal["classify"] = "classify"
    model: ModelRef
    top: list[Prediction] = Field(min_length=1, description="over the whole recording, the most probable first")
    unknown: bool = Field(description="whether no label is likely enough")
    windows: list[ClassifiedWindow]
    duration_s: float
    warnings: list[str] = Field(default_factory=list)

    @property
    def label(self) -> str | None:
        """The most probable label; ``None`` when no label is likely enough."""
        return None if self.unknown else self.top[0].label


def _check(options: ClassifyOptions, asked: RequestContext) -> None:
    if options.model is not None:
        asked.catalogue.get(options.model)


Classify = TaskSpec(
    TaskName.CLASSIFY,
    pool=Pool.GPU,
    cost=Cost(0.2, 0.02),
    options=ClassifyOptions,
    result=ClassifyResult,
    model=ModelKind.CLASSIFIER,
    writes=frozenset({Writes.LABEL}),
    check=_check,
)
