"""Recordings of every format."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.unit.audio.looks import LOOKS
from tests.unit.audio.maker import FORMATS, Maker


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that asks for ``recording_format`` once for each format."""
    if "recording_format" in metafunc.fixturenames:
        metafunc.parametrize("recording_format", [pytest.param(each, id=name) for name, each in FORMATS.items()])


@pytest.fixture(scope="session")
def make() -> Maker:
    """What makes recordings."""
    return Maker()


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Functions that misbehave, in a module that a helper can import."""
    folder = tmp_path_factory.mktemp("looks")
    (folder / "misbehaving.py").write_text(LOOKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield importlib.import_module("misbehaving")
