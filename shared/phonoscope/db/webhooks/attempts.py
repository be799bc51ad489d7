"""Recording attempts to deliver, and what follows for each delivery and its endpoint.

Endpoints are locked before deliveries, here as in every other place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from phonoscope.contract import AttemptError, DeliveryStatus
from phonoscope.db.access.channels import EVENT_CHANNEL
from phonoscope.db.webhooks.outbox import DISABLED_EVENT, NEW_ID

_HEAL = text(
    """
    UPDATE webhooks SET failing_since = NULL, paused_until = NULL
    WHERE id IN (
        SELECT id FROM webhooks
        WHERE id = ANY(:ids) AND (failing_since IS NOT NULL OR paused_until IS NOT NULL)
        ORDER BY id FOR NO KEY UPDATE
    )
    """
)

_HURT = text(
    f"""
    WITH failed AS (
        SELECT webhook_id, max(pause_s) AS pause_s, bool_or(gone) AS gone
        FROM jsonb_to_recordset(:failed) AS failed (webhook_id text, pause_s float, gone boolean) GROUP BY webhook_id
    ), held AS (
        SELECT id, enabled AS was FROM webhooks WHERE id IN (SELECT webhook_id FROM failed)
        ORDER BY id FOR NO KEY UPDATE
    ),
    hurt AS (
        UPDATE webhooks
        SET failing_since = coalesce(failing_since, now()),
            paused_until = CASE WHEN pause_s > 0 THEN greatest(paused_until, now() + pause_s * interval '1 second')
                                ELSE paused_until END,
            enabled = enabled AND (one_off OR NOT (gone OR coalesce(failing_since < now() - :limit, false))),
            disabled_because = CASE WHEN NOT enabled OR one_off THEN disabled_because WHEN gone THEN 'gone'
                                    WHEN failing_since < now() - :limit THEN 'failing' END
        FROM failed, held WHERE webhooks.id = webhook_id AND webhooks.id = held.id
          AND (failing_since IS NULL OR pause_s > 0 OR gone OR failing_since < now() - :limit)
        RETURNING webhooks.id, owner_id, url, was AND NOT enabled AS ended, disabled_because
    ), announced AS (
        INSERT INTO events (id, owner_id, type, data)
        SELECT {NEW_ID.format("evt")}, owner_id, '{DISABLED_EVENT}',
               jsonb_build_object('webhook_id', id, 'url', url, 'because', disabled_because)
        FROM hurt WHERE ended
    )
    SELECT id, disabled_because, pg_notify('{EVENT_CHANNEL}', '')
    FROM hurt WHERE ended
    """  # noqa: S608 - of constants
).bindparams(bindparam("failed", type_=JSONB))

# Deleting an endpoint deletes its deliveries: one that is gone after the wait for its lock is not written.
_RECORD = text(
    """
    WITH attempted AS (
        SELECT * FROM jsonb_to_recordset(:attempts) AS attempted (
            delivery_id text, token text, started_at timestamptz, duration_s float, address text, status_code integer,
            error text, detail text, answer text, status text, wait_s float
        )
    ), held AS (
        SELECT id FROM deliveries WHERE id IN (SELECT delivery_id FROM attempted) ORDER BY id FOR UPDATE
    ), logged AS (
        INSERT INTO attempts (delivery_id, started_at, duration_s, address, status_code, error, detail, answer)
        SELECT delivery_id, started_at, duration_s, address, status_code, error, detail, answer
        FROM attempted JOIN held ON held.id = delivery_id
    )
    UPDATE deliveries
    SET status = attempted.status, tries = tries + 1, token = NULL,
        due_at = now() + coalesce(wait_s, 0) * interval '1 second',
        ended_at = CASE WHEN attempted.status <> 'pending' THEN now() END
    FROM attempted JOIN held ON held.id = delivery_id
    WHERE deliveries.id = held.id AND deliveries.token = attempted.token
    """
).bindparams(bindparam("attempts", type_=JSONB))


@dataclass(frozen=True)
class Attempted:
    """The result of one attempt. ``wait_s`` is how long until the next one while the delivery is pending.

    ``pause_s`` is how long the endpoint asked for no requests at all.
    """

    delivery_id: str
    webhook_id: str
    token: str
    started_at: datetime
    duration_s: float
    status: DeliveryStatus
    address: str | None = None
    status_code: int | None = None
    error: AttemptError | None = None
    detail: str | None = None
    answer: str | None = None
    wait_s: float | None = None
    pause_s: float = 0.0

    @property
    def gone(self) -> bool:
        return self.error is AttemptError.GONE


@dataclass(frozen=True)
class Disabled:
    """An endpoint that is sent no more events."""

    webhook_id: str
    because: Literal["gone", "failing"]


def record(session: Session, attempts: Sequence[Attempted], failing_limit: timedelta) -> list[Disabled]:
    """Logs attempts and updates the deliveries that are still held; returns the endpoints that it disabled."""
    connection = session.connection()
    well = {each.webhook_id for each in attempts if each.status is DeliveryStatus.DELIVERED}
    failed = [
        {"webhook_id": each.webhook_id, "pause_s": each.pause_s, "gone": each.gone}
        for each in attempts
        if each.status is not DeliveryStatus.DELIVERED and (each.gone or each.webhook_id not in well)
    ]
    if well:
        connection.execute(_HEAL, {"ids": sorted(well)})
    disabled: list[Disabled] = []
    if failed:
        rows = connection.execute(_HURT, {"failed": failed, "limit": failing_limit})
        disabled = [Disabled(webhook_id, because) for webhook_id, because, _ in rows]
    facts = [vars(each) | {"started_at": each.started_at.isoformat()} for each in attempts]
    connection.execute(_RECORD, {"attempts": facts})
    return disabled
