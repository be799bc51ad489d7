"""The Python client, against a transport that answers what a test wants."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from phonoscope.client import Client
from phonoscope.contract import (
    ArtifactLink,
    ClassifyOptions,
    Job,
    JobOptions,
    Peaks,
    SearchFilters,
    SpectrogramAxes,
    SpectrogramLook,
    Task,
    Track,
)
from phonoscope.settings import Settings
from phonoscope.states import Status, TaskName
from tests.unit.shared.answers import URL, Service, ok


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A file to send."""
    path = tmp_path / "röhre.wav"
    path.write_bytes(b"RIFF....WAVE")
    return path


@pytest.mark.parametrize(
    ("url", "link", "asked"),
    [
        (URL, "/v1/artifacts/art_1?expires=1", f"{URL}/v1/artifacts/art_1?expires=1"),
        (f"{URL}/a/b", "/a/b/v1/artifacts/art_1?expires=1", f"{URL}/a/b/v1/artifacts/art_1?expires=1"),
        (f"{URL}/a/b/", "/a/b/v1/artifacts/art_1", f"{URL}/a/b/v1/artifacts/art_1"),
        (f"{URL}/a", "/v1/artifacts/art_1", f"{URL}/a/v1/artifacts/art_1"),
    ],
)
def test_an_address_may_have_a_prefix(url: str, link: str, asked: str) -> None:
    """Calls are below it, and links too, whether the gateway knows of it or only a proxy does."""
    service = Service(ok("bytes"))
    with Client(url, "psk_secret", transport=httpx.MockTransport(service)) as client:
        facts = {"id": "art_1", "kind": "picture", "name": "a.png", "media_type": "image/png", "size_bytes": 5}
        found = ArtifactLink.model_validate({**facts, "url": link, "expires_at": "2030-01-01T00:00:00Z"})
        assert client.download(found) == b"bytes"
        client.delete_track("trk_1")
    assert [str(request.url) for request in service.asked] == [asked, f"{url.rstrip('/')}/v1/tracks/trk_1"]


