"""All open connections of this process: how many there may be, and which of them give way."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol, Self

from starlette.types import Scope

from phonoscope.addresses import Allowed, client_network, parse_address
from phonoscope.errors import Overloaded, PhonoscopeError, TooManyRequests
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.settings import Settings

LEAST_BYTES_PER_S = 1024
"""A client that sends or reads less for the whole time that it is given is cut off."""
KEEP_PLACE = "keep_place"
"""In the state of a request's scope: to be called when its connection need not give way until it is answered."""
SWEEP_S = 1.0
_AT_ONCE = 100
_log = get_logger(__name__)


@dataclass(frozen=True)
class ConnectionLimits:
    """What a connection may take.

    Attributes:
        most: connections in all; more push out those without a request of a known key.
        per_address: connections of one address; of IPv6, of one /64 network.
        head_s: seconds for the head of a request.
        body_s: seconds in each of which ``LEAST_BYTES_PER_S`` of a body must arrive on average.
        write_s: the same for an answer that waits to be read.
        proxies: addresses whose connections belong to many clients, so that only ``most`` holds for them.
    """

    most: int
    per_address: int
    head_s: float
    body_s: float
    write_s: float
    proxies: Allowed = field(default_factory=Allowed)

    @classmethod
    def of(cls, settings: Settings, descriptors: int) -> Self:
        """The limits of a process that may open this many files; a quarter of them is left for other uses."""
        return cls(
            most=min(settings.max_connections, descriptors * 3 // 4),
            per_address=settings.max_connections_per_address,
            head_s=settings.head_timeout_s,
            body_s=settings.body_timeout_s,
            write_s=settings.write_timeout_s,
            proxies=Allowed.parse(settings.trusted_proxies),
        )


class Connection(Protocol):
    """What the registry needs of a connection."""

    def check(self, now: float) -> None:
        """Ends the connection when one of its times is over."""

    def abort(self) -> None:
        """Ends the connection at once."""


class Connections:
    """The open connections by address, and those that give way to others, longest first.

    A connection gives way unless a request of a known key is being answered on it.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._open: dict[Connection, str | None] = {}
        self._waiting: dict[Connection, None] = {}
        self._by_address: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._sweep: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection, host: str | None) -> PhonoscopeError | None:
        """Takes a connection in, or says why not. Where all places are taken, another gives way."""
        address = self._counted(host)
        if address is not None and self._by_address[address] >= self.limits.per_address:
            self.note("refused")
            return TooManyRequests(f"an address may have {self.limits.per_address:,} connections")
        if len(self._open) >= self.limits.most and not self._make_room():
            self.note("refused")
            return Overloaded("all connections are in use")
        self._open[connection] = address
        self._waiting[connection] = None
        if address is not None:
            self._by_address[address] += 1
        self._keep_sweeping()
        return None

    def works(self, connection: Connection) -> None:
        """The connection keeps its place until its request is answered."""
        self._waiting.pop(connection, None)

    def waits(self, connection: Connection) -> None:
        """The connection waits for its next request."""
        if connection in self._open:
            self._waiting[connection] = None

    def leave(self, connection: Connection) -> None:
        """The connection is closed."""
        self._waiting.pop(connection, None)
        address = self._open.pop(connection, None)
        if address is not None:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def note(self, how: str) -> None:
        """Counts an end for the log, which has one line a second however many there are."""
        self._ended[how] += 1
        recorder().connection_ended(how)

    def _make_room(self) -> bool:
        longest = next(iter(self._waiting), None)
        if longest is None:
            return False
        self.note("pushed_out")
        self.leave(longest)
        longest.abort()
        return True

    def _counted(self, host: str | None) -> str | None:
        """The address as it is counted; ``None`` where many clients share it."""
        if host is None or (self.limits.proxies.networks and self._is_proxy(host)):
            return None
        return client_network(host)

    def _is_proxy(self, host: str) -> bool:
        address = parse_address(host.partition("%")[0])
        return address is not None and self.limits.proxies.has_address(address)

    def _keep_sweeping(self) -> None:
        if self._sweep is None or self._sweep.done():
            self._sweep = asyncio.get_running_loop().create_task(self._sweep_all(), name="connections")

    async def _sweep_all(self) -> None:
        """Looks at every connection's times until there is none; a few at once, so that requests come in between."""
        loop = asyncio.get_running_loop()
        while self._open:
            await asyncio.sleep(SWEEP_S)
            for number, connection in enumerate(list(self._open)):
                if connection in self._open:
                    connection.check(loop.time())
                if number % _AT_ONCE == _AT_ONCE - 1:
                    await asyncio.sleep(0)
            if self._ended:
                _log.warning("connections.ended", open=len(self._open), **self._ended)
                self._ended.clear()


def keep_place(scope: Scope) -> None:
    """Lets the request's connection keep its place until it is answered; other servers know no such thing."""
    scope.get("state", {}).get(KEEP_PLACE, lambda: None)()
