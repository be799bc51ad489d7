"""Classifiers of your own: what they are taught from, their figures, their queues and what they label."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from phonoscope.annotations.values import LONGEST_LABEL, Label, check_end
from phonoscope.contract.spaces import SpaceRef
from phonoscope.requests import Name, RequestModel, text

MOST_CLASSIFIERS = 100
"""Of each owner."""
MOST_TAUGHT_LABELS = 10_000
MOST_EXAMPLES = 100_000
MOST_ASKED_ABOUT = 200
MOST_LISTED_LABELS = 20
"""Of each classifier, or version, in a list."""
_TRACK_ID = text(64, 1)
_CLASSIFIER_NAME = r"^[a-z0-9][a-z0-9._-]{0,62}$"

ClassifierName = Annotated[
    str, Field(pattern=_CLASSIFIER_NAME, description="lower-case letters, digits, `.`, `_`, `-`")
]


class ClassifierState(StrEnum):
    """Where a classifier's newest teaching is."""

    EMBEDDING = "embedding"
    """Examples without vectors are being embedded; it is taught when they are."""
    TEACHING = "teaching"
    """Its `teach` job is queued or runs."""
    READY = "ready"
    """Its newest version is served."""
    FAILED = "failed"
    """`problem` says why; a version of before is still served."""


class SpaceChooser(StrEnum):
    """Who chooses the space of a classifier."""

    MAKER = "maker"
    """Its maker named one, or brought it in a file: it stays."""
    ITSELF = "itself"
    """Each teaching does, by comparing spaces."""


class ExampleSpan(RequestModel):
    """A recording that has a label, or a span of it."""

    track_id: Annotated[str, _TRACK_ID]
    start_s: float | None = Field(None, ge=0.0, description="the whole recording when left out")
    end_s: float | None = Field(None, gt=0.0, description="the window around `start_s` when left out")

    @field_validator("end_s")
    @classmethod
    def _check_end(cls, end_s: float | None, info: ValidationInfo) -> float | None:
        check_end(info.data, end_s)
        return end_s


