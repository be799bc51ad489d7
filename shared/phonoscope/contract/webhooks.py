"""Webhooks: which events are sent where, and the outcome of each delivery."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from phonoscope.requests import Moment, RequestModel, text

MAX_URL = 2048
MAX_DESCRIPTION = 256
LONGEST_OVERLAP_S = 7 * 86400
_OVERLAP_S = 86400


class EventType(StrEnum):
    """The types of events that an endpoint can receive."""

    JOB_SUCCEEDED = "job.succeeded"
    """Every task of a job has its result."""
    JOB_FAILED = "job.failed"
    """A job ended, and a task of it failed."""
    JOB_CANCELLED = "job.cancelled"
    """A job was cancelled."""


class DeliveryStatus(StrEnum):
    """The state of a delivery."""

    PENDING = "pending"
    """It will be tried, or tried again."""
    DELIVERED = "delivered"
    """The endpoint has answered 2xx."""
    DEAD = "dead"
    """All attempts failed; it can be sent again on request."""


class AttemptError(StrEnum):
    """Why an attempt failed."""

    REFUSED_ADDRESS = "refused_address"
    """The operator does not allow this address."""
    UNRESOLVABLE = "unresolvable"
    """The host has no address."""
    UNREACHABLE = "unreachable"
    """No connection within 5 s."""
    TLS_FAILED = "tls_failed"
    """The certificate does not prove the host, or the two sides share no way to encrypt."""
    TIMED_OUT = "timed_out"
    """No whole answer within 20 s."""
    DISCONNECTED = "disconnected"
    """The connection ended before the answer."""
    INVALID_ANSWER = "invalid_answer"
    """The answer was not HTTP, or its headers did not end."""
    REDIRECTED = "redirected"
    """3xx; redirects are not followed."""
    GONE = "gone"
    """410: the endpoint wants no more events."""
    REFUSED = "refused"
    """The status was not 2xx."""
    UNREADABLE_SECRET = "unreadable_secret"  # noqa: S105 - the name of an error
    """The service's own key has changed since the secret was made: rotate it."""


JOB_EVENTS = list(EventType)
WebAddress = Annotated[str, text(MAX_URL, 1), Field(json_schema_extra={"format": "uri"})]
AnyEventType = Annotated[EventType, Field(strict=False)]
Url = Annotated[WebAddress, Field(description="`https://…`, on an address that the operator allows")]
Events = Annotated[list[AnyEventType], Field(min_length=1, max_length=len(EventType), description="the events to send")]
Description = Annotated[str, text(MAX_DESCRIPTION), Field(description="yours")]


class WebhookRequest(RequestModel):
    """An endpoint that events are sent to."""

    url: Url
    events: Events = Field(default_factory=lambda: list(JOB_EVENTS))
    description: Description = ""


class WebhookChange(RequestModel):
    """What to change of an endpoint; what is left out stays."""

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    enabled: bool | None = Field(
        None, description="while false, no new events are kept for it, and waiting deliveries stay where they are"
    )


class Webhook(BaseModel):
    """An endpoint. ``webhook.test`` and ``webhook.disabled`` reach it whatever its ``events`` are."""

    id: str
    url: str
    events: list[EventType]
    description: str
    enabled: bool
    disabled_because: Literal["owner", "gone", "failing"] | None = Field(
        None, description="`gone`: it answered 410; `failing`: nothing could be delivered for 5 days"
    )
    failing_since: datetime | None = Field(None, description="the first failure after the last success")
    created_at: datetime


class NewWebhook(Webhook):
    """A new endpoint, with the secret that signs its events."""

    secret: str = Field(description="`whsec_…`, shown only once")


class SecretRotation(RequestModel):
    """For how long the previous secret stays valid."""

    overlap_s: int = Field(
        _OVERLAP_S, ge=0, le=LONGEST_OVERLAP_S, description="seconds in which both signatures are sent"
    )


class NewSecret(BaseModel):
    """A new secret."""

    secret: str = Field(description="`whsec_…`, shown only once")
    created_at: datetime
    previous_expires_at: datetime | None = Field(None, description="until then the previous secret signs too")


class DefaultSecret(BaseModel):
    """Facts about the secret that signs events to a job's own ``webhook_url``."""

    created_at: datetime
    previous_expires_at: datetime | None = None


class Attempt(BaseModel):
    """One try to deliver."""

    started_at: datetime
    duration_s: float
    address: str | None = Field(None, description="the checked address that was connected to")
    status_code: int | None = None
    error: AttemptError | None = Field(None, description="null when it was delivered")
    detail: str | None = None
    answer: str | None = Field(None, description="the first kilobyte of the answer's body")


class Delivery(BaseModel):
    """One event on its way to one endpoint."""

    id: str
    webhook_id: str | None = Field(description="null when it goes to a job's own `webhook_url`")
    url: str
    event_id: str = Field(description="the `webhook-id` of every attempt")
    event_type: str
    job_id: str | None
    track_id: str | None = Field(None, description="the job's recording; null where it has none, or was erased since")
    filename: str | None = Field(None, description="the recording's file name")
    body: str = Field(description="what is sent, byte for byte in UTF-8; the same at every attempt")
    status: DeliveryStatus
    created_at: datetime
    ended_at: datetime | None
    next_attempt_at: datetime | None
    attempts: list[Attempt]


class RedeliveryRequest(RequestModel):
    """Which of an endpoint's deliveries to send again."""

    since: Moment = Field(description="events that happened at this time or later")
    status: Annotated[DeliveryStatus, Field(strict=False)] | None = Field(
        None, description="only deliveries with this status"
    )


class Redelivery(BaseModel):
    """How many deliveries are due again."""

    redelivered: int


class JobNoticeData(BaseModel):
    """Which job ended; read the job for the rest."""

    job_id: str
    track_id: str | None
    status: Literal["succeeded", "failed", "cancelled"]


class JobNotice(BaseModel):
    """A job has ended."""

    type: EventType
    timestamp: datetime
    data: JobNoticeData


class TrialNoticeData(BaseModel):
    """Which endpoint is tested."""

    webhook_id: str


class TrialNotice(BaseModel):
    """A test, to see whether events arrive."""

    type: Literal["webhook.test"]
    timestamp: datetime
    data: TrialNoticeData


class DisabledNoticeData(BaseModel):
    """Which endpoint it was, and why."""

    webhook_id: str
    url: str
    because: Literal["gone", "failing"]


class DisabledNotice(BaseModel):
    """Another endpoint of yours was disabled."""

    type: Literal["webhook.disabled"]
    timestamp: datetime
    data: DisabledNoticeData
