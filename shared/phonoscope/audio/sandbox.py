"""Reads untrusted files in child processes with limits on time and memory.

Each caller has one helper process, which imports the function once. The helper forks children, and each child reads one
file at a time. A child whose call fails ends; others serve a few more files and are replaced when the helper is idle.
So a call costs neither the start of an interpreter nor, in most cases, a fork.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TypeAlias

import phonoscope.errors
from phonoscope.confinement import confined_command, confined_environment
from phonoscope.errors import RecordingError, Unavailable, UndecodableRecording

SandboxedFunction: TypeAlias = Callable[[BinaryIO, float], dict[str, Any]]

REQUEST = struct.Struct("!dd")
STARTED = b"+"
MOST_MEMORY_BYTES = 512 * 1024**2

_GRACE_S = 5.0
_LEAST_SLOTS = 4
_ANSWER_BYTES = 65_536


class Sandbox:
    """Calls one module-level function of a file and a number in child processes.

    Args:
        function: the function as ``module:name``, imported only in the helper; its result must be JSON.
        longest_s: the time limit of a call, in seconds.
        most_memory_bytes: the memory limit of a call, in addition to the helper's own memory.
        sample: a small file with which the helper calls the function first, so that later calls are fast.
    """

    def __init__(
        self, function: str, *, longest_s: float, most_memory_bytes: int = MOST_MEMORY_BYTES, sample: bytes = b""
    ) -> None:
        self._function = function
        self._longest_s = longest_s
        self._most_memory_bytes = most_memory_bytes
        self._sample = sample
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(max(_LEAST_SLOTS, os.cpu_count() or 1))
        self._helper: _Helper | None = None

    def start(self) -> None:
        """Starts the helper before it is needed. Raises ``Unavailable`` when it cannot be started."""
        with self._lock:
            self._running()

    def call(self, file: BinaryIO, number: float) -> dict[str, Any]:
        """Calls the function and returns its result. The file's position does not change.

        Raises:
            RecordingError: the function raised it; ``UndecodableRecording`` also when it crashed or exceeded a limit.
            Unavailable: no process can be started.
        """
        with self.calling(file, number) as finish:
            return finish()

    @contextmanager
    def calling(self, file: BinaryIO, number: float) -> Iterator[Callable[[], dict[str, Any]]]:
        """Calls the function while the caller does something else; the yielded function waits for the result, as
        ``call``.

        The file may be read meanwhile.
        """
        with self._slots, _OnDisk(file) as descriptor, self._asked(descriptor, number) as reply:
            began = time.monotonic()
            yield lambda: self._finish(reply, began, descriptor, number)

    def _finish(self, reply: socket.socket, began: float, descriptor: int, number: float) -> dict[str, Any]:
        answer = self._read(reply)
        if not answer:
            self.close()
            with self._asked(descriptor, number) as another:
                answer = self._read(another)
        if not answer:
            raise Unavailable("no process can be started to read the recording")
        if answer == STARTED:
            raise UndecodableRecording(self._cause_of_death(time.monotonic() - began))
        return _result(json.loads(answer[len(STARTED) :]))

    def close(self) -> None:
        """Ends the helper; the next call starts another."""
        with self._lock:
            if self._helper is not None:
                self._helper.close()
            self._helper = None

    @contextmanager
    def _asked(self, descriptor: int, number: float) -> Iterator[socket.socket]:
        mine, theirs = socket.socketpair()
        with mine:
            with theirs:
                self._send(REQUEST.pack(number, self._longest_s), [descriptor, theirs.fileno()])
            yield mine

    def _read(self, reply: socket.socket) -> bytes:
        reply.settimeout(self._longest_s + _GRACE_S)
        parts = []
        with suppress(TimeoutError):
            while part := reply.recv(_ANSWER_BYTES):
                parts.append(part)
        return b"".join(parts)

    def _send(self, request: bytes, descriptors: list[int]) -> None:
        with self._lock:
            self._running().send(request, descriptors)

    def _running(self) -> _Helper:
        if self._helper is None or not self._helper.is_mine_and_alive():
            try:
                self._helper = _Helper(self._function, self._most_memory_bytes, self._sample)
            except OSError as error:
                raise Unavailable("no process can be started to read the recording") from error
        return self._helper

    def _cause_of_death(self, seconds: float) -> str:
        if seconds >= self._longest_s:
            return f"reading the file takes longer than {self._longest_s:g} s"
        return "the file makes its decoder crash"


class _Helper:
    def __init__(self, function: str, most_memory_bytes: int, sample: bytes) -> None:
        mine, theirs = socket.socketpair()
        arguments = [str(theirs.fileno()), function, str(most_memory_bytes), sample.hex()]
        with theirs:
            self._process = subprocess.Popen(
                confined_command("phonoscope.audio.helper", *arguments),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=confined_environment(),
            )
        self._socket = mine
        self._owner = os.getpid()
        atexit.register(self.close)

    def is_mine_and_alive(self) -> bool:
        if self._owner != os.getpid():
            self._socket.close()
            self._process.returncode = 0
            return False
        if self._process.poll() is None:
            return True
        self.close()
        return False

    def send(self, request: bytes, descriptors: list[int]) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self._socket, [request], descriptors)

    def close(self) -> None:
        """Closes the socket; then the helper ends by itself."""
        atexit.unregister(self.close)
        if self._owner != os.getpid():
            return
        self._socket.close()
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _OnDisk:
    """Gives the file's descriptor, or that of a copy on disk when it has none."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._copy: BinaryIO | None = None

    def __enter__(self) -> int:
        try:
            descriptor = self._file.fileno()
        except OSError:
            return self._copied()
        self._file.flush()
        return descriptor

    def __exit__(self, *_: object) -> None:
        if self._copy is not None:
            self._copy.close()

    def _copied(self) -> int:
        self._copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the block's end
        position = self._file.tell()
        self._file.seek(0)
        shutil.copyfileobj(self._file, self._copy)
        self._file.seek(position)
        self._copy.flush()
        return self._copy.fileno()


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    if "fault" in answer:
        # Imported here, because the helper imports this module too and must stay small.
        from phonoscope.logs import get_logger

        get_logger(__name__).error("sandbox.fault", fault=answer["fault"])
        raise UndecodableRecording("the file makes its decoder fail")
    if "error" in answer:
        kind = getattr(phonoscope.errors, answer["error"])
        assert issubclass(kind, RecordingError)
        raise kind(answer["detail"])
    found: dict[str, Any] = answer["found"]
    return found
