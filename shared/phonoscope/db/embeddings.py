"""Nearest tracks by cosine similarity (pgvector, HNSW)."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.db.tables import EmbeddingRow, TrackRow
from phonoscope.errors import NotFound

_EF_SEARCH = 100


def similar_tracks(
    session: Session, owner_id: str, track_id: str, model_name: str, limit: int
) -> list[tuple[TrackRow, float]]:
    """The owner's nearest other tracks under a model, each with its similarity in [-1, 1], nearest first.

    Raises ``NotFound`` when the track has no embedding under that model.
    """
    vector = session.scalar(
        select(EmbeddingRow.vector).where(
            EmbeddingRow.track_id == track_id,
            EmbeddingRow.model_name == model_name,
            EmbeddingRow.owner_id == owner_id,
        )
    )
    if vector is None:
        raise NotFound(f"track {track_id!r} has no embedding under {model_name!r}; run a job with the task 'embed'")
    # A filter behind an HNSW scan would leave too few rows: let the scan go on until enough have passed.
    session.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
    session.execute(text(f"SET LOCAL hnsw.ef_search = {max(_EF_SEARCH, 2 * limit)}"))
    distance = EmbeddingRow.vector.cosine_distance(vector)
    rows = session.execute(
        select(TrackRow, distance)
        .join(EmbeddingRow, EmbeddingRow.track_id == TrackRow.id)
        .where(
            EmbeddingRow.owner_id == owner_id,
            EmbeddingRow.model_name == model_name,
            EmbeddingRow.track_id != track_id,
        )
        .order_by(distance)
        .limit(limit)
    ).all()
    return [(track, min(1.0, max(-1.0, 1.0 - gap))) for track, gap in rows]
