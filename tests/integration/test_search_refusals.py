"""Searches that are refused, each with what is wrong, over HTTP on the real stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from phonoscope.client import ApiError, Client
from phonoscope.contract import Scope
from tests.corpus.alike import melody, write
from tests.integration.searches import refused, stored
from tests.support import RunningStack, second_gateway, tone_wav


def test_a_track_without_windows_says_what_to_run(client: Client, tmp_path: Path) -> None:
    """One that was not embedded, and one that was embedded without its windows."""
    track = client.upload(write(tmp_path / "a.wav", melody(5, 2.0)))
    with pytest.raises(ApiError, match="run a job with the task 'embed'") as error:
        client.search(track_id=track.id)
    assert error.value.status_code == 404
    client.wait(client.create_job(track.id, ["embed"], {"embed": {"windows": False}}))
    with pytest.raises(ApiError, match=r"has no windows .* embed\.windows"):
        client.search(track_id=track.id, start_s=0.0, end_s=1.0)
    assert client.search(track_id=track.id, unit="moment").coverage.model_dump() == {"tracks": 0, "of": 1}


VECTOR = [1.0] * 512


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": "rain", "track_id": "trk_1"}, "track_id"),
        ({"text": ""}, "text"),
        ({"text": " \t"}, "text"),
        ({"text": "x" * 10_000}, "text"),
        ({"text": 3}, "text"),
        ({"text": "rain", "start_s": 1.0}, "start_s"),
        ({"text": "rain", "space": "mobilenet"}, "space"),
        ({"vector": VECTOR}, "space"),
        ({"vector": VECTOR, "space": "none such"}, "space"),
        ({"vector": VECTOR[1:], "space": "environment-50"}, "vector"),
        ({"vector": [0.0] * 512, "space": "environment-50"}, "vector"),
        ({"vector": [], "space": "environment-50"}, "vector"),
        ({"vector": [*VECTOR[1:], None], "space": "environment-50"}, "vector.511"),
        ({"vector": VECTOR, "space": "environment-50", "way": "labels"}, "way"),
        ({"text": "rain", "way": "clap"}, "way"),
        ({"text": "rain", "way": "clap", "space": "mobilenet"}, "space"),
        ({"text": "rain", "limit": 0}, "limit"),
        ({"text": "rain", "limit": 101}, "limit"),
        ({"text": "rain", "unit": "hour"}, "unit"),
        ({"text": "rain", "diversify": 1.5}, "diversify"),
        ({"text": "rain", "cursor": "?"}, "cursor"),
        ({"text": "rain", "stem": "Ö"}, "stem"),
        ({"text": "rain", "unknown": 1}, "unknown"),
        ({"track_id": "trk_1", "start_s": 3.0, "end_s": 3.0}, "end_s"),
        ({"track_id": "trk_1", "end_s": 0.0}, "end_s"),
        ({"track_id": "trk_1", "start_s": -1.0}, "start_s"),
        ({"text": "rain", "filters": {"words": " "}}, "filters.words"),
        ({"text": "rain", "filters": {"least_duration_s": 2.0, "most_duration_s": 1.0}}, "filters.most_duration_s"),
        ({"text": "rain", "filters": {"labels": [{"label": "rain", "least_probability": 0.01}]}},
         "filters.labels.0.least_probability"),
        ({"text": "rain", "filters": {"collection": "a b"}}, "filters.collection"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused(http: httpx.Client, body: dict[str, Any], field: str) -> None:
    """With the field's name, and never a 500."""
    answer = http.post("/v1/search", json=body)
    assert answer.status_code == 422, answer.text
    assert field in {error["field"] for error in answer.json()["errors"]}, answer.text


def test_numbers_that_are_none_are_refused(http: httpx.Client) -> None:
    """NaN and infinity, which JSON does not have, and bodies that are none."""
    for number in ("NaN", "Infinity", "1e400"):
        body = '{"space": "environment-50", "vector": [' + ",".join(["1.0"] * 511 + [number]) + "]}"
        answer = http.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "vector.511"), answer.text
    for content, media_type in ((b"", "application/json"), (b"[]", "application/json"), (b"x", "text/plain")):
        assert http.post("/v1/search", content=content, headers={"Content-Type": media_type}).status_code == 422


def test_files_that_cannot_be_searched_by(http: httpx.Client) -> None:
    """No file, no audio, and fields that a form has not."""
    sound = ("a.wav", tone_wav(0.5))
    cases: list[tuple[Any, dict[str, str], int, str]] = [
        ({"unit": (None, "track")}, {}, 422, "file"),
        ({"file": ("a.txt", b"no audio")}, {}, 415, ""),
        ({"file": ("a.wav", b"")}, {}, 422, ""),
        ({"file": sound}, {"text": "rain"}, 422, "file"),
        ({"file": sound}, {"limit": "x"}, 422, "limit"),
        ({"file": sound}, {"tasks": "embed"}, 422, "tasks"),
        ({"file": sound}, {"stem": "drums"}, 422, "stem"),
        ({"file": sound}, {"space": "none such"}, 422, "space"),
    ]
    for files, data, status, field in cases:
        answer = http.post("/v1/search", files=files, data=data)
        assert answer.status_code == status, answer.text
        assert field in {error["field"] for error in answer.json().get("errors", [{"field": ""}])}, answer.text


@pytest.mark.long
def test_files_count_as_uploads(stack: RunningStack, tmp_path: Path) -> None:
    """Of their day; what is stored does not count."""
    path = write(tmp_path / "a.wav", melody(9, 0.5))
    changes = {"quota_uploads_a_day": 2, "quota_stored_tracks": 1, "more_models_dir": stack.pulled_models}
    with second_gateway(stack, changes) as (limited, _), limited.client(f"owner-{uuid4()}") as client:
        assert [client.search(like=path).items for _ in range(2)] == [[], []]
        assert refused(client.search, like=path)[:2] == (429, "upload_quota_exceeded")
        client.search("rain")


def test_a_key_that_only_reads_may_search_but_send_no_file(stack: RunningStack, tmp_path: Path) -> None:
    """A search changes nothing; a file has work done for it."""
    path = write(tmp_path / "a.wav", melody(1, 0.5))
    with Client(stack.url, stack.new_key(f"owner-{uuid4()}", [Scope.READ])) as reader:
        assert reader.search("rain").items == []
        assert refused(reader.search, like=path)[:2] == (403, "missing_scope")


@pytest.mark.long
def test_a_file_that_is_not_analysed_in_time(stack: RunningStack, tmp_path: Path) -> None:
    """504, which says what to do instead; nothing is left."""
    path = write(tmp_path / "a.wav", melody(9, 1.0))
    owner = f"owner-{uuid4()}"
    with second_gateway(stack, {"search_wait_s": 0.001}) as (hasty, _), hasty.client(owner) as client:
        before = stored(stack, owner)
        status, code, _ = refused(client.search, like=path)
        assert (status, code) == (504, "search_timeout")
        assert stored(stack, owner) == before
