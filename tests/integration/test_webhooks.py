"""Webhooks over HTTP, delivered by the stack's own courier."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from phonoscope.client import ApiError, Client
from phonoscope.contract import (
    Delivery,
    DeliveryStatus,
    EventType,
    NewWebhook,
    SecretRotation,
    TrackChange,
    Webhook,
    WebhookChange,
)
from phonoscope.contract.classifiers import ClassifierRequest
from phonoscope_cli.receiver import Receiver
from tests.support import tone_wav

LIMIT_S = 60.0
Told = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def told() -> Told:
    """What the receiver has verified: ids and events."""
    return []


@pytest.fixture
def receiver(told: Told) -> Iterator[Receiver]:
    """The one that ``phonoscope webhooks listen`` runs."""
    with Receiver(0, [], lambda id_, event: told.append((id_, event))) as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


def until(true: Callable[[], bool]) -> None:
    deadline = monotonic() + LIMIT_S
    while not true():
        assert monotonic() < deadline, "it did not come true in time"
        sleep(0.05)


def ended(client: Client, delivery: Delivery) -> Delivery:
    until(lambda: client.delivery(delivery.id).status is not DeliveryStatus.PENDING)
    return client.delivery(delivery.id)


def refusal(call: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value


def recording(folder: Path, seed: int) -> Path:
    path = folder / f"{seed}.wav"
    path.write_bytes(tone_wav(seed=seed))
    return path


def test_an_endpoint_s_life(client: Client) -> None:
    """Made, read, listed, changed, turned off and on, deleted; the secret is in the first answer alone."""
    made = client.create_webhook("http://127.0.0.1:9/a", ["job.failed"], "é")
    assert made.secret.startswith("whsec_")
    assert (made.events, made.description, made.enabled) == ([EventType.JOB_FAILED], "é", True)
    shown = Webhook.model_validate(made.model_dump())
    assert client.webhook(made.id) == shown
    assert client.webhooks().items == [shown]
    assert "secret" not in client.webhook(made.id).model_dump()
    changed = client.change_webhook(made.id, WebhookChange(url="http://127.0.0.1:9/b", enabled=False))
    assert (changed.url, changed.enabled, changed.disabled_because) == ("http://127.0.0.1:9/b", False, "owner")
    assert changed.events == [EventType.JOB_FAILED]
    assert client.change_webhook(made.id, WebhookChange(enabled=True)).disabled_because is None
    client.delete_webhook(made.id)
    assert client.webhooks().items == []
    assert refusal(lambda: client.webhook(made.id)).status_code == 404


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "http://169.254.169.254/latest", "https://[fe80::1]/", "http://2130706433/", "ftp://127.0.0.1/",
     "http://u:p@127.0.0.1/", "https://1.1.1.1:25/", "x" * 3000],
)  # fmt: skip
def test_an_address_out_of_bounds_is_refused_at_once(client: Client, url: str) -> None:
    """422, when an endpoint is made or changed, and for a job's own address; nothing is kept."""
    made = client.create_webhook("http://127.0.0.1:9/")
    client.make_default_secret()
    for call in (
        lambda: client._send("POST", "/v1/webhooks", json={"url": url}),
        lambda: client._send("PATCH", f"/v1/webhooks/{made.id}", json={"url": url}),
        lambda: client.create_job("trk_1", webhook_url=url),
    ):
        error = refusal(call)
        assert error.status_code == 422
        assert error.code in ("refused_url", "invalid_request")
        assert error.problem["errors"][0]["field"] in ("url", "webhook_url")
    assert client.webhook(made.id).url == "http://127.0.0.1:9/"
    assert len(client.webhooks().items) == 1


