"""Rules for API keys: an admin manages the keys of its own owner, those with other scopes too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from phonoscope.contract import ApiKey, CancelledJobs, KeyChange, KeyRequest, NewApiKey
from phonoscope.db.schema.tables import KeyRow
from phonoscope.db.service.keys import Caller, add_key, change_key, get_key, revoke_key, rotate_key
from phonoscope.db.tasks.cancel import cancel_open_jobs
from phonoscope.errors import BrokerUnavailable, InvalidRequest
from phonoscope.logs import get_logger
from phonoscope_gateway.state import State

_LONGEST = timedelta(days=36_525)
_log = get_logger(__name__)


def make_key(state: State, caller: Caller, request: KeyRequest) -> NewApiKey:
    """Raises ``InvalidRequest`` for an expiry that is over, or when there are too many keys."""
    _check_expiry(request.expires_at)
    with state.database.transaction() as session:
        row, key = add_key(
            session,
            caller.actor,
            request.name,
            scopes=set(request.scopes),
            expires_at=request.expires_at,
            links_end=request.links_end,
        )
        return _shown_once(row, key)


def read_key(state: State, caller: Caller, key_id: str) -> ApiKey:
    """Raises ``NotFound``, also for another owner's key."""
    with state.database.autocommit() as session:
        return describe_key(get_key(session, caller.owner_id, key_id))


def update_key(state: State, caller: Caller, key_id: str, change: KeyChange) -> ApiKey:
    """Raises ``NotFound``, or ``InvalidRequest`` for a revoked key or an expiry that is over."""
    _check_expiry(change.expires_at)
    given = change.model_dump(include=change.model_fields_set)
    changes = {name: value for name, value in given.items() if value is not None or name == "expires_at"}
    with state.database.transaction() as session:
        row = get_key(session, caller.owner_id, key_id, to_change=True)
        if changes:
            change_key(session, caller.actor, row, changes)
        return describe_key(row)


def rotate(state: State, caller: Caller, key_id: str, grace: timedelta) -> NewApiKey:
    """Raises ``NotFound``, or ``InvalidRequest`` for a revoked key."""
    with state.database.transaction() as session:
        row = get_key(session, caller.owner_id, key_id, to_change=True)
        key = rotate_key(session, caller.actor, row, grace)
        return _shown_once(row, key)


def revoke(state: State, caller: Caller, key_id: str, cancel: CancelledJobs) -> None:
    """Revokes a key, then cancels the jobs that the request names. Raises ``NotFound``."""
    with state.database.transaction() as session:
        revoke_key(session, caller.actor, get_key(session, caller.owner_id, key_id, to_change=True))
    _log.info("key.revoked", key_id=key_id)
    if cancel is not CancelledJobs.NONE:
        _cancel_jobs(state, caller, key_id if cancel is CancelledJobs.KEY else None)


def describe_key(row: KeyRow) -> ApiKey:
    return ApiKey.model_validate(row, from_attributes=True)


def _shown_once(row: KeyRow, key: str) -> NewApiKey:
    return NewApiKey(**describe_key(row).model_dump(), key=key)


def _cancel_jobs(state: State, caller: Caller, of_key: str | None) -> None:
    count, queues = cancel_open_jobs(state.database, caller.actor, of_key)
    try:
        state.waker.wake(queues)
    except BrokerUnavailable:
        _log.warning("tasks.not_sent_yet")
    _log.info("jobs.cancelled", jobs=count)


def _check_expiry(expires_at: datetime | None) -> None:
    if expires_at is None:
        return
    now = datetime.now(UTC)
    if not now < expires_at < now + _LONGEST:
        raise InvalidRequest.field("expires_at", "must be in the future, and less than a hundred years ahead")