@pytest.mark.parametrize("name", ["folder", "pipe", "dangling", "absent"])
def test_what_is_no_file_is_not_sent(tmp_path: Path, name: str) -> None:
    """``OSError`` at once, for a pipe that nobody writes too; the service is not asked."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    service = Service(ok("{}"))
    with service.client() as client:
        for send in (client.upload, client.analyze):
            with pytest.raises(OSError, match=name):
                send(tmp_path / name)
    assert service.asked == []


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


class _Ready(BaseHTTPRequestHandler):
    """A gateway that is ready, or a proxy that says so of whatever it is asked for."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ready", "checks": {}}')

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def listening() -> Iterator[Callable[[], HTTPServer]]:
    """Starts servers on this machine that note what they are asked for."""
    with ExitStack() as running:

        def start() -> HTTPServer:
            server = running.enter_context(HTTPServer(("127.0.0.1", 0), _Ready))
            server.asked = []  # type: ignore[attr-defined]
            running.callback(server.shutdown)
            Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            return server

        yield start


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_stands_between_this_machine_and_itself(
    listening: Callable[[], HTTPServer], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """A company's proxy in the environment is not asked for a gateway on a loopback address."""
    gateway, proxy = listening(), listening()
    for name in PROXIES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
    with Client(f"http://{host}:{gateway.server_port}", "psk_secret") as client:
        assert client.ready().status == "ready"
    assert (gateway.asked, proxy.asked) == (["/health/ready"], [])  # type: ignore[attr-defined]


def test_a_proxy_leads_to_other_machines(listening: Callable[[], HTTPServer], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a gateway is elsewhere, the environment's proxy is used as everywhere."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    proxy = listening()
    for name in PROXIES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
    with Client("http://phonoscope.test:8000", "psk_secret") as client:
        assert client.ready().status == "ready"
    assert proxy.asked == ["http://phonoscope.test:8000/health/ready"]  # type: ignore[attr-defined]


def test_every_request_carries_the_key(make_track: Callable[..., Track]) -> None:
    """The key goes into the header, never into the address."""
    service = Service(ok(make_track()))
    with service.client() as client:
        assert client.track("trk_1") == make_track()
    (request,) = service.asked
    assert (request.method, str(request.url)) == ("GET", f"{URL}/v1/tracks/trk_1")
    assert request.headers["Authorization"] == "Bearer psk_secret"


def test_an_upload_sends_the_file_and_its_name(make_track: Callable[..., Track], recording: Path) -> None:
    """As one multipart form with one file field."""
    service = Service(ok(make_track(), 201))
    assert service.client().upload(recording).id == "trk_1"
    (request,) = service.asked
    assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="r\xc3\xb6hre.wav"' in request.content
    assert b"RIFF....WAVE" in request.content


def test_an_analysis_is_one_request(
    make_job: Callable[..., Job], make_task: Callable[..., Task], recording: Path
) -> None:
    """The recording and what to do with it travel together."""
    service = Service(ok(make_job(make_task(status=Status.QUEUED)), 202))
    options = ClassifyOptions(model="genre-10")
    job = service.client().analyze(
        recording,
        ["classify", "describe"],
        JobOptions(classify=options),
        {"mine": "é"},
        webhook_url="https://a.example/",
    )
    assert job.status is Status.QUEUED
    (request,) = service.asked
    assert (request.method, request.url.path) == ("POST", "/v1/jobs")
    assert b'name="tasks"\r\n\r\n["classify", "describe"]\r\n' in request.content
    assert b'"classify": {"model": "genre-10"' in request.content
    assert b'name="metadata"\r\n\r\n{"mine": "\\u00e9"}\r\n' in request.content
    assert b'name="webhook_url"\r\n\r\nhttps://a.example/\r\n' in request.content
    assert b"RIFF....WAVE" in request.content


@pytest.mark.parametrize("options", [JobOptions(classify=ClassifyOptions(top_k=5)), {"classify": {"top_k": 5}}])
def test_a_job_is_asked_for_in_the_contract_s_words(
    make_job: Callable[..., Job], make_task: Callable[..., Task], options: JobOptions | dict[str, Any]
) -> None:
    """Typed options and plain ones alike become the JSON that the gateway reads."""
    service = Service(ok(make_job(make_task(status=Status.QUEUED)), 202))
    service.client().create_job("trk_1", [TaskName.CLASSIFY], options, {"mine": 1})
    body = json.loads(service.asked[0].content)
    assert body["track_id"] == "trk_1"
    assert body["tasks"] == ["classify"]
    assert body["options"]["classify"]["top_k"] == 5
    assert body["metadata"] == {"mine": 1}


def test_lists_take_filters(make_track: Callable[..., Track]) -> None:
    """Filters become the query; a page knows the next."""
    service = Service(ok(f'{{"items": [{make_track().model_dump_json()}], "next_cursor": "abc"}}'))
    page = service.client().tracks(limit=1, label="rain")
    assert (page.items[0].id, page.next_cursor) == ("trk_1", "abc")
    assert dict(service.asked[0].url.params) == {"limit": "1", "label": "rain"}


def test_searches_send_json_or_a_form_with_the_file(tmp_path: Path) -> None:
    """Only what was said; a file goes with the other fields, objects as JSON; pages follow one another."""
    path = tmp_path / "clip.wav"
    path.write_bytes(b"RIFF")
    empty = {"items": [], "unit": "track", "query": {"by": "text", "way": "spelling"}}
    pages = [{**empty, "coverage": {"tracks": 1, "of": 1}, "next_cursor": cursor} for cursor in ("abc", None)]
    service = Service(ok(json.dumps(pages[1])), ok(json.dumps(pages[1])), *(ok(json.dumps(page)) for page in pages))
    client = service.client()
    assert client.search("rain", filters=SearchFilters(words="a")).items == []
    client.search(like=path, unit="moment", filters={"labels": [{"label": "dog"}]}, limit=3)
    assert list(client.search_all("rain")) == []
    first, form, *paged = service.asked
    assert form.extensions["timeout"]["read"] > 2 * Settings.model_fields["search_wait_s"].default
    assert json.loads(first.content) == {"text": "rain", "filters": {"words": "a"}}
    for said in (b'name="file"; filename="clip.wav"', b"RIFF", b'[{"label": "dog"}]', b"moment", b'name="limit"'):
        assert said in form.content
    assert b'name="text"' not in form.content
    assert [json.loads(page.content).get("cursor") for page in paged] == [None, "abc"]
    with pytest.raises(OSError, match="No such file"):
        client.search(like=tmp_path / "absent.wav")


def test_neighbours_come_with_how_many_were_left_out(make_track: Callable[..., Track]) -> None:
    """Nearest first, with model and stem named only when they were."""
    body = f'{{"items": [{{"track": {make_track().model_dump_json()}, "similarity": 0.5}}], "outdated": 3}}'
    service = Service(ok(body))
    client = service.client()
    found = client.neighbours("trk_2", limit=1)
    assert ([near.similarity for near in found.items], found.outdated) == ([0.5], 3)
    client.similar("trk_2", model="other")
    client.similar("trk_2", stem="drums")
    assert [dict(request.url.params) for request in service.asked] == [
        {"limit": "1"},
        {"limit": "10", "model": "other"},
        {"limit": "10", "stem": "drums"},
    ]


def test_audio_may_be_asked_for_in_part() -> None:
    """The range goes into its header; the bytes come as they are."""
    service = Service(httpx.Response(206, content=b"\x00\xff"))
    client = service.client()
    assert client.audio("trk_1", "bytes=0-1") == b"\x00\xff"
    client.audio("trk_1")
    assert [request.headers.get("Range") for request in service.asked] == ["bytes=0-1", None]


def test_deleting_needs_no_body() -> None:
    """204 is a success."""
    service = Service(httpx.Response(204))
    service.client().delete_track("trk_1")
    assert service.asked[0].method == "DELETE"


def test_waiting_asks_until_the_job_has_ended(make_job: Callable[..., Job], make_task: Callable[..., Task]) -> None:
    """Each question waits at the server; whoever watches is shown every answer."""
    queued, running = make_job(make_task(status=Status.QUEUED)), make_job(make_task(status=Status.RUNNING))
    done = make_job(make_task())
    service = Service(ok(queued), ok(running), ok(running), ok(done))
    seen: list[Status] = []
    job = service.client().wait(queued, lambda now: seen.append(now.status), poll_s=0.5)
    assert job == done
    assert seen == [Status.QUEUED, Status.RUNNING, Status.RUNNING, Status.SUCCEEDED]
    assert {request.url.params["wait"] for request in service.asked} == {"0.5"}


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED])
def test_a_job_that_has_ended_is_not_waited_for(
    make_job: Callable[..., Job], make_task: Callable[..., Task], status: Status
) -> None:
    """There is nothing to ask."""
    service = Service(httpx.Response(500))
    job = make_job(make_task(status=status))
    assert service.client().wait(job) is job
    assert service.asked == []


