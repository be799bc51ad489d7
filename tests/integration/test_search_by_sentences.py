"""Words compared with sounds in one space, by a CLAP with random weights."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from phonoscope.catalogue import LiveCatalogue
from phonoscope.client import ApiError, Client
from phonoscope.states import Status
from phonoscope.text.clap import LiveTextTower
from tests.clap import pull_clap, small_clap
from tests.support import RunningStack, tone_wav

WORDS = "a dog barking in the rain"


@pytest.fixture
def tower(stack: RunningStack) -> Iterator[LiveTextTower]:
    """The text tower that the running gateway has too."""
    place = pull_clap(stack.pulled_models, small_clap())
    yield LiveTextTower(LiveCatalogue(stack.pulled_models))
    shutil.rmtree(place)


def embedded(client: Client, folder: Path, seed: int) -> str:
    path = folder / f"{seed}.wav"
    path.write_bytes(tone_wav(12.0, 200.0 * seed, seed=seed))
    job = client.wait(client.analyze(path, ["embed"]))
    assert job.status is Status.SUCCEEDED, job.model_dump_json()
    return job.recording


@pytest.mark.long
def test_words_are_compared_with_windows_once_all_are_there(
    stack: RunningStack, tower: LiveTextTower, tmp_path: Path
) -> None:
    """The similarity is the cosine with the nearest window. Words that are what the owner said are that label."""
    with stack.client(f"sentences-{uuid4()}") as client:
        tracks = [embedded(client, tmp_path, seed) for seed in (1, 2, 3)]
        answer = client.search(WORDS)
        space, words = tower.vector(WORDS)
        assert answer.query.space is not None
        assert (answer.query.way, answer.query.space.name) == ("clap", space.model)
        best = {
            track: max(float(np.dot(words, window.vector)) for window in client.vectors(track, model="clap").windows)
            for track in tracks
        }
        assert [item.track.id for item in answer.items] == sorted(tracks, key=lambda track: -best[track])
        for item in answer.items:
            assert item.similarity == pytest.approx(best[item.track.id], abs=2e-3)
            assert (item.way, item.moment is not None) == ("clap", True)
        assert client.search(WORDS, way="labels").query.way in {"meaning", "spelling"}
        assert {item.track.id for item in client.search(WORDS, unit="moment").items} == set(tracks)
        client.say_label(tracks[1], "qwx_zj")
        own = client.search("Qwx zj")
        assert (own.query.way != "clap", [item.track.id for item in own.items]) == (True, [tracks[1]])
        assert client.search("dog").query.way == "clap"
        client.say_label(tracks[2], "dog")
        said = client.search("Dog")
        assert (said.query.way != "clap", said.items[0].track.id) == (True, tracks[2])
        assert client.search("Dog", way="clap").query.way == client.search(WORDS).query.way == "clap"
        with pytest.raises(ApiError) as refused:
            client.search(WORDS, space="clap")
        assert refused.value.problem["errors"][0]["field"] == "space"


def test_without_the_model_it_is_refused_by_the_command_that_fetches_it(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.search(WORDS, way="clap")
    assert (refused.value.status_code, refused.value.problem["errors"][0]["field"]) == (422, "way")
    assert "phonoscope models pull clap" in refused.value.detail
