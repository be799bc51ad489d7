"""Events as bytes and their signatures, against the library that receivers use."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from phonoscope.webhooks.bodies import render
from phonoscope.webhooks.vault import new_secret
from phonoscope_courier.signing import signed_headers

DATA = {"job_id": "job_é", "track_id": "trk_1", "status": "succeeded"}


def test_the_body_is_thin_and_always_the_same() -> None:
    """Type, time and data; the time in UTC whatever zone it came in."""
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    body = render("job.succeeded", moment, DATA)
    assert json.loads(body) == {"type": "job.succeeded", "timestamp": "2026-01-02T03:04:05.678901Z", "data": DATA}
    assert render("job.succeeded", moment.astimezone(), DATA) == body


def test_the_library_verifies_what_was_signed() -> None:
    """Its own verifier takes the bytes and headers as they are sent, and no other bytes, id, time or secret."""
    secret, now = new_secret(), datetime.now(UTC)
    body = render("job.failed", now, DATA)
    headers = signed_headers("evt_1", body, [secret], now)
    assert Webhook(secret).verify(body, headers) == json.loads(body)
    for changed in (
        (body + b" ", headers),
        (body, headers | {"webhook-id": "evt_2"}),
        (body, headers | {"webhook-timestamp": str(int(now.timestamp()) + 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(*changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


def test_while_secrets_overlap_both_sign() -> None:
    """A receiver that has either secret is content."""
    secrets, now = [new_secret(), new_secret()], datetime.now(UTC)
    body = render("job.failed", now, DATA)
    headers = signed_headers("evt_1", body, secrets, now)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in secrets:
        Webhook(secret).verify(body, headers)


def test_each_attempt_has_its_own_time_and_the_event_s_id() -> None:
    """So that a retry is not taken for a replay."""
    secret, now = new_secret(), datetime.now(UTC)
    body = render("job.failed", now - timedelta(days=1), DATA)
    first = signed_headers("evt_1", body, [secret], now - timedelta(hours=1))
    again = signed_headers("evt_1", body, [secret], now)
    assert first["webhook-id"] == again["webhook-id"]
    assert int(again["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 3600
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, first)
    Webhook(secret).verify(body, again)
