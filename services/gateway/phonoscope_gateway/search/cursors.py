"""Cursors of searches: how much was shown, and the last item, of one and the same search."""

from __future__ import annotations

import hashlib
import json
from array import array
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, TypeAdapter

from phonoscope.contract import SearchRequest
from phonoscope.errors import InvalidCursor
from phonoscope_gateway.search.candidates import Place

MOST_SHOWN = 1_000
"""Items of a search, over all its pages."""
_DIGEST = 16

_KEY = tuple[bool, Annotated[float, Field(allow_inf_nan=False)], str, int]
_POSITION = TypeAdapter(tuple[str, Annotated[int, Field(ge=1, le=MOST_SHOWN)], _KEY])


@dataclass(frozen=True)
class SearchCursor:
    """What was shown of a search.

    Args:
        digest: of the search.
        shown: how many items.
        last: the place of the last one.
    """

    digest: str
    shown: int = 0
    last: Place | None = None

    @classmethod
    def of(cls, request: SearchRequest, sha256: str | None) -> SearchCursor:
        """The cursor that a search names, or its beginning.

        Args:
            sha256: of the recording that was sent to search by.

        Raises ``InvalidCursor`` for one that this service did not make, or made for another search.
        """
        digest = _digest(request, sha256)
        if request.cursor is None:
            return cls(digest)
        padded = request.cursor + "=" * (-len(request.cursor) % 4)
        try:
            own, shown, last = _POSITION.validate_json(b64decode(padded, altchars=b"-_", validate=True))
        except ValueError as error:
            raise InvalidCursor.field("cursor", "not a cursor of this service") from error
        if own != digest:
            raise InvalidCursor.field("cursor", "of another search: send the same fields, and the same file, again")
        return cls(digest, shown, Place(*last))

    def after(self, items: int, last: Place) -> str | None:
        """The cursor of the page after one with so many items; ``None`` once as many were shown as may be."""
        shown = self.shown + items
        if shown >= MOST_SHOWN:
            return None
        position = json.dumps([self.digest, shown, list(last)], separators=(",", ":"))
        return urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _digest(request: SearchRequest, sha256: str | None) -> str:
    asked = request.model_dump(mode="json", exclude={"cursor", "limit", "vector"})
    text = json.dumps([asked, sha256], sort_keys=True, separators=(",", ":"))
    vector = b"" if request.vector is None else array("d", request.vector).tobytes()
    return hashlib.sha256(text.encode() + vector).hexdigest()[:_DIGEST]
