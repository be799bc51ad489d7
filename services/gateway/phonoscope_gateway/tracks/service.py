"""Rules for tracks: bytes go to the store first, the row makes them real."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy.exc import IntegrityError

from phonoscope.audio.probe import probe
from phonoscope.db.tables import TrackRow
from phonoscope.db.tracks import delete_track, find_track
from phonoscope.errors import StoreUnavailable
from phonoscope.ids import new_id
from phonoscope.logs import get_logger
from phonoscope_gateway.forms import Upload
from phonoscope_gateway.state import State

_log = get_logger(__name__)


def create_track(state: State, owner_id: str, upload: Upload) -> tuple[TrackRow, bool]:
    """The owner's track with these bytes, and whether it is new.

    Raises:
        RecordingError: it cannot be analysed; nothing is stored.
        Unavailable: the database or the store is down; nothing is stored.
    """
    with state.database.transaction() as session:
        known = find_track(session, owner_id, upload.sha256)
    if known is not None:
        return known, False
    row = _probed(state, owner_id, upload)
    state.store.put(row.object_key, upload.file, row.media_type)
    try:
        with state.database.transaction() as session:
            session.add(row)
    except IntegrityError:
        _discard(state, row)
        with state.database.transaction() as session:
            twin = find_track(session, owner_id, upload.sha256)
        if twin is None:
            raise
        return twin, False
    except BaseException:
        _discard(state, row)
        raise
    _log.info("track.created", track_id=row.id, size_bytes=row.size_bytes, codec=row.codec)
    return row, True


def erase_track(state: State, owner_id: str, track_id: str) -> None:
    """Erases rows, vectors and objects. Raises ``NotFound`` or ``Unavailable``; then nothing is erased."""
    with state.database.transaction() as session:
        keys = delete_track(session, owner_id, track_id)
        state.store.delete(keys)
    _log.info("track.deleted", track_id=track_id)


def _probed(state: State, owner_id: str, upload: Upload) -> TrackRow:
    found = probe(upload.file, max_duration_s=state.settings.max_duration_s)
    track_id = new_id("trk")
    return TrackRow(
        id=track_id,
        owner_id=owner_id,
        sha256=upload.sha256,
        filename=upload.filename,
        size_bytes=upload.size_bytes,
        media_type=found.media_type,
        container=found.container,
        codec=found.codec,
        sample_rate_hz=found.sample_rate_hz,
        channels=found.channels,
        duration_s=found.duration_s,
        warnings=found.warnings,
        object_key=f"tracks/{track_id}/original",
    )


def _discard(state: State, row: TrackRow) -> None:
    with suppress(StoreUnavailable):
        state.store.delete([row.object_key])
