"""Stems over HTTP, from a small model with random weights: what is heard in them is not looked at here."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import select, update

from phonoscope.audio.decode import Recording
from phonoscope.client import ApiError, Client
from phonoscope.contract import Job, Scope
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import ResultRow, TaskRow
from phonoscope.states import Status, TaskName
from phonoscope.tasks import Embed, Explain, Mixdown, Separate
from tests.separators import SOURCES, network, write_separator
from tests.support import RunningStack, tone_wav


@pytest.fixture(scope="module")
def tiny(stack: RunningStack) -> str:
    """The name of a model that was put beside the running workers."""
    folder = stack.pulled_models / "tiny"
    if not folder.exists():
        write_separator(folder, network())
    return folder.name


def separated(client: Client, folder: Path, model: str, tasks: tuple[str, ...] = ("separate",)) -> Job:
    path = folder / "song.wav"
    path.write_bytes(tone_wav(2.5, seed=501))
    track = client.upload(path)
    return client.wait(client.create_job(track.id, tasks, {"separate": {"model": model}}))


def test_a_recording_is_taken_apart(client: Client, tiny: str, tmp_path: Path) -> None:
    """Four stems of its length, each by a link that a player can follow."""
    job = separated(client, tmp_path, tiny)
    assert job.status is Status.SUCCEEDED, job.model_dump_json()
    stems = job.result(Separate).stems
    assert [stem.name for stem in stems] == SOURCES
    for stem in stems:
        content = client.download(stem.audio)
        assert len(content) == stem.audio.size_bytes
        with Recording(io.BytesIO(content)) as recording:
            samples = np.concatenate(list(recording.stereo(44_100)), axis=1)
        assert samples.shape == (2, 110_250)


def test_stems_can_be_found_and_fetched_together(client: Client, stranger: Client, tiny: str, tmp_path: Path) -> None:
    """By the track alone: a list with links, and one ZIP; nobody else sees either."""
    track_id = separated(client, tmp_path, tiny).recording
    found = client.stems(track_id)
    assert [stem.name for stem in found.stems] == SOURCES
    with zipfile.ZipFile(io.BytesIO(client.stems_zip(track_id))) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(f"{name}.flac" for name in SOURCES)
        for stem in found.stems:
            assert archive.read(f"{stem.name}.flac") == client.download(stem.audio)
    for ask in (stranger.stems, stranger.stems_zip):
        with pytest.raises(ApiError) as at:
            ask(track_id)
        assert at.value.status_code == 404


def test_the_headers_of_the_archive_are_no_export(stack: RunningStack, tiny: str, tmp_path: Path) -> None:
    """``HEAD`` has those of ``GET``, reads no stem, and is not in the audit log."""
    key = stack.new_key("headers-alone", set(Scope))
    with (
        Client(stack.url, key) as client,
        httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as http,
    ):
        address = f"/v1/tracks/{separated(client, tmp_path, tiny).recording}/stems.zip"
        head = http.head(address)
        assert (head.status_code, head.content) == (200, b"")
        assert "stems.exported" not in {entry.action for entry in client.audit().items}
        whole = http.get(address)
        for name in ("Content-Disposition", "Content-Type", "Cache-Control"):
            assert head.headers[name] == whole.headers[name]
        assert "stems.exported" in {entry.action for entry in client.audit().items}


def test_a_visitor_s_archives_are_not_in_the_owner_s_audit_log(stack: RunningStack, tiny: str, tmp_path: Path) -> None:
    """Whoever has a shared link could fill it; that the link was made is there."""
    with Client(stack.url, stack.new_key("shared-stems", set(Scope))) as client:
        track_id = separated(client, tmp_path, tiny).recording
        headers = {"Authorization": f"Bearer {client.share_track(track_id).token}"}
        with httpx.Client(base_url=stack.url, headers=headers, timeout=30) as visitor:
            answer = visitor.get(f"/v1/tracks/{track_id}/stems.zip")
            assert (answer.status_code, answer.content[:2]) == (200, b"PK")
        actions = [entry.action for entry in client.audit().items]
        assert "stems.exported" not in actions
        assert "share.created" in actions


def test_stems_from_the_ledger_are_the_track_s_stems(client: Client, tiny: str, tmp_path: Path) -> None:
    """A separation that was answered from an earlier one: list, ZIP and mixes have that one's objects."""
    first = separated(client, tmp_path, tiny)
    content = client.stems_zip(first.recording)
    again = separated(client, tmp_path, tiny)
    assert again.task(TaskName.SEPARATE).cached
    assert client.stems(first.recording).job_id == again.id
    assert client.stems_zip(first.recording) == content
    mix = client.wait(client.create_job(first.recording, ["mixdown"])).task(TaskName.MIXDOWN)
    assert mix.status is Status.SUCCEEDED, mix.error


