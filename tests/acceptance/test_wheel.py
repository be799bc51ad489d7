"""The wheel, installed where nothing of this checkout is: by itself the client, with ``[local]`` the whole product."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import httpx
import psutil
import pytest

import phonoscope
from phonoscope_local.state import Run, read_credentials
from tests.releases import ORIGINS, PACKAGES, ROOT
from tests.support import RunningStack, authorities, tone_wav
from tests.wheels import Environment, build, environment_from_the_index, linked_environment

pytestmark = pytest.mark.timeout(600)

_CLIENT = """
import sys
from phonoscope.client import Client
from phonoscope.tasks import Classify
url, key, file = sys.argv[1:]
with Client(url, key) as client:
    job = client.wait(client.analyze(file, ["classify", "embed"]))
    found = client.search(track_id=job.recording)
    print(job.status, len(job.result(Classify).top), len(found.items))
"""
_STATIC = "phonoscope_gateway/web/static"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What comes without an extra."""
    return linked_environment(wheel, tmp_path_factory.mktemp("light"))


@pytest.fixture(scope="module")
def whole(wheel: Path, tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Environment:
    """What comes with ``[local]``."""
    settings = {"PHONOSCOPE_CACHE_DIR": str(cache_dir)}
    return linked_environment(wheel, tmp_path_factory.mktemp("whole"), "local", **settings)


@pytest.fixture(scope="module")
def served(whole: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that was started from the wheel."""
    folder = tmp_path_factory.mktemp("stack")
    try:
        whole.run("phonoscope", "up", "--detach", "--data-dir", folder)
        credentials = read_credentials(folder)
        assert credentials is not None
        yield RunningStack(folder, credentials.url)
    finally:
        whole.run("phonoscope", "down", "--data-dir", folder)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "tone.wav"
    path.write_bytes(tone_wav(1.0, seed=77))
    return path


def _sources() -> dict[str, Path]:
    """The files that belong in the wheel, by their names there."""
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    shelves = {Path(package).name: ROOT / package for package in built["packages"]}
    shelves |= {name: ROOT / folder for folder, name in built["force-include"].items()}
    return {
        f"{name}/{path.relative_to(shelf).as_posix()}": path
        for name, shelf in shelves.items()
        for path in shelf.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_has_every_file_of_the_product_and_no_other(wheel: Path) -> None:
    """Models, migrations, examples, tables and the built page, as they are in the sources."""
    with ZipFile(wheel) as archive:
        held = {each.filename: each.file_size for each in archive.infolist() if ".dist-info/" not in each.filename}
    assert held == {name: path.stat().st_size for name, path in _sources().items()}
    bundled = ("models/genre-10/manifest.json", "migrations/env.py", "examples/make_recordings.py")
    assert {f"{_STATIC}/index.html", *(f"phonoscope/{name}" for name in bundled)} <= held.keys()


def _tries(environment: Environment, stack: RunningStack, recording: Path) -> None:
    """Says its version, and has a recording analysed and found, by the client and by the command line."""
    assert environment.run("phonoscope", "--version") == f"phonoscope {phonoscope.__version__}\n"
    assert "search" in environment.run("phonoscope", "--help")
    key = stack.new_key(f"wheel-{environment.folder.parent.name}")
    said = environment.run("python", "-P", "-c", _CLIENT, stack.url, key, recording)
    assert re.fullmatch(r"succeeded [1-9]\d* \d+\n", said)
    at = ("--url", stack.url, "--api-key", key)
    heard = json.loads(environment.run("phonoscope", "analyze", recording, "--json", *at))
    assert heard["job"]["status"] == "succeeded"
    found = json.loads(environment.run("phonoscope", "search", "--like", recording, "--tracks", "--json", *at))
    assert [item["track"]["filename"] for item in found["items"]] == [recording.name]


def test_the_client_and_the_command_line_work(light: Environment, served: RunningStack, recording: Path) -> None:
    """With the packages that the wheel declares and no others, a recording is sent, waited for, read and found."""
    _tries(light, served, recording)


def test_pip_installs_it_from_an_index(wheel: Path, tmp_path: Path, served: RunningStack, recording: Path) -> None:
    """Into an empty environment, which has neither torch nor a server afterwards."""
    environment = environment_from_the_index(wheel, tmp_path)
    _tries(environment, served, recording)
    assert not [name for name in ("torch", "fastapi", "sqlalchemy") if (environment.site / name).exists()]


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
def test_what_needs_more_says_what(light: Environment, tmp_path: Path, arguments: list[str], extra: str) -> None:
    """The servers' and the operator's commands name the extra in one sentence, and leave no traceback."""
    command, *rest = arguments
    given = [str(tmp_path / each) if command.startswith(("backup", "restore")) else each for each in rest]
    data_dir = [] if command == "backup-key" else ["--data-dir", str(tmp_path / "data")]
    said = light.run("phonoscope", command, *given, *data_dir, status=1)
    assert f"pip install 'phonoscope[{extra}]'" in said or "no stack has run" in said


def test_the_doctor_and_training_say_what_is_missing(light: Environment, tmp_path: Path) -> None:
    """The doctor goes on to its end; training needs torch."""
    said = light.run("phonoscope", "doctor", "--data-dir", tmp_path / "data", status=1)
    assert "torch: not installed" in said
    assert "disk" in said
    assert "run `pip install 'phonoscope[local]'`" in light.run("phonoscope-train", "--help", status=1)


def test_all_that_runs_is_of_the_wheel(whole: Environment, served: RunningStack) -> None:
    """Every part of the stack is a program of its environment, which sees no source but the wheel's."""
    version, *files = whole.run("python", "-P", "-c", ORIGINS, *PACKAGES).split()
    assert version == phonoscope.__version__
    assert all(Path(file).is_relative_to(whole.site) and not Path(file).is_symlink() for file in files), files
    run = Run.read(served.folder)
    assert run is not None
    parts = [part for name, part in run.parts.items() if name not in ("postgres", "valkey", "objects")]
    assert len(parts) > 4
    for part in (run.supervisor, *parts):
        process = psutil.Process(part.pid)
        assert process.cmdline()[0] == str(whole.python)
        assert "PYTHONPATH" not in process.environ()
        assert not Path(process.cwd()).is_relative_to(ROOT)


def test_the_gateway_of_the_wheel_has_the_page_and_the_examples(served: RunningStack) -> None:
    """Each file that the page's document names, the reference of the API, and a recording to begin with."""
    with httpx.Client(base_url=served.url, timeout=120, verify=authorities()) as anybody:
        page = anybody.get("/").raise_for_status().text
        named = re.findall(r'(?:src|href)="\.?(/[^"]+)"', page)
        assert [name for name in named if name.endswith(".js")]
        for address in (*named, "/licenses.txt", "/docs", "/openapi.json"):
            assert anybody.get(address).status_code == 200, address
    with served.http("newcomer") as http:
        (example, *_) = http.get("/v1/examples").raise_for_status().json()["names"]
        assert http.get(f"/v1/examples/{example}").raise_for_status().content.startswith(b"fLaC")


def test_the_demo_and_the_doctor_work_from_the_wheel(whole: Environment, served: RunningStack) -> None:
    """With the models that ship: labels, evidence, a search, a classifier, stems; nothing is missing or at fault."""
    said = whole.run("phonoscope", "demo", "--data-dir", served.folder)
    for words in ("what it hears", "why ", "found by the words", "A classifier of your own", "stems by demucs-mini"):
        assert words in said
    assert "FAULT" not in whole.run("phonoscope", "doctor", "--data-dir", served.folder)
    assert "whole" in whole.run("phonoscope", "models", "verify")
    assert "phonoscope-train" in whole.run("phonoscope-train", "--help")
