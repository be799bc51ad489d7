"""Recordings of every format."""

from __future__ import annotations

import pytest

from tests.unit.audio.maker import FORMATS, Maker


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that asks for ``recording_format`` once for each format."""
    if "recording_format" in metafunc.fixturenames:
        metafunc.parametrize("recording_format", [pytest.param(each, id=name) for name, each in FORMATS.items()])


@pytest.fixture(scope="session")
def make() -> Maker:
    """What makes recordings."""
    return Maker()
