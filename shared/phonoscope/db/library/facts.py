"""What a list of tracks can say of each beside its labels: kind, tempo and key, of the newest results."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

_FACTS = text(
    """
    SELECT track_id, max(kind) AS kind, max(tempo_bpm) AS tempo_bpm, max(key) AS key FROM (
        SELECT DISTINCT ON (track_id, task) track_id, body ->> 'kind' AS kind,
               CAST(body ->> 'tempo_bpm' AS float) AS tempo_bpm, body ->> 'key' AS key
        FROM track_results JOIN results USING (task_id)
        WHERE track_id = ANY(CAST(:tracks AS text[])) AND task IN ('classify', 'describe') AND audio_track IS NULL
        ORDER BY track_id, task, track_results.finished_at DESC, task_id
    ) AS newest GROUP BY track_id
    """
)


class Facts(NamedTuple):
    """What the newest classification and description say; ``None`` for what they do not."""

    kind: str | None = None
    tempo_bpm: float | None = None
    key: str | None = None


def facts_of(session: Session, tracks: Collection[str]) -> dict[str, Facts]:
    """The facts of those tracks that have any, by their ids. The caller has checked the owners.

    It reads results, which are long: ask where they are shown.
    """
    if not tracks:
        return {}
    rows = session.execute(_FACTS, {"tracks": list(tracks)})
    return {row.track_id: Facts(row.kind, row.tempo_bpm, row.key) for row in rows}
