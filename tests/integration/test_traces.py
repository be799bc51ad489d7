"""One trace from a request to the webhook that tells of its end, over every process in between."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.tasks.requeue import hand_back
from phonoscope.errors import StoreUnavailable
from phonoscope.settings import Settings
from phonoscope.states import Status
from phonoscope.traces import end_traces, root_span, start_traces
from phonoscope_local.processes import wait_until
from tests.collector import CollectedSpan, collecting
from tests.integration.life import claimed, empty, new_job, new_track
from tests.integration.traced import LIMIT_S, Traced, described, program, recording, spans_of, traced_service

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER, CLIENT, CONSUMER = 2, 3, 5


@pytest.fixture(scope="module")
def traced(server_settings: Settings, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """The programs, with a collector that is there."""
    with traced_service(server_settings, database_url, tmp_path_factory.mktemp("traced")) as found:
        yield found


def test_each_attempt_goes_on_with_the_request(database: Database) -> None:
    """The job keeps the request's span, whatever comes of an attempt; without a trace it keeps none."""
    with collecting() as collector:
        start_traces(collector.url, "gateway")
        with root_span("POST", "server", f"00-{TRACE}-{PARENT}-01") as span:
            job = new_job(database, new_track(database))
        end_traces()
    for attempt in (1, 2):
        held = claimed(database)
        assert (held.job_id, held.attempt, held.traceparent) == (job.id, attempt, span.traceparent)
        with database.transaction() as session:
            hand_back(session, [held.token], StoreUnavailable("away"))
            session.execute(text("UPDATE tasks SET available_at = now()"))
    empty(database)
    untraced = new_job(database, new_track(database))
    held = claimed(database)
    assert (held.job_id, held.traceparent) == (untraced.id, None)
    empty(database)


def test_a_job_is_one_trace(traced: Traced, tmp_path: Path) -> None:
    """From the caller's span to the endpoint's, with attempt, task, stages and objects, each within its own."""
    path = recording(tmp_path, 1)
    with traced.client("one-trace", {"traceparent": f"00-{TRACE}-{PARENT}-01"}) as client:
        job = described(traced, client, path)
    assert job.status is Status.SUCCEEDED
    request = "POST /v1/jobs"
    spans = spans_of(traced, TRACE, request, "attempt cpu.short", "deliver")
    by_id = {each.id: each for each in spans}
    (asked,), (attempt,), delivery = (
        [each for each in spans if each.name == name] for name in (request, "attempt cpu.short", "deliver")
    )
    assert (asked.service, asked.kind, asked.parent) == ("phonoscope-gateway", SERVER, PARENT)
    assert asked.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/jobs",
        "http.response.status_code": 202,
    }
    assert (attempt.service, attempt.kind, attempt.parent) == ("phonoscope-cpu", CONSUMER, asked.id)
    assert attempt.attributes == {
        "phonoscope.job.id": job.id,
        "phonoscope.tasks": ["describe"],
        "phonoscope.attempt": 1,
        "phonoscope.attempt.end": "ended",
    }
    assert {(each.service, each.kind, each.parent) for each in delivery} == {("phonoscope-courier", CLIENT, asked.id)}

    def chain(span: CollectedSpan) -> list[str]:
        names = [span.name]
        while span.parent in by_id:
            span = by_id[span.parent]
            names.append(span.name)
        return names

    assert ["store put", request] in [chain(each) for each in spans]
    task = ["task describe", "attempt cpu.short", request]
    chains = [chain(each) for each in spans if each.service == "phonoscope-cpu"]
    assert ["store fetch", "stage fetch", "stage describe", *task] in chains
    assert ["stage describe", *task] in chains
    assert ["store put", "stage store", "attempt cpu.short", request] in chains
    assert not any(each.failed for each in spans)
    for each in spans:
        if each.parent in by_id and each.service == by_id[each.parent].service:
            assert by_id[each.parent].start_ns <= each.start_ns <= each.end_ns <= by_id[each.parent].end_ns


@pytest.mark.long
def test_the_pass_of_a_network_is_traced(
    traced: Traced, server_settings: Settings, tmp_path: Path, cache_dir: Path
) -> None:
    """A GPU worker's tasks of one job share an attempt, its decoding and its network, and each has what is its own."""
    trace = "6bf92f3577b34da6a3ce929d0e0e4736"
    settings = traced.settings.model_copy(update={"cache_dir": cache_dir})
    with (
        program("gpu", settings, tmp_path / "gpu.log", "--lane", "short"),
        traced.client("network", {"traceparent": f"00-{trace}-{PARENT}-01"}) as client,
    ):
        job = client.wait(client.analyze(recording(tmp_path, 5), ["classify", "embed", "explain"]))
        spans = spans_of(traced, trace, "attempt gpu.short", "task explain")
    assert job.status is Status.SUCCEEDED
    by_id = {each.id: each for each in spans}

    def above(span: CollectedSpan) -> list[str]:
        over = by_id.get(span.parent)
        return [] if over is None else [over.name, *above(over)]

    (attempt,) = (each for each in spans if each.name == "attempt gpu.short")
    assert (attempt.service, attempt.kind, by_id[attempt.parent].name) == ("phonoscope-gpu", CONSUMER, "POST /v1/jobs")
    assert sorted(attempt.attributes["phonoscope.tasks"]) == ["classify", "embed", "explain"]
    own = {each.name: above(each) for each in spans if each.service == "phonoscope-gpu"}
    for task in ("classify", "embed", "explain"):
        assert own[f"task {task}"] == ["attempt gpu.short", "POST /v1/jobs"]
    assert {"stage fetch", "stage model", "stage explain", "stage store"} <= own.keys()
    assert all("attempt gpu.short" in over for name, over in own.items() if name != "attempt gpu.short")
    assert not any(each.failed for each in spans)


