"""Reads Debian packages without installing them, by ``dpkg-deb``."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from phonoscope_training.errors import InvalidDataset


@dataclass(frozen=True)
class Package:
    """A package's file."""

    path: Path
    name: str
    version: str

    def read(self, wanted: Callable[[str], bool]) -> dict[str, bytes]:
        """Its regular files that are wanted, by path, in the order of their paths.

        Raises ``InvalidDataset`` when the file is damaged.
        """
        command = ["dpkg-deb", "--fsys-tarfile", str(self.path)]
        found: dict[str, bytes] = {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            try:
                with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                    for member in archive:
                        path = member.name.removeprefix("./")
                        content = archive.extractfile(member) if member.isreg() and wanted(path) else None
                        if content:
                            found[path] = content.read()
            except tarfile.TarError as error:
                raise InvalidDataset(f"{self.path}: {error}") from error
        if process.returncode:
            raise InvalidDataset(f"{self.path}: the package is damaged")
        return dict(sorted(found.items()))


def find_packages(folder: Path, names: Sequence[str]) -> dict[str, Package]:
    """The packages with these names among a folder's ``.deb`` files; others are left out.

    Raises:
        InvalidDataset: a package is not there, is there twice, or cannot be read; or there is no ``dpkg-deb``.
    """
    found: dict[str, Package] = {}
    for path in sorted(folder.glob("*.deb")):
        package = _described(path)
        if package.name in found:
            raise InvalidDataset(f"{folder} has {package.name} twice: {found[package.name].path.name} and {path.name}")
        found[package.name] = package
    missing = [name for name in names if name not in found]
    if missing:
        raise InvalidDataset(f"{folder} lacks packages; fetch them there with: apt-get download {' '.join(missing)}")
    return {name: found[name] for name in names}


def _described(path: Path) -> Package:
    try:
        command = ["dpkg-deb", "--show", "--showformat=${Package} ${Version}", str(path)]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError as error:
        raise InvalidDataset("packages are read by dpkg-deb, which is not there: install dpkg") from error
    except subprocess.CalledProcessError as error:
        raise InvalidDataset(f"{path}: {error.stderr.strip()}") from error
    name, version = shown.split()
    return Package(path, name, version)
