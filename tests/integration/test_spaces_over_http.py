"""Spaces of a model that is replaced while the stack runs, and a track's vectors: over HTTP and by commands."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from typer.testing import CliRunner

from phonoscope.client import ApiError, Client
from phonoscope.contract import SpaceCard, SpaceState
from phonoscope.states import Status
from phonoscope_cli.app import app
from tests.classifiers import write_classifier
from tests.integration.spaces_of import recall_of
from tests.support import RunningStack, environment, phonoscope, tone_wav


@pytest.fixture
def folder(stack: RunningStack) -> Iterator[Path]:
    """Where a new model can be put, and replaced, that the running gateway and workers look for."""
    place = stack.pulled_models / f"m-{uuid4().hex[:8]}"
    yield place
    for one in (place, place.with_name(f"{place.name}-twin")):
        shutil.rmtree(one, ignore_errors=True)


def embedded(client: Client, folder: Path, model: str, seed: int) -> str:
    """The id of a track that was embedded by a model."""
    path = folder / f"{seed}.wav"
    path.write_bytes(tone_wav(2.0, seed=seed))
    job = client.wait(client.analyze(path, ["embed"], {"classify": {"model": model}}))
    assert job.status is Status.SUCCEEDED, job.model_dump_json()
    return job.recording


def of(client: Client, model: str) -> dict[SpaceState, SpaceCard]:
    return {card.state: card for card in client.spaces() if card.model == model}


def filled(client: Client, model: str) -> SpaceCard:
    """The model's served space, once its reembedding has ended."""
    deadline = time.monotonic() + 120.0
    while True:
        (card,) = (card for card in client.spaces() if card.model == model and card.state is not SpaceState.OLD)
        if card.reembedding is not None and card.reembedding.finished_at is not None:
            return card
        assert time.monotonic() < deadline, card
        time.sleep(0.2)


@pytest.mark.long
def test_a_model_is_replaced(
    client: Client, stranger: Client, stack: RunningStack, folder: Path, tmp_path: Path
) -> None:
    """Searches stay in the old space until the new one is filled; then it can be dropped, and not before."""
    model = folder.name
    write_classifier(folder, "bell", 1)
    # Of equal weights under another name each has a space of its own.
    write_classifier(twin := folder.with_name(f"{model}-twin"), "bell", 1)
    stranger.delete_track(embedded(stranger, tmp_path, twin.name, 900))
    tracks = [embedded(client, tmp_path, model, seed) for seed in (901, 902, 903)]
    foreign = [embedded(stranger, tmp_path, model, seed) for seed in (904, 905)]
    before = of(client, model)[SpaceState.CURRENT]
    assert (before.tracks, before.read, before.missing, before.windows) == (3, True, 0, 9)
    assert client.wait(client.create_job(None, ["map"], {"map": {"model": model}})).status is Status.SUCCEEDED
    write_classifier(folder, "dog", 2)
    newest = embedded(client, tmp_path, model, 906)
    spaces = of(client, model)
    old, new = spaces[SpaceState.OLD], spaces[SpaceState.FILLING]
    assert (old.id, old.tracks, old.read, new.tracks, new.read) == (before.id, 3, True, 1, False)
    assert (new.missing, new.total) == (3, 4)
    found = client.neighbours(tracks[0], model=model)
    assert ({near.track.id for near in found.items}, found.outdated) == (set(tracks[1:]), 1)
    assert client.similar(newest, model=model) == []
    assert client.library_map(model).missing == 1
    assert {client.vectors(track, model=model).space.id for track in tracks} == {old.id}
    assert client.vectors(newest, model=model).space.id == new.id
    for space_id in (old.id, new.id):
        with pytest.raises(ApiError) as refused:
            client.drop_space(space_id)
        assert (refused.value.status_code, refused.value.code) == (409, "space_in_use")
    searched = client.search(track_id=tracks[0], space=model)
    assert {item.track.id for item in searched.items} == set(tracks[1:])
    assert (searched.coverage.tracks, searched.coverage.of) == (3, 4)
    assert [card.id for card in client.reembed(model)] == [new.id]
    done = filled(client, model)
    searched = client.search(track_id=tracks[0], space=model)
    assert (searched.coverage.tracks, searched.coverage.of) == (4, 4)
    assert (done.state, done.tracks, done.read, done.missing) == (SpaceState.CURRENT, 4, True, 0)
    assert {near.track.id for near in client.similar(tracks[0], model=model)} == {*tracks[1:], newest}
    assert client.library_map(model).missing == 4
    assert client.reembed(model) == []
    assert {job.track_id for job in client.jobs(limit=50).items if job.track_id} == {*tracks, newest}
    assert len(client.jobs(limit=50).items) == 5
    assert {near.track.id for near in stranger.similar(foreign[0], model=model)} == {foreign[1]}
    client.drop_space(old.id)
    assert of(client, model).keys() == {SpaceState.CURRENT}
    assert of(stranger, model)[SpaceState.OLD].tracks == 2
    with pytest.raises(ApiError) as gone:
        client.drop_space(old.id)
    assert gone.value.status_code == 404
    with pytest.raises(ApiError) as absent:
        client.cancel_reembedding(new.id)
    assert absent.value.status_code == 404


