"""Logs that cannot fill a disk."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from phonoscope_local.logs import KEPT, opened, rotate, rotate_all
from phonoscope_local.parts import Part
from phonoscope_local.unit import Unit


def sizes(folder: Path) -> dict[str, int]:
    """The bytes of each file."""
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


def test_a_long_log_is_cut_and_its_writer_continues(tmp_path: Path) -> None:
    """A process that keeps its log open writes on in the emptied file; nothing that it wrote before is lost."""
    log = tmp_path / "part.log"
    script = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    with log.open("ab") as output:
        writer = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=output, text=True)
    assert writer.stdin is not None
    writer.stdin.write("before\n" * 1000)
    writer.stdin.flush()
    while log.stat().st_size < 7000:
        pass
    rotate_all(tmp_path, longest_bytes=6999)
    writer.communicate("after\n", timeout=60)
    assert log.read_text() == "after\n"
    assert (tmp_path / "part.log.1").read_text() == "before\n" * 1000
    assert stat.S_IMODE((tmp_path / "part.log.1").stat().st_mode) == 0o600


def test_short_logs_and_other_files_are_left_alone(tmp_path: Path) -> None:
    """Only what is too long is cut, and copies are not copied."""
    for name in ("short.log", "long.log.1"):
        (tmp_path / name).write_text("x" * 10)
    (tmp_path / "folder.log").mkdir()
    rotate_all(tmp_path, longest_bytes=10)
    assert {"short.log", "long.log.1", "folder.log"} == {path.name for path in tmp_path.iterdir()}


def test_a_few_copies_are_kept(tmp_path: Path) -> None:
    """The newest copy has the lowest number; what is older than the last one is gone."""
    log = tmp_path / "part.log"
    for number in range(KEPT + 3):
        log.write_text(str(number) * 5)
        rotate(log)
    copies = [(tmp_path / f"part.log.{number}").read_text()[0] for number in range(1, KEPT + 1)]
    assert copies == ["5", "4", "3"]
    assert len(sizes(tmp_path)) == KEPT + 1


@pytest.mark.parametrize("damage", ["folder", "dangling"])
def test_what_stands_in_a_logs_place_is_moved(tmp_path: Path, damage: str) -> None:
    """A folder or a broken link where a log belongs hinders no start."""
    log = tmp_path / "part.log"
    log.mkdir() if damage == "folder" else log.symlink_to(tmp_path / "absent" / "elsewhere")
    assert opened(log).is_file()
    assert any(path.name.startswith("part.log.damaged-") for path in tmp_path.iterdir())


def test_a_failure_quotes_a_log_that_was_cut(tmp_path: Path) -> None:
    """The last lines are quoted also when the log is shorter than it was at the start."""
    part = Part("part", ("/bin/sh", "-c", "echo begun; exec sleep 60"), tmp_path)
    (tmp_path / "part.log").write_text("of an earlier start\n" * 100)
    unit = Unit(part, tmp_path, {})
    unit.spawn()
    assert unit.process is not None
    try:
        rotate(tmp_path / "part.log")
        (tmp_path / "part.log").write_text("why it ended\n")
        assert "why it ended" in unit.failure("it ended").detail
    finally:
        unit.process.kill()
        unit.reap()
