"""API keys: what each may do, until when, and what was done with them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from phonoscope.requests import Moment, RequestModel

MAX_KEY_NAME = 100
LONGEST_GRACE_S = 7 * 86_400
_GRACE_S = 86_400


class Scope(StrEnum):
    """What a key may do. No scope includes another."""

    READ = "read"
    """Read what its owner has."""
    WRITE = "write"
    """Make, change and delete what its owner has."""
    ADMIN = "admin"
    """Manage its owner's keys, and read the audit log."""


USUAL_SCOPES = (Scope.READ, Scope.WRITE)
"""The scopes of a key that names none."""

KeyName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_KEY_NAME,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="yours: what the key is for, without control characters",
    ),
]
AnyScope = Annotated[Scope, Field(strict=False)]
Scopes = Annotated[list[AnyScope], Field(min_length=1, max_length=len(Scope), description="what the key may do")]
ExpiresAt = Annotated[Moment | None, Field(description="the key is not valid from then on; `null`: for ever")]
LinksEnd = Annotated[bool, Field(description="whether signed links that this key asked for end with it")]


class KeyRequest(RequestModel):
    """An API key to make."""

    name: KeyName
    scopes: Scopes = Field(default_factory=lambda: list(USUAL_SCOPES))
    expires_at: ExpiresAt = None
    links_end: LinksEnd = False


class KeyChange(RequestModel):
    """What to change of a key; what is left out stays. An expiry of ``null`` removes the expiry."""

    name: KeyName | None = None
    scopes: Scopes | None = None
    expires_at: ExpiresAt = None
    links_end: LinksEnd | None = None


class KeyRotation(RequestModel):
    """How long the secret of before stays valid."""

    grace_s: int = Field(_GRACE_S, ge=0, le=LONGEST_GRACE_S, description="seconds for which both secrets are valid")


class CancelledJobs(StrEnum):
    """Which jobs are cancelled with a key."""

    NONE = "none"
    """None."""
    KEY = "key"
    """Those that the key asked for and that have not ended."""
    OWNER = "owner"
    """All of the key's owner that have not ended."""


class ApiKey(BaseModel):
    """An API key, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="to the minute")
    revoked_at: datetime | None
    previous_until: datetime | None = Field(description="until when the secret before the last rotation is valid")
    links_end: LinksEnd


class NewApiKey(ApiKey):
    """A key that was made or rotated, with the whole key; it is shown only once."""

    key: str = Field(description="`psk_…`, shown only once")


class AuditEntry(BaseModel):
    """What was done, when, by which key. Entries are never changed."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    created_at: datetime
    key_id: str | None = Field(
        description="the API key, or the user, that did it; `null`: the operator or the service itself"
    )
    action: str = Field(description="as `key.created` or `track.deleted`")
    subject: str = Field(description="the id of what it was done to")
    details: dict[str, Any] = Field(description="never a secret")
