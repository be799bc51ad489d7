"""The query parameters of lists."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from phonoscope.requests import Id, WholeText, text

_LONGEST_CURSOR = 200

CollectionQuery = Annotated[Id | None, Query(description="only tracks in this collection")]
LimitQuery = Annotated[WholeText, Query(ge=1, le=100, description="how many items a page may have")]
CursorQuery = Annotated[
    Annotated[str, text(_LONGEST_CURSOR)] | None,
    Query(description="`next_cursor` of the page before"),
]
