"""Nearest tracks by cosine similarity (pgvector, HNSW)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import EmbeddingRow, TrackRow
from phonoscope.errors import NotFound
from phonoscope.work import WHOLE_TRACK

_EF_SEARCH = 100


def similar_tracks(
    session: Session, owner_id: str, track_id: str, model_name: str, limit: int, stem: str = WHOLE_TRACK
) -> list[tuple[TrackRow, float]]:
    """The owner's nearest other tracks under a model, each with its similarity in [-1, 1], nearest first.

    Args:
        stem: compares this stem with the same stem of the others.

    Raises ``NotFound`` when the track, or its stem, has no embedding under that model.
    """
    vectors = select(EmbeddingRow.stem, EmbeddingRow.vector).where(
        EmbeddingRow.track_id == track_id, EmbeddingRow.model_name == model_name, EmbeddingRow.owner_id == owner_id
    )
    found: dict[str, Any] = dict(session.execute(vectors).tuples().all())
    vector = found.get(stem)
    if vector is None:
        raise NotFound(_what_is_missing(track_id, model_name, stem, [name for name in found if name != WHOLE_TRACK]))
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
            EmbeddingRow.stem == stem,
            EmbeddingRow.track_id != track_id,
        )
        .order_by(distance)
        .limit(limit)
    ).all()
    return [(track, min(1.0, max(-1.0, 1.0 - gap))) for track, gap in rows]


def _what_is_missing(track_id: str, model_name: str, stem: str, stems: list[str]) -> str:
    if stem == WHOLE_TRACK:
        return f"track {track_id!r} has no embedding under {model_name!r}; run a job with the task 'embed'"
    if stems:
        return f"track {track_id!r} has no stem {stem!r} under {model_name!r}; there are {', '.join(sorted(stems))}"
    return (
        f"no stem of track {track_id!r} has an embedding under {model_name!r}; "
        "run a job with the tasks 'separate' and 'embed' and the option embed.stems"
    )
