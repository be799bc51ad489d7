"""What endpoints receive, for the OpenAPI document: nobody calls these here."""

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
        description="`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; for a while two, parted by a space",
    ),
]
_ANSWERS: dict[int | str, dict[str, Any]] = {
    204: {"description": "Received, as is any other 2xx"},
    410: {"description": "No more, please: the endpoint is disabled"},
    "default": {"description": "Tried again, later each time"},
}


def _told(name: str, summary: str, notice: type) -> None:
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


_told("job.succeeded", "Every task of a job has its result", JobNotice)
_told("job.failed", "A job ended, and a task of it failed", JobNotice)
_told("job.cancelled", "A job was called off", JobNotice)
_told("webhook.test", "Somebody wants to know whether events arrive", TrialNotice)
_told("webhook.disabled", "Another endpoint of yours is sent no more events", DisabledNotice)
