"""The upgrade of docs/deployment.md: this release's sources over the volumes of the release before."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.compose.jobs import TASKS
from tests.compose.project import ROOT, Project, engine_fault
from tests.possessions import ask, done, finish
from tests.releases import BEFORE, sources_before

pytestmark = pytest.mark.timeout(4500)


def test_an_upgrade_keeps_what_there_is_and_does_what_waited(recording: Path, tmp_path: Path) -> None:
    """`up --build` alone: the same key opens the same recording, and a job that was accepted before is done after."""
    if fault := engine_fault():
        pytest.skip(fault)
    before = Project(root=sources_before(tmp_path), tag=f"compose-test-{BEFORE}")
    after = replace(before, root=ROOT, tag="compose-test")
    try:
        before.up("--build", "front")
        key = before.inside("gateway", "phonoscope", "keys", "create", "upgraded")
        with httpx.Client(base_url=before.url, headers={"Authorization": f"Bearer {key}"}, timeout=120) as http:
            files = {"file": (recording.name, recording.read_bytes())}
            track_id = done(http.post("/v1/tracks", files=files))["id"]
            accepted = ask(http, track_id, TASKS)
            after.up("--build")
            assert http.get(f"/v1/tracks/{track_id}/audio").content == recording.read_bytes()
            assert finish(http, accepted) == set(TASKS)
    finally:
        after.compose("down", "--volumes", "--remove-orphans")