def test_what_is_malformed_is_refused(http: httpx.Client) -> None:
    """Unknown events or fields, none at all, times without a zone."""
    for body in (
        {},
        {"url": "http://127.0.0.1/", "events": []},
        {"url": "http://127.0.0.1/", "events": ["job.born"]},
        {"url": "http://127.0.0.1/", "more": 1},
        {"url": "http://127.0.0.1/", "description": "x" * 257},
    ):
        assert http.post("/v1/webhooks", json=body).status_code == 422
    made = NewWebhook.model_validate(http.post("/v1/webhooks", json={"url": "http://127.0.0.1/"}).json())
    path = f"/v1/webhooks/{made.id}"
    assert http.post(f"{path}/redeliver", json={"since": "2026-01-01T00:00:00"}).status_code == 422
    assert http.post(f"{path}/rotate-secret", json={"overlap_s": -1}).status_code == 422
    assert http.get(f"{path}/deliveries", params={"status": "lost"}).status_code == 422


def test_another_owner_s_webhooks_do_not_exist(client: Client, stranger: Client) -> None:
    """404 for every call, and nothing of them in any list."""
    made = client.create_webhook("http://127.0.0.1:9/")
    delivery = client.test_webhook(made.id)
    calls: list[Callable[[], object]] = [
        lambda: stranger.webhook(made.id),
        lambda: stranger.change_webhook(made.id, WebhookChange(enabled=False)),
        lambda: stranger.delete_webhook(made.id),
        lambda: stranger.rotate_webhook_secret(made.id),
        lambda: stranger.test_webhook(made.id),
        lambda: stranger.deliveries(made.id),
        lambda: stranger.delivery(delivery.id),
        lambda: stranger.redeliver(delivery.id),
        lambda: stranger.redeliver_since(made.id, datetime.now(UTC)),
    ]
    for call in calls:
        assert refusal(call).status_code == 404
    assert stranger.webhooks().items == []
    client.make_default_secret()
    assert refusal(stranger.default_secret).status_code == 404


def test_a_test_event_arrives(client: Client, receiver: Receiver, told: Told) -> None:
    """Within seconds, verified; the log has the attempt with status, duration and answer."""
    made = client.create_webhook(receiver.url)
    receiver.secrets.append(made.secret)
    delivery = client.test_webhook(made.id)
    assert (delivery.status, delivery.event_type) == (DeliveryStatus.PENDING, "webhook.test")
    delivery = ended(client, delivery)
    assert delivery.status is DeliveryStatus.DELIVERED
    until(lambda: bool(told))
    ((event_id, event),) = told
    assert (event_id, event["type"], event["data"]) == (delivery.event_id, "webhook.test", {"webhook_id": made.id})
    (attempt,) = delivery.attempts
    assert (attempt.status_code, attempt.error, attempt.address) == (204, None, "127.0.0.1")
    assert 0.0 < attempt.duration_s < 20.0
    assert client.deliveries(made.id).items == [delivery]
    assert client.deliveries(made.id, event_type="job.failed").items == []
    assert client.deliveries(made.id, status="delivered").items == [delivery]
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    assert client.deliveries(made.id, since=later).items == []


def test_a_job_s_end_is_told(client: Client, receiver: Receiver, told: Told, tmp_path: Path) -> None:
    """To the endpoints that want it, by the event that the job's end wrote; the log finds it by the job."""
    made = client.create_webhook(receiver.url)
    receiver.secrets.append(made.secret)
    job = client.wait(client.analyze(recording(tmp_path, 900), tasks=["embed"]))
    until(lambda: bool(told))
    ((event_id, event),) = told
    assert event["type"] == "job.succeeded"
    assert event["data"] == {"job_id": job.id, "track_id": job.track_id, "status": "succeeded"}
    (delivery,) = client.deliveries_of_job(job.id).items
    assert (delivery.event_id, delivery.job_id, delivery.webhook_id) == (event_id, job.id, made.id)
    assert client.deliveries(made.id, job_id=job.id).items[0].id == delivery.id


