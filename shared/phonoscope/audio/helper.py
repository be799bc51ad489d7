"""The helper process of ``phonoscope.audio.sandbox``: it forks the children that call the function.

Its arguments: the socket's descriptor, the function as ``module:name``, the memory limit of a child in bytes, and in
hexadecimal a sample file. The function is called with the sample first, so that its memory is prepared.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import Any, BinaryIO, cast

import psutil

from phonoscope.audio.sandbox import REQUEST, STARTED, SandboxedFunction
from phonoscope.confinement import confine
from phonoscope.errors import RecordingError

_BUFFER_BYTES = 256 * 1024
_FREE = b"+"
_IDLE_S = 1.0
"""Seconds after a call before a used child is replaced: forking takes a core away from the caller."""
_MOST_CALLS = 32
"""A child ends after this many files, since a file may have damaged its state."""


def main(descriptor: str, function_name: str, most_memory_bytes: str, sample: str) -> None:
    """Serves until the other end of the socket is closed."""
    module, name = function_name.split(":")
    function: SandboxedFunction = getattr(importlib.import_module(module), name)
    _rehearse(function, bytes.fromhex(sample))
    address_space_bytes = psutil.Process().memory_info().vms + int(most_memory_bytes)
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # A caller with many connections passes a number that is too high for select.
    low = os.dup(int(descriptor))
    os.close(int(descriptor))
    with socket.socket(fileno=low) as control:
        _Forks(control, function, bytes.fromhex(sample), address_space_bytes).serve()


class _Forks:
    """The child processes, each with one file at a time. One that fails ends; used ones are replaced when idle."""

    def __init__(self, control: socket.socket, function: SandboxedFunction, sample: bytes, space_bytes: int) -> None:
        self._control = control
        self._function = function
        self._sample = sample
        self._space_bytes = space_bytes
        self._fresh: socket.socket | None = None
        self._used: list[socket.socket] = []
        self._busy: list[socket.socket] = []

    def serve(self) -> None:
        self._fresh = self._fork()
        while True:
            settled = self._busy or (self._fresh and not self._used)
            ready, _, _ = select.select([self._control, *self._busy], [], [], None if settled else _IDLE_S)
            if not ready:
                self._replace()
            for child in set(ready) - {self._control}:
                self._take_back(child)
            if self._control in ready:
                request, descriptors, _, _ = socket.recv_fds(self._control, REQUEST.size, 2)
                if not request:
                    return
                self._hand_over(request, descriptors)

    def _replace(self) -> None:
        while self._used:
            self._used.pop().close()
        self._fresh = self._fresh or self._fork()

    def _take_back(self, child: socket.socket) -> None:
        self._busy.remove(child)
        with suppress(OSError):
            if child.recv(1):
                self._used.append(child)
                return
        child.close()

    def _hand_over(self, request: bytes, descriptors: list[int]) -> None:
        child = self._next()
        if child is not None:
            self._busy.append(child)
            with suppress(OSError):
                socket.send_fds(child, [request], descriptors)
        for descriptor in descriptors:
            os.close(descriptor)

    def _next(self) -> socket.socket | None:
        if self._used:
            return self._used.pop()
        child, self._fresh = self._fresh or self._fork(rehearse=False), None
        return child

    def _fork(self, *, rehearse: bool = True) -> socket.socket | None:
        mine, theirs = socket.socketpair()
        with suppress(OSError), theirs:
            if os.fork():
                return mine
            try:
                for parents in (mine, self._control, *self._busy, *self._used):
                    parents.close()
                if rehearse:
                    _rehearse(self._function, self._sample)
                self._serve_files(theirs)
            finally:
                os._exit(0)
        mine.close()
        return None

    def _serve_files(self, parent: socket.socket) -> None:
        _confine(self._space_bytes)
        for left in reversed(range(_MOST_CALLS)):
            request, descriptors, _, _ = socket.recv_fds(parent, REQUEST.size, 2)
            if not request:
                return
            number, longest_s = REQUEST.unpack(request)
            signal.setitimer(signal.ITIMER_REAL, longest_s)
            with socket.socket(fileno=descriptors[1]) as reply:
                reply.sendall(STARTED)
                answer = _answer(self._function, descriptors[0], number)
                reply.sendall(json.dumps(answer).encode())
                # The end of a process takes longer than many calls: the caller need not wait for it.
                reply.shutdown(socket.SHUT_WR)
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            os.close(descriptors[0])
            if "found" not in answer or not left:
                return
            parent.sendall(_FREE)


def _rehearse(function: SandboxedFunction, sample: bytes) -> None:
    """Calls the function with the sample, so that the child's copies of shared pages exist before a real call."""
    if sample:
        function(io.BytesIO(sample), 1.0)


def _confine(space_bytes: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    confine(space_bytes)


def _answer(function: SandboxedFunction, descriptor: int, number: float) -> dict[str, Any]:
    file = io.BufferedReader(_Positioned(descriptor), _BUFFER_BYTES)
    try:
        return {"found": function(cast("BinaryIO", file), number)}
    except RecordingError as error:
        return {"error": type(error).__name__, "detail": error.detail}
    except MemoryError:
        return {"error": "UndecodableRecording", "detail": "reading the file takes more memory than it may"}
    except Exception:  # noqa: BLE001 - sent to the caller, which logs it
        return {"fault": traceback.format_exc()}


class _Positioned(io.RawIOBase):
    """Reads at a position of its own, since the caller shares the descriptor's position."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._descriptor, len(buffer), self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._position = start[whence] + offset
        if self._position < 0:
            raise OSError(22, "a position before the file's start")
        return self._position

    def tell(self) -> int:
        return self._position


if __name__ == "__main__":
    main(*sys.argv[1:])
