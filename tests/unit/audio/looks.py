"""Looks at recordings that misbehave, and calls of a sandbox that has them."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

from phonoscope.audio.sandbox import Sandbox

if TYPE_CHECKING:
    pass


LOOKS = """
import os
from phonoscope.errors import EncryptedRecording

def crash(file, number):
    os.abort()

def hang(file, number):
    while True:
        pass

def swell(file, number):
    heap = [bytearray(16 << 20) for _ in range(64)]

def fail(file, number):
    raise LookupError("a bug")

def refuse(file, number):
    raise EncryptedRecording("locked")

def scribble(file, number):
    import tempfile
    with tempfile.TemporaryFile() as target:
        target.write(b"x" * 1000)

def wait_while_short(file, number):
    import time
    found = file.read()
    if len(found) < 2:
        time.sleep(0.5)
    return {"bytes": len(found)}

def refuse_short(file, number):
    if len(file.read()) < 2:
        raise EncryptedRecording(str(os.getpid()))
    return {"pid": os.getpid()}

def burn(file, number):
    while True:
        pass

def insist(file, number):
    while True:
        file._fetch(0, 5)

def chatter(file, number):
    while True:
        yield {}, b""

def look(file, number):
    return {"bytes": len(file.read()), "number": number, "environment": sorted(os.environ), "pid": os.getpid()}
"""


def call(looks: ModuleType, name: str, file: BinaryIO | None = None, longest_s: float = 30.0) -> dict[str, object]:
    sandbox = Sandbox(f"{looks.__name__}:{name}", longest_s=longest_s, most_memory_bytes=128 << 20)
    try:
        return sandbox.call(file or io.BytesIO(b"sound"), 1.5)
    finally:
        sandbox.close()


def becomes(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False
