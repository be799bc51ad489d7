"""The containers' way in passes connections on as they are."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from deploy.front import Front

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LOOPBACK = "127.0.0.1"
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
from deploy.front import room_for_connections
print(room_for_connections(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with what it got, once it has all of it."""
    writer.write(await reader.read())
    await writer.drain()
    writer.close()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends the connection at once."""
    writer.close()


def port_of(server: asyncio.Server) -> int:
    """The port that a server listens on."""
    port: int = server.sockets[0].getsockname()[1]
    return port


async def sent_through(front: Front, sent: bytes) -> bytes | None:
    """What comes back of what is sent; ``None`` when the connection breaks."""
    async with await front.serve(0, LOOPBACK) as server:
        reader, writer = await asyncio.open_connection(LOOPBACK, port_of(server))
        try:
            writer.write(sent)
            writer.write_eof()
            return await asyncio.wait_for(reader.read(), 60)
        except ConnectionError:
            return None
        finally:
            writer.close()


async def through(peer: Peer, sent: bytes, most: int = 10) -> bytes | None:
    """What comes back through a front from a peer."""
    async with await asyncio.start_server(peer, LOOPBACK, 0) as far:
        return await sent_through(Front(LOOPBACK, port_of(far), most), sent)


def test_bytes_pass_both_ways_and_so_does_the_end() -> None:
    """Ten megabytes come back; the peer saw the end of what was sent while its answer was still to come."""
    sent = os.urandom(10 << 20)
    assert asyncio.run(through(echo, sent)) == sent


def test_a_peer_that_ends_ends_the_client() -> None:
    """Nobody waits for an answer that cannot come."""
    assert not asyncio.run(through(hang_up, b""))


def test_too_many_connections_are_closed() -> None:
    """Above the limit a connection ends at once."""
    assert not asyncio.run(through(echo, b"x", most=0))


def test_a_peer_that_is_away_ends_the_client() -> None:
    """A refused connection is the end of the client's."""

    async def refused() -> bytes | None:
        async with await asyncio.start_server(echo, LOOPBACK, 0) as far:
            port = port_of(far)
        return await sent_through(Front(LOOPBACK, port), b"x")

    assert not asyncio.run(refused())


@pytest.mark.parametrize(("soft", "hard", "then"), [(1024, 20_000, "9950 20000 20000"), (1024, 1024, "462 1024 1024")])
def test_the_front_takes_the_files_that_it_may_have(soft: int, hard: int, then: str) -> None:
    """Up to the engine's own limit, and no more connections than those files allow."""
    command = [sys.executable, "-c", LIMITED, str(soft), str(hard)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == then
