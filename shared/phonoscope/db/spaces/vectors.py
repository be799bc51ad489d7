"""The vectors of a track's windows in one space."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import EMBEDDING_DIM, EmbeddingRow
from phonoscope.db.schema.windows import SpaceRow
from phonoscope.db.tasks.windows import is_space
from phonoscope.errors import NotFound, SilentRecording
from phonoscope.work import WHOLE_TRACK, Space

# As pgvector sends them: the number of dimensions and an unused one, of 16 bits each, then the numbers.
_HEADER_BYTES = 4
_WINDOWS = text(
    """
    SELECT position, start_s, end_s, halfvec_send(vector) AS sent FROM window_embeddings
    WHERE track_id = :track_id AND space_id = :space_id AND stem = :stem AND owner_id = :owner_id
    ORDER BY position
    """
)


class WindowVectors(NamedTuple):
    """The windows of a track, or of one of its stems, in one space; silent ones are left out.

    Shape:
        - positions: ``(windows,)``, int32, the number of each among all windows of the recording
        - spans_s: ``(windows, 2)``, float32, start and end
        - vectors: ``(windows, 512)``, float16, each of length 1 but for rounding
    """

    space: SpaceRow
    positions: NDArray[np.int32]
    spans_s: NDArray[np.float32]
    vectors: NDArray[np.float16]


def window_vectors(session: Session, owner_id: str, track_id: str, space: SpaceRow, stem: str) -> WindowVectors:
    """The windows of a track that the owner has.

    Args:
        stem: that of the whole track is empty.

    Raises:
        NotFound: there are none in this space; the error says what to run.
        SilentRecording: the track, or its stem, is silent.
    """
    asked = {"track_id": track_id, "space_id": space.id, "stem": stem, "owner_id": owner_id}
    rows = session.execute(_WINDOWS, asked).all()
    if not rows:
        raise _absence(session, track_id, space, stem)
    sent = b"".join(row.sent[_HEADER_BYTES:] for row in rows)
    return WindowVectors(
        space,
        np.array([row.position for row in rows], np.int32),
        np.array([(row.start_s, row.end_s) for row in rows], np.float32),
        np.frombuffer(sent, ">f2").astype("<f2").reshape(len(rows), EMBEDDING_DIM),
    )


def row_of(session: Session, space: Space) -> SpaceRow | None:
    """The row of a space; ``None`` where nothing was embedded in it yet."""
    return session.scalar(select(SpaceRow).where(*is_space(space)))


def no_windows(track_id: str, model: str, stem: str) -> NotFound:
    """The error for a track without windows, which says what to run."""
    if stem != WHOLE_TRACK:
        return NotFound(
            f"the stem {stem!r} of track {track_id!r} has no windows under {model!r}; run a job with the task 'embed' "
            "and the option embed.stems"
        )
    return NotFound(f"track {track_id!r} has no windows under {model!r}; run a job with the task 'embed'")


def _absence(session: Session, track_id: str, space: SpaceRow, stem: str) -> NotFound | SilentRecording:
    vector = select(EmbeddingRow.vector.is_(None)).where(
        EmbeddingRow.track_id == track_id, EmbeddingRow.stem == stem, EmbeddingRow.model_digest == space.digest
    )
    if session.scalar(vector):
        what = f"track {track_id!r}" if stem == WHOLE_TRACK else f"the stem {stem!r} of track {track_id!r}"
        return SilentRecording(f"{what} is silent: its windows have no vectors")
    return no_windows(track_id, space.model, stem)
