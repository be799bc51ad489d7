"""The call under ``/v1/usage``."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter

from phonoscope.contract import Usage
from phonoscope_gateway.problems import KEYED
from phonoscope_gateway.state import CallerDep, StateDep
from phonoscope_gateway.usage.service import read_all, read_requests

router = APIRouter(prefix="/v1/usage", tags=["keys"], responses=KEYED)


@router.get("")
async def read_usage(state: StateDep, caller: CallerDep) -> Usage:
    """How much of each quota is used by all of your owner's keys together, its limit, and when it is free again."""
    usage = await to_thread.run_sync(read_all, state, caller)
    return Usage(quotas=[await read_requests(state, caller), *usage.quotas])
