"""When deliveries are tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from phonoscope_courier.retries import SCHEDULE, WEBHOOKS, RetryPolicy, retry_after_s

HOUR = 3600.0


def test_the_schedule_is_the_contract_s() -> None:
    """At once, then after 5 s, 5 and 30 min, 2, 5, 10, 14, 20 and 24 h; then never."""
    exact = RetryPolicy(replace(SCHEDULE, jitter=0.0))
    waits = [exact.wait_s(tries) for tries in range(11)]
    hours = [hours * HOUR for hours in (2, 5, 10, 14, 20, 24)]
    assert waits == [0.0, 5.0, 300.0, 1800.0, *hours, None]


def test_jitter_only_delays() -> None:
    """What failed together comes back apart, none before its time, none much after it."""
    waits = [WEBHOOKS.wait_s(2) or 0.0 for _ in range(200)]
    assert min(waits) >= 300.0
    assert max(waits) <= 330.0
    assert len({round(wait, 3) for wait in waits}) > 100


def test_an_endpoint_may_ask_for_patience() -> None:
    """No less than the schedule's, no more than a day; and it gets no further attempt by asking."""
    exact = RetryPolicy(replace(SCHEDULE, jitter=0.0))
    assert exact.wait_s(1, 60.0) == 60.0
    assert exact.wait_s(2, 60.0) == 300.0
    assert exact.wait_s(1, 1e9) == 24 * HOUR
    assert exact.wait_s(10, 60.0) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 17 ", 17.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:28:30", 30.0),
        ("Wed, 21 Oct 2026 09:28:30 +0200", 30.0),
        ("Wed, 21 Oct 2020 07:28:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u0661\u0662", None),
    ],
)
def test_retry_after_comes_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    """What is neither says nothing."""
    assert retry_after_s(header, datetime(2026, 10, 21, 7, 28, tzinfo=UTC)) == seconds
