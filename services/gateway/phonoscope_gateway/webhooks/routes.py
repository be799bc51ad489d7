"""The calls under ``/v1/webhooks`` and ``/v1/deliveries``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response, status

import phonoscope_gateway.paths  # noqa: F401 - registers `id`
from phonoscope.contract import (
    DefaultSecret,
    Delivery,
    DeliveryStatus,
    NewSecret,
    NewWebhook,
    Page,
    Redelivery,
    RedeliveryRequest,
    SecretRotation,
    Webhook,
    WebhookChange,
    WebhookRequest,
)
from phonoscope.db.webhooks.deliveries import get_delivery, list_deliveries, redeliver, redeliver_since
from phonoscope.db.webhooks.endpoints import get_webhook, list_webhooks
from phonoscope.errors import NotFound
from phonoscope.requests import Id, Moment, Name
from phonoscope_gateway.bodies import json_body, takes
from phonoscope_gateway.paging import CursorQuery, LimitQuery
from phonoscope_gateway.problems import KEYED, links, problems
from phonoscope_gateway.state import CallerDep, StateDep
from phonoscope_gateway.webhooks.service import (
    create_webhook,
    describe_deliveries,
    describe_delivery,
    describe_webhook,
    read_default_secret,
    remove_webhook,
    rotate_secret,
    send_test,
    update_webhook,
)

router = APIRouter(prefix="/v1", tags=["webhooks"], responses=KEYED)

_OF_AN_ENDPOINT = links(
    "id",
    webhook_id=(
        "read_endpoint",
        "change_endpoint",
        "remove_endpoint",
        "try_endpoint",
        "redeliver_events",
        "rotate_endpoint_secret",
        "read_endpoint_deliveries",
    ),
)
_OF_A_DELIVERY = links("id", delivery_id=("read_delivery", "redeliver_event"))

RequestBody = Annotated[WebhookRequest, Depends(json_body(WebhookRequest))]
ChangeBody = Annotated[WebhookChange, Depends(json_body(WebhookChange))]
RotationBody = Annotated[SecretRotation, Depends(json_body(SecretRotation))]
RedeliveryBody = Annotated[RedeliveryRequest, Depends(json_body(RedeliveryRequest))]
StatusQuery = Annotated[DeliveryStatus | None, Query(description="only deliveries with this status")]
TypeQuery = Annotated[Name | None, Query(description="only events of this type")]
SinceQuery = Annotated[Moment | None, Query(description="only events that happened at this time or later")]


@router.post(
    "/webhooks",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=takes(WebhookRequest),
    responses={201: {"links": _OF_AN_ENDPOINT}},
)
def add_endpoint(request: RequestBody, response: Response, state: StateDep, caller: CallerDep) -> NewWebhook:
    """Adds an endpoint. The secret in the answer is shown only once."""
    made = create_webhook(state, caller, request)
    response.headers["Location"] = f"/v1/webhooks/{made.id}"
    return made


@router.get("/webhooks")
def read_endpoints(
    state: StateDep, caller: CallerDep, limit: LimitQuery = 20, cursor: CursorQuery = None
) -> Page[Webhook]:
    """Your endpoints, newest first."""
    with state.database.autocommit() as session:
        rows, next_cursor = list_webhooks(session, caller.owner_id, cursor=cursor, limit=limit)
    return Page(items=[describe_webhook(row) for row in rows], next_cursor=next_cursor)


@router.get("/webhooks/default-secret", responses=problems(NotFound))
def read_secret(state: StateDep, caller: CallerDep) -> DefaultSecret:
    """When the secret for jobs' own `webhook_url` was made; never the secret itself."""
    return read_default_secret(state, caller.owner_id)


@router.post(
    "/webhooks/default-secret",
    responses=problems(NotFound),
    status_code=status.HTTP_201_CREATED,
    openapi_extra=takes(SecretRotation),
)
def make_default_secret(state: StateDep, caller: CallerDep, request: RotationBody) -> NewSecret:
    """Makes the secret for jobs' own `webhook_url`, or replaces it; it is shown only once."""
    return rotate_secret(state, caller, None, timedelta(seconds=request.overlap_s))


@router.get("/webhooks/{webhook_id:id}", responses=problems(NotFound))
def read_endpoint(webhook_id: str, state: StateDep, caller: CallerDep) -> Webhook:
    with state.database.autocommit() as session:
        return describe_webhook(get_webhook(session, caller.owner_id, webhook_id))


