"""Rules for uploads whose parts clients send to the object store themselves (S3's multipart uploads).

The store checks nothing of what is announced. So nothing is a track before all parts are there in their sizes, and the
whole was read once and has its SHA-256.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import ceil

from sqlalchemy.orm import Session

from phonoscope.contract import (
    CompleteRequest,
    DirectUpload,
    KeptPart,
    KeptParts,
    PartLink,
    PartLinks,
    UploadRequest,
)
from phonoscope.contract.uploads import MOST_LINKS, MOST_PARTS
from phonoscope.db.library.uploads import begin_parts, expire_upload, take_upload, whole_of
from phonoscope.db.schema.uploads import UploadRow
from phonoscope.db.service.keys import Caller
from phonoscope.erasure import erase_upload
from phonoscope.errors import (
    InvalidRequest,
    NoPublicStore,
    NotFound,
    PartsMissing,
    PhonoscopeError,
    StoreUnavailable,
    UploadEnded,
)
from phonoscope.filenames import clean_filename
from phonoscope.ids import new_id
from phonoscope.states import UploadStatus
from phonoscope.storage.multipart import StoredPart
from phonoscope.storage.store import LONGEST_LINK_S
from phonoscope_gateway.idempotency import IdempotentAnswer, IdempotentRequest
from phonoscope_gateway.jobs.requests import NOT_YET
from phonoscope_gateway.state import State
from phonoscope_gateway.uploads.held import HeldUpload, held
from phonoscope_gateway.uploads.metadata import Metadata
from phonoscope_gateway.uploads.once import begin_once
from phonoscope_gateway.uploads.pieces import MEDIA_TYPE
from phonoscope_gateway.uploads.service import add_new, check_way, finish, new_upload, read_upload
from phonoscope_gateway.uploads.view import describe_upload

_MOST_NAMED = 20
_NOT_IN_STORE = "the store does not have this upload; begin another one"


def begin(once: IdempotentRequest, request: UploadRequest) -> IdempotentAnswer[DirectUpload]:
    """Begins a direct upload.

    Raises:
        NoPublicStore: clients cannot reach the store.
        InvalidRequest: it would have too many parts, or the job is not valid.
        PhonoscopeError: as ``new_upload`` and ``add_new`` do.
    """
    state = once.state
    if not state.store.has_public_address:
        raise NoPublicStore("set PHONOSCOPE_S3_PUBLIC_ENDPOINT_URL to the store's address as clients reach it")
    new = new_upload(state, once.caller, request.size_bytes, _metadata(request))
    new.part_bytes = request.part_bytes
    if parts_of(new) > MOST_PARTS:
        raise InvalidRequest.field("part_bytes", f"an upload has {MOST_PARTS:,} parts at most; make them larger")

    def add(then: Callable[[Session, UploadRow], None]) -> UploadRow:
        return _add(state, new, then)

    row, answered = begin_once(once, "/v1/uploads", lambda: request.model_dump(mode="json"), add)
    return IdempotentAnswer(answered.status, answered.location, _describe(state, row), answered.replayed)


def _add(state: State, new: UploadRow, then: Callable[[Session, UploadRow], None]) -> UploadRow:
    """Adds the upload before the store knows of it: of a gateway that dies in between the row is swept, and by it what
    the store has.
    """
    writer = new_id("wrt")
    with state.database.transaction() as session:
        add_new(session, state, new)
        take_upload(session, new.owner_id, new.id, writer)
    try:
        multipart_id = state.store.multipart.create(whole_of(new.id), MEDIA_TYPE)
        with state.database.transaction() as session:
            row = begin_parts(session, new.id, writer, multipart_id)
            then(session, row)
    except BaseException:
        with suppress(PhonoscopeError):
            _take_back(state, new, writer)
        raise
    return row


def _take_back(state: State, new: UploadRow, writer: str) -> None:
    """Erases an upload that did not begin; while the store is away it expires at once, and is swept later."""
    try:
        erase_upload(state.database, state.store, new, writer)
    except StoreUnavailable:
        with state.database.transaction() as session:
            expire_upload(session, new.id, writer)


def link_parts(state: State, owner_id: str, upload_id: str, numbers: Sequence[int]) -> PartLinks:
    """Links to parts, also to such as were sent before: of a part that is sent twice the last one counts.

    Raises ``NotFound``, ``UploadEnded``, or ``InvalidRequest`` for a part that it does not have.
    """
    row = _open(state, owner_id, upload_id)
    most = parts_of(row)
    for at, number in enumerate(numbers):
        if number > most:
            raise InvalidRequest.field(f"numbers.{at}", f"the upload has {most:,} parts")
    return _links(state, row, numbers)


def kept_parts(state: State, owner_id: str, upload_id: str) -> KeptParts:
    """The parts that the store has; all of them where it has put them together, and the track was not made yet.

    Raises ``NotFound``, ``UploadEnded`` or ``StoreUnavailable``.
    """
    row = _open(state, owner_id, upload_id)
    key, multipart_id = whole_of(row.id), _multipart_of(row)
    try:
        found = list(state.store.multipart.parts(key, multipart_id))
    except NotFound as error:
        if not _is_assembled(state, key):
            raise UploadEnded(_NOT_IN_STORE) from error
        found = [StoredPart(number, _size_of(row, number), "") for number in range(1, parts_of(row) + 1)]
    return KeptParts(items=[KeptPart(number=part.number, size_bytes=part.size_bytes, etag=part.etag) for part in found])


async def complete(state: State, caller: Caller, upload_id: str, request: CompleteRequest) -> UploadRow:
    """Makes the parts a track, once; one that is a track already is answered again.

    Raises:
        PartsMissing: parts are not there, or are others than were announced.
        UploadEnded: it was refused, or the store has lost it.
        NotFound, UploadBusy: as ``take_upload`` does.
        PhonoscopeError: as ``finish`` does.
    """
    async with held(state, caller.owner_id, upload_id, ended=True) as upload:
        check_way(upload.row, direct=True)
        if upload.row.status is UploadStatus.FINISHED:
            return upload.row
        if upload.row.status is UploadStatus.REFUSED:
            raise UploadEnded("the upload was refused")

        def put_together() -> UploadRow:
            _assemble(upload, request)
            return finish(upload, caller, [whole_of(upload.id)])

        return await state.uploads.run(caller.owner_id, put_together)


def parts_of(row: UploadRow) -> int:
    """How many parts an upload has."""
    return ceil(row.size_bytes / (row.part_bytes or 1))


def _metadata(request: UploadRequest) -> Metadata:
    job = request.job
    if job is not None:
        if job.track_id is not None:
            raise InvalidRequest.field("job.track_id", "the track is the one that the upload becomes")
        job = job.model_copy(update={"track_id": NOT_YET})
    return Metadata(clean_filename(request.filename), request.sha256.lower(), job)


def _describe(state: State, row: UploadRow) -> DirectUpload:
    count = parts_of(row)
    still_sent = count if row.status is UploadStatus.OPEN else 0
    links = _links(state, row, range(1, min(still_sent, MOST_LINKS) + 1))
    return DirectUpload(upload=describe_upload(row), parts=count, links=links)


def _links(state: State, row: UploadRow, numbers: Sequence[int]) -> PartLinks:
    good_for_s = min(state.settings.artifact_link_s, LONGEST_LINK_S)
    key, multipart_id, part_bytes = whole_of(row.id), _multipart_of(row), row.part_bytes or 0
    return PartLinks(
        items=[
            PartLink(
                number=number,
                start=(number - 1) * part_bytes,
                size_bytes=_size_of(row, number),
                url=state.store.multipart.link(key, multipart_id, number, good_for_s),
            )
            for number in numbers
        ],
        expires_at=datetime.now(UTC) + timedelta(seconds=good_for_s),
    )


def _multipart_of(row: UploadRow) -> str:
    """The store's identifier. Raises ``UploadEnded`` where the gateway that began the upload died before it had one."""
    if row.multipart_id is None:
        raise UploadEnded(_NOT_IN_STORE)
    return row.multipart_id


