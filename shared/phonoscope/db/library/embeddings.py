"""Nearest tracks by cosine similarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import AcousticFingerprintRow, EmbeddingRow, TrackRow
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.nearest import nearest_tracks
from phonoscope.errors import NotFound, SilentRecording
from phonoscope.work import WHOLE_TRACK, Space

_CLOSEST_DURATIONS = 2_000
"""Of more tracks with nearly the same duration, those whose durations differ least."""


class Near(NamedTuple):
    """Another track and its similarity in [-1, 1].

    Args:
        vector: its unit vector.
        duration_s: of its acoustic fingerprint; ``None`` where it has none.
    """

    track: TrackRow
    similarity: float
    vector: NDArray[np.float32]
    duration_s: float | None


class LeftOut(NamedTuple):
    """How many other tracks cannot be compared: embedded by another digest of the model, or silent."""

    outdated: int
    silent: int


class Search(NamedTuple):
    """A search for the owner's tracks that are like one of them, as a whole or by a stem."""

    owner_id: str
    track_id: str
    space: Space
    stem: str
    vector: NDArray[np.float32]

    def nearest(self, session: Session, limit: int) -> list[Near]:
        """The nearest tracks, nearest first."""
        filters = Filters(stem=self.stem, without=[self.track_id])
        found = nearest_tracks(session, self.owner_id, self.space, self.vector, filters, limit)
        known = TrackRow.id.in_([hit.track_id for hit in found])
        return self._near(session, self._rows.where(known).order_by(self._distance + 0.0))

    def of_duration(self, session: Session, duration_s: float, within_s: float, limit: int) -> list[Near]:
        """The nearest of the tracks whose duration is the same within some seconds, nearest first."""
        other_s = AcousticFingerprintRow.duration_s
        difference = func.abs(other_s - duration_s)
        equal = (
            select(AcousticFingerprintRow.track_id)
            .where(AcousticFingerprintRow.owner_id == self.owner_id)
            .where(other_s.between(duration_s - within_s, duration_s + within_s))
            .order_by(difference)
            .limit(_CLOSEST_DURATIONS)
            .cte("equal")
            .prefix_with("MATERIALIZED", dialect="postgresql")
        )
        # Not the bare distance: an index by distance would be scanned until it comes upon these few tracks.
        order = self._distance + 0.0
        return self._near(session, self._rows.join(equal, equal.c.track_id == TrackRow.id).order_by(order).limit(limit))

    def left_out(self, session: Session) -> LeftOut:
        """How many other tracks are embedded and cannot be compared."""
        same = EmbeddingRow.model_digest == self.space.digest
        counts = select(func.count().filter(~same), func.count().filter(same, EmbeddingRow.vector.is_(None))).where(
            *self._others
        )
        return LeftOut(*session.execute(counts).one())

    @property
    def _others(self) -> Sequence[Any]:
        return (
            EmbeddingRow.owner_id == self.owner_id,
            EmbeddingRow.model_name == self.space.model,
            EmbeddingRow.stem == self.stem,
            EmbeddingRow.track_id != self.track_id,
        )

    @property
    def _distance(self) -> Any:
        return EmbeddingRow.vector.cosine_distance(self.vector)

    @property
    def _rows(self) -> Any:
        known = EmbeddingRow.model_digest == self.space.digest, EmbeddingRow.vector.is_not(None)
        return (
            select(TrackRow, self._distance, EmbeddingRow.vector, AcousticFingerprintRow.duration_s)
            .join(EmbeddingRow, EmbeddingRow.track_id == TrackRow.id)
            .outerjoin(AcousticFingerprintRow, AcousticFingerprintRow.track_id == TrackRow.id)
            .where(*self._others, *known)
        )

    @staticmethod
    def _near(session: Session, rows: Any) -> list[Near]:
        # Unit vectors in single precision may be a little further apart than 2, or nearer than 0.
        return [
            Near(track, float(np.clip(1.0 - distance, -1.0, 1.0)), np.asarray(vector, np.float32), duration_s)
            for track, distance, vector, duration_s in session.execute(rows)
        ]


def search_from(session: Session, owner_id: str, track_id: str, space: Space, stem: str = WHOLE_TRACK) -> Search:
    """A search for tracks that are like this one.

    Args:
        space: whose vectors are compared; those of another digest are not.
        stem: compares this stem with the same stem of the others.

    Raises:
        NotFound: the track, or its stem, has no embedding in that space; the error says what to run.
        SilentRecording: the track, or its stem, is silent.
    """
    return Search(owner_id, track_id, space, stem, _vector(session, owner_id, track_id, space, stem))


def own_space(session: Session, track_id: str, spaces: Sequence[Space]) -> Space:
    """The last of these spaces in which the track has a vector of the space's digest, else the first of them."""
    if len(spaces) == 1:
        return spaces[0]
    rows = session.execute(
        select(EmbeddingRow.model_name, EmbeddingRow.model_digest).where(
            EmbeddingRow.track_id == track_id, EmbeddingRow.stem == WHOLE_TRACK, EmbeddingRow.vector.is_not(None)
        )
    )
    known = {Space(*row) for row in rows}
    return next((space for space in reversed(spaces) if space in known), spaces[0])


def _vector(session: Session, owner_id: str, track_id: str, space: Space, stem: str) -> NDArray[np.float32]:
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
    if vector is None:
        what = f"track {track_id!r}" if stem == WHOLE_TRACK else f"the stem {stem!r} of track {track_id!r}"
        raise SilentRecording(f"{what} is silent: nothing sounds like it, and it has no embedding")
    return np.asarray(vector, np.float32)


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
