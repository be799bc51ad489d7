"""Rules for webhooks: an address is checked before it is stored; a secret is shown once and stored encrypted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from phonoscope.contract import (
    Attempt,
    AttemptError,
    DefaultSecret,
    Delivery,
    DeliveryStatus,
    JobRequest,
    NewSecret,
    NewWebhook,
    Webhook,
    WebhookChange,
    WebhookRequest,
)
from phonoscope.db.library.tracks import tracks_by_id
from phonoscope.db.schema.webhooks import AttemptRow, DeliveryRow, WebhookRow
from phonoscope.db.service.audit import record
from phonoscope.db.service.keys import Caller
from phonoscope.db.service.usage import spend_test_delivery
from phonoscope.db.webhooks.deliveries import add_test
from phonoscope.db.webhooks.endpoints import (
    add_webhook,
    change_webhook,
    count_webhooks,
    default_secrets,
    delete_webhook,
    get_webhook,
    put_secret,
)
from phonoscope.errors import InvalidRequest, NoDefaultSecret, NotFound, RefusedUrl
from phonoscope.webhooks.bodies import render
from phonoscope.webhooks.rules import Rules
from phonoscope.webhooks.vault import Vault, new_secret
from phonoscope_gateway.state import State

MAX_WEBHOOKS = 100


def create_webhook(state: State, caller: Caller, request: WebhookRequest) -> NewWebhook:
    """Raises ``RefusedUrl``, or ``InvalidRequest`` when the owner has too many already."""
    target = Rules.of(state.settings).admit(request.url)
    with state.database.transaction() as session:
        if count_webhooks(session, caller.owner_id) >= MAX_WEBHOOKS:
            raise InvalidRequest.field("url", f"there are {MAX_WEBHOOKS} webhooks already; delete one first")
        row = add_webhook(session, caller.owner_id, target.url, request.events, request.description)
        secret = _make_secret(state, session, caller.owner_id, row.id, timedelta())
        record(session, caller.actor, "webhook.created", row.id, host=_host(row.url), events=row.events)
        return NewWebhook(**describe_webhook(row).model_dump(), secret=secret.secret)


def update_webhook(state: State, caller: Caller, webhook_id: str, change: WebhookChange) -> Webhook:
    """Raises ``NotFound`` or ``RefusedUrl``."""
    changes = change.model_dump(mode="json", exclude_none=True)
    if change.url is not None:
        changes["url"] = Rules.of(state.settings).admit(change.url).url
    with state.database.transaction() as session:
        row = change_webhook(session, caller.owner_id, webhook_id, changes)
        record(
            session, caller.actor, "webhook.changed", webhook_id,
            changed=sorted(changes), host=_host(row.url), enabled=row.enabled,
        )  # fmt: skip
        return describe_webhook(row)


def remove_webhook(state: State, caller: Caller, webhook_id: str) -> None:
    """Deletes an endpoint and its deliveries. Raises ``NotFound``."""
    with state.database.transaction() as session:
        delete_webhook(session, caller.owner_id, webhook_id)
        record(session, caller.actor, "webhook.deleted", webhook_id)


def send_test(state: State, caller: Caller, webhook_id: str) -> Delivery:
    """Sends a test to an endpoint. Raises ``NotFound`` or ``LimitReached``."""
    with state.database.transaction() as session:
        get_webhook(session, caller.owner_id, webhook_id)
        spend_test_delivery(session, caller.owner_id, state.limits)
        return describe_delivery(session, add_test(session, caller.owner_id, webhook_id))


def rotate_secret(state: State, caller: Caller, webhook_id: str | None, overlap: timedelta) -> NewSecret:
    """A new secret for an endpoint, or as the owner's default. Raises ``NotFound``."""
    with state.database.transaction() as session:
        if webhook_id is not None:
            get_webhook(session, caller.owner_id, webhook_id)
        action, subject = "webhook.secret_rotated", webhook_id or "default-secret"
        record(session, caller.actor, action, subject, overlap_s=int(overlap.total_seconds()))
        return _make_secret(state, session, caller.owner_id, webhook_id, overlap)


