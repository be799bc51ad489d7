"""What each image runs can be imported with what the image installs, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.wheels import required

ROOT = Path(__file__).parents[3]
_IMPORT_ALL = """
import importlib, json, pkgutil, sys
absent, packages = json.loads(sys.argv[1])

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
for package in packages:
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, f"{package}."):
        importlib.import_module(module.name)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("extra", "package"),
    [
        ("gateway", "phonoscope_gateway"),
        ("gpu", "phonoscope_gpu"),
        ("cpu", "phonoscope_cpu"),
        ("courier", "phonoscope_courier"),
    ],
)
def test_an_image_has_all_that_it_imports(extra: str, package: str) -> None:
    """Every module of its program, and of the metrics, which are imported where they are on."""
    installed = required(f"phonoscope[{extra}]")
    absent = [
        module
        for module, owners in metadata.packages_distributions().items()
        if not installed & {canonicalize_name(owner) for owner in owners}
    ]
    assert {"pytest", "librosa"} <= set(absent)
    command = [sys.executable, "-c", _IMPORT_ALL, json.dumps([absent, [package, "phonoscope.metrics"]])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
