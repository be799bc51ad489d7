"""Keeping what was heard in a recording's windows, in the transaction that ends the task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, text
from sqlalchemy.orm import Session

from phonoscope.batches import batched
from phonoscope.db.schema.windows import LABEL_DIMENSIONS, SpaceRow
from phonoscope.windows import HeardLabels, Windows, peaks_of
from phonoscope.work import Claim, Space

AUDIO = "audio"
"""The kind of spaces whose vectors are made of audio alone."""
_AT_ONCE = 500

# Held until the commit, so that a space is not dropped while windows are written into it.
_FIND_SPACE = text("SELECT id FROM spaces WHERE model = :model AND digest = :digest AND kind = :kind FOR KEY SHARE")
# One that another transaction adds meanwhile is waited for, and found by the next statement.
_ADD_SPACE = text("INSERT INTO spaces (model, digest, kind) VALUES (:model, :digest, :kind) ON CONFLICT DO NOTHING")
_FIND_LABELS = text("SELECT label, id FROM labels WHERE model = :model AND digest = :digest")
_ADD_LABELS = text(
    """
    INSERT INTO labels (model, digest, label) SELECT :model, :digest, unnest(CAST(:labels AS text[]))
    ON CONFLICT DO NOTHING
    """
)
# Those of stems that are no more go where stems are embedded.
_FORGET = """
    DELETE FROM {table}
    WHERE track_id = :track_id AND space_id = :space_id AND (:all_stems OR stem = ANY(:stems))
"""
_FORGET_WINDOWS = text(_FORGET.format(table="window_embeddings"))
_FORGET_PEAKS = text(_FORGET.format(table="label_peaks"))
_ADD_WINDOWS = text(
    """
    INSERT INTO window_embeddings (track_id, space_id, stem, position, owner_id, start_s, end_s, vector, heard)
    SELECT :track_id, :space_id, :stem, position, :owner_id, start_s, end_s, CAST(vector AS halfvec),
           CAST(heard AS sparsevec)
    FROM unnest(CAST(:positions AS int[]), CAST(:starts_s AS real[]), CAST(:ends_s AS real[]),
                CAST(:vectors AS text[]), CAST(:heard AS text[])) AS windows (position, start_s, end_s, vector, heard)
    """
)
_ADD_PEAKS = text(
    """
    INSERT INTO label_peaks (track_id, space_id, stem, label_id, owner_id, best, positions)
    SELECT :track_id, :space_id, :stem, label_id, :owner_id, best, CAST(positions AS int[])
    FROM unnest(CAST(:labels AS int[]), CAST(:best AS real[]), CAST(:positions AS text[]))
         AS peaks (label_id, best, positions)
    """
)


def keep_windows(session: Session, claim: Claim, windows: Mapping[Space, Mapping[str, Windows]]) -> None:
    """Keeps the windows of a track and of its stems, in the place of those that it had in the same spaces.

    Args:
        windows: for each space, by stem; the empty name is the whole track.
    """
    for space, by_stem in windows.items():
        at = {"track_id": claim.track.id, "owner_id": claim.track.owner_id, "space_id": space_id(session, space)}
        forget = {**at, "stems": list(by_stem), "all_stems": len(by_stem) > 1}
        session.execute(_FORGET_WINDOWS, forget)
        session.execute(_FORGET_PEAKS, forget)
        for stem, found in by_stem.items():
            _keep(session, {**at, "stem": stem}, found)


def space_id(session: Session, space: Space, kind: str = AUDIO) -> int:
    """The id of a space, which is made where it is new."""
    values = {"model": space.model, "digest": space.digest, "kind": kind}
    known: int | None = session.scalar(_FIND_SPACE, values)
    if known is None:
        session.execute(_ADD_SPACE, values)
        known = session.scalar(_FIND_SPACE, values)
    assert known is not None
    return known


def is_space(space: Space, kind: str = AUDIO) -> tuple[ColumnElement[bool], ...]:
    """What holds of the row of a space: equal weights under two names are two spaces, each with its own model."""
    return SpaceRow.model == space.model, SpaceRow.digest == space.digest, SpaceRow.kind == kind


def label_ids(session: Session, model: str, digest: str, labels: Sequence[str]) -> dict[str, int]:
    """The ids of a model's labels, by label; those that are new are made."""
    values = {"model": model, "digest": digest}
    known = _known_labels(session, values)
    if not known.keys() >= set(labels):
        missing = [label for label in labels if label not in known]
        session.execute(_ADD_LABELS, {**values, "labels": missing})
        known = _known_labels(session, values)
    return known


def _known_labels(session: Session, values: Mapping[str, str]) -> dict[str, int]:
    return {row.label: row.id for row in session.execute(_FIND_LABELS, values)}


def _keep(session: Session, at: dict[str, Any], windows: Windows) -> None:
    ids = [label_ids(session, head.model, head.digest, head.labels) for head in windows.heads]
    heard = _sparse(windows.heads, ids, len(windows))
    for rows in batched(range(len(windows)), _AT_ONCE):
        session.execute(
            _ADD_WINDOWS,
            {
                **at,
                "positions": windows.positions[rows].tolist(),
                "starts_s": windows.spans_s[rows, 0].tolist(),
                "ends_s": windows.spans_s[rows, 1].tolist(),
                "vectors": [str(row) for row in np.round(windows.vectors[rows].astype(float), 5).tolist()],
                "heard": [heard[row] for row in rows],
            },
        )
    for head, known in zip(windows.heads, ids, strict=True):
        peaks = list(peaks_of(head))
        session.execute(
            _ADD_PEAKS,
            {
                **at,
                "labels": [known[peak.label] for peak in peaks],
                "best": [peak.best for peak in peaks],
                "positions": [_array(windows.positions[peak.windows].tolist()) for peak in peaks],
            },
        )


def _sparse(heads: Sequence[HeardLabels], ids: Sequence[Mapping[str, int]], windows: int) -> list[str]:
    """What was heard in each window, as PostgreSQL reads a ``sparsevec``."""
    found: list[dict[int, float]] = [{} for _ in range(windows)]
    for row, label_id, probability in _entries(heads, ids):
        found[row][label_id] = probability
    return [
        "{" + ",".join(f"{label_id}:{row[label_id]:.4f}" for label_id in sorted(row)) + f"}}/{LABEL_DIMENSIONS}"
        for row in found
    ]


def _entries(heads: Sequence[HeardLabels], ids: Sequence[Mapping[str, int]]) -> Iterator[tuple[int, int, float]]:
    for head, known in zip(heads, ids, strict=True):
        kept = head.kept
        for row, column in np.argwhere(kept > 0.0):
            yield int(row), known[head.labels[column]], float(kept[row, column])


def _array(numbers: Sequence[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"
