"""The query parameters of lists."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from phonoscope.requests import Id, WholeText, text

_LONGEST_CURSOR = 200
_LONGEST_NAMED = 255

CollectionQuery = Annotated[Id | None, Query(description="only tracks in this collection")]
LimitQuery = Annotated[WholeText, Query(ge=1, le=100, description="how many items a page may have")]
_Named = Annotated[str, text(_LONGEST_NAMED)]
_NAMED = Query(description="text anywhere in its name, in the file's, or in a tag: title, artist, album or genre")
NameQuery = Annotated[_Named | None, _NAMED]
RequiredNameQuery = Annotated[_Named, _NAMED]
CursorQuery = Annotated[
    Annotated[str, text(_LONGEST_CURSOR)] | None,
    Query(description="`next_cursor` of the page before"),
]
