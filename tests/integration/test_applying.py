"""Labelling a library by a classifier, from the vectors that are kept of it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select, text, update

from phonoscope.contract import JobOptions
from phonoscope.db.access.engine import Database
from phonoscope.db.classifiers import applying
from phonoscope.db.classifiers.applying import Labelling, applying_job, begin_labelling
from phonoscope.db.classifiers.heads import forget_labels
from phonoscope.db.library.labels import labels_of
from phonoscope.db.schema.classifiers import ClassifierRow
from phonoscope.db.schema.tables import JobRow, TrackLabelsRow, TrackRow
from phonoscope.db.tasks.cancel import cancel_job
from phonoscope.db.tasks.claim import claim_next
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.db.tasks.requeue import hand_back
from phonoscope.db.tasks.windows import space_id
from phonoscope.errors import UnknownModel, WorkerLost
from phonoscope.states import Lane, Pool, Status, TaskName, TaskQueue
from phonoscope.work import Claim, Library, Outcome
from phonoscope_cpu.applying import apply_task, label_all
from phonoscope_ml.teaching import from_files, probabilities
from phonoscope_worker import Work
from tests.integration.life import empty
from tests.own_heads import LABELS, OwnFiles, general_body, keep_head, own_head
from tests.support import add_track

LONG = TaskQueue(Pool.CPU, Lane.LONG)
SPACE = general_body().space
Vectors = NDArray[np.float32]


@pytest.fixture
def owner_id(database: Database) -> str:
    """An owner of five tracks: with three windows, with one, silent, never embedded, embedded without windows."""
    empty(database)
    owner_id = f"own_{uuid4().hex}"
    rng = np.random.default_rng(3)
    with database.transaction() as session:
        add_track(session, owner_id, f"{owner_id}_0", "a")
        for number in range(1, 5):
            session.execute(_COPY_TRACK, {"id": f"{owner_id}_{number}", "of": f"{owner_id}_0", "number": number})
    for number, windows in ((0, 3), (1, 1)):
        embed(database, owner_id, number, rng.standard_normal((windows, 512)))
    with database.transaction() as session:
        for number, vector in ((2, None), (4, str([1.0] + 511 * [0.0]))):
            values = {"id": f"{owner_id}_{number}", "owner_id": owner_id, "vector": vector}
            session.execute(_EMBED, {**values, "model": SPACE.model, "digest": SPACE.digest})
    return owner_id


_COPY_TRACK = text(
    """
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key, created_at)
    SELECT :id, owner_id, :id, filename, size_bytes, media_type, container, codec, sample_rate_hz, channels, duration_s,
           warnings, object_key, created_at + :number * interval '1 second' FROM tracks WHERE id = :of
    """
)
_EMBED = text(
    """
    INSERT INTO embeddings (track_id, owner_id, model_name, model_digest, vector)
    VALUES (:id, :owner_id, :model, :digest, CAST(:vector AS halfvec))
    """
)
_WINDOW = text(
    """
    INSERT INTO window_embeddings (track_id, space_id, position, owner_id, start_s, end_s, vector, heard)
    VALUES (:id, :space_id, :position, :owner_id, :position, :position + 1, CAST(:vector AS halfvec), '{}/1000000')
    """
)


def embed(database: Database, owner_id: str, number: int, vectors: NDArray[Any]) -> None:
    """Keeps windows of a track, in the place of those before."""
    with database.transaction() as session:
        of = {"id": f"{owner_id}_{number}", "space_id": space_id(session, SPACE), "owner_id": owner_id}
        session.execute(text("DELETE FROM window_embeddings WHERE track_id = :id"), of)
        for position, vector in enumerate(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)):
            session.execute(_WINDOW, {**of, "position": position, "vector": str(vector.tolist())})


def kept_vectors(database: Database, track_id: str) -> Vectors:
    with database.transaction() as session:
        of_track = text("SELECT vector FROM window_embeddings WHERE track_id = :id ORDER BY position")
        rows = session.scalars(of_track, {"id": track_id}).all()
        return np.array([json.loads(row) for row in rows], np.float32)


def teach(database: Database, owner_id: str, files: OwnFiles) -> None:
    with database.transaction() as session:
        keep_head(session, owner_id, files)


def new_job(database: Database, owner_id: str) -> JobRow:
    options = JobOptions.model_validate({"apply": {"classifier": "shades"}}).model_dump(mode="json")
    with database.transaction() as session:
        return create_job(session, Library(owner_id), [TaskName.APPLY], options, {})


def claimed(database: Database) -> Claim:
    with database.transaction() as session:
        held = claim_next(session, LONG, "cpu", "worker")
    assert held is not None
    return held


@pytest.fixture
def claim(database: Database, owner_id: str) -> Claim:
    """Of a job that applies the owner's classifier, which is taught before it is run."""
    new_job(database, owner_id)
    return claimed(database)


