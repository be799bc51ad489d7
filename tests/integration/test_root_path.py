"""The API under a path prefix, through proxies that keep it and that remove it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from phonoscope.client import Client
from phonoscope.contract import ArtifactLink, CompletedEvent
from phonoscope.states import TaskName
from phonoscope.tasks import Features
from tests.proxy import proxied
from tests.support import RunningStack, phonoscope, second_gateway, tone_wav

PREFIX = "/apps/phonoscope"


@pytest.fixture(scope="module")
def prefixed(stack: RunningStack) -> Iterator[RunningStack]:
    """The stack with a second gateway, which has a prefix."""
    with second_gateway(stack, {"root_path": PREFIX}) as (gateway, _):
        yield gateway


@pytest.fixture(scope="module", params=[True, False], ids=["keeps", "removes"])
def url(prefixed: RunningStack, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address under the prefix, at a proxy of each kind."""
    with proxied(prefixed.url, PREFIX, keeps=request.param) as address:
        yield address


@pytest.fixture
def key(stack: RunningStack) -> str:
    return stack.new_key("prefixed")


@pytest.mark.long
def test_a_client_needs_the_address_alone(url: str, key: str, tmp_path: Path) -> None:
    """Upload, job, events, artifacts by their links, pictures: with the prefix in the client's address."""
    path = tmp_path / "röhre.wav"
    path.write_bytes(tone_wav(5.0, seed=51))
    with Client(url, key) as client:
        track = client.upload(path)
        assert track.audio.url.startswith(f"{PREFIX}/v1/tracks/")
        job = client.analyze(path, [TaskName.FEATURES])
        *_, last = client.events(job.id)
        assert isinstance(last, CompletedEvent)
        link = last.job.result(Features).layers[0].image
        assert isinstance(link, ArtifactLink)
        assert link.url.startswith(f"{PREFIX}/v1/artifacts/")
        assert len(client.download(link)) == link.size_bytes
        assert client.waveform(track.id, points=10).track_id == track.id
        assert client.ready().status == "ready"


def test_what_an_answer_leads_to_is_there(url: str, key: str) -> None:
    """Locations and signed links, as any client follows them from the address that it asked."""
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=30) as http:
        content = tone_wav(0.5, seed=52)
        made = http.post(f"{url}/v1/tracks", files={"file": ("a.wav", content)})
        assert made.status_code in {200, 201}
        assert http.get(made.url.join(made.headers["Location"])).json()["id"] == made.json()["id"]
        audio = httpx.get(made.url.join(made.json()["audio"]["url"]), headers={"Range": "bytes=0-99"}, timeout=60)
        assert (audio.status_code, audio.content) == (206, content[:100])
        picture = http.get(f"{url}/v1/tracks/{made.json()['id']}/spectrogram")
        if picture.status_code == 202:
            assert http.get(picture.url.join(picture.headers["Location"])).status_code == 200
        document = http.get(f"{url}/openapi.json").json()
        assert document["servers"] == [{"url": PREFIX}]
        refused = http.get(f"{url}/v1/jobs/job_1")
        assert (refused.status_code, refused.json()["instance"]) == (404, f"{PREFIX}/v1/jobs/job_1")
        assert http.head(f"{url}/docs").status_code == 200
        assert http.get(url.removesuffix(PREFIX) + "/v1/tracks").content == b""


@pytest.mark.long
def test_the_command_line_takes_the_address(url: str, key: str, tmp_path: Path) -> None:
    """With a slash at its end too, and it saves what tasks make."""
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(5.0, seed=53))
    words: list[str | Path] = ["--tasks", "features", "--save", tmp_path / "made", "--url", f"{url}/", "--api-key", key]
    done = phonoscope("analyze", path, *words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made" / "tone.wav" / "features-last.png").is_file()
