"""What the command line says of CLAP."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phonoscope.paths import bundled
from phonoscope_cli.app import app
from phonoscope_cli.doctor import _weights
from tests.clap import pull_clap, small_clap


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    pull_clap(folder, small_clap())
    return folder


def listed(folder: Path) -> str:
    done = CliRunner().invoke(app, ["models", "list", "--more-models-dir", str(folder)])
    assert done.exit_code == 0, done.output
    return done.output


def test_it_is_listed_where_it_is_and_to_pull_where_it_is_not(pulled: Path, tmp_path: Path) -> None:
    """With its size and its licence."""
    there, to_pull = listed(pulled).split("to pull")
    assert any(line.startswith("clap") for line in there.splitlines())
    assert "clap" not in to_pull
    assert "clap" in listed(tmp_path).split("to pull")[1]


def test_it_is_verified(pulled: Path) -> None:
    """All its files."""
    done = CliRunner().invoke(app, ["models", "verify", "--more-models-dir", str(pulled)])
    assert done.exit_code == 0, done.output
    assert "clap: whole" in done.output


def test_a_missing_extra_is_a_finding(pulled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where the body is there that needs it, with what to do."""

    def faults(folder: Path) -> list[str | None]:
        return [one.advice for one in _weights(folder, bundled("models")) if not one.well]

    assert faults(pulled) == []
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert faults(pulled) == ["pip install 'phonoscope[clap]' where the GPU workers run"]
    assert faults(tmp_path) == []