def test_the_endpoint_can_go_on_with_the_trace(traced: Traced, tmp_path: Path) -> None:
    """It gets the delivery's id, and nothing else of the trace."""
    with traced.client("receiver") as client:
        described(traced, client, recording(tmp_path, 2))
    assert wait_until(lambda: bool(traced.told), LIMIT_S)
    headers, _ = traced.told[-1]
    match = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}", headers["traceparent"])
    assert match is not None
    trace, sent = match.groups()

    def delivered() -> set[tuple[str, str]]:
        return {(each.trace, each.id) for each in traced.collector.of("phonoscope-courier", "deliver")}

    assert wait_until(lambda: (trace, sent) in delivered(), LIMIT_S)
    assert not headers.keys() & {"tracestate", "baggage"}


@pytest.mark.parametrize("parent", ["", "garbage", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01-x"])
def test_a_malformed_parent_is_ignored(traced: Traced, parent: str) -> None:
    """The request is answered as ever, in a trace of its own."""
    before = len(traced.collector.of("phonoscope-gateway", "GET /v1/queues"))
    with traced.gateway.http("malformed") as http:
        assert http.get("/v1/queues", headers={"traceparent": parent}).status_code == 200
    assert wait_until(lambda: len(traced.collector.of("phonoscope-gateway", "GET /v1/queues")) > before, LIMIT_S)
    assert traced.collector.of("phonoscope-gateway", "GET /v1/queues")[-1].parent == ""


def test_what_is_refused_is_traced_too(traced: Traced) -> None:
    """By its template and status, whatever the path was; health is asked too often."""
    with httpx.Client(base_url=traced.gateway.url) as http:
        assert http.get("/health/live").status_code == 200
        assert http.get("/v1/tracks/confidential?key=confidential").status_code == 401
        assert http.head("/v1/tracks/confidential").status_code == 401
        assert http.request("PROPFIND", "/confidential").status_code >= 400
    with traced.gateway.http("refused") as client:
        assert client.get("/v1/tracks/trk_confidential").status_code == 404

    def seen() -> set[tuple[str, int | None]]:
        found = traced.collector.of("phonoscope-gateway")
        return {(each.name, each.attributes.get("http.response.status_code")) for each in found}

    wanted = {("GET", 401), ("HEAD", 401), ("GET /v1/tracks/{track_id}", 404)}
    assert wait_until(lambda: wanted <= seen() and "HTTP" in {name for name, _ in seen()}, LIMIT_S), seen()
    assert not traced.collector.of("phonoscope-gateway", "GET /health")


def test_attributes_name_nobody(traced: Traced, tmp_path: Path) -> None:
    """No file name, no key, no address, no path: only names and values that are bounded, or ids that are ours."""
    with traced.client("secretive") as client:
        key = client._http.headers["authorization"].split()[1]
        described(traced, client, recording(tmp_path, 3))
    assert wait_until(lambda: bool(traced.collector.of("phonoscope-courier")), LIMIT_S)
    spans = list(traced.collector.spans)
    assert {name for each in spans for name in each.attributes} <= {
        "error.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "phonoscope.attempt",
        "phonoscope.attempt.end",
        "phonoscope.delivery.id",
        "phonoscope.event.type",
        "phonoscope.job.id",
        "phonoscope.tasks",
    }
    sent = b"".join(traced.collector.raw)
    for secret in (b"confidential", key.encode(), b"psk_", traced.receiver.encode(), b"secretive", b"tracks/trk_"):
        assert secret not in sent, secret


def test_logs_have_the_trace_of_their_work(traced: Traced, tmp_path: Path) -> None:
    """The gateway's and the worker's lines about a job have the same id, and so have the courier's of its delivery."""
    trace = "5bf92f3577b34da6a3ce929d0e0e4736"
    with traced.client("logged", {"traceparent": f"00-{trace}-{PARENT}-01"}) as client:
        job = described(traced, client, recording(tmp_path, 4), f"{traced.receiver}/refused")
    spans = spans_of(traced, trace, "attempt cpu.short", "deliver")

    def lines(name: str) -> list[dict[str, object]]:
        found = [json.loads(line) for line in traced.logs[name].read_text().splitlines() if job.id in line]
        return [line for line in found if line["event"] in ("job.created", "task.ended")]

    assert wait_until(lambda: bool(lines("cpu")), LIMIT_S)
    assert [line["trace_id"] for line in lines("gateway") + lines("cpu")] == [trace, trace]
    delivery_id = next(each for each in spans if each.name == "deliver").attributes["phonoscope.delivery.id"]
    failed = [json.loads(line) for line in traced.logs["courier"].read_text().splitlines() if delivery_id in line]
    assert {(line["event"], line["trace_id"]) for line in failed} == {("delivery.failed", trace)}


def test_all_goes_on_while_the_collector_refuses(traced: Traced, tmp_path: Path) -> None:
    """A request, a job and a delivery end as ever, and nobody logs an error."""
    traced.collector.status = 503
    told = len(traced.told)
    try:
        with traced.client("away") as client:
            assert described(traced, client, recording(tmp_path, 5)).status is Status.SUCCEEDED
        assert wait_until(lambda: len(traced.told) > told, LIMIT_S)
    finally:
        traced.collector.status = 200
    for log in traced.logs.values():
        assert not re.search(r"Traceback|opentelemetry", log.read_text()), log
