"""A gateway of a test's own, on servers that no other gateway uses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import httpx
import psutil

from phonoscope.db.access.engine import Database
from phonoscope.db.service.keys import create_key
from phonoscope.settings import Settings
from phonoscope_local.ports import LOOPBACK, choose_port
from tests.support import authorities, environment, until_ready


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs.

    Attributes:
        port: where it listens on loopback.
        pid: its process.
        log: the file with what it logs.
    """

    port: int
    pid: int
    log: Path
    settings: Settings

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def new_key(self, owner: str) -> str:
        database = Database(self.settings.database_url.get_secret_value(), pool_size=1)
        try:
            with database.transaction() as session:
                return create_key(session, owner)
        finally:
            database.close()

    def http(self, owner: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.new_key(owner)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, verify=authorities())

    def connect(self, source: str = LOOPBACK) -> socket.socket:
        return socket.create_connection((LOOPBACK, self.port), 30.0, (source, 0))

    def memory_bytes(self) -> int:
        """Resident memory."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def settled_bytes(self) -> int:
        """Resident memory once it stays for two seconds: a gateway reads its models of words after it has started."""
        seen = self.memory_bytes()
        for _ in range(30):
            sleep(2.0)
            seen, before = self.memory_bytes(), seen
            if abs(seen - before) < 1 << 20:
                break
        return seen

    def live_s(self, client: httpx.Client) -> float:
        """How long ``/health/live`` takes."""
        before = monotonic()
        assert client.get(f"{self.url}/health/live").status_code == 200
        return monotonic() - before


@contextmanager
def gateway_with(settings: Settings, log: Path, **changes: object) -> Iterator[Gateway]:
    """Starts a gateway with these settings changed, and stops it."""
    settings = settings.model_copy(update=changes)
    port = choose_port(0, set())
    command = [sys.executable, "-m", "phonoscope_gateway", "--port", str(port)]
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, env=os.environ | environment(settings), stderr=errors) as process,
    ):
        try:
            until_ready(f"http://{LOOPBACK}:{port}")
            yield Gateway(port, process.pid, log, settings)
        finally:
            process.terminate()