@pytest.mark.long
def test_the_operator_fills_and_drops_the_spaces_of_all_owners(
    client: Client, stranger: Client, stack: RunningStack, folder: Path, tmp_path: Path
) -> None:
    """By the command line, which works on the database itself."""
    model = folder.name

    def told(*words: str, fails: bool = False) -> str:
        # The command knows the served models by the same settings as the gateway.
        env = {"COLUMNS": "200", "PHONOSCOPE_MORE_MODELS_DIR": str(stack.pulled_models)}
        result = CliRunner().invoke(app, ["spaces", *words, "--data-dir", str(stack.folder)], env=env)
        assert (result.exception is not None) == fails, result.output
        return result.output if not fails else str(result.exception)

    write_classifier(folder, "bell", 3)
    tracks = [embedded(each, tmp_path, model, 910 + index) for index, each in enumerate((client, stranger))]
    write_classifier(folder, "dog", 4)
    embedded(client, tmp_path, model, 912)
    old, new = (of(client, model)[state] for state in (SpaceState.OLD, SpaceState.FILLING))
    lines = [line for line in told("list").splitlines() if model in line]
    assert any("incomplete: 1 of 3" in line for line in lines), lines
    assert "is read by 2 owners" in told("drop", str(old.id), fails=True)
    assert f"2 tracks will be embedded in space {new.id}" in told("reembed", model)
    for each in (client, stranger):
        assert filled(each, model).missing == 0
    assert "nothing is missing" in told("reembed", model)
    assert "no reembedding into space" in told("cancel", str(new.id), fails=True)
    assert f"space {old.id} is dropped" in told("drop", str(old.id))
    assert not [card for card in stranger.spaces() if card.id == old.id]
    assert "no owner" in told("list", "--owner", "nobody", fails=True)
    assert tracks


@pytest.mark.long
def test_the_recall_that_was_measured_is_shown(
    client: Client, stack: RunningStack, folder: Path, tmp_path: Path
) -> None:
    """Over HTTP and by the command, which lists also where nothing else is asked for."""
    model = folder.name
    write_classifier(folder, "bell", 5)
    embedded(client, tmp_path, model, 930)
    with recall_of(stack, model, 0.97, 50):
        card = of(client, model)[SpaceState.CURRENT]
        assert card.recall == pytest.approx(0.97)
        assert card.recall_sample == 50
        for words in (["spaces"], ["spaces", "list"]):
            told = phonoscope(*words, settings={**environment(stack.settings), "COLUMNS": "200"})
            (line,) = (line for line in told.stdout.splitlines() if model in line)
            assert "0.970 of 50" in line, told.stderr


