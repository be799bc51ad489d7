"""Keyset pages, newest first; a cursor is the last row's time and id, opaque to clients."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from phonoscope.errors import InvalidCursor

_POSITION = TypeAdapter(tuple[AwareDatetime, Annotated[str, StringConstraints(pattern="^[0-9a-z_]+$")]])

_TEXT = TypeAdapter(Annotated[str, Field(strict=True), StringConstraints(pattern=r"^[^\x00]*$")])
_OTHER = "not a cursor of this service"
Position = TypeVar("Position")


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


def text_cursor(text: str) -> str:
    """The cursor of a list that is ordered by a text, after the item with this one."""
    return _written(text)


def text_of(cursor: str) -> str:
    """The text after which a list goes on. Raises ``InvalidCursor``."""
    return _read(_TEXT, cursor)


def _encode(row: PagedRow) -> str:
    return _written([row.created_at.isoformat(), row.id])


def _decode(cursor: str) -> tuple[datetime, str]:
    moment, id_ = _read(_POSITION, cursor)
    try:
        return moment.astimezone(UTC), id_
    except OverflowError as error:
        raise InvalidCursor.field("cursor", _OTHER) from error


def _written(position: Any) -> str:
    written = json.dumps(position, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def _read(kind: TypeAdapter[Position], cursor: str) -> Position:
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        return kind.validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
    except ValueError as error:
        raise InvalidCursor.field("cursor", _OTHER) from error
