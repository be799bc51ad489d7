"""Uploads by tus that are begun under an idempotency key."""

from __future__ import annotations

import hashlib
from base64 import b64encode

import httpx

from tests.integration.tus import PATH, STREAM, TUS, append, metadata
from tests.support import tone_wav


def checksum(body: bytes) -> dict[str, str]:
    return {"Upload-Checksum": f"sha256 {b64encode(hashlib.sha256(body).digest()).decode()}"}


def test_an_upload_is_begun_once_under_a_key(http: httpx.Client) -> None:
    """The same request finds it where it is by then; another one is refused; one that failed leaves the key free."""
    content = tone_wav(0.2, seed=13)

    def repeat(size_bytes: int = len(content), **values: str) -> httpx.Response:
        said = {"Upload-Length": str(size_bytes), "Upload-Metadata": metadata(**values)}
        return http.post(PATH, headers=TUS | said | {"Idempotency-Key": "tus"})

    assert repeat(0).status_code == 422
    first, again = (repeat(filename="a.wav", mine="1") for _ in range(2))
    assert [first.status_code, again.status_code] == [201, 201]
    assert first.headers["Location"] == again.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(http.get("/v1/uploads").json()["items"]) == 1
    for other in (repeat(filename="b.wav", mine="1"), repeat(9, filename="a.wav", mine="1"), repeat(filename="a.wav")):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    append(http, first.headers["Location"], 0, content[:100])
    later = repeat(mine="1", filename="a.wav")
    assert (later.status_code, later.headers["Upload-Offset"]) == (201, "100")
    append(http, first.headers["Location"], 100, content[100:])
    assert repeat(filename="a.wav", mine="1").headers["Phonoscope-Track"]
    assert http.delete(first.headers["Location"], headers=TUS).status_code == 204
    assert repeat(filename="a.wav", mine="1").status_code == 404


def test_a_first_piece_that_is_sent_again_is_added_once(http: httpx.Client) -> None:
    """Where the upload's first request brings bytes a repetition is known by their digest, or by that of the whole."""
    content = tone_wav(0.2, seed=14)

    def begin_with(body: bytes, key: str, **headers: str) -> httpx.Response:
        sent = TUS | STREAM | {"Upload-Length": str(len(content)), "Idempotency-Key": key} | headers
        return http.post(PATH, content=body, headers=sent)

    unknown = begin_with(content, "a")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    changed = begin_with(content[:99] + b"x", "b", **checksum(content[:100]))
    assert changed.status_code == 460
    first, again = (begin_with(content[:100], "b", **checksum(content[:100])) for _ in range(2))
    assert (first.status_code, first.headers["Upload-Offset"]) == (201, "100")
    assert (again.status_code, again.headers["Upload-Offset"]) == (201, "100")
    assert first.headers["Location"] == again.headers["Location"]
    other = begin_with(content[:90], "b", **checksum(content[:90]))
    assert other.json()["code"] == "idempotency_key_reused"
    whole = {"Upload-Metadata": metadata(sha256=hashlib.sha256(content).hexdigest())}
    tracks = {begin_with(content, "c", **whole).headers["Phonoscope-Track"] for _ in range(2)}
    assert len(tracks) == 1
    assert len(http.get("/v1/tracks").json()["items"]) == 1
    refused = begin_with(b"x" * len(content), "d", **whole)
    assert (refused.status_code, refused.json()["code"]) == (422, "digest_mismatch")
    assert begin_with(content, "d", **whole).json()["code"] == "upload_ended"


def test_an_upload_goes_with_its_recording(http: httpx.Client) -> None:
    """Nobody is told a name or a track that was erased, by whatever way the upload is asked about."""
    content = tone_wav(0.2, seed=15)
    said = {"Upload-Length": str(len(content)), "Upload-Metadata": metadata(filename="mine.wav")}
    key = {"Idempotency-Key": "gone"} | checksum(content)
    first = http.post(PATH, content=content, headers=TUS | STREAM | said | key)
    track_id = first.headers["Phonoscope-Track"]
    assert http.delete(f"/v1/tracks/{track_id}").status_code == 204
    again = http.post(PATH, content=content, headers=TUS | STREAM | said | key)
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    assert http.head(first.headers["Location"], headers=TUS).status_code == 404
    assert http.get("/v1/uploads").json()["items"] == []
