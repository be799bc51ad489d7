"""What an owner has used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil

from phonoscope.contract import Quota, QuotaUsage, Usage
from phonoscope.db.service.keys import Caller
from phonoscope.db.service.streams import count_streams
from phonoscope.db.service.usage import read_usage
from phonoscope_gateway.rates import request_rate
from phonoscope_gateway.state import State


async def read_requests(state: State, caller: Caller) -> QuotaUsage:
    """What the owner has used of its requests. Raises ``DatabaseUnavailable``."""
    rate = request_rate(state.settings)
    if rate is None:
        return QuotaUsage(name=Quota.REQUESTS, used=0.0, limit=None, window_s=None, resets_at=None)
    left = await state.limiter.look(caller.owner_id, rate)
    return QuotaUsage(
        name=Quota.REQUESTS,
        used=int(rate.amount) - left.left,
        limit=int(rate.amount),
        window_s=ceil(rate.window_s),
        resets_at=datetime.now(UTC) + timedelta(seconds=left.reset_s),
    )


def read_all(state: State, caller: Caller) -> Usage:
    """What the owner has used of each quota but that of requests. Raises ``DatabaseUnavailable``."""
    with state.database.autocommit() as session:
        return read_usage(session, caller.owner_id, state.limits, count_streams(session, caller.owner_id))
