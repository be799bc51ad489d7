"""Which windows and tracks a search looks at."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from phonoscope.work import WHOLE_TRACK


@dataclass(frozen=True)
class Filters:
    """What is looked at; everything of the owner by default.

    Args:
        stem: that of the whole track is empty.
        labels: ids of labels, each with the least probability that a window, or a track somewhere, must have.
        since, until: when the track was uploaded.
        least_s, most_s: the track's duration.
        words: text in the file's name or tags.
        without: ids of tracks that are left out.
    """

    stem: str = WHOLE_TRACK
    labels: Mapping[int, float] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    least_s: float | None = None
    most_s: float | None = None
    words: str | None = None
    without: Collection[str] = ()

    @property
    def of_tracks(self) -> tuple[str, dict[str, Any]]:
        """The conditions on a row ``tracks``, as SQL with its values; empty where all tracks are looked at."""
        values = {
            "since": self.since,
            "until": self.until,
            "least_s": self.least_s,
            "most_s": self.most_s,
            "words": self.words,
            "without": list(self.without) or None,
        }
        given = {name: value for name, value in values.items() if value is not None}
        return " AND ".join(_CONDITIONS[name] for name in given), given


_CONDITIONS = {
    "since": "tracks.created_at >= :since",
    "until": "tracks.created_at < :until",
    "least_s": "tracks.duration_s >= :least_s",
    "most_s": "tracks.duration_s <= :most_s",
    "words": "strpos(tracks.words, lower(normalize(:words, NFC))) > 0",
    "without": "tracks.id <> ALL(:without)",
}
