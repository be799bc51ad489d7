"""When a delivery is attempted again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from phonoscope.retry import Backoff

_MINUTE_S = 60.0
_HOUR_S = 3600.0


SCHEDULE = Backoff(
    listed_s=(
        5.0,
        5 * _MINUTE_S,
        30 * _MINUTE_S,
        2 * _HOUR_S,
        5 * _HOUR_S,
        10 * _HOUR_S,
        14 * _HOUR_S,
        20 * _HOUR_S,
        24 * _HOUR_S,
    ),
    jitter=0.1,
)
"""The first attempt comes at once; each pause counts from the failure before it."""


@dataclass(frozen=True)
class RetryPolicy:
    """When a delivery is attempted again; after the last attempt it is dead.

    An endpoint that asks for a longer pause gets it, up to ``longest_s`` seconds.
    """

    backoff: Backoff = SCHEDULE
    longest_s: float = 24 * _HOUR_S

    def wait_s(self, tries: int, asked_s: float | None = None) -> float | None:
        """The seconds to wait after so many failed attempts; ``None`` when the last one was made.

        >>> RetryPolicy(Backoff(listed_s=(5.0, 300.0))).wait_s(1)
        5.0
        """
        if not self.backoff.allows(tries):
            return None
        return max(self.backoff.pause_s(tries), min(asked_s or 0.0, self.longest_s))


WEBHOOKS = RetryPolicy()
FAILING_LIMIT = timedelta(days=5)
"""An endpoint to which nothing could be delivered for this long is disabled."""


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """The seconds that a ``Retry-After`` header asks for, given in seconds or as a date; ``None`` when it says nothing.

    >>> retry_after_s("120")
    120.0
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())
