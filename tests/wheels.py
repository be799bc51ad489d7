"""The wheel, and environments that have it installed and nothing of this checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.releases import ROOT

_PIP = (sys.executable, "-m", "pip")
_LIMIT_S = 300.0


@dataclass(frozen=True)
class Environment:
    """A virtual environment, whose programs are run in an empty folder as a person would who has just installed them.

    Attributes:
        folder: of the environment.
        home: the person's, where programs run.
        settings: variables besides.
    """

    folder: Path
    home: Path
    settings: dict[str, str]

    @property
    def site(self) -> Path:
        """Where its packages are."""
        return Path(sysconfig.get_path("purelib", "venv", {"base": str(self.folder)}))

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, program: str, *words: str | Path, status: int = 0) -> str:
        """What one of its programs prints, which must end with this status and without a traceback."""
        environ = {"PATH": _path(), "HOME": str(self.home), "COLUMNS": "120", "NO_COLOR": "1"}
        done = subprocess.run(
            [self.folder / "bin" / program, *words],
            cwd=self.home,
            env=environ | self.settings,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def pip_install(
        self, *words: str | Path, environ: Mapping[str, str] = os.environ
    ) -> subprocess.CompletedProcess[str]:
        """Has this process's pip install something there; its variables say where packages come from."""
        command = [*_PIP, "--python", self.python, "install", "--quiet", *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=_LIMIT_S, check=False)


def build(folder: Path) -> Path:
    """The wheel of this checkout, built as a release is."""
    command = [*_PIP, "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, ROOT], check=True, capture_output=True, timeout=_LIMIT_S)
    (wheel,) = folder.glob("phonoscope-*.whl")
    return wheel


def empty_environment(folder: Path, **settings: str) -> Environment:
    """One without any package."""
    venv.EnvBuilder(symlinks=True).create(folder / "venv")
    home = folder / "home"
    home.mkdir()
    return Environment(folder / "venv", home, settings)


def linked_environment(wheel: Path, folder: Path, extra: str = "", **settings: str) -> Environment:
    """One with the wheel, and with links to those packages of this environment that it requires, and that these do.

    So it takes seconds and no network. pip finds all of them installed there, or fails: it may ask no index.
    """
    made = empty_environment(folder, **settings)
    with_extra = f"[{extra}]" if extra else ""
    for needed in required(f"phonoscope{with_extra}") - {"phonoscope"}:
        _link(needed, made)
    nowhere = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    nowhere |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}
    done = made.pip_install(f"{wheel}{with_extra}", environ=nowhere)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def environment_from_the_index(wheel: Path, folder: Path) -> Environment:
    """One into which pip has installed the wheel, and what it requires, in the versions that are locked.

    Skips the test where no index answers.
    """
    made = empty_environment(folder)
    locked = folder / "locked.txt"
    locked.write_text("\n".join(re.findall(r"^[\w.-]+==\S+", (ROOT / "constraints.txt").read_text(), re.MULTILINE)))
    done = made.pip_install("--retries", "1", "--timeout", "20", "--constraint", locked, wheel)
    if done.returncode and "connection broken by" in done.stderr:
        pytest.skip(f"no package index answers: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def required(requirement: str) -> set[str]:
    """The distributions that a requirement names and needs here, by their own metadata; names as the index has them."""
    seen: set[tuple[str, str]] = set()
    wanted = [Requirement(requirement)]
    while wanted:
        one = wanted.pop()
        name = canonicalize_name(one.name)
        for extra in {"", *one.extras} - {extra for other, extra in seen if other == name}:
            seen.add((name, extra))
            more = map(Requirement, distribution(name).requires or [])
            wanted += [each for each in more if each.marker is None or each.marker.evaluate({"extra": extra})]
    return {name for name, _ in seen}


def _path() -> str:
    """Where programs are looked for, without those of this environment."""
    own = Path(sys.prefix, "bin").resolve()
    return os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder).resolve() != own)


def _link(name: str, into: Environment) -> None:
    """Links a distribution's packages whole, and its other files one by one: several may share a folder of these.

    Of its programs those that no interpreter runs: a script names this environment's.
    """
    shelves: defaultdict[str, list[PurePosixPath]] = defaultdict(list)
    for path in distribution(name).files or []:
        here = Path(str(distribution(name).locate_file(str(path)))).resolve()
        if ".." not in path.parts:
            shelves[path.parts[0]].append(path)
        elif here.parent == Path(sys.prefix, "bin").resolve() and not _is_script(here):
            (into.folder / "bin" / here.name).symlink_to(here)
    for shelf, files in shelves.items():
        whole = PurePosixPath(shelf, "__init__.py") in files
        for file in [PurePosixPath(shelf)] if whole else files:
            target = into.site / file
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(Path(str(distribution(name).locate_file(str(file)))).resolve())


def _is_script(program: Path) -> bool:
    with program.open("rb") as file:
        return file.read(2) == b"#!"
