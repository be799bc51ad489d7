"""A child process of ``phonoscope.audio.helper``: it reads strangers' files, one at a time."""

from __future__ import annotations

import errno
import io
import os
import signal
import socket
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from itertools import takewhile
from typing import BinaryIO, cast

from phonoscope.audio.messages import STARTED, Request, send_message
from phonoscope.audio.partial_file import MOST_PARTS, PART_BYTES
from phonoscope.audio.sandbox import Message, SandboxedFunction
from phonoscope.confinement import confine, enclose
from phonoscope.errors import RecordingError

_FREE = b"+"

in_force: dict[str, bool] = {}
"""Which of ``phonoscope.confinement.MEASURES`` protect others from this process."""

_MOST_CALLS = 32
"""A child ends after this many files, since a file may have damaged its state."""


def rehearse(function: SandboxedFunction, sample: bytes) -> None:
    """Calls the function with the sample, so that the child's copies of shared pages exist before a real call."""
    if sample:
        for _ in _messages(function, cast("BinaryIO", io.BytesIO(sample)), 1.0):
            pass


def serve_files(parent: socket.socket, function: SandboxedFunction, space_bytes: int) -> None:
    """Answers requests until one fails, the parent has no more, or this process has read enough files."""
    _keep_only(parent.fileno())
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    confine(space_bytes)
    in_force.update(enclose())
    for left in reversed(range(_MOST_CALLS)):
        data, descriptors, _, _ = socket.recv_fds(parent, Request.LAYOUT.size, 2)
        if not data:
            return
        request, (file, reply_to) = Request.unpack(data), descriptors
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, reply_to) as reply:
            reply.sendall(STARTED)
            fetch = partial(_fetch, reply) if request.partial else None
            is_well = _answer(function, PositionedFile(file, request.size_bytes, fetch), request, reply)
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            os.close(file)
            if not is_well:
                return
            send_message(reply, {"end": True})
            if left:
                parent.sendall(_FREE)
            # The caller waits for this, and not for the end of a process, which takes longer than many calls.
            reply.shutdown(socket.SHUT_WR)
            if not left:
                return


def _keep_only(descriptor: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))


def _answer(function: SandboxedFunction, file: PositionedFile, request: Request, reply: socket.socket) -> bool:
    """Sends what the function finds; false when it failed."""
    try:
        signal.setitimer(signal.ITIMER_PROF, request.cpu_s)
        for found, body in _messages(function, cast("BinaryIO", file), request.number, request.more):
            send_message(reply, {"found": found}, body)
            if not request.longest_s:
                signal.setitimer(signal.ITIMER_PROF, request.cpu_s)
    except RecordingError as error:
        send_message(reply, {"error": type(error).__name__, "detail": error.detail})
    except MemoryError:
        send_message(
            reply, {"error": "UndecodableRecording", "detail": "reading the file takes more memory than it may"}
        )
    except Exception:  # noqa: BLE001 - sent to the caller, which logs it
        send_message(reply, {"fault": traceback.format_exc()})
    else:
        return True
    return False


def _messages(function: SandboxedFunction, file: BinaryIO, number: float, more: bytes = b"") -> Iterable[Message]:
    found = function(file, number, more) if more else function(file, number)
    return [(found, b"")] if isinstance(found, dict) else found


def _fetch(reply: socket.socket, offset: int, size: int) -> None:
    """Has the caller put a part of the file in its place. Raises ``ConnectionError`` when it has gone."""
    send_message(reply, {"fetch": [offset, size]})
    if not reply.recv(1):
        raise ConnectionError("nobody waits for an answer any more")


class PositionedFile:
    """Reads at a position of its own, since the caller shares the descriptor's position.

    FFmpeg asks for the size at each seek: nothing here but reading outside the buffer costs a system call.

    Args:
        fetch: puts as many bytes as its second argument, from the offset that its first one is, in their place.
    """

    def __init__(self, descriptor: int, size_bytes: int, fetch: Callable[[int, int], None] | None = None) -> None:
        self._descriptor = descriptor
        self._size = size_bytes
        self._position = 0
        self._buffer = b""
        self._start = 0
        self._fetch = fetch
        self._there: set[int] = set()
        self._fetched_to, self._run = -1, 1

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; all that are left for a negative number."""
        left = max(0, self._size - self._position)
        size = left if size < 0 else min(size, left)
        offset = self._position - self._start
        if not 0 <= offset <= len(self._buffer) - size:
            if self._fetch is not None:
                self._have(self._position, min(self._size, self._position + max(size, PART_BYTES)))
            self._buffer = os.pread(self._descriptor, max(size, PART_BYTES), self._position)
            self._start, offset = self._position, 0
        found = self._buffer[offset : offset + size]
        self._position += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        position = (0, self._position, self._size)[whence] + offset
        if position < 0:
            raise OSError(errno.EINVAL, "a position before the file's start")
        self._position = position
        return position

    def tell(self) -> int:
        return self._position

    def _have(self, start: int, end: int) -> None:
        """Fetches what is missing; more and more at once while it is read from front to back."""
        assert self._fetch is not None
        for part in range(start // PART_BYTES, -(-end // PART_BYTES)):
            if part in self._there:
                continue
            self._run = min(MOST_PARTS, 2 * self._run) if part == self._fetched_to else 1
            parts = list(takewhile(lambda at: at not in self._there, range(part, part + self._run)))
            offset = part * PART_BYTES
            self._fetch(offset, min(self._size - offset, len(parts) * PART_BYTES))
            self._there.update(parts)
            self._fetched_to = parts[-1] + 1
