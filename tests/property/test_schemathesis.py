"""Schemathesis finds nothing: all of its checks, on each call by itself and on calls that follow links."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.property.documented import Owner
from tests.support import RunningStack

_ROOT = Path(__file__).parents[2]
_SECONDS = 30
"""For each of the two runs; what is begun is finished."""


@pytest.mark.timeout(280)
@pytest.mark.parametrize(
    ("phases", "config"),
    [
        ("coverage,fuzzing", ("schemathesis.toml", "fuzzing.toml")),
        pytest.param("stateful", ("schemathesis.toml",), marks=pytest.mark.long),
    ],
)
def test_schemathesis_finds_nothing(
    stack: RunningStack, owner: Owner, phases: str, config: tuple[str, ...], tmp_path: Path
) -> None:
    """Within its seconds and from a fixed seed, so that two runs ask the same until they end."""
    program = str(Path(sys.executable).with_name("schemathesis"))
    written = tmp_path / "schemathesis.toml"
    written.write_text("\n".join(Path(__file__).with_name(name).read_text() for name in config))
    limits = ["--seed", "20", "--max-time", str(_SECONDS), "--max-examples", "10", "--warnings", "off"]
    options = ["--config-file", str(written)]
    command = [program, *options, "run", f"{stack.url}/openapi.json", "--phases", phases, *limits]
    words = {name.upper(): value for name, value in owner.ids.items()}
    environ = os.environ | words | {"API_KEY": owner.key, "NO_COLOR": "1", "PYTHONPATH": _path()}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=260, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _path() -> str:
    return os.pathsep.join([str(_ROOT), *filter(None, sys.path)])