def _size_of(row: UploadRow, number: int) -> int:
    part_bytes = row.part_bytes or 0
    return min(part_bytes, row.size_bytes - (number - 1) * part_bytes)


def _open(state: State, owner_id: str, upload_id: str) -> UploadRow:
    row = read_upload(state, owner_id, upload_id)
    check_way(row, direct=True)
    if row.status is not UploadStatus.OPEN:
        raise UploadEnded(f"the upload is {row.status}")
    return row


def _assemble(upload: HeldUpload, request: CompleteRequest) -> None:
    """Makes the parts one object; of an upload that was assembled before, and not finished, the object is there."""
    store, key, multipart_id = upload.state.store, whole_of(upload.id), _multipart_of(upload.row)
    if _is_assembled(upload.state, key):
        return
    try:
        found = list(store.multipart.parts(key, multipart_id))
    except NotFound as error:
        raise UploadEnded(_NOT_IN_STORE) from error
    _check_parts(upload.row, found, request)
    store.multipart.complete(key, multipart_id, found)


def _is_assembled(state: State, key: str) -> bool:
    with suppress(NotFound):
        state.store.size_of(key)
        return True
    return False


def _check_parts(row: UploadRow, found: Sequence[StoredPart], request: CompleteRequest) -> None:
    """Raises ``PartsMissing``, naming each part that is not there, or not as it should be."""
    there = {part.number: part for part in found}
    most = parts_of(row)
    wrong = {number: "is not there" for number in range(1, most + 1) if number not in there}
    numbers = {part.number for part in found} | {part.number for part in request.parts}
    for number in numbers - set(range(1, most + 1)):
        wrong[number] = f"is one too many: the upload has {most:,} parts"
    for part in found:
        if part.number not in wrong and part.size_bytes != _size_of(row, part.number):
            wrong[part.number] = f"has {part.size_bytes:,} bytes, not {_size_of(row, part.number):,}"
    for sent in request.parts:
        kept = there.get(sent.number)
        if kept is not None and sent.number not in wrong and sent.etag.strip('"') != kept.etag:
            wrong[sent.number] = f"was sent again since: its ETag is {kept.etag}"
    if wrong:
        named = sorted(wrong.items())[:_MOST_NAMED]
        errors = [{"field": f"parts.{number}", "message": message} for number, message in named]
        first = "; ".join(f"part {number} {message}" for number, message in named[:3])
        raise PartsMissing(f"{len(wrong):,} parts are not as they should be: {first}", errors=errors)
