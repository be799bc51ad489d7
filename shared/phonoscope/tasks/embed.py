"""``embed``: a unit vector of the recording, by which similar recordings are found."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from phonoscope.catalogue import BodyManifest, Catalogue
from phonoscope.states import Pool, TaskName
from phonoscope.tasks.spec import Cost, ModelKind, ModelRef, TaskOptions, TaskResult, TaskSpec, Writes


class EmbedOptions(TaskOptions):
    return_vector: bool = Field(False, description="whether the result holds the vector itself")
    stems: bool = Field(False, description="also embed each stem of the track's newest separation")
    windows: bool = Field(
        True, description="also keep each window's vector and labels, by which moments are found; of stems too"
    )


class EmbedResult(TaskResult):
    """The embedding of a recording; the vector is kept, to compare other recordings with it."""

    task: Literal["embed"] = "embed"
    model: ModelRef = Field(description="the body, or the model that is its own, whose vector this is")
    spaces: list[ModelRef] = Field(
        default_factory=list,
        description="all in which the recording has a vector now, that of `model` first; none where the job named "
        "another audio track than the track's own, whose vectors are not kept",
    )
    dim: int = Field(description="512")
    windows: int | None = Field(
        None,
        description="how many windows of the recording are kept, of all spaces; silent ones are not. Null where they "
        "were not asked for, and where the vectors are not kept",
    )
    silent: bool = Field(
        False, description="whether it is silent: it then has no vector, no neighbours and no place on the map"
    )
    stems: list[str] | None = Field(None, description="those embedded too; null when they were not asked for")
    silent_stems: list[str] | None = Field(
        None, description="those that have no vector since they are silent; null when stems were not asked for"
    )
    warnings: list[str] = Field(
        default_factory=list, description="why the recording is not in a space in which it would be"
    )
    vector: list[float] | None = Field(
        None, description="of length 1; null unless `return_vector` asked for it, and for silence"
    )


def further_body(options: EmbedOptions, catalogue: Catalogue) -> BodyManifest | None:
    """The body in whose space windows are kept besides, since sentences are in it too; ``None`` where there is none."""
    return catalogue.with_text if options.windows else None


def _further(options: EmbedOptions, catalogue: Catalogue) -> list[str]:
    body = further_body(options, catalogue)
    return [] if body is None else [body.identity]


def _reads_stems(options: EmbedOptions) -> bool:
    return options.stems


Embed = TaskSpec(
    TaskName.EMBED,
    pool=Pool.GPU,
    cost=Cost(0.0, 0.0),
    further_cost=Cost(5.0, 0.1),
    further=_further,
    options=EmbedOptions,
    result=EmbedResult,
    revision=3,
    model=ModelKind.CLASSIFIER,
    writes=frozenset({Writes.EMBEDDINGS}),
    reads_stems=_reads_stems,
)
