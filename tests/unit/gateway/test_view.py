"""Stored results as a client sees them, whichever version of the service stored them."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from phonoscope.audio.profiles import levels_of
from phonoscope.db.library.labels import NO_LABELS, TrackLabels
from phonoscope.db.schema.tables import JobRow, ResultRow, TaskRow
from phonoscope.errors import OutdatedResult
from phonoscope.logs import get_logger
from phonoscope.states import Pool, Status, TaskName
from phonoscope.tasks.classify import ClassifyResult
from phonoscope.tasks.describe import DescribeResult
from phonoscope.tasks.spec import TaskResult
from phonoscope_gateway.jobs import view
from phonoscope_gateway.jobs.view import describe_task, results_of
from phonoscope_gateway.signing import Signer

SIGNER = Signer(b"secret", 3_600)
HEARD: dict[str, Any] = {
    "model": {"name": "genre-10", "digest": "sha256:0"},
    "top": [{"label": "rock", "probability": 0.9}],
    "unknown": False,
    "windows": [],
    "duration_s": 1.0,
}
DESCRIBED: dict[str, Any] = {
    "tempo_bpm": None,
    "tempo_confidence": 0.0,
    "key": None,
    "key_confidence": 0.0,
    "loudness_lufs": -11.0,
    "true_peak_dbfs": -1.0,
    "onset_rate_hz": 0.0,
    "centroid_hz": 440.0,
    "bands": [],
    "levels": levels_of([1.0, 5.0, 2.0, 3.0, 1.0, 0.1, 0.1]),
    "silence_share": 0.0,
    "clipping_share": 0.0,
    "duration_s": 1.0,
    "warnings": [],
    "waveform": {"artifact": "art_1", "name": "waveform.npz", "media_type": "application/x-npz", "size_bytes": 9},
}


MAPPED = {"method": "pca", "tracks": 3, "trustworthiness": None, "model": "environment-50"}


def job(**bodies: Any) -> JobRow:
    """A job whose tasks have succeeded with these bodies."""
    row = JobRow(id="job_1", options={})
    row.tasks = [
        TaskRow(
            id=f"tsk_{name}",
            name=TaskName(name),
            pool=Pool.GPU,
            status=Status.SUCCEEDED,
            attempt=1,
            progress=1.0,
            stage="succeeded",
            timings={},
            result=ResultRow(body=body),
        )
        for name, body in bodies.items()
    ]
    return row


@pytest.mark.parametrize("stored", [HEARD, HEARD | {"task": "classify"}], ids=["without", "with"])
def test_a_result_is_read_with_and_without_its_task(stored: dict[str, Any]) -> None:
    """Bodies that were stored before results named their task are the same results."""
    found = results_of(SIGNER, job(classify=stored), NO_LABELS)[TaskName.CLASSIFY]
    assert isinstance(found, ClassifyResult)
    assert (found.task, found.label) == ("classify", "rock")


def test_references_become_links_that_are_good() -> None:
    """Each is signed; the result's own types hold them."""
    found = results_of(SIGNER, job(describe=DESCRIBED), NO_LABELS)[TaskName.DESCRIBE]
    assert isinstance(found, DescribeResult)
    assert found.waveform is not None
    assert (found.waveform.id, found.waveform.size_bytes) == ("art_1", 9)
    assert found.waveform.url.startswith("/v1/artifacts/art_1?expires=")
    assert found.spectrogram is None


@pytest.mark.parametrize(
    ("heard", "track_label", "genre"),
    [
        (HEARD, "pop", "rock"),
        (HEARD | {"unknown": True}, "pop", "pop"),
        (None, "pop", "pop"),
        ({"unknown": False}, "pop", "pop"),
        (None, None, None),
    ],
    ids=["heard", "unknown", "not heard", "cannot be read", "nothing"],
)
def test_a_description_is_compared_with_what_was_heard(
    heard: dict[str, Any] | None, track_label: str | None, genre: str | None
) -> None:
    """By its own job where that is sure, else by the track's last; never by a label that the model calls unknown."""
    labels = TrackLabels(track_label, {"genre-10": [track_label]} if track_label else {})
    bodies = {"describe": DESCRIBED} | ({} if heard is None else {"classify": heard})
    found = results_of(SIGNER, job(**bodies), labels)[TaskName.DESCRIBE]
    assert isinstance(found, DescribeResult)
    assert (None if found.reference is None else found.reference.genre) == genre


@pytest.mark.parametrize(
    ("task", "body"),
    [
        ("classify", {}),
        ("classify", []),
        ("classify", None),
        ("classify", HEARD | {"task": "transcribe"}),
        ("classify", HEARD | {"top": []}),
        ("classify", HEARD | {"top": [{"label": "rock"}]}),
        ("classify", {name: value for name, value in HEARD.items() if name != "unknown"}),
        ("describe", {name: value for name, value in DESCRIBED.items() if name != "levels"}),
        ("describe", DESCRIBED | {"levels": [{"band": "bass"}]}),
        ("describe", DESCRIBED | {"waveform": {"artifact": "art_1"}}),
        ("describe", DESCRIBED | {"waveform": DESCRIBED["waveform"] | {"artifact": None, "size_bytes": "many"}}),
        ("map", {"method": "t-sne", "tracks": 3, "trustworthiness": None, "model": "environment-50"}),
    ],
)
def test_a_result_that_cannot_be_read_is_a_typed_error(task: str, body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with it: the job is read, its other results too, and the log names the task once."""
    beside = TaskName.CLASSIFY if task == "map" else TaskName.MAP
    row = job(**{task: body, beside: HEARD if task == "map" else MAPPED})
    # A logger that has been used keeps the settings of its first use.
    monkeypatch.setattr(view, "_log", get_logger("test"))
    with capture_logs() as logged:
        found = results_of(SIGNER, row, TrackLabels("rock", {"genre-10": ["rock"]}))
    assert isinstance(found[TaskName(task)], OutdatedResult)
    assert isinstance(found[beside], TaskResult)
    assert [(entry["event"], entry["task_id"]) for entry in logged] == [("result.outdated", f"tsk_{task}")]
    seen = describe_task(row.tasks[0], None, found[TaskName(task)])
    assert (seen.status, seen.result) == (Status.SUCCEEDED, None)
    assert seen.error is not None
    assert (seen.error["code"], seen.error["retryable"]) == ("outdated_result", False)
    assert "no_cache" in seen.error["detail"]
