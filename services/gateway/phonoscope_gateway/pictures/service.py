"""Rules for pictures: a worker makes them once, the gateway passes them on and never decodes a recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.spectrogram import LOWEST_DBFS, MelSpectrogram
from phonoscope.audio.waveform import Waveform
from phonoscope.contract import Job, Peaks, SpectrogramAxes, SpectrogramLook
from phonoscope.db.library.results import newest_artifact
from phonoscope.db.library.tracks import get_track
from phonoscope.db.schema.tables import ArtifactRow
from phonoscope.errors import NotFound
from phonoscope.states import TaskName
from phonoscope_gateway.jobs.service import submit_unless_made
from phonoscope_gateway.state import State


def find_picture(state: State, owner_id: str, track_id: str, kind: str) -> ArtifactRow | Job:
    """What a picture of the track is drawn from, or the job that makes it, which may have failed.

    Args:
        kind: the artifact's, of those that ``describe`` makes.

    Raises:
        NotFound: the track is not this owner's.
        DatabaseUnavailable: the database is down.
    """
    row = _find(state, owner_id, track_id, kind)
    if row is None:
        job = submit_unless_made(state, owner_id, track_id, TaskName.DESCRIBE, kind)
        if job is not None:
            return job
        row = _find(state, owner_id, track_id, kind)
    if row is None:
        raise NotFound(f"track {track_id!r} was erased meanwhile")
    return row


def read_picture(state: State, row: ArtifactRow) -> bytes:
    """What it is drawn from. Raises ``NotFound`` or ``StoreUnavailable``."""
    return b"".join(state.store.read(row.object_key, 0, row.size_bytes).chunks)


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


def axes(track_id: str, spectrogram: MelSpectrogram, look: SpectrogramLook) -> SpectrogramAxes:
    """How to read the picture of a spectrogram that has this look."""
    floor_dbfs, ceiling_dbfs = span_dbfs(spectrogram, look.range_db)
    return SpectrogramAxes(
        track_id=track_id,
        duration_s=round(spectrogram.duration_s, 6),
        sample_rate_hz=spectrogram.sample_rate_hz,
        start_s=_rounded(np.arange(look.width) * spectrogram.duration_s / look.width),
        centre_hz=_rounded(spectrogram.centres_hz()),
        edge_hz=_rounded(spectrogram.edges_hz()),
        floor_dbfs=floor_dbfs,
        ceiling_dbfs=ceiling_dbfs,
        colour_map=look.colour_map,
    )


def span_dbfs(spectrogram: MelSpectrogram, range_db: float) -> tuple[float, float]:
    """What the darkest and the brightest colour stand for: the same in silence."""
    loudest_dbfs = spectrogram.loudest_dbfs
    return max(loudest_dbfs - range_db, LOWEST_DBFS), loudest_dbfs


def _find(state: State, owner_id: str, track_id: str, kind: str) -> ArtifactRow | None:
    with state.database.autocommit() as session:
        get_track(session, owner_id, track_id)
        return newest_artifact(session, track_id, TaskName.DESCRIBE, kind)


def _rounded(values: NDArray[np.floating]) -> list[float]:
    rounded: list[float] = values.astype(np.float64).round(6).tolist()
    return rounded
