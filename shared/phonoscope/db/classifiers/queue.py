"""The review queue of a classifier: windows to ask about, without those that have been answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.schema.classifiers import ClassifierRow

# Answered is what was said of one of its labels, of the recording or of a span or point that overlaps the window.
_LEFT = """
    FROM classifier_queue AS asked JOIN classifier_versions AS own USING (classifier_id, version)
    WHERE asked.classifier_id = :id AND asked.version = :version AND NOT EXISTS (
        SELECT FROM annotations AS said
        WHERE said.track_id = asked.track_id AND own.manifest -> 'labels' ? said.label AND (
            said.start_s IS NULL
            OR said.end_s IS NULL AND said.start_s BETWEEN asked.start_s AND asked.end_s
            OR said.end_s IS NOT NULL
               AND least(asked.end_s, said.end_s) - greatest(asked.start_s, said.start_s)
                   >= 0.5 * least(asked.end_s - asked.start_s, said.end_s - said.start_s) - 0.001))
"""
_SOME = text(
    f"""
    SELECT track_id, start_s, end_s, asked.label, probability, reason, count(*) OVER () AS left
    {_LEFT} ORDER BY rank LIMIT :most
    """
)
_COUNT = text(f"SELECT count(*) {_LEFT}")


def to_ask(session: Session, row: ClassifierRow, most: int) -> tuple[Sequence[Any], int]:
    """The windows to ask about, the best first, and how many there are."""
    rows = session.execute(_SOME, {"id": row.id, "version": row.version, "most": most}).all()
    return rows, rows[0].left if rows else 0


def count_to_ask(session: Session, row: ClassifierRow) -> int:
    """How many windows there are to ask about."""
    return session.scalar(_COUNT, {"id": row.id, "version": row.version}) or 0
