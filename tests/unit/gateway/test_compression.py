"""Compressed answers."""

from __future__ import annotations

import gzip
import json

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.testclient import TestClient

from phonoscope_gateway.compression import Compression, takes

_LONG = {"labels": ["rain"] * 1_000}


@pytest.fixture
def client() -> TestClient:
    """An application with answers of every kind."""
    app = FastAPI()
    app.add_middleware(Compression)
    tagged = {"ETag": '"7"'}
    app.get("/v1/tracks")(lambda: JSONResponse(_LONG, headers=tagged))
    app.get("/v1/large")(lambda: JSONResponse({"labels": ["rain"] * 50_000}))
    app.get("/v1/small")(lambda: JSONResponse({"a": 1}))
    app.get("/v1/problem")(lambda: JSONResponse(_LONG, 422, media_type="application/problem+json"))
    app.get("/v1/keys")(lambda: JSONResponse(_LONG))
    app.get("/v1/webhooks/w/secret")(lambda: JSONResponse(_LONG))
    app.get("/v1/tracks/t/labels")(lambda: JSONResponse(_LONG, headers=tagged))
    app.get("/v1/audio")(lambda: Response(b"0" * 5_000, media_type="audio/wav"))
    app.get("/v1/events")(lambda: StreamingResponse(iter(["data: 1\n\n"] * 500), media_type="text/event-stream"))
    app.get("/v1/pieces")(lambda: StreamingResponse(iter(["[1,", "2]"]), media_type="application/json"))
    app.get("/v1/none")(lambda: Response(status_code=304, headers=tagged))
    return TestClient(app)


def _raw(client: TestClient, path: str, accepted: str = "gzip") -> tuple[bytes, Response]:
    with client.stream("GET", path, headers={"Accept-Encoding": accepted}) as response:
        return b"".join(response.iter_raw()), response  # type: ignore[return-value]


@pytest.mark.parametrize(("path", "status"), [("/v1/tracks", 200), ("/v1/problem", 422), ("/v1/large", 200)])
def test_json_is_compressed(client: TestClient, path: str, status: int) -> None:
    """To a tenth of a list that repeats itself, with its true length, and caches know that there are two."""
    raw, response = _raw(client, path)
    assert response.status_code == status
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-length"] == str(len(raw))
    assert "Accept-Encoding" in response.headers["vary"]
    assert json.loads(gzip.decompress(raw)) == client.get(path).json()
    assert len(raw) < len(gzip.decompress(raw)) / 10


def test_the_entity_tag_of_other_bytes_is_weak(client: TestClient) -> None:
    """A strong one says that the bytes are the same, which they are only without the coding."""
    assert _raw(client, "/v1/tracks")[1].headers["etag"] == 'W/"7"'
    assert _raw(client, "/v1/tracks", "identity")[1].headers["etag"] == '"7"'
    assert _raw(client, "/v1/none")[1].headers["etag"] == '"7"'


@pytest.mark.parametrize("path", ["/v1/small", "/v1/keys", "/v1/webhooks/w/secret", "/v1/tracks/t/labels", "/v1/audio"])
def test_what_gains_nothing_or_holds_lasting_secrets_is_not(client: TestClient, path: str) -> None:
    """Sets of labels keep their strong tags, which ``If-Match`` needs."""
    raw, response = _raw(client, path)
    assert "content-encoding" not in response.headers
    assert not response.headers.get("etag", "").startswith("W/")
    assert raw


@pytest.mark.parametrize("path", ["/v1/events", "/v1/pieces"])
def test_streams_pass_through(client: TestClient, path: str) -> None:
    """Events arrive when they happen."""
    assert "content-encoding" not in _raw(client, path)[1].headers


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip;q=0.000, *", "not gzip at all"])
def test_nobody_gets_what_they_do_not_take(client: TestClient, accepted: str) -> None:
    """Plain JSON is what every client reads."""
    raw, response = _raw(client, "/v1/tracks", accepted)
    assert "content-encoding" not in response.headers
    assert json.loads(raw) == _LONG


@pytest.mark.parametrize("accepted", ["gzip", "GZIP", "deflate, gzip;q=0.1", "*", "br;q=1.0,gzip;q=0.8,*;q=0.1"])
def test_every_way_to_say_gzip_counts(accepted: str) -> None:
    """As RFC 9110 has it: names in any case, with qualities, or any."""
    assert takes(accepted, "gzip")
