"""The tasks: one file each, with everything that other code must know of the task.

A new task is a file here, a handler in its pool's package and a test; all other code iterates over ``TASKS``.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Field

from phonoscope.states import TaskName
from phonoscope.tasks.classify import Classify, ClassifyResult
from phonoscope.tasks.describe import Describe, DescribeResult
from phonoscope.tasks.embed import Embed, EmbedResult
from phonoscope.tasks.explain import Explain, ExplainResult
from phonoscope.tasks.features import Features, FeaturesResult
from phonoscope.tasks.map import Map, MapResult
from phonoscope.tasks.mixdown import Mixdown, MixdownResult
from phonoscope.tasks.separate import Separate, SeparateResult
from phonoscope.tasks.spec import ModelKind, RequestContext, Subject, TaskSpec, Writes
from phonoscope.tasks.teach import Teach, TeachResult

AnyResult: TypeAlias = Annotated[
    ClassifyResult
    | EmbedResult
    | ExplainResult
    | FeaturesResult
    | DescribeResult
    | SeparateResult
    | MixdownResult
    | MapResult
    | TeachResult,
    Field(discriminator="task"),
]
"""The result of any task; ``task`` is its name."""

_SPECS: tuple[TaskSpec[Any, Any], ...] = (Classify, Embed, Explain, Features, Describe, Separate, Mixdown, Map, Teach)

TASKS: dict[TaskName, TaskSpec[Any, Any]] = {spec.name: spec for spec in _SPECS}
"""Every task, by its name."""

__all__ = [
    "TASKS",
    "AnyResult",
    "Classify",
    "Describe",
    "Embed",
    "Explain",
    "Features",
    "Map",
    "Mixdown",
    "ModelKind",
    "RequestContext",
    "Separate",
    "Subject",
    "TaskSpec",
    "Teach",
    "Writes",
]
