"""The bodies of events' requests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def render(type_: str, happened_at: datetime, data: dict[str, Any]) -> bytes:
    """The body of an event's requests; the same bytes at every attempt."""
    timestamp = happened_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    event = {"type": type_, "timestamp": timestamp, "data": data}
    return _encode(event).encode()
