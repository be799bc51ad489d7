"""What a process that reads strangers' files gives up before it reads the first: whatever the system lets it."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable

from phonoscope.confinement.kernel import (
    DROP_BOUNDING_CAPABILITY,
    SET_DUMPABLE,
    SET_NO_NEW_PRIVILEGES,
    SET_PARENT_DEATH_SIGNAL,
    prctl,
    unshare,
)
from phonoscope.confinement.landlock import forbid_files
from phonoscope.confinement.seccomp import forbid_calls

MEASURES = {
    "own user": "a user of its own, without groups and capabilities",
    "no privileges": "no program that it starts can have more privileges",
    "not dumpable": "no process of its user can read its memory",
    "ends with its parent": "it is killed when the process that started it ends",
    "own network": "an empty network namespace",
    "no files": "Landlock: it cannot open, make or change a file, nor signal other processes",
    "no calls": "seccomp: it cannot open a socket, start a process or a program, or reach another process's memory",
    "limits": "no new processes, no files that grow, few descriptors",
}
"""The measures by name, and what each means."""

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_FIRST_USER, _USERS = 61_184, 4_000
_HIGHEST_CAPABILITY = 63
_MOST_DESCRIPTORS = 64

_left_network = False


def leave_network() -> None:
    """Moves this process, which has one thread, to an empty network namespace; its children start there."""
    global _left_network  # noqa: PLW0603 - children, which are forks, report it
    if sys.platform == "linux":
        flags = _NEW_NETWORK if os.geteuid() == 0 else _NEW_NETWORK | _NEW_USER
        _left_network = _works(lambda: unshare(flags))


def enclose() -> dict[str, bool]:
    """Takes every measure in this process, for the rest of its life; returns which of ``MEASURES`` are in force."""
    if sys.platform != "linux":
        return {**dict.fromkeys(MEASURES, False), "limits": _works(_limit)}
    steps: dict[str, Callable[[], object]] = {
        "own user": _change_user,
        "no privileges": lambda: prctl(SET_NO_NEW_PRIVILEGES, 1),
        "not dumpable": lambda: prctl(SET_DUMPABLE, 0),
        "ends with its parent": lambda: prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL),
        "no files": forbid_files,
        "limits": _limit,
        "no calls": forbid_calls,
    }
    found = {name: _works(step) for name, step in steps.items()}
    return {name: _left_network if name == "own network" else found[name] for name in MEASURES}


def _works(step: Callable[[], object]) -> bool:
    try:
        step()
    except (OSError, ValueError):
        return False
    return True


def _change_user() -> None:
    if os.geteuid() != 0:
        raise PermissionError
    for capability in range(_HIGHEST_CAPABILITY + 1):
        _works(lambda capability=capability: prctl(DROP_BOUNDING_CAPABILITY, capability))  # type: ignore[misc]
    user = _FIRST_USER + os.getpid() % _USERS
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _limit() -> None:
    for limit, most in (
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MOST_DESCRIPTORS),
    ):
        resource.setrlimit(limit, (most, most))
