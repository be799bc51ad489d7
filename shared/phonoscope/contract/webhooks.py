"""Webhooks: who is told of what, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

MAX_URL = 2048
MAX_DESCRIPTION = 256
LONGEST_OVERLAP_S = 7 * 86400
_OVERLAP_S = 86400


class EventType(StrEnum):
    """What an endpoint can ask to be told."""

    JOB_SUCCEEDED = "job.succeeded"
    """Every task of a job has its result."""
    JOB_FAILED = "job.failed"
    """A job ended, and a task of it failed."""
    JOB_CANCELLED = "job.cancelled"
    """A job was called off."""


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    """It will be tried, or tried again."""
    DELIVERED = "delivered"
    """The endpoint has answered 2xx."""
    DEAD = "dead"
    """It was given up; it can be asked for again."""


class AttemptError(StrEnum):
    """Why an attempt was none that counts."""

    REFUSED_ADDRESS = "refused_address"
    """The operator does not allow where it leads."""
    UNRESOLVABLE = "unresolvable"
    """The host has no address."""
    UNREACHABLE = "unreachable"
    """No connection within 5 s."""
    TLS_FAILED = "tls_failed"
    """The certificate does not prove the host, or there was no agreement on how to encrypt."""
    TIMED_OUT = "timed_out"
    """No whole answer within 20 s."""
    DISCONNECTED = "disconnected"
    """The connection ended before the answer."""
    INVALID_ANSWER = "invalid_answer"
    """What came was not HTTP, or its headers had no end."""
    REDIRECTED = "redirected"
    """3xx; redirects are not followed."""
    GONE = "gone"
    """410: the endpoint wants no more."""
    REFUSED = "refused"
    """Another status than 2xx."""
    UNREADABLE_SECRET = "unreadable_secret"  # noqa: S105 - the name of an error
    """The service's own key has changed since the secret was made: rotate it."""


JOB_EVENTS = list(EventType)
Url = Annotated[str, Field(max_length=MAX_URL, description="`https://…`, on an address that the operator allows")]
Events = Annotated[list[EventType], Field(min_length=1, description="of what to be told")]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION, description="yours")]


class WebhookRequest(BaseModel):
    """An endpoint to be told of events."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    events: Events = Field(default_factory=lambda: list(JOB_EVENTS))
    description: Description = ""


class WebhookChange(BaseModel):
    """What shall be different about an endpoint; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    enabled: bool | None = Field(
        None, description="while it is false, no new events are kept for it, and those that wait go on waiting"
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
    """An endpoint just made, with what its events are signed with."""

    secret: str = Field(description="`whsec_…`, shown this one time")


class SecretRotation(BaseModel):
    """How long the secret before is good beside the new one."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(
        _OVERLAP_S, ge=0, le=LONGEST_OVERLAP_S, description="seconds in which both signatures are sent"
    )


class NewSecret(BaseModel):
    """A secret just made."""

    secret: str = Field(description="`whsec_…`, shown this one time")
    created_at: datetime
    previous_expires_at: datetime | None = Field(None, description="until then the one before signs too")


class DefaultSecret(BaseModel):
    """What is known of the secret that signs events to a job's own ``webhook_url``."""

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
    status: DeliveryStatus
    created_at: datetime
    ended_at: datetime | None
    next_attempt_at: datetime | None
    attempts: list[Attempt]


class RedeliveryRequest(BaseModel):
    """Which of an endpoint's deliveries are to be made again."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime = Field(description="of events that happened then or later")
    status: DeliveryStatus | None = Field(None, description="only deliveries that stand so")


class Redelivery(BaseModel):
    """How many deliveries are due again."""

    redelivered: int


class JobNoticeData(BaseModel):
    """Which job it was; the job itself tells the rest."""

    job_id: str
    track_id: str | None
    status: Literal["succeeded", "failed", "cancelled"]


class JobNotice(BaseModel):
    """A job has ended."""

    type: EventType
    timestamp: datetime
    data: JobNoticeData


class TrialNoticeData(BaseModel):
    """Which endpoint is being tried."""

    webhook_id: str


class TrialNotice(BaseModel):
    """Somebody wants to know whether events arrive."""

    type: Literal["webhook.test"]
    timestamp: datetime
    data: TrialNoticeData


class DisabledNoticeData(BaseModel):
    """Which endpoint it was, and why."""

    webhook_id: str
    url: str
    because: Literal["gone", "failing"]


class DisabledNotice(BaseModel):
    """Another endpoint of yours is sent no more events."""

    type: Literal["webhook.disabled"]
    timestamp: datetime
    data: DisabledNoticeData
