"""Jobs over HTTP, run by the stack's own workers."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic

import httpx
import pytest
from sqlalchemy import update

from phonoscope.client import ApiError, Client
from phonoscope.contract import Job, ModelCard, StemModelCard
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import EmbeddingRow
from phonoscope.states import Pool, Status, TaskName
from phonoscope.tasks import Classify, Describe, Embed
from tests.support import RunningStack, tone_wav


def recording(folder: Path, name: str, **tone: float) -> Path:
    path = folder / name
    path.write_bytes(tone_wav(**tone))  # type: ignore[arg-type]
    return path


def test_a_job_ends_with_a_label_and_a_vector(client: Client, tmp_path: Path) -> None:
    """One call uploads and asks; both tasks run in one pass on one device."""
    job = client.wait(client.analyze(recording(tmp_path, "a.wav", seconds=6.0, seed=1)))
    assert job.status is Status.SUCCEEDED
    heard, embedded = job.result(Classify), job.result(Embed)
    assert len(heard.top) == 3
    assert heard.duration_s == pytest.approx(6.0, abs=0.01)
    assert [window.start_s for window in heard.windows] == [0.0, 1.0]
    assert heard.windows[-1].end_s == pytest.approx(6.0)
    assert heard.model.digest.startswith("sha256:")
    assert embedded.dim == 512
    assert embedded.vector is None
    hearing, embedding = job.task(TaskName.CLASSIFY), job.task(TaskName.EMBED)
    assert (hearing.device, hearing.pool, hearing.attempt) == ("cpu", Pool.GPU, 1)
    assert hearing.started_at == embedding.started_at
    assert job.finished_at is not None


def test_options_reach_the_worker(client: Client, tmp_path: Path) -> None:
    """``top_k`` and ``return_vector``; the vector has length 1."""
    track = client.upload(recording(tmp_path, "b.wav", seed=2))
    options = {"classify": {"top_k": 10, "model": "environment-10"}, "embed": {"return_vector": True}}
    job = client.wait(client.create_job(track.id, options=options, metadata={"shelf": ["é", 1, None]}))
    heard, embedded = job.result(Classify), job.result(Embed)
    assert len(heard.top) == 10
    assert 0.0 < sum(row.probability for row in heard.top) <= 1.001  # the rest is that of none of the labels
    assert embedded.vector is not None
    assert sum(value**2 for value in embedded.vector) == pytest.approx(1.0, abs=1e-4)
    assert job.metadata == {"shelf": ["é", 1, None]}


def test_describe_runs_on_the_other_pool(client: Client, tmp_path: Path) -> None:
    """A job may use both pools; each task says which."""
    track = client.upload(recording(tmp_path, "c.wav", seconds=3.0, seed=3))
    job = client.wait(client.create_job(track.id, tasks=["classify", "describe"]))
    assert job.status is Status.SUCCEEDED
    assert {task.pool for task in job.tasks} == {Pool.GPU, Pool.CPU}
    assert job.result(Describe).loudness_lufs == pytest.approx(-11.0, abs=2.0)


@pytest.mark.long
def test_similar_finds_the_twin_and_never_crosses_owners(client: Client, stranger: Client, tmp_path: Path) -> None:
    """The nearest is the same sound; the track itself and other owners' tracks are not among them."""
    first = client.upload(recording(tmp_path, "one.wav", hertz=300.0, seed=4))
    twin = client.upload(recording(tmp_path, "twin.wav", hertz=300.0, seed=5))
    other = client.upload(recording(tmp_path, "other.wav", hertz=6000.0, seed=6))
    foreign = stranger.upload(recording(tmp_path, "foreign.wav", hertz=300.0, seed=7))
    for owner, track in ((client, first), (client, twin), (client, other), (stranger, foreign)):
        owner.wait(owner.create_job(track.id, tasks=["embed"]))
    found = client.similar(first.id)
    assert [neighbour.track.id for neighbour in found] == [twin.id, other.id]
    assert -1.0 <= found[1].similarity < found[0].similarity <= 1.0
    assert stranger.similar(foreign.id) == []
    with pytest.raises(ApiError) as refusal:
        client.similar(client.upload(recording(tmp_path, "new.wav", seed=8)).id)
    assert refusal.value.status_code == 404


def test_vectors_of_a_replaced_model_are_not_compared(client: Client, stack: RunningStack, tmp_path: Path) -> None:
    """A neighbour with one is left out and counted; a track with one is to be embedded again, which is then done."""
    tracks = [client.upload(recording(tmp_path, f"{seed}.wav", seed=seed)).id for seed in (31, 32, 33)]
    for track_id in tracks:
        client.wait(client.create_job(track_id, ["embed"]))
    first, second, third = tracks
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        replaced = update(EmbeddingRow).where(EmbeddingRow.track_id == second)
        session.execute(replaced.values(model_digest="sha256:of a model that was replaced"))
    database.close()
    found = client.neighbours(first)
    assert ([near.track.id for near in found.items], found.outdated) == ([third], 1)
    assert client.library_map().missing == 3
    with pytest.raises(ApiError, match="embed it again, by a job with the task 'embed'") as refusal:
        client.similar(second)
    assert refusal.value.status_code == 404
    again = client.wait(client.create_job(second, ["embed"])).task(TaskName.EMBED)
    assert (again.status, again.cached) == (Status.SUCCEEDED, False)
    assert {near.track.id for near in client.similar(second)} == {first, third}
    assert client.neighbours(first).outdated == 0
    assert client.wait(client.create_job(second, ["embed"])).task(TaskName.EMBED).cached


