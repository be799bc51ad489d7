"""Signed, expiring links."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class SignedLink(BaseModel):
    """A link that needs no key, for a time."""

    url: str = Field(description="on the gateway's own origin; needs no key")
    expires_at: datetime


class ArtifactLink(SignedLink):
    """A link to an object that a task made, or to a recording's cover."""

    id: str
    name: str = Field(description="as a file's, unique within its task")
    media_type: str
    size_bytes: int


def with_links(body: Any, link: Callable[[str, dict[str, Any]], ArtifactLink]) -> Any:
    """A result's body in JSON's types, with a link in place of each reference to an artifact.

    Args:
        link: makes the link of an artifact's id and its other facts (name, media type, size).
    """
    if isinstance(body, list):
        return [with_links(item, link) for item in body]
    if not isinstance(body, dict):
        return body
    if "artifact" not in body:
        return {name: with_links(item, link) for name, item in body.items()}
    facts = {name: item for name, item in body.items() if name != "artifact"}
    return link(body["artifact"], facts).model_dump(mode="json")
