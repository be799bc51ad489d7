"""Who is counted with whom, and how many places there are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from phonoscope.addresses import Allowed
from phonoscope.errors import Overloaded, PhonoscopeError, TooManyRequests
from phonoscope.settings import Settings
from phonoscope_gateway.edge.connections import ConnectionLimits, Connections
from phonoscope_gateway.openapi import nowhere
from tests.support import Recorded


class _Connection:
    """Notes that it was ended."""

    def __init__(self) -> None:
        self.ended = False

    def check(self, now: float) -> None:
        pass

    def abort(self) -> None:
        self.ended = True


def admitted(hosts: Sequence[str | None], **limits: object) -> list[PhonoscopeError | None]:
    """What each of these clients is told, one after the other; all of them work at a request."""
    usual = {"most": 100, "per_address": 2, "head_s": 1.0, "body_s": 1.0, "write_s": 1.0}

    async def go() -> list[PhonoscopeError | None]:
        edge = Connections(ConnectionLimits(**usual | limits))  # type: ignore[arg-type]
        told = []
        for host in hosts:
            connection = _Connection()
            told.append(edge.admit(connection, host))
            edge.works(connection)
        return told

    return asyncio.run(go())


@pytest.mark.parametrize(
    "hosts",
    [
        ["192.0.2.1"] * 3,
        ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"],
        ["fe80::1%eth0", "fe80::2%eth0", "fe80::3%eth1"],
        ["::ffff:192.0.2.1"] * 3,
    ],
)
def test_one_client_has_few_places(hosts: Sequence[str | None], recorded: Recorded) -> None:
    """Of IPv6 a client has a network with more addresses than anybody can count. Who is refused is counted."""
    first, second, third = admitted(hosts)
    assert (first, second) == (None, None)
    assert isinstance(third, TooManyRequests)
    assert recorded("http_connections_ended_total", reason="refused") == 1


@pytest.mark.parametrize(
    "hosts",
    [["192.0.2.1", "192.0.2.2", "192.0.2.3"], ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1"], [None] * 3],
)
def test_others_have_their_own(hosts: Sequence[str | None]) -> None:
    """So has whoever has no address, such as a local socket's client."""
    assert admitted(hosts) == [None] * 3


def test_a_proxy_counts_for_all_its_clients() -> None:
    """Only the number in all holds for it."""
    proxies = Allowed.parse("10.0.0.0/8, 2001:db8::5")
    assert admitted(["10.1.2.3"] * 5 + ["2001:db8::5"] * 5, proxies=proxies) == [None] * 10
    told = admitted(["10.1.2.3"] * 5, proxies=proxies, most=4)
    assert told[:4] == [None] * 4
    assert isinstance(told[4], Overloaded)


def test_a_quarter_of_the_files_is_for_other_uses() -> None:
    """However many connections are asked for, recordings can still be spooled and stores be reached."""
    settings = nowhere()
    assert ConnectionLimits.of(settings, 16_384).most == settings.max_connections
    assert ConnectionLimits.of(settings, 1_024).most == 768


@pytest.mark.parametrize("text", ["proxy.corp", "10.0.0.0/8, nginx", "10.0.0.1/8"])
def test_a_proxy_is_an_address(text: str) -> None:
    """Anything else is refused at the start, and not ignored."""
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings.model_validate(nowhere().model_dump() | {"trusted_proxies": text})
