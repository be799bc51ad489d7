"""Labels that you confirm and reject, how they changed, and what was imported."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from phonoscope.annotations.files import LabelFormat
from phonoscope.annotations.values import LONGEST_LABEL, MOST_LABELS, LabelRequest
from phonoscope.requests import RequestModel
from phonoscope.states import LabelState

__all__ = [
    "LONGEST_LABEL",
    "MOST_LABELS",
    "ImportReport",
    "KeptLabel",
    "LabelAction",
    "LabelChange",
    "LabelCount",
    "LabelFormat",
    "LabelRequest",
    "LabelSet",
    "LabelSetRequest",
    "LabelState",
    "PlacedLabel",
]


class LabelAction(StrEnum):
    """What changed a recording's labels."""

    REPLACED = "replaced"
    """All of them were given anew."""
    SAID = "said"
    """One was confirmed or rejected."""
    UNDONE = "undone"
    """The change before was undone."""
    IMPORTED = "imported"
    """They came from a file."""


class LabelSetRequest(RequestModel):
    """All that you confirm and reject of a recording."""

    labels: list[LabelRequest] = Field(
        json_schema_extra={"maxItems": MOST_LABELS},
        description="one state for each label of each span; the first confirmed one of the whole recording is shown",
    )


class PlacedLabel(BaseModel):
    """A label that was confirmed or rejected: of the whole recording, of a span, or of a point in time."""

    model_config = ConfigDict(from_attributes=True)

    label: str
    state: LabelState
    start_s: float | None = Field(description="`null`: it is of the whole recording")
    end_s: float | None = Field(description="`null` beside a `start_s`: it is of that point in time")


class KeptLabel(PlacedLabel):
    """A label that you confirmed or rejected."""

    predicted: bool = Field(description="whether a model predicts it of the recording; if none does, the label is new")
    changed_at: datetime
    key_id: str | None = Field(
        description="the API key, or the user, that said it; `null`: the operator or the service"
    )

    def request(self) -> LabelRequest:
        """The same, to be sent."""
        return LabelRequest(label=self.label, state=self.state, start_s=self.start_s, end_s=self.end_s)


class LabelSet(BaseModel):
    """All that you confirmed and rejected of a recording; what is of the whole recording comes first, then by time."""

    track_id: str
    revision: int = Field(description="how often it was changed; in quotation marks it is the `ETag`")
    labels: list[KeptLabel]


class LabelChange(BaseModel):
    """A change of a recording's labels. One whose state changed is among both lists."""

    model_config = ConfigDict(from_attributes=True)

    revision: int = Field(description="that it made")
    created_at: datetime
    key_id: str | None = Field(description="the API key, or the user, that did it; `null`: the operator or the service")
    action: LabelAction
    added: list[PlacedLabel]
    removed: list[PlacedLabel]


class LabelCount(BaseModel):
    """A label of your recordings."""

    model_config = ConfigDict(from_attributes=True)

    label: str
    confirmed: int = Field(description="recordings of which you confirmed it, or of a part of which")
    rejected: int = Field(description="recordings of which you rejected it, or of a part of which")
    spans: int = Field(description="spans and points that have it, confirmed or rejected")
    predicted: int = Field(description="recordings of which a model predicts it, whatever you say of it")


class ImportReport(BaseModel):
    """What a file with labels changes."""

    dry_run: bool = Field(description="whether nothing was changed, since only the report was asked for")
    labels: int = Field(description="in the file")
    tracks: int = Field(description="that the file names")
    added: int
    changed: int = Field(description="labels whose state changes")
    removed: int
    unchanged: int
