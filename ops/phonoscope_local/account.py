"""The account that runs PostgreSQL where the stack runs as root, who may not."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

from phonoscope.errors import StackError

_ACCOUNT = "phonoscope"


def unprivileged(command: tuple[str, ...]) -> tuple[str, ...]:
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


def hand_over(folder: Path) -> None:
    """Gives a folder and all in it to that account where this one is root. Raises ``StackError``."""
    if os.geteuid() != 0:
        return
    account = _account()
    if folder.stat().st_uid == account.pw_uid:
        return
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent) / name, account.pw_uid, account.pw_gid, follow_symlinks=False)
    os.chown(folder, account.pw_uid, account.pw_gid)


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
