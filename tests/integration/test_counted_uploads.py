"""How the metrics count uploads that are refused: each once, whichever way its bytes come."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope_local.ports import LOOPBACK, choose_port
from tests.integration.gateway_process import Gateway, gateway_with
from tests.integration.tus import append, begin

CONTENT = b"a" * 99
TRUE, OTHER = hashlib.sha256(CONTENT).hexdigest(), "0" * 64


@pytest.fixture(scope="module")
def gateway(
    server_settings: Settings, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """With metrics of its own, and a store that clients reach."""
    folder = tmp_path_factory.mktemp("counted")
    changes = {
        "s3_public_endpoint_url": server_settings.s3_endpoint_url,
        "s3_bucket": f"counted-{uuid4().hex}",
        "metrics_port": choose_port(0, set()),
        "metrics_dir": folder / "metrics",
    }
    ObjectStore(server_settings.model_copy(update=changes)).ensure_bucket()
    with gateway_with(server_settings, folder / "gateway.log", **changes) as started:
        yield started


def counted(gateway: Gateway) -> tuple[float, float]:
    """How many uploads were refused, and the bytes of all."""
    answer = httpx.get(f"http://{LOOPBACK}:{gateway.settings.metrics_port}/metrics", timeout=30)
    samples = [each for family in text_string_to_metric_families(answer.text) for each in family.samples]
    refused = [each for each in samples if each.labels.get("result") == "refused"]
    return (
        sum(each.value for each in refused if each.name == "phonoscope_uploads_total"),
        sum(each.value for each in samples if each.name == "phonoscope_upload_bytes_total"),
    )


def whole(http: httpx.Client, sha256: str) -> httpx.Response:
    """In one request, which announces no digest."""
    assert sha256 == TRUE
    return http.post("/v1/tracks", files={"file": ("a.wav", CONTENT)})


def in_pieces(http: httpx.Client, sha256: str) -> httpx.Response:
    return append(http, begin(http, len(CONTENT), sha256=sha256), 0, CONTENT)


def to_the_store(http: httpx.Client, sha256: str) -> httpx.Response:
    asked = {"filename": "a.wav", "size_bytes": len(CONTENT), "sha256": sha256}
    begun = http.post("/v1/uploads", json=asked).json()
    assert httpx.put(begun["links"]["items"][0]["url"], content=CONTENT, timeout=60).status_code == 200
    return http.post(f"/v1/uploads/{begun['upload']['id']}/complete", json={})


@pytest.mark.parametrize(
    ("send", "sha256", "code"),
    [
        (whole, TRUE, "not_a_recording"),
        (in_pieces, TRUE, "not_a_recording"),
        (in_pieces, OTHER, "digest_mismatch"),
        (to_the_store, TRUE, "not_a_recording"),
        (to_the_store, OTHER, "digest_mismatch"),
    ],
)
def test_a_refused_upload_is_counted_once(
    gateway: Gateway, send: Callable[[httpx.Client, str], httpx.Response], sha256: str, code: str
) -> None:
    """By what its bytes are, or by another digest than was announced."""
    refused, sent = counted(gateway)
    with gateway.http(f"owner-{uuid4()}") as http:
        assert send(http, sha256).json()["code"] == code
    assert counted(gateway) == (refused + 1, sent + len(CONTENT))
