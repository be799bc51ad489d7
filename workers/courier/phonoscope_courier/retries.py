"""When a delivery is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_MINUTE_S = 60.0
_HOUR_S = 3600.0


@dataclass(frozen=True)
class RetryPolicy:
    """Seconds before each attempt, counted from the failure before it; after the last attempt a delivery is given up.

    ``jitter`` is the share by which a wait may be longer, so that what failed together does not come back together.
    An endpoint that asks for more patience gets it, up to ``longest_s``.
    """

    waits_s: tuple[float, ...] = (
        0.0,
        5.0,
        5 * _MINUTE_S,
        30 * _MINUTE_S,
        2 * _HOUR_S,
        5 * _HOUR_S,
        10 * _HOUR_S,
        14 * _HOUR_S,
        20 * _HOUR_S,
        24 * _HOUR_S,
    )
    jitter: float = 0.1
    longest_s: float = 24 * _HOUR_S

    def wait_s(self, tries: int, asked_s: float | None = None) -> float | None:
        """How long to wait after that many failed attempts; ``None`` when it was the last.

        >>> RetryPolicy(jitter=0.0).wait_s(1)
        5.0
        """
        if tries >= len(self.waits_s):
            return None
        wait_s = self.waits_s[tries] * (1.0 + self.jitter * random.random())  # noqa: S311 - spreads load, no secret
        return max(wait_s, min(asked_s or 0.0, self.longest_s))


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
