"""Owners with many windows, for tests of what searches large libraries."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.search.filters import sparse
from phonoscope.db.search.hits import as_sql
from phonoscope.db.tasks.windows import label_ids, space_id
from phonoscope.windows import MOST_PEAKS
from phonoscope.work import Space

WINDOWS_A_TRACK = 50
LABELS = [f"label {number}" for number in range(8)]
SPACE = Space("library", "sha256:library")
_CENTRES = 60

Vectors = NDArray[np.float32]

_TRACKS = text(
    """
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key, created_at)
    SELECT :prefix || n, :owner_id, :prefix || n, 'sound ' || n % 10 || '.wav', 1, 'audio/wav', 'wav', 'pcm_s16le', 1,
           1, 5.0 * n, '[]', 'a', timestamptz '2026-01-01' + n * interval '1 day'
    FROM generate_series(0, :tracks - 1) AS n
    """
)
_WINDOWS = text(
    """
    INSERT INTO window_embeddings (track_id, space_id, position, owner_id, start_s, end_s, vector, heard)
    SELECT :prefix || (n - 1) / :of_track, :space_id, (n - 1) % :of_track, :owner_id, n, n + 5, CAST(vector AS halfvec),
           CAST(heard AS sparsevec)
    FROM unnest(CAST(:vectors AS text[]), CAST(:heard AS text[])) WITH ORDINALITY AS given (vector, heard, n)
    """
)
_TRACK_VECTORS = text(
    """
    INSERT INTO embeddings (track_id, owner_id, model_name, model_digest, vector)
    SELECT track_id, owner_id, :model, :digest, vector FROM window_embeddings
    WHERE owner_id = :owner_id AND space_id = :space_id AND position = 0
    """
)
_PEAKS = text(
    """
    INSERT INTO label_peaks (track_id, space_id, label_id, owner_id, best, positions)
    SELECT track_id, :space_id, label_id, :owner_id, max(probability),
           (array_agg(position ORDER BY probability DESC))[1:CAST(:most AS int)]
    FROM (
        SELECT track_id, position, label_id, -(heard <#> CAST(format('{%s:1}/1000000', label_id) AS sparsevec))
        FROM window_embeddings CROSS JOIN unnest(CAST(:labels AS int[])) AS label_id WHERE owner_id = :owner_id
    ) AS windows (track_id, position, label_id, probability) WHERE probability > 0 GROUP BY track_id, label_id
    """
)


@dataclass(frozen=True)
class Library:
    """An owner's windows, around centres that all libraries share. The first label is rare, the last one everywhere.

    Args:
        labels: their ids, in the order of ``LABELS``.
    """

    owner_id: str
    space_id: int
    labels: list[int]
    vectors: Vectors


def new_library(database: Database, windows: int, seed: int = 1) -> Library:
    """A new owner with so many windows, in tracks of 50; the first window's vector is also its track's."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((_CENTRES, 512))
    of = rng.integers(_CENTRES, size=windows)
    vectors = centres[of] + 0.9 * rng.standard_normal((windows, 512)) + 1.0
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    probabilities = np.where(
        rng.random((windows, len(LABELS))) < 0.5, rng.uniform(0.03, 0.9, (windows, len(LABELS))), 0
    )
    probabilities[:, 0] = np.where(rng.random(windows) < 0.01, 0.8, 0.0)
    with database.transaction() as session:
        return _inserted(session, vectors, probabilities)


def _inserted(session: Session, vectors: Vectors, probabilities: NDArray[np.float64]) -> Library:
    prefix, owner_id = f"trk_{uuid4().hex}_", f"own_{uuid4().hex}"
    known = label_ids(session, "head", "sha256:library", LABELS)
    labels = [known[label] for label in LABELS]
    library = Library(owner_id, space_id(session, SPACE), labels, vectors)
    own = {"prefix": prefix, "owner_id": owner_id, "space_id": library.space_id, "of_track": WINDOWS_A_TRACK}
    heard = [
        sparse({label: round(float(value), 4) for label, value in zip(labels, row, strict=True) if value})
        for row in probabilities
    ]
    session.execute(text("INSERT INTO owners (id, name) VALUES (:owner_id, :owner_id)"), own)
    session.execute(_TRACKS, {**own, "tracks": -(-len(vectors) // WINDOWS_A_TRACK)})
    session.execute(_WINDOWS, {**own, "vectors": [as_sql(vector) for vector in vectors], "heard": heard})
    session.execute(_PEAKS, {**own, "labels": labels, "most": MOST_PEAKS})
    session.execute(_TRACK_VECTORS, {**own, "model": SPACE.model, "digest": SPACE.digest})
    return library
