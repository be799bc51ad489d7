"""The call under ``/v1/audit``; it needs a key with the scope `admin`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from phonoscope.contract import AuditEntry, Page
from phonoscope.db.service.audit import list_audit
from phonoscope.requests import Id, Moment, Name
from phonoscope_gateway.paging import CursorQuery, LimitQuery
from phonoscope_gateway.problems import KEYED
from phonoscope_gateway.state import CallerDep, StateDep

router = APIRouter(prefix="/v1/audit", tags=["keys"], responses=KEYED)


@router.get("")
def read_audit(
    state: StateDep,
    caller: CallerDep,
    limit: LimitQuery = 20,
    cursor: CursorQuery = None,
    action: Annotated[
        Name | None, Query(description="only this action, as `key.created`; or all of a kind, as `key`")
    ] = None,
    subject: Annotated[Name | None, Query(description="only what was done to this id")] = None,
    key_id: Annotated[Id | None, Query(description="only what this key did")] = None,
    since: Annotated[Moment | None, Query(description="only entries at this time or later")] = None,
    until: Annotated[Moment | None, Query(description="only entries before this time")] = None,
) -> Page[AuditEntry]:
    """What was done with what your owner has, newest first: by which key, or without one by the operator."""
    with state.database.autocommit() as session:
        rows, next_cursor = list_audit(
            session,
            caller.owner_id,
            cursor=cursor,
            limit=limit,
            action=action,
            subject=subject,
            key_id=key_id,
            since=since,
            until=until,
        )
    return Page(items=[AuditEntry.model_validate(row) for row in rows], next_cursor=next_cursor)