class TeachRequest(RequestModel):
    """What a classifier is taught from: confirmed labels, examples, or both.

    Where one is taught again, fields that are left out stay as they were.
    """

    space: Name | None = Field(
        None,
        description="a model or body in whose space examples are compared; null or `auto`: each teaching chooses the "
        "space in which the classifier is right most often, from that of the default model on",
    )
    confirmed: bool = Field(
        default=True,
        description="whether what you confirmed and rejected before it was made are examples; what you say of its "
        "labels later always is",
    )
    labels: list[Label] | None = Field(
        None,
        min_length=1,
        description="which of your labels it tells apart; all that you confirmed and gave examples of when left out",
        json_schema_extra={"maxItems": MOST_TAUGHT_LABELS},
    )
    examples: dict[Label, Annotated[list[Annotated[str, _TRACK_ID] | ExampleSpan], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="recordings, or spans of them, by label",
        json_schema_extra={"maxProperties": MOST_TAUGHT_LABELS},
    )
    multi_label: bool = Field(default=False, description="whether several labels can hold at once")
    reteach: bool = Field(default=False, description="whether it is taught again when your labels change")

    @field_validator("examples", mode="before")
    @classmethod
    def _check_labels(cls, examples: Any) -> Any:
        """Two spellings of one label would be one key, and the examples of the first be lost."""
        given = [label.strip() for label in examples if isinstance(label, str)] if isinstance(examples, dict) else []
        short = [unicodedata.normalize("NFC", label) for label in given if len(label) <= LONGEST_LABEL]
        if len(set(short)) < len(short):
            raise PydanticCustomError("label_twice", "Each label should be there once, whatever spaces are around it")
        return examples


class ClassifierRequest(TeachRequest):
    """A classifier to be taught, and its name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "my-birds", "labels": ["blackbird", "robin"], "reteach": True},
                {
                    "name": "compressor",
                    "confirmed": False,
                    "examples": {"fault": [{"track_id": "trk_1", "start_s": 12.0, "end_s": 20.0}], "fine": ["trk_2"]},
                },
            ]
        }
    )

    name: ClassifierName


class LabelFigures(BaseModel):
    """What held-out recordings say of one label."""

    label: str
    recordings: int
    windows: int
    precision: float | None = Field(description="null where nothing was called so")
    recall: float | None
    too_few: bool = Field(
        description="fewer than 10 recordings, near-duplicates counted as one: the figures say little"
    )


class Confusion(BaseModel):
    """How often one label was taken for another, in recordings."""

    label: str
    taken_for: str
    recordings: int


class SpaceTried(BaseModel):
    """A space that a classifier could be taught in."""

    model: str = Field(description="the body whose vectors are compared")
    digest: str
    accuracy: float | None = Field(
        description="of held-out recordings, by a quick head on some of the examples, the same in each space; null "
        "where it was not compared"
    )
    recordings: int = Field(description="those of these examples that are heard in it")


class SpaceChoice(BaseModel):
    """Why a version was taught in its space."""

    model: str = Field(description="the body on whose vectors it is")
    chosen_by: SpaceChooser
    why: str
    tried: list[SpaceTried] = Field(description="that of the version before, or of the default model, first")


class ClassifierFigures(BaseModel):
    """What held-out recordings say of a classifier, each judged by a head that was not taught on it."""

    model_config = ConfigDict(from_attributes=True)

    accuracy: float | None = Field(description="of recordings; null where fewer than two labels have two recordings")
    accuracy_low: float | None = Field(description="the lower end of its interval of 95 %")
    accuracy_high: float | None
    macro_f1: float | None = Field(None, description="the mean over labels of which recordings were held out")
    held_out: int = Field(0, description="recordings that were tested by heads that were not taught on them")
    recordings: int
    windows: int
    groups: int = Field(description="recordings that are near-duplicates of each other count as one")
    folds: int
    method: str = Field(description="such as `prototypes` or `logistic regression`")
    why: str = Field(description="why this method was taken")
    space: SpaceChoice | None = Field(None, description="null of versions that an earlier release taught")
    labels: list[LabelFigures]
    confusions: list[Confusion] = Field(description="the most frequent first")
    unknown_of_strangers: float | None = Field(
        description="the share of your other recordings that it calls unknown; null where there are none"
    )
    strangers_alike: float | None = Field(
        None, description="the share of these that seem to have one of its labels; they do not count as wrongly called"
    )
    unknown_of_known: float | None = Field(description="the share of held-out examples that it calls unknown")
    left_out: list[str] = Field(default_factory=list, description="examples that could not be embedded, as sentences")


class DoubtfulExample(BaseModel):
    """An example that contradicts its neighbours: it may be labelled wrongly."""

    track_id: str
    filename: str
    start_s: float
    end_s: float
    given: str = Field(description="its label; `not` and a label where that is rejected")
    label: str = Field(description="what it is taken for, likewise")
    probability: float


class ClassifierProblem(BaseModel):
    """Why a teaching failed."""

    code: str
    detail: str


class Application(BaseModel):
    """How far a classifier has labelled the library."""

    version: int
    job_id: str | None
    tracks: int = Field(description="looked at so far")
    changed: int = Field(description="whose labels are others than before")
    unknown: int
    without_vectors: int
    finished_at: datetime | None


class ClassifierCard(BaseModel):
    """A classifier of your own."""

    id: str
    name: str
    state: ClassifierState
    version: int = Field(description="of its newest head; 0 before it was taught")
    space: SpaceRef = Field(description="in which examples are compared; its `id` is 0 when it was dropped")
    space_chosen_by: SpaceChooser = Field(
        SpaceChooser.MAKER,
        description="`itself` where each teaching chooses; one that an earlier release made stays where it is",
    )
    labels: list[str] = Field(
        description=f"of its newest version, else those asked for; in lists the first {MOST_LISTED_LABELS}, also in "
        "`figures`"
    )
    label_count: int = Field(description="how many labels there are")
    named_labels: list[str] | None = Field(
        None,
        description="which labels it is asked to tell apart, in lists the first ones; null where it is all that you "
        "confirmed and gave examples of",
    )
    multi_label: bool
    reteach: bool
    confirmed: bool
    examples: int = Field(description="those that were given besides confirmed labels")
    job_id: str | None = Field(description="of the newest teaching")
    problem: ClassifierProblem | None
    figures: ClassifierFigures | None = Field(description="of the newest version; null before it was taught")
    doubts: list[DoubtfulExample]
    queue: int = Field(description="windows that wait in its review queue")
    applied: Application | None
    erased: bool = Field(
        description="whether a recording was erased that its newest version was taught from: teach it again"
    )
    shadowed: bool = Field(description="whether a served model has taken its name, so that it cannot be named in jobs")
    created_at: datetime
    taught_at: datetime | None


class Classifiers(BaseModel):
    """All classifiers of yours, by name."""

    items: list[ClassifierCard]


class ClassifierVersion(BaseModel):
    """One teaching of a classifier."""

    version: int
    labels: list[str] = Field(description=f"the first {MOST_LISTED_LABELS}, also in `figures`; its export has all")
    label_count: int = Field(description="how many labels there are")
    digest: str = Field(description="of its weights, `sha256:…`; results name it")
    space: str = Field("", description="the body on whose vectors it is")
    figures: ClassifierFigures | None = Field(description="null of one that was imported")
    taught_at: datetime


class ClassifierVersions(BaseModel):
    """The versions of a classifier, the newest first."""

    items: list[ClassifierVersion]


class QueuedWindow(BaseModel):
    """A window of a recording to ask about: the answer teaches more than that of others."""

    track_id: str
    filename: str
    start_s: float
    end_s: float
    label: str = Field(description="what it may be: confirm it, reject it, or say another")
    probability: float
    reason: Literal["uncertain", "new", "check"] = Field(
        description="`uncertain`: between two labels; `new`: unlike all that was taught; `check`: it is sure of it"
    )
    audio_url: str = Field(description="the recording from the window on, `#t=`")
    expires_at: datetime


class ReviewQueue(BaseModel):
    """The windows that would teach a classifier most, the best first."""

    classifier: str
    version: int
    items: list[QueuedWindow]
    left: int = Field(description="how many there are, with these")
