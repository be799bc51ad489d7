"""``probe`` answers as ``examine`` does, and survives what would end the process."""

from __future__ import annotations

import importlib
import io
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, cast

import psutil
import pytest

from phonoscope.audio import probe as probe_module
from phonoscope.audio import sandbox as sandbox_module
from phonoscope.audio.partial_file import PartialFile
from phonoscope.audio.probe import probe
from phonoscope.audio.sandbox import Sandbox
from phonoscope.errors import (
    EncryptedRecording,
    NotARecording,
    RecordingTooLong,
    TooCostlyToRead,
    Unavailable,
    UndecodableRecording,
)

if TYPE_CHECKING:
    from tests.unit.audio.maker import Maker

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


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Functions that misbehave, in a module that a helper can import."""
    folder = tmp_path_factory.mktemp("looks")
    (folder / "misbehaving.py").write_text(LOOKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield importlib.import_module("misbehaving")


def _call(looks: ModuleType, name: str, file: BinaryIO | None = None, longest_s: float = 30.0) -> dict[str, object]:
    sandbox = Sandbox(f"{looks.__name__}:{name}", longest_s=longest_s, most_memory_bytes=128 << 20)
    try:
        return sandbox.call(file or io.BytesIO(b"sound"), 1.5)
    finally:
        sandbox.close()


def _becomes(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


def _is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid)


def test_a_probe_is_an_examination_apart(make: Maker) -> None:
    """What comes back through the process is what the examination finds, warnings and errors included."""
    cut = make.recording("flac", 1.0)[:-8000]
    for data in (make.recording("mp3"), make.recording("webm"), cut):
        assert probe(io.BytesIO(data), max_duration_s=60) == make.examine(data)
    with pytest.raises(NotARecording, match="text"):
        probe(io.BytesIO(b"only words " * 100), max_duration_s=60)
    with pytest.raises(RecordingTooLong, match=r"0\.5 s"):
        probe(io.BytesIO(make.recording("mp3")), max_duration_s=0.5)


def test_files_of_every_sort(make: Maker, tmp_path: Path) -> None:
    """Spooled, unflushed, named or in memory: each is read from its first byte and left where it stood."""
    data = make.recording("wav-s16")
    with (
        tempfile.SpooledTemporaryFile(max_size=1 << 20) as small,
        tempfile.SpooledTemporaryFile(max_size=10) as rolled,
        (tmp_path / "named").open("w+b") as named,
        io.BytesIO() as memory,
    ):
        for file in cast("list[BinaryIO]", [small, rolled, named, memory]):
            file.write(data)
            file.seek(77)
            assert probe(file, max_duration_s=60).duration_s == 1.0
            assert file.tell() == 77
            assert file.read(100) == data[77:177]


def test_a_crash_costs_an_error(looks: ModuleType) -> None:
    """Where a decoder would take the process with it, the caller gets an error about the file."""
    with pytest.raises(UndecodableRecording, match="crash"):
        _call(looks, "crash")


def test_a_hang_costs_an_error(looks: ModuleType) -> None:
    """A look that never ends is ended."""
    began = time.monotonic()
    with pytest.raises(UndecodableRecording, match=r"longer than 0\.5 s"):
        _call(looks, "hang", longest_s=0.5)
    assert time.monotonic() - began < 20


def test_a_process_fetches_a_part_once(looks: ModuleType) -> None:
    """A servant of the file could keep the store busy with the last part, of which there may be a byte."""
    reads: list[int] = []

    def read(offset: int, size: int) -> bytes:
        reads.append(offset)
        return b"sound"[offset : offset + size]

    with pytest.raises(UndecodableRecording, match="makes its decoder fail"):
        _stream(looks, "insist", read)
    assert len(reads) <= 2


def test_a_process_has_one_time_limit_for_what_it_fetches(looks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says meanwhile does not renew it: somebody waits for the whole."""
    monkeypatch.setattr(sandbox_module._Call, "_limit_s", lambda _: time.monotonic() + 0.5)
    with pytest.raises(UndecodableRecording, match=r"takes longer than 30 s"):
        _stream(looks, "chatter", lambda offset, size: b"sound"[offset : offset + size])


def _stream(looks: ModuleType, name: str, read: Callable[[int, int], bytes]) -> None:
    """Takes all that a function says of a file in parts."""
    sandbox = Sandbox(f"{looks.__name__}:{name}", longest_s=30.0)
    try:
        sandbox.start()
        with PartialFile(5, read) as file, sandbox.streaming(file, 1.5) as messages:
            for _ in messages:
                pass
    finally:
        sandbox.close()


def test_much_work_costs_an_error(looks: ModuleType) -> None:
    """A look that takes more processor time than its file's size allows is ended, and the error says so."""
    with pytest.raises(TooCostlyToRead, match=r"3\.0 s of processor time that 0\.0 MB"):
        _call(looks, "burn", longest_s=120.0)


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
        with ThreadPoolExecutor(20) as pool:
            hogs = [pool.submit(sandbox.call, io.BytesIO(b"a"), 0.0, "hog") for _ in range(20)]
            assert sandbox.call(io.BytesIO(b"long"), 0.0, "other")["bytes"] == 4
            assert not all(hog.done() for hog in hogs)
            assert all(hog.result()["bytes"] == 1 for hog in hogs)
    finally:
        sandbox.close()


