"""Namespaces: vectors that are compared with each other, and the names of their indexes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Of(StrEnum):
    """What vectors are of; the value is their table."""

    WINDOWS = "window_embeddings"
    TRACKS = "embeddings"


@dataclass(frozen=True)
class Namespace:
    """The vectors that one search looks at: an owner's, in one space, of whole tracks or of one stem.

    Args:
        space: the space's id for windows, its digest for tracks.
    """

    of: Of
    owner_id: str
    space: int | str
    stem: str

    def condition(self, prefix: str = "v.") -> str:
        """What holds of its rows, as SQL with the values ``values``.

        Args:
            prefix: of the columns' names.
        """
        return _CONDITIONS[self.of].format(v=prefix)

    @property
    def values(self) -> dict[str, Any]:
        return {"owner_id": self.owner_id, "space": self.space, "stem": self.stem}

    def index_name(self, rung: str) -> str:
        """The name of its index of that rung.

        >>> Namespace(Of.WINDOWS, "own_1", 3, "").index_name("hnsw")
        'near_windows_hnsw_58086e5ac86980611163'
        """
        digest = hashlib.sha256("\n".join(map(str, (self.owner_id, self.space, self.stem))).encode()).hexdigest()
        return f"near_{self.of.name.lower()}_{rung}_{digest[:20]}"


_CONDITIONS = {
    Of.WINDOWS: "{v}owner_id = :owner_id AND {v}space_id = :space AND {v}stem = :stem",
    Of.TRACKS: "{v}owner_id = :owner_id AND {v}model_digest = :space AND {v}stem = :stem AND {v}vector IS NOT NULL",
}
