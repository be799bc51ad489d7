"""PostgreSQL as a part of a stack: its cluster, its account when the stack runs as root, its lock file."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil

from phonoscope.errors import StackError
from phonoscope_local.account import hand_over, unprivileged
from phonoscope_local.files import make_private, write_private
from phonoscope_local.logs import opened
from phonoscope_local.ports import LOOPBACK
from phonoscope_local.processes import ProcessId, is_alive, send_signal, wait_until, works_in
from phonoscope_local.programs import Programs
from phonoscope_local.state import DATABASE_USER, StackState

_COMMAND_LIMIT_S = 120.0
_STARTED_WITHIN_S = 60.0
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Cluster:
    """A stack's PostgreSQL cluster, in the folder ``postgres``."""

    def __init__(self, folder: Path, programs: Programs, state: StackState, environment: Mapping[str, str]) -> None:
        self._home = folder / "postgres"
        self._log = folder / "logs" / "postgres.log"
        self._programs = programs
        self._state = state
        self._environment = environment
        self._password_known = self._home / "password.sha256"
        self.data = self._home / "data"

    def command(self) -> tuple[str, ...]:
        """The command of the server in the foreground.

        Raises ``StackError`` when the stack runs as root and no other account can run the server.
        """
        settings = _SETTINGS | {"port": str(self._state.ports.postgres)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return unprivileged((str(self._programs.postgres), "-D", str(self.data), *options))

    def prepare(self) -> None:
        """Makes the cluster unless it exists; removes a killed server's lock file; sets a lost password anew.

        Raises ``StackError``.
        """
        make_private(self._home)
        hand_over(self._home)
        if not self.data.is_dir():
            self._make()
        self._clear_lock()
        if not self._knows_password():
            self._set_password()

    def _knows_password(self) -> bool:
        with contextlib.suppress(OSError):
            return self._password_known.read_text() == _digest(self._state.database_password)
        return False

    def _set_password(self) -> None:
        # Without a server nobody asks for the password that is lost. A statement that fails would be logged.
        quiet = (
            "-c",
            "exit_on_error=on",
            "-c",
            "log_min_error_statement=panic",
            "-c",
            "password_encryption=scram-sha-256",
        )
        command = (str(self._programs.postgres), "--single", *quiet, "-D", str(self.data), "postgres")
        statement = f"ALTER ROLE {DATABASE_USER} PASSWORD '{self._state.database_password}'\n"
        self._run(command, "its database's password cannot be set", statement.encode())
        self._note_password()

    def _note_password(self) -> None:
        write_private(self._password_known, _digest(self._state.database_password))

    def _make(self) -> None:
        draft, password = self._home / "draft", self._home / "password"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            write_private(password, self._state.database_password)
            self._initdb(draft, password)
            draft.replace(self.data)
            self._note_password()
        finally:
            password.unlink(missing_ok=True)

    def _initdb(self, draft: Path, password: Path) -> None:
        command = (
            str(self._programs.initdb),
            f"--pgdata={draft}",
            f"--username={DATABASE_USER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        )
        self._run(command, "its database cannot be made")

    def _run(self, command: tuple[str, ...], problem: str, statement: bytes = b"") -> None:
        with opened(self._log).open("ab") as log:
            try:
                subprocess.run(
                    unprivileged(command),
                    cwd=self._home,
                    env=dict(self._environment),
                    input=statement,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    timeout=_COMMAND_LIMIT_S,
                    check=True,
                )
            except (subprocess.SubprocessError, OSError) as error:
                raise StackError(f"{problem}: {_reason(error)}") from error

    def _clear_lock(self) -> None:
        # PostgreSQL refuses to start while the number in its lock file belongs to any process, also to one that
        # was given the number after a crash, or that serves the folder of which this one is a copy.
        lock = self.data / "postmaster.pid"
        owner = _lock_owner(lock)
        if owner is not None and not psutil.pid_exists(owner.pid):
            return
        process = owner.find(within_s=_STARTED_WITHIN_S) if owner else None
        if process is not None and process.name() == "postgres" and works_in(process, self.data) is not False:
            send_signal(process, signal.SIGQUIT)
            if not wait_until(lambda: not is_alive(process), 10.0):
                raise StackError(f"process {process.pid} already serves {self.data} and does not stop")
        lock.unlink(missing_ok=True)


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _lock_owner(lock: Path) -> ProcessId | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = lock.read_text().splitlines()
        return ProcessId(pid=int(lines[0]), created=float(lines[2]))
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"it ended with status {error.returncode}"
    return str(error)
