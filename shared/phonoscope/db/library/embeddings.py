"""Nearest tracks by cosine similarity."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from phonoscope.db.schema.tables import AcousticFingerprintRow, EmbeddingRow, TrackRow
from phonoscope.db.spaces.reading import reading_space
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
    """How many other tracks cannot be compared: embedded in another of the model's spaces alone, or silent."""

    outdated: int
    silent: int


class Search(NamedTuple):
    """A search for the owner's tracks that are like one of them, as a whole or by a stem."""

    owner_id: str
    track_id: str
    space: Space
    stem: str
    vector: NDArray[np.float32]

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
        here = aliased(EmbeddingRow)
        same = EmbeddingRow.model_digest == self.space.digest
        compared = (
            select(here.track_id)
            .where(here.track_id == EmbeddingRow.track_id, here.stem == self.stem)
            .where(here.model_name == self.space.model, here.model_digest == self.space.digest)
            .exists()
        )
        elsewhere = select(func.count(EmbeddingRow.track_id.distinct())).where(*self._others, ~same, ~compared)
        silent = select(func.count()).where(*self._others, same, EmbeddingRow.vector.is_(None))
        return LeftOut(session.scalar(elsewhere) or 0, session.scalar(silent) or 0)

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


def own_space(
    session: Session, owner_id: str, track_id: str, served: Sequence[Space], stem: str = WHOLE_TRACK
) -> Space:
    """The space in which a track is compared: the last of the served ones in which it has a vector, else the first.

    In the place of a space that is incomplete stands the one that the owner's searches read; where the track is in the
    new one alone, it is compared with those that are there already.
    """
    read = [reading_space(session, owner_id, space, stem) for space in served]
    if read == list(served) and len(served) == 1:
        return served[0]
    rows = session.execute(
        select(EmbeddingRow.model_name, EmbeddingRow.model_digest, EmbeddingRow.vector.is_not(None)).where(
            EmbeddingRow.track_id == track_id, EmbeddingRow.stem == WHOLE_TRACK
        )
    )
    sounds = {Space(model, digest): has_vector for model, digest, has_vector in rows}
    preferred = [space for pair in zip(reversed(read), reversed(served), strict=True) for space in pair]
    silent = (space for space in preferred if space in sounds)
    return next((space for space in preferred if sounds.get(space)), next(silent, read[0]))


def _vector(session: Session, owner_id: str, track_id: str, space: Space, stem: str) -> NDArray[np.float32]:
    rows = session.execute(
        select(EmbeddingRow.stem, EmbeddingRow.model_digest, EmbeddingRow.vector).where(
            EmbeddingRow.track_id == track_id,
            EmbeddingRow.model_name == space.model,
            EmbeddingRow.owner_id == owner_id,
        )
    )
    known = {(name, digest): vector for name, digest, vector in rows}
    if (stem, space.digest) not in known:
        raise NotFound(_what_to_run(track_id, space, stem, known))
    vector = known[stem, space.digest]
    if vector is None:
        what = f"track {track_id!r}" if stem == WHOLE_TRACK else f"the stem {stem!r} of track {track_id!r}"
        raise SilentRecording(f"{what} is silent: nothing sounds like it, and it has no embedding")
    return np.asarray(vector, np.float32)


def _what_to_run(track_id: str, space: Space, stem: str, known: Collection[tuple[str, str]]) -> str:
    """Why a track, or its stem, cannot be compared.

    Args:
        known: the stems of the track that are embedded, each with the digest of the space.
    """
    model = space.model
    if stem in {name for name, _ in known}:
        tasks = "task 'embed'" if stem == WHOLE_TRACK else "task 'embed' and the option embed.stems"
        return f"track {track_id!r} was embedded by an earlier {model!r}: embed it again, by a job with the {tasks}"
    if stem == WHOLE_TRACK:
        return f"track {track_id!r} has no embedding under {model!r}; run a job with the task 'embed'"
    if stems := sorted(name for name, digest in known if name != WHOLE_TRACK and digest == space.digest):
        return f"track {track_id!r} has no stem {stem!r} under {model!r}; there are {', '.join(stems)}"
    return (
        f"no stem of track {track_id!r} has an embedding under {model!r}; "
        "run a job with the tasks 'separate' and 'embed' and the option embed.stems"
    )
