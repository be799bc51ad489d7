"""PgBouncer in front of a test's PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import make_url

from phonoscope_local.account import hand_over, unprivileged
from phonoscope_local.ports import LOOPBACK, choose_port
from phonoscope_local.processes import wait_until

SESSION: Mapping[str, str] = {"pool_mode": "session", "default_pool_size": "90", "max_client_conn": "500"}
"""What docs/scaling.md says that the product needs; all else is as PgBouncer has it by itself."""
_LIMIT_S = 30.0
_TEMPLATE = """
[databases]
* = host={host} port={server_port}
[pgbouncer]
listen_addr = {listen}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
{settings}
"""


@dataclass
class PgBouncer:
    """A pooler on loopback that can be killed, and that is at the same port when it returns.

    Attributes:
        url: of the database behind it, as ``PHONOSCOPE_DATABASE_URL`` has it.
        log: the file with what it says.
    """

    url: str
    log: Path
    port: int
    _command: tuple[str, ...]
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Returns once it takes connections."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        assert wait_until(self._answers, _LIMIT_S), self.log.read_text()

    def kill(self) -> None:
        """All connections through it are lost at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self.port), 1.0).close()
        except OSError:
            return False
        return True


@contextmanager
def pgbouncer(folder: Path, database_url: str, settings: Mapping[str, str] = SESSION) -> Iterator[PgBouncer]:
    """A pooler in front of a database, until the end; skips the test where PgBouncer is not installed.

    Args:
        folder: a new one for its files.
        settings: lines of its configuration.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("no PgBouncer is installed")
    url, port = make_url(database_url), choose_port(0)
    folder.mkdir()
    users, configuration = folder / "users", folder / "pgbouncer.ini"
    users.write_text(f'"{url.username}" "{url.password}"\n')
    lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
    places = {"host": url.host, "server_port": url.port, "listen": LOOPBACK, "port": port, "users": users}
    configuration.write_text(_TEMPLATE.format(**places, settings=lines))
    hand_over(folder)
    pooled = url.set(host=LOOPBACK, port=port).render_as_string(hide_password=False)
    pooler = PgBouncer(pooled, folder.with_suffix(".log"), port, unprivileged((program, str(configuration))))
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.kill()