def test_readiness_is_an_answer_either_way() -> None:
    """503 from ``/health/ready`` is no error: it says which service is down."""
    body = '{"status": "unavailable", "checks": {"database": "ok", "broker": "down"}}'
    readiness = Service(httpx.Response(503, text=body)).client().ready()
    assert (readiness.status, readiness.checks["broker"]) == ("unavailable", "down")


def test_an_outline_is_waited_for(make_job: Callable[..., Job], make_task: Callable[..., Task]) -> None:
    """The job of a 202 is seen to its end; then the outline is asked for again, with as many points."""
    peaks = Peaks(track_id="trk_1", duration_s=1.0, sample_rate_hz=8, start_s=[0.0], min=[-1.0], max=[1.0], rms=[0.5])
    waiting, done = (make_job(make_task(TaskName.DESCRIBE, status)) for status in (Status.QUEUED, Status.SUCCEEDED))
    service = Service(ok(waiting, 202), ok(done), ok(peaks))
    assert service.client().waveform("trk_1", 7) == peaks
    paths = [request.url.path for request in service.asked]
    assert paths == ["/v1/tracks/trk_1/waveform", f"/v1/jobs/{waiting.id}", "/v1/tracks/trk_1/waveform"]
    assert [service.asked[index].url.params["points"] for index in (0, 2)] == ["7", "7"]


def test_a_spectrogram_is_waited_for(make_job: Callable[..., Job], make_task: Callable[..., Task]) -> None:
    """As an outline is; the look that is wanted goes along each time, and so does the kind of answer."""
    waiting, done = (make_job(make_task(TaskName.DESCRIBE, status)) for status in (Status.QUEUED, Status.SUCCEEDED))
    service = Service(ok(waiting, 202), ok(done), httpx.Response(200, content=b"\x89PNG"))
    look = SpectrogramLook(width=300, colour_map="gray")
    assert service.client().spectrogram("trk_1", look) == b"\x89PNG"
    for index in (0, 2):
        request = service.asked[index]
        assert (request.url.path, request.headers["Accept"]) == ("/v1/tracks/trk_1/spectrogram", "image/png")
        assert request.url.params["width"] == "300"
        assert request.url.params["colour_map"] == "gray"


def test_axes_are_those_of_the_picture() -> None:
    """The same call, asked for as JSON; without a look it is the service's own."""
    axes = SpectrogramAxes(
        track_id="trk_1",
        duration_s=1.0,
        sample_rate_hz=8_000,
        start_s=[0.0, 0.5],
        centre_hz=[100.0],
        edge_hz=[50.0, 150.0],
        floor_dbfs=-90.0,
        ceiling_dbfs=-10.0,
        colour_map="magma",
    )
    service = Service(ok(axes))
    assert service.client().spectrogram_axes("trk_1") == axes
    assert service.asked[0].headers["Accept"] == "application/json"
    assert str(service.asked[0].url) == f"{URL}/v1/tracks/trk_1/spectrogram"


def test_a_link_is_followed_as_it_is() -> None:
    """The signature is not written anew; the bytes are those of the answer."""
    url = "/v1/artifacts/art_1?expires=1700003600&signature=a_b-c"
    link = {
        "id": "art_1",
        "name": "a.npz",
        "url": url,
        "expires_at": "2025-03-01T12:00:00Z",
        "media_type": "m",
        "size_bytes": 3,
    }
    service = Service(httpx.Response(200, content=b"\x00\xff\n"))
    assert service.client().download(ArtifactLink.model_validate(link)) == b"\x00\xff\n"
    assert str(service.asked[0].url) == URL + url
