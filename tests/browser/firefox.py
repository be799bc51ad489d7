"""Firefox for Playwright, which speaks WebDriver BiDi to it and sends one command that Debian's Firefox does not know.

`python -m tests.browser.firefox PROGRAM ARGUMENT…` starts the program and passes on all that both say, but answers that
command itself. The theme of the system, which the command would set, is a preference of the profile instead.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

_ANNOUNCED = re.compile(rb"WebDriver BiDi listening on ws://([^\s/]+)")
_UNKNOWN = "emulation.setMediaFeaturesOverride"
# However busy the machine, and however large a picture of the page.
_PATIENT: dict[str, Any] = {"open_timeout": None, "ping_interval": None, "max_size": None, "compression": None}


async def _to_firefox(driver: ServerConnection, firefox: ClientConnection) -> None:
    async for message in driver:
        command = json.loads(message)
        if command["method"] == _UNKNOWN:
            await driver.send(json.dumps({"type": "success", "id": command["id"], "result": {}}))
        else:
            await firefox.send(message)


async def _to_driver(firefox: ClientConnection, driver: ServerConnection) -> None:
    async for message in firefox:
        await driver.send(message)


async def _pass_on(driver: ServerConnection, host: str) -> None:
    """Until either hangs up."""
    assert driver.request is not None
    async with connect(f"ws://{host}{driver.request.path}", **_PATIENT) as firefox:
        ways = {asyncio.create_task(_to_firefox(driver, firefox)), asyncio.create_task(_to_driver(firefox, driver))}
        done, others = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        for one in done:
            with suppress(ConnectionClosed):
                one.result()


async def _announced(said: asyncio.StreamReader) -> str:
    """The host and port at which Firefox listens. Raises: `EOFError` when it ends before it says so."""
    async for line in said:
        if found := _ANNOUNCED.search(line):
            return found[1].decode()
        sys.stderr.buffer.write(line)
    raise EOFError("Firefox ended before it listened")


async def _run(program: str, *arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(program, *arguments, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, process.terminate)
    host = await _announced(process.stderr)
    async with serve(lambda driver: _pass_on(driver, host), "127.0.0.1", 0, **_PATIENT) as server:
        port = server.sockets[0].getsockname()[1]
        sys.stderr.write(f"WebDriver BiDi listening on ws://127.0.0.1:{port}\n")
        async for line in process.stderr:
            sys.stderr.buffer.write(line)
        return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(*sys.argv[1:])))
