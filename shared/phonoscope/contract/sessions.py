"""Sessions of people who signed in through an identity provider."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from phonoscope.contract.keys import Scope


class SignInWay(BaseModel):
    """How people sign in to the page without an API key."""

    name: str = Field(description="of the identity provider")
    url: str = Field(description="where a browser begins; `return_to`: the path of the page to come back to")


class SignedInUser(BaseModel):
    """Who is signed in by a browser's cookie."""

    id: str
    name: str
    email: str | None
    scopes: list[Scope] = Field(description="what the user may do")
    expires_at: datetime = Field(description="when the session ends")
    csrf_token: str = Field(description="to be sent as `X-CSRF-Token` with what changes something")


class CurrentSession(BaseModel):
    """Who is signed in, and how anybody signs in."""

    sign_in: SignInWay | None = Field(description="`null`: by API keys alone")
    user: SignedInUser | None = Field(description="`null`: nobody, or an API key")
    scopes: list[Scope] | None = Field(
        None, description="what whoever asks may do, by session or by API key; `null`: nobody asks"
    )
    key_id: str | None = Field(
        None, description="the API key, or the user, that asks, as in labels and the audit log; `null`: nobody asks"
    )


class EndedSession(BaseModel):
    """A session that was ended."""

    sign_out_url: str | None = Field(description="where a browser signs out of the identity provider too")


class UserSession(BaseModel):
    """An open session of somebody who signed in."""

    id: str
    user_id: str
    name: str
    email: str | None
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="to the minute")
