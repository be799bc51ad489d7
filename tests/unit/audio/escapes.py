"""What a file that has taken its reader over would try; the tests have a sandbox call ``try_all``."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

_LIBRARY = ctypes.CDLL(None, use_errno=True)
_NUMBERS = {
    "x86_64": {
        "ptrace": 101, "process_vm_readv": 310, "keyctl": 250, "bpf": 321, "unshare": 272, "mount": 165,
        "setns": 308, "perf_event_open": 298, "memfd_create": 319, "clone3": 435, "kcmp": 312, "userfaultfd": 323,
    },
    "aarch64": {
        "ptrace": 117, "process_vm_readv": 270, "keyctl": 219, "bpf": 280, "unshare": 97, "mount": 40, "setns": 268,
        "perf_event_open": 241, "memfd_create": 279, "clone3": 435, "kcmp": 272, "userfaultfd": 282,
    },
}  # fmt: skip
_SAME_EVERYWHERE = {
    "io_uring_setup": 425,
    "pidfd_open": 434,
    "open_tree": 428,
    "openat2": 437,
    "landlock_add_rule": 445,
}
_PTRACE_ATTACH = 16


def try_all(_file: BinaryIO, number: float) -> dict[str, Any]:
    """The outcome of every attempt: the name of the error, or ``done``.

    Args:
        number: the process that asked, whose secrets are wanted.
    """
    caller = int(number)
    outcomes = {name: _outcome(attempt) for name, attempt in _attempts(caller).items()}
    calls = {**_NUMBERS.get(platform.machine(), {}), **_SAME_EVERYWHERE}
    return outcomes | {name: _outcome(lambda at=at: _call(at, caller)) for name, at in calls.items()}  # type: ignore[misc]


def _attempts(caller: int) -> dict[str, Callable[[], object]]:
    return {
        "socket of the internet": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "socket of this machine": lambda: socket.socket(socket.AF_UNIX),
        "raw packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "pair of sockets": socket.socketpair,
        "environment of the caller": lambda: _read(f"/proc/{caller}/environ"),
        "environment of the parent": lambda: _read(f"/proc/{os.getppid()}/environ"),
        "memory of the caller": lambda: _read(f"/proc/{caller}/mem"),
        "files of the caller": lambda: list(Path(f"/proc/{caller}/fd").iterdir()),
        "own environment": lambda: _read("/proc/self/environ"),
        "passwords": lambda: _read("/etc/passwd"),
        "a folder": lambda: list(Path("/").iterdir()),
        "a new file": lambda: os.open("/tmp/phonoscope-escaped", os.O_CREAT | os.O_WRONLY),
        "a new folder": lambda: Path("/tmp/phonoscope-escaped").mkdir(),
        "a link": lambda: Path("/tmp/phonoscope-escaped").symlink_to("/etc"),
        "a fork": _fork,
        "a thread": lambda: threading.Thread(target=int).start(),
        "a program": lambda: os.execv("/bin/true", ["true"]),
        "a program beside": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "a signal to the caller": lambda: os.kill(caller, 0),
        "a signal to the parent": lambda: os.kill(os.getppid(), signal.SIGCONT),
        "the superuser": lambda: os.setuid(0),
        "code in memory": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
        "a higher priority": lambda: os.nice(-5),
    }


def environment(_file: BinaryIO, _number: float) -> dict[str, Any]:
    """The names and values that the process was started with, and its open descriptors."""
    open_ones = [descriptor for descriptor in range(256) if _is_open(descriptor)]
    return {"environment": dict(os.environ), "open": open_ones}


def _is_open(descriptor: int) -> bool:
    try:
        os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError as error:
        return error.errno != errno.EBADF
    return True


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except (OSError, RuntimeError) as error:
        return type(error).__name__
    return "done"


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a bare call
        return file.read(1)


def _fork() -> None:
    if not os.fork():
        os._exit(0)


def _call(number: int, caller: int) -> None:
    if _LIBRARY.syscall(ctypes.c_long(number), ctypes.c_long(_PTRACE_ATTACH), ctypes.c_long(caller), None, None) < 0:
        code = ctypes.get_errno()
        # A call whose arguments the kernel looked at was not forbidden.
        if code in {errno.EPERM, errno.ENOSYS}:
            raise OSError(code, os.strerror(code))
