"""``phonoscope labels``, on the real stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from phonoscope.client import ApiError, Client
from phonoscope_cli.app import app
from tests.support import RunningStack, tone_wav


@pytest.fixture
def owner() -> str:
    return f"owner-{uuid4()}"


@pytest.fixture
def own(stack: RunningStack, owner: str) -> Iterator[Client]:
    with stack.client(owner) as client:
        yield client


@pytest.fixture
def run(stack: RunningStack, owner: str) -> Callable[..., Any]:
    """Runs a command for the same owner."""
    environ = {"PHONOSCOPE_URL": stack.url, "PHONOSCOPE_API_KEY": stack.new_key(owner), "COLUMNS": "160"}
    return lambda *words: CliRunner().invoke(app, ["labels", *map(str, words)], env=environ)


@pytest.fixture
def track(own: Client, tmp_path: Path) -> str:
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(2.0, rate_hz=8_000, seed=740))
    return own.upload(path).id


def test_labels_are_said_shown_and_undone(run: Callable[..., Any], track: str) -> None:
    """What is said is printed, with where it is and whether it is new; the history has all."""
    assert "the whole recording" in run("confirm", track, "=tone [bold]").output
    shown = run("reject", track, "click", "--start", "0.5", "--end", "1").output
    assert [word in shown for word in ("=tone [bold]", "click", "rejected", "0.5 to 1 s", "new")] == [True] * 5
    assert "click" not in run("undo", track).output
    assert "revision 3" in run("show", track).output
    history = run("history", track).output
    assert history.index("undone") < history.index("said")
    listed = run("list").output.splitlines()
    assert any("=tone [bold]" in line and line.split()[-4:] != [] for line in listed)


def test_labels_are_carried_in_files(run: Callable[..., Any], own: Client, track: str, tmp_path: Path) -> None:
    """To the standard output or a file, and back; a file for one recording needs its id."""
    own.say_label(track, "=tone", start_s=0.5, end_s=1.0)
    assert run("export", "--track", track, "--format", "audacity").output == "0.500000\t1.000000\t=tone\n"
    file = tmp_path / "labels.csv"
    assert run("export", file).exit_code == 0
    own.undo_labels(track)
    assert "1 would be added" in run("import", file, "--dry-run").output
    assert own.labels(track).labels == []
    assert "1 labels of 1 recordings: 1 added" in run("import", file).output
    assert [each.label for each in own.labels(track).labels] == ["=tone"]
    refused = run("import", file, "--format", "raven")
    assert (refused.exit_code, "name it with --track" in refused.output) == (2, True)
    wrong = run("import", file, "--format", "raven", "--track", track)
    assert isinstance(wrong.exception, ApiError)
    assert wrong.exception.code == "invalid_import"
