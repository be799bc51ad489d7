"""A track's state: the newest result of each task, model and variant, however that result came."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from phonoscope.contract import Track
from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import alembic_config
from phonoscope.db.library.artifacts import artifacts_of
from phonoscope.db.library.erase import delete_track
from phonoscope.db.library.facts import Facts, facts_of
from phonoscope.db.library.labels import TrackLabels, labels_of
from phonoscope.db.library.results import newest_artifact, newest_result, track_results
from phonoscope.db.library.tracks import list_tracks
from phonoscope.db.schema.tables import JobRow, TrackResultRow, TrackRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.tasks.create import create_job
from phonoscope.states import TaskName
from phonoscope.work import Artifact, CacheKey, Outcome
from tests.integration.life import (
    CPU,
    SLOW,
    claimed,
    classified,
    empty,
    end,
    heard_by,
    new_job,
    new_track,
)
from tests.support import columns_of

HEARD = [TaskName.CLASSIFY]


@pytest.fixture(autouse=True)
def nothing_else(database: Database) -> None:
    """No other test's tasks queue here."""
    empty(database)


def state_of(database: Database, track: TrackRow) -> dict[tuple[str, str, str], TrackResultRow]:
    with database.transaction() as session:
        return {(row.task, row.model, row.variant): row for row in track_results(session, track.id)}


def asked(
    database: Database, track: TrackRow, task: TaskName, known_by: str = "", options: dict[str, Any] | None = None
) -> JobRow:
    """A job with one task; ``known_by`` is its fingerprint."""
    ledger = {task: CacheKey(known_by, frozenset({"d"}))} if known_by else None
    with database.transaction() as session:
        return create_job(session, track, [task], options or {}, {}, ledger=ledger)


def labels(database: Database, track: TrackRow) -> TrackLabels:
    with database.transaction() as session:
        return labels_of(session, [track.id])[track.id]


def test_what_was_computed_is_the_state(database: Database) -> None:
    """One row for each task, with the job that asked, the task that computed, and when."""
    track = new_track(database)
    job = new_job(database, track)
    end(database, claimed(database))
    state = state_of(database, track)
    assert set(state) == {("classify", "m", ""), ("embed", "m", "")}
    row, task = state["classify", "m", ""], job.tasks[0]
    assert (row.job_id, row.task_id, row.produced_by, row.body) == (job.id, task.id, task.id, {"a": 1})
    assert row.finished_at is not None


def test_facts_are_of_the_newest_results(database: Database) -> None:
    """Kind, tempo and key, each where a result says it; of another audio track nothing is told."""

    def facts() -> Facts | None:
        with database.transaction() as session:
            return facts_of(session, [track.id]).get(track.id)

    track = new_track(database)
    assert facts() is None
    asked(database, track, TaskName.CLASSIFY)
    end(database, claimed(database), classify=Outcome({"kind": "music"}, None, "m", "d"))
    assert facts() == Facts("music")
    for tempo in (90.5, 120.0):
        asked(database, track, TaskName.DESCRIBE)
        body = {"tempo_bpm": tempo, "key": "A minor"}
        end(database, claimed(database, CPU), describe=Outcome(body, None, None, None))
    assert facts() == Facts("music", 120.0, "A minor")
    asked(database, track, TaskName.DESCRIBE, options={"audio_track": 1})
    end(database, claimed(database, CPU), describe=Outcome({"tempo_bpm": 60.0, "key": None}, None, None, None))
    assert facts() == Facts("music", 120.0, "A minor")
    asked(database, track, TaskName.DESCRIBE)
    end(database, claimed(database, CPU), describe=Outcome({"tempo_bpm": None, "key": None}, None, None, None))
    assert facts() == Facts("music")


def test_a_repeat_is_the_newest_and_keeps_who_computed(database: Database) -> None:
    """Artifacts stay with the task that made them; the job is the one that asked last."""
    track = new_track(database)
    made = Artifact("waveform.npz", "waveform", "application/x-npz", b"1")
    first = asked(database, track, TaskName.DESCRIBE, "a")
    end(database, claimed(database, CPU), describe=Outcome({}, None, None, "d", artifacts=(made,)))
    again = asked(database, track, TaskName.DESCRIBE, "a")
    row = state_of(database, track)["describe", "", ""]
    assert (row.job_id, row.task_id, row.produced_by) == (again.id, again.tasks[0].id, first.tasks[0].id)
    with database.transaction() as session:
        found = newest_artifact(session, track.id, TaskName.DESCRIBE, "waveform")
        assert found is not None
        assert found.id == made.id
        assert [each.id for each in artifacts_of(session, row.produced_by)] == [made.id]
        assert newest_artifact(session, track.id, TaskName.DESCRIBE, "spectrogram") is None


