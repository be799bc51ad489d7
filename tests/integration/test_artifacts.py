"""Artifacts: made by a worker, fetched by a signed link, erased with their track."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time

import httpx
import numpy as np
import pytest
from sqlalchemy import delete, update

from phonoscope.client import ApiError, Client
from phonoscope.contract import ArtifactLink, Job
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import ArtifactRow, TaskRow
from phonoscope.errors import UndecodableRecording
from phonoscope.states import Status
from phonoscope.storage import ObjectStore
from phonoscope.tasks import Describe
from phonoscope_gateway.signing import Signer, artifact_path
from tests.support import RunningStack, tone_wav


def described(client: Client, folder: Path, seed: int) -> tuple[Job, ArtifactLink]:
    """A job that has ended, and the link to what it made."""
    path = folder / f"{seed}.wav"
    path.write_bytes(tone_wav(2.0, seed=seed))
    job = client.wait(client.create_job(client.upload(path).id, tasks=["describe"]))
    assert job.status is Status.SUCCEEDED
    link = job.result(Describe).waveform
    assert link is not None
    return job, link


def signer(stack: RunningStack, good_for_s: int = 3600) -> Signer:
    return Signer(stack.settings.signing_secret.get_secret_value().encode(), good_for_s)


def test_a_link_needs_no_key(client: Client, anybody: httpx.Client, tmp_path: Path) -> None:
    """The very object, with what it says of itself, whole and in ranges, and not again to whoever has it."""
    _, link = described(client, tmp_path, 101)
    whole = anybody.get(link.url)
    assert (whole.status_code, len(whole.content)) == (200, link.size_bytes)
    assert whole.headers["Content-Type"] == link.media_type
    assert 2700 <= int(whole.headers["Cache-Control"].split("max-age=")[1].split(",")[0]) <= 3600
    assert whole.headers["Cache-Control"].startswith("private")
    with np.load(io.BytesIO(whole.content), allow_pickle=False) as arrays:
        assert len(arrays["low"]) >= 4_000
    part = anybody.get(link.url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{link.size_bytes}"
    assert anybody.get(link.url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    head = anybody.head(link.url)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(link.size_bytes))
    assert client.download(link) == whole.content


def test_a_link_that_was_changed_is_refused(
    client: Client, anybody: httpx.Client, stack: RunningStack, tmp_path: Path
) -> None:
    """403 with a code, for a wrong signature, none, another artifact's, and one that is over; a key is no help."""
    _, link = described(client, tmp_path, 102)
    _, other = described(client, tmp_path, 103)
    path, _, query = link.url.partition("?")
    over = signer(stack).link(artifact_path(link.id), time() - 3600).url
    for url, code in (
        (path, "invalid_signature"),
        (link.url[:-4] + ("aaaa" if link.url[-4:] != "aaaa" else "bbbb"), "invalid_signature"),
        (f"{other.url.partition('?')[0]}?{query}", "invalid_signature"),
        (over, "signature_expired"),
    ):
        answer = anybody.get(url)
        assert (answer.status_code, answer.json()["code"]) == (403, code), url
        assert answer.headers["Content-Type"] == "application/problem+json"
    with pytest.raises(ApiError) as refusal:
        client.download(link.model_copy(update={"url": path}))
    assert refusal.value.status_code == 403
    unknown = signer(stack).link(artifact_path("art_unknown"), time())
    assert anybody.get(unknown.url).status_code == 404


def test_the_signature_is_not_in_the_log(
    client: Client, anybody: httpx.Client, stack: RunningStack, tmp_path: Path
) -> None:
    """Whoever reads the gateway's log cannot follow its links."""
    _, link = described(client, tmp_path, 104)
    assert anybody.get(link.url).status_code == 200
    log = (stack.folder / "logs" / "gateway.log").read_text()
    assert link.id in log
    assert link.url.rpartition("=")[2] not in log


def test_another_owner_sees_nothing_of_it(client: Client, stranger: Client, tmp_path: Path) -> None:
    """Neither the job that holds the link nor the outline."""
    job, _ = described(client, tmp_path, 105)
    for call in (lambda: stranger.job(job.id), lambda: stranger.waveform(job.recording)):
        with pytest.raises(ApiError) as refusal:
            call()
        assert refusal.value.status_code == 404


