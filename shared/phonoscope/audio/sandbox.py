"""Reads untrusted files in child processes with limits on time and memory.

Each caller has one helper process, which imports the function once. The helper forks children, and each child reads one
file at a time. A child whose call fails ends; others serve a few more files of the same owner and are replaced when the
helper is idle. So a call costs neither the start of an interpreter nor, in most cases, a fork.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Self, TypeAlias, cast

import phonoscope.errors
from phonoscope.audio.messages import STARTED, Request, receive_message
from phonoscope.audio.partial_file import PartialFile
from phonoscope.confinement import confined_command, confined_environment
from phonoscope.errors import RecordingError, TooCostlyToRead, Unavailable, UndecodableRecording
from phonoscope.places import Places

Message: TypeAlias = tuple[dict[str, Any], Any]
"""What JSON can hold, and bytes."""
SandboxedFunction: TypeAlias = Callable[..., dict[str, Any] | Iterable[Message]]

MOST_MEMORY_BYTES = 512 * 1024**2
OUT_OF_TIME, OUT_OF_PROCESSOR_TIME, CRASHED = b"t", b"p", b"c"
"""Why a child ended, as the helper tells the caller."""

_GRACE_S = 5.0
_AHEAD_BYTES = 4 << 20
_SO_SNDBUFFORCE = 32
"""Of Linux: beyond the system's limit, for root."""
_LEAST_PLACES = 4
_CPU_S = 3.0
_CPU_S_FOR_A_MB = 0.5
_MOST_CPU_S = 60.0


