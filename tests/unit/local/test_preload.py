"""Programs whose libraries load before their time."""

import subprocess
import sys
from pathlib import Path

import pytest

from phonoscope_local.processes import wait_until

PROGRAM = """
import sys
from pathlib import Path

Path("loaded").touch()


def main() -> None:
    import gc
    print(*sys.argv, "wave" in sys.modules, gc.isenabled(), flush=True)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The folder of a program named ``shouter``."""
    package = tmp_path / "shouter"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(PROGRAM)
    return tmp_path


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from phonoscope_local.preload import main; main()", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_a_program_runs_when_its_input_ends_and_not_before(program: Path) -> None:
    """Everything is loaded by then; its arguments are its own."""
    with started(program, "shouter", "wave,json", "--port", "1") as process:
        assert wait_until((program / "loaded").exists, 60.0)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        said, _ = process.communicate(timeout=60)
    assert said.split() == ["shouter", "--port", "1", "True", "True"]


def test_a_library_that_is_missing_ends_it_at_once(program: Path) -> None:
    """Nobody waits for a part that could never run."""
    with started(program, "shouter", "no_such_library") as process:
        assert process.wait(60) == 1
        assert process.stderr is not None
        assert "no_such_library" in process.stderr.read()
