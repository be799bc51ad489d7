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
    """What an owner can do about webhooks."""

    def create_webhook(self, url: str, events: Sequence[str] = JOB_EVENTS, description: str = "") -> NewWebhook:
        """Asks for events at an address; the answer has the secret, this one time."""
        request = WebhookRequest.model_validate({"url": url, "events": list(events), "description": description})
        return self._ask(NewWebhook, "POST", _PATH, json=request.model_dump(mode="json"))

    def webhooks(self, **filters: str | int) -> Page[Webhook]:
        """A page of endpoints; filters are ``limit`` and ``cursor``."""
        return self._ask(Page[Webhook], "GET", _PATH, params=filters)

    def webhook(self, webhook_id: str) -> Webhook:
        return self._ask(Webhook, "GET", f"{_PATH}/{webhook_id}")

    def change_webhook(self, webhook_id: str, change: WebhookChange) -> Webhook:
        """Changes what is set in ``change``; ``enabled`` turns the endpoint off and on."""
        said = change.model_dump(mode="json", exclude_unset=True)
        return self._ask(Webhook, "PATCH", f"{_PATH}/{webhook_id}", json=said)

    def delete_webhook(self, webhook_id: str) -> None:
        self._send("DELETE", f"{_PATH}/{webhook_id}")

    def rotate_webhook_secret(self, webhook_id: str, rotation: SecretRotation | None = None) -> NewSecret:
        """A new secret; for a while events bear the signatures of both."""
        said = (rotation or SecretRotation()).model_dump()
        return self._ask(NewSecret, "POST", f"{_PATH}/{webhook_id}/rotate-secret", json=said)

    def make_default_secret(self, rotation: SecretRotation | None = None) -> NewSecret:
        """A new secret for events to jobs' own ``webhook_url``."""
        said = (rotation or SecretRotation()).model_dump()
        return self._ask(NewSecret, "POST", f"{_PATH}/default-secret", json=said)

    def default_secret(self) -> DefaultSecret:
        """What is known of it, never itself."""
        return self._ask(DefaultSecret, "GET", f"{_PATH}/default-secret")

    def test_webhook(self, webhook_id: str) -> Delivery:
        """Sends a ``webhook.test``."""
        return self._ask(Delivery, "POST", f"{_PATH}/{webhook_id}/test")

    def deliveries(self, webhook_id: str, **filters: str | int) -> Page[Delivery]:
        """A page of what was sent to an endpoint, with every attempt.

        Filters are ``limit``, ``cursor``, ``status``, ``event_type``, ``job_id`` and ``since``.
        """
        return self._ask(Page[Delivery], "GET", f"{_PATH}/{webhook_id}/deliveries", params=filters)

    def deliveries_of_job(self, job_id: str) -> Page[Delivery]:
        """What was sent about a job, to its own ``webhook_url`` too."""
        return self._ask(Page[Delivery], "GET", "/v1/deliveries", params={"job_id": job_id, "limit": 100})

    def delivery(self, delivery_id: str) -> Delivery:
        return self._ask(Delivery, "GET", f"/v1/deliveries/{delivery_id}")

    def redeliver(self, delivery_id: str) -> Delivery:
        """Sends the event once more, under the same ``webhook-id``."""
        return self._ask(Delivery, "POST", f"/v1/deliveries/{delivery_id}/redeliver")

    def redeliver_since(self, webhook_id: str, since: datetime, status: DeliveryStatus | None = None) -> int:
        """The same for all of an endpoint's events since then; says how many."""
        said = RedeliveryRequest(since=since, status=status).model_dump(mode="json")
        return self._ask(Redelivery, "POST", f"{_PATH}/{webhook_id}/redeliver", json=said).redelivered
