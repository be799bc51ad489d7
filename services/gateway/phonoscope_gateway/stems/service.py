"""Rules for stems: those of the newest separation count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy.orm import Session

from phonoscope.contract import Stems
from phonoscope.db.library.artifacts import artifacts_of
from phonoscope.db.library.results import newest_result
from phonoscope.db.library.tracks import get_track
from phonoscope.db.schema.tables import ArtifactRow, TrackResultRow, TrackRow
from phonoscope.db.service.audit import record
from phonoscope.db.service.keys import Caller
from phonoscope.errors import NotFound
from phonoscope.filenames import download_name
from phonoscope.states import TaskName
from phonoscope.tasks import Separate
from phonoscope_gateway.jobs.checks import other_audio_track
from phonoscope_gateway.jobs.results import read_result
from phonoscope_gateway.state import State
from phonoscope_gateway.stems.archive import archive


def read_stems(state: State, caller: Caller, track_id: str, audio_track: int | None = None) -> Stems:
    """The track's newest stems, with links that are valid from now on.

    Args:
        audio_track: of which audio track; without it the track's own.

    Raises:
        InvalidRequest: the file has no such audio track.
        NotFound: the track is not this owner's or was never separated.
        OutdatedResult: another version of the service separated it, and its result cannot be read.
    """
    with state.database.autocommit() as session:
        track = get_track(session, caller.owner_id, track_id)
        found = _newest(session, track, audio_track)
    if found is None:
        raise _no_stems(track_id)
    result = read_result(state.signer_for(caller).of(track.link_key), Separate, found.body)
    return Stems(job_id=found.job_id, track_id=track_id, **result.model_dump(exclude={"task"}))


@dataclass(frozen=True)
class StoredStems:
    """The newest stems of a track as they are stored."""

    track_id: str
    job_id: str
    archive_name: str
    rows: Sequence[ArtifactRow]


def find_stems(state: State, caller: Caller, track_id: str, audio_track: int | None = None) -> StoredStems:
    """Raises as ``read_stems`` does."""
    with state.database.autocommit() as session:
        track = get_track(session, caller.owner_id, track_id)
        found = _newest(session, track, audio_track)
        rows = artifacts_of(session, found.produced_by) if found else []
    if found is None or not rows:
        raise _no_stems(track_id)
    return StoredStems(track_id, found.job_id, download_name(track.shown_filename, "stems.zip"), rows)


def zip_stems(state: State, caller: Caller, stems: StoredStems) -> Iterator[bytes]:
    """The archive's content, read from the store as it is sent. Raises ``NotFound`` or ``StoreUnavailable``.

    What visitors of a shared link fetch is not in the audit log, which they could fill; that the link was made is.
    """
    if caller.track_id is None:
        with state.database.transaction() as session:
            record(session, caller.actor, "stems.exported", stems.track_id, job_id=stems.job_id)
    opened = (
        (row.object_key.rpartition("/")[2], state.store.read(row.object_key, 0, row.size_bytes)) for row in stems.rows
    )
    # The first stem is opened now, so that a store that is down becomes a problem and not half an archive.
    return archive((name, content.chunks) for name, content in chain([next(opened)], opened))


def _no_stems(track_id: str) -> NotFound:
    return NotFound(f"track {track_id!r} has no stems yet; a job with the task `separate` makes them")


def _newest(session: Session, track: TrackRow, audio_track: int | None) -> TrackResultRow | None:
    other = other_audio_track(track, audio_track, "audio_track")
    return newest_result(session, track.id, TaskName.SEPARATE, other)