def test_wait_answers_as_soon_as_the_job_has_ended(client: Client, tmp_path: Path) -> None:
    """Long polling returns the ended job, much sooner than its limit."""
    job = client.analyze(recording(tmp_path, "d.wav", seed=9))
    before = monotonic()
    ended = client.job(job.id, wait_s=60.0)
    assert ended.status.ended
    assert monotonic() - before < 30


def test_another_owners_job_does_not_exist(client: Client, stranger: Client, tmp_path: Path) -> None:
    """404, waiting or not; lists show one's own alone."""
    job = client.analyze(recording(tmp_path, "e.wav", seed=10))
    for wait_s in (0.0, 1.0):
        with pytest.raises(ApiError) as refusal:
            stranger.job(job.id, wait_s=wait_s)
        assert refusal.value.status_code == 404
    assert stranger.jobs().items == []
    assert [item.id for item in client.jobs().items] == [job.id]
    client.wait(job)


def test_lists_can_be_narrowed(client: Client, tmp_path: Path) -> None:
    """By status and by track."""
    jobs = [client.wait(client.analyze(recording(tmp_path, f"{seed}.wav", seed=seed))) for seed in (11, 12)]
    assert {job.id for job in client.jobs(status="succeeded").items} == {job.id for job in jobs}
    assert client.jobs(status="failed").items == []
    assert [job.id for job in client.jobs(track_id=jobs[0].recording).items] == [jobs[0].id]


def test_a_label_can_be_looked_for(client: Client, tmp_path: Path) -> None:
    """The last classification's label stands on the track, and lists can be narrowed by it."""
    job = client.wait(client.analyze(recording(tmp_path, "f.wav", seed=13)))
    label = job.result(Classify).label
    assert client.track(job.recording).label == label
    assert len(client.tracks(label=label or "nothing").items) == (1 if label else 0)


def test_a_form_takes_the_same_fields_as_json(http: httpx.Client) -> None:
    """Tasks as names or as JSON, options and metadata as JSON; the answer is 202 with its headers."""
    for seed, tasks in enumerate(("embed", '["embed"]')):
        form = {"tasks": tasks, "options": json.dumps({"classify": {"top_k": 1}}), "metadata": '{"a": 1}'}
        answer = http.post("/v1/jobs", files={"file": ("g.wav", tone_wav(seed=20 + seed))}, data=form)
        assert answer.status_code == 202, answer.text
        job = Job.model_validate(answer.json())
        assert answer.headers["Location"] == f"/v1/jobs/{job.id}"
        assert int(answer.headers["Retry-After"]) >= 1
        assert ([task.name for task in job.tasks], job.metadata) == ([TaskName.EMBED], {"a": 1})


def test_deleting_a_track_takes_its_jobs_along(client: Client, tmp_path: Path) -> None:
    """Results are gone with the recording, even when the job was still to run."""
    job = client.analyze(recording(tmp_path, "h.wav", seed=23))
    client.delete_track(job.recording)
    with pytest.raises(ApiError) as refusal:
        client.job(job.id)
    assert refusal.value.status_code == 404
    assert client.wait(client.analyze(recording(tmp_path, "i.wav", seed=24))).status is Status.SUCCEEDED


def test_models_are_served_with_their_cards(client: Client, stack: RunningStack) -> None:
    """Labels, digest, figures, data, licence and limits; not without a key."""
    (card,) = [card for card in client.models() if card.name == "environment-10"]
    assert card == client.model("environment-10")
    assert isinstance(card, ModelCard)
    assert "dog" in card.labels
    assert card.digest.startswith("sha256:")
    assert card.limits
    stems = client.model("demucs-mini")
    assert isinstance(stems, StemModelCard)
    assert stems in client.models()
    assert stems.sources == ["drums", "bass", "other", "vocals"]
    assert any("demonstration" in limit for limit in stems.limits)
    assert httpx.get(f"{stack.url}/v1/models", timeout=60).status_code == 401


def test_the_documentation_needs_no_other_host(http: httpx.Client) -> None:
    """Every script and style of ``/docs`` comes from this server."""
    page = http.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    assert http.get("/docs/assets/swagger-ui-bundle.js").status_code == 200
    assert http.get("/openapi.json").json()["openapi"].startswith("3.1")