def test_stems_can_be_mixed_again(client: Client, tiny: str, tmp_path: Path) -> None:
    """By a later job on the track, from what the store has."""
    track_id = separated(client, tmp_path, tiny).recording
    options = {"mixdown": {"gains_db": {"vocals": -60.0}, "pan": {"drums": -0.5}, "format": "wav"}}
    job = client.wait(client.create_job(track_id, ["mixdown"], options))
    assert job.status is Status.SUCCEEDED, job.model_dump_json()
    result = job.result(Mixdown)
    assert result.stems == SOURCES
    with Recording(io.BytesIO(client.download(result.audio))) as recording:
        assert sum(map(len, recording.mono(44_100))) == 110_250


@pytest.mark.parametrize("field", ["gains_db", "pan"])
def test_a_stem_that_is_not_there_is_refused(client: Client, tiny: str, tmp_path: Path, field: str) -> None:
    """By name and before a job is made: of the track's newest stems, and of those that the same job makes."""
    track_id = separated(client, tmp_path, tiny).recording
    for tasks, two_stems, known in (
        (["mixdown"], None, SOURCES),
        (["separate", "mixdown"], None, SOURCES),
        (["separate", "mixdown"], "drums", ["drums", "accompaniment"]),
    ):
        options = {"mixdown": {field: {"flute": 0.0}}, "separate": {"model": tiny, "two_stems": two_stems}}
        with pytest.raises(ApiError, match=f"options.mixdown.{field}: there is no flute; there are {', '.join(known)}"):
            client.create_job(track_id, tasks, options)
    options = {"separate": {"model": tiny, "two_stems": "flute"}}
    with pytest.raises(ApiError, match=r"options.separate.two_stems: there is no flute"):
        client.create_job(track_id, ["separate"], options)


def test_stems_of_another_version_are_a_typed_error(
    client: Client, stack: RunningStack, tiny: str, tmp_path: Path
) -> None:
    """To whoever reads them or the job, and to the task that needs them; the archive holds the objects themselves."""
    separation = separated(client, tmp_path, tiny)
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        rows = select(TaskRow.id).where(TaskRow.job_id == separation.id)
        session.execute(update(ResultRow).where(ResultRow.task_id.in_(rows)).values(body={"stems": ["drums"]}))
    database.close()
    with pytest.raises(ApiError) as refusal:
        client.stems(separation.recording)
    assert (refusal.value.status_code, refusal.value.code) == (410, "outdated_result")
    mixed = client.wait(client.create_job(separation.recording, ["mixdown"])).task(TaskName.MIXDOWN)
    for task in (client.job(separation.id).task(TaskName.SEPARATE), mixed):
        assert task.error is not None
        assert (task.error["code"], "no_cache" in task.error["detail"]) == ("outdated_result", True)
    assert client.stems_zip(separation.recording)


def test_a_label_is_explained_by_the_stems(client: Client, tiny: str, tmp_path: Path) -> None:
    """Once the track has them: its probability in each alone, and without each."""
    track_id = separated(client, tmp_path, tiny).track_id
    job = client.wait(client.create_job(track_id, ["explain"], {"explain": {"stems": True, "artifacts": []}}))
    result = job.result(Explain)
    assert result.stems is not None
    assert [part.name for part in result.stems.parts] == SOURCES
    assert all(0.0 <= share <= 1.0 for part in result.stems.parts for share in (part.alone, part.without))
    assert f"*{result.label}*" in result.stems.reading