def test_the_end_of_a_job_about_a_library_is_told(
    client: Client, receiver: Receiver, told: Told, tmp_path: Path
) -> None:
    """Such as one that applies a classifier: by its id, without a recording."""
    endpoint = client.create_webhook(receiver.url)
    receiver.secrets.append(endpoint.secret)
    tracks = [client.wait(client.analyze(recording(tmp_path, seed), ["embed"])).recording for seed in (903, 904)]
    examples = {label: [track] for label, track in zip(("one", "other"), tracks, strict=True)}
    client.create_classifier(ClassifierRequest.model_validate({"name": "pair", "examples": examples}))
    assert client.taught("pair").state == "ready"
    job = client.wait(client.apply_classifier("pair"))
    assert job.track_id is None
    until(lambda: job.id in {event["data"]["job_id"] for _, event in told})
    (event,) = [event for _, event in told if event["data"]["job_id"] == job.id]
    assert event["type"] == "job.succeeded"
    assert event["data"] == {"job_id": job.id, "track_id": None, "status": "succeeded"}
    (delivery,) = client.deliveries_of_job(job.id).items
    assert (delivery.webhook_id, delivery.track_id, delivery.filename) == (endpoint.id, None, None)


def test_a_delivery_names_its_recording_and_what_was_sent(
    client: Client, receiver: Receiver, told: Told, tmp_path: Path
) -> None:
    """The body is what arrived; an erased recording is named no more, and a test has none."""
    endpoint = client.create_webhook(receiver.url)
    receiver.secrets.append(endpoint.secret)
    path = tmp_path / "named.wav"
    path.write_bytes(tone_wav(0.5, rate_hz=8_000, seed=77))
    job = client.wait(client.analyze(path, ["describe"]))
    until(lambda: bool(told))
    (delivery,) = client.deliveries(endpoint.id).items
    assert (delivery.job_id, delivery.track_id, delivery.filename) == (job.id, job.recording, "named.wav")
    assert json.loads(delivery.body) == told[0][1]
    assert [each.body for each in client.deliveries_of_job(job.id).items] == [delivery.body]
    client.change_track(job.recording, TrackChange(name="Shown"))
    assert client.delivery(delivery.id).filename == "Shown.wav"
    client.delete_track(job.recording)
    after = client.delivery(delivery.id)
    assert (after.track_id, after.filename, after.body) == (None, None, delivery.body)
    tried = client.test_webhook(endpoint.id)
    assert (tried.track_id, json.loads(tried.body)["type"]) == (None, "webhook.test")


def test_a_job_may_name_an_address_of_its_own(client: Client, receiver: Receiver, told: Told, tmp_path: Path) -> None:
    """Signed with the owner's default secret, without which the job is refused; it makes no endpoint that is listed."""
    track = client.upload(recording(tmp_path, 901))
    url = f"{receiver.url}jobs?of=mine"
    error = refusal(lambda: client.create_job(track.id, ["embed"], webhook_url=url))
    assert (error.status_code, error.code) == (422, "no_default_secret")
    assert refusal(client.default_secret).status_code == 404
    receiver.secrets.append(client.make_default_secret().secret)
    job = client.wait(client.create_job(track.id, ["embed"], webhook_url=url))
    until(lambda: bool(told))
    assert told[0][1]["data"]["job_id"] == job.id
    (delivery,) = client.deliveries_of_job(job.id).items
    assert (delivery.webhook_id, delivery.url) == (None, url)
    assert client.webhooks().items == []
    until(lambda: client.delivery(delivery.id).status is DeliveryStatus.DELIVERED)
    client.redeliver(delivery.id)
    until(lambda: len(told) == 2)
    assert told[0] == told[1]


def test_a_form_takes_the_address_too(client: Client, http: httpx.Client) -> None:
    """As text, not as JSON; the same rules hold."""
    form = {"tasks": "embed", "webhook_url": "http://10.0.0.1/"}
    answer = http.post("/v1/jobs", files={"file": ("a.wav", tone_wav(seed=902))}, data=form)
    assert (answer.status_code, answer.json()["code"]) == (422, "refused_url")