class Sandbox:
    """Calls one module-level function of a file and a number in child processes.

    Args:
        function: the function as ``module:name``, imported only in the helper. Its result must be JSON; or it is a
            generator of messages, for ``streaming``.
        longest_s: the time limit of a call, or of each message of a stream, in seconds; of a stream of a
            ``PartialFile``, of all of it but what its ``read`` takes.
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
        places = max(_LEAST_PLACES, os.cpu_count() or 1)
        self._places = Places(places, places // 2)
        self._helper: _Helper | None = None

    def start(self) -> None:
        """Starts the helper before it is needed. Raises ``Unavailable`` when it cannot be started."""
        with self._lock:
            self._running()

    def call(self, file: BinaryIO, number: float, owner: str = "") -> dict[str, Any]:
        """Calls the function and returns its result. The file's position does not change.

        Args:
            owner: whom the file belongs to. Owners share the processes by turns, and an owner has half of them at most.

        Raises:
            RecordingError: the function raised it; ``UndecodableRecording`` also when it crashed or exceeded a limit,
                ``TooCostlyToRead`` when it needed more processor time than 3 s and 0.5 s for each megabyte.
            Unavailable: no process can be started.
        """
        with self.calling(file, number, owner) as finish:
            return finish()

    @contextmanager
    def calling(self, file: BinaryIO, number: float, owner: str = "") -> Iterator[Callable[[], dict[str, Any]]]:
        """Calls the function while the caller does something else; the yielded function waits for the result, as
        ``call``.

        The file may be read meanwhile.
        """
        with self._places.held(owner), self._asked(file, number, owner, self._longest_s) as call:
            yield call.result

    @contextmanager
    def streaming(
        self, file: BinaryIO | PartialFile, number: float, owner: str = "", more: bytes = b""
    ) -> Iterator[Iterator[Message]]:
        """Calls the function, which is a generator; yields an iterator of its messages, each as it comes.

        Any number of streams may be open. The child waits until its messages are taken, and is ended at the block's
        end. Of a ``PartialFile`` it reads the parts that it needs.

        Args:
            more: a third argument of the function, of 255 bytes at most.

        Raises as ``call`` does, where the next message is needed, and as that file's ``read``.
        """
        with self._asked(file, number, owner, 0.0, more) as call:
            yield call.messages()

    @contextmanager
    def _asked(
        self, file: BinaryIO | PartialFile, number: float, owner: str, longest_s: float, more: bytes = b""
    ) -> Iterator[_Call]:
        with _OnDisk(file) as descriptor:
            size_bytes = os.fstat(descriptor).st_size
            tag = hashlib.sha256(owner.encode(errors="surrogatepass")).digest()[:16]
            partial = file if isinstance(file, PartialFile) else None
            limit_s = processor_limit_s(size_bytes)
            request = Request(number, longest_s, limit_s, size_bytes, tag, partial is not None, more)
            with _Call(self, request, descriptor, self._longest_s, partial) as call:
                yield call

    def close(self) -> None:
        """Ends the helper; the next call starts another."""
        with self._lock:
            if self._helper is not None:
                self._helper.close()
            self._helper = None

    def send(self, request: bytes, descriptors: list[int]) -> None:
        """Sends a packed request to the helper. Raises ``Unavailable`` when none can be started."""
        with self._lock:
            self._running().send(request, descriptors)

    def _running(self) -> _Helper:
        if self._helper is None or not self._helper.is_mine_and_alive():
            try:
                self._helper = _Helper(self._function, self._most_memory_bytes, self._sample)
            except OSError as error:
                raise Unavailable("no process can be started to read the recording") from error
        return self._helper


def processor_limit_s(size_bytes: int) -> float:
    """The processor time, in seconds, in which a file of this size must be read.

    >>> processor_limit_s(2_000_000)
    4.0
    """
    return min(_CPU_S + _CPU_S_FOR_A_MB * size_bytes / 1e6, _MOST_CPU_S)


class _Call:
    """A request that was sent, and its answer; it is sent once more where its helper or child died before it."""

    def __init__(
        self, sandbox: Sandbox, request: Request, descriptor: int, longest_s: float, partial: PartialFile | None
    ) -> None:
        self._sandbox = sandbox
        self._partial = partial
        self._fetched: set[int] = set()
        self._end_s = 0.0
        self._request = request
        self._descriptor = descriptor
        self._longest_s = longest_s
        self._reply, self._fate = self._ask()

    def messages(self) -> Iterator[Message]:
        """The answer's messages. Raises as ``Sandbox.call`` does."""
        if not self._has_started():
            if self._cause() == b"":
                self._sandbox.close()
            self._close()
            self._reply, self._fate = self._ask()
            if not self._has_started():
                raise Unavailable("no process can be started to read the recording")
        self._end_s = self._limit_s()
        while True:
            head, body = self._next()
            if self._partial is not None and "fetch" in head:
                self._fetch(self._partial, head["fetch"])
                continue
            if "end" in head:
                with suppress(TimeoutError, ConnectionError):
                    self._reply.recv(1)
                return
            yield _result(head), body
            if self._partial is None:
                self._end_s = self._limit_s()

    def result(self) -> dict[str, Any]:
        """The answer of a function that has one message. Raises as ``Sandbox.call`` does."""
        ((found, _),) = self.messages()
        return found

    def _fetch(self, file: PartialFile, part: Any) -> None:
        """Raises ``UndecodableRecording`` when a part is asked for again: a process that reads asks once."""
        began_s = time.monotonic()
        parts = file.fetch(part)
        self._end_s += time.monotonic() - began_s
        if not self._fetched.isdisjoint(parts):
            raise UndecodableRecording("the file makes its decoder fail")
        self._fetched.update(parts)
        with suppress(OSError):
            self._reply.sendall(STARTED)

    def _next(self) -> Message:
        with suppress(TimeoutError, ConnectionError):
            message = receive_message(self._reply, self._end_s - time.monotonic())
            if message is not None:
                return message
        raise self._cause_of_death()

    def _ask(self) -> tuple[socket.socket, socket.socket]:
        (reply, their_reply), (fate, their_fate) = socket.socketpair(), socket.socketpair()
        reply.settimeout(self._longest_s + _GRACE_S)
        _widen(their_reply)
        fate.settimeout(_GRACE_S)
        with their_reply, their_fate:
            self._sandbox.send(self._request.pack(), [self._descriptor, their_reply.fileno(), their_fate.fileno()])
        return reply, fate

    def _limit_s(self) -> float:
        return time.monotonic() + self._longest_s + _GRACE_S

    def _has_started(self) -> bool:
        with suppress(TimeoutError, ConnectionError):
            return self._reply.recv(1) == STARTED
        return False

    def _cause(self) -> bytes:
        """Why the child ended; nothing where its helper did not say."""
        try:
            return self._fate.recv(1)
        except TimeoutError:
            return OUT_OF_TIME
        except ConnectionError:
            return b""

    def _cause_of_death(self) -> RecordingError:
        cause = self._cause()
        if cause == OUT_OF_PROCESSOR_TIME:
            size_mb = self._request.size_bytes / 1e6
            return TooCostlyToRead(
                f"reading takes more than the {self._request.cpu_s:.1f} s of processor time that {size_mb:.1f} MB may"
            )
        if cause == OUT_OF_TIME:
            return UndecodableRecording(f"reading the file takes longer than {self._longest_s:g} s")
        return UndecodableRecording("the file makes its decoder crash")

    def _close(self) -> None:
        self._reply.close()
        self._fate.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


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

    def __init__(self, file: BinaryIO | PartialFile) -> None:
        self._file = file
        self._copy: BinaryIO | None = None

    def __enter__(self) -> int:
        try:
            descriptor = self._file.fileno()
        except OSError:
            return self._copied(cast("BinaryIO", self._file))
        self._file.flush()
        return descriptor

    def __exit__(self, *_: object) -> None:
        if self._copy is not None:
            self._copy.close()

    def _copied(self, file: BinaryIO) -> int:
        self._copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the block's end
        try:
            position = file.tell()
            file.seek(0)
            shutil.copyfileobj(file, self._copy)
            file.seek(position)
            self._copy.flush()
        except BaseException:
            # A task can be interrupted anywhere, and the block has not begun.
            self._copy.close()
            raise
        return self._copy.fileno()


def _widen(reply: socket.socket) -> None:
    """Lets a process go on for a few seconds of samples before they are taken, as far as the system allows."""
    reply.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _AHEAD_BYTES)
    with suppress(OSError):
        reply.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _AHEAD_BYTES)


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    """What the child found. A child that its file has taken over may answer anything, and is not believed."""
    if isinstance(found := answer.get("found"), dict):
        return found
    kind = getattr(phonoscope.errors, str(answer.get("error")), None)
    if isinstance(kind, type) and issubclass(kind, RecordingError):
        raise kind(str(answer.get("detail")))
    # Imported here, because the helper imports this module too and must stay small.
    from phonoscope.logs import get_logger

    get_logger(__name__).error("sandbox.fault", fault=str(answer.get("fault"))[:10_000])
    raise UndecodableRecording("the file makes its decoder fail")