def test_the_vectors_of_a_track(client: Client, stranger: Client, stack: RunningStack, tmp_path: Path) -> None:
    """As JSON and as arrays they are the same, of length 1, with their times; only the owner has them."""
    path = tmp_path / "long.wav"
    path.write_bytes(tone_wav(12.0, seed=920))
    track = client.wait(client.analyze(path, ["embed"])).recording
    found = client.vectors(track)
    vectors = np.load(io.BytesIO(client.vectors_npy(track)), allow_pickle=False)
    spans = np.load(io.BytesIO(client.vectors_npy(track, "spans")), allow_pickle=False)
    assert (vectors.dtype, spans.dtype, vectors.shape, spans.shape) == ("float16", "float32", (4, 512), (4, 2))
    np.testing.assert_array_equal(vectors, np.array([window.vector for window in found.windows], np.float16))
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(float), axis=1), 1.0, atol=2e-3)
    assert [(window.start_s, window.end_s) for window in found.windows] == [tuple(row) for row in spans.tolist()]
    assert [window.position for window in found.windows] == [0, 1, 2, 3]
    assert (found.track_id, found.stem, found.windows[0].start_s) == (track, None, 0.0)
    assert client.vectors(track, space=found.space.id) == found
    out = tmp_path / "vectors.npy"
    keys = ["--url", stack.url, "--api-key", client._http.headers["Authorization"].split()[1]]
    result = CliRunner().invoke(app, ["vectors", track, "--to", str(out), *keys])
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(np.load(out), vectors)
    np.testing.assert_array_equal(np.load(tmp_path / "vectors.spans.npy"), spans)
    with pytest.raises(ApiError) as foreign:
        stranger.vectors(track)
    assert foreign.value.status_code == 404


@pytest.mark.long
def test_vectors_that_are_not_there_say_what_to_run(client: Client, tmp_path: Path) -> None:
    """Tracks without windows, stems, other spaces, silence; queries that are none, and types that are not offered."""
    path = tmp_path / "plain.wav"
    path.write_bytes(tone_wav(2.0, seed=921))
    plain = client.wait(client.analyze(path, ["embed"], {"embed": {"windows": False}})).recording
    path.write_bytes(tone_wav(2.0)[:44] + bytes(2 * 88_200))
    quiet = client.wait(client.analyze(path, ["embed"])).recording

    def refused(track: str, accept: str = "*/*", **query: str) -> tuple[int, str, str]:
        answer = client._http.get(f"/v1/tracks/{track}/vectors", params=query, headers={"Accept": accept})
        return answer.status_code, answer.json()["code"], answer.text

    for query in ({}, {"stem": "drums"}, {"space": "32767"}):
        assert refused(plain, **query)[:2] == (404, "not_found")
    assert "run a job with the task 'embed'" in refused(plain)[2]
    assert refused(quiet)[:2] == (422, "silent_recording")
    assert refused("trk_nobody")[:2] == (404, "not_found")
    assert refused(plain, model="nobody")[:2] == (422, "unknown_model")
    wrong = {"space": ("0", "1e9", "99999"), "format": ("csv",), "part": ("x",), "a": ("b",)}
    for name, value in ((name, value) for name, values in wrong.items() for value in values):
        status, code, body = refused(plain, **{name: value})
        assert (status, code, f'"{name}' in body) == (422, "invalid_request", True)
    assert refused(plain, accept="image/png")[:2] == (406, "not_acceptable")
    for wrong_path, refusal in (("0", 422), ("32768", 422), ("x/reembedding", 404)):
        assert client._http.delete(f"/v1/spaces/{wrong_path}").status_code == refusal
    assert client._http.options("/v1/spaces/reembed").headers["Allow"] == "POST"
    assert client._http.post("/v1/spaces/reembed", params={"model": "nobody"}).json()["code"] == "unknown_model"
