"""``mixdown``: the stems mixed again, louder or softer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field

from phonoscope.errors import InvalidRequest
from phonoscope.links import ArtifactLink
from phonoscope.requests import StemName
from phonoscope.states import Pool, TaskName
from phonoscope.tasks.separate import StemFormat
from phonoscope.tasks.spec import Cost, TaskOptions, TaskResult, TaskSpec

QUIETEST_GAIN_DB = -60.0
MOST_STEMS = 32


class MixdownOptions(TaskOptions):
    gains_db: dict[StemName, Annotated[float, Field(ge=QUIETEST_GAIN_DB, le=24.0)]] = Field(
        default_factory=dict, max_length=MOST_STEMS, description="by stem; 0 when left out, and -60 is silence"
    )
    pan: dict[StemName, Annotated[float, Field(ge=-1.0, le=1.0)]] = Field(
        default_factory=dict,
        max_length=MOST_STEMS,
        description="by stem, from -1 (left) to 1 (right); 0 when left out",
    )
    format: StemFormat = "flac"
    normalise: bool = Field(False, description="whether the loudest sample is brought to full scale")


class MixdownResult(TaskResult):
    """The mix."""

    task: Literal["mixdown"] = "mixdown"
    format: str
    sample_rate_hz: int
    duration_s: float
    stems: list[str]
    peak: float = Field(description="the highest absolute value; full scale is 1")
    lowered_db: float = Field(description="by how much the mix was lowered so that it does not clip")
    audio: ArtifactLink


def _reads_stems(_: MixdownOptions) -> bool:
    return True


def _check_stems(options: MixdownOptions, stems: Collection[str]) -> None:
    for field in ("gains_db", "pan"):
        for name in getattr(options, field):
            if name not in stems:
                raise InvalidRequest.choice(f"options.mixdown.{field}", name, stems)


Mixdown = TaskSpec(
    TaskName.MIXDOWN,
    pool=Pool.CPU,
    cost=Cost(0.5, 0.03),
    options=MixdownOptions,
    result=MixdownResult,
    reads_stems=_reads_stems,
    check_stems=_check_stems,
    unkeyed=frozenset(),
)
