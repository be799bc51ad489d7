"""Rules for pictures: a worker makes them once, the gateway passes them on and never decodes a recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.waveform import KIND, Waveform
from phonoscope.contract import Job, Peaks
from phonoscope.db.artifacts import newest_artifact
from phonoscope.db.tables import ArtifactRow
from phonoscope.db.tracks import get_track
from phonoscope.errors import NotFound
from phonoscope.states import TaskName
from phonoscope_gateway.jobs.service import submit_unless_made
from phonoscope_gateway.state import State


def read_waveform(state: State, owner_id: str, track_id: str, points: int) -> Peaks | Job:
    """The track's outline, or the job that makes it, which may have failed.

    Raises:
        NotFound: the track is not this owner's.
        Unavailable: the database, the broker or the store is down.
    """
    row = _find(state, owner_id, track_id)
    if row is None:
        job = submit_unless_made(state, owner_id, track_id, TaskName.DESCRIBE, KIND)
        if job is not None:
            return job
        row = _find(state, owner_id, track_id)
    if row is None:
        raise NotFound(f"track {track_id!r} was erased meanwhile")
    content = b"".join(state.store.read(row.object_key, 0, row.size_bytes).chunks)
    return peaks(track_id, Waveform.from_npz(content), points)


def peaks(track_id: str, waveform: Waveform, points: int) -> Peaks:
    """At most so many points of an outline."""
    starts_s, low, high, rms = waveform.coarser(points)
    return Peaks(
        track_id=track_id,
        duration_s=round(waveform.duration_s, 6),
        sample_rate_hz=waveform.sample_rate_hz,
        start_s=_rounded(starts_s),
        min=_rounded(low),
        max=_rounded(high),
        rms=_rounded(rms),
    )


def _find(state: State, owner_id: str, track_id: str) -> ArtifactRow | None:
    with state.database.single() as session:
        get_track(session, owner_id, track_id)
        return newest_artifact(session, track_id, KIND)


def _rounded(values: NDArray[np.floating]) -> list[float]:
    rounded: list[float] = values.astype(np.float64).round(6).tolist()
    return rounded
