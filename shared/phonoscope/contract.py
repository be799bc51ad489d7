"""The shapes that travel over HTTP, for gateway and client alike. Times are UTC, ``*_s`` seconds, ``*_hz`` hertz."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from phonoscope.anatomy import DEPTHS, LAYERS, METHODS, Layer, Method
from phonoscope.states import Pool, Status, TaskName

Item = TypeVar("Item")
DEFAULT_TASKS = [TaskName.CLASSIFY, TaskName.EMBED]
MAX_TOP_K = 100
MOST_EXPLAINED_S = 30.0
"""A recording up to this long is explained whole; of a longer one its strongest window is, or a stretch asked for."""
MOST_LAYERS = 40
ExplainArtifact: TypeAlias = Literal["heatmap", "overlay", "listen"]
EXPLAIN_ARTIFACTS: tuple[ExplainArtifact, ...] = get_args(ExplainArtifact)
FeaturesArtifact: TypeAlias = Literal["images", "arrays"]
FEATURES_ARTIFACTS: tuple[FeaturesArtifact, ...] = get_args(FeaturesArtifact)
StemFormat: TypeAlias = Literal["flac", "wav", "wav24", "wav32f", "mp3", "opus"]
Precision: TypeAlias = Literal["fast", "exact"]
QUIETEST_GAIN_DB = -60.0
MAX_METADATA_BYTES = 16 * 1024
ColourMap = Literal["magma", "viridis", "inferno", "plasma", "cividis", "gray"]


class Page(BaseModel, Generic[Item]):
    """Part of a list, newest first; ``next_cursor`` asks for the part behind it."""

    items: list[Item]
    next_cursor: str | None = None


class Track(BaseModel):
    """An uploaded recording."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    sha256: str
    filename: str
    size_bytes: int
    media_type: str
    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    duration_s: float
    label: str | None = Field(description="what the last classification heard; null before, or when unknown")
    warnings: list[str] = Field(description="what is wrong with the recording though it can be analysed")
    created_at: datetime


class Peaks(BaseModel):
    """A recording's outline, to be drawn: of each of many points its start, lowest and highest value, and RMS."""

    track_id: str
    duration_s: float
    sample_rate_hz: int
    start_s: list[float]
    min: list[float] = Field(description="of the mean of the channels; full scale is 1")
    max: list[float]
    rms: list[float]


class SpectrogramLook(BaseModel):
    """How a mel spectrogram's picture shall look."""

    model_config = ConfigDict(extra="forbid")

    width: int = Field(1_000, ge=16, le=4_000, description="pixels")
    height: int = Field(256, ge=16, le=2_048, description="pixels")
    colour_map: ColourMap = Field("magma", description="from dark to bright, as matplotlib names them")
    range_db: float = Field(
        80.0, ge=1.0, le=127.5, description="what lies further below the loudest spot is as dark as silence"
    )


class SpectrogramAxes(BaseModel):
    """How to read a mel spectrogram's picture."""

    track_id: str
    duration_s: float = Field(description="from the picture's left edge to its right")
    sample_rate_hz: int
    start_s: list[float] = Field(description="when each of the picture's columns starts")
    centre_hz: list[float] = Field(description="where each band is most sensitive, from low to high")
    edge_hz: list[float] = Field(
        description="one more than there are bands: the first is the picture's lower edge, the last its upper, "
        "and those where bands meet lie between them at equal distances"
    )
    floor_dbfs: float = Field(description="what the darkest colour stands for, and all that is quieter")
    ceiling_dbfs: float = Field(description="the brightest colour: the loudest spot, by a full-scale sine's power")
    colour_map: ColourMap


class ArtifactLink(BaseModel):
    """Stands in a result for an object that the task made."""

    id: str
    name: str = Field(description="as a file's, unique within its task")
    url: str = Field(description="on the gateway's own origin; needs no key")
    expires_at: datetime
    media_type: str
    size_bytes: int


class Stem(BaseModel):
    """A part of a recording."""

    name: str
    format: str
    duration_s: float
    peak: float = Field(description="its highest absolute value before it was encoded; full scale is 1")
    audio: ArtifactLink


class Stems(BaseModel):
    """What a recording was taken apart into, by its newest separation."""

    model_config = ConfigDict(extra="allow")

    track_id: str
    job_id: str
    model: dict[str, str]
    sample_rate_hz: int
    stems: list[Stem]


class Neighbour(BaseModel):
    """A track that sounds alike."""

    track: Track
    similarity: float = Field(ge=-1.0, le=1.0, description="cosine of the angle between the embeddings")


class ClassifyOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(None, description="a served model's name; the service's default when left out")
    top_k: int = Field(3, ge=1, le=MAX_TOP_K, description="how many labels to name")


class EmbedOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    return_vector: bool = Field(False, description="whether the result holds the vector itself")


class DescribeOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    genre: str | None = Field(
        None, description="whose reference profile the balance is held against; the genre heard when left out"
    )


class ExplainOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: str | None = Field(None, description="what to explain; the recording's most probable label when left out")
    layer: Layer = Field(LAYERS[-1], description="the deeper, the coarser and the closer to what decided")
    method: Method = METHODS[0]
    start_s: float | None = Field(None, ge=0.0, description="explain from here on; the beginning when left out")
    end_s: float | None = Field(None, gt=0.0, description="up to here; at most 30 s at once")
    artifacts: list[ExplainArtifact] = Field(
        default_factory=lambda: list(EXPLAIN_ARTIFACTS), description="what to make besides bands and sentence"
    )
    stems: bool = Field(
        False, description="also ask for the label in each stem of the track's newest separation, and without it"
    )
    trust: bool = Field(False, description="also measure how far the heatmap can be believed: 47 passes of one window")

    @property
    def span_s(self) -> tuple[float, float] | None:
        """The stretch asked for; without an end it is as long as is allowed."""
        if self.start_s is None and self.end_s is None:
            return None
        start_s = self.start_s or 0.0
        return start_s, self.end_s or start_s + MOST_EXPLAINED_S

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        span_s = self.span_s
        if span_s is not None and not 0.0 < span_s[1] - span_s[0] <= MOST_EXPLAINED_S:
            raise ValueError(f"end_s must lie behind start_s, by at most {MOST_EXPLAINED_S:g} s")
        return self


class FeaturesOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    layers: Annotated[list[str], Field(min_length=1, max_length=MOST_LAYERS)] = Field(
        default_factory=lambda: list(DEPTHS), description="depths (`layer3`) or single blocks of them (`layer3.1`)"
    )
    artifacts: list[FeaturesArtifact] = Field(default_factory=lambda: list(FEATURES_ARTIFACTS))


class SeparateOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(
        None, description="`htdemucs` where it is there, else `demucs-mini`, when left out; the result says which"
    )
    two_stems: str | None = Field(
        None, description="one of the model's stems: it and `accompaniment`, which is the recording without it"
    )
    format: StemFormat = Field("flac", description="`wav` has 16 bits, `wav24` 24, `wav32f` floats that never clip")
    precision: Precision = Field("fast", description="`fast` uses half precision where the device can, to 45 dB")


class MixdownOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    gains_db: dict[str, Annotated[float, Field(ge=QUIETEST_GAIN_DB, le=24.0)]] = Field(
        default_factory=dict, description="by stem; 0 when left out, and -60 is silence"
    )
    pan: dict[str, Annotated[float, Field(ge=-1.0, le=1.0)]] = Field(
        default_factory=dict, description="by stem, from -1 (left) to 1 (right); 0 when left out"
    )
    format: StemFormat = "flac"
    normalise: bool = Field(False, description="whether the loudest sample is brought to full scale")


class JobOptions(BaseModel):
    """Options by task."""

    model_config = ConfigDict(extra="forbid")

    classify: ClassifyOptions = Field(default_factory=ClassifyOptions)
    embed: EmbedOptions = Field(default_factory=EmbedOptions)
    explain: ExplainOptions = Field(default_factory=ExplainOptions)
    features: FeaturesOptions = Field(default_factory=FeaturesOptions)
    separate: SeparateOptions = Field(default_factory=SeparateOptions)
    mixdown: MixdownOptions = Field(default_factory=MixdownOptions)
    describe: DescribeOptions = Field(default_factory=DescribeOptions)


class JobRequest(BaseModel):
    """What to do with a track. All tasks of the gpu pool use the model of ``options.classify`` and the same pass."""

    model_config = ConfigDict(extra="forbid")

    track_id: str = Field(pattern=r"^\w+$")
    tasks: Annotated[list[TaskName], Field(min_length=1)] = Field(default_factory=lambda: list(DEFAULT_TASKS))
    options: JobOptions = Field(default_factory=JobOptions)
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="yours, returned as it came; at most 16 KiB and 64 levels deep"
    )


class Waiting(BaseModel):
    """Why a task has not started."""

    reason: Literal["no_worker", "queued", "retrying"]
    ahead: int = Field(description="queued jobs that came before in the same pool")
    workers: int = Field(description="live workers of the pool")


class Task(BaseModel):
    """One unit of work of a job."""

    name: TaskName
    pool: Pool
    status: Status
    attempt: int
    progress: float = Field(ge=0.0, le=1.0)
    stage: str
    left_s: float | None = Field(None, description="estimate of the seconds still needed, while it runs")
    waiting: Waiting | None = None
    cached: bool = False
    device: str | None = Field(None, description="where it ran: cuda, mps or cpu")
    timings: dict[str, float] = Field(default_factory=dict, description="seconds by stage")
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: dict[str, Any] | None = Field(None, description="an object that the task made stands as an `ArtifactLink`")
    error: dict[str, Any] | None = Field(None, description="a problem (RFC 9457) with `code`, `detail`, `retryable`")


class Job(BaseModel):
    """What a client asked for; poll it until its status is one of succeeded, failed, cancelled."""

    id: str
    track_id: str
    status: Status
    created_at: datetime
    finished_at: datetime | None
    metadata: dict[str, Any]
    tasks: list[Task]

    def task(self, name: TaskName | str) -> Task:
        """Raises ``KeyError`` when the job has no such task."""
        for task in self.tasks:
            if task.name == name:
                return task
        raise KeyError(name)


class ModelCard(BaseModel):
    """A served model: what it knows, how well, from what data, and what it cannot do."""

    model_config = ConfigDict(extra="allow")

    name: str
    kind: str
    architecture: str
    digest: str
    embedding_dim: int
    labels: list[str]
    unknown_below: float
    metrics: dict[str, Any]
    data: str
    licence: str
    limits: list[str]


class Readiness(BaseModel):
    """Whether the services behind the gateway answer."""

    status: Literal["ready", "unavailable"]
    checks: dict[str, str] = Field(description="`ok`, or what is wrong")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    retryable: bool
