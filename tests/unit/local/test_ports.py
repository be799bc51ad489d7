"""Ports on the loopback address."""

import socket
from collections.abc import Iterator

import pytest

from phonoscope.errors import StackError
from phonoscope_local.ports import choose_port, require_port
from phonoscope_local.state import Ports


@pytest.fixture
def listening() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_kept() -> None:
    """A stack that starts again answers where it did."""
    port = choose_port(0)
    assert choose_port(port) == port


def test_a_taken_port_is_replaced(listening: int) -> None:
    """Somebody else's port is not insisted on."""
    assert choose_port(listening) not in (0, listening)


def test_a_port_is_not_given_twice() -> None:
    """Parts of one stack get different ports, also when they remember the same."""
    port = choose_port(0)
    ports = Ports(gateway=port, postgres=port).chosen()
    assert ports.gateway == port
    assert len({ports.gateway, ports.postgres, ports.valkey, ports.objects}) == 4


def test_a_port_asked_for_must_be_free(listening: int) -> None:
    """Whoever names a port is told that it is taken, and not given another."""
    with pytest.raises(StackError, match=f"port {listening} .* cannot be used: .* --port"):
        require_port(listening)
