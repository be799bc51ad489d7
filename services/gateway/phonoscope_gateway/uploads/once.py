"""An upload is begun once under an idempotency key.

Only its id is kept with the key: the upload itself says how far it is, and when it is erased nothing of it stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from fastapi import status
from pydantic import BaseModel
from sqlalchemy.orm import Session

from phonoscope.db.schema.uploads import UploadRow
from phonoscope_gateway.idempotency import IdempotentAnswer, IdempotentRequest, KeepAnswer
from phonoscope_gateway.uploads.service import read_upload

Begin: TypeAlias = Callable[[Callable[[Session, UploadRow], None]], UploadRow]
"""Begins an upload, and calls what it is given in the transaction that adds it."""


class BegunUpload(BaseModel):
    """What is kept with the key."""

    id: str


def begin_once(
    once: IdempotentRequest, path: str, asked: Callable[[], Mapping[str, Any]], begin: Begin
) -> tuple[UploadRow, IdempotentAnswer[BegunUpload]]:
    """The upload as it is now, and the answer to the request that began it.

    Args:
        path: what the upload's address begins with.
        asked: the request's content in JSON's types.

    Raises as ``begin`` and ``IdempotentRequest.answer`` do, and ``NotFound`` for an upload that is erased.
    """

    def answer(row: UploadRow) -> IdempotentAnswer[BegunUpload]:
        return IdempotentAnswer(status.HTTP_201_CREATED, f"{path}/{row.id}", BegunUpload(id=row.id))

    def make(keep: KeepAnswer[BegunUpload]) -> IdempotentAnswer[BegunUpload]:
        return answer(begin(lambda session, row: keep(session, answer(row))))

    answered = once.answer(BegunUpload, asked, make)
    return read_upload(once.state, once.caller.owner_id, answered.body.id), answered
