"""``separate``: the recording separated into stems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from pydantic import Field

from phonoscope.catalogue import Catalogue, StemManifest
from phonoscope.errors import InvalidRequest
from phonoscope.links import ArtifactLink
from phonoscope.requests import Name, StemName
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

StemFormat: TypeAlias = Literal["flac", "wav", "wav24", "wav32f", "mp3", "opus"]
ACCOMPANIMENT = "accompaniment"
"""The stem that is the recording without the named one."""
Precision: TypeAlias = Literal["fast", "exact"]


class SeparateOptions(TaskOptions):
    model: Name | None = Field(
        None, description="`htdemucs` where it is there, else `demucs-mini`, when left out; the result says which"
    )
    two_stems: StemName | None = Field(
        None, description="one of the model's stems: it and `accompaniment`, which is the recording without it"
    )
    format: StemFormat = Field("flac", description="`wav` has 16 bits, `wav24` 24, `wav32f` floats that never clip")
    precision: Precision = Field("fast", description="`fast` uses half precision where the device can, to 45 dB")


def separator_of(options: SeparateOptions, catalogue: Catalogue) -> StemManifest | None:
    """The model that separates; ``None`` when only workers have it."""
    return catalogue.separators.get(options.model or catalogue.best_separator)


def stem_names(options: SeparateOptions, sources: Sequence[str]) -> list[str]:
    """The stems that a model with these makes. Raises ``InvalidRequest`` when the named stem is not one of them."""
    if options.two_stems is None:
        return [*sources]
    if options.two_stems not in sources:
        raise InvalidRequest.choice("options.separate.two_stems", options.two_stems, sources)
    return [options.two_stems, ACCOMPANIMENT]


class Stem(Part):
    """A part of a recording."""

    name: str
    format: str
    duration_s: float
    peak: float = Field(description="its highest absolute value before it was encoded; full scale is 1")
    audio: ArtifactLink


class Provenance(Part):
    """How stems were computed, and each step down for lack of memory."""

    device: str
    segment_s: float
    batch: int
    compiled: bool
    stepped_down: list[str]


class SeparateResult(TaskResult):
    """The stems."""

    task: Literal["separate"] = "separate"
    model: ModelRef
    sample_rate_hz: int
    precision: Precision
    stems: list[Stem]
    provenance: Provenance | None = None
    warnings: list[str] = Field(default_factory=list)


def _check(options: SeparateOptions, asked: RequestContext) -> None:
    separator = separator_of(options, asked.catalogue) if TaskName.SEPARATE in asked.tasks else None
    if separator is not None:
        stem_names(options, separator.sources)


Separate = TaskSpec(
    TaskName.SEPARATE,
    pool=Pool.CPU,
    cost=Cost(5.0, 1.0),
    options=SeparateOptions,
    result=SeparateResult,
    alone=True,
    model=ModelKind.SEPARATOR,
    writes=frozenset({Writes.STEMS}),
    revision=2,
    variant="two_stems",
    check=_check,
)
