"""The query parameters of all lists."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

LimitQuery = Annotated[int, Query(ge=1, le=100, description="how many items a page may have")]
CursorQuery = Annotated[str | None, Query(description="`next_cursor` of the page before")]
