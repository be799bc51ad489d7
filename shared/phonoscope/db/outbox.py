"""What couriers do with events: part them into deliveries, take those that are due, write down what came of them.

Couriers lock endpoints before deliveries, here as in every other place.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from phonoscope.contract import AttemptError, DeliveryStatus
from phonoscope.db.jobs import EVENT_CHANNEL

DISABLED_EVENT = "webhook.disabled"
_LOCK = 0x50484F45
_EVENTS_AT_ONCE = 1_000
_NEW_ID = "'{}_' || replace(gen_random_uuid()::text, '-', '')"

_DUE_EVENTS = """
    SELECT id, owner_id, job_id, type, position FROM events WHERE sent_out_at IS NULL ORDER BY position LIMIT :limit
"""

_ORIGIN = "substring({} FROM '^https?://[^/?#]+')"

_MAKE_ONE_OFFS = text(
    f"""
    WITH due AS ({_DUE_EVENTS})
    INSERT INTO webhooks (id, owner_id, url, one_off)
    SELECT {_NEW_ID.format("whk")}, owner_id, origin, true FROM (
        SELECT DISTINCT due.owner_id, {_ORIGIN.format("webhook_url")} AS origin
        FROM due JOIN jobs ON jobs.id = due.job_id AND webhook_url IS NOT NULL
    ) AS origins
    ON CONFLICT (owner_id, url) WHERE one_off DO NOTHING
    """  # noqa: S608 - of constants
)

_FAN_OUT = text(
    f"""
    WITH due AS ({_DUE_EVENTS}),
    marked AS (UPDATE events SET sent_out_at = now() FROM due WHERE events.id = due.id RETURNING events.id),
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
        SELECT {_NEW_ID.format("dlv")}, owner_id, webhook_id, id, job_id, position, url FROM wanted
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM marked
    """  # noqa: S608 - of constants
)

_HELD = "(SELECT count(*) FROM deliveries WHERE webhook_id = {} AND token IS NOT NULL AND due_at > now())"

_SEALED = """(
    SELECT array_agg(sealed ORDER BY secret.id DESC) FROM webhook_secrets AS secret
    WHERE {} AND (expires_at IS NULL OR expires_at > now())
)"""

# One courier at a time takes an endpoint's deliveries, so that none counts what another is just taking.
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
# so that each costs a look into an index, however many wait behind it.
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
              events.created_at, tries, CASE
                  WHEN one_off THEN {_SEALED.format("secret.owner_id = deliveries.owner_id AND webhook_id IS NULL")}
                  ELSE {_SEALED.format("secret.webhook_id = deliveries.webhook_id")} END
    """  # noqa: S608 - of constants
)

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
    ), told AS (
        INSERT INTO events (id, owner_id, type, data)
        SELECT {_NEW_ID.format("evt")}, owner_id, '{DISABLED_EVENT}',
               jsonb_build_object('webhook_id', id, 'url', url, 'because', disabled_because)
        FROM hurt WHERE ended
    )
    SELECT id, disabled_because, pg_notify('{EVENT_CHANNEL}', '')
    FROM hurt WHERE ended
    """  # noqa: S608 - of constants
).bindparams(bindparam("failed", type_=JSONB))

# An endpoint that is being deleted takes its deliveries along: what is gone once the lock is had is not written.
_RECORD = text(
    """
    WITH said AS (
        SELECT * FROM jsonb_to_recordset(:attempts) AS said (
            delivery_id text, token text, started_at timestamptz, duration_s float, address text, status_code integer,
            error text, detail text, answer text, status text, wait_s float
        )
    ), held AS (
        SELECT id FROM deliveries WHERE id IN (SELECT delivery_id FROM said) ORDER BY id FOR UPDATE
    ), logged AS (
        INSERT INTO attempts (delivery_id, started_at, duration_s, address, status_code, error, detail, answer)
        SELECT delivery_id, started_at, duration_s, address, status_code, error, detail, answer
        FROM said JOIN held ON held.id = delivery_id
    )
    UPDATE deliveries
    SET status = said.status, tries = tries + 1, token = NULL,
        due_at = now() + coalesce(wait_s, 0) * interval '1 second',
        ended_at = CASE WHEN said.status <> 'pending' THEN now() END
    FROM said JOIN held ON held.id = delivery_id
    WHERE deliveries.id = held.id AND deliveries.token = said.token
    """
).bindparams(bindparam("attempts", type_=JSONB))

_RELEASE = text("UPDATE deliveries SET token = NULL, due_at = now() WHERE token = ANY(:tokens) AND id = ANY(:ids)")


@dataclass(frozen=True)
class Parcel:
    """A delivery that this courier holds, with all that it takes to send it; ``sealed`` are secrets, newest first."""

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


@dataclass(frozen=True)
class Attempted:
    """What came of one attempt, and what follows: ``wait_s`` until the next while it is pending.

    ``pause_s`` is how long the endpoint wants to be left alone by all.
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


def fan_out(session: Session) -> int:
    """Makes a delivery of each new event for each endpoint that wants it; returns how many events there were.

    One courier at a time does it, in the order of the events; to another it returns 0.
    """
    connection = session.connection()
    if not connection.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
        return 0
    connection.execute(_MAKE_ONE_OFFS, {"limit": _EVENTS_AT_ONCE})
    return int(connection.scalar(_FAN_OUT, {"limit": _EVENTS_AT_ONCE}) or 0)


def claim(session: Session, room: int, *, each: int, lease: timedelta, failing: bool = False) -> list[Parcel]:
    """Takes at most ``room`` due deliveries, so that no endpoint has more than ``each`` in flight.

    They are this courier's until it records them or the ``lease`` is over. With ``failing``, those to endpoints whose
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
        Parcel(id_, token, webhook_id, url, event_id, type_, happened_at, data, tries, tuple(sealed or ()))
        for id_, webhook_id, url, event_id, type_, data, happened_at, tries, sealed in rows
    ]


def record(session: Session, attempts: Sequence[Attempted], failing_limit: timedelta) -> list[Disabled]:
    """Logs attempts and moves their deliveries on, unless another holds them by now; returns who was disabled by it."""
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


def release(session: Session, parcels: Sequence[Parcel]) -> None:
    """Gives back what was not tried to an end: it is due at once, for any courier."""
    scope = {"tokens": list({each.token for each in parcels}), "ids": [each.delivery_id for each in parcels]}
    session.connection().execute(_RELEASE, scope)
