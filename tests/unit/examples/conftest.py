"""The demo's recordings, made once, and the script that makes them."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from phonoscope.audio.decode import Recording
from tests.support import examples

RATE_HZ = 44_100


@pytest.fixture(scope="session")
def script() -> ModuleType:
    """What the demo runs to make them."""
    return examples()


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
