"""Seccomp: after this, the process has few system calls left; all others fail with ``EPERM``.

https://docs.kernel.org/userspace-api/seccomp_filter.html. The filter is a program of the classic BPF, which reads the
number of the call and its arguments.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from dataclasses import dataclass

from phonoscope.confinement.kernel import SET_SECCOMP, prctl

_MODE_FILTER = 2
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _JUMP_IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT, _ARGUMENT_BYTES = 0, 4, 16, 8
_EXECUTABLE = 4
_FOREIGN_NUMBERS = 0x40000000
"""From here on numbers mean calls of the x32 interface."""

# What decoding and answering need, with descriptors that are open already: no path, no socket, no process, no thread.
_CALLS = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "poll": 7, "lseek": 8, "munmap": 11, "brk": 12, "rt_sigaction": 13,
        "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "readv": 19, "writev": 20, "sched_yield": 24,
        "mremap": 25, "madvise": 28, "nanosleep": 35, "getitimer": 36, "setitimer": 38, "getpid": 39, "sendto": 44,
        "recvfrom": 45, "sendmsg": 46, "recvmsg": 47, "shutdown": 48, "exit": 60, "gettimeofday": 96,
        "getrusage": 98, "sigaltstack": 131, "gettid": 186, "futex": 202, "sched_getaffinity": 204,
        "restart_syscall": 219, "clock_gettime": 228, "clock_nanosleep": 230, "exit_group": 231, "getrandom": 318,
    },
    "aarch64": {
        "read": 63, "write": 64, "close": 57, "ppoll": 73, "lseek": 62, "munmap": 215, "brk": 214,
        "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "pread64": 67, "readv": 65, "writev": 66,
        "sched_yield": 124, "mremap": 216, "madvise": 233, "nanosleep": 101, "getitimer": 102, "setitimer": 103,
        "getpid": 172, "sendto": 206, "recvfrom": 207, "sendmsg": 211, "recvmsg": 212, "shutdown": 210, "exit": 93,
        "gettimeofday": 169, "getrusage": 165, "sigaltstack": 132, "gettid": 178, "futex": 98,
        "sched_getaffinity": 123, "restart_syscall": 128, "clock_gettime": 113, "clock_nanosleep": 115,
        "exit_group": 94, "getrandom": 278,
    },
}  # fmt: skip


@dataclass(frozen=True)
class _Machine:
    architecture: int
    mmap: int
    mprotect: int
    tgkill: int


_MACHINES = {
    "x86_64": _Machine(0xC000003E, mmap=9, mprotect=10, tgkill=234),
    "aarch64": _Machine(0xC00000B7, mmap=222, mprotect=226, tgkill=131),
}


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction))]


def forbid_calls() -> None:
    """Leaves this process the calls that decoding needs; it must have given up new privileges.

    Memory can be mapped, but not as code; signals can be sent to itself alone. Raises ``OSError`` when the kernel has
    no seccomp, or the machine is of a kind without a list.
    """
    name = platform.machine()
    if name not in _MACHINES:
        raise OSError(errno.ENOSYS, f"there is no list of system calls for {name}")
    instructions = _filter(_MACHINES[name], sorted(_CALLS[name].values()))
    array = (_Instruction * len(instructions))(*(_Instruction(*step) for step in instructions))
    program = _Program(len(instructions), array)
    prctl(SET_SECCOMP, _MODE_FILTER, ctypes.cast(ctypes.pointer(program), ctypes.c_void_p))


def _filter(machine: _Machine, allowed: list[int]) -> list[tuple[int, int, int, int]]:
    return [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_IF_EQUAL, 1, 0, machine.architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_JUMP_IF_AT_LEAST, 0, 1, _FOREIGN_NUMBERS),
        (_RETURN, 0, 0, _REFUSE),
        *(step for number in allowed for step in ((_JUMP_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW))),
        *_unless_executable(machine.mmap),
        *_unless_executable(machine.mprotect),
        (_JUMP_IF_EQUAL, 0, 4, machine.tgkill),
        (_LOAD, 0, 0, _ARGUMENTS_AT),
        (_JUMP_IF_EQUAL, 1, 0, os.getpid()),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


def _unless_executable(number: int) -> list[tuple[int, int, int, int]]:
    """Allows a call whose third argument, the protection, lacks execution."""
    return [
        (_JUMP_IF_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _ARGUMENTS_AT + 2 * _ARGUMENT_BYTES),
        (_JUMP_IF_ANY_BIT, 0, 1, _EXECUTABLE),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