@pytest.mark.long
def test_tracks_are_found_by_a_stem(client: Client, stranger: Client, tiny: str, tmp_path: Path) -> None:
    """Those whose drums sound alike, once one job has taken them apart and embedded what it made."""
    options = {"separate": {"model": tiny}, "embed": {"stems": True}}
    tracks = []
    for seed in (511, 512):
        path = tmp_path / f"{seed}.wav"
        path.write_bytes(tone_wav(2.5, seed=seed))
        tracks.append(client.upload(path).id)
        job = client.wait(client.create_job(tracks[-1], ["embed", "separate"], options))
        assert job.status is Status.SUCCEEDED, job.model_dump_json()
        assert job.result(Embed).stems == SOURCES
    for stem in (None, *SOURCES):
        (near,) = client.similar(tracks[0], stem=stem)
        assert near.track.id == tracks[1]
        assert near.similarity > 0.5
        for unit in ("track", "moment"):
            assert {item.track.id for item in client.search(track_id=tracks[0], stem=stem, unit=unit).items} == {
                tracks[1]
            }
        (found,) = client.search(track_id=tracks[0], stem=stem).items
        assert found.similarity == near.similarity
    with pytest.raises(ApiError, match=r"no stem 'flute' .*; there are bass, drums, other, vocals") as at:
        client.similar(tracks[0], stem="flute")
    assert at.value.status_code == 404
    with pytest.raises(ApiError) as at:
        stranger.similar(tracks[0], stem="drums")
    assert at.value.status_code == 404


def test_a_track_whose_stems_were_not_embedded_has_no_place_by_them(client: Client, tmp_path: Path) -> None:
    """The answer says what to run; a stem's name has to look like one."""
    path = tmp_path / "whole.wav"
    path.write_bytes(tone_wav(seed=513))
    job = client.wait(client.create_job(client.upload(path).id, ["embed"]))
    assert client.similar(job.recording) == []
    with pytest.raises(ApiError, match=r"run a job with the tasks 'separate' and 'embed'") as at:
        client.similar(job.recording, stem="drums")
    assert at.value.status_code == 404
    with pytest.raises(ApiError) as at:
        client.similar(job.recording, stem="Drums!")
    assert at.value.status_code == 422


def test_a_track_that_was_never_taken_apart_has_no_stems(client: Client, tmp_path: Path) -> None:
    """The answer says what makes them."""
    path = tmp_path / "whole.wav"
    path.write_bytes(tone_wav(seed=502))
    track = client.upload(path)
    with pytest.raises(ApiError, match="a job with the task `separate` makes them") as at:
        client.stems(track.id)
    assert at.value.status_code == 404
    error = client.wait(client.create_job(track.id, ["mixdown"])).task(TaskName.MIXDOWN).error
    assert error is not None
    assert error["code"] == "no_stems"


def test_a_model_that_is_not_there_fails_its_task_alone(client: Client, tiny: str, tmp_path: Path) -> None:
    """The problem says what to run; the description of the same job is there."""
    job = separated(client, tmp_path, "htdemucs_ft", ("describe", "separate"))
    error = job.task(TaskName.SEPARATE).error
    assert error is not None
    assert (error["code"], error["retryable"]) == ("model_not_pulled", True)
    assert "phonoscope models pull htdemucs_ft" in error["detail"]
    assert job.task(TaskName.DESCRIBE).status is Status.SUCCEEDED
    assert job.status is Status.FAILED


@pytest.mark.long
def test_a_better_model_is_used_once_it_was_pulled(client: Client, stack: RunningStack, tmp_path: Path) -> None:
    """Whoever names none has what ships, then what was pulled meanwhile: not the earlier result, and no restart."""
    path = tmp_path / "again.wav"
    path.write_bytes(tone_wav(2.5, seed=503))
    track = client.upload(path)
    pulled = stack.pulled_models / "htdemucs"
    seen = []
    try:
        for better in (False, False, True):
            if better:
                write_separator(pulled, network())
            job = client.wait(client.create_job(track.id, ["separate"]))
            seen.append((job.result(Separate).model.name, job.task(TaskName.SEPARATE).cached))
        assert pulled.name in {card.name for card in client.models()}
    finally:
        shutil.rmtree(pulled)
    assert seen == [("demucs-mini", False), ("demucs-mini", True), ("htdemucs", False)]
