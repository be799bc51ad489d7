"""Processes known again after their parent is gone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from phonoscope_local.processes import ProcessGroup, ProcessId, is_alive, kill_all, wait_until


@pytest.fixture
def group(tmp_path: Path) -> Iterator[ProcessGroup]:
    """A stack's group with a name of its own; whatever is left of it is killed."""
    found = ProcessGroup(tmp_path / "stack", os.urandom(6).hex(), {})
    found.folder.mkdir()
    yield found
    kill_all(found.members)


def start(group: ProcessGroup, part: str, code: str = "exec sleep 60") -> subprocess.Popen[bytes]:
    """A shell command as a part's process."""
    command = ["/bin/sh", "-c", code]
    return subprocess.Popen(command, cwd=group.folder, env=os.environ | group.mark(part), start_new_session=True)


def test_a_process_is_found_while_it_lives(group: ProcessGroup) -> None:
    """The same process is found again by number and time of creation, until it ends, reaped or not."""
    with start(group, "one") as process:
        known = ProcessId.of(process.pid)
        assert known is not None
        assert known.find() == psutil.Process(process.pid)
        process.kill()
        assert wait_until(lambda: known.find() is None, 30.0)


def test_a_number_given_to_another_process_is_not_mistaken() -> None:
    """A process with the right number but another time of creation is somebody else's."""
    me = ProcessId.of(os.getpid())
    assert me is not None
    assert me.find() is not None
    assert ProcessId(pid=me.pid, created=me.created - 100.0).find() is None


def test_orphans_are_found(group: ProcessGroup) -> None:
    """A grandchild in a session of its own is still known when its parent is gone."""
    code = "import os,subprocess;subprocess.Popen(['sleep','60'],start_new_session=True);os._exit(0)"
    subprocess.run([sys.executable, "-c", code], cwd=group.folder, env=os.environ | group.mark("one"), check=True)
    # For a moment a new program's environment cannot be read.
    assert wait_until(lambda: len(group.members()) == 1, 30.0)
    (orphan,) = group.members()
    assert orphan.ppid() != os.getpid()
    assert kill_all(group.members) == 1
    assert not is_alive(orphan)


def test_parts_and_stacks_are_told_apart(group: ProcessGroup) -> None:
    """Only the parts asked for are found, and nothing of another stack."""
    other = ProcessGroup(group.folder, os.urandom(6).hex(), {})
    with start(group, "one") as one, start(group, "two") as two, start(other, "one") as foreign:
        try:
            assert wait_until(lambda: {each.pid for each in group.members()} == {one.pid, two.pid}, 30.0)
            assert wait_until(lambda: {each.pid for each in group.members(["one"])} == {one.pid}, 30.0)
            kill_all(group.members)
            assert foreign.poll() is None
        finally:
            for process in (one, two, foreign):
                process.kill()


def test_a_copy_of_a_folder_has_processes_of_its_own(group: ProcessGroup) -> None:
    """Its mark is that of the original; whose a process is the folder says in which it works, also once that moved."""
    copy, moved = (replace(group, folder=group.folder.with_name(name)) for name in ("copy", "moved"))
    (copy.folder / "below").mkdir(parents=True)
    with start(group, "one") as one, start(copy, "one", "cd below; exec sleep 60") as two:
        try:
            assert wait_until(lambda: [each.pid for each in copy.members()] == [two.pid], 30.0)
            assert wait_until(lambda: [each.pid for each in group.members()] == [one.pid], 30.0)
            copy.folder.rename(moved.folder)
            assert [each.pid for each in moved.members()] == [two.pid]
        finally:
            one.kill()
            two.kill()


def test_a_server_without_its_environment_is_known_by_program_and_folder(tmp_path: Path) -> None:
    """A server that overwrote its environment is found in its own folder, and only there."""
    sleep = Path("/bin/sleep").resolve()
    (tmp_path / "mine").mkdir()
    group = ProcessGroup(tmp_path, "none", {"server": (sleep, (tmp_path / "mine").resolve())})
    with (
        subprocess.Popen(["sleep", "60"], executable=sleep, cwd=tmp_path / "mine") as mine,
        subprocess.Popen(["sleep", "60"], executable=sleep, cwd=tmp_path) as foreign,
    ):
        try:
            assert [process.pid for process in group.members(["server"])] == [mine.pid]
            assert group.members(["another"]) == []
        finally:
            mine.kill()
            foreign.kill()
