#!/usr/bin/env python3
"""Passes TCP connections on: ``front.py HOST PORT`` listens on port 8000 of every address.

The gateway reads strangers' files, so its own network does not lead out and Docker publishes no port of it. This is the
only way in: it holds no secret, reads nothing and connects to nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys

LISTENS_ON = 8000
MOST_CONNECTIONS = 12_000
# More than the gateway takes: when all are open, it is the gateway that chooses which give way.
_OWN_FILES = 100
_PIECE_BYTES = 64 << 10
_CONNECT_S = 5.0
# After one side has ended, the other may finish what it sends.
_LINGER_S = 60.0


class Front:
    """Passes connections on to one address."""

    def __init__(self, host: str, port: int, most: int = MOST_CONNECTIONS) -> None:
        self._host = host
        self._port = port
        self._most = most
        self._open = 0

    async def serve(self, port: int = LISTENS_ON, address: str = "0.0.0.0") -> asyncio.Server:  # noqa: S104
        """Starts to listen. Raises ``OSError``."""
        return await asyncio.start_server(self._pass_on, address, port, limit=_PIECE_BYTES, backlog=1024)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= self._most:
                await self._between(reader, writer)
        except (OSError, TimeoutError):
            # The side that is left sees its connection end too.
            writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = asyncio.open_connection(self._host, self._port, limit=_PIECE_BYTES)
        far_reader, far_writer = await asyncio.wait_for(opened, _CONNECT_S)
        ways = {
            asyncio.ensure_future(_pump(reader, far_writer)),
            asyncio.ensure_future(_pump(far_reader, writer)),
        }
        try:
            ended, going = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ended:
                way.result()
            for way in going:
                await asyncio.wait_for(way, _LINGER_S)
        finally:
            for way in ways:
                way.cancel()
            far_writer.transport.abort() if sys.exception() else far_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def room_for_connections() -> int:
    """Raises this process's limit of open files, which engines often set to 1,024; returns the connections it lets be.

    Each connection is two, one on either side.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CONNECTIONS + _OWN_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST_CONNECTIONS
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return (most - _OWN_FILES) // 2


async def main() -> None:
    server = await Front(sys.argv[1], int(sys.argv[2]), room_for_connections()).serve()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
