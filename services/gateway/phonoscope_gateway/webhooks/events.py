"""The requests that endpoints receive, for the OpenAPI document; this service does not serve them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response, status

from phonoscope.contract import DisabledNotice, JobNotice, TrialNotice

events = APIRouter(tags=["events"])

IdHeader = Annotated[str, Header(alias="webhook-id", description="the event; the same at every attempt")]
TimeHeader = Annotated[int, Header(alias="webhook-timestamp", description="seconds since 1970, of this attempt")]
SignatureHeader = Annotated[
    str,
    Header(
        alias="webhook-signature",
        description="`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; while a secret is rotated, two of "
        "them, separated by a space",
    ),
]
_ANSWERS: dict[int | str, dict[str, Any]] = {
    204: {"description": "Received, as is any other 2xx"},
    410: {"description": "The endpoint wants no more events and is disabled"},
    "default": {"description": "Tried again, with growing pauses"},
}


def _document(name: str, summary: str, notice: type) -> None:
    def receive(_body: object, id_: IdHeader, timestamp: TimeHeader, signature: SignatureHeader) -> None: ...

    receive.__annotations__["_body"] = notice
    events.add_api_route(
        name,
        receive,
        methods=["POST"],
        name=name,
        summary=summary,
        response_class=Response,
        status_code=status.HTTP_204_NO_CONTENT,
        responses=_ANSWERS,
        operation_id=name.replace(".", "_"),
    )


_document("job.succeeded", "Every task of a job has its result", JobNotice)
_document("job.failed", "A job ended, and a task of it failed", JobNotice)
_document("job.cancelled", "A job was cancelled", JobNotice)
_document("webhook.test", "A test, to see whether events arrive", TrialNotice)
_document("webhook.disabled", "Another endpoint of yours was disabled", DisabledNotice)
