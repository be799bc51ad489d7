"""Links that share one recording."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from phonoscope.contract.labels import PlacedLabel
from phonoscope.contract.tracks import Track
from phonoscope.requests import RequestModel

_DAY_S = 86_400
USUAL_SHARE_S = 7 * _DAY_S
LONGEST_SHARE_S = 90 * _DAY_S
SHORTEST_SHARE_S = 60


class ShareRequest(RequestModel):
    """A link to make, with which anyone can read a recording."""

    expires_in_s: int = Field(
        USUAL_SHARE_S, ge=SHORTEST_SHARE_S, le=LONGEST_SHARE_S, description="seconds after which the link ends"
    )


class TrackShare(BaseModel):
    """A link to a recording, without its token."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    track_id: str
    created_at: datetime
    expires_at: datetime
    key_id: str | None = Field(description="the API key, or the user, that made it")


class NewShare(TrackShare):
    """A link that was made, with what opens it; it is shown only once."""

    token: str = Field(description="`pss_…`, to be sent in place of an API key; shown only once")
    url: str = Field(description="of the page that shows the recording, on the gateway's own origin")


class SharedTrack(BaseModel):
    """What a shared link shows."""

    track: Track = Field(description="without its owner's notes")
    labels: list[PlacedLabel] = Field(
        default_factory=list,
        description="what its owner confirmed and rejected; that of the whole recording comes first, then by time",
    )
    measurement_failed: bool = Field(
        False, description="whether the newest `describe` that was tried failed; false once its job is erased"
    )
    expires_at: datetime = Field(description="when the link ends")


class TrackShares(BaseModel):
    """The links to a recording that are good, newest first."""

    track_id: str
    items: list[TrackShare]
