"""Liveness and readiness of the gateway. No key needed, and no thread that requests wait for."""

from __future__ import annotations

from fastapi import APIRouter, Response, status

from phonoscope.contract import Readiness
from phonoscope.errors import Unavailable
from phonoscope_gateway.pings import OK
from phonoscope_gateway.state import StateDep

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/ready", responses={503: {"model": Readiness, "description": "At least one service does not answer"}})
async def ready(state: StateDep, response: Response) -> Readiness:
    """PostgreSQL, the broker and the object store answer."""
    checks = await state.pings.answers()
    if all(answer == OK for answer in checks.values()):
        return Readiness(status="ready", checks=checks)
    response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    response.headers["Retry-After"] = str(Unavailable.retry_after_s)
    return Readiness(status="unavailable", checks=checks)
