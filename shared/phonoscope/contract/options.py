"""What can be asked of each task."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from phonoscope.catalogue.architectures import DEPTHS, LAYERS, METHODS, Layer, Method

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


class ClassifyOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(None, description="a served model's name; the service's default when left out")
    top_k: int = Field(3, ge=1, le=MAX_TOP_K, description="how many labels to name")


class EmbedOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    return_vector: bool = Field(False, description="whether the result holds the vector itself")
    stems: bool = Field(False, description="also embed each stem of the track's newest separation")


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
    stems: bool | None = Field(
        None,
        description="also ask for the label in each stem of the track's newest separation, and without it; "
        "when left out, if the same job separates",
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


class MapOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(None, description="whose embeddings to draw from; the service's default when left out")


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
    map: MapOptions = Field(default_factory=MapOptions)
    no_cache: bool = Field(False, description="compute anew what the same job gave before")
