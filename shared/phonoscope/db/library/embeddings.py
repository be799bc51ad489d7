"""Nearest tracks by cosine similarity (pgvector, HNSW)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import EmbeddingRow, TrackRow
from phonoscope.errors import NotFound
from phonoscope.work import WHOLE_TRACK, Space

_EF_SEARCH = 100


class Similar(NamedTuple):
    """An owner's nearest tracks, each with its similarity in [-1, 1], nearest first.

    ``outdated`` is how many other tracks were left out because another digest of the model embedded them.
    """

    found: list[tuple[TrackRow, float]]
    outdated: int


def similar_tracks(
    session: Session, owner_id: str, track_id: str, space: Space, limit: int, stem: str = WHOLE_TRACK
) -> Similar:
    """The owner's other tracks that are nearest to a track.

    Args:
        space: whose vectors are compared; those of another digest are not.
        stem: compares this stem with the same stem of the others.

    Raises ``NotFound`` when the track, or its stem, has no embedding in that space; the error says what to run.
    """
    vector = _vector(session, owner_id, track_id, space, stem)
    # The filter is applied after the HNSW scan, which would leave too few rows: scan on until enough have passed.
    session.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
    session.execute(text(f"SET LOCAL hnsw.ef_search = {max(_EF_SEARCH, 2 * limit)}"))
    distance = EmbeddingRow.vector.cosine_distance(vector)
    others = (
        EmbeddingRow.owner_id == owner_id,
        EmbeddingRow.model_name == space.model,
        EmbeddingRow.stem == stem,
        EmbeddingRow.track_id != track_id,
    )
    rows = session.execute(
        select(TrackRow, distance)
        .join(EmbeddingRow, EmbeddingRow.track_id == TrackRow.id)
        .where(*others, EmbeddingRow.model_digest == space.digest)
        .order_by(distance)
        .limit(limit)
    ).all()
    old = select(func.count()).select_from(EmbeddingRow).where(*others, EmbeddingRow.model_digest != space.digest)
    return Similar([(track, min(1.0, max(-1.0, 1.0 - gap))) for track, gap in rows], session.scalar(old) or 0)


def own_space(session: Session, track_id: str, spaces: Sequence[Space]) -> Space:
    """The last of these spaces in which the track has an embedding of the space's digest, else the first of them."""
    if len(spaces) == 1:
        return spaces[0]
    rows = session.execute(
        select(EmbeddingRow.model_name, EmbeddingRow.model_digest).where(
            EmbeddingRow.track_id == track_id, EmbeddingRow.stem == WHOLE_TRACK
        )
    )
    known = {Space(*row) for row in rows}
    return next((space for space in reversed(spaces) if space in known), spaces[0])


def _vector(session: Session, owner_id: str, track_id: str, space: Space, stem: str) -> Any:
    rows = session.execute(
        select(EmbeddingRow.stem, EmbeddingRow.model_digest, EmbeddingRow.vector).where(
            EmbeddingRow.track_id == track_id,
            EmbeddingRow.model_name == space.model,
            EmbeddingRow.owner_id == owner_id,
        )
    )
    known = {name: (digest, vector) for name, digest, vector in rows}
    digest, vector = known.get(stem, (None, None))
    if digest != space.digest:
        digests = {name: of for name, (of, _) in known.items()}
        raise NotFound(_what_to_run(track_id, space.model, stem, digests))
    return vector


def _what_to_run(track_id: str, model: str, stem: str, digests: Mapping[str, str]) -> str:
    """Why a track, or its stem, cannot be compared.

    Args:
        digests: of the models that embedded the track and its stems.
    """
    if stem in digests:
        tasks = "task 'embed'" if stem == WHOLE_TRACK else "task 'embed' and the option embed.stems"
        return f"track {track_id!r} was embedded by an earlier {model!r}: embed it again, by a job with the {tasks}"
    if stem == WHOLE_TRACK:
        return f"track {track_id!r} has no embedding under {model!r}; run a job with the task 'embed'"
    if stems := sorted(name for name in digests if name != WHOLE_TRACK):
        return f"track {track_id!r} has no stem {stem!r} under {model!r}; there are {', '.join(stems)}"
    return (
        f"no stem of track {track_id!r} has an embedding under {model!r}; "
        "run a job with the tasks 'separate' and 'embed' and the option embed.stems"
    )
