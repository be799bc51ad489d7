"""Uploads that come in pieces, always within one owner.

One request at a time writes to an upload, and says so in its row for ``LEASE`` from its last sign of life on. Every
statement that changes the row asks whether the request is still the one: of two that believe so, one changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, text, update
from sqlalchemy.orm import Session

from phonoscope.db.schema.uploads import UploadPieceRow, UploadRow
from phonoscope.errors import NotFound, UploadBusy, UploadEnded
from phonoscope.states import UploadStatus

LEASE = timedelta(seconds=30)
RENEW_EVERY_S = 10.0

_KNOWN = text(
    "SELECT key FROM unnest(CAST(:keys AS text[])) AS key "
    "WHERE EXISTS (SELECT FROM uploads WHERE id = split_part(key, '/', 2))"
)


def folder_of(upload_id: str) -> str:
    """The prefix of an upload's objects in the store."""
    return f"uploads/{upload_id}/"


def whole_of(upload_id: str) -> str:
    """The key of the object that a direct upload's parts become."""
    return f"{folder_of(upload_id)}whole"


def add_upload(session: Session, row: UploadRow, expires_in: timedelta) -> UploadRow:
    """Adds an upload; the caller has compared the owner's quotas in the same transaction."""
    row.expires_at = session.scalars(select(func.now() + expires_in)).one()
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def get_upload(session: Session, owner_id: str, upload_id: str) -> UploadRow:
    """Raises ``NotFound``, also for another owner's, and for one that has expired."""
    row = session.scalar(
        select(UploadRow)
        .where(UploadRow.id == upload_id, UploadRow.owner_id == owner_id, UploadRow.expires_at > func.now())
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound(f"no upload {upload_id!r}")
    return row


def open_uploads(session: Session, owner_id: str, sha256: str | None, most: int) -> list[UploadRow]:
    """The owner's unfinished uploads, the newest first; with ``sha256`` those that are to have it."""
    wanted = [UploadRow.owner_id == owner_id, UploadRow.status == UploadStatus.OPEN, UploadRow.expires_at > func.now()]
    if sha256 is not None:
        wanted.append(UploadRow.sha256 == sha256)
    newest = select(UploadRow).where(*wanted).order_by(UploadRow.created_at.desc(), UploadRow.id)
    return list(session.scalars(newest.limit(most)))


def pieces_of(session: Session, upload_id: str) -> list[UploadPieceRow]:
    """The pieces of an upload, from its start."""
    of_upload = select(UploadPieceRow).where(UploadPieceRow.upload_id == upload_id)
    return list(session.scalars(of_upload.order_by(UploadPieceRow.start)))


def take_upload(session: Session, owner_id: str, upload_id: str, writer: str, *, ended: bool = False) -> UploadRow:
    """Makes the request the one that writes to the upload.

    Args:
        ended: whether it may be finished or refused.

    Raises:
        NotFound: the owner has no such upload, or it has expired.
        UploadEnded: it is finished, or was refused.
        UploadBusy: another request writes to it.
    """
    wanted = [UploadRow.id == upload_id, UploadRow.owner_id == owner_id, UploadRow.expires_at > func.now()]
    if not ended:
        wanted.append(UploadRow.status == UploadStatus.OPEN)
    taking = update(UploadRow).where(*wanted, or_(_is_free(), UploadRow.writer == writer))
    values = {"writer": writer, "writer_until": func.now() + LEASE}
    taken = session.scalars(taking.values(values).returning(UploadRow)).one_or_none()
    if taken is not None:
        return taken
    row = get_upload(session, owner_id, upload_id)
    if row.status is not UploadStatus.OPEN and not ended:
        raise UploadEnded(f"the upload is {row.status}: {_outcome(row)}")
    raise UploadBusy("another request writes to this upload; ask for its offset when that has ended")


def take_expired(session: Session, writer: str, most: int) -> list[UploadRow]:
    """Takes uploads that have expired without a track and that no request writes to, so that they can be erased."""
    statement = update(UploadRow).where(UploadRow.id.in_(_expired(UploadRow.status != UploadStatus.FINISHED, most)))
    return list(session.scalars(statement.values(writer=writer, writer_until=func.now() + LEASE).returning(UploadRow)))


def forget_finished(session: Session, most: int) -> int:
    """Forgets uploads that became a track, once that has been known for long enough; waits for no lock.

    Their bytes were erased with their end. Returns how many they were.
    """
    due = _expired(UploadRow.status == UploadStatus.FINISHED, most)
    return len(session.scalars(delete(UploadRow).where(UploadRow.id.in_(due)).returning(UploadRow.id)).all())


def renew_upload(session: Session, upload_id: str, writer: str) -> None:
    """Says that the request is alive. Raises ``UploadBusy`` when it is not the one that writes any more."""
    _change(session, upload_id, writer, writer_until=func.now() + LEASE)


def release_upload(session: Session, upload_id: str, writer: str) -> None:
    """Lets others write; changes nothing where another one does already."""
    held = UploadRow.id == upload_id, UploadRow.writer == writer
    session.execute(update(UploadRow).where(*held).values(writer=None, writer_until=None))


def expire_upload(session: Session, upload_id: str, writer: str) -> None:
    """Ends an upload now: it counts no more, and is swept. Changes nothing where another request writes to it."""
    held = UploadRow.id == upload_id, UploadRow.writer == writer
    session.execute(update(UploadRow).where(*held).values(expires_at=func.now(), writer=None, writer_until=None))


def begin_parts(session: Session, upload_id: str, writer: str, multipart_id: str) -> UploadRow:
    """Notes under what identifier the store takes an upload's parts, and lets others write.

    Raises ``UploadBusy``; then nothing may be committed.
    """
    _change(session, upload_id, writer, multipart_id=multipart_id)
    release_upload(session, upload_id, writer)
    return session.scalars(
        select(UploadRow).where(UploadRow.id == upload_id).execution_options(populate_existing=True)
    ).one()


def keep_pieces(
    session: Session, upload_id: str, writer: str, pieces: Sequence[UploadPieceRow], expires_in: timedelta
) -> None:
    """Adds pieces that follow each other at the upload's end; the first may take the place of one with its start.

    Raises ``UploadBusy``; then nothing may be committed.
    """
    end = pieces[-1].start + pieces[-1].size_bytes
    _change(session, upload_id, writer, offset_bytes=end, expires_at=func.now() + expires_in)
    gone = UploadPieceRow.upload_id == upload_id, UploadPieceRow.start >= pieces[0].start
    session.execute(delete(UploadPieceRow).where(*gone))
    session.add_all(pieces)
    session.flush()


def finish_upload(
    session: Session, upload_id: str, writer: str, track_id: str, job_id: str | None, known_for: timedelta
) -> None:
    """Ends an upload in the transaction that makes its track; what it became is known for that long.

    Raises ``UploadBusy``; then nothing may be committed.
    """
    whole = {"offset_bytes": UploadRow.size_bytes, "status": UploadStatus.FINISHED}
    _change(session, upload_id, writer, track_id=track_id, job_id=job_id, expires_at=func.now() + known_for, **whole)
    session.execute(delete(UploadPieceRow).where(UploadPieceRow.upload_id == upload_id))


def refuse_upload(session: Session, upload_id: str, writer: str, problem: dict[str, Any], known_for: timedelta) -> None:
    """Ends an upload that can become no track; why is known for that long.

    Raises ``UploadBusy``; then nothing may be committed.
    """
    ended = {"status": UploadStatus.REFUSED, "problem": problem}
    _change(session, upload_id, writer, expires_at=func.now() + known_for, **ended)
    session.execute(delete(UploadPieceRow).where(UploadPieceRow.upload_id == upload_id))


def forget_upload(session: Session, upload_id: str, writer: str) -> None:
    """Erases an upload's row; its objects are erased before. Changes nothing where another request writes to it."""
    session.execute(delete(UploadRow).where(UploadRow.id == upload_id, UploadRow.writer == writer))


def keys_without_upload(session: Session, keys: Sequence[str]) -> list[str]:
    """Of the keys of pieces, those whose upload is not there."""
    known = set(session.connection().scalars(_KNOWN, {"keys": list(keys)}))
    return sorted(set(keys) - known)


def _change(session: Session, upload_id: str, writer: str, **values: Any) -> None:
    held = UploadRow.id == upload_id, UploadRow.writer == writer
    if session.scalar(update(UploadRow).where(*held).values(**values).returning(UploadRow.id)) is None:
        raise UploadBusy("another request has begun to write to this upload; ask for its offset")


def forget_uploads_of(session: Session, owner_id: str, track_id: str) -> None:
    """Forgets the uploads that became a track: their file names go with it. What is left of their bytes is swept."""
    gone = UploadRow.owner_id == owner_id, UploadRow.track_id == track_id
    session.execute(delete(UploadRow).where(*gone, _is_free()))


def _is_free() -> ColumnElement[bool]:
    return or_(UploadRow.writer.is_(None), UploadRow.writer_until < func.now())


def _expired(which: ColumnElement[bool], most: int) -> Select[str]:
    old = select(UploadRow.id).where(which, UploadRow.expires_at <= func.now(), _is_free())
    return old.order_by(UploadRow.expires_at).limit(most).with_for_update(skip_locked=True)


def _outcome(row: UploadRow) -> str:
    return row.track_id or str((row.problem or {}).get("detail", "it was refused"))
