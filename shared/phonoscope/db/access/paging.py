"""Keyset pages, newest first; a cursor is the last row's time and id, opaque to clients."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import AwareDatetime, StringConstraints, TypeAdapter
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from phonoscope.errors import InvalidCursor

_POSITION = TypeAdapter(tuple[AwareDatetime, Annotated[str, StringConstraints(pattern="^[0-9a-z_]+$")]])


class PagedRow(Protocol):
    id: Any
    created_at: Any


Row = TypeVar("Row", bound=PagedRow)


def page(
    statement: Select[Row],
    created_at: InstrumentedAttribute[datetime],
    id_: InstrumentedAttribute[str],
    *,
    cursor: str | None,
    limit: int,
) -> Select[Row]:
    """Limits the statement to one page and one more row, which shows whether there is a next page."""
    if cursor is not None:
        statement = statement.where(tuple_(created_at, id_) < _decode(cursor))
    return statement.order_by(created_at.desc(), id_.desc()).limit(limit + 1)


def cut(rows: Sequence[Row], limit: int) -> tuple[list[Row], str | None]:
    """The page's rows and the cursor of the next page."""
    kept = list(rows[:limit])
    return kept, _encode(kept[-1]) if len(rows) > limit else None


def _encode(row: PagedRow) -> str:
    position = json.dumps([row.created_at.isoformat(), row.id], separators=(",", ":"))
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[datetime, str]:
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        moment, id_ = _POSITION.validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
        return moment.astimezone(UTC), id_
    except (ValueError, OverflowError) as error:
        raise InvalidCursor.field("cursor", "not a cursor of this service") from error
