"""Child processes that read untrusted files: how they are started, and their limits."""

from __future__ import annotations

import os
import resource
import sys

_PASSED_VARIABLES = frozenset({"PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR"})


def confined_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in a child process; the current folder is not searched for modules."""
    return [sys.executable, "-P", "-m", module, *arguments]


def confined_environment() -> dict[str, str]:
    """The environment of such a child process, without this process's settings and secrets."""
    passed = {name: os.environ[name] for name in _PASSED_VARIABLES & os.environ.keys()}
    return {**passed, "OPENBLAS_NUM_THREADS": "1"}


def confine(address_space_bytes: int, *, file_bytes: int = 0, cpu_s: int | None = None) -> None:
    """Limits this process for the rest of its life; it leaves no core dump.

    Args:
        address_space_bytes: the most memory, with what is in use already; kept on Linux alone.
        file_bytes: the largest file that it may write.
        cpu_s: the most processor time, with what was used already; a process that exceeds it is killed.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    if cpu_s is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (address_space_bytes, address_space_bytes))
