"""Classifiers that are applied, exported and imported over HTTP."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.tasks.windows import space_id
from phonoscope_local.state import Run
from tests.own_heads import LABELS, OwnFiles, general_body, keep_head, own_head
from tests.support import RunningStack, tone_wav

WAIT_S = 60


@pytest.fixture
def database(stack: RunningStack) -> Iterator[Database]:
    """The stack's own."""
    found = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    yield found
    found.close()


@pytest.fixture
def other(stack: RunningStack) -> Iterator[httpx.Client]:
    """Another owner."""
    with stack.http(f"other-{uuid4()}") as client:
        yield client


def uploaded(http: httpx.Client, seed: int) -> str:
    sound = tone_wav(2.0, hertz=200.0 + 40 * seed, rate_hz=8_000, seed=seed)
    answer = http.post("/v1/tracks", files={"file": (f"{seed}.wav", sound)})
    return str(answer.json()["id"])


def done(http: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """The job once it has ended, well."""
    while job["status"] not in {"succeeded", "failed", "cancelled"}:
        job = http.get(f"/v1/jobs/{job['id']}", params={"wait": WAIT_S}, timeout=2 * WAIT_S).json()
    assert job["status"] == "succeeded", job
    return job


def heard(http: httpx.Client, track_id: str, model: str = "shades", *tasks: str) -> dict[str, Any]:
    """What a classification by a model says."""
    asked = {"track_id": track_id, "tasks": ["classify", *tasks], "options": {"classify": {"model": model}}}
    found: dict[str, Any] = done(http, http.post("/v1/jobs", json=asked).json())["tasks"][0]["result"]
    return found


def teach(database: Database, track_id: str, files: OwnFiles) -> None:
    with database.transaction() as session:
        keep_head(session, session.get_one(TrackRow, track_id).owner_id, files)


def put(http: httpx.Client, name: str, content: bytes) -> httpx.Response:
    return http.put(f"/v1/classifiers/{name}", files={"file": ("classifier.zip", content)})


def exported(http: httpx.Client, name: str = "shades", **asked: int) -> bytes:
    answer = http.get(f"/v1/classifiers/{name}/export", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    return answer.content


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_library_is_labelled_as_its_recordings_are_classified(http: httpx.Client, database: Database) -> None:
    """The labels are those that `classify` gives by the same classifier; they are found by filters, and counted."""
    tracks = [uploaded(http, seed) for seed in range(1, 5)]
    teach(database, tracks[0], own_head(thresholds=[0.5, 0.3, 0.3], activation="sigmoid"))
    asked = [{"track_id": track_id, "tasks": ["classify", "embed"]} for track_id in tracks[:-1]]
    for job in [http.post("/v1/jobs", json=each).json() for each in asked]:
        done(http, job)
    before = {track_id: http.get(f"/v1/tracks/{track_id}").json()["label"] for track_id in tracks}
    asking = http.post("/v1/classifiers/shades/apply")
    assert (asking.status_code, asking.headers["location"]) == (202, f"/v1/jobs/{asking.json()['id']}")
    body = done(http, asking.json())["tasks"][0]["result"]
    applied = {track_id: http.get(f"/v1/tracks/{track_id}").json() for track_id in tracks}
    assert {track_id: track["label"] for track_id, track in applied.items()} == before
    labels = {track_id: track["labels"].get("shades", []) for track_id, track in applied.items()}
    for label in {*LABELS, *(label for found in labels.values() for label in found)}:
        items = http.get("/v1/tracks", params={"label": label, "model": "shades"}).json()["items"]
        assert {each["id"] for each in items} == {id_ for id_, found in labels.items() if label in found}
    for label in {label for found in labels.values() for label in found}:
        asked_for = {"track_id": tracks[0], "filters": {"labels": [{"label": label, "model": "shades"}]}}
        wanted = {id_ for id_, found in labels.items() if label in found}
        for unit, left_out in (("track", {tracks[0]}), ("moment", set())):
            found = http.post("/v1/search", json={**asked_for, "unit": unit, "diversify": 0, "limit": 50}).json()
            assert {item["track"]["id"] for item in found["items"]} - {tracks[0]} == wanted - {tracks[0]}, (unit, found)
            assert left_out.isdisjoint(item["track"]["id"] for item in found["items"])
    for track_id in tracks[:-1]:
        assert labels[track_id] == heard(http, track_id)["answers"][0]["labels"]
    unknown = sum(not found for found in labels.values()) - 1
    counts = {"tracks": 4, "changed": 3 - unknown, "unknown": unknown, "without_vectors": 1, "version": 1}
    assert counts.items() <= body.items()


def test_a_confirmed_label_still_wins(http: httpx.Client, database: Database) -> None:
    """Where one label holds at a time it takes the place of what the classifier says, found as that is shown."""
    track_id = uploaded(http, 11)
    teach(database, track_id, own_head(bias=[9.0, 0.0, 0.0]))
    done(http, http.post("/v1/jobs", json={"track_id": track_id, "tasks": ["embed"]}).json())
    done(http, http.post("/v1/classifiers/shades/apply").json())
    assert http.get(f"/v1/tracks/{track_id}").json()["labels"]["shades"] == ["bright"]
    http.post(f"/v1/tracks/{track_id}/labels", json={"label": "dark"})
    track = http.get(f"/v1/tracks/{track_id}").json()
    assert (track["label"], track["label_confirmed"], track["labels"]["shades"]) == ("dark", True, ["dark"])
    for label, count in (("dark", 1), ("bright", 0)):
        items = http.get("/v1/tracks", params={"label": label, "model": "shades"}).json()["items"]
        assert len(items) == count


def test_a_classifier_is_applied_once_at_a_time(http: httpx.Client, database: Database) -> None:
    """A request while a job does so, or a repeated one, gets that job; one for what is not there is refused."""
    track_id = uploaded(http, 12)
    teach(database, track_id, own_head())
    headers = {"Idempotency-Key": "once"}
    first = http.post("/v1/classifiers/shades/apply", headers=headers)
    again = http.post("/v1/classifiers/shades/apply", headers=headers)
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (first.json()["id"], "true")
    done(http, first.json())
    assert code_of(http.post("/v1/classifiers/nothing/apply")) == (404, "not_found")
    with database.transaction() as session:
        owner_id = session.get_one(TrackRow, track_id).owner_id
        session.execute(text("UPDATE classifiers SET version = 0 WHERE owner_id = :id"), {"id": owner_id})
    assert code_of(http.post("/v1/classifiers/shades/apply")) == (422, "unknown_model")
    for options in ({}, {"apply": {"classifier": "shades"}}):
        answer = http.post("/v1/jobs", json={"tasks": ["apply"], "options": options})
        assert code_of(answer) == (422, "invalid_request")
        assert "POST /v1/classifiers/{name}/apply" in answer.json()["detail"]


@pytest.mark.long
def test_a_killed_worker_s_successor_goes_on(http: httpx.Client, database: Database, stack: RunningStack) -> None:
    """Nothing is labelled twice or left out; what was labelled before stays while the second attempt begins."""
    track_id, many = uploaded(http, 13), 20_000
    teach(database, track_id, own_head(bias=[9.0, 0.0, 0.0]))
    with database.transaction() as session:
        owner_id = session.get_one(TrackRow, track_id).owner_id
        counts = {"id": track_id, "owner_id": owner_id, "many": many, "vector": str([1.0] + 511 * [0.0])}
        known = space_id(session, general_body().space)
    for first in range(0, many, 1_000):
        # A commit counts what the owner stores, track by track.
        with database.transaction() as session:
            session.execute(_MORE_TRACKS, {**counts, "first": first})
    with database.transaction() as session:
        session.execute(_THEIR_WINDOWS, {**counts, "space_id": known})
    job = http.post("/v1/classifiers/shades/apply").json()
    progress = 0.0
    while not 0.0 < progress < 1.0:
        task = http.get(f"/v1/jobs/{job['id']}").json()["tasks"][0]
        progress = task["progress"]
        assert task["status"] in {"queued", "running"}, "it ended before it could be killed"
    run = Run.read(stack.folder)
    assert run is not None
    (child,) = psutil.Process(run.parts["cpu"].pid).children()
    child.kill()
    ended = done(http, job)["tasks"][0]
    assert ended["attempt"] == 2
    wanted = {"tracks": many + 1, "changed": many, "unknown": 0, "without_vectors": 1}
    assert wanted.items() <= ended["result"].items()
    assert ended["timings"]["read_s"] > 0.0
    with database.transaction() as session:
        assert session.scalar(_LABELLED, {"owner_id": owner_id}) == many


_MORE_TRACKS = text(
    """
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key)
    SELECT id || '_' || n, owner_id, id || n, filename, 1, media_type, container, codec, sample_rate_hz, channels,
           duration_s, warnings, object_key FROM tracks, generate_series(:first + 1, :first + 1000) AS n WHERE id = :id
    """
)
_THEIR_WINDOWS = text(
    """
    INSERT INTO window_embeddings (track_id, space_id, position, owner_id, start_s, end_s, vector, heard)
    SELECT id, :space_id, 0, owner_id, 0, 5, CAST(:vector AS halfvec), '{}/1000000'
    FROM tracks WHERE owner_id = :owner_id AND id <> :id
    """
)
_LABELLED = text(
    """
    SELECT count(*) FROM track_labels JOIN tracks ON tracks.id = track_id
    WHERE owner_id = :owner_id AND model = 'shades' AND labels = ARRAY['bright']
    """
)


def test_an_export_is_imported_as_it_was(http: httpx.Client, other: httpx.Client, database: Database) -> None:
    """By another owner, under another name: it hears the same in the same sound; the first owner's stays."""
    mine, theirs = uploaded(http, 21), uploaded(other, 21)
    teach(database, mine, own_head(bias=[1.0, 0.0, 0.0]))
    content = exported(http)
    assert put(other, "hues", content).status_code == 201
    card = other.get("/v1/models/hues").json()
    assert (card["yours"], card["kind"], card["version"], card["labels"]) == (True, "own", 1, list(LABELS))
    found = [heard(http, mine), heard(other, theirs, "hues")]
    assert [each["top"] for each in found] == 2 * [found[0]["top"]]
    assert found[0]["model"]["digest"] == found[1]["model"]["digest"]
    assert code_of(other.get("/v1/classifiers/shades/export")) == (404, "not_found")
    again = exported(other, "hues")
    with zipfile.ZipFile(io.BytesIO(content)) as one, zipfile.ZipFile(io.BytesIO(again)) as two:
        assert one.read("weights.safetensors") == two.read("weights.safetensors")


def test_an_import_under_a_known_name_is_its_newest_version(http: httpx.Client, database: Database) -> None:
    """Earlier ones can be exported still; one of another space or kind is refused."""
    teach(database, uploaded(http, 31), own_head(bias=[9.0, 0.0, 0.0]))
    first = exported(http)
    with database.transaction() as session:
        session.execute(text("UPDATE classifiers SET digest = :digest"), {"digest": general_body().space.digest})
    answer = put(http, "shades", first)
    assert (answer.status_code, answer.json()["version"], answer.json()["state"]) == (200, 2, "ready")
    assert http.get("/v1/models/shades").json()["version"] == 2
    assert exported(http, version=1) == first
    assert code_of(http.get("/v1/classifiers/shades/export", params={"version": 3})) == (404, "not_found")
    other = _packed(own_head(activation="sigmoid"))
    assert code_of(put(http, "shades", other)) == (422, "invalid_import")
    assert http.get("/v1/models/shades").json()["version"] == 2


def _packed(files: OwnFiles) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", files[0].model_dump_json())
        archive.writestr("weights.safetensors", files[1])
    return file.getvalue()


def test_what_cannot_be_imported_leaves_nothing(http: httpx.Client) -> None:
    """The name of a served model, a body that is absent or another one, a damaged or too large file, no form."""
    good, body = _packed(own_head()), general_body()
    weights = body.weights.model_copy(update={"sha256": "0" * 64})
    for name in ("genre-10", "mobilenet", "demucs-mini", "auto"):
        assert code_of(put(http, name, good)) == (409, "name_taken")
    absent = own_head(body=body.model_copy(update={"name": "elsewhere"}))
    differing = own_head(body=body.model_copy(update={"weights": weights}), space=f"sha256:{'0' * 64}")
    for files in (absent, differing, own_head(space=f"sha256:{'0' * 64}")):
        assert code_of(put(http, "shades", _packed(files))) == (422, "body_absent")
    for content in (b"", b"hello", good[: len(good) // 2]):
        assert code_of(put(http, "shades", content)) == (422, "invalid_import")
    assert code_of(put(http, "shades", bytes(25 << 20))) == (413, "upload_too_large")
    assert code_of(put(http, "Shades!", good)) == (422, "invalid_request")
    forms: list[dict[str, Any]] = [{"json": {}}, {"files": {"other": ("a", b"a")}}, {"data": {"file": "a"}}]
    for sent in forms:
        assert http.put("/v1/classifiers/shades", **sent).status_code == 422
    assert code_of(http.get("/v1/classifiers/shades/export")) == (404, "not_found")
    assert not [card for card in http.get("/v1/models").json()["items"] if card.get("yours")]


def test_a_served_model_that_cannot_be_read_keeps_its_name(
    http: httpx.Client, database: Database, stack: RunningStack
) -> None:
    """No classifier is made under it, and one that was made before says that it cannot be named in jobs."""
    teach(database, uploaded(http, 42), own_head("half-copied"))
    assert not http.get("/v1/classifiers/half-copied").json()["shadowed"]
    folder: Path = stack.pulled_models / "half-copied"
    try:
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{")
        assert http.get("/v1/classifiers/half-copied").json()["shadowed"]
        assert code_of(http.post("/v1/classifiers", json={"name": "half-copied"})) == (409, "name_taken")
    finally:
        shutil.rmtree(folder)


def window_labels(database: Database, track_id: str) -> set[str]:
    """What was kept of a track's windows, by any model."""
    asked = text("SELECT label FROM label_peaks JOIN labels ON labels.id = label_id WHERE track_id = :id")
    with database.transaction() as session:
        return set(session.scalars(asked, {"id": track_id}))


def test_an_exported_folder_is_a_model_for_all(
    http: httpx.Client, other: httpx.Client, database: Database, stack: RunningStack
) -> None:
    """Unpacked among the operator's models it is served as it is, hears what its owner's hears, and is kept of windows.

    An owner's own head leaves no labels of windows, which all would pay for.
    """
    mine, theirs = uploaded(http, 41), uploaded(other, 41)
    teach(database, mine, own_head("public-shades"))
    teach(database, mine, own_head("shades"))
    found = heard(http, mine, "public-shades")
    folder: Path = stack.pulled_models / "public-shades"
    try:
        with zipfile.ZipFile(io.BytesIO(exported(http, "public-shades"))) as archive:
            archive.extractall(folder)
        card = other.get("/v1/models/public-shades").json()
        assert (card["yours"], card["kind"]) == (False, "own")
        assert heard(other, theirs, "public-shades", "explain")["top"] == found["top"]
        heard(other, theirs, "public-shades", "embed")
        assert window_labels(database, theirs) & set(LABELS)
        heard(http, mine, "shades", "embed")
        assert not window_labels(database, mine) & set(LABELS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