def test_a_follower_s_job_is_the_one_that_asked_last(database: Database) -> None:
    """Its leader computed for both."""
    track = new_track(database)
    jobs = [asked(database, track, TaskName.CLASSIFY, "a") for _ in range(2)]
    end(database, claimed(database))
    row = state_of(database, track)["classify", "m", ""]
    assert (row.job_id, row.produced_by) == (jobs[1].id, jobs[0].tasks[0].id)


def test_variants_stand_side_by_side(database: Database) -> None:
    """Stems by each choice of two, explanations by each label asked for; the newest of all is found too."""
    track = new_track(database)
    for two_stems in (None, "vocals", "drums"):
        asked(database, track, TaskName.SEPARATE, options={"separate": {"two_stems": two_stems}})
        end(database, claimed(database, SLOW), separate=Outcome({"of": two_stems}, None, "htdemucs", "d"))
    for label in (None, "dog"):
        asked(database, track, TaskName.EXPLAIN, options={"explain": {"label": label}})
        end(database, claimed(database))
    assert set(state_of(database, track)) == {
        *(("separate", "htdemucs", variant) for variant in ("", "vocals", "drums")),
        *(("explain", "m", variant) for variant in ("", "dog")),
    }
    with database.transaction() as session:
        newest = newest_result(session, track.id, TaskName.SEPARATE)
        assert newest is not None
        assert (newest.variant, newest.body) == ("drums", {"of": "drums"})
        assert newest_result(session, track.id, TaskName.MIXDOWN) is None


def test_the_evidence_of_a_stretch_is_kept_beside_that_of_the_whole(database: Database) -> None:
    """The newest stretch of each label, of each audio track; none takes the place of the whole's."""
    track = new_track(database)
    jobs: dict[str, JobRow] = {}
    whole: list[dict[str, Any]] = [{}, {"label": "dog"}]
    for asks in (*whole, {"start_s": 1.0}, {"label": "dog", "end_s": 3.0}, {"label": "dog", "start_s": 0.0}):
        jobs[str(asks)] = asked(database, track, TaskName.EXPLAIN, options={"explain": asks})
        end(database, claimed(database))
    of_another = {"audio_track": 1, "explain": {"start_s": 1.0, "end_s": 2.0}}
    other = asked(database, track, TaskName.EXPLAIN, options=of_another)
    end(database, claimed(database))
    state = state_of(database, track)
    assert {variant: row.job_id for (_, _, variant), row in state.items()} == {
        "": jobs["{}"].id,
        "dog": jobs["{'label': 'dog'}"].id,
        "stretch\n": jobs["{'start_s': 1.0}"].id,
        "stretch\ndog": jobs["{'label': 'dog', 'start_s': 0.0}"].id,
        "1\nstretch\n": other.id,
    }
    assert {row.own_variant for row in state.values()} == {"", "dog"}


def test_failures_change_nothing(database: Database) -> None:
    """The result from before stays, and what failed alone has none."""
    track = new_track(database)
    job = new_job(database, track, HEARD)
    end(database, claimed(database))
    new_job(database, track)
    failed = Outcome(problem={"code": "task_failed"})
    end(database, claimed(database), classify=failed, embed=failed)
    state = state_of(database, track)
    assert {key: row.job_id for key, row in state.items()} == {("classify", "m", ""): job.id}


def test_the_state_goes_with_its_track(database: Database) -> None:
    """No row is left."""
    track = new_track(database)
    new_job(database, track)
    end(database, claimed(database))
    with database.transaction() as session:
        delete_track(session, Actor(track.owner_id), track.id)
    assert state_of(database, track) == {}


