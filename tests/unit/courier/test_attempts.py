"""What an attempt at a delivery leaves in the log."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import structlog
from structlog.testing import capture_logs

from phonoscope.addresses import Allowed
from phonoscope.db.webhooks.outbox import ClaimedDelivery
from phonoscope.traces import end_traces, start_traces
from phonoscope.webhooks.rules import Rules
from phonoscope.webhooks.vault import Vault, new_secret
from phonoscope_courier import attempts
from phonoscope_courier.attempts import Attempter
from phonoscope_courier.exchange import Answer
from phonoscope_courier.sending import Sender
from tests.collector import collecting

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Broken(Sender):
    """Fails in a way that nobody thought of."""

    async def post(self, *_: object) -> tuple[str, Answer]:
        raise ZeroDivisionError


def test_a_delivery_that_breaks_is_logged_with_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that its endpoint refuses is; the error is the courier's own."""
    # One that was used before keeps the processors of before.
    monkeypatch.setattr(attempts, "_log", structlog.get_logger())
    vault = Vault("a signing secret for tests")
    delivery = ClaimedDelivery(
        delivery_id="dlv_1",
        token="token",
        webhook_id="whk_1",
        url="http://127.0.0.1:1/",
        event_id="evt_1",
        type="job.succeeded",
        happened_at=datetime.now(UTC),
        data={"job_id": "job_1", "track_id": "trk_1", "status": "succeeded"},
        tries=0,
        sealed=(vault.seal(new_secret()),),
        traceparent=f"00-{TRACE}-{PARENT}-01",
    )
    sender = Broken(Rules(Allowed.parse("127.0.0.0/8"), http=True))
    with collecting() as collector, capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        start_traces(collector.url, "courier")
        try:
            with pytest.raises(ZeroDivisionError):
                asyncio.run(Attempter(sender, vault).attempt(delivery))
        finally:
            end_traces()
            sender.close()
    (line,) = lines
    assert (line["event"], line["delivery_id"], line["trace_id"]) == ("delivery.broke", "dlv_1", TRACE)
