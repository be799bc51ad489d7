"""A pooler of PostgreSQL's connections in transaction mode: each transaction has whatever connection is free."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

_SIGNS = frozenset({3, 5, 10, 11})
"""Kinds of authentication that the client answers."""


class _Server(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class TransactionPooler:
    """Gives a client a server's connection for a transaction, the one that was free last, as PgBouncer does.

    Knows the simple protocol alone, without TLS. To be given to ``peers.listening``.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._all: list[_Server] = []
        self._free: list[_Server] = []

    async def close(self) -> None:
        """Closes the server's connections."""
        for server in self._all:
            server.writer.close()
            await server.writer.wait_closed()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._free.insert(0, await self._sign_in(reader, writer))
        held: _Server | None = None
        while (message := await _message(reader))[:1] != b"X":
            held = held or self._free.pop()
            held.writer.write(message)
            if message[:1] == b"Q" and await _answer(held.reader, writer) == b"I":
                self._free.append(held)
                held = None

    async def _sign_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Server:
        server = _Server(*await asyncio.open_connection(*self._address))
        self._all.append(server)
        size = await reader.readexactly(4)
        server.writer.write(size + await reader.readexactly(int.from_bytes(size) - 4))
        while (message := await _message(server.reader))[:1] != b"Z":
            writer.write(message)
            if message[:1] == b"R" and int.from_bytes(message[5:9]) in _SIGNS:
                server.writer.write(await _message(reader))
        writer.write(message)
        return server


async def _message(reader: asyncio.StreamReader) -> bytes:
    """A message with its type and its length."""
    head = await reader.readexactly(5)
    return head + await reader.readexactly(int.from_bytes(head[1:]) - 4)


async def _answer(server: asyncio.StreamReader, client: asyncio.StreamWriter) -> bytes:
    """Passes on all of an answer; returns whether the connection is in a transaction after it."""
    while True:
        message = await _message(server)
        client.write(message)
        if message[:1] == b"Z":
            return message[5:]