@router.patch("/webhooks/{webhook_id:id}", responses=problems(NotFound), openapi_extra=takes(WebhookChange))
def change_endpoint(webhook_id: str, request: ChangeBody, state: StateDep, caller: CallerDep) -> Webhook:
    """Changes the fields that are given; `enabled` turns the endpoint off and on."""
    return update_webhook(state, caller, webhook_id, request)


@router.delete("/webhooks/{webhook_id:id}", responses=problems(NotFound), status_code=status.HTTP_204_NO_CONTENT)
def remove_endpoint(webhook_id: str, state: StateDep, caller: CallerDep) -> None:
    """Deletes the endpoint and its deliveries."""
    remove_webhook(state, caller, webhook_id)


@router.post(
    "/webhooks/{webhook_id:id}/rotate-secret",
    responses=problems(NotFound),
    status_code=status.HTTP_201_CREATED,
    openapi_extra=takes(SecretRotation),
)
def rotate_endpoint_secret(webhook_id: str, state: StateDep, caller: CallerDep, request: RotationBody) -> NewSecret:
    """Makes a new secret, shown only once; during the overlap, events carry both signatures."""
    return rotate_secret(state, caller, webhook_id, timedelta(seconds=request.overlap_s))


@router.post(
    "/webhooks/{webhook_id:id}/test",
    responses=problems(NotFound) | {202: {"links": _OF_A_DELIVERY}},
    status_code=status.HTTP_202_ACCEPTED,
)
def try_endpoint(webhook_id: str, state: StateDep, caller: CallerDep) -> Delivery:
    """Sends a `webhook.test`; read the delivery in the answer later for the outcome."""
    return send_test(state, caller, webhook_id)


@router.post(
    "/webhooks/{webhook_id:id}/redeliver",
    responses=problems(NotFound),
    status_code=status.HTTP_202_ACCEPTED,
    openapi_extra=takes(RedeliveryRequest),
)
def redeliver_events(webhook_id: str, request: RedeliveryBody, state: StateDep, caller: CallerDep) -> Redelivery:
    """Sends all events since a time again, or only those whose delivery has a status."""
    with state.database.transaction() as session:
        get_webhook(session, caller.owner_id, webhook_id)
        return Redelivery(redelivered=redeliver_since(session, webhook_id, request.since, request.status))


@router.get("/webhooks/{webhook_id:id}/deliveries", responses=problems(NotFound))
def read_endpoint_deliveries(
    webhook_id: str,
    state: StateDep,
    caller: CallerDep,
    limit: LimitQuery = 20,
    cursor: CursorQuery = None,
    status: StatusQuery = None,
    event_type: TypeQuery = None,
    job_id: Annotated[Id | None, Query(description="only events of this job")] = None,
    since: SinceQuery = None,
) -> Page[Delivery]:
    """The endpoint's deliveries with every attempt, newest first."""
    with state.database.autocommit() as session:
        get_webhook(session, caller.owner_id, webhook_id)
        rows, next_cursor = list_deliveries(
            session,
            caller.owner_id,
            webhook_id=webhook_id,
            cursor=cursor,
            limit=limit,
            status=status,
            event_type=event_type,
            job_id=job_id,
            since=since,
        )
        return Page(items=describe_deliveries(session, rows), next_cursor=next_cursor)


@router.get("/deliveries")
def read_job_deliveries(
    job_id: Annotated[Id, Query(description="the job that the events are about")],
    state: StateDep,
    caller: CallerDep,
    limit: LimitQuery = 20,
    cursor: CursorQuery = None,
) -> Page[Delivery]:
    """All deliveries about one job, to endpoints and to its own `webhook_url`."""
    with state.database.autocommit() as session:
        rows, next_cursor = list_deliveries(session, caller.owner_id, job_id=job_id, cursor=cursor, limit=limit)
        return Page(items=describe_deliveries(session, rows), next_cursor=next_cursor)


@router.get("/deliveries/{delivery_id}", responses=problems(NotFound))
def read_delivery(delivery_id: str, state: StateDep, caller: CallerDep) -> Delivery:
    with state.database.autocommit() as session:
        return describe_delivery(session, get_delivery(session, caller.owner_id, delivery_id))


@router.post("/deliveries/{delivery_id}/redeliver", responses=problems(NotFound), status_code=status.HTTP_202_ACCEPTED)
def redeliver_event(delivery_id: str, state: StateDep, caller: CallerDep) -> Delivery:
    """Sends the event again, with all its retries and the same `webhook-id`."""
    with state.database.transaction() as session:
        return describe_delivery(session, redeliver(session, caller.owner_id, delivery_id))
