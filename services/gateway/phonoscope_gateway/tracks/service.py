"""Rules for tracks: bytes are stored first; the track exists once its row is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from io import BytesIO
from typing import TypeAlias, TypeVar

from anyio import to_thread
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from phonoscope.audio.probe import COVER_TYPE, Probe, probing
from phonoscope.db.library.artifacts import COVER, add_cover
from phonoscope.db.library.tracks import add_track, find_track, was_added
from phonoscope.db.schema.tables import ArtifactRow, TrackRow
from phonoscope.db.service.usage import check_held, check_upload, spend_upload
from phonoscope.errors import Unavailable
from phonoscope.ids import new_id
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope_gateway.forms import Upload
from phonoscope_gateway.state import State

Made = TypeVar("Made")
Then: TypeAlias = Callable[[Session, TrackRow, bool], Made]
"""Called with the transaction, the track, and whether it is new."""

_SMALL_BYTES = 8 << 20
_COVER_NAME = "cover.jpg"
_MEDIA_TYPE = "application/octet-stream"
"""The media type of stored objects: a recording's own type is in its row, and known only after the probe."""

_log = get_logger(__name__)


def create_track_and(
    state: State, owner_id: str, upload: Upload, then: Then[Made], *, new_job: bool = False
) -> tuple[TrackRow, bool, Made]:
    """The owner's track with these bytes, whether it is new, and the result of ``then``.

    ``then`` writes in the transaction that commits the track. The upload counts for its day whatever comes of it.

    Args:
        new_job: whether ``then`` makes a job.

    Raises:
        RecordingError: it cannot be analysed; nothing is stored.
        LimitReached: a quota of the owner is used up; nothing is stored.
        Unavailable: the database or the store is down; nothing is stored, unless the answer to the commit was lost.
    """
    result = "refused"
    try:
        with state.database.autocommit() as session:
            spend_upload(session, owner_id, state.limits, upload.size_bytes)
        row, created, made = _find_or_create(state, owner_id, upload, then, new_job=new_job)
        result = "new" if created else "known"
        return row, created, made
    finally:
        recorder().uploaded(result, upload.size_bytes)


async def check_day(state: State, owner_id: str) -> None:
    """Refuses an upload before its bytes are read, on a day whose quota is used up.

    Raises ``LimitReached`` or ``DatabaseUnavailable``.
    """

    def check() -> None:
        with state.database.autocommit() as session:
            check_upload(session, owner_id, state.limits)

    await to_thread.run_sync(check)


def _find_or_create(
    state: State, owner_id: str, upload: Upload, then: Then[Made], *, new_job: bool
) -> tuple[TrackRow, bool, Made]:
    with state.database.autocommit() as session:
        known = find_track(session, owner_id, upload.sha256)
    if known is None:
        try:
            row, made = _create(state, owner_id, upload, then, new_job=new_job)
        except IntegrityError:
            with state.database.autocommit() as session:
                known = find_track(session, owner_id, upload.sha256)
            if known is None:
                raise
        else:
            return row, True, made
    with state.database.transaction() as session:
        made = then(session, known, False)
        if new_job:
            check_held(session, owner_id, state.limits, new_job=True)
        return known, False, made


def _create(state: State, owner_id: str, upload: Upload, then: Then[Made], *, new_job: bool) -> tuple[TrackRow, Made]:
    track_id = new_id("trk")
    key = f"tracks/{track_id}/original"
    put = partial(state.store.put, key, upload.file, _MEDIA_TYPE)
    small = upload.size_bytes <= _SMALL_BYTES
    row = cover = None
    try:
        with (
            probing(upload.file, max_duration_s=state.settings.max_duration_s, owner=owner_id) as finish,
            _meanwhile(state.threads, put if small else _nothing) as stored,
        ):
            found = finish()
            if not small:
                put()
            row, cover = _row(track_id, owner_id, key, upload, found), _cover(track_id, found)
            if cover is not None:
                state.store.put(cover.object_key, BytesIO(found.cover or b""), cover.media_type)
            with state.database.transaction() as session:
                add_track(session, row)
                if cover is not None:
                    add_cover(session, cover)
                made = then(session, row, True)
                stored()
                check_held(session, owner_id, state.limits, new_bytes=row.size_bytes, new_job=new_job)
    except BaseException:
        _discard_uncommitted(state, [key, *([cover.object_key] if cover else [])], row)
        raise
    _log.info("track.created", track_id=row.id, size_bytes=row.size_bytes, codec=row.codec)
    return row, made


@contextmanager
def _meanwhile(threads: ThreadPoolExecutor, call: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Runs a call while the caller does something else; the yielded function waits for its end."""
    going = threads.submit(copy_context().run, call)
    try:
        yield going.result
    finally:
        wait([going])


def _nothing() -> None:
    pass


def _row(track_id: str, owner_id: str, key: str, upload: Upload, found: Probe) -> TrackRow:
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
        audio_track=found.audio_track,
        audio_tracks=[each.model_dump(mode="json") for each in found.audio_tracks],
        tags=found.tags.model_dump(mode="json", exclude_none=True),
        object_key=key,
        link_key="",
        notes="",
        revision=0,
    )


def _cover(track_id: str, found: Probe) -> ArtifactRow | None:
    if found.cover is None:
        return None
    return ArtifactRow(
        id=new_id("art"),
        track_id=track_id,
        kind=COVER,
        object_key=f"tracks/{track_id}/{_COVER_NAME}",
        media_type=COVER_TYPE,
        size_bytes=len(found.cover),
    )


def _discard_uncommitted(state: State, keys: list[str], row: TrackRow | None) -> None:
    """Erases the objects unless their row is committed: a commit may have gone through though its answer was lost.

    When the database cannot say, the objects stay; if no row names them, the orphan sweep erases them.
    """
    try:
        if row is None or not _was_added(state, row):
            state.store.delete(keys)
    except Unavailable:
        _log.warning("object.left_behind", keys=keys)


def _was_added(state: State, row: TrackRow) -> bool:
    with state.database.transaction() as session:
        return was_added(session, row)
