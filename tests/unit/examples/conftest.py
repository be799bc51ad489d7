"""The demo's recordings, made once, and the script that makes them."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from phonoscope.audio.decode import Recording

RATE_HZ = 44_100
_SCRIPT = Path(__file__).resolve().parents[3] / "examples" / "make_recordings.py"


@pytest.fixture(scope="session")
def script() -> ModuleType:
    """``examples/make_recordings.py``, loaded by its path as the demo loads it."""
    spec = importlib.util.spec_from_file_location("make_recordings", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every recording in it."""
    folder = tmp_path_factory.mktemp("recordings")
    script.make_all(folder)
    return folder


@pytest.fixture(scope="session")
def heard(made: Path) -> dict[str, NDArray[np.float32]]:
    """Every recording by its path under ``made``, decoded to mono at 44.1 kHz."""
    return {path.relative_to(made).as_posix(): _decoded(path) for path in sorted(made.rglob("*.*"))}


def _decoded(path: Path) -> NDArray[np.float32]:
    with path.open("rb") as file, Recording(file) as recording:
        return np.concatenate(list(recording.mono(RATE_HZ)))
