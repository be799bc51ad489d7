"""Rules for uploads that come in pieces: one becomes a track in the transaction in which it ends, or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, BinaryIO

from anyio import to_thread
from sqlalchemy.orm import Session

from phonoscope.contract import Job, JobRequest
from phonoscope.db.library.uploads import add_upload, finish_upload, get_upload, refuse_upload
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.schema.uploads import UploadRow
from phonoscope.db.service.keys import Caller
from phonoscope.db.service.usage import check_open_upload
from phonoscope.erasure import erase_objects_of_upload, erase_upload
from phonoscope.errors import DigestMismatch, EmptyUpload, ModelError, NotFound, PhonoscopeError, Unavailable
from phonoscope.ids import new_id
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.states import UploadStatus
from phonoscope_gateway.bodies import parse_model
from phonoscope_gateway.forms import Upload, new_spool, spooling, too_large
from phonoscope_gateway.jobs.service import check_submission, submit_recording
from phonoscope_gateway.state import State
from phonoscope_gateway.tracks.service import create_track_and
from phonoscope_gateway.uploads.held import HeldUpload, held
from phonoscope_gateway.uploads.metadata import Metadata
from phonoscope_gateway.uploads.pieces import lost_pieces

_CHUNK_BYTES = 256 << 10
_SERVER_ERROR = 500
_log = get_logger(__name__)


def new_upload(state: State, caller: Caller, size_bytes: int, metadata: Metadata, said: str = "") -> UploadRow:
    """An upload of that many bytes, which ``add_new`` adds.

    Raises:
        EmptyUpload, UploadTooLarge: it is too small, or larger than this service takes.
        UnknownModel, InvalidRequest: the job that is asked for is not valid.
    """
    if not size_bytes:
        raise EmptyUpload("the upload would hold no bytes")
    if size_bytes > state.settings.max_upload_bytes:
        raise too_large(state.settings.max_upload_bytes)
    if metadata.request is not None:
        check_submission(state, caller, metadata.request)
    return UploadRow(
        id=new_id("upl"),
        owner_id=caller.owner_id,
        status=UploadStatus.OPEN,
        filename=metadata.filename,
        said=said,
        size_bytes=size_bytes,
        sha256=metadata.sha256,
        asked=metadata.request and metadata.request.model_dump(mode="json", exclude_unset=True),
    )


def add_new(session: Session, state: State, row: UploadRow) -> UploadRow:
    """Adds an upload, of which no byte has come. Raises ``LimitReached`` where it would exceed a quota of the owner."""
    check_open_upload(session, row.owner_id, state.limits, row.size_bytes)
    return add_upload(session, row, timedelta(seconds=state.settings.upload_expiry_s))


def read_upload(state: State, owner_id: str, upload_id: str) -> UploadRow:
    """Raises ``NotFound`` or ``DatabaseUnavailable``."""
    with state.database.autocommit() as session:
        return get_upload(session, owner_id, upload_id)


def check_way(row: UploadRow, *, direct: bool) -> None:
    """Raises ``NotFound`` for an upload whose bytes come another way."""
    if (row.part_bytes is not None) != direct:
        raise NotFound(f"no upload {row.id!r} whose bytes are sent {'to the store' if direct else 'by tus'}")


async def abandon(state: State, owner_id: str, upload_id: str) -> None:
    """Erases an upload and its bytes; the track that it became stays. Raises ``NotFound``, ``UploadBusy``."""
    async with held(state, owner_id, upload_id, ended=True) as upload:
        await to_thread.run_sync(erase_upload, state.database, state.store, upload.row, upload.writer)


def finish(upload: HeldUpload, caller: Caller, keys: Iterable[str], last: BinaryIO | None = None) -> UploadRow:
    """Makes a whole upload a track, with its job if one was asked for.

    Args:
        keys: the objects with its bytes, in their order.
        last: the bytes after them.

    Raises:
        DigestMismatch, RecordingError, InvalidRequest, UploadEnded: it can become no track; its bytes are erased.
        LimitReached, ModelError, NotFound, Unavailable: it is as it was before, and can be finished later. So it is
            with ``InvalidRequest`` where this gateway does not take the job, as one of another release.
        UploadBusy: another request has taken over.
    """
    state, counted = upload.state, False
    request = _request(upload.row)
    if request is not None:
        check_submission(state, caller, request)
    try:
        with new_spool() as whole:
            recording = _copied(upload, keys, last, whole)
            counted = True
            _finish(upload, caller, request, recording)
    except PhonoscopeError as error:
        if error.retryable or error.status >= _SERVER_ERROR or isinstance(error, NotFound | ModelError):
            raise
        refuse(upload, error, None if counted else upload.row.size_bytes)
        raise
    _erase_objects(upload)
    return read_upload(state, caller.owner_id, upload.id)


def refuse(upload: HeldUpload, error: PhonoscopeError, size_bytes: int | None) -> None:
    """Ends an upload that can become no track, and erases its bytes. Raises ``UploadBusy`` or ``Unavailable``.

    Args:
        size_bytes: how many are to be counted as uploaded; ``None`` where ``create_track_and`` has done so.
    """
    with upload.state.database.transaction() as session:
        refuse_upload(session, upload.id, upload.writer, error.as_problem(), upload.expires_in)
    if size_bytes is not None:
        recorder().uploaded("refused", size_bytes)
    _log.info("upload.refused", upload_id=upload.id, code=error.code)
    _erase_objects(upload)


def _finish(upload: HeldUpload, caller: Caller, request: JobRequest | None, recording: Upload) -> None:
    def end(session: Session, track_id: str, job_id: str | None) -> None:
        finish_upload(session, upload.id, upload.writer, track_id, job_id, upload.expires_in)

    def with_job(session: Session, job: Job) -> None:
        assert job.track_id is not None
        end(session, job.track_id, job.id)

    def with_track(session: Session, row: TrackRow, _created: bool) -> None:
        end(session, row.id, None)

    if request is None:
        create_track_and(upload.state, caller.owner_id, recording, with_track)
    else:
        submit_recording(upload.state, caller, request, recording, with_job)
    _log.info("upload.finished", upload_id=upload.id, size_bytes=recording.size_bytes)


def _copied(upload: HeldUpload, keys: Iterable[str], last: BinaryIO | None, whole: BinaryIO) -> Upload:
    """The upload's bytes in one file, hashed on their way."""
    digest, size = hashlib.sha256(), 0
    with spooling():
        for chunk in _chunks(upload.state, keys, last):
            digest.update(chunk)
            size += len(chunk)
            whole.write(chunk)
    row = upload.row
    if size != row.size_bytes:
        raise DigestMismatch.field("size_bytes", f"{row.size_bytes:,} bytes were announced, {size:,} have come")
    if row.sha256 is not None and row.sha256 != digest.hexdigest():
        raise DigestMismatch.field("sha256", f"{row.sha256} was announced, {digest.hexdigest()} has come")
    return Upload(whole, row.filename, digest.hexdigest(), size)


def _chunks(state: State, keys: Iterable[str], last: BinaryIO | None) -> Iterator[bytes]:
    for key in keys:
        with lost_pieces():
            found = state.store.read(key, 0, 0)
        yield from found.chunks
    if last is not None:
        last.seek(0)
        read: Callable[[], bytes] = lambda: last.read(_CHUNK_BYTES)  # noqa: E731
        yield from iter(read, b"")


def _request(row: UploadRow) -> JobRequest | None:
    asked: dict[str, Any] | None = row.asked
    return None if asked is None else parse_model(JobRequest, json.dumps(asked).encode())


def _erase_objects(upload: HeldUpload) -> None:
    """What cannot be erased now is erased when the upload expires."""
    try:
        erase_objects_of_upload(upload.state.store, upload.row)
    except Unavailable:
        _log.warning("upload.objects_left", upload_id=upload.id)
