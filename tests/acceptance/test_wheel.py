"""The wheel with the packages that it declares and no others: the client and the command line work there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.support import RunningStack, tone_wav

ROOT = Path(__file__).parents[2]
_COMMAND = "import sys; sys.path.insert(0, sys.argv.pop(1)); from phonoscope_cli import main; main()"
_TRAIN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from phonoscope_training.__main__ import main; main()"
_CLIENT = """
import sys; sys.path.insert(0, sys.argv.pop(1))
from phonoscope.client import Client
from phonoscope.tasks import Classify
with Client(sys.argv[1], sys.argv[2]) as client:
    job = client.wait(client.analyze(sys.argv[3], ["classify"]))
    print(job.status, len(job.result(Classify).top))
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages: the wheel's, and those that it requires without an extra, with all that these require."""
    site, built = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(built), str(ROOT)], check=True, capture_output=True, timeout=120)
    (wheel,) = built.glob("phonoscope-*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    (metadata,) = site.glob("phonoscope-*.dist-info/METADATA")
    declared = re.findall(r"^Requires-Dist: (.*)$", metadata.read_text(), re.MULTILINE)
    for name in required(declared):
        for file in distribution(name).files or []:
            target = site / file
            if ".." not in file.parts and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(Path(str(file.locate())).resolve())
    return site


def required(declared: list[str]) -> set[str]:
    """The distributions that these requirements need here, and those that they need in turn."""
    found: set[str] = set()
    wanted = [(Requirement(each), "") for each in declared]
    while wanted:
        requirement, extra = wanted.pop()
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            extras = ["", *requirement.extras]
            if requirement.name not in found or requirement.extras:
                found.add(requirement.name)
                more = distribution(requirement.name).requires or []
                wanted += [(Requirement(each), extra) for each in more for extra in extras]
    return found


def run(bare: Path, program: str, *arguments: str, status: int = 0) -> str:
    """What a program prints that sees these packages alone: neither this environment's nor the source's."""
    command = [sys.executable, "-I", "-S", "-c", program, str(bare), *arguments]
    environ = {name: os.environ[name] for name in ("PATH", "HOME")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "tone.wav"
    path.write_bytes(tone_wav(1.0, seed=77))
    return path


def test_the_client_and_the_command_line_work(bare: Path, stack: RunningStack, recording: Path) -> None:
    """A recording is sent, waited for and read as typed results, by both."""
    key = stack.new_key("wheel")
    said = run(bare, _CLIENT, stack.url, key, str(recording))
    assert re.fullmatch(r"succeeded [1-9]\n", said)
    at = ("--url", stack.url, "--api-key", key)
    printed = json.loads(run(bare, _COMMAND, "analyze", str(recording), "--json", *at))
    assert printed
    assert "search" in run(bare, _COMMAND, "--help")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["up"], "local"),
        (["demo"], "local"),
        (["backup", "copy"], "stores"),
        (["restore", "copy"], "stores"),
        (["backup-key", "age.key"], "stores"),
        (["audit"], "stores"),
        (["spaces", "list"], "stores"),
    ],
)
def test_what_needs_more_says_what(bare: Path, tmp_path: Path, arguments: list[str], extra: str) -> None:
    """The servers' and the operator's commands name the extra in one sentence, and leave no traceback."""
    command, *rest = arguments
    given = [str(tmp_path / each) if command.startswith(("backup", "restore")) else each for each in rest]
    data_dir = [] if command == "backup-key" else ["--data-dir", str(tmp_path / "data")]
    said = run(bare, _COMMAND, command, *given, *data_dir, status=1)
    assert f"pip install 'phonoscope[{extra}]'" in said or "no stack has run" in said


def test_the_doctor_and_training_say_what_is_missing(bare: Path, tmp_path: Path) -> None:
    """The doctor goes on to its end; training needs torch."""
    said = run(bare, _COMMAND, "doctor", "--data-dir", str(tmp_path / "data"), status=1)
    assert "torch: not installed" in said
    assert "disk" in said
    assert "run `pip install 'phonoscope[local]'`" in run(bare, _TRAIN, "--help", status=1)
