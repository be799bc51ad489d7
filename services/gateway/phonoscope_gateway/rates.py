"""Rate limits, counted in Valkey for all gateways, and in the database while Valkey is away."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from anyio import CapacityLimiter, to_thread
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from phonoscope.db.access.engine import Database
from phonoscope.db.service.rates import ahead_s, take
from phonoscope.logs import get_logger
from phonoscope.settings import Settings

BURST_S = 10
"""An owner may make at once as many requests as in so many seconds."""
_PREFIX = "phonoscope:rate:"
_TIMEOUT_S = 1.0
_PAUSE_S = 2.0
_CONNECTIONS = 16
_THREADS = 4
_ERRORS = (RedisError, OSError, ValueError)
_log = get_logger(__name__)

# The generic cell rate algorithm (ITU-T I.371): the key holds the theoretical arrival time, in seconds.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local free_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local taken = free_at + ARGV[1] <= now + ARGV[2] + 0.000001
if taken and tonumber(ARGV[3]) == 1 then
    free_at = free_at + ARGV[1]
    redis.call('SET', KEYS[1], string.format('%.6f', free_at), 'PX', math.ceil((free_at - now) * 1000) + 1)
end
return {taken and 1 or 0, string.format('%.6f', free_at - now)}
"""


@dataclass(frozen=True)
class Rate:
    """So many in so many seconds, all of them at once if none was taken before."""

    amount: float
    window_s: float

    @property
    def each_s(self) -> float:
        return self.window_s / self.amount


def request_rate(settings: Settings) -> Rate | None:
    """The rate of an owner's requests; ``None`` without a limit."""
    each = settings.quota_requests_a_second
    return Rate(max(1.0, each * BURST_S), max(BURST_S, 1.0 / each)) if each else None


@dataclass(frozen=True)
class Allowance:
    """What is left of a rate.

    Attributes:
        allowed: whether there was one to take.
        left: how many can be taken now.
        reset_s: seconds until all can be taken again.
        wait_s: seconds until one can be taken.
    """

    allowed: bool
    left: int
    reset_s: float
    wait_s: float

    @classmethod
    def of(cls, rate: Rate, allowed: bool, ahead_s: float) -> Allowance:
        """Of the seconds by which what was taken is ahead of the rate."""
        left = max(0, int((rate.window_s - ahead_s) / rate.each_s + 1e-6))
        return cls(allowed, left, ahead_s, max(0.0, ahead_s + rate.each_s - rate.window_s))


class RateLimiter:
    """Takes from rates by name. Made in a running event loop.

    A Valkey that hangs delays those who ask it then by a second. After that one request in two seconds tries whether it
    answers again; the others do not wait.
    """

    def __init__(self, broker_url: str, database: Database) -> None:
        self._database = database
        self._threads = CapacityLimiter(_THREADS)
        self._away = False
        self._asked_at = 0.0
        self._client: Redis | None = None
        # A broker of another kind than Valkey or Redis counts nothing.
        with suppress(ValueError):
            pool = BlockingConnectionPool.from_url(
                broker_url,
                max_connections=_CONNECTIONS,
                timeout=_TIMEOUT_S,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
                driver_info=None,  # to tell the library's version, each new connection would look for it on the disk
            )
            self._client = Redis(connection_pool=pool)
            self._take = self._client.register_script(_TAKE)

    async def take(self, name: str, rate: Rate) -> Allowance:
        """Takes one, if there is one. Raises ``DatabaseUnavailable`` when Valkey and the database are away."""
        return await self._ask(name, rate, taking=True)

    async def look(self, name: str, rate: Rate) -> Allowance:
        """What is left; takes nothing. Raises as ``take`` does."""
        return await self._ask(name, rate, taking=False)

    async def close(self) -> None:
        if self._client is not None:
            with suppress(*_ERRORS):
                await self._client.aclose()
                await self._client.connection_pool.disconnect()

    async def _ask(self, name: str, rate: Rate, *, taking: bool) -> Allowance:
        if self._may_ask_valkey():
            try:
                allowance = await self._ask_valkey(name, rate, taking)
            except _ERRORS:
                if not self._away:
                    _log.warning("rates.counted_in_database")
                self._away, self._asked_at = True, monotonic()
            else:
                self._away = False
                return allowance
        return await to_thread.run_sync(self._ask_database, name, rate, taking, limiter=self._threads)

    def _may_ask_valkey(self) -> bool:
        if self._client is None:
            return False
        if self._away:
            if monotonic() - self._asked_at < _PAUSE_S:
                return False
            self._asked_at = monotonic()
        return True

    async def _ask_valkey(self, name: str, rate: Rate, taking: bool) -> Allowance:
        allowed, ahead = await self._take(
            keys=[_PREFIX + name], args=[f"{rate.each_s:.9f}", f"{rate.window_s:.9f}", int(taking)]
        )
        return Allowance.of(rate, bool(allowed), float(ahead))

    def _ask_database(self, name: str, rate: Rate, taking: bool) -> Allowance:
        with self._database.autocommit() as session:
            if taking:
                return Allowance.of(rate, *take(session, name, rate.each_s, rate.window_s))
            return Allowance.of(rate, True, ahead_s(session, name))
