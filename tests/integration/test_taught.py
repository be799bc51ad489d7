"""A worker teaches a classifier from what the database has, whatever is erased or killed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from phonoscope.annotations.values import Annotation
from phonoscope.catalogue import Catalogue, HeadManifest
from phonoscope.contract.classifiers import ClassifierFigures, ClassifierState
from phonoscope.db.access.engine import Database
from phonoscope.db.classifiers.queue import to_ask
from phonoscope.db.library.erase import delete_track
from phonoscope.db.schema.classifiers import ClassifierVersionRow
from phonoscope.paths import bundled
from phonoscope.settings import Settings
from phonoscope_ml.teaching import from_files, probabilities
from tests.integration.lessons import NO, YES, Owner, around, new_owner
from tests.integration.life import empty
from tests.integration.rounds import run_teaching


@pytest.fixture
def owner(database: Database) -> Owner:
    empty(database)
    return new_owner(database)


@pytest.fixture
def run(database: Database, server_settings: Settings) -> Callable[..., None]:
    """Runs the next teaching; see ``run_teaching``."""
    return partial(run_teaching, database, server_settings)


def version(owner: Owner) -> ClassifierVersionRow:
    row = owner.sees().row
    with owner.database.transaction() as session:
        return session.get_one(ClassifierVersionRow, (row.id, row.version))


def test_a_classifier_is_taught(owner: Owner, run: Callable[..., None]) -> None:
    """It tells apart what it was taught, says so in figures, names no track, and asks about what it has not seen."""
    owner.two_labels(12)
    wrong = owner.labelled("high", "low")
    others = [owner.track("noise") for _ in range(3)]
    owner.asks()
    run()
    seen, made = owner.sees(), version(owner)
    assert (seen.state, seen.problem, made.manifest["name"]) == (ClassifierState.READY, None, "own")
    figures = ClassifierFigures.model_validate(made.figures)
    assert (figures.recordings, figures.windows) == (25, 50)
    assert figures.accuracy is not None
    assert figures.accuracy > 0.9
    assert [(each.label, each.recordings, each.windows, each.too_few) for each in figures.labels] == [
        ("high", 12, 24, False),
        ("low", 13, 26, False),
    ]
    assert {each["track_id"] for each in seen.doubts} == {wrong}
    with owner.database.transaction() as session:
        asked, left = to_ask(session, seen.row, 10)
        weights = session.get_one(ClassifierVersionRow, (seen.row.id, 1)).weights
    assert {row.track_id for row in asked} <= set(others)
    assert left > 0
    assert "trk_" not in str(made.manifest)
    head = from_files(HeadManifest.model_validate(made.manifest), weights)
    heard = probabilities(head, np.concatenate([around("low", 5), around("high", 5)])).argmax(axis=1)
    assert [head.labels[best] for best in heard] == ["low"] * 5 + ["high"] * 5


def test_a_recording_that_is_erased_while_it_is_taught(owner: Owner, run: Callable[..., None]) -> None:
    """It is taught again without it, in the same attempt, and the version has nothing of it."""
    tracks = owner.two_labels(3)

    def erase() -> None:
        with owner.database.transaction() as session:
            delete_track(session, owner.actor, tracks.pop())

    owner.asks()
    run(erase, erase)
    seen = owner.sees()
    assert (seen.state, seen.row.version) == (ClassifierState.READY, 1)
    assert version(owner).figures["recordings"] == 4


def test_labels_that_cannot_be_taught_any_more(owner: Owner, run: Callable[..., None]) -> None:
    """Why it failed is on the card, by a code of its own; once that is mended it is taught."""
    tracks = owner.two_labels()
    owner.asks()
    owner.says(tracks[0], Annotation("high", YES))
    run()
    seen = owner.sees()
    assert seen.problem is not None
    assert (seen.state, seen.problem["code"]) == (ClassifierState.FAILED, "contradictory_labels")
    assert tracks[0] in seen.problem["detail"]
    with owner.database.transaction() as session:
        (kept,) = session.scalars(text("SELECT error::text FROM tasks WHERE error IS NOT NULL"))
    assert "a recording is 'high' and 'low'" in kept
    assert "trk_" not in kept
    with owner.database.transaction() as session:
        delete_track(session, owner.actor, tracks[0])
    owner.asks_again()
    run()
    assert owner.sees().state is ClassifierState.READY


def test_an_answer_outside_the_examples_is_taught(owner: Owner, run: Callable[..., None]) -> None:
    """Of a classifier that is taught from examples alone: the version after it has one recording more."""
    given = {kind: [owner.track(kind) for _ in range(3)] for kind in ("low", "high")}
    outside = owner.track("low", 3)
    owner.asks(confirmed=False, labels=["high", "low"], examples=given)
    run()
    with owner.database.transaction() as session:
        asked, _ = to_ask(session, owner.sees().row, 10)
    (window,) = [row for row in asked if row.track_id == outside][:1]
    owner.says(outside, Annotation("low", YES, window.start_s, window.end_s))
    owner.asks_again()
    before = version(owner).figures["recordings"]
    run()
    assert (before, version(owner).figures["recordings"]) == (6, 7)


def test_a_body_that_is_served_otherwise(owner: Owner, run: Callable[..., None], tmp_path: Path) -> None:
    """With other weights its vectors are others: nothing is taught, and the card says why; then it can be taught."""
    owner.two_labels()
    manifest = json.loads((bundled("models") / "mobilenet" / "manifest.json").read_text())
    manifest["weights"]["sha256"] = "0" * 64
    (tmp_path / "mobilenet").mkdir()
    (tmp_path / "mobilenet" / "manifest.json").write_text(json.dumps(manifest))
    others = Catalogue(tmp_path)
    assert list(others.bodies) == ["mobilenet"]
    owner.asks()
    run(models=others)
    seen = owner.sees()
    assert seen.problem is not None
    assert (seen.state, seen.problem["code"], seen.newest) == (ClassifierState.FAILED, "space_gone", None)
    assert "'mobilenet' is no longer served as it was" in seen.problem["detail"]
    owner.asks_again()
    run()
    assert owner.sees().state is ClassifierState.READY


def test_several_labels_at_once(owner: Owner, run: Callable[..., None]) -> None:
    """What is rejected teaches what does not hold."""
    for track in owner.two_labels(3):
        is_low = track.startswith("trk_low")
        owner.says(track, Annotation("high" if is_low else "low", NO))
    owner.asks(multi_label=True)
    run()
    assert version(owner).manifest["activation"] == "sigmoid"
