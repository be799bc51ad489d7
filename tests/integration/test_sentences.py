"""Words and sounds in one space, once CLAP was pulled into a running stack."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from phonoscope.catalogue import LiveCatalogue
from phonoscope.client import Client
from phonoscope.db.access.engine import Database
from phonoscope.states import Status, TaskName
from phonoscope.tasks import Classify, Embed
from phonoscope.tasks.classify import Asked
from phonoscope.tasks.embed import EmbedResult
from phonoscope.text.clap import LiveTextTower
from tests.clap import pull_clap, small_clap
from tests.support import RunningStack, tone_wav

_NEAREST = text(
    """
    SELECT start_s, end_s, -(vector <#> CAST(:vector AS halfvec)) AS similarity
    FROM window_embeddings JOIN spaces ON spaces.id = space_id
    WHERE track_id = :track_id AND spaces.digest = :digest
    """
)


@pytest.fixture
def clap(stack: RunningStack) -> Iterator[None]:
    """A small CLAP, which is pulled when it is first asked for, and gone after the test."""
    yield
    shutil.rmtree(stack.pulled_models / "clap", ignore_errors=True)
    (stack.pulled_models / ".clap.lock").unlink(missing_ok=True)


@pytest.mark.long
def test_words_are_compared_with_windows_once_it_is_pulled(
    stack: RunningStack, client: Client, clap: None, tmp_path: Path
) -> None:
    """A running worker hears with it from the next job on; an earlier embedding is made again."""
    path = tmp_path / "one.wav"
    path.write_bytes(tone_wav(12.0, seed=911))
    track = client.upload(path)
    asked = {"classify": {"labels": ["rain", "a dog"]}}

    def run() -> tuple[EmbedResult, Asked, bool]:
        job = client.wait(client.create_job(track.id, ["classify", "embed"], asked))
        assert job.status is Status.SUCCEEDED, job.model_dump_json()
        answered = job.result(Classify).asked
        assert answered is not None
        return job.result(Embed), answered, job.task(TaskName.EMBED).cached

    embedded, answered, _ = run()
    assert "clap" not in {space.name for space in embedded.spaces}
    assert answered.way != "clap"
    pull_clap(stack.pulled_models, small_clap())
    embedded, answered, cached = run()
    assert (cached, embedded.warnings, answered.way) == (False, [], "clap")
    assert embedded.spaces[-1].name == "clap"
    assert embedded.model.name != "clap"
    space, vector = LiveTextTower(LiveCatalogue(stack.pulled_models)).vector("a dog barking in the rain")
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    try:
        with database.transaction() as session:
            at = {"track_id": track.id, "digest": space.digest, "vector": str(vector.tolist())}
            hits = session.execute(_NEAREST, at).all()
    finally:
        database.close()
    assert {(hit.start_s, hit.end_s) for hit in hits} == {(0.0, 10.0), (2.0, 12.0)}
    assert all(-1.0 <= hit.similarity <= 1.0 for hit in hits)
    assert run()[2]
