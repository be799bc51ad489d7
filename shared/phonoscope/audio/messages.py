"""What a sandbox and its processes send each other: requests with descriptors, and answers of JSON and bytes."""

from __future__ import annotations

import json
import socket
import struct
import time
from dataclasses import astuple, dataclass
from typing import Any, ClassVar, Self

from phonoscope.errors import UndecodableRecording

STARTED = b"+"
"""The first byte of an answer: the process has the file."""

_SIZES = struct.Struct("!IQ")
_MOST_HEAD_BYTES = 1 << 20
_MOST_BODY_BYTES = 96 << 20
_Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True)
class Request:
    """A call of the sandbox's function.

    Args:
        number: the function's second argument.
        longest_s: the time limit in seconds; 0 for a stream, whose reader may take its time.
        cpu_s: the limit on processor time in seconds; of a stream, for each of its messages.
        size_bytes: the file's size.
        owner: whom the file belongs to, as a digest: no process reads files of two owners.
        partial: whether parts of the file are there only once they were asked for.
        more: the function's third argument, where it is called with one; at most 255 bytes.
    """

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("!dddQ16s?256p")

    number: float
    longest_s: float
    cpu_s: float
    size_bytes: int
    owner: bytes = b""
    partial: bool = False
    more: bytes = b""

    def pack(self) -> bytes:
        return self.LAYOUT.pack(*astuple(self))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(*cls.LAYOUT.unpack(data))


def send_message(reply: socket.socket, head: dict[str, Any], body: _Buffer = b"") -> None:
    """Sends a message of a head, which JSON can hold, and a body."""
    text = json.dumps(head).encode()
    reply.sendall(_SIZES.pack(len(text), len(body)) + text)
    if len(body):
        reply.sendall(body)


def receive_message(reply: socket.socket, within_s: float) -> tuple[dict[str, Any], bytearray] | None:
    """The next message; ``None`` when it ends before it is whole.

    Args:
        within_s: the time, in seconds, in which all of it must come.

    Raises:
        UndecodableRecording: what came is no message; the file has taken its process over.
        TimeoutError: that time has passed.
    """
    end_s = time.monotonic() + within_s
    sizes = _receive(reply, _SIZES.size, end_s)
    if sizes is None:
        return None
    head_bytes, body_bytes = _SIZES.unpack(sizes)
    if head_bytes > _MOST_HEAD_BYTES or body_bytes > _MOST_BODY_BYTES:
        raise _not_a_message()
    text, body = _receive(reply, head_bytes, end_s), _receive(reply, body_bytes, end_s)
    if text is None or body is None:
        return None
    try:
        head = json.loads(text)
    except ValueError as error:
        raise _not_a_message() from error
    if not isinstance(head, dict):
        raise _not_a_message()
    return head, body


def _receive(reply: socket.socket, size: int, end_s: float) -> bytearray | None:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        left_s = end_s - time.monotonic()
        if left_s <= 0.0:
            raise TimeoutError
        reply.settimeout(left_s)
        count = reply.recv_into(rest)
        if not count:
            return None
        rest = rest[count:]
    return data


def _not_a_message() -> UndecodableRecording:
    return UndecodableRecording("the file makes its decoder fail")
