"""Words compared with sounds in one space, by a CLAP with random weights."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import text

from phonoscope.catalogue import LiveCatalogue
from phonoscope.client import ApiError, Client
from phonoscope.db.access.engine import Database
from phonoscope.states import Status
from phonoscope.text.clap import LiveTextTower
from tests.clap import pull_clap, small_clap
from tests.support import RunningStack, tone_wav

WORDS = "a dog barking in the rain"
_HEARD = text(
    """
    SELECT model, label FROM label_peaks JOIN labels ON labels.id = label_id
    WHERE track_id = :track_id ORDER BY best DESC LIMIT 1
    """
)


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


@pytest.mark.long
def test_a_label_that_is_filtered_by_is_none_of_its_windows(
    stack: RunningStack, tower: LiveTextTower, tmp_path: Path
) -> None:
    """So words are searched by labels; by CLAP, if asked for, recordings have the label in windows of other spaces."""
    with stack.client(f"sentences-{uuid4()}") as client:
        tracks = [embedded(client, tmp_path, seed) for seed in (1, 2)]
        heard = heard_in(stack, tracks[0])
        filters = {"labels": [{"label": heard.label, "model": heard.model, "least_probability": 0.03}]}
        assert client.search(WORDS).query.way == "clap"
        assert client.search(WORDS, filters=filters).query.way != "clap"
        found = client.search(WORDS, way="clap", filters=filters)
        assert found.query.way == "clap"
        assert tracks[0] in {item.track.id for item in found.items}
        with pytest.raises(ApiError) as refused:
            client.search(WORDS, way="clap", unit="moment", filters=filters)
        assert (refused.value.status_code, refused.value.problem["errors"][0]["field"]) == (422, "way")
        moments = client.search(track_id=tracks[0], space="clap", unit="moment", filters=filters)
        assert (moments.items, len(moments.query.notes)) == ([], 1)
        assert repr(heard.label) in moments.query.notes[0]
        own = client.search(track_id=tracks[0], space=heard.model, unit="moment", filters=filters)
        assert own.query.notes == []


def heard_in(stack: RunningStack, track_id: str) -> Any:
    """The model and the label of what is most heard in a recording."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    try:
        with database.transaction() as session:
            return session.execute(_HEARD, {"track_id": track_id}).one()
    finally:
        database.close()


def test_without_the_model_it_is_refused_by_the_command_that_fetches_it(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.search(WORDS, way="clap")
    assert (refused.value.status_code, refused.value.problem["errors"][0]["field"]) == (422, "way")
    assert "phonoscope models pull clap" in refused.value.detail
