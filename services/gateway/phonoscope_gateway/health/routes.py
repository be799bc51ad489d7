"""Liveness and readiness of the gateway. No key needed."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response, status

from phonoscope.contract import Readiness
from phonoscope.errors import Unavailable
from phonoscope_gateway.state import StateDep

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/ready", responses={503: {"model": Readiness, "description": "At least one service does not answer"}})
def ready(state: StateDep, response: Response) -> Readiness:
    """PostgreSQL, the broker and the object store answer."""
    checks = {
        "database": _check(state.database.ping),
        "broker": _check(state.waker.ping),
        "store": _check(state.store.ping),
    }
    if all(answer == "ok" for answer in checks.values()):
        return Readiness(status="ready", checks=checks)
    response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    response.headers["Retry-After"] = str(Unavailable.retry_after_s)
    return Readiness(status="unavailable", checks=checks)


def _check(ping: Callable[[], object]) -> str:
    try:
        ping()
    except Unavailable as error:
        return error.detail
    return "ok"