def test_deleting_a_track_erases_its_artifacts(
    client: Client, anybody: httpx.Client, stack: RunningStack, tmp_path: Path
) -> None:
    """The objects are gone, also one that a dying worker left behind, and the link leads nowhere."""
    job, link = described(client, tmp_path, 106)
    store, prefix = ObjectStore(stack.settings), f"tracks/{job.track_id}/"
    pictures = {f"{picture}.{form}" for picture in ("waveform", "spectrogram") for form in ("npz", "pyramid")}
    assert {key.rpartition("/")[2] for key in store.keys(f"{prefix}describe/")} == pictures
    store.put(f"{prefix}describe/lease_of_a_dead_worker/waveform.npz", io.BytesIO(b"left"), "application/x-npz")
    client.delete_track(job.recording)
    assert store.keys(prefix) == []
    assert anybody.get(link.url).status_code == 404


def test_an_outline_is_measured_once(http: httpx.Client) -> None:
    """202 and one job before, however many ask; then 200 with what a sine of this amplitude looks like."""
    upload = http.post("/v1/tracks", files={"file": ("tone.wav", tone_wav(3.0, 1_000.0))})
    url = f"/v1/tracks/{upload.json()['id']}/waveform"
    asked = [http.get(url, params={"points": 1_000}) for _ in range(3)]
    waited = [answer for answer in asked if answer.status_code == 202]
    assert waited
    assert len({answer.json()["id"] for answer in waited}) == 1
    assert waited[0].headers["Retry-After"]
    assert http.get(waited[0].headers["Location"], params={"wait": 60}).json()["status"] == "succeeded"
    found = http.get(url, params={"points": 300})
    assert found.status_code == 200
    peaks = found.json()
    assert peaks["duration_s"] == pytest.approx(3.0)
    assert len(peaks["start_s"]) == len(peaks["min"]) == len(peaks["max"]) == len(peaks["rms"]) == 300
    assert peaks["max"][150] == pytest.approx(0.4, abs=0.01)
    assert peaks["min"][150] == pytest.approx(-0.4, abs=0.01)
    assert peaks["rms"][150] == pytest.approx(0.4 / 2**0.5, rel=0.05)
    assert len(http.get(url).json()["min"]) == 1_000
    assert len(http.get("/v1/jobs", params={"track_id": peaks["track_id"]}).json()["items"]) == 1
    for points in ("0", "4001", "many"):
        assert http.get(url, params={"points": points}).status_code == 422
    assert http.get("/v1/tracks/trk_unknown/waveform").status_code == 404


def test_of_many_who_ask_at_once_one_makes_the_job(http: httpx.Client) -> None:
    """However many look before, during and after the job, one job is made."""
    upload = http.post("/v1/tracks", files={"file": ("tone.wav", tone_wav(1.0, seed=109))})
    url = f"/v1/tracks/{upload.json()['id']}/waveform"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: http.get(url), range(60)))
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len(http.get("/v1/jobs", params={"track_id": upload.json()["id"]}).json()["items"]) == 1


def test_an_outline_that_cannot_be_measured_is_not_asked_for_again(
    client: Client, stack: RunningStack, tmp_path: Path
) -> None:
    """The problem of the job that failed is the answer, and no other job is made until somebody asks for one."""
    job, _ = described(client, tmp_path, 110)
    problem = UndecodableRecording("not a sample").as_problem()
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        session.execute(delete(ArtifactRow).where(ArtifactRow.track_id == job.track_id))
        failed = {"status": Status.FAILED, "error": problem}
        session.execute(update(TaskRow).where(TaskRow.job_id == job.id).values(failed))
    database.close()
    for _ in range(2):
        with pytest.raises(ApiError) as refusal:
            client.waveform(job.recording)
        assert (refusal.value.status_code, refusal.value.code) == (422, "undecodable_recording")
        assert refusal.value.problem["instance"] == f"/v1/tracks/{job.track_id}/waveform"
    assert [found.id for found in client.jobs(track_id=job.recording).items] == [job.id]
    client.wait(client.create_job(job.track_id, tasks=["describe"]))
    assert client.waveform(job.recording).duration_s == pytest.approx(2.0)


def test_the_client_waits_for_an_outline(client: Client, tmp_path: Path) -> None:
    """One call, whether it was measured before or not."""
    path = tmp_path / "a.wav"
    path.write_bytes(tone_wav(1.0, seed=108))
    track_id = client.upload(path).id
    assert client.waveform(track_id, 10) == client.waveform(track_id, 10)
