"""Erases tracks, uploads and jobs that ended long ago: rows and objects."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from phonoscope.db.access.engine import Database
from phonoscope.db.library.ended import Forgotten, forget_ended
from phonoscope.db.library.erase import delete_track
from phonoscope.db.library.uploads import folder_of, forget_upload, whole_of
from phonoscope.db.schema.uploads import UploadRow
from phonoscope.db.service.audit import Actor
from phonoscope.errors import StoreUnavailable
from phonoscope.logs import get_logger
from phonoscope.storage import ObjectStore

_TASKS_AT_ONCE = 500
_log = get_logger(__name__)


def erase_track(database: Database, store: ObjectStore, actor: Actor, track_id: str, *, audited: bool = True) -> int:
    """Erases a track's rows, vectors and kept answers, then its objects, including those of a dead worker.

    The audit log keeps that the actor did so, if ``audited``.

    Returns how many objects were erased. When the store is down they are left to the
    orphan sweep, since no row refers to them any more.

    Raises:
        NotFound: the owner has no such track.
        DatabaseUnavailable: nothing was erased, unless the answer to the commit was lost.
    """
    keys = database.retrying(partial(delete_track, actor=actor, track_id=track_id, audited=audited))
    try:
        objects = sorted({*keys, *store.keys(f"tracks/{track_id}/")})
        store.delete(objects)
    except StoreUnavailable as error:
        _log.warning("track.objects_left", track_id=track_id, detail=error.detail)
        return 0
    return len(objects)


def forget_ended_jobs(database: Database, older_than: timedelta, links_for: timedelta) -> Forgotten | None:
    """Forgets a batch of jobs that ended longer ago than that and that nothing shows.

    The next call goes on there, in any process. The caller erases their artifacts; what it does not is left to the
    orphan sweep.

    Args:
        links_for: for how long a link to an artifact is good.

    Returns what was forgotten; ``None`` once all jobs have been looked at, and where another process is at work.
    Raises ``DatabaseUnavailable``: nothing was forgotten, unless the answer to the commit was lost.
    """
    return database.retrying(partial(forget_ended, older_than=older_than, most=_TASKS_AT_ONCE, links_for=links_for))


def erase_upload(database: Database, store: ObjectStore, upload: UploadRow, writer: str) -> int:
    """Erases an upload's objects and parts, then its row, which stays where the store is down: it is erased later.

    Args:
        writer: the request that has taken the upload.

    Returns how many objects were erased. Raises ``StoreUnavailable`` or ``DatabaseUnavailable``.
    """
    erased = erase_objects_of_upload(store, upload)
    with database.transaction() as session:
        forget_upload(session, upload.id, writer)
    return erased


def erase_objects_of_upload(store: ObjectStore, upload: UploadRow) -> int:
    """Erases the bytes of an upload, and returns how many objects they were. Raises ``StoreUnavailable``."""
    whole = whole_of(upload.id)
    known = [upload.multipart_id] if upload.multipart_id is not None else []
    # Of a gateway that died while it began the upload, the store alone may know the identifier.
    sought = upload.part_bytes is not None and not known
    for multipart_id in store.multipart.unfinished(whole) if sought else known:
        store.multipart.abort(whole, multipart_id)
    keys = store.keys(folder_of(upload.id))
    store.delete(keys)
    return len(keys)
