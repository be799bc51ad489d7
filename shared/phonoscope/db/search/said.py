"""What owners confirmed and rejected, as SQL of the rows ``v`` that searches look at.

Of a window counts what is said of a span or a point in it, before what is said of the whole recording; a label that is
both confirmed and rejected there is confirmed. A track has what is confirmed anywhere in it.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session


def fits(said: str, window: str) -> str:
    """Whether what is said is of a window: of the whole recording, of a span that overlaps it, or of a point in it."""
    return f"""(
        {said}.start_s IS NULL
        OR {said}.end_s IS NULL AND {said}.start_s BETWEEN {window}.start_s - 0.001 AND {window}.end_s + 0.001
        OR {said}.start_s < {window}.end_s - 0.001 AND {said}.end_s > {window}.start_s + 0.001
    )"""


# Without sorting: this is asked of many windows.
HOLDS = """
    min(CASE WHEN said.start_s IS NULL THEN 2 ELSE 0 END + CASE said.state WHEN 'confirmed' THEN 0 ELSE 1 END) IN (0, 2)
"""
"""Which word counts, of all that is ``said`` of one label and fits a window: whether it is confirmed."""
OF_WINDOW = f"""(
    SELECT {HOLDS} FROM annotations AS said
    WHERE said.track_id = v.track_id AND said.label = :name_{{number}} AND {fits("said", "v")} {{counts}}
)"""  # noqa: S608 - of constants
"""Whether a label is confirmed of a window; null where nothing is said."""
OF_TRACK = """(
    SELECT bool_or(said.state = 'confirmed') FROM annotations AS said
    WHERE said.track_id = v.track_id AND said.label = :name_{number}
      AND (said.start_s IS NULL OR said.state = 'confirmed') {counts}
)"""
"""Likewise of a track."""
ANSWERED = """
    AND (said.state = 'rejected' OR EXISTS (
        SELECT FROM track_labels AS answer WHERE answer.track_id = said.track_id AND answer.model = :of_{number}
    ))
"""
"""Of the labels of one model those count as confirmed whose track it has answered."""
SOMETHING = """EXISTS (
    SELECT FROM annotations AS said
    WHERE said.owner_id = :owner_id AND said.label = :name_{number} AND said.track_id = v.track_id AND {which} {counts}
)"""
"""Whether something is said of a label: by one read of all that is said of it, where many rows are looked at."""
NOT_IN_PARTS = f"""(
    NOT EXISTS (
        SELECT FROM annotations AS said
        WHERE said.track_id = v.track_id AND said.label = :name_{{number}}
          AND said.start_s IS NOT NULL AND said.state = 'rejected'
    ) OR EXISTS (
        SELECT FROM window_embeddings AS w
        WHERE w.track_id = v.track_id AND w.stem = v.stem AND {{heard}} AND NOT EXISTS (
            SELECT FROM annotations AS said
            WHERE said.track_id = v.track_id AND said.label = :name_{{number}} AND said.state = 'rejected'
              AND {fits("said", "w")}
        )
    )
)"""  # noqa: S608 - of constants
"""Whether a label, of which only parts of a track are rejected, is heard outside of these."""
CONFIRMED = """(
    SELECT said.track_id, said.start_s, said.end_s, CAST(:stem AS text) AS stem FROM annotations AS said
    WHERE said.owner_id = :owner_id AND said.label = :name_{number} AND said.state = 'confirmed' {counts}
)"""
"""What is confirmed of a label."""
_KNOWN = text(
    """
    SELECT label FROM unnest(CAST(:labels AS text[])) AS asked (label)
    WHERE EXISTS (SELECT FROM annotations AS said WHERE said.owner_id = :owner_id AND said.label = asked.label)
    """
)


def said_labels(session: Session, owner_id: str, labels: Collection[str]) -> set[str]:
    """Those of some labels that an owner confirmed or rejected anywhere."""
    if not labels:
        return set()
    return set(session.scalars(_KNOWN, {"owner_id": owner_id, "labels": sorted(labels)}))
