"""What couriers do with events: make deliveries of them, and claim those that are due.

Couriers lock endpoints before deliveries, here as in every other place.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.locks import Lock, try_lock

DISABLED_EVENT = "webhook.disabled"
NEW_ID = "'{}_' || replace(gen_random_uuid()::text, '-', '')"
"""SQL that makes an identifier of a kind."""

_EVENTS_AT_ONCE = 1_000
_NEW_EVENTS = text("SELECT id FROM events WHERE sent_out_at IS NULL ORDER BY position LIMIT :limit")
_DUE = "SELECT id, owner_id, job_id, type, position FROM events WHERE id = ANY(:ids) ORDER BY position"

_ORIGIN = "substring({} FROM '^https?://[^/?#]+')"

_MAKE_ONE_OFFS = text(
    f"""
    WITH due AS ({_DUE})
    INSERT INTO webhooks (id, owner_id, url, one_off)
    SELECT {NEW_ID.format("whk")}, owner_id, origin, true FROM (
        SELECT DISTINCT due.owner_id, {_ORIGIN.format("webhook_url")} AS origin
        FROM due JOIN jobs ON jobs.id = due.job_id AND webhook_url IS NOT NULL
    ) AS origins
    ON CONFLICT (owner_id, url) WHERE one_off DO NOTHING
    """  # noqa: S608 - of constants
)

_FAN_OUT = text(
    f"""
    WITH due AS ({_DUE}),
    wanted AS (
        SELECT due.*, webhooks.id AS webhook_id, NULL AS url FROM due
        JOIN webhooks ON webhooks.owner_id = due.owner_id
        WHERE enabled AND NOT one_off AND (events @> to_jsonb(type) OR type = '{DISABLED_EVENT}')
        UNION ALL
        SELECT due.*, webhooks.id, webhook_url FROM due
        JOIN jobs ON jobs.id = due.job_id
        JOIN webhooks ON webhooks.owner_id = due.owner_id AND one_off AND url = {_ORIGIN.format("webhook_url")}
    ), made AS (
        INSERT INTO deliveries (id, owner_id, webhook_id, event_id, job_id, position, url)
        SELECT {NEW_ID.format("dlv")}, owner_id, webhook_id, id, job_id, position, url FROM wanted
        ON CONFLICT DO NOTHING
    )
    UPDATE events SET sent_out_at = now() WHERE id = ANY(:ids) AND sent_out_at IS NULL
    """  # noqa: S608 - of constants
)

_HELD = "(SELECT count(*) FROM deliveries WHERE webhook_id = {} AND token IS NOT NULL AND due_at > now())"

_SEALED = """(
    SELECT array_agg(sealed ORDER BY secret.id DESC) FROM webhook_secrets AS secret
    WHERE {} AND (expires_at IS NULL OR expires_at > now())
)"""

# One courier at a time claims an endpoint's deliveries, so that the limit of each endpoint holds over all couriers.
_HOLD_ENDPOINTS = text(
    f"""
    SELECT own.id FROM webhooks AS own CROSS JOIN LATERAL (
        SELECT due_at FROM deliveries
        WHERE webhook_id = own.id AND status = 'pending' AND due_at <= now() ORDER BY due_at LIMIT 1
    ) AS oldest
    WHERE enabled AND (paused_until IS NULL OR paused_until <= now())
      AND (failing_since IS NOT NULL) = :failing AND {_HELD.format("own.id")} < :each
    ORDER BY oldest.due_at LIMIT :room FOR NO KEY UPDATE OF own SKIP LOCKED
    """  # noqa: S608 - of constants
)

# Of a job's events, the next is not sent before the one before it has ended. What is asked of each candidate is written
# so that each costs a look into an index, however many are queued.
_CLAIM = text(
    f"""
    WITH free AS MATERIALIZED (
        SELECT id, :each - {_HELD.format("held.id")} AS slots FROM unnest(:ids) AS held (id)
    ),
    chosen AS (
        SELECT next.id FROM free CROSS JOIN LATERAL (
            SELECT id, row_number() OVER () AS rank FROM (
                SELECT id FROM deliveries AS own
                WHERE webhook_id = free.id AND status = 'pending' AND due_at <= now() AND coalesce((
                    SELECT min(position) FROM deliveries AS before
                    WHERE before.webhook_id = own.webhook_id AND before.job_id = own.job_id
                      AND before.status = 'pending' AND before.position < own.position
                ), own.position) >= own.position
                ORDER BY due_at, position LIMIT :each FOR UPDATE SKIP LOCKED
            ) AS candidates
        ) AS next
        WHERE next.rank <= slots ORDER BY next.rank LIMIT :room
    )
    UPDATE deliveries SET token = :token, due_at = now() + :lease
    FROM webhooks, events
    WHERE deliveries.id = ANY (ARRAY(SELECT id FROM chosen)) AND webhooks.id = webhook_id AND events.id = event_id
    RETURNING deliveries.id, webhook_id, coalesce(deliveries.url, webhooks.url), event_id, type, data,
              events.created_at, tries, (SELECT traceparent FROM jobs WHERE jobs.id = deliveries.job_id), CASE
                  WHEN one_off THEN {_SEALED.format("secret.owner_id = deliveries.owner_id AND webhook_id IS NULL")}
                  ELSE {_SEALED.format("secret.webhook_id = deliveries.webhook_id")} END
    """  # noqa: S608 - of constants
)

_RELEASE = text("UPDATE deliveries SET token = NULL, due_at = now() WHERE token = ANY(:tokens) AND id = ANY(:ids)")


@dataclass(frozen=True)
class ClaimedDelivery:
    """A delivery that this courier holds, with all that it needs to send it; ``sealed`` are secrets, newest first.

    ``traceparent`` is the trace of the request that made the event's job.
    """

    delivery_id: str
    token: str
    webhook_id: str
    url: str
    event_id: str
    type: str
    happened_at: datetime
    data: dict[str, Any]
    tries: int
    sealed: tuple[str, ...]
    traceparent: str | None = None


def fan_out(session: Session) -> int:
    """Makes a delivery of each new event for each endpoint that subscribes to it; returns how many events there were.

    One courier at a time does it, in the order of the events; to another it returns 0.
    """
    connection = session.connection()
    if not try_lock(session, Lock.FAN_OUT):
        return 0
    ids = list(connection.scalars(_NEW_EVENTS, {"limit": _EVENTS_AT_ONCE}))
    if ids:
        connection.execute(_MAKE_ONE_OFFS, {"ids": ids})
        connection.execute(_FAN_OUT, {"ids": ids})
    return len(ids)


def claim(session: Session, room: int, *, each: int, lease: timedelta, failing: bool = False) -> list[ClaimedDelivery]:
    """Claims at most ``room`` due deliveries, so that no endpoint has more than ``each`` in flight.

    They are this courier's until it records them or the ``lease`` expires. With ``failing``, those to endpoints whose
    last attempt failed; without, those to all others.
    """
    connection = session.connection()
    scope = {"room": room, "each": each}
    ids = list(connection.scalars(_HOLD_ENDPOINTS, scope | {"failing": failing}))
    if not ids:
        return []
    token = secrets.token_hex(8)
    rows = connection.execute(_CLAIM, scope | {"ids": ids, "token": token, "lease": lease})
    return [
        ClaimedDelivery(
            id_, token, webhook_id, url, event_id, type_, happened_at, data, tries, tuple(sealed or ()), traceparent
        )
        for id_, webhook_id, url, event_id, type_, data, happened_at, tries, traceparent, sealed in rows
    ]


def release(session: Session, deliveries: Sequence[ClaimedDelivery]) -> None:
    """Gives back deliveries whose attempt was not finished: they are due at once, for any courier."""
    scope = {"tokens": list({each.token for each in deliveries}), "ids": [each.delivery_id for each in deliveries]}
    session.connection().execute(_RELEASE, scope)