def test_a_new_default_secret_overlaps_with_the_one_before(client: Client) -> None:
    """Neither is ever shown again; what is told is since when, and until when the one before is good."""
    first = client.make_default_secret()
    assert first.previous_expires_at is None
    second = client.make_default_secret(SecretRotation(overlap_s=60))
    known = client.default_secret()
    assert second.secret != first.secret
    assert known.created_at == second.created_at
    assert known.previous_expires_at == second.previous_expires_at
    assert second.previous_expires_at is not None
    assert timedelta(seconds=55) < second.previous_expires_at - second.created_at < timedelta(seconds=65)
    assert client.make_default_secret(SecretRotation(overlap_s=0)).previous_expires_at is None
    assert client.default_secret().previous_expires_at is None


def test_after_a_rotation_both_secrets_verify(client: Client, receiver: Receiver, told: Told) -> None:
    """A receiver that knows either is content; without overlap, only one that knows the new."""
    made = client.create_webhook(receiver.url)
    receiver.secrets.append(made.secret)
    newer = client.rotate_webhook_secret(made.id).secret
    assert ended(client, client.test_webhook(made.id)).status is DeliveryStatus.DELIVERED
    receiver.secrets[:] = [newer]
    assert ended(client, client.test_webhook(made.id)).status is DeliveryStatus.DELIVERED
    newest = client.rotate_webhook_secret(made.id, SecretRotation(overlap_s=0)).secret
    delivery = client.test_webhook(made.id)
    until(lambda: bool(client.delivery(delivery.id).attempts))
    assert client.delivery(delivery.id).attempts[0].status_code == 400
    receiver.secrets[:] = [newest]
    client.redeliver(delivery.id)
    assert ended(client, delivery).status is DeliveryStatus.DELIVERED
    until(lambda: len(told) == 3)


def test_rotations_at_once_wait_for_each_other(client: Client) -> None:
    """Each is answered; in the end one secret is the newest."""
    made = client.create_webhook("http://127.0.0.1:9/")
    with ThreadPoolExecutor(6) as threads:
        secrets = set(threads.map(lambda _: client.rotate_webhook_secret(made.id).secret, range(6)))
        defaults = set(threads.map(lambda _: client.make_default_secret().secret, range(6)))
    assert (len(secrets), len(defaults)) == (6, 6)


def test_events_since_a_time_are_sent_again(client: Client, receiver: Receiver, told: Told) -> None:
    """All of them, or those that stand in some way; each under its own id."""
    made = client.create_webhook(receiver.url)
    receiver.secrets.append(made.secret)
    since = datetime.now(UTC) - timedelta(minutes=1)
    for _ in range(3):
        ended(client, client.test_webhook(made.id))
    assert client.redeliver_since(made.id, since, DeliveryStatus.DEAD) == 0
    assert client.redeliver_since(made.id, since) == 3
    until(lambda: len(told) == 6)
    assert len({event_id for event_id, _ in told}) == 3
    assert client.redeliver_since(made.id, datetime.now(UTC) + timedelta(minutes=1)) == 0


def test_an_endpoint_that_is_off_waits(client: Client, receiver: Receiver, told: Told) -> None:
    """What was asked for meanwhile arrives once it is on again."""
    made = client.create_webhook(receiver.url)
    receiver.secrets.append(made.secret)
    client.change_webhook(made.id, WebhookChange(enabled=False))
    delivery = client.test_webhook(made.id)
    sleep(1.5)
    assert client.delivery(delivery.id).attempts == []
    client.change_webhook(made.id, WebhookChange(enabled=True))
    assert ended(client, delivery).status is DeliveryStatus.DELIVERED


def test_lists_have_pages(client: Client) -> None:
    """Newest first, each once."""
    made = [client.create_webhook(f"http://127.0.0.1:9/{number}").id for number in range(3)]
    first = client.webhooks(limit=2)
    second = client.webhooks(limit=2, cursor=first.next_cursor or "")
    assert [row.id for row in [*first.items, *second.items]] == made[::-1]
    assert second.next_cursor is None
    sent = [client.test_webhook(made[0]).id for _ in range(3)]
    page = client.deliveries(made[0], limit=2)
    rest = client.deliveries(made[0], limit=2, cursor=page.next_cursor or "")
    assert [row.id for row in [*page.items, *rest.items]] == sent[::-1]
