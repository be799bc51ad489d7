"""What a result is known by."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.orm import Session

from phonoscope.catalogue import Catalogue
from phonoscope.contract import JobRequest
from phonoscope.db.schema.tables import TrackRow
from phonoscope.paths import bundled
from phonoscope.states import TaskName
from phonoscope.tasks import TASKS, RequestContext
from phonoscope.work import CacheKey
from phonoscope_gateway.jobs.ledger import ledger_of
from tests.clap import pull_clap, small_clap

NO_DATABASE = cast("Session", None)
ASKED = (TaskName.EMBED, TaskName.CLASSIFY)


def keys(pulled: Path, *tasks: TaskName, **options: Any) -> dict[TaskName, CacheKey]:
    """The keys of a job's tasks, with the shipped models and those in a folder."""
    tasks = tasks or ASKED
    request = JobRequest.model_validate({"track_id": "trk_1", "tasks": list(tasks), "options": options})
    asked = RequestContext(tasks, ("environment-10",), "auto", Catalogue(pulled, bundled("models")))
    return ledger_of(NO_DATABASE, TrackRow(id="trk_1", owner_id="own_1"), request, asked)


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    pull_clap(folder, small_clap())
    return folder


def test_a_body_for_sentences_makes_another_embedding(pulled: Path, tmp_path: Path) -> None:
    """Once it is pulled, an earlier embedding is no answer: it is not in that space. Nothing else is asked anew."""
    before, after = keys(tmp_path), keys(pulled)
    assert before[TaskName.EMBED] != after[TaskName.EMBED]
    assert before[TaskName.CLASSIFY] == after[TaskName.CLASSIFY]


def test_an_embedding_without_windows_is_the_same_with_it(pulled: Path, tmp_path: Path) -> None:
    """That space is for windows."""
    assert keys(tmp_path, embed={"windows": False}) == keys(pulled, embed={"windows": False})


def test_labels_of_the_client_s_own_are_answered_anew_with_it(pulled: Path, tmp_path: Path) -> None:
    """They are compared with sounds then."""
    asked = {"labels": ["rain", "a dog"]}
    before, after = keys(tmp_path, classify=asked), keys(pulled, classify=asked)
    assert before[TaskName.CLASSIFY] != after[TaskName.CLASSIFY]


def test_another_body_makes_another_embedding(pulled: Path, tmp_path: Path) -> None:
    """Not so the same one elsewhere."""
    shutil.copytree(pulled / "clap", tmp_path / "same" / "clap")
    assert keys(tmp_path / "same") == keys(pulled)
    pull_clap(tmp_path / "other", small_clap(1))
    assert keys(tmp_path / "other")[TaskName.EMBED] != keys(pulled)[TaskName.EMBED]


def test_results_of_0_1_0_without_points_are_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for `describe` again gets points to decode from."""
    now = keys(tmp_path, TaskName.DESCRIBE)
    # That release's.
    monkeypatch.setitem(TASKS, TaskName.DESCRIBE, replace(TASKS[TaskName.DESCRIBE], revision=6))
    assert keys(tmp_path, TaskName.DESCRIBE) != now
