"""``explain``: where the evidence for a label is, as an image, as sound and in words."""

from __future__ import annotations

from typing import Literal, Self, TypeAlias, get_args

from pydantic import Field, model_validator

from phonoscope.catalogue.architectures import DEFAULT_METHOD, Method
from phonoscope.errors import InvalidRequest, UnknownLabel, UnknownLayer
from phonoscope.links import ArtifactLink
from phonoscope.requests import Name
from phonoscope.states import Pool, TaskName
from phonoscope.tasks.spec import Cost, ModelKind, ModelRef, Part, RequestContext, TaskOptions, TaskResult, TaskSpec

MOST_EXPLAINED_S = 30.0
"""Seconds: a longer recording is explained by its strongest window or the requested stretch, any other as a whole."""
LATEST_S = 1e6
"""No recording lasts as long."""
ExplainArtifact: TypeAlias = Literal["heatmap", "overlay", "listen"]
EXPLAIN_ARTIFACTS: tuple[ExplainArtifact, ...] = get_args(ExplainArtifact)


class ExplainOptions(TaskOptions):
    label: Name | None = Field(None, description="what to explain; the recording's most probable label when left out")
    layer: Name | None = Field(
        None,
        description="a layer of the model's network; a deeper one is coarser and closer to the decision; "
        "the model's own default when left out",
    )
    method: Method = DEFAULT_METHOD
    start_s: float | None = Field(None, ge=0.0, le=LATEST_S, description="from here on; the beginning when left out")
    end_s: float | None = Field(None, gt=0.0, le=LATEST_S, description="up to here; at most 30 s at once")
    artifacts: list[ExplainArtifact] = Field(
        default_factory=lambda: list(EXPLAIN_ARTIFACTS),
        max_length=len(EXPLAIN_ARTIFACTS),
        description="the artifacts to make, besides bands and sentence",
    )
    stems: bool | None = Field(
        None,
        description="also ask for the label in each stem of the track's newest separation, and without it; "
        "when left out, if the same job separates",
    )
    trust: bool = Field(False, description="also measure how far the heatmap can be believed: 47 passes of one window")

    @property
    def span_s(self) -> tuple[float, float] | None:
        """The requested stretch; without an end it is as long as is allowed."""
        if self.start_s is None and self.end_s is None:
            return None
        start_s = self.start_s or 0.0
        return start_s, self.end_s or start_s + MOST_EXPLAINED_S

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        span_s = self.span_s
        if span_s is not None and not 0.0 < span_s[1] - span_s[0] <= MOST_EXPLAINED_S:
            raise ValueError(f"end_s must be after start_s, by at most {MOST_EXPLAINED_S:g} s")
        return self


class EvidenceBand(Part):
    """A band of frequencies and its share of the evidence."""

    name: str
    low_hz: float
    high_hz: float | None = Field(description="null where the band has no upper edge")
    share: float = Field(description="from 0 to 1; all bands together have 1, or 0 in silence")


class EvidenceRegion(Part):
    """The smallest rectangle that holds most of the evidence."""

    low_hz: float
    high_hz: float
    start_s: float
    end_s: float


class EvidenceReading(Part):
    """Evidence in a sentence and in figures."""

    reading: str
    region: EvidenceRegion | None = Field(description="null in silence")
    bands: list[EvidenceBand]


class AskedStretch(Part):
    """The part of a recording whose evidence was asked for."""

    start_s: float
    end_s: float


class ExplainedWindow(EvidenceReading):
    """The evidence in one window."""

    start_s: float
    end_s: float
    probability: float
    silent: bool


class StemShare(Part):
    """How a label depends on a stem."""

    name: str
    alone: float = Field(description="the label's probability in the stem alone")
    without: float = Field(description="its probability in the recording without the stem")


class StemEvidence(Part):
    """How a label depends on each stem, in the strongest window."""

    start_s: float
    end_s: float
    probability: float
    parts: list[StemShare]
    reading: str


class Trust(Part):
    """How faithful a heatmap is (Petsiuk et al., 2018; Adebayo et al., 2018)."""

    deletion: float = Field(description="area under the probability while the evidence is taken away; lower is better")
    insertion: float = Field(description="the same while it is put in; higher is better")
    random_deletion: float
    random_insertion: float
    randomised: float = Field(description="correlation with the map of a network with a random last block; 0 is better")


class ExplainResult(EvidenceReading, TaskResult):
    """The evidence for a label."""

    task: Literal["explain"] = "explain"
    model: ModelRef
    method: Method
    layer: str
    label: str
    probability: float = Field(description="the label's, over the whole recording")
    start_s: float
    end_s: float
    stretch: AskedStretch | None = Field(None, description="the stretch that was asked for; null where none was")
    cell_s: float | None = Field(
        None, description="seconds of one cell of the layer, before the heatmap is smoothed; null in earlier results"
    )
    cell_bands: int | None = Field(None, description="how many bands the layer tells apart; 1 where none")
    silent: bool
    windows: list[ExplainedWindow]
    stems: StemEvidence | None = Field(None, description="null without stems, or when they were not asked for")
    trust: Trust | None = Field(None, description="null unless `trust` asked for it")
    heatmap: ArtifactLink | None = Field(None, description="arrays (npz): the heatmap, its axes and each window's")
    overlay: ArtifactLink | None = Field(None, description="a picture (PNG) on second and hertz axes")
    listen: ArtifactLink | None = Field(None, description="the recording through the heatmap (FLAC)")


def _reads_stems(options: ExplainOptions) -> bool:
    return bool(options.stems)


def _complete(options: ExplainOptions, asked: RequestContext) -> ExplainOptions:
    stems = TaskName.SEPARATE in asked.tasks if options.stems is None else options.stems
    # Where the model is chosen by what is heard, the worker takes that model's own layer.
    layer = options.layer if asked.chosen_by_itself else options.layer or asked.architectures()[0].evidence
    return options.model_copy(update={"stems": stems, "layer": layer})


def _check(options: ExplainOptions, asked: RequestContext) -> None:
    if TaskName.EXPLAIN not in asked.tasks:
        return
    if options.label is not None:
        used = asked.classifiers if asked.chosen_by_itself else asked.classifiers[:1]
        known_labels = list(dict.fromkeys(label for model in used for label in model.labels))
        if options.label not in known_labels:
            raise UnknownLabel.choice("label", options.label, known_labels)
    known = list(dict.fromkeys(layer for architecture in asked.architectures() for layer in architecture.layers))
    if options.layer is not None and options.layer not in known:
        raise UnknownLayer.choice("layer", options.layer, known)


def _check_duration(options: ExplainOptions, duration_s: float) -> None:
    if options.span_s is not None and options.span_s[0] >= duration_s:
        raise InvalidRequest.field("start_s", f"the recording lasts {duration_s:.3f} s")


Explain = TaskSpec(
    TaskName.EXPLAIN,
    pool=Pool.GPU,
    cost=Cost(1.0, 0.03),
    options=ExplainOptions,
    result=ExplainResult,
    revision=3,
    model=ModelKind.CLASSIFIER,
    reads_stems=_reads_stems,
    variant="label",
    stretch=("start_s", "end_s"),
    complete=_complete,
    check=_check,
    check_duration=_check_duration,
)
