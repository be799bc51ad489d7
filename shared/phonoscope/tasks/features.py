"""``features``: feature maps of each layer, in the recording's strongest window."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field

from phonoscope.errors import InvalidRequest, UnknownLayer
from phonoscope.links import ArtifactLink
from phonoscope.requests import Name
from phonoscope.states import Pool, TaskName
from phonoscope.tasks.spec import Cost, ModelKind, ModelRef, Part, RequestContext, TaskOptions, TaskResult, TaskSpec

MOST_LAYERS = 40
FeaturesArtifact: TypeAlias = Literal["images", "arrays"]
FEATURES_ARTIFACTS: tuple[FeaturesArtifact, ...] = get_args(FeaturesArtifact)


class FeaturesOptions(TaskOptions):
    layers: Annotated[list[Name], Field(min_length=1, max_length=MOST_LAYERS)] | None = Field(
        None,
        description="layers (`layer3`) or single blocks of them (`layer3.1`) of the model's network; "
        "all its layers when left out",
    )
    artifacts: list[FeaturesArtifact] = Field(
        default_factory=lambda: list(FEATURES_ARTIFACTS), max_length=len(FEATURES_ARTIFACTS)
    )


class LayerMaps(Part):
    """The feature maps of one layer."""

    name: str
    shape: list[int] = Field(description="channels, rows (frequency), columns (time)")
    channels: list[int] = Field(description="the most active ones, the strongest first")
    image: ArtifactLink | None = Field(None, description="a picture (PNG) of their maps")


class FeaturesResult(TaskResult):
    """Feature maps of the window in which the most probable label is strongest."""

    task: Literal["features"] = "features"
    model: ModelRef
    label: str
    start_s: float
    end_s: float
    layers: list[LayerMaps]
    arrays: ArtifactLink | None = Field(None, description="all maps as arrays (npz)")


def _complete(options: FeaturesOptions, asked: RequestContext) -> FeaturesOptions:
    if options.layers is not None or asked.chosen_by_itself:
        return options
    return options.model_copy(update={"layers": list(asked.architectures()[0].depths)})


def _check(options: FeaturesOptions, asked: RequestContext) -> None:
    if TaskName.FEATURES not in asked.tasks or options.layers is None:
        return
    known = list(dict.fromkeys(name for architecture in asked.architectures() for name in architecture.names))
    for layer in options.layers:
        if layer not in known:
            raise UnknownLayer.choice("layers", layer, known)
    if len(set(options.layers)) != len(options.layers):
        raise InvalidRequest.field("layers", "each layer at most once")


Features = TaskSpec(
    TaskName.FEATURES,
    pool=Pool.GPU,
    cost=Cost(1.0, 0.01),
    options=FeaturesOptions,
    result=FeaturesResult,
    model=ModelKind.CLASSIFIER,
    revision=2,
    complete=_complete,
    check=_check,
)
