"""``Idempotency-Key``: a repeated request gets the first answer, and the work is done once.

Follows draft-ietf-httpapi-idempotency-key-header. The first answer is written in the transaction that makes what it
describes, so that a crash leaves both or neither. A request that fails frees its key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from phonoscope.db.service.idempotency import Answer, Reservation, keep_answer, release, reserve
from phonoscope.db.service.keys import Caller
from phonoscope.errors import (
    DatabaseUnavailable,
    InvalidRequest,
    NotARecording,
    NotFound,
    OutdatedResult,
    RequestInFlight,
)
from phonoscope.logs import get_logger
from phonoscope_gateway.problems import problems
from phonoscope_gateway.state import CallerDep, State, StateDep

Body = TypeVar("Body", bound=BaseModel)

_HEADER = "Idempotency-Key"
_REPLAYED = ("Idempotent-Replayed", "true")
_STRING = re.compile(r'"((?:[\x20-\x21\x23-\x5B\x5D-\x7E]|\\["\\])*)"')
_KEY = re.compile(r"[\x21-\x7E]{1,255}")
_log = get_logger(__name__)


@dataclass(frozen=True)
class IdempotentAnswer(Generic[Body]):
    """An answer that can be kept under a key."""

    status: int
    location: str
    body: Body
    replayed: bool = False

    def write(self, response: Response) -> Body:
        """Sets status and headers, and returns the body for the route."""
        response.status_code = self.status
        response.headers["Location"] = self.location
        if self.replayed:
            response.headers.append(*_REPLAYED)
        return self.body


KeepAnswer: TypeAlias = Callable[[Session, IdempotentAnswer[Body]], None]
"""Keeps the answer; called in the transaction that makes what the answer describes."""


@dataclass(frozen=True)
class IdempotentRequest:
    """A request, with the client's key if it has one."""

    state: State
    caller: Caller
    key: str | None
    method: str
    path: str

    def answer(
        self,
        body: type[Body],
        content: Callable[[], Mapping[str, Any]],
        make: Callable[[KeepAnswer[Body]], IdempotentAnswer[Body]],
    ) -> IdempotentAnswer[Body]:
        """The answer of ``make``, or the first answer to the same request.

        Args:
            content: the request's content in JSON's types; called only when there is a key.

        Raises:
            IdempotencyKeyReused: the key belongs to another request.
            RequestInFlight: the same request is being answered.
            NotFound: what the request made has been erased since.
            OutdatedResult: another version of the service gave the first answer, and it cannot be read.
        """
        if self.key is None:
            return make(_keep_nothing)
        with self.state.database.autocommit() as session:
            found = reserve(session, self.caller.owner_id, self.key, self._sha256(content()))
        if isinstance(found, Answer):
            return IdempotentAnswer(found.status, found.location, read_kept_answer(body, found), replayed=True)
        try:
            return make(lambda session, answered: keep_answer(session, found, _as_kept(answered)))
        except BaseException:
            self._release(found)
            raise

    def _sha256(self, content: Mapping[str, Any]) -> str:
        request = {"method": self.method, "path": self.path, "asked": content}
        return hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def _release(self, reservation: Reservation) -> None:
        try:
            with self.state.database.autocommit() as session:
                release(session, reservation)
        except DatabaseUnavailable:
            _log.warning("idempotency_key.left_in_flight")


async def get_idempotent_request(
    request: Request,
    state: StateDep,
    caller: CallerDep,
    _: Annotated[
        str | None,
        Header(
            alias=_HEADER,
            json_schema_extra={"pattern": r"^[!#-~][!-~]{0,254}$"},
            description="yours, 1 to 255 visible characters: the same request with the same key within 24 hours "
            "gets the first answer again, and nothing is done twice",
        ),
    ] = None,
) -> IdempotentRequest:
    """The request with its key. Raises ``InvalidRequest`` for a header that is not one valid key."""
    values = request.headers.getlist(_HEADER)
    if len(values) > 1:
        raise InvalidRequest.field(_HEADER, "given more than once")
    return IdempotentRequest(state, caller, parse_key(values[0]) if values else None, request.method, request.url.path)


UPLOADED = problems(RequestInFlight, NotFound, OutdatedResult, NotARecording)
"""Calls that take a recording and an idempotency key can be answered with these."""

IdempotencyDep = Annotated[IdempotentRequest, Depends(get_idempotent_request)]


def parse_key(value: str) -> str:
    r"""Parses the header's key: a string of structured fields (RFC 8941), or the key without quotes.

    Raises ``InvalidRequest`` for anything but 1 to 255 visible ASCII characters.

    >>> parse_key('"8e03978e"'), parse_key("8e03978e")
    ('8e03978e', '8e03978e')
    """
    string = _STRING.fullmatch(value)
    key = re.sub(r"\\(.)", r"\1", string[1]) if string else value
    if (string is None and value.startswith('"')) or not _KEY.fullmatch(key):
        raise InvalidRequest.field(
            _HEADER, "must be 1 to 255 visible ASCII characters, with or without quotation marks"
        )
    return key


def read_kept_answer(body: type[Body], kept: Answer) -> Body:
    """The body of a kept answer. Raises ``OutdatedResult`` when another version of the service kept it."""
    try:
        return body.model_validate(kept.body)
    except ValidationError as error:
        raise OutdatedResult(f"the request was done before; the outcome is at {kept.location}") from error


def _keep_nothing(_session: Session, _answered: IdempotentAnswer[Any]) -> None:
    pass


def _as_kept(answered: IdempotentAnswer[Any]) -> Answer:
    return Answer(answered.status, answered.location, answered.body.model_dump(mode="json"))
