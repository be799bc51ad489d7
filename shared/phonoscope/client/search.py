"""The client's searches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from phonoscope.client.connection import Connection
from phonoscope.client.recordings import open_recording
from phonoscope.contract import SearchAnswer, SearchFilters, SearchItem
from phonoscope.filenames import filename_of

_PATH = "/v1/search"
_ANALYSED_WITHIN = httpx.Timeout(30.0, read=900.0, write=600.0)
"""A gateway answers once a file is analysed; how long it waits is its setting."""


class SearchCalls(Connection):
    """Calls that search an owner's library."""

    def search(
        self,
        text: str | None = None,
        *,
        track_id: str | None = None,
        like: Path | None = None,
        vector: list[float] | None = None,
        filters: SearchFilters | dict[str, Any] | None = None,
        **fields: Any,
    ) -> SearchAnswer:
        """A page of recordings, or of moments in them, by words, a track, a file or a vector: by exactly one of these.

        Args:
            track_id: with the fields ``start_s`` and ``end_s`` a stretch of it, with ``stem`` a stem of it.
            like: a file, which is analysed and not kept.
            vector: needs the field ``space``.
            fields: the other ones of ``SearchRequest``: ``unit`` (``track`` or ``moment``), ``limit``, ``cursor``,
                ``diversify``, ``space``, ``stem``, ``way``, ``start_s``, ``end_s``.

        Raises ``OSError`` where no recording can be read at ``like``.
        """
        asked = {"text": text, "track_id": track_id, "vector": vector, "filters": _plain(filters), **fields}
        given = {name: value for name, value in asked.items() if value is not None}
        if like is None:
            return self._ask(SearchAnswer, "POST", _PATH, json=given)
        form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
        with open_recording(like) as file:
            sent = {"file": (filename_of(like), file)}
            return self._ask(SearchAnswer, "POST", _PATH, files=sent, data=form, timeout=_ANALYSED_WITHIN)

    def search_all(self, text: str | None = None, **fields: Any) -> Iterator[SearchItem]:
        """All that a search finds, page by page; takes what ``search`` takes. A file is sent for each page."""
        cursor: str | None = None
        while True:
            answer = self.search(text, cursor=cursor, **fields)
            yield from answer.items
            cursor = answer.next_cursor
            if cursor is None:
                return


def _plain(filters: SearchFilters | dict[str, Any] | None) -> dict[str, Any] | None:
    return filters.model_dump(mode="json", exclude_unset=True) if isinstance(filters, SearchFilters) else filters
