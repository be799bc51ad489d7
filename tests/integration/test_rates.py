"""Rate limits in Valkey, and in PostgreSQL while Valkey is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from pydantic import SecretStr

from phonoscope.db.access.engine import Database
from phonoscope.settings import Settings
from phonoscope_gateway.rates import Allowance, Rate, RateLimiter, request_rate

NOWHERE = "redis://127.0.0.1:1/0"
TEN = Rate(10, 100.0)


@pytest.fixture(params=["valkey", "postgresql", "another broker"])
def ask(
    request: pytest.FixtureRequest, database: Database, server_settings: Settings
) -> Callable[[Callable[[RateLimiter], Awaitable[object]]], object]:
    """Runs a test's body with a limiter that counts there."""
    url = {"valkey": server_settings.broker_url.get_secret_value(), "postgresql": NOWHERE}

    def run(body: Callable[[RateLimiter], Awaitable[object]]) -> object:
        async def go() -> object:
            limiter = RateLimiter(url.get(request.param, "amqp://127.0.0.1/"), database)
            try:
                return await body(limiter)
            finally:
                await limiter.close()

        return asyncio.run(go())

    return run


def test_as_many_as_the_burst_are_allowed_however_many_ask_at_once(
    ask: Callable[[Callable[[RateLimiter], Awaitable[object]]], object],
) -> None:
    """Exactly ten of forty; looking takes none; another name has its own."""
    name = uuid4().hex

    async def body(limiter: RateLimiter) -> None:
        assert (await limiter.look(name, TEN)).left == 10
        found: list[Allowance] = await asyncio.gather(*(limiter.take(name, TEN) for _ in range(40)))
        assert sum(each.allowed for each in found) == 10
        assert sorted(each.left for each in found if each.allowed) == list(range(10))
        refused = next(each for each in found if not each.allowed)
        assert refused.wait_s == pytest.approx(refused.reset_s - 90.0, abs=1e-3)
        assert 90.0 < refused.reset_s <= 100.0
        assert (await limiter.look(name, TEN)).left == 0
        assert (await limiter.take(uuid4().hex, TEN)).left == 9

    ask(body)


def test_what_was_taken_comes_back_with_time(
    ask: Callable[[Callable[[RateLimiter], Awaitable[object]]], object],
) -> None:
    name, rate = uuid4().hex, Rate(2, 0.4)

    async def body(limiter: RateLimiter) -> None:
        assert [(await limiter.take(name, rate)).allowed for _ in range(2)] == [True, True]
        refused = await limiter.take(name, rate)
        if not refused.allowed:
            await asyncio.sleep(refused.wait_s + 0.05)
            assert (await limiter.take(name, rate)).allowed

    ask(body)


def test_slow_rates_have_one_at_least() -> None:
    """A tenth of a request a second is one in ten; none is no limit."""
    settings = Settings.model_construct(quota_requests_a_second=0.01, broker_url=SecretStr(NOWHERE))
    rate = request_rate(settings)
    assert rate is not None
    assert (rate.amount, rate.window_s, rate.each_s) == (1.0, 100.0, 100.0)
    assert request_rate(Settings.model_construct(quota_requests_a_second=0.0)) is None
