"""What each image installs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def _requirements(extra: str) -> list[str]:
    command = [sys.executable, "deploy/requirements.py", extra]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=30)
    return done.stdout.splitlines()


@pytest.mark.parametrize("extra", ["gateway", "gpu", "cpu", "courier"])
def test_own_extras_are_resolved(extra: str) -> None:
    """What is printed can be installed without the package itself."""
    found = _requirements(extra)
    assert any(line.startswith("sqlalchemy") for line in found)
    assert any(line.startswith("pydantic-settings") for line in found)
    assert not any(line.startswith("phonoscope") for line in found)


def test_the_gateway_goes_without_torch() -> None:
    """Torch is for the workers that compute with it."""
    assert not any(line.startswith("torch") for line in _requirements("gateway"))
    assert any(line.startswith("torch==") for line in _requirements("gpu"))
