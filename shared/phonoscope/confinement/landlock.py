"""Landlock: after this, no path can be opened, no port used and no process outside signalled.

https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os

from phonoscope.confinement.kernel import syscall

_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many of the rights over files the kernel knows, from which version of the interface on."""
_PORTS_SINCE, _ALL_PORTS = 4, 0b11
_SCOPES_SINCE, _ALL_SCOPES = 6, 0b11


class _Rules(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("ports", ctypes.c_uint64), ("scopes", ctypes.c_uint64)]


def forbid_files() -> None:
    """Takes every right from this process that Landlock knows; open descriptors stay as they are.

    Raises ``OSError`` when the kernel has no Landlock.
    """
    version = syscall(_CREATE_RULESET, 0, 0, _ASK_VERSION)
    rights = max(count for since, count in _FILE_RIGHTS.items() if since <= version)
    rules, size = _Rules(files=(1 << rights) - 1), 8
    if version >= _PORTS_SINCE:
        rules.ports, size = _ALL_PORTS, 16
    if version >= _SCOPES_SINCE:
        rules.scopes, size = _ALL_SCOPES, 24
    ruleset = syscall(_CREATE_RULESET, ctypes.cast(ctypes.pointer(rules), ctypes.c_void_p), size, 0)
    try:
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
