"""Containers, built and started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.project import Project, engine_fault
from tests.support import tone_wav


@pytest.fixture(scope="session")
def project() -> Iterator[Project]:
    """The whole service in containers, its volumes removed at the end; the images stay, as the next build's cache."""
    if fault := engine_fault():
        pytest.skip(fault)
    project = Project()
    try:
        project.up("--build")
        yield project
    finally:
        project.compose("down", "--volumes", "--remove-orphans")


@pytest.fixture(scope="session")
def api_key(project: Project) -> str:
    """A key, made as an operator makes one."""
    return project.inside("gateway", "phonoscope", "keys", "create", "compose-test")


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds of a tone in noise."""
    path = tmp_path_factory.mktemp("recording") / "tone.wav"
    path.write_bytes(tone_wav(7.0, seed=1))
    return path
