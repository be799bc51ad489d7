"""Makes one attempt at a delivery: signs it, sends it and judges the answer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from phonoscope.contract import AttemptError, DeliveryStatus
from phonoscope.db.webhooks.attempts import Attempted
from phonoscope.db.webhooks.outbox import ClaimedDelivery
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.traces import current_span, root_span
from phonoscope.webhooks.bodies import render
from phonoscope.webhooks.vault import Vault
from phonoscope_courier.exchange import Answer
from phonoscope_courier.retries import WEBHOOKS, RetryPolicy, retry_after_s
from phonoscope_courier.sending import AttemptFailed, Sender
from phonoscope_courier.signing import signed_headers

_KEPT_ANSWER_BYTES = 1024
_MAX_DETAIL_LENGTH = 500
_log = get_logger(__name__)


class Attempter:
    """Makes attempts at deliveries and decides what follows."""

    def __init__(self, sender: Sender, vault: Vault, policy: RetryPolicy = WEBHOOKS) -> None:
        self._sender = sender
        self._open = lru_cache(4096)(vault.open)
        self._policy = policy

    async def attempt(self, delivery: ClaimedDelivery) -> Attempted:
        """The attempt as it is recorded; an endpoint's failure is part of it. Any other error is logged and raised."""
        facts = {"phonoscope.event.type": delivery.type, "phonoscope.delivery.id": delivery.delivery_id}
        with root_span("deliver", "client", delivery.traceparent, facts) as span:
            try:
                attempted = await self._attempt(delivery)
            except Exception:
                _log.exception("delivery.broke", delivery_id=delivery.delivery_id)
                raise
            if attempted.status_code is not None:
                span.describe({"http.response.status_code": attempted.status_code})
            if attempted.error:
                span.fail(attempted.error.value)
        return attempted

    async def _attempt(self, delivery: ClaimedDelivery) -> Attempted:
        started_at = datetime.now(UTC)
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            verdict = await self._send(delivery, started_at)
        except AttemptFailed as failed:
            verdict = {"error": failed.error, "detail": failed.detail, "address": failed.address}
        attempted = Attempted(
            delivery_id=delivery.delivery_id,
            webhook_id=delivery.webhook_id,
            token=delivery.token,
            started_at=started_at,
            duration_s=round(clock() - started, 4),
            **verdict | self._consequence(delivery, verdict),
        )
        result = attempted.error.value if attempted.error else "delivered"
        recorder().delivery_attempted(result, attempted.duration_s)
        if attempted.error:
            code, error = attempted.status_code, attempted.error.value
            _log.info("delivery.failed", delivery_id=delivery.delivery_id, error=error, status_code=code)
        return attempted

    async def _send(self, delivery: ClaimedDelivery, now: datetime) -> dict[str, Any]:
        secrets = [secret for secret in map(self._open, delivery.sealed) if secret]
        if not secrets:
            raise AttemptFailed(AttemptError.UNREADABLE_SECRET, "no secret can be read to sign with; rotate it")
        body = render(delivery.type, delivery.happened_at, delivery.data)
        headers = signed_headers(delivery.event_id, body, secrets, now)
        if (traceparent := current_span().traceparent) is not None:
            headers["traceparent"] = traceparent
        address, answer = await self._sender.post(delivery.url, headers, body)
        asked_s = retry_after_s(answer.headers.get("retry-after"))
        return {
            "address": address,
            "status_code": answer.status,
            "answer": _printable(answer.body[:_KEPT_ANSWER_BYTES]),
            "pause_s": min(asked_s or 0.0, self._policy.longest_s),
            **_verdict_on(answer),
        }

    def _consequence(self, delivery: ClaimedDelivery, verdict: dict[str, Any]) -> dict[str, Any]:
        error = verdict.get("error")
        if error is None:
            return {"status": DeliveryStatus.DELIVERED, "pause_s": 0.0}
        detail = _printable(verdict["detail"].encode())[:_MAX_DETAIL_LENGTH]
        wait_s = self._policy.wait_s(delivery.tries + 1, verdict.get("pause_s"))
        if wait_s is None or error is AttemptError.GONE:
            return {"status": DeliveryStatus.DEAD, "detail": detail}
        return {"status": DeliveryStatus.PENDING, "detail": detail, "wait_s": wait_s}


def _verdict_on(answer: Answer) -> dict[str, Any]:
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return {}
    if status == HTTPStatus.GONE:
        return {"error": AttemptError.GONE, "detail": "it answered 410 and wants no more events"}
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return {"error": AttemptError.REDIRECTED, "detail": "redirects are not followed"}
    return {"error": AttemptError.REFUSED, "detail": f"answered {status}"}


def _printable(text: bytes) -> str:
    """The text as PostgreSQL can hold it: UTF-8 without NUL."""
    return text.decode(errors="replace").replace("\x00", "\ufffd")