def read_default_secret(state: State, owner_id: str) -> DefaultSecret:
    """Facts about the default secret, never the secret itself. Raises ``NotFound`` when there is none."""
    with state.database.autocommit() as session:
        rows = default_secrets(session, owner_id)
    if not rows:
        raise NotFound("there is no default secret yet; POST makes one")
    return DefaultSecret(created_at=rows[0].created_at, previous_expires_at=rows[1].expires_at if rows[1:] else None)


def check_webhook(state: State, owner_id: str, request: JobRequest) -> None:
    """Refuses a job's own address that events cannot be sent to. Raises ``RefusedUrl`` or ``NoDefaultSecret``."""
    if request.webhook_url is None:
        return
    try:
        Rules.of(state.settings).admit(request.webhook_url)
    except RefusedUrl as error:
        raise RefusedUrl.field("webhook_url", error.errors[0]["message"]) from error
    with state.database.autocommit() as session:
        if not default_secrets(session, owner_id):
            detail = "needs a secret to sign with; POST /v1/webhooks/default-secret makes one"
            raise NoDefaultSecret.field("webhook_url", detail)


def own_address(state: State, request: JobRequest) -> str | None:
    """A job's own address in canonical form, so that addresses of one origin compare as equal."""
    return None if request.webhook_url is None else Rules.of(state.settings).parse(request.webhook_url).url


def describe_webhook(row: WebhookRow) -> Webhook:
    return Webhook.model_validate(row, from_attributes=True)


def describe_deliveries(session: Session, rows: Sequence[DeliveryRow]) -> list[Delivery]:
    """Deliveries with the recordings that they are about, where these are there. The caller has checked the owner."""
    named = {track_id for row in rows if (track_id := row.event.data.get("track_id")) is not None}
    tracks = {track.id: track.shown_filename for track in tracks_by_id(session, named)}
    return [_describe(row, tracks) for row in rows]


def describe_delivery(session: Session, row: DeliveryRow) -> Delivery:
    """One delivery, as ``describe_deliveries`` describes several."""
    return describe_deliveries(session, [row])[0]


def _describe(row: DeliveryRow, tracks: Mapping[str, str]) -> Delivery:
    track_id = row.event.data.get("track_id")
    waits = row.status == DeliveryStatus.PENDING and row.token is None
    return Delivery(
        id=row.id,
        webhook_id=None if row.webhook.one_off else row.webhook_id,
        url=row.url or row.webhook.url,
        event_id=row.event_id,
        event_type=row.event.type,
        job_id=row.job_id,
        track_id=track_id if track_id in tracks else None,
        filename=tracks.get(track_id or ""),
        body=render(row.event.type, row.event.created_at, row.event.data).decode(),
        status=DeliveryStatus(row.status),
        created_at=row.created_at,
        ended_at=row.ended_at,
        next_attempt_at=row.due_at if waits else None,
        attempts=[_describe_attempt(attempt) for attempt in row.attempts],
    )


def _host(url: str) -> str:
    """What the audit log keeps of an address: its path may hold a secret."""
    return urlsplit(url).hostname or ""


def _describe_attempt(row: AttemptRow) -> Attempt:
    return Attempt(
        started_at=row.started_at,
        duration_s=row.duration_s,
        address=row.address,
        status_code=row.status_code,
        error=AttemptError(row.error) if row.error else None,
        detail=row.detail,
        answer=row.answer,
    )


def _make_secret(
    state: State, session: Session, owner_id: str, webhook_id: str | None, overlap: timedelta
) -> NewSecret:
    secret = new_secret()
    sealed = Vault(state.settings.signing_secret.get_secret_value()).seal(secret)
    row, until = put_secret(session, owner_id, webhook_id, sealed, overlap)
    created_at: datetime = row.created_at
    return NewSecret(secret=secret, created_at=created_at, previous_expires_at=until)