def work_of(database: Database, claim: Claim) -> Work:
    options = JobOptions.model_validate(claim.options)
    return Work(
        claim, options, io.BytesIO(), lambda *_: None, labelling=lambda name: begin_labelling(database, claim, name)
    )


def run(database: Database, claim: Claim) -> dict[str, Any]:
    """Runs the task and commits its end, as a worker does."""
    outcome = apply_task(work_of(database, claim))
    assert outcome.body is not None
    with database.transaction() as session:
        assert end_tasks(session, claim, {TaskName.APPLY: outcome}, {}) is not None
    return outcome.body


def said(database: Database, owner_id: str) -> dict[int, list[str]]:
    """What the classifier says of each track, by number."""
    with database.transaction() as session:
        rows = session.execute(select(TrackLabelsRow.track_id, TrackLabelsRow.labels)).all()
        return {int(row.track_id.rpartition("_")[2]): row.labels for row in rows if row.track_id.startswith(owner_id)}


@pytest.mark.parametrize(
    ("activation", "thresholds"), [("softmax", [0.4]), ("sigmoid", [0.55, 0.4, 0.5]), ("softmax-none", [0.2])]
)
def test_labels_are_those_of_the_mean_over_windows(
    database: Database, owner_id: str, claim: Claim, activation: str, thresholds: Sequence[float]
) -> None:
    """By the rule of ``classify``: thresholds on the mean, the most probable first; silence is unknown."""
    files = own_head(activation=activation, thresholds=thresholds)
    teach(database, owner_id, files)
    body = run(database, claim)
    head, wanted = from_files(*files), dict[int, list[str]]()
    for number in (0, 1):
        mean = probabilities(head, kept_vectors(database, f"{owner_id}_{number}")).mean(axis=0)
        above = mean >= head.thresholds
        best = [int(index) for index in np.argsort(-mean) if above[index]]
        counted = best if activation == "sigmoid" else ([int(mean.argmax())] if best else [])
        wanted[number] = [LABELS[index] for index in counted]
    assert said(database, owner_id) == {**wanted, 2: []}
    unknown = 1 + sum(not labels for labels in wanted.values())
    counts = {"tracks": 5, "changed": 3 - unknown, "unknown": unknown, "without_vectors": 2}
    assert counts.items() <= body.items()
    assert body["model"]["digest"] == f"sha256:{files[0].on[0].weights.sha256}"


