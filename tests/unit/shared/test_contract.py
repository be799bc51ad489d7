"""The shapes that travel over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from phonoscope.contract import DEFAULT_TASKS, MAX_TOP_K, Job, JobOptions, JobRequest, Neighbour, Page, Task, Track
from phonoscope.states import Status, TaskName
from phonoscope.tasks import Classify, Embed
from phonoscope.tasks.classify import ClassifyResult

HEARD: dict[str, Any] = {
    "model": {"name": "environment-50", "digest": "sha256:0"},
    "top": [{"label": "rain", "probability": 0.93}],
    "unknown": False,
    "windows": [],
    "duration_s": 5.0,
}
"""As a worker of before stored it: without the task's name."""


def test_a_request_needs_a_track_alone() -> None:
    """Without further words it means: say what is heard and find its place, three labels, no vector."""
    request = JobRequest.model_validate({"track_id": "trk_1"})
    assert request.tasks == [TaskName.CLASSIFY, TaskName.EMBED]
    assert request.options.classify.top_k == 3
    assert request.options.classify.model is None
    assert not request.options.embed.return_vector
    assert request.metadata == {}


def test_defaults_are_not_shared() -> None:
    """What one request's owner changes, another's does not see."""
    first = JobRequest(track_id="trk_1")
    first.tasks.append(TaskName.DESCRIBE)
    first.metadata["mine"] = True
    first.options.classify.top_k = 9
    second = JobRequest(track_id="trk_2")
    assert second.tasks == DEFAULT_TASKS == [TaskName.CLASSIFY, TaskName.EMBED]
    assert second.metadata == {}
    assert second.options == JobOptions()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"track_id": "no id"}, "track_id"),
        ({"tasks": []}, "tasks"),
        ({"tasks": ["classify", "transcribe"]}, "tasks.1"),
        ({"tasks": "classify"}, "tasks"),
        ({"options": {"transcribe": {}}}, "options.transcribe"),
        ({"options": {"classify": {"topk": 3}}}, "options.classify.topk"),
        ({"options": {"classify": {"top_k": 0}}}, "options.classify.top_k"),
        ({"options": {"classify": {"labels": []}}}, "options.classify.labels"),
        ({"options": {"classify": {"labels": [str(n) for n in range(65)]}}}, "options.classify.labels"),
        ({"options": {"classify": {"labels": ["rain", ""]}}}, "options.classify.labels.1"),
        ({"options": {"classify": {"labels": ["a" * 201]}}}, "options.classify.labels.0"),
        ({"options": {"classify": {"labels": ["a\x00b"]}}}, "options.classify.labels.0"),
        ({"options": {"classify": {"labels": "rain"}}}, "options.classify.labels"),
        ({"options": {"classify": {"labels": [1]}}}, "options.classify.labels.0"),
        ({"options": {"classify": {"top_k": MAX_TOP_K + 1}}}, "options.classify.top_k"),
        ({"options": {"embed": {"return_vector": "perhaps"}}}, "options.embed.return_vector"),
        ({"metadata": [1]}, "metadata"),
        ({"webhook": "x"}, "webhook"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], field: str) -> None:
    """No unknown task, option or field is passed over in silence."""
    with pytest.raises(ValidationError) as caught:
        JobRequest.model_validate({"track_id": "trk_1"} | change)
    assert [".".join(map(str, error["loc"])) for error in caught.value.errors()] == [field]


def test_a_job_finds_its_tasks(make_job: Callable[..., Job], make_task: Callable[..., Task]) -> None:
    """By name; one that the job does not have is a ``KeyError``."""
    job = make_job(make_task(TaskName.CLASSIFY), make_task(TaskName.EMBED))
    assert job.task(TaskName.EMBED).name is TaskName.EMBED
    with pytest.raises(KeyError):
        job.task(TaskName.DESCRIBE)


def test_a_job_gives_a_task_s_result_as_what_it_is(
    make_job: Callable[..., Job], make_task: Callable[..., Task]
) -> None:
    """By the task's declaration, with the types of its fields; also where the stored result does not name its task."""
    for stored in (HEARD, HEARD | {"task": "classify"}):
        result = make_job(make_task(result=stored)).result(Classify)
        assert isinstance(result, ClassifyResult)
        assert (result.task, result.label, result.top[0].probability) == ("classify", "rain", 0.93)


def test_a_job_without_the_task_has_no_such_result(
    make_job: Callable[..., Job], make_task: Callable[..., Task]
) -> None:
    """``KeyError``, with the task's name."""
    with pytest.raises(KeyError, match="embed"):
        make_job(make_task(result=HEARD)).result(Embed)


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.FAILED, Status.CANCELLED])
def test_a_task_that_has_not_succeeded_has_no_result(
    make_job: Callable[..., Job], make_task: Callable[..., Task], status: Status
) -> None:
    """``ValueError``, which names job, task and status."""
    with pytest.raises(ValueError, match=f"job 'job_1': classify has no result, it is {status}"):
        make_job(make_task(status=status)).result(Classify)


def test_a_task_has_no_other_task_s_result(make_task: Callable[..., Task]) -> None:
    """A result of another task, and one that lacks a field, are refused."""
    wrong_ones: list[dict[str, Any]] = [HEARD | {"task": "transcribe"}, {"top": []}]
    for wrong in wrong_ones:
        with pytest.raises(ValidationError):
            make_task(result=wrong)


def test_a_job_survives_the_wire(make_job: Callable[..., Job], make_task: Callable[..., Task]) -> None:
    """What the client reads is what the gateway wrote; times are UTC and end in Z."""
    job = make_job(make_task(result=HEARD, timings={"model_s": 0.25}), metadata={"a": [1, None, "ü"]})
    text = job.model_dump_json()
    read = Job.model_validate_json(text)
    assert read == job
    assert isinstance(read.tasks[0].result, ClassifyResult)
    assert '"created_at":"2025-03-01T12:00:00Z"' in text


def test_the_last_page_has_no_cursor(make_track: Callable[..., Track]) -> None:
    """A list's shape is the same with one page and with many."""
    page = Page[Track](items=[make_track()])
    assert page.model_dump()["next_cursor"] is None


@pytest.mark.parametrize("similarity", [-1.01, 1.01])
def test_a_similarity_is_a_cosine(make_track: Callable[..., Track], similarity: float) -> None:
    """It lies within [-1, 1]."""
    assert Neighbour(track=make_track(), similarity=1.0).similarity == 1.0
    with pytest.raises(ValidationError):
        Neighbour(track=make_track(), similarity=similarity)