def test_labels_are_kept_by_model(database: Database) -> None:
    """What another model says takes no label away, and an answer from the ledger counts like a computed one."""
    track = new_track(database)
    for known_by, outcome in (("a", classified("rain", "env")), ("b", classified("disco", "genre"))):
        asked(database, track, TaskName.CLASSIFY, known_by)
        end(database, claimed(database), classify=outcome)
    assert labels(database, track) == TrackLabels("disco", {"genre": ["disco"], "env": ["rain"]})
    asked(database, track, TaskName.CLASSIFY, "a")
    assert labels(database, track) == TrackLabels("rain", {"env": ["rain"], "genre": ["disco"]})
    asked(database, track, TaskName.CLASSIFY)
    end(database, claimed(database), classify=classified("rain", "env", unknown=True))
    assert labels(database, track) == TrackLabels(None, {"genre": ["disco"]})


def test_tracks_are_found_by_a_model_s_label(database: Database) -> None:
    """By any model's, or by that of the model named."""
    track = new_track(database)
    for model, label in (("env", "rain"), ("genre", "disco")):
        asked(database, track, TaskName.CLASSIFY)
        end(database, claimed(database), classify=classified(label, model))
    assert found(database, track, label="rain")
    assert found(database, track, label="disco")
    assert found(database, track, label="rain", model="env")
    assert not found(database, track, label="rain", model="genre")
    assert not found(database, track, label="jazz")


def test_tracks_are_found_by_the_labels_of_every_answer(database: Database) -> None:
    """Of the model that counts and of those beside it; an unknown answer has none, a later one replaces a model's."""
    track = new_track(database)
    asked(database, track, TaskName.CLASSIFY)
    answers = heard_by(("genre", ["jazz"]), ("tags", ["jazz", "instrumental"]), ("env", []))
    end(database, claimed(database), classify=answers)
    assert labels(database, track) == TrackLabels("jazz", {"genre": ["jazz"], "tags": ["jazz", "instrumental"]})
    assert found(database, track, label="instrumental", model="tags")
    assert found(database, track, label="instrumental")
    assert not found(database, track, label="instrumental", model="genre")
    asked(database, track, TaskName.CLASSIFY)
    end(database, claimed(database), classify=heard_by(("tags", ["folk"]), ("env", ["rain"])))
    assert labels(database, track) == TrackLabels("folk", {"tags": ["folk"], "env": ["rain"], "genre": ["jazz"]})
    assert not found(database, track, label="instrumental")
    assert found(database, track, label="jazz", model="genre")


def test_the_model_that_counts_may_be_unknown_beside_others(database: Database) -> None:
    """Then the track has no label of its own, and is found by those of the other models."""
    track = new_track(database)
    asked(database, track, TaskName.CLASSIFY)
    end(database, claimed(database), classify=heard_by(("genre", []), ("tags", ["folk"])))
    known = labels(database, track)
    assert (known, known.of(None), known.of("genre")) == (TrackLabels(None, {"tags": ["folk"]}), None, None)
    assert found(database, track, label="folk")


def test_followers_and_repeats_have_the_labels_of_every_answer(database: Database) -> None:
    """An answer from the ledger counts like a computed one."""
    track = new_track(database)
    for _ in range(2):
        asked(database, track, TaskName.CLASSIFY, "a")
    end(database, claimed(database), classify=heard_by(("genre", ["jazz"]), ("tags", ["swing"])))
    asked(database, track, TaskName.CLASSIFY)
    end(database, claimed(database), classify=heard_by(("tags", ["folk"])))
    asked(database, track, TaskName.CLASSIFY, "a")
    assert labels(database, track) == TrackLabels("jazz", {"genre": ["jazz"], "tags": ["swing"]})


def found(database: Database, track: TrackRow, **filters: Any) -> bool:
    """Whether the track's owner finds it, and nothing else."""
    with database.transaction() as session:
        rows, _ = list_tracks(session, track.owner_id, cursor=None, limit=10, **filters)
        return [row.id for row in rows] == [track.id]


def test_ends_of_two_jobs_that_share_keys_do_not_block_each_other(database: Database) -> None:
    """One ends a task that the other job follows, both write the same row: neither waits for the other's job."""
    track = new_track(database)
    for round_ in range(20):
        known = {TaskName.CLASSIFY: f"c{round_}", TaskName.EXPLAIN: f"e{round_}"}
        own = {TaskName.CLASSIFY: f"c{round_}", TaskName.EXPLAIN: f"other{round_}"}
        jobs = [new_job(database, track, list(each), each) for each in (known, own)]
        claims = [claimed(database) for _ in jobs]
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(lambda held: end(database, held), claims)) == [[], []]


