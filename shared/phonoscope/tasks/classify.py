"""``classify``: labels, for the whole recording and window by window."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from phonoscope.catalogue import AUTO, BodyManifest, Catalogue, Kind
from phonoscope.errors import InvalidRequest
from phonoscope.requests import Name, text
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

MAX_TOP_K = 100
MOST_MODELS = 8
MOST_ASKED = 64
LONGEST_ASKED = 200


class ClassifyOptions(TaskOptions):
    model: Name | Annotated[list[Name], Field(min_length=1, max_length=MOST_MODELS)] | None = Field(
        None,
        description="a served model's name; or several, of which each answers and the first one counts; or `auto`, "
        "which chooses by what is heard; the service's default when left out",
    )
    top_k: int = Field(3, ge=1, le=MAX_TOP_K, description="how many labels to name")
    labels: list[Annotated[str, text(LONGEST_ASKED, 1)]] | None = Field(
        None,
        min_length=1,
        max_length=MOST_ASKED,
        description="labels in the client's own words, such as `a chainsaw`: `asked` says how near the recording is to "
        "each, besides what the models answer",
    )

    def names(self, default: str) -> tuple[str, ...]:
        """The models' names, or the default's."""
        if self.model is None:
            return (default,)
        return (self.model,) if isinstance(self.model, str) else tuple(self.model)


class Prediction(Part):
    """A label and how probable it is."""

    label: str
    probability: float = Field(description="from 0 to 1")


class ClassifiedWindow(Part):
    """The labels of a window of the recording."""

    start_s: float
    end_s: float
    top: list[Prediction]
    unknown: bool = Field(description="whether no label is likely enough")
    silent: bool
    kind: Kind | None = Field(None, description="what is heard there; null unless `auto` chose")
    model: str | None = Field(None, description="the model that answers there; null where all are of one model")


class Answer(Part):
    """The labels of one model over all that it was asked about."""

    model: ModelRef
    top: list[Prediction] = Field(min_length=1, description="the most probable first")
    unknown: bool = Field(description="whether no label is likely enough")
    labels: list[str] = Field(
        default_factory=list,
        description="those that count, by which the track is found: the most probable one; with `several` all that are "
        "above their thresholds, also those beyond `top_k`; none when `unknown`",
    )
    several: bool = Field(description="whether several labels can hold at once: their probabilities need not sum to 1")
    thresholds: list[float] = Field(description="for each label of `top`, the probability from which it counts")


class LabelWeight(Part):
    """A model's label, and how much it counts."""

    model: str
    label: str
    weight: float = Field(description="at most 1; below 0 where the label should not be heard")


class AskedLabel(Part):
    """A label in the client's words, and how near the recording is to it."""

    label: str
    score: float = Field(
        description="from 0 to 1, to be compared within one answer; by `clap` those of all labels sum to 1"
    )
    by: list[LabelWeight] = Field(
        default_factory=list, description="the labels that it was taken for, the heaviest first; of `clap` none"
    )


class AskedScore(Part):
    """A label in the client's words, and how near a window is to it."""

    label: str
    score: float = Field(description="from 0 to 1, to be compared within one answer")


class AskedWindow(Part):
    """How near a window is to the labels that were asked for."""

    start_s: float
    end_s: float
    top: list[AskedScore] = Field(description="the nearest first, as many as `top_k`")


class Asked(Part):
    """The labels that the request names, by what the recording is nearest to."""

    way: Literal["meaning", "spelling", "clap"] = Field(
        description="`meaning`: by the models' labels that mean the same; `spelling`: by those that are spelled alike, "
        "since no model that knows meanings was pulled; `clap`: by a model that embeds sounds and sentences alike"
    )
    top: list[AskedLabel] = Field(description="all of them, the nearest first; silent windows do not count")
    windows: list[AskedWindow]
    missing: list[str] = Field(description="those that no model's label is near to; their score is 0")


class ClassifyResult(TaskResult):
    """The labels of a recording."""

    task: Literal["classify"] = "classify"
    model: ModelRef = Field(description="the model that counts: the named one, the first of several, or the chosen one")
    top: list[Prediction] = Field(min_length=1, description="over the whole recording, the most probable first")
    unknown: bool = Field(description="whether no label is likely enough")
    kind: Kind | None = Field(None, description="what the recording mostly is; null unless `auto` chose")
    answers: list[Answer] = Field(
        default_factory=list, description="each model's labels: of the one that counts first, then of the others"
    )
    windows: list[ClassifiedWindow]
    asked: Asked | None = Field(None, description="null unless `labels` names some")
    duration_s: float
    warnings: list[str] = Field(default_factory=list)

    @property
    def label(self) -> str | None:
        """The label that counts; ``None`` when no label is likely enough."""
        counting = self.answers[0].labels if self.answers else []
        return None if self.unknown else next(iter(counting), self.top[0].label)

    @property
    def labels(self) -> list[str]:
        """The labels of all answers, each once, the one that counts first."""
        others = [label for answer in self.answers for label in answer.labels]
        return list(dict.fromkeys([*([self.label] if self.label else []), *others]))


def _check(options: ClassifyOptions, asked: RequestContext) -> None:
    names = options.names(asked.default_model)
    if len(set(names)) < len(names):
        raise InvalidRequest.field("model", "each model at most once")
    if len(names) > 1 and AUTO in names:
        raise InvalidRequest.field("model", "`auto` stands alone")
    if options.model is not None:
        asked.catalogue.among(names)
    _check_labels(options.labels or [])


def _check_labels(labels: list[str]) -> None:
    plain = [" ".join(label.casefold().split()) for label in labels]
    for index, label in enumerate(plain):
        if not any(sign.isalnum() for sign in label):
            raise InvalidRequest.field(f"labels.{index}", "a label has a word")
        if label in plain[:index]:
            raise InvalidRequest.field(f"labels.{index}", "each label at most once")


def further_body(options: ClassifyOptions, catalogue: Catalogue) -> BodyManifest | None:
    """The body in whose space the client's own labels are compared with sounds; ``None`` where there is none."""
    return catalogue.with_text if options.labels else None


def _texts(options: ClassifyOptions, catalogue: Catalogue) -> list[str]:
    body = further_body(options, catalogue)
    texts = [manifest.identity for manifest in catalogue.texts.values()] if options.labels else []
    return texts if body is None else [*texts, body.identity]


Classify = TaskSpec(
    TaskName.CLASSIFY,
    pool=Pool.GPU,
    cost=Cost(0.2, 0.02),
    further_cost=Cost(5.0, 0.1),
    options=ClassifyOptions,
    result=ClassifyResult,
    revision=3,
    model=ModelKind.CLASSIFIER,
    writes=frozenset({Writes.LABEL}),
    check=_check,
    further=_texts,
)
