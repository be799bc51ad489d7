"""PostgreSQL as a part of a stack: its cluster, its account when the stack runs as root, its lock file."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from phonoscope.errors import StackError
from phonoscope_local.files import make_private, write_private
from phonoscope_local.ports import LOOPBACK
from phonoscope_local.processes import ProcessId, is_alive, send_signal, wait_until
from phonoscope_local.programs import Programs
from phonoscope_local.state import DATABASE_USER, StackState

_ACCOUNT = "phonoscope"
_INITDB_LIMIT_S = 120.0
_STARTED_WITHIN_S = 60.0
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "64MB",
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
        self.data = self._home / "data"

    def command(self) -> tuple[str, ...]:
        """The command of the server in the foreground.

        Raises ``StackError`` when the stack runs as root and no other account can run the server.
        """
        settings = _SETTINGS | {"port": str(self._state.ports.postgres)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return _unprivileged((str(self._programs.postgres), "-D", str(self.data), *options))

    def prepare(self) -> None:
        """Makes the cluster unless it exists; removes a killed server's lock file. Raises ``StackError``."""
        make_private(self._home)
        if os.geteuid() == 0:
            _change_owner(self._home, _account())
        if not self.data.is_dir():
            self._make()
        self._clear_lock()

    def _make(self) -> None:
        draft, password = self._home / "draft", self._home / "password"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            write_private(password, self._state.database_password)
            self._initdb(draft, password)
            draft.replace(self.data)
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
        with self._log.open("ab") as log:
            try:
                subprocess.run(
                    _unprivileged(command),
                    cwd=self._home,
                    env=dict(self._environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    timeout=_INITDB_LIMIT_S,
                    check=True,
                )
            except (subprocess.SubprocessError, OSError) as error:
                raise StackError(f"its database cannot be made: {_reason(error)}") from error

    def _clear_lock(self) -> None:
        # PostgreSQL refuses to start while the number in its lock file belongs to any process, also to one that
        # was given the number after a crash.
        lock = self.data / "postmaster.pid"
        owner = _lock_owner(lock)
        if owner is not None and not psutil.pid_exists(owner.pid):
            return
        process = owner.find(within_s=_STARTED_WITHIN_S) if owner else None
        if process is not None and process.name() == "postgres":
            send_signal(process, signal.SIGQUIT)
            if not wait_until(lambda: not is_alive(process), 10.0):
                raise StackError(f"process {process.pid} already serves {self.data} and does not stop")
        lock.unlink(missing_ok=True)


def _lock_owner(lock: Path) -> ProcessId | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = lock.read_text().splitlines()
        return ProcessId(pid=int(lines[0]), created=float(lines[2]))
    return None


def _unprivileged(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command, run by another account where this one is root, who may not run PostgreSQL."""
    if os.geteuid() != 0:
        return command
    account = _account()
    # The account needs to reach its folder through ones that only root may enter, such as root's own home.
    return (
        _setpriv(),
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        *command,
    )


def _setpriv() -> str:
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    if setpriv is None:
        raise StackError("PostgreSQL does not run as root; start the stack as an ordinary user")
    return setpriv


def _account() -> pwd.struct_passwd:
    _setpriv()
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(_ACCOUNT)
    command = ("useradd", "--system", "--no-create-home", "--shell", "/bin/false", _ACCOUNT)
    with contextlib.suppress(subprocess.SubprocessError, OSError):
        subprocess.run(command, check=True, capture_output=True, timeout=30.0)
    try:
        return pwd.getpwnam(_ACCOUNT)
    except KeyError:
        raise StackError(
            f"PostgreSQL does not run as root and the account {_ACCOUNT!r} cannot be made; "
            "start the stack as an ordinary user"
        ) from None


def _change_owner(folder: Path, account: pwd.struct_passwd) -> None:
    if folder.stat().st_uid == account.pw_uid:
        return
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent) / name, account.pw_uid, account.pw_gid, follow_symlinks=False)
    os.chown(folder, account.pw_uid, account.pw_gid)


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"initdb ended with status {error.returncode}"
    return str(error)
