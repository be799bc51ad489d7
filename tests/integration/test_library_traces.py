"""What libraries do within the spans of real programs, on request: where it belongs, and that nobody's words leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from phonoscope.client import Client
from phonoscope.db.access.engine import Database
from phonoscope.errors import NotFound
from phonoscope.settings import Settings
from phonoscope.states import Status
from phonoscope.storage import ObjectStore
from phonoscope.traces import LIBRARIES, end_traces, root_span, start_traces
from phonoscope_local.processes import wait_until
from tests.collector import CollectedSpan, collecting
from tests.integration.traced import LIMIT_S, Traced, described, spans_of, traced_service
from tests.support import tone_wav

TRACE, PARENT = "7bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER = 2
HOSTILE = 'confidential\' OR "1"=1; -- %(word)s :word {word} $1 ?'
OWN_NAMES = {
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


@pytest.fixture(scope="module")
def traced(server_settings: Settings, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """The programs, whose libraries record, and whose requests are counted in Valkey."""
    changes = {"trace_libraries": ",".join(LIBRARIES), "quota_requests_a_second": 100.0}
    with traced_service(server_settings, database_url, tmp_path_factory.mktemp("traced"), **changes) as found:
        yield found


def recording(folder: Path, seed: int) -> Path:
    path = folder / f"{HOSTILE}-{seed}.wav".replace("/", "")
    path.write_bytes(tone_wav(1.0, rate_hz=8_000, seed=seed))
    return path


def above(span: CollectedSpan, spans: list[CollectedSpan]) -> list[str]:
    over = [each for each in spans if each.id == span.parent]
    return [over[0].name, *above(over[0], spans)] if over else []


def test_a_job_has_its_statements_and_store_calls(traced: Traced, tmp_path: Path) -> None:
    """Beneath the request, the attempt and the stages, each within its own."""
    with traced.client("one-trace", {"traceparent": f"00-{TRACE}-{PARENT}-01"}) as client:
        assert described(traced, client, recording(tmp_path, 1)).status is Status.SUCCEEDED
    spans = spans_of(traced, TRACE, "POST /v1/jobs", "attempt cpu.short", "deliver")
    request, attempt = ["POST /v1/jobs"], ["attempt cpu.short", "POST /v1/jobs"]
    found = {
        (each.attributes.get("db.system.name", each.attributes.get("http.request.method")), *above(each, spans))
        for each in spans
    }
    assert ("postgresql", *request) in found
    assert ("redis", *request) in found
    assert ("PUT", "store put", *request) in found
    assert ("postgresql", *attempt) in found
    assert ("GET", "store fetch", "stage fetch", "stage describe", "task describe", *attempt) in found
    assert ("PUT", "store put", "stage store", *attempt) in found
    by_id = {each.id: each for each in spans}
    for each in spans:
        if each.service == "phonoscope-cpu" and each.name != "attempt cpu.short":
            assert by_id[each.parent].start_ns <= each.start_ns <= each.end_ns <= by_id[each.parent].end_ns
    statements = {each.attributes.get("db.query.text", "") for each in spans}
    assert any(each.startswith("INSERT INTO tracks") for each in statements)
    assert not any("EXECUTE" in each for each in statements)
    assert {each.attributes["db.query.text"] for each in spans if each.name == "EVALSHA"} <= {"EVALSHA"}


def test_no_word_of_an_owner_leaves(traced: Traced, tmp_path: Path) -> None:
    """In names, labels, tags, searches, metadata, keys and addresses, whatever they look like as SQL."""
    with traced.client("secretive") as client:
        key = client._http.headers["authorization"].split()[1]
        track = described(traced, client, recording(tmp_path, 2)).recording
        assert track is not None
        say_everywhere(client, track, traced.receiver)
    assert wait_until(lambda: bool(traced.collector.of("phonoscope-gateway", "DELETE /v1/tracks/{track_id}")), LIMIT_S)
    kept = {name for each in traced.collector.spans for name in each.attributes} - OWN_NAMES
    assert {"db.system.name", "db.query.text"} <= kept <= {"db.system.name", "db.query.text", "db.operation.batch.size"}
    # What polls and beats is in no span, and neither are its statements.
    assert {each.kind for each in traced.collector.spans if not each.parent} == {SERVER}
    sent = b"".join(traced.collector.raw)
    stores = [traced.settings.database_url.get_secret_value(), traced.settings.broker_url.get_secret_value()]
    secrets = [
        HOSTILE,
        "confidential",
        "secretive",
        key,
        "psk_",
        traced.receiver,
        track,
        "tracks/trk_",
        "phonoscope:rate",
    ]
    secrets += [f":{urlsplit(url).port}" for url in stores] + [str(urlsplit(url).password) for url in stores]
    secrets += [traced.settings.s3_access_key, traced.settings.s3_secret_key.get_secret_value(), "X-Amz", "127.0.0.1"]
    for secret in secrets:
        assert secret.encode() not in sent, secret


def say_everywhere(client: Client, track: str, receiver: str) -> None:
    """Whatever takes an owner's words gets hostile ones; all is understood."""
    http = client._http
    said = {"label": HOSTILE, "start_s": 0.1, "end_s": 0.5}
    searched = {"labels": [{"label": HOSTILE}], "words": HOSTILE, "metadata": {HOSTILE: HOSTILE}}
    answers = [
        http.put(f"/v1/tracks/{track}/labels", json={"labels": [said, {"label": f"{HOSTILE} 2", "state": "rejected"}]}),
        http.patch(f"/v1/tracks/{track}", json={"name": HOSTILE, "notes": HOSTILE}),
        http.post("/v1/jobs", json={"track_id": track, "tasks": ["describe"], "metadata": {HOSTILE: HOSTILE}}),
        http.get("/v1/tracks", params={"q": HOSTILE, "label": HOSTILE}),
        http.get("/v1/map/found", params={"q": HOSTILE}),
        http.get("/v1/labels"),
        http.get("/v1/labels/export", params={"format": "csv"}),
        http.post("/v1/search", json={"text": HOSTILE, "filters": searched}),
        http.post("/v1/search", json={"vector": [1.0] * 512, "space": "environment-50", "filters": searched}),
        http.post("/v1/collections", json={"name": HOSTILE}),
        http.post("/v1/webhooks", json={"url": f"{receiver}/confidential", "description": HOSTILE}),
        http.post(f"/v1/tracks/{track}/shares", json={}),
        http.get("/v1/tracks/trk_confidential"),
        http.delete(f"/v1/tracks/{track}"),
    ]
    refused = [(answer.request.url.path, answer.text) for answer in answers if answer.status_code >= 400]
    assert [path for path, _ in refused] == ["/v1/tracks/trk_confidential"], refused


def test_a_failure_keeps_its_message(database: Database, server_settings: Settings) -> None:
    """PostgreSQL's has the value that it refuses, and the store's the path of what it does not have."""
    with collecting() as collector:
        start_traces(collector.url, "cpu", LIBRARIES)
        traced = Database(server_settings.database_url.get_secret_value(), pool_size=1)
        store = ObjectStore(server_settings)
        with root_span("attempt", "consumer", None):
            with pytest.raises(Exception, match="confidential"), traced.transaction() as session:
                session.execute(text("SELECT CAST(:word AS int)"), {"word": HOSTILE})
            with pytest.raises(NotFound, match="confidential"):
                store.read("confidential", 0, 0)
        end_traces()
        traced.close()
    found = {each.name.partition(" ")[0]: (each.attributes, each.failed) for each in collector.spans}
    assert found["SELECT"] == (
        {"db.system.name": "postgresql", "db.query.text": "SELECT CAST(%(word)s AS int)"},
        True,
    )
    assert found["GET"] == ({"http.request.method": "GET", "http.response.status_code": 404}, False)
    assert not any(b"confidential" in body for body in collector.raw)
