"""Signs an event's request."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from standardwebhooks import Webhook

from phonoscope import __version__


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
