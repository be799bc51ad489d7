"""The release before this one, from the history, and programs of either."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from phonoscope.settings import Settings
from phonoscope_local.control import stop
from phonoscope_local.ports import LOOPBACK, choose_port
from phonoscope_local.state import read_credentials, stack_settings
from tests.support import environment, until_ready

BEFORE, BEFORE_COMMIT = "0.1.0", "4014319620d3928dce4038c85a27d517c9d5c9e6"
"""The release that this one follows, and the commit that it was made of: here alone, and changed with each release."""
ROOT = Path(__file__).parents[1]
_SHELVES = (
    *("shared", "ml", "ops", "services/gateway"),
    *(f"workers/{name}" for name in ("common", "gpu", "cpu", "courier")),
)
_LIMIT_S = 300.0
PACKAGES = (
    "phonoscope",
    *(f"phonoscope_{name}" for name in ("cli", "gateway", "worker", "gpu", "cpu", "courier", "ml")),
)
ORIGINS = """
import sys; from importlib.util import find_spec; from phonoscope import __version__
print(__version__, *(find_spec(name).origin for name in sys.argv[1:]), sep="\\n")
"""
_COMMAND = "from phonoscope_cli import main; main()"
_SERVERS = """
import sys; from pathlib import Path; from phonoscope_local.control import start_detached
start_detached(Path(sys.argv[1]), servers_only=True)
"""


@dataclass(frozen=True)
class Release:
    """Sources, of which programs are run by this Python.

    Attributes:
        root: their folder.
    """

    root: Path

    def environment(self, settings: Settings | None = None) -> dict[str, str]:
        """This process's own, with these sources before what is installed, and the settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PHONOSCOPE_")}
        shelves = [self.root, *(self.root / shelf for shelf in _SHELVES)]
        return (
            kept
            | {"PYTHONPATH": os.pathsep.join(map(str, shelves)), "COLUMNS": "120", "NO_COLOR": "1"}
            | (environment(settings) if settings else {})
        )

    def run(self, program: str, *arguments: str | Path, settings: Settings | None = None) -> str:
        """What a program in Python prints; it must succeed."""
        command = [sys.executable, "-P", "-c", program, *map(str, arguments)]
        done = subprocess.run(
            command, env=self.environment(settings), capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def origins(self) -> tuple[str, list[Path]]:
        """The version that its programs say, and the file of each package that they import."""
        version, *files = self.run(ORIGINS, *PACKAGES).split()
        return version, [Path(file) for file in files]

    def phonoscope(self, *words: str | Path, settings: Settings | None = None) -> str:
        """What the command line prints, as an operator calls it."""
        return self.run(_COMMAND, *words, settings=settings)

    @contextmanager
    def stack(self, folder: Path, settings: Settings) -> Iterator[str]:
        """The address of the whole product, as ``phonoscope up`` runs it in a folder, until the end.

        Args:
            settings: those that the folder does not decide.
        """
        try:
            self.phonoscope("up", "--detach", "--data-dir", folder, settings=settings)
            credentials = read_credentials(folder)
            assert credentials is not None
            yield credentials.url
        finally:
            self.phonoscope("down", "--data-dir", folder)

    @contextmanager
    def servers(self, folder: Path) -> Iterator[Settings]:
        """PostgreSQL, Valkey and the store in a folder, with this release's tables; this checkout stops them."""
        try:
            self.run(_SERVERS, folder)
            yield stack_settings(folder)
        finally:
            stop(folder, lambda _: None)

    @contextmanager
    def program(self, name: str, *arguments: str, settings: Settings, log: Path) -> Iterator[None]:
        """One of its programs, such as ``gpu``, until the end; it must then end by itself."""
        command = [sys.executable, "-P", "-m", f"phonoscope_{name}", *arguments]
        with (
            log.open("ab") as output,
            subprocess.Popen(
                command, cwd=log.parent, env=self.environment(settings), stdout=output, stderr=output
            ) as process,
        ):
            try:
                yield
            finally:
                process.terminate()
                try:
                    process.wait(_LIMIT_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise

    @contextmanager
    def gateway(self, *, settings: Settings, log: Path) -> Iterator[str]:
        """The address of its gateway, until the end."""
        port = choose_port(0, set())
        with self.program("gateway", "--port", str(port), settings=settings, log=log):
            until_ready(f"http://{LOOPBACK}:{port}", _LIMIT_S)
            yield f"http://{LOOPBACK}:{port}"


HERE = Release(ROOT)


def release_before(folder: Path) -> Release:
    """The release before, unpacked for this Python, as far as it runs; skips and fails as ``sources_before`` does."""
    parts = sorted({shelf.partition("/")[0] for shelf in _SHELVES} | {"migrations", "models", "examples"})
    root = sources_before(folder, *parts, "docs/openapi.json")
    about = root / f"phonoscope-{BEFORE}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: phonoscope\nVersion: {BEFORE}\n")
    return Release(root)


def sources_before(folder: Path, *parts: str) -> Path:
    """The folder with these parts of the release before, or all of it.

    Skips the test where the history does not have it, but fails it under ``CI``.
    """
    leave = pytest.fail if os.environ.get("CI") else pytest.skip
    if shutil.which("git") is None:
        leave("no git is installed, which has the release before")
    known = subprocess.run(
        ["git", "-C", str(ROOT), "cat-file", "-e", f"{BEFORE_COMMIT}^{{commit}}"], capture_output=True, check=False
    )
    if known.returncode:
        leave(f"release {BEFORE} is not in this folder's history: it needs a clone with commit {BEFORE_COMMIT}")
    archive = folder / "release.tar"
    command = ["git", "-C", str(ROOT), "archive", "--output", str(archive), BEFORE_COMMIT, *parts]
    subprocess.run(command, check=True)
    root = folder / f"phonoscope-{BEFORE}"
    shutil.unpack_archive(archive, root)
    archive.unlink()
    return root
