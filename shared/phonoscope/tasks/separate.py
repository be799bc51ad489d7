"""``separate``: the recording separated into stems."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from phonoscope.links import ArtifactLink
from phonoscope.states import Pool, TaskName
from phonoscope.tasks.spec import Cost, ModelKind, ModelRef, Part, TaskOptions, TaskResult, TaskSpec, Writes

StemFormat: TypeAlias = Literal["flac", "wav", "wav24", "wav32f", "mp3", "opus"]
Precision: TypeAlias = Literal["fast", "exact"]


class SeparateOptions(TaskOptions):
    model: str | None = Field(
        None, description="`htdemucs` where it is there, else `demucs-mini`, when left out; the result says which"
    )
    two_stems: str | None = Field(
        None, description="one of the model's stems: it and `accompaniment`, which is the recording without it"
    )
    format: StemFormat = Field("flac", description="`wav` has 16 bits, `wav24` 24, `wav32f` floats that never clip")
    precision: Precision = Field("fast", description="`fast` uses half precision where the device can, to 45 dB")


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


Separate = TaskSpec(
    TaskName.SEPARATE,
    pool=Pool.CPU,
    cost=Cost(5.0, 1.0),
    options=SeparateOptions,
    result=SeparateResult,
    alone=True,
    model=ModelKind.SEPARATOR,
    writes=frozenset({Writes.STEMS}),
    variant="two_stems",
)
