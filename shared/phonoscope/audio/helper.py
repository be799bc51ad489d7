"""The process that forks a child for each file to look at; ``phonoscope.audio.sandbox`` starts and asks it.

Its arguments: the socket's descriptor, the function as ``module:name``, how many bytes a child may use, and in
hexadecimal a file to look at beforehand, so that the children find what they need in memory.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import Any, BinaryIO, cast

import psutil

from phonoscope.audio.sandbox import REQUEST, STARTED, Look
from phonoscope.errors import RecordingError

_BUFFER_BYTES = 256 * 1024
_CALM_S = 0.2
"""How long after a look the next child is forked: forking takes a core away from what the look was for."""


def main(descriptor: str, look: str, most_memory_bytes: str, sample: str) -> None:
    """Serves until the other end of the socket is gone."""
    module, name = look.split(":")
    function: Look = getattr(importlib.import_module(module), name)
    _rehearse(function, bytes.fromhex(sample))
    address_space_bytes = psutil.Process().memory_info().vms + int(most_memory_bytes)
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=int(descriptor)) as control:
        _Forks(control, function, bytes.fromhex(sample), address_space_bytes).serve()


class _Forks:
    """One child for each file; once none is at work, the next one is forked beforehand and waits."""

    def __init__(self, control: socket.socket, look: Look, sample: bytes, space_bytes: int) -> None:
        self._control = control
        self._look = look
        self._sample = sample
        self._space_bytes = space_bytes
        self._spare: socket.socket | None = None
        self._busy: list[socket.socket] = []

    def serve(self) -> None:
        self._spare = self._fork()
        while True:
            longest_s = None if self._spare or self._busy else _CALM_S
            ready, _, _ = select.select([self._control, *self._busy], [], [], longest_s)
            if not ready:
                self._spare = self._fork()
            for ended in set(ready) - {self._control}:
                self._busy.remove(ended)
                ended.close()
            if self._control in ready:
                request, descriptors, _, _ = socket.recv_fds(self._control, REQUEST.size, 2)
                if not request:
                    return
                self._hand_over(request, descriptors)

    def _hand_over(self, request: bytes, descriptors: list[int]) -> None:
        child, self._spare = self._spare or self._fork(rehearse=False), None
        if child is not None:
            self._busy.append(child)
            with suppress(OSError):
                socket.send_fds(child, [request], descriptors)
        for descriptor in descriptors:
            os.close(descriptor)

    def _fork(self, *, rehearse: bool = True) -> socket.socket | None:
        mine, theirs = socket.socketpair()
        with suppress(OSError), theirs:
            if os.fork():
                return mine
            try:
                for parents in (mine, self._control, *self._busy):
                    parents.close()
                if rehearse:
                    _rehearse(self._look, self._sample)
                self._wait(theirs)
            finally:
                os._exit(0)
        mine.close()
        return None

    def _wait(self, parent: socket.socket) -> None:
        _confine(self._space_bytes)
        request, descriptors, _, _ = socket.recv_fds(parent, REQUEST.size, 2)
        if not request:
            return
        number, longest_s = REQUEST.unpack(request)
        signal.setitimer(signal.ITIMER_REAL, longest_s)
        with socket.socket(fileno=descriptors[1]) as reply:
            reply.sendall(STARTED)
            reply.sendall(json.dumps(_answer(self._look, descriptors[0], number)).encode())
            # The end of a process takes longer than many a look: the caller need not wait for it.
            reply.shutdown(socket.SHUT_WR)


def _rehearse(look: Look, sample: bytes) -> None:
    """Brings what a look needs into memory: a child that shares its parent's pages must first make them its own."""
    if sample:
        look(io.BytesIO(sample), 1.0)


def _confine(space_bytes: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (space_bytes, space_bytes))


def _answer(look: Look, descriptor: int, number: float) -> dict[str, Any]:
    file = io.BufferedReader(_Positioned(descriptor), _BUFFER_BYTES)
    try:
        return {"found": look(cast("BinaryIO", file), number)}
    except RecordingError as error:
        return {"error": type(error).__name__, "detail": error.detail}
    except MemoryError:
        return {"error": "UndecodableRecording", "detail": "reading the file takes more memory than it may"}
    except Exception:  # noqa: BLE001 - told to the caller, who logs it
        return {"fault": traceback.format_exc()}


class _Positioned(io.RawIOBase):
    """Reads at a position of its own: the descriptor's is shared with the caller."""

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
