"""Rules for whole pictures: a worker measures the recording once, the gateway draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.spectrogram import LOWEST_DBFS, MelSpectrogram
from phonoscope.audio.waveform import Waveform
from phonoscope.contract import Job, Peaks, SpectrogramAxes, SpectrogramLook
from phonoscope.db.library.results import newest_artifact
from phonoscope.db.library.tracks import get_track
from phonoscope.db.schema.tables import ArtifactRow
from phonoscope.db.service.keys import Caller
from phonoscope.errors import NotFound
from phonoscope.states import TaskName
from phonoscope_gateway.jobs.checks import other_audio_track
from phonoscope_gateway.jobs.service import find_job_with, submit_unless_made
from phonoscope_gateway.state import State


def find_picture(
    state: State, caller: Caller, track_id: str, kind: str, audio_track: int | None = None
) -> ArtifactRow | Job:
    """The artifact that a picture is drawn from, or the job that makes it, which may have failed.

    Args:
        kind: the kind of an artifact of ``describe``.
        audio_track: the index of the audio track; without it the track's own.

    Raises:
        NotFound: the track is not this owner's.
        InvalidRequest: the file has no such audio track.
        DatabaseUnavailable: the database is down.
    """
    row = _find(state, caller.owner_id, track_id, kind, audio_track)
    if row is None:
        job = submit_unless_made(state, caller, track_id, TaskName.DESCRIBE, kind, audio_track)
        if job is not None:
            return job
        row = _find(state, caller.owner_id, track_id, kind, audio_track)
    if row is None:
        raise NotFound(f"track {track_id!r} was erased meanwhile")
    return row


def peek_at_picture(
    state: State, caller: Caller, track_id: str, kind: str, audio_track: int | None = None
) -> ArtifactRow | Job | None:
    """The same, but nothing is begun: ``None`` where there is neither. Raises as ``find_picture`` does."""
    row = _find(state, caller.owner_id, track_id, kind, audio_track)
    return find_job_with(state, caller, track_id, TaskName.DESCRIBE, audio_track) if row is None else row


def peaks(track_id: str, waveform: Waveform, points: int) -> Peaks:
    """An outline with at most ``points`` points."""
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
    """The axes of a spectrogram's image with this look."""
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
    """The levels of the darkest and the brightest colour; equal in silence."""
    loudest_dbfs = spectrogram.loudest_dbfs
    return max(loudest_dbfs - range_db, LOWEST_DBFS), loudest_dbfs


def _find(state: State, owner_id: str, track_id: str, kind: str, audio_track: int | None) -> ArtifactRow | None:
    with state.database.autocommit() as session:
        other = other_audio_track(get_track(session, owner_id, track_id), audio_track, "audio_track")
        return newest_artifact(session, track_id, TaskName.DESCRIBE, kind, other)


def _rounded(values: NDArray[np.floating]) -> list[float]:
    rounded: list[float] = values.astype(np.float64).round(6).tolist()
    return rounded
