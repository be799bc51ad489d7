"""The client's calls about webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from phonoscope.client.connection import Connection
from phonoscope.contract import (
    JOB_EVENTS,
    DefaultSecret,
    Delivery,
    DeliveryStatus,
    NewSecret,
    NewWebhook,
    Page,
    Redelivery,
    RedeliveryRequest,
    SecretRotation,
    Webhook,
    WebhookChange,
    WebhookRequest,
)

_PATH = "/v1/webhooks"


class WebhookCalls(Connection):
    """The calls about webhooks and their deliveries."""

    def create_webhook(self, url: str, events: Sequence[str] = JOB_EVENTS, description: str = "") -> NewWebhook:
        """Makes a webhook for an address; the answer has its secret, once only."""
        request = WebhookRequest.model_validate({"url": url, "events": list(events), "description": description})
        return self._ask(NewWebhook, "POST", _PATH, json=request.model_dump(mode="json"))

    def webhooks(self, **filters: str | int) -> Page[Webhook]:
        """A page of webhooks; filters are ``limit`` and ``cursor``."""
        return self._ask(Page[Webhook], "GET", _PATH, params=filters)

    def webhook(self, webhook_id: str) -> Webhook:
        return self._ask(Webhook, "GET", f"{_PATH}/{webhook_id}")

    def change_webhook(self, webhook_id: str, change: WebhookChange) -> Webhook:
        """Changes the fields that are set in ``change``; ``enabled`` turns the webhook off and on."""
        body = change.model_dump(mode="json", exclude_unset=True)
        return self._ask(Webhook, "PATCH", f"{_PATH}/{webhook_id}", json=body)

    def delete_webhook(self, webhook_id: str) -> None:
        self._send("DELETE", f"{_PATH}/{webhook_id}")

    def rotate_webhook_secret(self, webhook_id: str, rotation: SecretRotation | None = None) -> NewSecret:
        """Makes a new secret; until the old one expires, events have the signatures of both."""
        body = (rotation or SecretRotation()).model_dump()
        return self._ask(NewSecret, "POST", f"{_PATH}/{webhook_id}/rotate-secret", json=body)

    def make_default_secret(self, rotation: SecretRotation | None = None) -> NewSecret:
        """Makes a new secret for events to jobs' own ``webhook_url``."""
        body = (rotation or SecretRotation()).model_dump()
        return self._ask(NewSecret, "POST", f"{_PATH}/default-secret", json=body)

    def default_secret(self) -> DefaultSecret:
        """Facts about the default secret, without the secret."""
        return self._ask(DefaultSecret, "GET", f"{_PATH}/default-secret")

    def test_webhook(self, webhook_id: str) -> Delivery:
        """Sends an event of type ``webhook.test``."""
        return self._ask(Delivery, "POST", f"{_PATH}/{webhook_id}/test")

    def deliveries(self, webhook_id: str, **filters: str | int) -> Page[Delivery]:
        """A page of a webhook's deliveries, with every attempt.

        Filters are ``limit``, ``cursor``, ``status``, ``event_type``, ``job_id`` and ``since``.
        """
        return self._ask(Page[Delivery], "GET", f"{_PATH}/{webhook_id}/deliveries", params=filters)

    def deliveries_of_job(self, job_id: str) -> Page[Delivery]:
        """The deliveries about a job, also to its own ``webhook_url``."""
        return self._ask(Page[Delivery], "GET", "/v1/deliveries", params={"job_id": job_id, "limit": 100})

    def delivery(self, delivery_id: str) -> Delivery:
        return self._ask(Delivery, "GET", f"/v1/deliveries/{delivery_id}")

    def redeliver(self, delivery_id: str) -> Delivery:
        """Sends the event again, with the same ``webhook-id``."""
        return self._ask(Delivery, "POST", f"/v1/deliveries/{delivery_id}/redeliver")

    def redeliver_since(self, webhook_id: str, since: datetime, status: DeliveryStatus | None = None) -> int:
        """Sends all of a webhook's events since then again; returns how many."""
        body = RedeliveryRequest(since=since, status=status).model_dump(mode="json")
        return self._ask(Redelivery, "POST", f"{_PATH}/{webhook_id}/redeliver", json=body).redelivered