def test_swelling_costs_an_error(looks: ModuleType) -> None:
    """A look that takes more memory than it may is refused it."""
    with pytest.raises(UndecodableRecording, match="memory"):
        _call(looks, "swell")


def test_a_look_cannot_write(looks: ModuleType) -> None:
    """A look that was taken over by its file cannot fill the disk."""
    with pytest.raises(UndecodableRecording, match=r"crash|fail"):
        _call(looks, "scribble")


def test_errors_and_bugs_come_back(looks: ModuleType) -> None:
    """A typed error keeps its type and words; a bug becomes an error about the file, not a failure of the service."""
    with pytest.raises(EncryptedRecording, match="locked"):
        _call(looks, "refuse")
    with pytest.raises(UndecodableRecording, match="fail"):
        _call(looks, "fail")


def test_a_look_sees_no_secrets(looks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that reads strangers' files has none of the service's settings in its environment."""
    monkeypatch.setenv("PHONOSCOPE_DATABASE_URL", "postgresql://user:password@host/name")
    seen = _call(looks, "look")
    assert (seen["bytes"], seen["number"]) == (5, 1.5)
    assert not any("PHONOSCOPE" in name for name in cast("list[str]", seen["environment"]))


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
        assert _becomes(lambda: not any(psutil.pid_exists(cast(int, pid)) for pid in pids))
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
        assert _becomes(lambda: len(helper.children()) == 1)
        (ready,) = helper.children()
        assert sandbox.call(io.BytesIO(b"a"), 0.0)["pid"] == ready.pid
        assert _becomes(lambda: bool(set(helper.children()) - {ready}))
        (next_one,) = set(helper.children()) - {ready}
        next_one.kill()
        assert _becomes(lambda: not next_one.is_running())
        assert sandbox.call(io.BytesIO(b"a"), 0.0)["bytes"] == 1
    finally:
        sandbox.close()
    assert _becomes(lambda: not helper.is_running())


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


def test_many_at_once_leave_nothing_open(make: Maker) -> None:
    """Probes in many threads get each their own answer, and leave no descriptor and no process but the next one's."""
    lengths = [0.1, 0.2, 0.3, 0.4] * 4
    files = {seconds: make.recording("wav-mulaw", seconds) for seconds in lengths}
    probe(io.BytesIO(files[0.1]), max_duration_s=60)
    process = psutil.Process()
    descriptors = process.num_fds()
    helper = next(child for child in process.children() if "phonoscope.audio.helper" in child.cmdline())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda seconds: probe(io.BytesIO(files[seconds]), max_duration_s=60), lengths))
    assert [each.duration_s for each in found] == pytest.approx(lengths)
    assert process.num_fds() == descriptors
    assert _becomes(lambda: len(helper.children()) == 1)


def test_a_bomb_of_an_index(make: Maker) -> None:
    """A small MP4 whose index claims forty million samples is refused; in this process it would take gigabytes."""
    data = bytearray(make.recording("m4a", 0.2))
    samples = 40_000_000
    for box, offset, values in (
        (b"stsz", 8, (1, samples)),
        (b"stsc", 8, (1, 1, samples, 1)),
        (b"stts", 8, (1, samples, 1024)),
    ):
        struct.pack_into(f">{len(values)}I", data, data.index(box) + offset, *values)
    with pytest.raises(UndecodableRecording):
        probe(io.BytesIO(bytes(data)), max_duration_s=10 * 3600.0)


def test_the_helper_ends_with_its_caller(make: Maker, tmp_path: Path) -> None:
    """However the caller ends, at its end or killed, no process stays; nothing is printed on the way."""
    path = tmp_path / "sound.flac"
    path.write_bytes(make.recording("flac")[:-3000])
    script = (
        "import os, psutil, signal, sys\n"
        "from phonoscope.audio.probe import probe\n"
        "with open(sys.argv[1], 'rb') as file: probe(file, max_duration_s=60)\n"
        "print(psutil.Process().children()[0].pid, flush=True)\n"
        "if sys.argv[2] == 'killed': os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    for end in ("ended", "killed"):
        command = [sys.executable, "-X", "dev", "-c", script, str(path), end]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.stderr == ""
        assert _becomes(partial(_is_gone, int(done.stdout)))


def test_the_limits_leave_room_for_real_recordings() -> None:
    """The two minutes and half a gigabyte that a look may take are the ones that ``probe`` documents."""
    assert probe_module._LONGEST_CALL_S == 120.0
    assert "two minutes or 512 MiB" in (probe.__doc__ or "")
    assert probe_module._sandbox._most_memory_bytes == 512 << 20
