"""``probe`` answers as ``examine`` does, and survives what would end the process."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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
    UndecodableRecording,
)
from tests.unit.audio.looks import becomes, call

if TYPE_CHECKING:
    from tests.unit.audio.maker import Maker


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
        call(looks, "crash")


def test_a_hang_costs_an_error(looks: ModuleType) -> None:
    """A look that never ends is ended."""
    began = time.monotonic()
    with pytest.raises(UndecodableRecording, match=r"longer than 0\.5 s"):
        call(looks, "hang", longest_s=0.5)
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
        call(looks, "burn", longest_s=120.0)


def test_swelling_costs_an_error(looks: ModuleType) -> None:
    """A look that takes more memory than it may is refused it."""
    with pytest.raises(UndecodableRecording, match="memory"):
        call(looks, "swell")


def test_a_look_cannot_write(looks: ModuleType) -> None:
    """A look that was taken over by its file cannot fill the disk."""
    with pytest.raises(UndecodableRecording, match=r"crash|fail"):
        call(looks, "scribble")


def test_errors_and_bugs_come_back(looks: ModuleType) -> None:
    """A typed error keeps its type and words; a bug becomes an error about the file, not a failure of the service."""
    with pytest.raises(EncryptedRecording, match="locked"):
        call(looks, "refuse")
    with pytest.raises(UndecodableRecording, match="fail"):
        call(looks, "fail")


def test_a_look_sees_no_secrets(looks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that reads strangers' files has none of the service's settings in its environment."""
    monkeypatch.setenv("PHONOSCOPE_DATABASE_URL", "postgresql://user:password@host/name")
    seen = call(looks, "look")
    assert (seen["bytes"], seen["number"]) == (5, 1.5)
    assert not any("PHONOSCOPE" in name for name in cast("list[str]", seen["environment"]))


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
    assert becomes(lambda: len(helper.children()) == 1)


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
        assert becomes(partial(_is_gone, int(done.stdout)))


def test_the_limits_leave_room_for_real_recordings() -> None:
    """The two minutes and half a gigabyte that a look may take are the ones that ``probe`` documents."""
    assert probe_module._LONGEST_CALL_S == 120.0
    assert "two minutes or 512 MiB" in (probe.__doc__ or "")
    assert probe_module._sandbox._most_memory_bytes == 512 << 20
