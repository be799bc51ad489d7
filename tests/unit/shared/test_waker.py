"""What a broker that is away costs those who wake workers: little time, and a typed error."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from time import monotonic

import pytest

from phonoscope import waker as module
from phonoscope.errors import BrokerUnavailable
from phonoscope.states import Lane, Pool, TaskQueue
from phonoscope.waker import Waker

CPU = TaskQueue(Pool.CPU, Lane.SHORT)
FEW_S = 3.0


@pytest.fixture
def hanging() -> Iterator[str]:
    """A broker that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def closed() -> str:
    """A port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"redis://127.0.0.1:{port}/0"


def seconds_to_fail(waker: Waker) -> float:
    started = monotonic()
    with pytest.raises(BrokerUnavailable):
        waker.wake([CPU])
    return monotonic() - started


@pytest.mark.parametrize("broker", ["hanging", "closed"])
def test_one_caller_waits_for_a_broker_that_is_away(broker: str, request: pytest.FixtureRequest) -> None:
    """For about a second; those who come in the next two do not wait at all."""
    waker = Waker(request.getfixturevalue(broker))
    assert seconds_to_fail(waker) < FEW_S
    assert max(seconds_to_fail(waker) for _ in range(20)) < 0.1


def test_a_broker_is_asked_again_after_a_pause(hanging: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readiness asks it every time."""
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    waker = Waker(hanging)
    assert seconds_to_fail(waker) > 0.5
    assert seconds_to_fail(waker) > 0.5
    monkeypatch.setattr(module, "_PAUSE_S", 60.0)
    seconds_to_fail(waker)
    started = monotonic()
    with pytest.raises(BrokerUnavailable):
        waker.ping()
    assert monotonic() - started > 0.5
