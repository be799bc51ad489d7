"""``phonoscope tracks``, on the real stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from phonoscope.client import Client
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
    return lambda *words: CliRunner().invoke(app, [*map(str, words)], env=environ)


@pytest.fixture
def track(own: Client, tmp_path: Path) -> str:
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(0.2, rate_hz=8_000, seed=741))
    return own.upload(path).id


def test_a_recording_is_named_and_noted(run: Callable[..., Any], own: Client, track: str) -> None:
    """An empty name is the file's again; what is no name is refused before it is sent."""
    assert run("tracks", "rename", track, "Bell").output == "Bell\n"
    assert run("tracks", "note", track, "by the mill").output == "by the mill\n"
    assert own.track(track).shown_name == "Bell"
    assert run("tracks", "rename", track, "").output == "tone.wav\n"
    refused = run("tracks", "rename", track, "a\nb")
    assert (refused.exit_code, "one line" in refused.output) == (2, True)


def test_a_recording_is_shared(run: Callable[..., Any], own: Client, stack: RunningStack, track: str) -> None:
    """The link alone is printed, listed without its token, and ended."""
    made = run("tracks", "share", track, "--days", "1")
    address, _, token = made.stdout.strip().partition("#")
    assert address == f"{stack.url}/shared"
    with Client(stack.url, token) as visitor:
        assert visitor.shared().track.id == track
    [share] = own.shares(track).items
    listed = run("tracks", "shares", track).output
    assert share.id in listed
    assert token not in listed
    assert run("tracks", "unshare", track, share.id).exit_code == 0
    assert own.shares(track).items == []


def test_predictions_are_of_one_recording(run: Callable[..., Any], track: str) -> None:
    """They are exported of a recording that is named."""
    assert run("labels", "export", "--predicted").exit_code == 2
    table = run("labels", "export", "--track", track, "--predicted").output
    assert table.strip().endswith("start_s,end_s,model,probability")
