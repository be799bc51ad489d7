"""Couriers as processes: killed in the middle, told to stop, started as the product starts them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from phonoscope.db.access.engine import Database
from phonoscope.settings import Settings
from phonoscope.webhooks.vault import Vault
from tests.integration import outbox as outbox_module
from tests.integration.outbox import Outbox, at, free_port
from tests.peers import Handler, Receiver, listening, ok, read_request

ROOT = Path(__file__).parents[2]
LIMIT_S = 60.0


@pytest.fixture
def outbox(database: Database) -> Iterator[Outbox]:
    """An owner's, with nothing in it; whatever is left is erased."""
    outbox = Outbox(database)
    yield outbox
    outbox.ask("DELETE FROM owners WHERE id = :owner_id")


@contextmanager
def started(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", *command], env=os.environ | environment, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not await asyncio.to_thread(true):  # noqa: ASYNC110 - processes are asked, not tasks
            await asyncio.sleep(0.05)


@pytest.mark.long
def test_a_courier_killed_between_sending_and_recording(outbox: Outbox, database_url: str) -> None:
    """``kill -9`` again and again with deliveries in the air: every event arrives, at least once, under its own id."""
    port, receiver, unanswered = free_port(), Receiver(lambda _: ok()), Receiver()

    async def hold(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        unanswered.requests.append(await read_request(reader))
        await asyncio.sleep(60)

    async def scenario() -> None:
        async with listening(hold, port=port):
            for kills in (1, 2, 3):
                with started("tests.integration.courier_process", DATABASE=database_url) as courier:
                    await until(lambda kills=kills: len(unanswered.requests) >= 4 * kills)  # type: ignore[misc]
                    courier.send_signal(signal.SIGKILL)
                    courier.wait(30)
        async with listening(receiver, port=port):
            with started("tests.integration.courier_process", DATABASE=database_url):
                await until(outbox.settled)

    outbox.endpoint(at(port))
    events = {outbox.happen() for _ in range(20)}
    asyncio.run(scenario())
    assert {request.id for request in receiver.requests} == events
    sent_before = {request.id for request in unanswered.requests}
    assert 4 <= len(sent_before) <= len(events)
    assert sent_before <= events
    assert outbox.statuses() == ["delivered"] * 20


def test_the_process_delivers_sweeps_and_stops(
    outbox: Outbox, database_url: str, server_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``python -m phonoscope_courier`` ends soon after SIGTERM though a receiver hangs; the next does the rest."""
    settings = server_settings
    monkeypatch.setattr(outbox_module, "VAULT", Vault(settings.signing_secret.get_secret_value()))
    values = settings.model_dump(exclude_none=True) | {"database_url": database_url}
    plain = {name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in values.items()}
    environment = {f"PHONOSCOPE_{name.upper()}": str(value) for name, value in plain.items()}
    port, receiver, hanging = free_port(), Receiver(), Receiver()

    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        hanging.requests.append(await read_request(reader))
        await asyncio.sleep(60)

    handlers: list[Handler] = [receiver, hang, receiver]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await handlers[0](reader, writer)

    async def scenario() -> float:
        async with listening(handle, port=port):
            with started("phonoscope_courier", **environment) as courier:
                outbox.happen()
                await until(lambda: outbox.statuses() == ["delivered"])
                handlers.pop(0)
                outbox.happen()
                await until(lambda: bool(hanging.requests))
                courier.terminate()
                before = monotonic()
                assert await asyncio.to_thread(courier.wait, 30) == 0
                stopped_in_s = monotonic() - before
            handlers.pop(0)
            with started("phonoscope_courier", **environment):
                await until(outbox.settled)
        return stopped_in_s

    outbox.endpoint(at(port))
    assert asyncio.run(scenario()) < 15.0
    assert outbox.statuses() == ["delivered"] * 2
    assert receiver.requests[-1].id == hanging.requests[0].id
