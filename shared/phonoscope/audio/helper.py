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


def main(descriptor: str, look: str, most_memory_bytes: str, sample: str) -> None:
    """Serves until the other end of the socket is gone."""
    module, name = look.split(":")
    function: Look = getattr(importlib.import_module(module), name)
    if sample:
        function(io.BytesIO(bytes.fromhex(sample)), 1.0)
    address_space_bytes = psutil.Process().memory_info().vms + int(most_memory_bytes)
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=int(descriptor)) as control:
        while True:
            request, descriptors, _, _ = socket.recv_fds(control, REQUEST.size, 2)
            if not request:
                return
            _serve(control, function, request, descriptors, address_space_bytes)


def _serve(control: socket.socket, look: Look, request: bytes, descriptors: list[int], space_bytes: int) -> None:
    child = -1
    with suppress(OSError):
        child = os.fork()
    if child == 0:
        control.close()
        number, longest_s = REQUEST.unpack(request)
        _limit(longest_s, space_bytes)
        with socket.socket(fileno=descriptors[1]) as reply:
            reply.sendall(STARTED)
            reply.sendall(json.dumps(_answer(look, descriptors[0], number)).encode())
        os._exit(0)
    for descriptor in descriptors:
        os.close(descriptor)


def _limit(longest_s: float, space_bytes: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, longest_s)
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