def test_what_is_applied_again_says_what_changed(database: Database, owner_id: str, claim: Claim) -> None:
    """Nothing by the same version; by another what it says otherwise."""
    teach(database, owner_id, own_head(bias=[9.0, 0.0, 0.0]))
    first = run(database, claim)
    new_job(database, owner_id)
    second = run(database, claimed(database))
    teach(database, owner_id, own_head(version=2, bias=[0.0, 9.0, 0.0]))
    new_job(database, owner_id)
    third = run(database, claimed(database))
    assert [body["changed"] for body in (first, second, third)] == [2, 0, 2]
    assert [body["version"] for body in (first, second, third)] == [1, 1, 2]
    assert said(database, owner_id) == {0: ["dark"], 1: ["dark"], 2: []}


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Parts of one track each; the ids of those that are read."""
    read: list[str] = []
    part_of = Labelling.part

    def noted(labelling: Labelling) -> Any:
        part = part_of(labelling)
        read.extend(part.tracks if part else [])
        return part

    monkeypatch.setattr(applying, "MOST_TRACKS", 1)
    monkeypatch.setattr(Labelling, "part", noted)
    return read


class _Killed(BaseException):
    """The worker dies."""


def killed_after(database: Database, claim: Claim, parts: int) -> None:
    """Runs the task until so many parts are kept; then nothing more is done, as by a worker that is killed."""
    work, reports = work_of(database, claim), list[float]()

    def report(progress: float, _stage: str) -> None:
        reports.append(progress)
        if len(reports) == parts:
            raise _Killed

    work.report = report
    with pytest.raises(_Killed):
        apply_task(work)


def test_a_killed_worker_s_labels_stay_and_the_next_attempt_goes_on(
    database: Database, owner_id: str, claim: Claim, one_by_one: list[str]
) -> None:
    """No track is labelled twice, and the counts are of all attempts."""
    teach(database, owner_id, own_head(bias=[9.0, 0.0, 0.0]))
    killed_after(database, claim, parts=2)
    assert said(database, owner_id) == {0: ["bright"], 1: ["bright"]}
    with database.transaction() as session:
        hand_back(session, [claim.token], WorkerLost("it was killed"))
        session.execute(text("UPDATE tasks SET available_at = now()"))
    body = run(database, claimed(database))
    assert one_by_one == [f"{owner_id}_{number}" for number in range(5)]
    assert {"tracks": 5, "changed": 2, "unknown": 1, "without_vectors": 2}.items() <= body.items()


def test_a_job_after_one_that_was_cancelled_begins_anew(
    database: Database, owner_id: str, claim: Claim, one_by_one: list[str]
) -> None:
    """What was uploaded or embedded since may come before the place where the other stopped."""
    teach(database, owner_id, own_head(bias=[9.0, 0.0, 0.0]))
    killed_after(database, claim, parts=3)
    with database.transaction() as session:
        cancel_job(session, owner_id, claim.job_id)
    one_by_one.clear()
    new_job(database, owner_id)
    assert run(database, claimed(database))["tracks"] == 5
    assert len(one_by_one) == 5


def test_a_newer_version_begins_anew(database: Database, owner_id: str, claim: Claim, one_by_one: list[str]) -> None:
    """An attempt after a teaching applies what was taught, to all."""
    teach(database, owner_id, own_head(bias=[9.0, 0.0, 0.0]))
    killed_after(database, claim, parts=3)
    teach(database, owner_id, own_head(version=2, bias=[0.0, 9.0, 0.0]))
    body = run(database, claim)
    assert (body["version"], body["tracks"]) == (2, 5)
    assert said(database, owner_id) == {0: ["dark"], 1: ["dark"], 2: []}


def test_a_lost_lease_writes_nothing_more(
    database: Database, owner_id: str, claim: Claim, one_by_one: list[str]
) -> None:
    """A job that is cancelled stops at the next part; what it has labelled stays."""
    teach(database, owner_id, own_head(bias=[9.0, 0.0, 0.0]))
    work = work_of(database, claim)

    def cancel(_progress: float, _stage: str) -> None:
        with database.transaction() as session:
            cancel_job(session, owner_id, claim.job_id)
        work.report = lambda *_: None

    work.report = cancel
    with pytest.raises(WorkerLost):
        apply_task(work)
    assert said(database, owner_id) == {0: ["bright"]}
    assert len(one_by_one) == 2


def test_two_jobs_at_once_share_the_library(
    database: Database, owner_id: str, claim: Claim, one_by_one: list[str]
) -> None:
    """Each part is kept once; both say the same in the end."""
    teach(database, owner_id, own_head(bias=[9.0, 0.0, 0.0]))
    new_job(database, owner_id)
    other = claimed(database)
    mine, theirs = (begin_labelling(database, each, "shades") for each in (claim, other))
    head = from_files(mine.manifest, mine.weights)
    part, same = mine.part(), theirs.part()
    assert part is not None
    assert same is not None
    assert part.tracks == same.tracks
    labels = {f"{owner_id}_0": ["bright"]}
    assert [theirs.keep(same, labels), mine.keep(part, labels)] == [1, 1]
    counts = [
        label_all(work_of(database, each), labelling, head) for each, labelling in ((claim, mine), (other, theirs))
    ]
    assert counts[0] == counts[1] == {"tracks": 5, "changed": 2, "unknown": 1, "without_vectors": 2}


def test_a_track_that_is_erased_meanwhile_is_left_out(database: Database, owner_id: str, claim: Claim) -> None:
    """Between the reading of its vectors and the writing of its labels."""
    teach(database, owner_id, own_head(bias=[9.0, 0.0, 0.0]))
    labelling = begin_labelling(database, claim, "shades")
    part = labelling.part()
    assert part is not None
    with database.transaction() as session:
        session.execute(text("DELETE FROM tracks WHERE id = :id"), {"id": f"{owner_id}_1"})
    labels = {f"{owner_id}_{number}": found for number, found in ((0, ["bright"]), (1, ["bright"]), (2, []))}
    assert labelling.keep(part, labels) == 4
    assert said(database, owner_id) == {0: ["bright"], 2: []}
    assert labelling.end() == {"tracks": 4, "changed": 1, "unknown": 1, "without_vectors": 2}


def test_a_classifier_that_is_absent_is_unknown(database: Database, owner_id: str, claim: Claim) -> None:
    """Never there, not taught, of another owner, or removed between two parts: typed."""
    with pytest.raises(UnknownModel, match="no classifier 'shades' that was taught"):
        apply_task(work_of(database, claim))
    teach(database, owner_id, own_head())
    labelling = begin_labelling(database, claim, "shades")
    part = labelling.part()
    assert part is not None
    with database.transaction() as session:
        session.execute(text("DELETE FROM classifiers"))
    with pytest.raises(UnknownModel):
        labelling.keep(part, {})
    with pytest.raises(UnknownModel):
        labelling.part()
    teach(database, owner_id, own_head())
    with database.transaction() as session:
        session.execute(update(ClassifierRow).values(version=0))
    with pytest.raises(UnknownModel):
        begin_labelling(database, claim, "shades")


def test_applied_labels_count_after_those_of_a_classification(database: Database, owner_id: str, claim: Claim) -> None:
    """An unknown of the classifier hides no label that was heard, and its label none that counts."""
    teach(database, owner_id, own_head(bias=[9.0, 0.0, 0.0]))
    tracks = [f"{owner_id}_{number}" for number in range(3)]
    with database.transaction() as session:
        for track_id in (tracks[0], tracks[2]):
            row = {"track_id": track_id, "model": "served", "position": 0, "labels": ["rain"]}
            session.add(TrackLabelsRow(**row, finished_at=session.get_one(TrackRow, track_id).created_at))
    run(database, claim)
    with database.transaction() as session:
        found = labels_of(session, tracks)
        assert [found[track_id].newest for track_id in tracks] == ["rain", "bright", "rain"]
        assert found[tracks[0]].by_model == {"served": ["rain"], "shades": ["bright"]}
        forget_labels(session, owner_id, "shades")
        assert {name for track in labels_of(session, tracks).values() for name in track.by_model} == {"served"}


def test_the_job_that_applies_a_classifier_is_found_while_it_is_open(
    database: Database, owner_id: str, claim: Claim
) -> None:
    """By the classifier's name and the owner, while it is queued and while it labels by the newest version."""
    teach(database, owner_id, own_head())
    begin_labelling(database, claim, "shades")
    with database.transaction() as session:
        assert applying_job(session, owner_id, "shades") == claim.job_id
        assert applying_job(session, owner_id, "other") is None
        assert applying_job(session, "own_other", "shades") is None
    teach(database, owner_id, own_head(version=2))
    with database.transaction() as session:
        assert applying_job(session, owner_id, "shades") is None, "it labels by an older version"
        end_tasks(session, claim, {TaskName.APPLY: Outcome({"a": 1})}, {})
        assert applying_job(session, owner_id, "shades") is None
        assert session.get_one(JobRow, claim.job_id).status is Status.SUCCEEDED
