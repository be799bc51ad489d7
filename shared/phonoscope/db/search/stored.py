"""What is kept of given tracks' windows, and how much of a library is kept. The caller has checked the owners."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from phonoscope.db.schema.windows import LabelPeaksRow, SpaceRow, WindowEmbeddingRow
from phonoscope.db.tasks.windows import AUDIO, is_space
from phonoscope.work import Space

_BEST = text(
    """
    SELECT DISTINCT ON (track_id) track_id, start_s, end_s FROM window_embeddings
    WHERE track_id = ANY(:tracks) AND space_id = :space_id AND stem = :stem
    ORDER BY track_id, vector <#> CAST(:vector AS halfvec), position
    """
)
_NAMED = text(
    """
    SELECT id, model, label FROM labels WHERE label = ANY(:labels) AND (CAST(:model AS text) IS NULL OR model = :model)
    ORDER BY id
    """
)
_WITH_WINDOWS = """
    EXISTS (SELECT FROM window_embeddings AS kept
            WHERE kept.track_id = embedded.track_id AND kept.stem = :stem {in_space} LIMIT 1)
"""
_COVERAGE = """
    SELECT count(*) FILTER (WHERE {found}) AS tracks, count(*) AS embedded
    FROM (SELECT DISTINCT track_id FROM embeddings
          WHERE owner_id = :owner_id AND stem = :stem AND vector IS NOT NULL) AS embedded
"""
_IN_SPACE = "AND kept.space_id = :space_id"
_WITH_VECTOR = """
    EXISTS (SELECT FROM embeddings AS kept WHERE kept.track_id = embedded.track_id AND kept.stem = :stem
              AND kept.model_digest = :digest AND kept.vector IS NOT NULL)
"""


class KeptWindow(NamedTuple):
    """A window of a track and its unit vector."""

    position: int
    start_s: float
    end_s: float
    vector: NDArray[np.float32]


class KnownLabel(NamedTuple):
    """A label by which windows can be searched: one version of a model's, or one of an owner's, which has no model."""

    id: int
    model: str
    label: str

    @property
    def key(self) -> tuple[str, str]:
        """The model and the label."""
        return self.model, self.label


class Covered(NamedTuple):
    """How many tracks a search looks at, of those that are embedded and not silent."""

    tracks: int
    embedded: int


def find_space(session: Session, space: Space) -> int | None:
    """The id of a space; ``None`` before the first window is kept in it."""
    return session.scalar(select(SpaceRow.id).where(*is_space(space)))


def kept_spaces(session: Session) -> dict[str, Space]:
    """All spaces of sounds, by digest; of those of equal weights under several names the first."""
    rows = session.execute(
        select(SpaceRow.model, SpaceRow.digest).where(SpaceRow.kind == AUDIO).order_by(SpaceRow.id.desc())
    )
    return {row.digest: Space(row.model, row.digest) for row in rows}


def windows_between(
    session: Session, track_id: str, space_id: int, stem: str, start_s: float, end_s: float
) -> list[KeptWindow]:
    """A track's windows that overlap a stretch, in order; silent ones are not kept."""
    within = WindowEmbeddingRow.start_s < end_s, WindowEmbeddingRow.end_s > start_s
    statement = _of_track(track_id, space_id, stem).where(*within).order_by(WindowEmbeddingRow.position)
    return _kept(session.execute(statement))


def strongest_windows(session: Session, track_id: str, space_id: int, stem: str, most: int) -> list[KeptWindow]:
    """The windows of a track in which labels are most probable, by the length of the vector of probabilities."""
    strength = func.l2_norm(WindowEmbeddingRow.heard)
    statement = _of_track(track_id, space_id, stem).order_by(strength.desc(), WindowEmbeddingRow.position)
    return _kept(session.execute(statement.limit(most)))


def has_windows(session: Session, track_id: str, space_id: int, stem: str) -> bool:
    """Whether any window of a track is kept."""
    return session.execute(_of_track(track_id, space_id, stem).limit(1)).first() is not None


def best_stretches(
    session: Session, space_id: int, stem: str, vector: NDArray[np.float32], track_ids: Collection[str]
) -> dict[str, tuple[float, float]]:
    """The start and end of the window of each track that is nearest to a unit vector; of those that have windows."""
    if not track_ids:
        return {}
    values = {"tracks": list(track_ids), "space_id": space_id, "stem": stem, "vector": str(vector.tolist())}
    return {row.track_id: (row.start_s, row.end_s) for row in session.execute(_BEST, values)}


def covered_by_vectors(session: Session, owner_id: str, digest: str, stem: str) -> Covered:
    """How many tracks have a vector in a space."""
    return _covered(session, _WITH_VECTOR, owner_id=owner_id, digest=digest, stem=stem)


def covered_by_windows(session: Session, owner_id: str, space_id: int | None, stem: str) -> Covered:
    """How many tracks have windows in a space; without one in any space."""
    found = _WITH_WINDOWS.format(in_space="" if space_id is None else _IN_SPACE)
    values = {} if space_id is None else {"space_id": space_id}
    return _covered(session, found, owner_id=owner_id, stem=stem, **values)


def labels_named(session: Session, labels: Collection[str], model: str | None = None) -> list[KnownLabel]:
    """All versions of labels, by any model or by one."""
    if not labels:
        return []
    rows = session.execute(_NAMED, {"labels": list(labels), "model": model})
    return [KnownLabel(*row) for row in rows]


def is_heard(session: Session, owner_id: str, labels: Collection[int], space_id: int | None = None) -> bool:
    """Whether one of the labels, by id, was heard in a window of the owner's, of any space or of one."""
    row = LabelPeaksRow
    heard = select(row.track_id).where(row.owner_id == owner_id, row.label_id.in_(labels))
    if space_id is not None:
        heard = heard.where(row.space_id == space_id)
    return bool(labels) and session.execute(heard.limit(1)).first() is not None


def _covered(session: Session, found: str, **values: Any) -> Covered:
    return Covered(*session.execute(text(_COVERAGE.format(found=found)), values).one())


def _of_track(track_id: str, space_id: int, stem: str) -> Any:
    row = WindowEmbeddingRow
    return select(row.position, row.start_s, row.end_s, row.vector).where(
        row.track_id == track_id, row.space_id == space_id, row.stem == stem
    )


def _kept(rows: Iterable[Any]) -> list[KeptWindow]:
    return [KeptWindow(row.position, row.start_s, row.end_s, np.asarray(row.vector, np.float32)) for row in rows]
