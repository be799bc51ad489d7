"""The processes of a sandbox: who shares them, when they are replaced, and that one waits ready."""

from __future__ import annotations

import io
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import TYPE_CHECKING, cast

import psutil
import pytest

from phonoscope.audio.sandbox import Sandbox
from phonoscope.errors import (
    EncryptedRecording,
    Unavailable,
)
from tests.unit.audio.looks import becomes

if TYPE_CHECKING:
    pass


def test_owners_share_no_process(looks: ModuleType) -> None:
    """A process that has read one owner's file, and may be its servant now, reads no other owner's."""
    sandbox = Sandbox(f"{looks.__name__}:look", longest_s=30.0)
    try:
        pids: dict[str, set[object]] = {"a": set(), "b": set()}
        for _ in range(20):
            for owner, seen in pids.items():
                seen.add(sandbox.call(io.BytesIO(b"a"), 0.0, owner)["pid"])
        assert not pids["a"] & pids["b"]
        assert len(pids["a"]) < 20
    finally:
        sandbox.close()


def test_one_owner_leaves_places_to_others(looks: ModuleType) -> None:
    """While an owner's looks take all the processes they may, another owner's is answered."""
    sandbox = Sandbox(f"{looks.__name__}:wait_while_short", longest_s=60.0)
    try:
        many = 5 * max(4, os.cpu_count() or 1)
        with ThreadPoolExecutor(many) as pool:
            hogs = [pool.submit(sandbox.call, io.BytesIO(b"a"), 0.0, "hog") for _ in range(many)]
            assert sandbox.call(io.BytesIO(b"long"), 0.0, "other")["bytes"] == 4
            assert not all(hog.done() for hog in hogs)
            assert all(hog.result()["bytes"] == 1 for hog in hogs)
    finally:
        sandbox.close()


def _pids(sandbox: Sandbox, looks: int) -> list[object]:
    return [sandbox.call(io.BytesIO(b"a"), 0.0)["pid"] for _ in range(looks)]


def test_no_process_looks_at_many_files(looks: ModuleType) -> None:
    """One that follows another may use its process, for a while; and a helper that was killed is replaced."""
    sandbox = Sandbox(f"{looks.__name__}:look", longest_s=30.0)
    try:
        pids = _pids(sandbox, 100)
        assert max(pids.count(pid) for pid in pids) <= 32
        (helper,) = (child for child in psutil.Process().children() if "misbehaving:look" in child.cmdline())
        helper.kill()
        assert not {os.getpid(), *pids} & set(_pids(sandbox, 1))
    finally:
        sandbox.close()


def test_a_process_is_replaced_when_there_is_time(looks: ModuleType) -> None:
    """A file that comes after a pause finds a process that has seen no other."""
    sandbox = Sandbox(f"{looks.__name__}:look", longest_s=30.0)
    try:
        pids = set(_pids(sandbox, 20))
        assert len(pids) < 20
        assert becomes(lambda: not any(psutil.pid_exists(cast(int, pid)) for pid in pids))
        assert not pids & set(_pids(sandbox, 1))
    finally:
        sandbox.close()


def test_a_process_whose_look_failed_is_not_used_again(looks: ModuleType) -> None:
    """A refusal ends it, as a crash does: the next files are looked at by others."""
    sandbox = Sandbox(f"{looks.__name__}:refuse_short", longest_s=30.0)
    try:
        with pytest.raises(EncryptedRecording) as refused:
            sandbox.call(io.BytesIO(b"a"), 0.0)
        later = {sandbox.call(io.BytesIO(b"long"), 0.0)["pid"] for _ in range(10)}
        assert int(refused.value.detail) not in later
    finally:
        sandbox.close()


def test_the_next_process_waits_ready(looks: ModuleType) -> None:
    """Once things are calm the next look's process is there before its file; should it die, another takes the file."""
    sandbox = Sandbox(f"{looks.__name__}:look", longest_s=30.0)
    before = set(psutil.Process().children())
    try:
        sandbox.start()
        (helper,) = set(psutil.Process().children()) - before
        assert becomes(lambda: len(helper.children()) == 1)
        (ready,) = helper.children()
        assert sandbox.call(io.BytesIO(b"a"), 0.0)["pid"] == ready.pid
        assert becomes(lambda: bool(set(helper.children()) - {ready}))
        (next_one,) = set(helper.children()) - {ready}
        next_one.kill()
        assert becomes(lambda: not next_one.is_running())
        assert sandbox.call(io.BytesIO(b"a"), 0.0)["bytes"] == 1
    finally:
        sandbox.close()
    assert becomes(lambda: not helper.is_running())


def test_a_caller_may_do_something_else_meanwhile(looks: ModuleType) -> None:
    """The look goes on while the file is read; a caller who does not wait for its end leaves nothing open."""
    sandbox = Sandbox(f"{looks.__name__}:look", longest_s=30.0)
    try:
        sandbox.call(io.BytesIO(b"a"), 0.0)
        descriptors = psutil.Process().num_fds()
        with tempfile.TemporaryFile() as file:
            file.write(b"sound")
            with sandbox.calling(file, 2.5) as finish:
                file.seek(2)
                assert file.read() == b"und"
                found = finish()
            assert (found["bytes"], found["number"]) == (5, 2.5)
            with pytest.raises(LookupError), sandbox.calling(file, 2.5):
                raise LookupError
        assert psutil.Process().num_fds() == descriptors
    finally:
        sandbox.close()


def test_a_helper_can_wait_ready(looks: ModuleType) -> None:
    """Started beforehand, the one helper serves all calls, and is gone when the sandbox is closed."""
    sandbox = Sandbox(f"{looks.__name__}:look", longest_s=30.0)
    before = set(psutil.Process().children())
    sandbox.start()
    (helper,) = set(psutil.Process().children()) - before
    sandbox.call(io.BytesIO(b"a"), 0.0)
    assert set(psutil.Process().children()) - before == {helper}
    sandbox.close()
    assert not helper.is_running()


def test_no_helper_is_no_fault_of_the_file(looks: ModuleType) -> None:
    """Where the helper cannot start, the answer is to try again, not that the file is bad."""
    sandbox = Sandbox(f"{looks.__name__}:look", longest_s=5.0)
    sandbox._function = "no_such_module:look"
    with pytest.raises(Unavailable) as caught:
        sandbox.call(io.BytesIO(b"a"), 0.0)
    assert caught.value.retryable
    sandbox.close()