def test_an_old_database_starts_with_its_state(database: Database, database_url: str) -> None:
    """The migration finds what jobs left: the newest by key, who computed it, and labels; and gives them back."""
    track = new_track(database)
    for known_by, outcome in (("a", classified("rain", "env")), ("b", classified("disco", "genre"))):
        asked(database, track, TaskName.CLASSIFY, known_by)
        end(database, claimed(database), classify=outcome)
    asked(database, track, TaskName.CLASSIFY, "a")
    asked(database, track, TaskName.SEPARATE, options={"separate": {"two_stems": "vocals"}})
    end(database, claimed(database, SLOW), separate=Outcome({}, None, "htdemucs", "d"))
    before = facts(state_of(database, track))
    config = alembic_config(database_url)
    command.downgrade(config, "0004")
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT label FROM tracks WHERE id = :id"), {"id": track.id}) == "rain"
        kept = "INSERT INTO idempotency_keys (owner_id, key, request_sha256, body) VALUES (:owner, 'k', '', :body)"
        connection.execute(text(kept), {"owner": track.owner_id, "body": json.dumps(answer_of_old(track))})
    engine.dispose()
    command.upgrade(config, "head")
    assert len(before) == 3
    assert facts(state_of(database, track)) == before
    assert labels(database, track) == TrackLabels("rain", {"env": ["rain"], "genre": ["disco"]})
    with database.transaction() as session:
        body = session.scalar(text("SELECT body FROM idempotency_keys WHERE owner_id = :id"), {"id": track.owner_id})
    assert Track.model_validate(body).id == track.id


def test_a_database_of_before_has_the_labels_of_every_answer(database: Database, database_url: str) -> None:
    """The migration reads them from results that had no list of them; and gives back one for each track and model."""
    track, lone = new_track(database), new_track(database)
    likely = [{"label": name, "probability": value} for name, value in (("folk", 0.5), ("sad", 0.3), ("rock", 0.1))]
    one = {"top": likely, "unknown": False, "several": False, "thresholds": [0.2] * 3}
    body = {"model": {"name": "genre", "digest": "d"}, **one, "answers": [
        {"model": {"name": "genre", "digest": "d"}, **one},
        {"model": {"name": "tags", "digest": "d"}, **one, "several": True, "thresholds": [0.2, 0.3, 0.2]},
        {"model": {"name": "env", "digest": "d"}, **one, "unknown": True},
    ]}  # fmt: skip
    config = alembic_config(database_url)
    for each, made in ((track, body), (lone, {"top": likely, "unknown": False})):
        asked(database, each, TaskName.CLASSIFY)
        end(database, claimed(database), classify=Outcome(made, None, "genre", "d"))
    answered = answer_of_old(track) | {"labels": {"genre": ["folk"]}}
    kept = "INSERT INTO idempotency_keys (owner_id, key, request_sha256, body) VALUES (:owner, 'l', '', :body)"
    with database.transaction() as session:
        session.execute(text(kept), {"owner": track.owner_id, "body": json.dumps(answered)})
        session.execute(text("DELETE FROM track_labels"))
    command.downgrade(config, "0006")
    command.upgrade(config, "head")
    assert labels(database, track) == TrackLabels("folk", {"genre": ["folk"], "tags": ["folk", "sad"]})
    assert labels(database, lone) == TrackLabels("folk", {"genre": ["folk"]})
    command.downgrade(config, "0006")
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT label FROM track_results")).scalars().all() == ["folk", "folk"]
        body = connection.scalar(text("SELECT body FROM idempotency_keys WHERE owner_id = :id"), {"id": track.owner_id})
    engine.dispose()
    assert body["labels"] == {"genre": "folk"}
    command.upgrade(config, "head")
    with database.transaction() as session:
        body = session.scalar(text("SELECT body FROM idempotency_keys WHERE owner_id = :id"), {"id": track.owner_id})
    assert body["labels"] == {"genre": ["folk"]}


def answer_of_old(track: TrackRow) -> dict[str, Any]:
    """What an upload was answered before tracks had labels by model and a link."""
    later = ("owner_id", "object_key", "name", "notes", "revision")
    facts = {name: value for name, value in columns_of(track).items() if name not in later}
    return facts | {"label": None, "created_at": track.created_at.isoformat()}


def facts(state: dict[tuple[str, str, str], TrackResultRow]) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    return {key: (row.task_id, row.produced_by, row.finished_at) for key, row in state.items()}
