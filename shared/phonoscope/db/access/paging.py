"""Keyset pages, newest first unless another order is asked for; a cursor is the last row's place, opaque to clients."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, Protocol, TypeAlias, TypeVar

from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter
from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from phonoscope.errors import InvalidCursor

_Id: TypeAlias = Annotated[str, StringConstraints(pattern="^[0-9a-z_]+$")]
_POSITION = TypeAdapter(tuple[Annotated[AwareDatetime, Field(strict=True)], _Id])

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
    newest_first: bool = True,
) -> Select[Row]:
    """Limits the statement to one page and one more row, which shows whether there is a next page."""
    place = tuple_(created_at, id_)
    if cursor is not None:
        statement = statement.where(place < _decode(cursor) if newest_first else place > _decode(cursor))
    order = (created_at.desc(), id_.desc()) if newest_first else (created_at, id_)
    return statement.order_by(*order).limit(limit + 1)


class Order(NamedTuple):
    """What a list is ordered by beside the id: a value of each row, its type, and whether the largest comes first."""

    key: ColumnElement[Any]
    kind: TypeAdapter[Any]
    descending: bool = False


TEXT_ORDER = TypeAdapter(tuple[Annotated[str, Field(strict=True), StringConstraints(pattern=r"^[^\x00]*$")], _Id])
NUMBER_ORDER = TypeAdapter(tuple[Annotated[float, Field(strict=True, allow_inf_nan=False)], _Id])


def page_by(
    statement: Select[Row], order: Order, id_: InstrumentedAttribute[str], *, cursor: str | None, limit: int
) -> Select[Any]:
    """As ``page`` in another order; each row comes with its value. Raises ``InvalidCursor``."""
    key, place = order.key, tuple_(order.key, id_)
    if cursor is not None:
        at = _read(order.kind, cursor)
        statement = statement.where(place < at if order.descending else place > at)
    directed = (key.desc(), id_.desc()) if order.descending else (key, id_)
    return statement.add_columns(key).order_by(*directed).limit(limit + 1)


def cut_by(rows: Sequence[Any], limit: int) -> tuple[list[Any], str | None]:
    """The page's rows without their values, and the cursor of the next page."""
    kept = [row for row, _ in rows[:limit]]
    return kept, _written([rows[limit - 1][1], kept[-1].id]) if len(rows) > limit else None


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
