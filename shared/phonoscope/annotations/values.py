"""A label that an owner confirmed or rejected: of a whole recording, of a span or of a point in time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from phonoscope.errors import ContradictoryLabels, InvalidRequest, TooManyLabels
from phonoscope.requests import RequestModel
from phonoscope.states import LabelState
from phonoscope.written import clean_line

LONGEST_LABEL = 100
MOST_LABELS = 1_000
"""Confirmed and rejected labels of one track."""
_DECIMALS = 6
_OVERSHOOT_S = 0.05
"""Programs disagree about a recording's end: what ends a little after it ends with it."""


Label: TypeAlias = Annotated[
    str,
    AfterValidator(partial(clean_line, longest=LONGEST_LABEL, what="label")),
    Field(
        json_schema_extra={"minLength": 1, "maxLength": LONGEST_LABEL},
        description="one line; a model's label, or any of your own",
    ),
]
AnyState: TypeAlias = Annotated[LabelState, Field(strict=False)]
Seconds: TypeAlias = Annotated[float, Field(ge=0.0)]
_START = Field(None, description="where it starts, in seconds; `null`: it is of the whole recording")
_END = Field(None, description="where it ends, after `start_s`; `null` beside a `start_s`: it is of that point in time")


@dataclass(frozen=True, slots=True)
class Annotation:
    """A label that an owner confirmed or rejected.

    Without ``start_s`` it is of the whole recording, without ``end_s`` alone of a point. Times in seconds.
    """

    label: str
    state: LabelState
    start_s: float | None = None
    end_s: float | None = None

    @property
    def key(self) -> tuple[str, float | None, float | None]:
        """What it is said of: there is one state for each."""
        return self.label, self.start_s, self.end_s

    def within(self, duration_s: float) -> Annotation:
        """The same, to the microsecond, within a recording.

        A span over the whole recording is the whole recording. What ends up to 50 ms after the recording ends with it.

        Raises ``InvalidRequest``, which names ``start_s`` or ``end_s``.
        """
        if self.start_s is None:
            return self
        whole_s = round(duration_s, _DECIMALS)
        start_s = round(self.start_s, _DECIMALS)
        if start_s > whole_s:
            raise InvalidRequest.field("start_s", f"the recording ends at {whole_s:g} s")
        if self.end_s is None:
            return replace(self, start_s=start_s)
        if self.end_s > whole_s + _OVERSHOOT_S:
            raise InvalidRequest.field("end_s", f"the recording ends at {whole_s:g} s")
        end_s = min(round(self.end_s, _DECIMALS), whole_s)
        if end_s <= start_s:
            raise InvalidRequest.field("end_s", "must be after start_s, within the recording")
        if start_s == 0.0 and end_s == whole_s:
            return replace(self, start_s=None, end_s=None)
        return replace(self, start_s=start_s, end_s=end_s)


class LabelRequest(RequestModel):
    """A label that you confirm or reject: of the whole recording, of a span, or of a point in time."""

    label: Label
    state: AnyState = LabelState.CONFIRMED
    start_s: Seconds | None = _START
    end_s: Seconds | None = _END

    @field_validator("end_s")
    @classmethod
    def _check_end(cls, end_s: float | None, info: ValidationInfo) -> float | None:
        check_end(info.data, end_s)
        return end_s

    @property
    def annotation(self) -> Annotation:
        return Annotation(self.label, self.state, self.start_s, self.end_s)


def check_end(others: dict[str, Any], end_s: float | None) -> None:
    """Raises ``PydanticCustomError`` where an end has no start before it."""
    if end_s is None or "start_s" not in others:
        return
    if others["start_s"] is None:
        raise PydanticCustomError("end_alone", "needs a start_s")
    if end_s <= others["start_s"]:
        raise PydanticCustomError("end_order", "must be after start_s; a point has no end_s")


def check_together(annotations: Iterable[Annotation]) -> None:
    """Checks what is to be said of one track, after ``within``.

    Raises:
        TooManyLabels: there are more than ``MOST_LABELS``.
        ContradictoryLabels: one label of one span is both confirmed and rejected.
        InvalidRequest: the same is said twice.
    """
    known: dict[tuple[str, float | None, float | None], tuple[int, LabelState]] = {}
    for at, each in enumerate(annotations):
        first, state = known.setdefault(each.key, (at, each.state))
        if state is not each.state:
            raise ContradictoryLabels.field(f"labels.{at}", f"labels.{first} says the opposite of {each.label!r} there")
        if first != at:
            raise InvalidRequest.field(f"labels.{at}", f"the same as labels.{first}")
    check_count(len(known))


def check_count(count: int) -> None:
    """Raises ``TooManyLabels`` where a track would have more than ``MOST_LABELS``."""
    if count > MOST_LABELS:
        raise TooManyLabels.field("labels", f"a track has at most {MOST_LABELS:,}; there would be {count:,}")
