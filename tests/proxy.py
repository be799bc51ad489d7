"""A reverse proxy under a path prefix: ``python tests/proxy.py PORT TO_PORT PREFIX (keep|remove)``, on loopback.

It answers 404 outside of the prefix, removes the prefix or keeps it, and passes on all else as it comes: bodies,
streams and the answer. A connection has one request.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import httpx

from phonoscope_local.ports import LOOPBACK, choose_port

_CONNECTION = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)
_ABSENT = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@contextmanager
def proxied(url: str, prefix: str, *, keeps: bool) -> Iterator[str]:
    """The address under which a proxy serves a gateway while inside."""
    port, to_port = choose_port(0, set()), url.rpartition(":")[2]
    words = [str(port), to_port, prefix, "keep" if keeps else "remove"]
    with subprocess.Popen([sys.executable, str(Path(__file__)), *words]) as process:
        try:
            _until_it_listens(f"http://{LOOPBACK}:{port}/")
            yield f"http://{LOOPBACK}:{port}{prefix}"
        finally:
            process.terminate()


def _until_it_listens(url: str) -> None:
    deadline = monotonic() + 60.0
    while monotonic() < deadline:
        with suppress(httpx.TransportError):
            httpx.get(url)
            return
        sleep(0.05)
    raise TimeoutError(url)


def _rewritten(head: bytes, prefix: bytes, *, keeps: bool) -> bytes | None:
    method, _, rest = head.partition(b" ")
    if not re.match(re.escape(prefix) + rb"[/? ]", rest):
        return None
    target = rest if keeps else b"/" + rest.removeprefix(prefix).removeprefix(b"/")
    return _CONNECTION.sub(b"", method + b" " + target)[:-2] + b"Connection: close\r\n\r\n"


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()


async def _serve(port: int, to_port: int, prefix: bytes, *, keeps: bool) -> None:
    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            request = _rewritten(await reader.readuntil(b"\r\n\r\n"), prefix, keeps=keeps)
            if request is None:
                writer.write(_ABSENT)
            else:
                behind, ahead = await asyncio.open_connection(LOOPBACK, to_port)
                ahead.write(request)
                sending = asyncio.create_task(_pass_on(reader, ahead))
                await _pass_on(behind, writer)
                sending.cancel()
                ahead.close()
        writer.close()

    server = await asyncio.start_server(serve_one, LOOPBACK, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode(), keeps=sys.argv[4] == "keep"))
