"""Renders an event as bytes, and signs it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from standardwebhooks import Webhook

from phonoscope import __version__

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def render(type_: str, happened_at: datetime, data: dict[str, Any]) -> bytes:
    """The body of an event's requests; the same bytes at every attempt."""
    timestamp = happened_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    event = {"type": type_, "timestamp": timestamp, "data": data}
    return _encode(event).encode()


def signed_headers(event_id: str, body: bytes, secrets: Iterable[str], now: datetime) -> dict[str, str]:
    """The headers of an attempt made now, with one signature for each secret, the newest first."""
    text = body.decode()
    return {
        "content-type": "application/json",
        "user-agent": f"phonoscope/{__version__}",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(_signer(secret).sign(event_id, now, text) for secret in secrets),
    }


@lru_cache(1024)
def _signer(secret: str) -> Webhook:
    return Webhook(secret)
